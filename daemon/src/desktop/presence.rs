//! Whether the person is there, as systemd-logind knows it.
//!
//! Its sessions are asked for by user: a daemon that the user's service manager started belongs to none of them, so "self"
//! would mean nothing. A session without a lock screen says that it is not locked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;
use zbus::export::futures_core::Stream;
use zbus::message::{Message, Type};
use zbus::zvariant::{OwnedObjectPath, OwnedValue};
use zbus::{Connection, MatchRule, MessageStream};

use super::Surroundings;
use crate::notice::Presence;

const LOGIND: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.freedesktop.DBus";

/// How long logind may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells who is there from now on, and counts wake-ups. Ends when the bus does.
pub(super) async fn follow(tell: &watch::Sender<Surroundings>) -> zbus::Result<Infallible> {
    let bus = zbus::connection::Builder::system()?.internal_executor(false).method_timeout(PATIENCE).build().await?;
    tokio::select! {
        ended = listen(&bus, tell) => ended,
        never = drive(&bus) => match never {},
    }
}

/// Moves the connection's messages; without this it would start a thread for it.
async fn drive(bus: &Connection) -> Infallible {
    loop {
        bus.executor().tick().await;
    }
}

async fn listen(bus: &Connection, tell: &watch::Sender<Surroundings>) -> zbus::Result<Infallible> {
    let signals = MatchRule::builder().msg_type(Type::Signal).sender(LOGIND)?.build();
    let mut signals = MessageStream::for_match_rule(signals, bus, None).await?;
    let restarts = MatchRule::builder().msg_type(Type::Signal).sender(BUS)?.interface(BUS)?;
    let restarts = restarts.member("NameOwnerChanged")?.arg(0, LOGIND)?.build();
    let mut restarts = MessageStream::for_match_rule(restarts, bus, None).await?;
    let mut asleep = false;
    let mut answers = true;
    loop {
        let presence = match screens(bus).await {
            Ok(_) if asleep => Presence::Away,
            Ok(screens) => presence_at(&screens),
            Err(error) => {
                if std::mem::replace(&mut answers, false) {
                    tracing::info!(%error, "logind does not tell whether the screen is locked; the person counts as present");
                }
                Presence::Present
            }
        };
        be(tell, presence);
        loop {
            tokio::select! {
                restarted = next(&mut restarts) => {
                    restarted?;
                    asleep = false;
                    break;
                }
                message = next(&mut signals) => match news(&message?) {
                    Some(News::Screens) => break,
                    Some(News::GoesToSleep) => {
                        asleep = true;
                        be(tell, Presence::Away);
                    }
                    Some(News::WokeUp) => {
                        asleep = false;
                        tell.send_modify(|surroundings| surroundings.stirrings += 1);
                        break;
                    }
                    None => {}
                },
            }
        }
    }
}

fn be(tell: &watch::Sender<Surroundings>, presence: Presence) {
    tell.send_if_modified(|surroundings| {
        let is_news = std::mem::replace(&mut surroundings.presence, presence) != presence;
        if is_news {
            tracing::debug!(?presence, "the person comes or goes");
        }
        is_news
    });
}

async fn next(stream: &mut MessageStream) -> zbus::Result<Message> {
    let message = poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await;
    message.unwrap_or_else(|| Err(zbus::Error::Failure("the connection was closed".to_owned())))
}

/// A signal that matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    /// A session came, went, or changed.
    Screens,
    GoesToSleep,
    WokeUp,
}

/// What a signal of logind means, as its D-Bus interface (org.freedesktop.login1(5)) describes them.
fn news(signal: &Message) -> Option<News> {
    let header = signal.header();
    let body = signal.body();
    match (header.interface()?.as_str(), header.member()?.as_str()) {
        (MANAGER, "SessionNew" | "SessionRemoved") => Some(News::Screens),
        (MANAGER, "PrepareForSleep") => match body.deserialize::<bool>() {
            Ok(true) => Some(News::GoesToSleep),
            Ok(false) => Some(News::WokeUp),
            Err(_) => None,
        },
        (PROPERTIES, "PropertiesChanged") => {
            let (interface, changed, invalidated): (String, HashMap<String, OwnedValue>, Vec<String>) =
                body.deserialize().ok()?;
            let matters = |name: &str| matches!(name, "LockedHint" | "Type" | "Class" | "State");
            let is_news = interface == SESSION
                && (changed.keys().any(|name| matters(name)) || invalidated.iter().any(|name| matters(name)));
            is_news.then_some(News::Screens)
        }
        _ => None,
    }
}

/// What a session means for the person's presence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Screen {
    /// A terminal, a background session, or one that is ending.
    None,
    Open,
    Locked,
}

async fn screens(bus: &Connection) -> zbus::Result<Vec<Screen>> {
    let uid = rustix::process::getuid().as_raw();
    let reply = bus.call_method(Some(LOGIND), MANAGER_PATH, Some(MANAGER), "ListSessions", &()).await?;
    let sessions: Vec<(String, u32, String, String, OwnedObjectPath)> = reply.body().deserialize()?;
    let mut screens = Vec::new();
    for (.., path) in sessions.iter().filter(|(_, owner, ..)| *owner == uid) {
        match bus.call_method(Some(LOGIND), path, Some(PROPERTIES), "GetAll", &SESSION).await {
            Ok(reply) => screens.push(screen(&reply.body().deserialize()?)),
            // It ended meanwhile.
            Err(zbus::Error::MethodError(..)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(screens)
}

fn screen(session: &HashMap<String, OwnedValue>) -> Screen {
    let text = |name| session.get(name).and_then(|value| <&str>::try_from(&**value).ok()).unwrap_or_default();
    let is_graphical = matches!(text("Type"), "x11" | "wayland" | "mir");
    if !is_graphical || text("Class") != "user" || text("State") == "closing" {
        return Screen::None;
    }
    match session.get("LockedHint").and_then(|value| bool::try_from(&**value).ok()) {
        Some(true) => Screen::Locked,
        Some(false) | None => Screen::Open,
    }
}

/// Away: there are screens, and all of them are locked. Without any (a server, a container) the person counts as present.
fn presence_at(screens: &[Screen]) -> Presence {
    if screens.contains(&Screen::Locked) && !screens.contains(&Screen::Open) {
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
            (vec![("Type", "x11".into()), class_user.clone(), ("LockedHint", true.into())], Screen::Locked),
            (vec![("Type", "wayland".into()), class_user.clone(), ("LockedHint", false.into())], Screen::Open),
            (vec![("Type", "wayland".into()), class_user.clone()], Screen::Open),
            (vec![("Type", "tty".into()), class_user.clone(), ("LockedHint", true.into())], Screen::None),
            (vec![("Type", "x11".into()), ("Class", "greeter".into()), ("LockedHint", true.into())], Screen::None),
            (vec![("Type", "x11".into()), class_user, ("State", "closing".into())], Screen::None),
            (vec![("Type", 7.into())], Screen::None),
            (vec![], Screen::None),
        ] {
            assert_eq!(screen(&session(&properties)), expected, "{properties:?}");
        }
    }

    #[test]
    fn away_is_who_has_screens_and_locked_them_all() {
        for (screens, presence) in [
            (&[][..], Presence::Present),
            (&[Screen::None], Presence::Present),
            (&[Screen::Open], Presence::Present),
            (&[Screen::Locked, Screen::Open], Presence::Present),
            (&[Screen::Locked], Presence::Away),
            (&[Screen::Locked, Screen::None, Screen::Locked], Presence::Away),
        ] {
            assert_eq!(presence_at(screens), presence, "{screens:?}");
        }
    }
}
