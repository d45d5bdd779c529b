//! The session's D-Bus, and the keyring and the notification server on it.

#[cfg(target_os = "linux")]
mod linux;

use ssoctl_protocol::StoreStatus;
use ssoctl_protocol::display::Display;

use super::report::{Check, Finding};
use super::time_limit::TimeLimit;
use crate::config::Notifications;
use crate::machine::RESTART;
use crate::secrets::keyring::{Obstacle, Usable};

const BUS: Check = Check("session bus");
const KEYRING: Check = Check("keyring");
const NOTIFICATIONS: Check = Check("notifications");

#[derive(Clone, PartialEq, Eq, Debug)]
enum Bus {
    Answers {
        keyring: Result<Usable, Obstacle>,
        notifications: NotificationServer,
    },
    /// The environment names none, and there is none in the runtime directory.
    Missing,
    Broken(String),
    /// This operating system does without.
    #[cfg_attr(all(target_os = "linux", not(test)), expect(dead_code, reason = "D-Bus is Linux's"))]
    NotUsed,
}

/// A server of the Desktop Notifications Specification. Checking does not start it.
#[derive(Clone, PartialEq, Eq, Debug)]
enum NotificationServer {
    Running {
        name: String,
        has_actions: bool,
    },
    /// The bus starts it when it is needed.
    Startable,
    Missing,
    Failing(String),
}

/// Checks bus, keyring and notification server, in this order. `address` is that of the daemon's bus, and `store` its secret
/// store.
pub(super) async fn examine(
    address: Option<&str>,
    display: Display,
    notifications: Notifications,
    store: Option<&StoreStatus>,
    limit: &TimeLimit,
) -> [Finding; 3] {
    #[cfg(target_os = "linux")]
    let asked = linux::ask(address);
    #[cfg(not(target_os = "linux"))]
    let asked = async { (address, Bus::NotUsed).1 };
    let bus = limit.wait_for(asked).await.unwrap_or_else(|| Bus::Broken("no answer in time".to_owned()));
    judge(&bus, display, notifications, store)
}

fn judge(bus: &Bus, display: Display, notifications: Notifications, store: Option<&StoreStatus>) -> [Finding; 3] {
    let finding = match bus {
        Bus::Answers { keyring, notifications: server } => {
            return [BUS.ok("it answers"), judge_keyring(keyring, store), judge_server(server, notifications)];
        }
        Bus::NotUsed => {
            return [BUS, KEYRING, NOTIFICATIONS].map(|check| check.skipped("this system does not use D-Bus"));
        }
        Bus::Missing if display == Display::There => BUS.warning(
            "there is a display but no bus, so no notice can be shown",
            "start the desktop through dbus-run-session, or install dbus-user-session of your distribution",
        ),
        Bus::Missing => BUS.skipped("none here, as is usual without a desktop; ssoctl shows sign-ins"),
        Bus::Broken(why) => BUS.problem(
            format!("it does not answer: {why}"),
            "check DBUS_SESSION_BUS_ADDRESS, or sign in to the desktop again",
        ),
    };
    let needs_bus = |check: Check| check.skipped("it is reached through the session bus");
    [finding, needs_bus(KEYRING), needs_bus(NOTIFICATIONS)]
}

fn judge_keyring(keyring: &Result<Usable, Obstacle>, store: Option<&StoreStatus>) -> Finding {
    const PASSWORD_MANAGER: &str = "your desktop's password manager (Seahorse, KWalletManager)";
    let is_fallback = |store: &&StoreStatus| store.kind == "file" && store.reason.is_some();
    let fallback_to_files = store.filter(is_fallback).and_then(|store| store.reason.as_ref());
    let (message, remedy) = match (keyring, fallback_to_files) {
        (Ok(_) | Err(Obstacle::Locked | Obstacle::NoCollection), Some(why)) => {
            return KEYRING.warning(
                format!("it is there, but the daemon keeps secrets in files, in the clear: {why}"),
                format!("mend that; or, if the daemon uses another session bus than you, {RESTART}"),
            );
        }
        (Ok(Usable::Unlocked), _) => return KEYRING.ok("it is unlocked"),
        (Ok(Usable::Startable), _) => return KEYRING.ok("it is started when it is needed"),
        (Err(Obstacle::Locked), _) => ("it is locked".to_owned(), format!("unlock it with {PASSWORD_MANAGER}")),
        (Err(Obstacle::NoCollection), _) => {
            ("it has no default keyring".to_owned(), format!("make one with {PASSWORD_MANAGER}"))
        }
        (Err(Obstacle::NoService), _) => (
            "there is no Secret Service on the bus".to_owned(),
            "install gnome-keyring, KWallet or KeePassXC".to_owned(),
        ),
        (Err(why), _) => (why.to_string(), "restart it, or sign in to the desktop again".to_owned()),
    };
    match store {
        Some(store) if store.kind == "keyring" => KEYRING.problem(message, remedy),
        Some(store) => KEYRING.skipped(format!("{message}; the daemon does not use it (store: {})", store.kind)),
        None => KEYRING.skipped(message),
    }
}

