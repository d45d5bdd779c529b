//! The QR code of a sign-in on a real terminal: a picture of its screen is decoded, as a phone does with its camera.

use std::fs;
use std::process::Command;

use identity_center_simulator::Settings;

use test_support::part::{Part, within};
use test_support::screen::{self, Screen};
use test_support::speed::has_programs;
use test_support::{Stage, until};

/// Font and characters of the terminal.
const TERMINAL: [&str; 5] = ["-fa", "DejaVu Sans Mono", "-fs", "8", "-u8"];

/// A terminal as most are, and the smallest one on which the simulator's page is shown.
const USUAL: [&str; 2] = ["-geometry", "80x24"];
const SMALLEST: [&str; 2] = ["-geometry", "77x22"];

const DARK: [&str; 4] = ["-bg", "black", "-fg", "white"];
const LIGHT: [&str; 4] = ["-bg", "white", "-fg", "black"];

fn has_parts() -> bool {
    has_programs(&[&screen::parts()[..], &screen::CAMERA, &["xterm", "zbarimg"]].concat())
}

/// Runs a command in a terminal of this size and these colours.
fn on_terminal(screen: &Screen, size: [&str; 2], colours: [&str; 4], command: &Command) -> Part {
    let mut terminal = within(command, "xterm", &[&TERMINAL[..], &size, &colours, &["-e"]].concat());
    Part::start(screen.show(terminal.env("LC_ALL", "C.UTF-8")))
}

/// What the QR codes on the screen say.
fn decoded(stage: &Stage, screen: &Screen) -> String {
    let picture = stage.home().join("screen.png");
    fs::write(&picture, screen.whole_picture().unwrap()).unwrap();
    let output = Command::new("zbarimg").args(["--nodbus", "--quiet", "--raw"]).arg(picture).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Signs in with what a phone would read on the screen.
fn sign_in_with_phone(stage: &Stage, screen: &Screen) {
    let pending = stage.identity_center.wait_for_pending();
    let code = until("a QR code is on the screen", || Some(decoded(stage, screen)).filter(|code| !code.is_empty()));
    assert_eq!(code, format!("{}\n", pending.verification_uri_complete));
    stage.identity_center.approve(&pending.user_code).unwrap();
    stage.wait_for_state("corp", "signed_in");
}

#[test]
fn a_phone_reads_the_code_that_was_asked_for_on_dark_and_on_light() {
    if !has_parts() {
        return;
    }
    for colours in [DARK, LIGHT] {
        let (stage, screen) = (Stage::with_corp(Settings::default()), Screen::without_server());
        let _terminal = on_terminal(&screen, USUAL, colours, &stage.ssoctl(["login", "--qr"]));
        sign_in_with_phone(&stage, &screen);
    }
}

#[test]
fn a_phone_reads_the_code_that_is_shown_by_itself_over_ssh() {
    if !has_parts() {
        return;
    }
    for colours in [DARK, LIGHT] {
        let (stage, screen) = (Stage::with_corp(Settings::default()), Screen::without_server());
        let mut login = stage.ssoctl(["login"]);
        login.env("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.7 22");
        let _terminal = on_terminal(&screen, SMALLEST, colours, &login);
        sign_in_with_phone(&stage, &screen);
    }
}
