//! The desktop, judged: the session's bus and who is on it, and the browser.

use super::finding::Finding;
use crate::config::Notifications;
use crate::desktop::Display;
use crate::machine::RESTART;

/// Where the daemon keeps secrets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Store<'a> {
    /// In a store of this kind, which was chosen.
    Chosen(&'a str),
    /// In files, because no keyring can be used, for this reason.
    FallbackFiles(&'a str),
}

const BUS: &str = "session bus";
const KEYRING: &str = "keyring";
const NOTIFICATIONS: &str = "notifications";
const BROWSER: &str = "browser";

/// What is known of the session's D-Bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Bus {
    /// It answers.
    Answers(OnBus),
    /// The environment names none, and none is where it usually is.
    Missing,
    /// The one that is named does not answer.
    Broken(String),
    /// This system does without.
    #[cfg_attr(all(target_os = "linux", not(test)), expect(dead_code, reason = "D-Bus is Linux's"))]
    NotUsed,
}

/// Who is on the bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OnBus {
    pub(super) keyring: Provider<Keyring>,
    pub(super) notifications: Provider<NotificationServer>,
}

/// A service on the bus. None is started by looking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Provider<T> {
    Running(T),
    /// The bus starts it when it is needed.
    Startable,
    Missing,
    /// It is there and does not answer as it should.
    Failing(String),
}

/// The Secret Service's default collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keyring {
    Open,
    Locked,
    /// It has no default collection.
    NoDefault,
}

/// A server of the Desktop Notifications Specification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NotificationServer {
    pub(super) name: String,
    pub(super) has_actions: bool,
}

/// What is known of the screen and of what opens pages on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Screen {
    pub(super) display: Display,
    /// For each command that may have to open pages: the programs that are tried, and whether any is installed.
    pub(super) openers: Vec<(Vec<String>, Installed)>,
}

/// Whether a program is installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Installed {
    Yes,
    No,
}

/// Judges bus, keyring and notification server, in this order. `store` is the daemon's secret store.
pub(super) fn judge_bus(
    bus: &Bus,
    display: Display,
    notifications: Notifications,
    store: Option<Store<'_>>,
) -> [Finding; 3] {
    let without = |bus: Finding| {
        let needs = |name| Finding::skipped(name, "it would be reached through the session bus");
        [bus, needs(KEYRING), needs(NOTIFICATIONS)]
    };
    match bus {
        Bus::NotUsed => {
            let not_used = |name| Finding::skipped(name, "this system does it without D-Bus");
            [not_used(BUS), not_used(KEYRING), not_used(NOTIFICATIONS)]
        }
        Bus::Missing if display == Display::There => without(Finding::warning(
            BUS,
            "there is a display and no bus, so no notice can be shown",
            "start the desktop through dbus-run-session, or install your distribution's dbus-user-session",
        )),
        Bus::Missing => without(Finding::skipped(BUS, "none here, as usual without a desktop; ssoctl shows sign-ins")),
        Bus::Broken(why) => without(Finding::problem(
            BUS,
            format!("it does not answer: {why}"),
            "check DBUS_SESSION_BUS_ADDRESS, or sign in to the desktop again",
        )),
        Bus::Answers(on_bus) => [
            Finding::ok(BUS, "it answers"),
            judge_keyring(&on_bus.keyring, store),
            judge_notifications(&on_bus.notifications, notifications),
        ],
    }
}

fn judge_keyring(keyring: &Provider<Keyring>, store: Option<Store<'_>>) -> Finding {
    if let (Provider::Running(_) | Provider::Startable, Some(Store::FallbackFiles(why))) = (keyring, store) {
        return Finding::warning(
            KEYRING,
            format!("it is there, but the daemon keeps secrets in files, in the clear: {why}"),
            format!("put that right; or, if the daemon looks at another session bus than you, {RESTART}"),
        );
    }
    let (message, remedy) = match keyring {
        Provider::Running(Keyring::Open) => return Finding::ok(KEYRING, "it is unlocked"),
        Provider::Startable => return Finding::ok(KEYRING, "it is started when it is needed"),
        Provider::Running(Keyring::Locked) => {
            ("it is locked".to_owned(), "unlock it with your desktop's password manager (Seahorse, KWalletManager)")
        }
        Provider::Running(Keyring::NoDefault) => (
            "it has no default keyring".to_owned(),
            "make one with your desktop's password manager (Seahorse, KWalletManager)",
        ),
        Provider::Missing => {
            ("there is no Secret Service on the bus".to_owned(), "install gnome-keyring, KWallet or KeePassXC")
        }
        Provider::Failing(why) => (format!("it does not answer: {why}"), "restart it, or sign in to the desktop again"),
    };
    match store {
        Some(Store::Chosen("keyring")) => Finding::problem(KEYRING, message, remedy),
        Some(Store::FallbackFiles(_)) => Finding::skipped(KEYRING, format!("{message}, so the daemon does without it")),
        Some(Store::Chosen(store)) => {
            Finding::skipped(KEYRING, format!("{message}, and the daemon does without it (store: {store})"))
        }
        None => Finding::skipped(KEYRING, message),
    }
}

