//! Demonstrates the main job with the real programs: one sign-in, a token for every tool, and a silent renewal.
//! Everything happens on this computer, in a temporary home, against a simulated Identity Center.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a demonstration speaks to a person")]

use std::fs;
use std::io::{self, Write};
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use identity_center_simulator::{Grant, Operation, RefreshTokens, Settings};
use serde_json::Value;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use ssoctl_protocol::Timestamp;
use test_support::binaries::binaries;
use test_support::stage::CORP;
use test_support::{Running, Stage};

const HELP: &str = "\
Shows what ssoctl does, in a temporary home and against a simulated Identity Center.

Usage: cargo demo [--browser] [--short]

  --browser  you approve the sign-in yourself, in your own browser
  --short    take less time";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Person {
    StandIn,
    You,
}

#[derive(Clone, Copy)]
struct Show {
    person: Person,
    /// The stand-in's pause before it approves.
    hesitation: Duration,
    /// In reality about an hour.
    token_lifetime: Duration,
}

/// Set when a signal has ended the demonstration: a failure after that is not reported.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let mut show =
        Show { person: Person::StandIn, hesitation: Duration::from_secs(2), token_lifetime: Duration::from_secs(12) };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--browser" => show.person = Person::You,
            "--short" => (show.hesitation, show.token_lifetime) = (Duration::from_millis(500), Duration::from_secs(6)),
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            unknown => {
                eprintln!("demo: unknown argument {unknown:?}\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    std::panic::set_hook(Box::new(|panic| {
        if !INTERRUPTED.load(Ordering::SeqCst) {
            eprintln!("\nThe demonstration failed: {}", panic.payload_as_str().unwrap_or("for an unknown reason"));
        }
    }));
    println!("Preparing ssoctl and ssoctld (the first time this takes a minute or two).");
    let settings = Settings {
        token_lifetime: show.token_lifetime,
        // Each refresh token works once, so a program that uses one twice fails.
        refresh_tokens: RefreshTokens::Rotated,
        ..Settings::default()
    };
    let stage = Arc::new(Stage::bare(settings));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).expect("signals can be caught");
    let interrupted = Arc::clone(&stage);
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            remove(&interrupted);
            eprintln!("\nInterrupted. The processes have ended, and the temporary home is removed.");
            process::exit(128 + signal);
        }
    });
    let shown = Arc::clone(&stage);
    // A panic has been reported when the thread has ended.
    let time = thread::spawn(move || demonstrate(&shown, show)).join();
    while INTERRUPTED.load(Ordering::SeqCst) {
        // The other thread ends the process.
        thread::park();
    }
    remove(&stage);
    match time {
        Ok(time) => {
            let seconds = time.as_secs();
            println!("\nThat was all, in {seconds} s. The processes have ended, and the temporary home is removed.");
            process::exit(0)
        }
        Err(_) => process::exit(1),
    }
}

/// Ends all daemons and removes the home, however the demonstration ends.
fn remove(stage: &Stage) {
    stage.end_daemons();
    if let Err(error) = fs::remove_dir_all(stage.home()) {
        eprintln!("demo: {} could not be removed: {error}", stage.home().display());
        process::exit(1);
    }
}

/// Returns how long it took, without the time for building the programs.
fn demonstrate(stage: &Stage, show: Show) -> Duration {
    binaries();
    let begin = Instant::now();
    println!(
        "
This runs the real ssoctl and its daemon, ssoctld, in a temporary home. AWS IAM
Identity Center is played by a simulator on this computer; AWS is not contacted."
    );
    stage.write(".aws/config", CORP);
    stage.start_daemon();

    heading("1. A person signs in, once.");
    sign_in(stage, show);

    heading("2. From now on every tool gets the token from the daemon, at once.");
    prompt("ssoctl token");
    let token = stage.run(["token"]).exits(0).stdout;
    indented(&format!("{}  (cut short here: a token is a secret)", abridged(&token)));

    heading("3. What the daemon knows, at a glance.");
    prompt("ssoctl status");
    for line in stage.run(["status"]).exits(0).stdout.lines().filter(|line| !line.is_empty()) {
        indented(line);
    }

    heading("4. The token nears its end, and is renewed before it dies.");
    watch_a_renewal(stage, show);

    stage.judge();
    begin.elapsed()
}

