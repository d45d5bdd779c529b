//! A grant whose every use the person confirms, from the command line to a click on a real notice.

use identity_center_simulator::Settings;
use test_support::screen::{self, Screen};
use test_support::speed::has_programs;
use test_support::{Running, Stage};

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
}

#[test]
fn each_use_waits_for_the_person_who_allows_or_denies_it() {
    if !has_programs(&screen::parts()) {
        return;
    }
    let desk = Desk::new();
    let made = desk.stage.run(["grant", "--profile", "dev", "--name", "ci", "--confirm"]).exits(0);
    let socket = made.stdout.trim_end();
    let asking = desk.asks(socket);
    desk.screen.click_last_button(&desk.screen.notice());
    assert!(asking.finish().exits(0).stdout.contains("AccessKeyId"));
    desk.screen.is_empty();
    let asking = desk.asks(socket);
    desk.screen.click_button(&desk.screen.notice());
    asking.finish().exits(7).prints_nothing().says("the person said no");
    // Who was denied just now asks nobody again.
    desk.asks(socket).finish().exits(7).says("has to wait a little");
    desk.screen.is_empty();
    let audit = desk.stage.run(["audit", "--grant", "ci"]).exits(0).stdout;
    for what in ["grant confirmed", "grant used", "grant denied"] {
        assert!(audit.contains(what), "{what}: {audit}");
    }
}
