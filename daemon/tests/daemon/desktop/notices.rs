//! Notices on real notification servers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use ssoctld::caller::Who;
use ssoctld::clock::{Clock, ManualClock, Now};
use ssoctld::desktop::{About, Consent, Desktop, DesktopEnvironment, Question, Screen};
use ssoctld::notice::{Action, FlowView, Notice, Way};
use tokio::sync::mpsc;

use test_support::part::Part;
use test_support::screen::{self, notification_server};
use test_support::until;
use test_support::waiting::unless_longer_than;

use crate::desktop::stage::{Stage, play, play_test_of, session};

/// A daemon's desktop, and what the person did.
struct Daemon {
    screen: Screen,
    /// The person's screen.
    here: screen::Screen,
    clock: Arc<ManualClock>,
    acted: mpsc::UnboundedReceiver<(String, Action)>,
    act: mpsc::UnboundedSender<(String, Action)>,
}

impl Daemon {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        let (act, acted) = mpsc::unbounded_channel();
        let screen = Screen::new(DesktopEnvironment::from_process(), clock.clone());
        Self { screen, here: screen::Screen::of_this_process(), clock, acted, act }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn show(&self, name: &str, notice: &Notice) {
        let (act, shown) = (self.act.clone(), name.to_owned());
        let act = Box::new(move |action| act.send((shown.clone(), action)).unwrap());
        self.screen.show(&session(name), notice, None, self.now(), act);
    }