fn sign_in(stage: &Stage, show: Show) {
    let mut login = match show.person {
        Person::StandIn => {
            prompt("ssoctl login");
            stage.start(stage.ssoctl(["login", "--no-browser", "corp"]))
        }
        // The person's own environment, because it is their browser; only the socket is that of this daemon.
        Person::You => {
            prompt("ssoctl login      (allow it on the page that opens; Ctrl-C ends the demonstration)");
            let mut command = Command::new(&binaries().ssoctl);
            command
                .args(["login", "--flow", "browser", "corp"])
                .env("SSOCTL_SOCKET", stage.socket())
                .stdin(Stdio::null());
            stage.start(command)
        }
    };
    let mut shown = 0;
    if show.person == Person::StandIn {
        let pending = stage.shown_by(&login);
        let end = Instant::now() + show.hesitation;
        while Instant::now() < end {
            shown = relay(&login, shown);
            thread::sleep(Duration::from_millis(50));
        }
        indented("... a stand-in for the person opens the page, compares the code and approves ...");
        stage.identity_center.approve(&pending.user_code).expect("the code is alive");
    }
    while login.is_running() {
        shown = relay(&login, shown);
        thread::sleep(Duration::from_millis(50));
    }
    relay(&login, shown);
    let login = login.finish();
    assert!(login.code == Some(0), "the sign-in failed");
}

/// Shows the lines that a client has written since the last call; returns how many it has written in all.
fn relay(client: &Running, shown: usize) -> usize {
    let said = client.said();
    let whole = said.rfind('\n').map_or("", |end| &said[..end]);
    for line in whole.lines().skip(shown) {
        indented(line);
    }
    whole.lines().count()
}

/// Requests the token again and again until the first one would have expired.
fn watch_a_renewal(stage: &Stage, show: Show) {
    println!(
        "   A real token lives for an hour. This one lives for {} s, so that you can watch.
   From now on `ssoctl token` is asked again and again, as busy tools would.\n",
        show.token_lifetime.as_secs()
    );
    let first = ask(stage);
    tell_token("the token", &first);
    let (mut count, mut current) = (1, first.clone());
    while now() <= first.expires_at || current.text == first.text {
        let token = ask(stage);
        assert!(token.expires_at >= now(), "an expired token was returned");
        if token.text != current.text {
            tell_token(&format!("a new token, {} before the last one dies", left(current.expires_at)), &token);
            current = token;
        }
        count += 1;
        thread::sleep(Duration::from_millis(50));
    }
    let service = &stage.identity_center;
    let sign_ins = service.calls(Operation::StartDeviceAuthorization) + service.token_calls(Grant::AuthorizationCode);
    let renewals = service.token_calls(Grant::RefreshToken);
    assert_eq!(sign_ins, 1, "a person was asked again");
    println!(
        "
   The first token is dead by now. `ssoctl token` was asked {count} times and gave a
   live token {count} times. The person was asked once, at the beginning; the daemon
   has renewed the token by itself ({renewals} renewal{}). That is its job: nobody is
   interrupted, and no tool meets an expired token in the middle of its work.",
        if renewals == 1 { "" } else { "s" }
    );
}

#[derive(Clone)]
struct Answer {
    text: String,
    expires_at: Timestamp,
}

fn ask(stage: &Stage) -> Answer {
    let token = stage.run(["token", "--json"]).exits(0).json();
    let Value::String(text) = &token["access_token"] else { panic!("an answer without a token") };
    let expires_at = serde_json::from_value(token["expires_at"].clone()).expect("a time");
    Answer { text: text.clone(), expires_at }
}

fn tell_token(what: &str, token: &Answer) {
    indented(&format!("{}  {what}; lives for another {}", abridged(&token.text), left(token.expires_at)));
}

fn left(time: Timestamp) -> String {
    format!("{} s", time.duration_since(now()).as_secs())
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn abridged(token: &str) -> String {
    token.chars().take(12).chain(['…']).collect()
}

fn heading(text: &str) {
    println!("\n{text}");
}

fn prompt(command: &str) {
    indented(&format!("$ {command}"));
}

/// Written at once, even if standard output is a pipe.
fn indented(text: &str) {
    println!("{}", format!("   {text}").trim_end());
    io::stdout().flush().expect("standard output takes text");
}
