//! Whether the person is there, as systemd-logind knows it.
//!
//! logind is asked for the sessions of the user, because a daemon that the user's service manager started is in no session. A
//! session without a lock screen says that it is not locked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use zbus::Connection;
use zbus::message::Message;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::Surroundings;
use crate::dbus::{PROPERTIES, drive, next, owner_changes, signals_of};
use crate::notice::Presence;

const LOGIND: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";

const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps the presence up to date, and counts wake-ups. Ends when the bus does.
pub(super) async fn follow(tell: &watch::Sender<Surroundings>) -> zbus::Result<Infallible> {
    // zbus finds that out, too, but its code that connects then stays resident, and a thread for a while: about half a megabyte in
    // a container, which never has a bus.
    if !is_bus_named() {
        return Err(zbus::Error::Failure("there is no system bus".to_owned()));
    }
    let bus = zbus::connection::Builder::system()?.internal_executor(false).method_timeout(PATIENCE).build().await?;
    tokio::select! {
        ended = listen(&bus, tell) => ended,
        never = drive(&bus) => match never {},
    }
}

/// Whether the environment names a system bus, or one is in the usual place. Nothing is connected to.
fn is_bus_named() -> bool {
    let named = crate::variable("DBUS_SYSTEM_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
    named || Path::new("/var/run/dbus/system_bus_socket").exists()
}

async fn listen(bus: &Connection, tell: &watch::Sender<Surroundings>) -> zbus::Result<Infallible> {
    let mut signals = signals_of(LOGIND, bus).await?;
    let mut restarts = owner_changes(LOGIND, bus).await?;
    let mut is_asleep = false;
    let mut has_failed = false;
    loop {
        let presence = match screens(bus).await {
            Ok(_) if is_asleep => Presence::Away,
            Ok(screens) => presence_at(&screens),
            Err(error) => {
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::info!(%error, "logind does not tell whether the screen is locked; the person counts as present");
                }
                Presence::Present
            }
        };
        set(tell, presence);
        loop {
            tokio::select! {
                restarted = next(&mut restarts) => {
                    restarted?;
                    is_asleep = false;
                    break;
                }
                message = next(&mut signals) => match news(&message?) {
                    Some(PresenceNews::Screens) => break,
                    Some(PresenceNews::GoesToSleep) => {
                        is_asleep = true;
                        set(tell, Presence::Away);
                    }
                    Some(PresenceNews::WokeUp) => {
                        is_asleep = false;
                        tell.send_modify(|surroundings| surroundings.changes += 1);
                        break;
                    }
                    None => {}
                },
            }
        }
    }
}

fn set(tell: &watch::Sender<Surroundings>, presence: Presence) {
    tell.send_if_modified(|surroundings| {
        let is_news = std::mem::replace(&mut surroundings.presence, presence) != presence;
        if is_news {
            tracing::debug!(?presence, "the person comes or goes");
        }
        is_news
    });
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PresenceNews {
    /// A session began, ended or changed.
    Screens,
    GoesToSleep,
    WokeUp,
}

/// The meaning of a signal of logind (org.freedesktop.login1(5)); `None` for one that changes nothing here.
fn news(signal: &Message) -> Option<PresenceNews> {
    let header = signal.header();
    let body = signal.body();
    match (header.interface()?.as_str(), header.member()?.as_str()) {
        (MANAGER, "SessionNew" | "SessionRemoved") => Some(PresenceNews::Screens),
        (MANAGER, "PrepareForSleep") => match body.deserialize::<bool>() {
            Ok(true) => Some(PresenceNews::GoesToSleep),
            Ok(false) => Some(PresenceNews::WokeUp),
            Err(_) => None,
        },
        (PROPERTIES, "PropertiesChanged") => {
            let (interface, changed, invalidated): (String, HashMap<String, OwnedValue>, Vec<String>) =
                body.deserialize().ok()?;
            let matters = |name: &str| matches!(name, "LockedHint" | "Type" | "Class" | "State");
            let is_news = interface == SESSION
                && (changed.keys().any(|name| matters(name)) || invalidated.iter().any(|name| matters(name)));
            is_news.then_some(PresenceNews::Screens)
        }
        _ => None,
    }
}

/// The screen of a logind session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LogindSession {
    /// A terminal, a background session, or one that is ending.
    None,
    Open,
    Locked,
}