    fn approve(&self) -> Notice {
        let page = "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH".to_owned();
        let ends = self.now().boot + Duration::from_secs(900);
        let flow = FlowView {
            number: 1,
            way: Way::Code { user_code: "ABCD-EFGH".to_owned(), verification_uri: page.clone() },
            page,
            expires: ends,
            no_browser: None,
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
    async fn use_action(&mut self, notice: &Notice, click: impl Fn(&screen::Screen)) -> Action {
        loop {
            self.show("corp", notice);
            click(&self.here);
            if let Some(acted) = unless_longer_than(Duration::from_secs(5), self.acted.recv()).await {
                let (session, action) = acted.unwrap();
                assert_eq!(session, "corp");
                return action;
            }
        }
    }
}

/// Plays on a screen with a daemon and a server that draws real buttons, which is xfce4-notifyd.
fn play_with_buttons<B: AsyncFnOnce(Daemon, Part)>(body: B) {
    play_test_of::<B, _>(Stage::Screen, &[notification_server()], || async {
        let daemon = Daemon::new();
        let server = daemon.here.start_server(notification_server());
        body(daemon, server).await;
    });
}

fn click_first_button(here: &screen::Screen) {
    here.click_button(&here.notice());
}

fn click_last_button(here: &screen::Screen) {
    here.click_last_button(&here.notice());
}

#[test]
fn a_notice_is_replaced_in_place_and_taken_back() {
    play_with_buttons(async |daemon, _server| {
        daemon.show("corp", &daemon.approve());
        let small = daemon.here.notice();
        daemon.show("corp", &daemon.renew_now());
        until("its text is longer", || {
            daemon.here.notices().iter().any(|window| window.height > small.height).then_some(())
        });
        assert_eq!(daemon.here.notices().len(), 1);
        daemon.show("other", &daemon.approve());
        until("each session has its own", || (daemon.here.notices().len() == 2).then_some(()));
        daemon.screen.withdraw(&session("corp"));
        assert_eq!(daemon.here.notice().height, small.height);
        daemon.screen.withdraw(&session("other"));
        daemon.here.is_empty();
    });
}

#[test]
fn a_click_on_the_button_does_what_it_says_once_and_ends_the_notice() {
    play_with_buttons(async |mut daemon, _server| {
        for (notice, action) in [(daemon.approve(), Action::SignIn), (daemon.renew_now(), Action::Renew)] {
            assert_eq!(daemon.use_action(&notice, click_first_button).await, action);
            daemon.here.is_empty();
        }
        assert!(daemon.acted.try_recv().is_err());
    });
}

/// Whether a program may have credentials.
fn question() -> Question {
    let who = Who { pid: Some(4711), program: Some("terraform".to_owned()), grant: Some("ci".to_owned()) };
    Question { who, about: About::Credentials { role: "ReadOnlyAccess in account 111122223333".to_owned() } }
}

/// Asks until the person's click is heard, which is some milliseconds after the question is there.
async fn answer_to_question(daemon: &Daemon, click: impl Fn(&screen::Screen)) -> Consent {
    loop {
        let asking = tokio::spawn(daemon.screen.ask(question()));
        click(&daemon.here);
        let stop = asking.abort_handle();
        match unless_longer_than(Duration::from_secs(5), asking).await {
            Some(consent) => return consent.unwrap(),
            None => stop.abort(),
        }
        daemon.here.is_empty();
    }
}

#[test]
fn a_question_is_answered_by_its_buttons_and_a_click_beside_them_is_no() {
    play_with_buttons(async |daemon, _server| {
        assert_eq!(answer_to_question(&daemon, click_last_button).await, Consent::Allowed);
        daemon.here.is_empty();
        assert_eq!(answer_to_question(&daemon, click_first_button).await, Consent::Denied);
        daemon.here.is_empty();
        let dismissed = answer_to_question(&daemon, |here| here.dismiss(&here.notice())).await;
        assert!(matches!(dismissed, Consent::Silent | Consent::Denied), "{dismissed:?}");
        daemon.here.is_empty();
    });
}

#[test]
fn a_question_that_nobody_answers_or_waits_for_is_taken_back() {
    play_with_buttons(async |daemon, _server| {
        let asking = tokio::spawn(daemon.screen.ask(question()));
        daemon.here.notice();
        daemon.clock.advance(Duration::from_secs(60));
        assert_eq!(asking.await.unwrap(), Consent::Silent);
        daemon.here.is_empty();
        let asking = tokio::spawn(daemon.screen.ask(question()));
        daemon.here.notice();
        asking.abort();
        daemon.here.is_empty();
    });
}

#[test]
fn without_a_notification_server_the_person_cannot_be_asked() {
    play(Stage::NoBus, &[], || async {
        let daemon = Daemon::new();
        let consent = daemon.screen.ask(question()).await;
        assert!(matches!(consent, Consent::Unasked(_)), "{consent:?}");
    });
}

#[test]
fn a_click_on_the_second_button_puts_the_notice_off() {
    play_with_buttons(async |mut daemon, _server| {
        let approve = daemon.approve();
        assert_eq!(daemon.use_action(&approve, click_last_button).await, Action::PutOff);
        daemon.here.is_empty();
    });
}

#[test]
fn a_notice_that_was_dismissed_leads_to_nothing_and_the_next_one_is_shown() {
    play_with_buttons(async |mut daemon, _server| {
        daemon.show("corp", &daemon.approve());
        daemon.here.dismiss(&daemon.here.notice());
        daemon.here.is_empty();
        let renew_now = daemon.renew_now();
        assert_eq!(daemon.use_action(&renew_now, click_first_button).await, Action::Renew);
        assert!(daemon.acted.try_recv().is_err());
    });
}

#[test]
fn a_server_that_died_is_tried_again_with_the_next_notice() {
    play_with_buttons(async |mut daemon, first| {
        daemon.show("corp", &daemon.approve());
        daemon.here.notice();
        drop(first);
        daemon.here.is_empty();
        // No server can show this one.
        daemon.show("corp", &daemon.approve());
        daemon.screen.withdraw(&session("corp"));
        let _second = daemon.here.start_server(notification_server());
        let expired = daemon.expired();
        assert_eq!(daemon.use_action(&expired, click_last_button).await, Action::SignIn);
    });
}

#[test]
fn a_hanging_server_delays_nothing_and_shows_the_newest_notice_when_it_is_back() {
    play_with_buttons(async |daemon, hanging| {
        daemon.show("corp", &daemon.approve());
        let small = daemon.here.notice();
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
        until("the newest notice is alone on the screen", || {
            let windows = daemon.here.notices();
            (windows.len() == 1 && windows[0].height > small.height).then_some(())
        });
    });
}

#[test]
fn the_end_of_the_daemon_takes_all_notices_back() {
    play_with_buttons(async |daemon, _server| {
        daemon.show("corp", &daemon.approve());
        daemon.show("other", &daemon.expired());
        until("both are on the screen", || (daemon.here.notices().len() == 2).then_some(()));
        daemon.screen.withdraw_all().await;
        daemon.here.is_empty();
    });
}

#[test]
fn a_server_without_buttons_has_its_own_way_to_use_the_action() {
    play(Stage::Screen, &["dunst", "dunstctl"], || async {
        let mut daemon = Daemon::new();
        let _server = daemon.here.start_server("dunst");
        let displayed = |here: &screen::Screen| here.output("dunstctl", &["count", "displayed"]).trim().to_owned();
        let click = |here: &screen::Screen| {
            until("it is on the screen", || (displayed(here) == "1").then_some(()));
            here.output("dunstctl", &["action", "0"]);
        };
        let approve = daemon.approve();
        assert_eq!(daemon.use_action(&approve, click).await, Action::SignIn);
        until("it is gone", || (displayed(&daemon.here) == "0").then_some(()));
    });
}

#[test]
fn without_a_bus_the_daemon_goes_on() {
    play(Stage::NoBus, &[], || async {
        let daemon = Daemon::new();
        daemon.show("corp", &daemon.approve());
        daemon.show("corp", &daemon.expired());
        daemon.screen.withdraw(&session("corp"));
        // It waits for what is under way, and the clock of this test stands still: nothing may be stuck.
        daemon.screen.withdraw_all().await;
    });
}