fn judge_server(server: &NotificationServer, notifications: Notifications) -> Finding {
    if notifications == Notifications::Off {
        return NOTIFICATIONS.skipped("the configuration turns them off");
    }
    match server {
        NotificationServer::Running { name, has_actions: true } => {
            NOTIFICATIONS.ok(format!("{name} shows them, with buttons"))
        }
        NotificationServer::Running { name, has_actions: false } => NOTIFICATIONS.warning(
            format!("{name} shows them, without buttons"),
            "notices say what to type instead; a server with actions is more comfortable",
        ),
        NotificationServer::Startable => NOTIFICATIONS.ok("their server is started when it is needed"),
        NotificationServer::Missing => NOTIFICATIONS.warning(
            "there is no notification server, so you are not told when a sign-in ends",
            "install one, such as that of your desktop, dunst or mako; or set notifications = \"off\"",
        ),
        NotificationServer::Failing(why) => NOTIFICATIONS
            .warning(format!("their server does not answer: {why}"), "restart it, or sign in to the desktop again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;

    fn on_bus(keyring: Result<Usable, Obstacle>, notifications: NotificationServer) -> Bus {
        Bus::Answers { keyring, notifications }
    }

    fn store(kind: &str, reason: Option<&str>) -> StoreStatus {
        StoreStatus { kind: kind.to_owned(), reason: reason.map(str::to_owned), error: None }
    }

    fn results(bus: &Bus, display: Display, store: Option<&StoreStatus>) -> [Verdict; 3] {
        judge(bus, display, Notifications::On, store).map(|finding| finding.result)
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
            (Ok(Usable::Unlocked), Verdict::Ok, Verdict::Ok),
            (Ok(Usable::Startable), Verdict::Ok, Verdict::Ok),
            (Err(Obstacle::Locked), Verdict::Problem, Verdict::Skipped),
            (Err(Obstacle::NoCollection), Verdict::Problem, Verdict::Skipped),
            (Err(Obstacle::NoService), Verdict::Problem, Verdict::Skipped),
            (Err(Obstacle::Silent), Verdict::Problem, Verdict::Skipped),
        ] {
            let is_there = matches!(keyring, Ok(_) | Err(Obstacle::Locked | Obstacle::NoCollection));
            let fallback = if is_there { Verdict::Warning } else { Verdict::Skipped };
            let bus = on_bus(keyring, NotificationServer::Startable);
            for (store, expected) in [
                (store("keyring", None), with_it),
                (store("file", None), without_it),
                (store("file", Some("no bus")), fallback),
            ] {
                assert_eq!(results(&bus, Display::There, Some(&store))[1], expected, "{bus:?} {store:?}");
            }
            assert_eq!(results(&bus, Display::There, None)[1], without_it, "{bus:?}");
        }
    }

    #[test]
    fn a_notification_server_should_be_there_and_have_buttons() {
        let server = |has_actions| NotificationServer::Running { name: "dunst".to_owned(), has_actions };
        for (server, result) in [
            (server(true), Verdict::Ok),
            (server(false), Verdict::Warning),
            (NotificationServer::Startable, Verdict::Ok),
            (NotificationServer::Missing, Verdict::Warning),
            (NotificationServer::Failing("late".to_owned()), Verdict::Warning),
        ] {
            let bus = on_bus(Ok(Usable::Startable), server);
            assert_eq!(results(&bus, Display::There, None)[2], result, "{bus:?}");
            let off = judge(&bus, Display::There, Notifications::Off, None);
            assert_eq!(off[2].result, Verdict::Skipped, "{bus:?}");
        }
    }
}
