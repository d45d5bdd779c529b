//! Follows whether there is an unlocked keyring. Keyring and bus may both appear after the daemon, go away and come back.
//!
//! Nothing is polled: the bus tells who owns the keyring's name and that something was unlocked; where there is no bus, inotify
//! tells when one appears.

use std::convert::Infallible;

use tokio::sync::mpsc;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::message::Message;

use super::Obstacle;
use super::platform::{NAME, SECRETS, look, unconnected};
use crate::config::FileWatch;
use crate::dbus::{PROPERTIES, drive, next, owner_changes, signals_of};
use crate::machine::MachineProblems;
use crate::session_bus;

type Tell = mpsc::Sender<Result<(), Obstacle>>;

/// Tells what is found first, and every change. `Ok` may be told again, when another keyring came. Ends with the receiver.
pub(super) async fn follow(machine: MachineProblems, tell: Tell) {
    tokio::select! {
        never = follow_for_ever(&machine, &tell) => match never {},
        () = tell.closed() => {}
    }
}

async fn follow_for_ever(machine: &MachineProblems, tell: &Tell) -> Infallible {
    // The places where a bus may appear; watched while there is none.
    let mut files: Option<FileWatch> = None;
    loop {
        let Err(obstacle) = follow_bus(tell, &mut files).await;
        let Some(files) = &mut files else {
            // A bus may have come before its place was watched, so it is looked for once more.
            files = Some(FileWatch::start(session_bus::sockets(), machine));
            continue;
        };
        // `follow` ends when the receiver is gone.
        let _ = tell.send(Err(obstacle)).await;
        files.changed().await;
    }
}

async fn follow_bus(tell: &Tell, files: &mut Option<FileWatch>) -> Result<Infallible, Obstacle> {
    if !session_bus::is_named() {
        return Err(Obstacle::NoBus);
    }
    let bus = Builder::session()?.internal_executor(false).build().await.map_err(unconnected)?;
    tokio::select! {
        ended = listen(&bus, tell, files) => ended,
        never = drive(&bus) => match never {},
    }
}

async fn listen(bus: &Connection, tell: &Tell, files: &mut Option<FileWatch>) -> Result<Infallible, Obstacle> {
    let mut owners = owner_changes(NAME, bus).await?;
    let mut signals = signals_of(NAME, bus).await?;
    // After the subscriptions, so that no change is missed.
    let mut found = look(bus).await.map(drop);
    *files = None;
    loop {
        let _ = tell.send(found.clone()).await;
        loop {
            let is_another = tokio::select! {
                signal = next(&mut owners) => signal.map(|_| true),
                signal = next(&mut signals) => match signal {
                    Ok(signal) if !concerns_lock(&signal) => continue,
                    other => other.map(|_| false),
                },
            };
            let is_another = is_another.map_err(|_| Obstacle::NoBus)?;
            let before = std::mem::replace(&mut found, look(bus).await.map(drop));
            if is_another || found != before {
                break;
            }
        }
    }
}

/// Whether a signal of the keyring may mean that it was locked or unlocked. Each service has its own way to say it.
fn concerns_lock(signal: &Message) -> bool {
    let header = signal.header();
    let interface = header.interface().map(|interface| interface.as_str());
    interface == Some(SECRETS.1) || interface == Some(PROPERTIES)
}
