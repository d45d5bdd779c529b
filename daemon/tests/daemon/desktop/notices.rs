//! Notices on real notification servers.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use ssoctld::clock::{Clock, ManualClock, Now};
use ssoctld::desktop::{Desktop, Environment, Screen};
use ssoctld::notice::FlowView;
use ssoctld::notice::{Action, Notice};
use tokio::sync::mpsc;

use test_support::part::Part;
use test_support::waiting::{unless_longer_than, until_so};

use crate::desktop::stage::{Stage, output, play, session};

/// Its paths on Debian and Fedora.
const XFCE: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd",
    "/usr/lib/aarch64-linux-gnu/xfce4/notifyd/xfce4-notifyd",
    "/usr/lib64/xfce4/notifyd/xfce4-notifyd",
];

/// A server that draws real buttons.
fn xfce() -> &'static str {
    XFCE.into_iter().find(|path| std::path::Path::new(path).is_file()).unwrap_or(XFCE[0])
}

/// A daemon's desktop, and what the person did.
struct Daemon {
    screen: Screen,
    clock: Arc<ManualClock>,
    acted: mpsc::UnboundedReceiver<(String, Action)>,
    act: mpsc::UnboundedSender<(String, Action)>,
}

impl Daemon {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        let (act, acted) = mpsc::unbounded_channel();
        Self { screen: Screen::new(Environment::from_process(), clock.clone()), clock, acted, act }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn show(&self, name: &str, notice: &Notice) {
        let (act, shown) = (self.act.clone(), name.to_owned());
        let act = Box::new(move |action| act.send((shown.clone(), action)).unwrap());
        self.screen.show(&session(name), notice, self.now(), act);
    }

    fn approve(&self) -> Notice {
        let page = "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH".to_owned();
        let ends = self.now().boot + Duration::from_secs(900);
        let flow = FlowView {
            number: 1,
            user_code: "ABCD-EFGH".to_owned(),
            verification_uri: page.clone(),
            verification_uri_complete: page,
            expires: ends,
        };
        Notice::Approve { flow, ends }
    }

    fn renew_now(&self) -> Notice {
        Notice::RenewNow { ends: self.now().boot + Duration::from_secs(900) }
    }

    fn expired(&self) -> Notice {
        Notice::Expired { ended: self.now().boot }
    }

    /// Shows a notice, uses its action once it is there, and tells what the daemon heard. It listens some milliseconds after
    /// the notice is there; a click before that is lost, as it would be for a person, who would click again.
    async fn use_action(&mut self, notice: &Notice, click: impl AsyncFn()) -> Action {
        loop {
            self.show("corp", notice);
            click().await;
            if let Some(acted) = unless_longer_than(Duration::from_secs(5), self.acted.recv()).await {
                let (session, action) = acted.unwrap();
                assert_eq!(session, "corp");
                return action;
            }
        }
    }
}

async fn server(program: &str) -> Part {
    let part = Part::start(&mut Command::new(program));
    let bus = zbus::Connection::session().await.unwrap();
    let bus = zbus::fdo::DBusProxy::new(&bus).await.unwrap();
    let name = zbus::names::BusName::try_from("org.freedesktop.Notifications").unwrap();
    until_so("the server is on the bus", async || bus.name_has_owner(name.clone()).await.unwrap()).await;
    part
}

/// A notice as it is on the screen.
#[derive(Clone, PartialEq, Debug)]
struct Window {
    id: String,
    width: u32,
    height: u32,
}

async fn windows() -> Vec<Window> {
    let mut windows = Vec::new();
    for id in output("xdotool", &["search", "--onlyvisible", "--class", "xfce4-notifyd"]).await.lines() {
        let geometry = output("xdotool", &["getwindowgeometry", "--shell", id]).await;
        let member = |name: &str| geometry.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        // A window without a size went away meanwhile.
        if let (Some(width), Some(height)) = (member("WIDTH="), member("HEIGHT=")) {
            windows.push(Window { id: id.to_owned(), width, height });
        }
    }
    windows
}

async fn the_window() -> Window {
    until_so("one notice is on the screen", async || windows().await.len() == 1).await;
    windows().await.remove(0)
}

async fn no_window() {
    until_so("nothing is on the screen", async || windows().await.is_empty()).await;
}

async fn click(window: &Window, x: u32, y: u32) {
    output("xdotool", &["mousemove", "--window", &window.id, &x.to_string(), &y.to_string(), "click", "1"]).await;
}

/// The button of a notice that has one.
async fn click_button() {
    let window = the_window().await;
    click(&window, window.width - 60, window.height - 30).await;
}

/// The one of two that stands first.
async fn click_first_button() {
    let window = the_window().await;
    click(&window, window.width - 180, window.height - 30).await;
}

/// The one of two that stands at the edge.
async fn click_second_button() {
    let window = the_window().await;
    click(&window, window.width - 60, window.height - 30).await;
}

#[test]
fn a_notice_is_replaced_in_place_and_taken_back() {
    let test = "desktop::notices::a_notice_is_replaced_in_place_and_taken_back";
    play(test, Stage::Screen, &[xfce()], || async {
        let _server = server(xfce()).await;
        let daemon = Daemon::new();
        daemon.show("corp", &daemon.approve());
        let small = the_window().await;
        daemon.show("corp", &daemon.renew_now());
        until_so("its text is longer", async || windows().await.iter().any(|window| window.height > small.height))
            .await;
        assert_eq!(windows().await.len(), 1);
        daemon.show("other", &daemon.approve());
        until_so("each session has its own", async || windows().await.len() == 2).await;
        daemon.screen.withdraw(&session("corp"));
        assert_eq!(the_window().await.height, small.height);
        daemon.screen.withdraw(&session("other"));
        no_window().await;
    });
}

