//! A grant whose every use the person confirms, from the command line to a click on a real notice.

use identity_center_simulator::Settings;
use test_support::client::Outcome;
use test_support::screen::{self, Screen, Window};
use test_support::speed::has_programs;
use test_support::{Running, Stage, until};

/// A signed-in person in front of a screen.
struct Desk {
    stage: Stage,
    screen: Screen,
}

impl Desk {
    fn new() -> Self {
        let (stage, screen) = (Stage::with_roles(Settings::default()), Screen::open());
        stage.end_daemon(rustix::process::Signal::TERM);
        let mut command = stage.ssoctld();
        screen.show(&mut command);
        stage.start_daemon_by(command);
        stage.run(["token", "corp", "--wait", "5m"]).exits(0);
        Self { stage, screen }
    }

    /// A program that asks over this grant.
    fn asks(&self, socket: &str) -> Running {
        let mut program = self.stage.ssoctl(["credential-process"]);
        program.env("SSOCTL_SOCKET", socket);
        self.stage.start(program)
    }

    /// Answers the question of a program by a click. The daemon listens some milliseconds after the question is there, and a click before that
    /// is lost, so the person clicks again.
    fn answer(&self, mut asking: Running, click: impl Fn(&Screen, &Window)) -> Outcome {
        let question = self.screen.notice();
        until("the click is heard", || {
            if self.screen.notices().contains(&question) {
                click(&self.screen, &question);
            }
            (!asking.is_running()).then_some(())
        });
        asking.finish()
    }
}

#[test]
fn each_use_waits_for_the_person_who_allows_or_denies_it() {
    if !has_programs(&screen::parts()) {
        return;
    }
    let desk = Desk::new();
    let made = desk.stage.run(["grant", "--profile", "dev", "--name", "ci", "--confirm"]).exits(0);
    let socket = made.stdout.trim_end();
    let allowed = desk.answer(desk.asks(socket), Screen::click_last_button);
    assert!(allowed.exits(0).stdout.contains("AccessKeyId"));
    desk.screen.is_empty();
    let denied = desk.answer(desk.asks(socket), Screen::click_button);
    denied.exits(7).prints_nothing().says("the person said no");
    // Who was denied just now asks nobody again.
    desk.asks(socket).finish().exits(7).says("has to wait a little");
    desk.screen.is_empty();
    let audit = desk.stage.run(["audit", "--grant", "ci"]).exits(0).stdout;
    for what in ["grant confirmed", "grant used", "grant denied"] {
        assert!(audit.contains(what), "{what}: {audit}");
    }
}