fn judge_notifications(server: &Provider<NotificationServer>, notifications: Notifications) -> Finding {
    if notifications == Notifications::Off {
        return Finding::skipped(NOTIFICATIONS, "the configuration turns them off");
    }
    match server {
        Provider::Running(NotificationServer { name, has_actions: true }) => {
            Finding::ok(NOTIFICATIONS, format!("{name} shows them, with buttons"))
        }
        Provider::Running(NotificationServer { name, has_actions: false }) => Finding::warning(
            NOTIFICATIONS,
            format!("{name} shows them, without buttons"),
            "notices say what to type instead; a server with actions is more comfortable",
        ),
        Provider::Startable => Finding::ok(NOTIFICATIONS, "their server is started when it is needed"),
        Provider::Missing => Finding::warning(
            NOTIFICATIONS,
            "there is no notification server, so nobody is told that a sign-in ends",
            "install one, such as your desktop's own, dunst or mako; or set notifications = \"off\"",
        ),
        Provider::Failing(why) => Finding::warning(
            NOTIFICATIONS,
            format!("their server does not answer: {why}"),
            "restart it, or sign in to the desktop again",
        ),
    }
}

/// Judges whether a page can be opened.
pub(super) fn judge_browser(screen: &Screen) -> Finding {
    match screen.display {
        Display::Remote => {
            return Finding::skipped(
                BROWSER,
                "this is an SSH session: no page is opened unless BROWSER is set; ssoctl login shows its address",
            );
        }
        Display::Missing => {
            return Finding::skipped(BROWSER, "there is no display: no page is opened; ssoctl login shows its address");
        }
        Display::There => {}
    }
    let missing = screen.openers.iter().find(|(_, installed)| *installed == Installed::No);
    match missing {
        Some((programs, _)) => Finding::warning(
            BROWSER,
            format!("{} is not installed, so pages are not opened", programs.join(" or ")),
            "install it (xdg-open comes with xdg-utils), or set browser in the session's configuration",
        ),
        None => {
            let mut names: Vec<&str> =
                screen.openers.iter().filter_map(|(it, _)| it.first()).map(String::as_str).collect();
            names.dedup();
            Finding::ok(BROWSER, format!("pages are opened with {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    fn on_bus(keyring: Provider<Keyring>, notifications: Provider<NotificationServer>) -> Bus {
        Bus::Answers(OnBus { keyring, notifications })
    }

    fn results(bus: &Bus, display: Display, store: Option<Store<'_>>) -> [Verdict; 3] {
        judge_bus(bus, display, Notifications::On, store).map(|finding| finding.result)
    }

    #[test]
    fn a_missing_bus_matters_where_there_is_a_display_and_a_broken_one_always() {
        use Verdict::{Problem, Skipped, Warning};
        let broken = Bus::Broken("refused".to_owned());
        for (bus, display, result) in [
            (&Bus::Missing, Display::There, Warning),
            (&Bus::Missing, Display::Missing, Skipped),
            (&Bus::Missing, Display::Remote, Skipped),
            (&broken, Display::Missing, Problem),
            (&Bus::NotUsed, Display::There, Skipped),
        ] {
            assert_eq!(results(bus, display, None), [result, Skipped, Skipped], "{bus:?} {display:?}");
        }
    }

    #[test]
    fn a_keyring_matters_where_the_daemon_uses_it() {
        for (keyring, with_it, without_it) in [
            (Provider::Running(Keyring::Open), Verdict::Ok, Verdict::Ok),
            (Provider::Startable, Verdict::Ok, Verdict::Ok),
            (Provider::Running(Keyring::Locked), Verdict::Problem, Verdict::Skipped),
            (Provider::Running(Keyring::NoDefault), Verdict::Problem, Verdict::Skipped),
            (Provider::Missing, Verdict::Problem, Verdict::Skipped),
            (Provider::Failing("late".to_owned()), Verdict::Problem, Verdict::Skipped),
        ] {
            let bus = on_bus(keyring, Provider::Startable);
            assert_eq!(results(&bus, Display::There, Some(Store::Chosen("keyring")))[1], with_it, "{bus:?}");
            assert_eq!(results(&bus, Display::There, Some(Store::Chosen("file")))[1], without_it, "{bus:?}");
            let Bus::Answers(OnBus { keyring, .. }) = &bus else { unreachable!() };
            let is_there = matches!(keyring, Provider::Running(_) | Provider::Startable);
            let fallback = if is_there { Verdict::Warning } else { Verdict::Skipped };
            let store = Some(Store::FallbackFiles("no bus"));
            assert_eq!(results(&bus, Display::There, store)[1], fallback, "{bus:?}");
            assert_eq!(results(&bus, Display::There, None)[1], without_it, "{bus:?}");
        }
    }

    #[test]
    fn a_notification_server_should_be_there_and_have_buttons() {
        let server = |has_actions| Provider::Running(NotificationServer { name: "dunst".to_owned(), has_actions });
        for (server, result) in [
            (server(true), Verdict::Ok),
            (server(false), Verdict::Warning),
            (Provider::Startable, Verdict::Ok),
            (Provider::Missing, Verdict::Warning),
            (Provider::Failing("late".to_owned()), Verdict::Warning),
        ] {
            let bus = on_bus(Provider::Startable, server);
            assert_eq!(results(&bus, Display::There, None)[2], result, "{bus:?}");
            let off = judge_bus(&bus, Display::There, Notifications::Off, None);
            assert_eq!(off[2].result, Verdict::Skipped, "{bus:?}");
        }
    }

    #[test]
    fn a_browser_is_asked_for_only_where_it_could_be_seen() {
        let opener = |name: &str, installed| (vec![name.to_owned()], installed);
        let good = opener("xdg-open", Installed::Yes);
        for (display, openers, result) in [
            (Display::There, vec![good.clone()], Verdict::Ok),
            (Display::There, vec![good, opener("firefox", Installed::No)], Verdict::Warning),
            (Display::Missing, vec![opener("xdg-open", Installed::No)], Verdict::Skipped),
            (Display::Remote, vec![opener("xdg-open", Installed::No)], Verdict::Skipped),
        ] {
            let screen = Screen { display, openers };
            assert_eq!(judge_browser(&screen).result, result, "{screen:?}");
        }
    }
}