#[test]
fn a_click_on_the_button_does_what_it_says_once_and_ends_the_notice() {
    let test = "desktop::notices::a_click_on_the_button_does_what_it_says_once_and_ends_the_notice";
    play(test, Stage::Screen, &[xfce()], || async {
        let _server = server(xfce()).await;
        let mut daemon = Daemon::new();
        for (notice, action) in [(daemon.approve(), Action::SignIn), (daemon.renew_now(), Action::Renew)] {
            assert_eq!(daemon.use_action(&notice, click_first_button).await, action);
            no_window().await;
        }
        assert!(daemon.acted.try_recv().is_err());
    });
}

#[test]
fn a_click_on_the_second_button_puts_the_notice_off() {
    let test = "desktop::notices::a_click_on_the_second_button_puts_the_notice_off";
    play(test, Stage::Screen, &[xfce()], || async {
        let _server = server(xfce()).await;
        let mut daemon = Daemon::new();
        let approve = daemon.approve();
        assert_eq!(daemon.use_action(&approve, click_second_button).await, Action::PutOff);
        no_window().await;
    });
}

#[test]
fn a_notice_that_was_dismissed_leads_to_nothing_and_the_next_one_is_shown() {
    let test = "desktop::notices::a_notice_that_was_dismissed_leads_to_nothing_and_the_next_one_is_shown";
    play(test, Stage::Screen, &[xfce()], || async {
        let _server = server(xfce()).await;
        let mut daemon = Daemon::new();
        daemon.show("corp", &daemon.approve());
        click(&the_window().await, 100, 20).await;
        no_window().await;
        let renew_now = daemon.renew_now();
        assert_eq!(daemon.use_action(&renew_now, click_first_button).await, Action::Renew);
        assert!(daemon.acted.try_recv().is_err());
    });
}

#[test]
fn a_server_that_died_is_tried_again_with_the_next_notice() {
    let test = "desktop::notices::a_server_that_died_is_tried_again_with_the_next_notice";
    play(test, Stage::Screen, &[xfce()], || async {
        let first = server(xfce()).await;
        let mut daemon = Daemon::new();
        daemon.show("corp", &daemon.approve());
        the_window().await;
        drop(first);
        no_window().await;
        // No server can show this one.
        daemon.show("corp", &daemon.approve());
        daemon.screen.withdraw(&session("corp"));
        let _second = server(xfce()).await;
        let expired = daemon.expired();
        assert_eq!(daemon.use_action(&expired, click_button).await, Action::SignIn);
    });
}

#[test]
fn a_hanging_server_delays_nothing_and_shows_the_newest_notice_when_it_is_back() {
    let test = "desktop::notices::a_hanging_server_delays_nothing_and_shows_the_newest_notice_when_it_is_back";
    play(test, Stage::Screen, &[xfce()], || async {
        let hanging = server(xfce()).await;
        let daemon = Daemon::new();
        daemon.show("corp", &daemon.approve());
        let small = the_window().await;
        hanging.signal(Signal::STOP);
        // None of these waits for the server: the test would not get beyond them.
        for _ in 0..100 {
            daemon.show("corp", &daemon.expired());
            daemon.show("other", &daemon.approve());
            daemon.screen.withdraw(&session("other"));
            tokio::task::yield_now().await;
        }
        daemon.show("corp", &daemon.renew_now());
        daemon.clock.advance(Duration::from_secs(60));
        hanging.signal(Signal::CONT);
        until_so("the newest notice is alone on the screen", async || {
            let windows = windows().await;
            windows.len() == 1 && windows[0].height > small.height
        })
        .await;
    });
}

#[test]
fn the_end_of_the_daemon_takes_all_notices_back() {
    let test = "desktop::notices::the_end_of_the_daemon_takes_all_notices_back";
    play(test, Stage::Screen, &[xfce()], || async {
        let _server = server(xfce()).await;
        let daemon = Daemon::new();
        daemon.show("corp", &daemon.approve());
        daemon.show("other", &daemon.expired());
        until_so("both are on the screen", async || windows().await.len() == 2).await;
        daemon.screen.withdraw_all().await;
        no_window().await;
    });
}

#[test]
fn a_server_without_buttons_has_its_own_way_to_use_the_action() {
    let test = "desktop::notices::a_server_without_buttons_has_its_own_way_to_use_the_action";
    play(test, Stage::Screen, &["dunst", "dunstctl"], || async {
        let _server = server("dunst").await;
        let mut daemon = Daemon::new();
        let displayed = async || output("dunstctl", &["count", "displayed"]).await.trim().to_owned();
        let click = async || {
            until_so("it is on the screen", async || displayed().await == "1").await;
            output("dunstctl", &["action", "0"]).await;
        };
        let approve = daemon.approve();
        assert_eq!(daemon.use_action(&approve, click).await, Action::SignIn);
        until_so("it is gone", async || displayed().await == "0").await;
    });
}

#[test]
fn without_a_bus_the_daemon_goes_on() {
    let test = "desktop::notices::without_a_bus_the_daemon_goes_on";
    play(test, Stage::NoBus, &[], || async {
        let daemon = Daemon::new();
        daemon.show("corp", &daemon.approve());
        daemon.show("corp", &daemon.expired());
        daemon.screen.withdraw(&session("corp"));
        // It waits for what is under way, and the clock of this test stands still: nothing may be stuck.
        daemon.screen.withdraw_all().await;
    });
}
