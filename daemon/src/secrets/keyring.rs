//! The keyring of the person: Secret Service on Linux, Keychain on macOS.
//!
//! The keyring crate's calls block, some for ever (a bus that does not answer) and some until a person has answered a
//! prompt. So each is made on a thread of its own with a deadline, and only after the [`Gate`] has found out, without
//! blocking anything and without a prompt, that it will go through. Nothing is kept between two calls: whatever became of
//! the keyring in the meantime, the next one meets it as it is then.

mod calls;
#[cfg(target_os = "macos")]
#[path = "keyring/keychain.rs"]
mod platform;
#[cfg(not(target_os = "macos"))]
#[path = "keyring/secret_service.rs"]
mod platform;
#[cfg(not(target_os = "macos"))]
mod presence;

use std::sync::Arc;
use std::time::Duration;

use keyring::{Entry, Error};
use ssoctl_protocol::Secret;
use tokio::sync::mpsc;

use super::{Access, RecordName, SecretStore, StoreError};
use crate::clock::{BootTime, Clock};
use crate::machine::MachineProblems;
use calls::Calls;
use platform::Gate;

/// How long a keyring may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to find out whether there is one. Shorter, as the first token waits for it.
const SEARCH_PATIENCE: Duration = Duration::from_secs(3);

/// The records' service, beside which their keys are the user names.
const SERVICE: &str = "ssoctl";

/// Keeps records in the keyring.
pub struct KeyringStore {
    clock: Arc<dyn Clock>,
    part: Part,
    gate: Gate,
    calls: Calls,
}

/// What the keyring is for the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Records belong there. The person is asked once to unlock it, if it is locked when the first record is read.
    Chosen,
    /// Records are only taken away from there. The person is asked for nothing, and a machine without a keyring has none.
    Elsewhere,
}

/// What is to be done with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    /// It is needed.
    Read,
    /// It, or its absence, is to be made durable.
    Change,
}

/// Why the keyring could not be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Obstacle {
    /// Neither address nor socket of a session bus, or nobody who listens there.
    #[error("there is no session bus, and without it no keyring; log in to a desktop, or set secret_store = \"file\"")]
    NoBus,
    /// A bus on which nothing keeps secrets.
    #[error(
        "there is no keyring on the session bus; start one, such as gnome-keyring or KWallet, or set secret_store = \
         \"file\""
    )]
    NoService,
    /// The person has to unlock it.
    #[error("the keyring is locked; unlock it to have sign-ins saved; tokens go on being served meanwhile")]
    Locked,
    /// A Secret Service without a collection to put new items in.
    #[error(
        "the keyring has no default collection; open its database (KeePassXC), or make one, for example with seahorse"
    )]
    NoCollection,
    /// It has not answered in time.
    #[error("the keyring does not answer; it is tried again, and tokens go on being served meanwhile")]
    Silent,
    /// Several items have the attributes of one record.
    #[error("the keyring has several items of service {SERVICE:?} for one session; remove all but the newest")]
    Ambiguous,
    /// It said no.
    #[error("the keyring refuses: {0}")]
    Refused(String),
    /// Whatever else.
    #[error("the keyring failed: {0}")]
    Failed(String),
}