async fn screens(bus: &Connection) -> zbus::Result<Vec<LogindSession>> {
    let uid = rustix::process::getuid().as_raw();
    let reply = bus.call_method(Some(LOGIND), MANAGER_PATH, Some(MANAGER), "ListSessions", &()).await?;
    let sessions: Vec<(String, u32, String, String, OwnedObjectPath)> = reply.body().deserialize()?;
    let mut screens = Vec::new();
    for (.., path) in sessions.iter().filter(|(_, owner, ..)| *owner == uid) {
        match bus.call_method(Some(LOGIND), path, Some(PROPERTIES), "GetAll", &SESSION).await {
            Ok(reply) => screens.push(screen(&reply.body().deserialize()?)),
            // The session has ended meanwhile.
            Err(zbus::Error::MethodError(..)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(screens)
}

fn screen(session: &HashMap<String, OwnedValue>) -> LogindSession {
    let text = |name| session.get(name).and_then(|value| <&str>::try_from(&**value).ok()).unwrap_or_default();
    let is_graphical = matches!(text("Type"), "x11" | "wayland" | "mir");
    if !is_graphical || text("Class") != "user" || text("State") == "closing" {
        return LogindSession::None;
    }
    match session.get("LockedHint").and_then(|value| bool::try_from(&**value).ok()) {
        Some(true) => LogindSession::Locked,
        Some(false) | None => LogindSession::Open,
    }
}

/// The person is away if there are screens, and all of them are locked. Without any (a server, a container), the person counts
/// as present.
fn presence_at(screens: &[LogindSession]) -> Presence {
    if screens.contains(&LogindSession::Locked) && !screens.contains(&LogindSession::Open) {
        Presence::Away
    } else {
        Presence::Present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(properties: &[(&str, zbus::zvariant::Value<'static>)]) -> HashMap<String, OwnedValue> {
        properties.iter().map(|(name, value)| ((*name).to_owned(), value.try_to_owned().unwrap())).collect()
    }

    #[test]
    fn only_a_persons_graphical_sessions_count_and_no_lock_hint_means_open() {
        let class_user = ("Class", "user".into());
        for (properties, expected) in [
            (vec![("Type", "x11".into()), class_user.clone(), ("LockedHint", true.into())], LogindSession::Locked),
            (vec![("Type", "wayland".into()), class_user.clone(), ("LockedHint", false.into())], LogindSession::Open),
            (vec![("Type", "wayland".into()), class_user.clone()], LogindSession::Open),
            (vec![("Type", "tty".into()), class_user.clone(), ("LockedHint", true.into())], LogindSession::None),
            (
                vec![("Type", "x11".into()), ("Class", "greeter".into()), ("LockedHint", true.into())],
                LogindSession::None,
            ),
            (vec![("Type", "x11".into()), class_user, ("State", "closing".into())], LogindSession::None),
            (vec![("Type", 7.into())], LogindSession::None),
            (vec![], LogindSession::None),
        ] {
            assert_eq!(screen(&session(&properties)), expected, "{properties:?}");
        }
    }

    #[test]
    fn the_person_is_away_if_there_are_screens_and_all_are_locked() {
        for (screens, presence) in [
            (&[][..], Presence::Present),
            (&[LogindSession::None], Presence::Present),
            (&[LogindSession::Open], Presence::Present),
            (&[LogindSession::Locked, LogindSession::Open], Presence::Present),
            (&[LogindSession::Locked], Presence::Away),
            (&[LogindSession::Locked, LogindSession::None, LogindSession::Locked], Presence::Away),
        ] {
            assert_eq!(presence_at(screens), presence, "{screens:?}");
        }
    }
}
