//! Follows whether there is an unlocked keyring. Keyring and bus may both appear after the daemon, go away and come back.
//!
//! Nothing is polled: the bus tells who has the keyring's name and that something was unlocked; where there is no bus, inotify
//! tells when one appears.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;

use tokio::sync::mpsc;
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::message::{Message, Type};
use zbus::{Connection, MatchRule, MessageStream};

use super::Obstacle;
use super::platform::{BUS, NAME, PROPERTIES, SECRETS, look, unconnected};
use crate::config::FileWatch;
use crate::machine::MachineProblems;
use crate::session_bus;

/// Tells what is found first, and every change. `Ok` may be told again, when another one came. Ends with the receiver.
pub(super) async fn follow(machine: MachineProblems, tell: mpsc::Sender<Result<(), Obstacle>>) {
    let mut follower = Follower { tell: tell.clone(), files: None };
    tokio::select! {
        never = follower.run(&machine) => match never {},
        () = tell.closed() => {}
    }
}

struct Follower {
    tell: mpsc::Sender<Result<(), Obstacle>>,
    /// Where a bus may appear; watched while there is none.
    files: Option<FileWatch>,
}

impl Follower {
    async fn run(&mut self, machine: &MachineProblems) -> Infallible {
        loop {
            let Err(obstacle) = self.follow_bus().await;
            let Some(files) = &mut self.files else {
                // Once more, as one may have come before the files were watched.
                self.files = Some(FileWatch::start(session_bus::sockets(), machine));
                continue;
            };
            tell(&self.tell, Err(obstacle)).await;
            files.changed().await;
        }
    }

    async fn follow_bus(&mut self) -> Result<Infallible, Obstacle> {
        if !session_bus::is_named() {
            return Err(Obstacle::NoBus);
        }
        let bus = Builder::session()?.internal_executor(false).build().await.map_err(unconnected)?;
        tokio::select! {
            ended = self.listen(&bus) => ended,
            never = drive(&bus) => match never {},
        }
    }

    async fn listen(&mut self, bus: &Connection) -> Result<Infallible, Obstacle> {
        let signals = || MatchRule::builder().msg_type(Type::Signal);
        let owners = signals().sender(BUS)?.interface(BUS)?.member("NameOwnerChanged")?.arg(0, NAME)?.build();
        let mut owners = MessageStream::for_match_rule(owners, bus, None).await?;
        let mut words = MessageStream::for_match_rule(signals().sender(NAME)?.build(), bus, None).await?;
        // Only now, so that no change is missed.
        let mut found = look(bus).await;
        self.files = None;
        loop {
            tell(&self.tell, found.clone()).await;
            loop {
                let is_another = tokio::select! {
                    signal = next(&mut owners) => signal.map(|_| true)?,
                    signal = next(&mut words) => {
                        if !concerns_lock(&signal?) {
                            continue;
                        }
                        false
                    }
                };
                let before = std::mem::replace(&mut found, look(bus).await);
                if is_another || found != before {
                    break;
                }
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

async fn tell(follower: &mpsc::Sender<Result<(), Obstacle>>, found: Result<(), Obstacle>) {
    // Whoever does not want to know any more ends this, too.
    let _ = follower.send(found).await;
}

/// Moves the connection's messages; without this it would start a thread for it.
async fn drive(bus: &Connection) -> Infallible {
    loop {
        bus.executor().tick().await;
    }
}

async fn next(stream: &mut MessageStream) -> Result<Message, Obstacle> {
    match poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await {
        Some(message) => Ok(message?),
        None => Err(Obstacle::NoBus),
    }
}