impl Obstacle {
    /// Whether the machine has no keyring, as servers and containers have none. One that is locked, silent or broken for now
    /// is there all the same.
    pub const fn is_absence(&self) -> bool {
        matches!(self, Self::NoBus | Self::NoService)
    }
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        match error {
            Error::NoStorageAccess(why) => Self::Refused(why.to_string()),
            Error::PlatformFailure(why) => Self::Failed(why.to_string()),
            Error::Ambiguous(_) => Self::Ambiguous,
            Error::BadDataFormat(..) | Error::BadEncoding(_) => Self::Failed("what it gave is garbled".to_owned()),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Whether there is a keyring.
pub struct Presence {
    news: mpsc::Receiver<Result<(), Obstacle>>,
    /// When the first news is overdue, until it has come.
    first_by: Option<BootTime>,
    clock: Arc<dyn Clock>,
}

impl Presence {
    /// What is found first, and then every change; `None` if nothing will change any more. `Ok` may come
    /// again, when it was unlocked or another one came.
    pub async fn next(&mut self) -> Option<Result<(), Obstacle>> {
        match self.first_by.take() {
            None => self.news.recv().await,
            Some(first_by) => tokio::select! {
                first = self.news.recv() => first,
                () = self.clock.sleep_until(first_by) => Some(Err(Obstacle::Silent)),
            },
        }
    }
}

impl KeyringStore {
    /// The keyring of the person who runs the process.
    pub fn new(part: Part, clock: Arc<dyn Clock>) -> Self {
        Self { clock, part, gate: Gate::default(), calls: Calls::default() }
    }

    /// Whether it is clear without asking anybody that there is none now.
    pub fn is_out_of_reach(&self) -> bool {
        #[cfg(not(target_os = "macos"))]
        return !crate::session_bus::is_named();
        #[cfg(target_os = "macos")]
        false
    }

    /// Follows whether there is one. Has to be called within a tokio runtime.
    pub fn follow(&self, machine: MachineProblems) -> Presence {
        let (tell, news) = mpsc::channel(1);
        #[cfg(not(target_os = "macos"))]
        tokio::spawn(presence::follow(machine, tell));
        #[cfg(target_os = "macos")]
        {
            // Keychain is always there.
            drop(machine);
            let _ = tell.try_send(Ok(()));
        }
        Presence { news, first_by: Some(self.clock.now().boot + SEARCH_PATIENCE), clock: Arc::clone(&self.clock) }
    }

    /// Whether the machine has a keyring.
    ///
    /// # Errors
    /// What keeps us from using it; [`Obstacle::is_absence`] if there is none.
    pub async fn search(&self) -> Result<(), Obstacle> {
        within(&*self.clock, SEARCH_PATIENCE, self.gate.search()).await.unwrap_or(Err(Obstacle::Silent))
    }

    /// Does this with the entry of a record.
    async fn with_entry<T: Send + 'static>(
        &self,
        name: &RecordName,
        purpose: Purpose,
        work: impl FnOnce(&RecordName) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Obstacle> {
        match self.admit(Some(&name.key)).await {
            Err(Obstacle::Locked) if purpose == Purpose::Read && self.part == Part::Chosen => {
                self.gate.ask_once(&self.clock);
                return Err(Obstacle::Locked);
            }
            Err(obstacle) => return Err(obstacle),
            Ok(()) => {}
        }
        let name = name.clone();
        let done = self.calls.run(&*self.clock, PATIENCE, move || work(&name)).await?;
        Ok(done?)
    }

    /// Whether the record with this key, or every one, can be read and changed without a prompt.
    async fn admit(&self, key: Option<&str>) -> Result<(), Obstacle> {
        let admitted = within(&*self.clock, PATIENCE, self.gate.admit(key)).await.unwrap_or(Err(Obstacle::Silent));
        if admitted.is_ok() {
            // Whoever locks it from now on wants it locked.
            self.gate.ask_never();
        }
        admitted
    }

    async fn keys(&self) -> Result<Vec<String>, Obstacle> {
        self.admit(None).await?;
        #[cfg(not(target_os = "macos"))]
        let keys = within(&*self.clock, PATIENCE, platform::keys()).await.unwrap_or(Err(Obstacle::Silent));
        #[cfg(target_os = "macos")]
        let keys = self.calls.run(&*self.clock, PATIENCE, platform::keys).await?.map_err(Obstacle::from);
        let mut keys = keys?;
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Where the keyring is only emptied, a missing one is empty.
    fn unless_absent<T: Default>(&self, result: Result<T, Obstacle>) -> Result<T, StoreError> {
        match result {
            Err(obstacle)
                if self.part == Part::Elsewhere && (obstacle.is_absence() || obstacle == Obstacle::NoCollection) =>
            {
                Ok(T::default())
            }
            other => other.map_err(|obstacle| StoreError(obstacle.to_string())),
        }
    }
}

impl SecretStore for KeyringStore {
    fn kind(&self) -> &'static str {
        "keyring"
    }

    fn read(&self, name: &RecordName) -> Access<'_, Option<Secret<Vec<u8>>>> {
        let name = name.clone();
        Box::pin(async move { self.unless_absent(self.with_entry(&name, Purpose::Read, read).await) })
    }

    fn write(&self, name: &RecordName, record: Secret<Vec<u8>>) -> Access<'_, ()> {
        let name = name.clone();
        Box::pin(async move {
            let written = self.with_entry(&name, Purpose::Change, move |name| entry(name)?.set_secret(record.expose()));
            written.await.map_err(|obstacle| StoreError(obstacle.to_string()))
        })
    }

    fn delete(&self, name: &RecordName) -> Access<'_, ()> {
        let name = name.clone();
        Box::pin(async move { self.unless_absent(self.with_entry(&name, Purpose::Change, delete).await) })
    }

    fn set_aside(&self, name: &RecordName) -> Access<'_, String> {
        let name = name.clone();
        Box::pin(async move {
            let aside = name.set_aside();
            let place = format!("the keyring, service {SERVICE:?}, user name {:?}", aside.key);
            let moved = self.with_entry(&name, Purpose::Change, move |name| {
                if let Some(record) = read(name)? {
                    entry(&aside)?.set_secret(record.expose())?;
                }
                delete(name)
            });
            moved.await.map(|()| place).map_err(|obstacle| StoreError(obstacle.to_string()))
        })
    }

    fn list(&self) -> Access<'_, Vec<String>> {
        Box::pin(async move { self.unless_absent(self.keys().await) })
    }
}

/// The crate's own `Entry::new` would remember for ever that there was no keyring once.
fn entry(name: &RecordName) -> Result<Entry, Error> {
    Ok(Entry { inner: platform::entry(name)? })
}

fn read(name: &RecordName) -> Result<Option<Secret<Vec<u8>>>, Error> {
    match entry(name)?.get_secret() {
        Ok(record) => Ok(Some(Secret::new(record))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

fn delete(name: &RecordName) -> Result<(), Error> {
    match entry(name)?.delete_credential() {
        Err(Error::NoEntry) => Ok(()),
        other => other,
    }
}

/// The outcome of `work`, unless it takes longer than this.
async fn within<T>(clock: &dyn Clock, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let deadline = clock.now().boot + limit;
    tokio::select! {
        outcome = work => Some(outcome),
        () = clock.sleep_until(deadline) => None,
    }
}
