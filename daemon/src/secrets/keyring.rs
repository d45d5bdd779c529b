//! The keyring of the person: Secret Service on Linux, Keychain on macOS.
//!
//! Calls of the keyring crate block, some for ever (a bus that does not answer) and some until the person has answered a
//! prompt. So each is made on a separate thread with a deadline, and only after the [`Gate`] has found out, without blocking
//! and without a prompt, that the call will go through. Nothing is kept between two calls, since the keyring may have changed.

#[cfg(not(target_os = "macos"))]
mod availability;
mod calls;
#[cfg(target_os = "macos")]
#[path = "keyring/keychain.rs"]
mod platform;
#[cfg(not(target_os = "macos"))]
#[path = "keyring/secret_service.rs"]
mod platform;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyring::{Entry, Error};
use ssoctl_protocol::Secret;
use tokio::sync::mpsc;

use super::{Bytes, RecordName, SecretStore, StoreError};
use crate::clock::Clock;
use crate::machine::MachineProblems;
use calls::Calls;
use platform::Gate;
#[cfg(target_os = "linux")]
pub(crate) use platform::look;

const PATIENCE: Duration = Duration::from_secs(5);

/// The longest time to find out whether there is a keyring. Shorter, because the first token waits for it.
const SEARCH_PATIENCE: Duration = Duration::from_secs(3);

/// The attribute `service` of every record. The attribute `username` is the record's key.
const SERVICE: &str = "ssoctl";

/// Whether the keyring can be used; told when that changes, and when another keyring came.
pub(super) type KeyringNews = mpsc::Receiver<Result<(), Obstacle>>;

pub(super) struct KeyringStore {
    clock: Arc<dyn Clock>,
    used_to: Use,
    gate: Gate,
    calls: Calls,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// Records are kept there. If it is locked when the first record is read, the person is asked once to unlock it.
    Keep,
    /// Records are only moved away from there. The person is asked for nothing, and a machine without a keyring has no records.
    Empty,
}

#[cfg_attr(target_os = "macos", allow(dead_code, reason = "only the Secret Service has to be started"))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Usable {
    Unlocked,
    /// The bus starts it when it is needed.
    Startable,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    /// There is no address or socket of a session bus, or no bus listens there.
    #[error("there is no session bus, and without it no keyring; log in to a desktop, or set secret_store = \"file\"")]
    NoBus,
    #[error(
        "there is no keyring on the session bus; start one, such as gnome-keyring or KWallet, or set secret_store = \
         \"file\""
    )]
    NoService,
    #[error("the keyring is locked; unlock it to have sign-ins saved; tokens go on being served meanwhile")]
    Locked,
    /// A Secret Service without a collection to put new items in.
    #[error(
        "the keyring has no default collection; open its database (KeePassXC), or make one, for example with seahorse"
    )]
    NoCollection,
    #[error("the keyring does not answer; it is tried again, and tokens go on being served meanwhile")]
    Silent,
    #[error("the keyring has several items of service {SERVICE:?} for one session; remove all but the newest")]
    Ambiguous,
    #[error("the keyring refuses: {0}")]
    Refused(String),
    #[error("the keyring failed: {0}")]
    Failed(String),
}

impl Obstacle {
    /// Whether the machine has no keyring, like servers and containers. A keyring that is locked, silent or broken exists.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self, Self::NoBus | Self::NoService)
    }
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        match error {
            Error::NoStorageAccess(why) => Self::Refused(why.to_string()),
            Error::PlatformFailure(why) => Self::Failed(why.to_string()),
            Error::Ambiguous(_) => Self::Ambiguous,
            // These errors hold the secret.
            Error::BadDataFormat(..) | Error::BadEncoding(_) => Self::Failed("what it gave is garbled".to_owned()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<Obstacle> for StoreError {
    fn from(obstacle: Obstacle) -> Self {
        Self(obstacle.to_string())
    }
}

impl KeyringStore {
    pub(super) fn new(used_to: Use, clock: Arc<dyn Clock>) -> Self {
        Self { clock, used_to, gate: Gate::default(), calls: Calls::default() }
    }

    /// Whether it is certain, without asking anything over D-Bus, that there is no keyring now.
    pub(super) fn is_out_of_reach(&self) -> bool {
        #[cfg(not(target_os = "macos"))]
        return !crate::session_bus::is_named();
        #[cfg(target_os = "macos")]
        false
    }

    /// Follows whether there is a keyring. Has to be called within a tokio runtime.
    pub(super) fn follow(&self, machine: MachineProblems) -> KeyringNews {
        let (tell, news) = mpsc::channel(1);
        #[cfg(not(target_os = "macos"))]
        tokio::spawn(availability::follow(machine, tell));
        #[cfg(target_os = "macos")]
        {
            // Keychain is always there.
            drop(machine);
            let _ = tell.try_send(Ok(()));
        }
        news
    }

    /// The first news, which must not take long.
    pub(super) async fn first(&self, news: &mut KeyringNews) -> Option<Result<(), Obstacle>> {
        self.clock.within(SEARCH_PATIENCE, news.recv()).await.unwrap_or(Some(Err(Obstacle::Silent)))
    }

    pub(super) async fn search(&self) -> Result<(), Obstacle> {
        self.clock.within(SEARCH_PATIENCE, self.gate.search()).await.unwrap_or(Err(Obstacle::Silent))
    }

    /// Makes a call for a record, if it needs no prompt.
    async fn call<T: Send + 'static>(
        &self,
        name: &RecordName,
        work: impl FnOnce(&RecordName) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Obstacle> {
        self.admit(Some(&name.key)).await?;
        let name = name.clone();
        Ok(self.calls.run(&*self.clock, PATIENCE, move || work(&name)).await??)
    }

    /// Whether the record with this key, or every one, can be read and changed without a prompt.
    async fn admit(&self, key: Option<&str>) -> Result<(), Obstacle> {
        self.clock.within(PATIENCE, self.gate.admit(key)).await.unwrap_or(Err(Obstacle::Silent))?;
        // If it is locked from now on, the person wants it locked.
        self.gate.ask_never();
        Ok(())
    }

    async fn keys(&self) -> Result<Vec<String>, Obstacle> {
        self.admit(None).await?;
        #[cfg(not(target_os = "macos"))]
        let keys = self.clock.within(PATIENCE, platform::keys()).await.unwrap_or(Err(Obstacle::Silent));
        #[cfg(target_os = "macos")]
        let keys = self.calls.run(&*self.clock, PATIENCE, platform::keys).await?.map_err(Obstacle::from);
        let mut keys = keys?;
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// A keyring that is only emptied may be missing.
    fn unless_absent<T: Default>(&self, result: Result<T, Obstacle>) -> Result<T, StoreError> {
        let may_be_missing = |obstacle: &Obstacle| obstacle.is_absence() || *obstacle == Obstacle::NoCollection;
        match result {
            Err(obstacle) if self.used_to == Use::Empty && may_be_missing(&obstacle) => Ok(T::default()),
            other => Ok(other?),
        }
    }
}

#[async_trait]
impl SecretStore for KeyringStore {
    fn kind(&self) -> &'static str {
        "keyring"
    }

    async fn read(&self, name: &RecordName) -> Result<Option<Bytes>, StoreError> {
        let read = self.call(name, |name| match entry(name)?.get_secret() {
            Ok(record) => Ok(Some(Secret::new(record))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        });
        let read = read.await;
        if self.used_to == Use::Keep && read == Err(Obstacle::Locked) {
            self.gate.ask_once(&self.clock);
        }
        self.unless_absent(read)
    }

    async fn write(&self, name: &RecordName, record: Bytes) -> Result<(), StoreError> {
        Ok(self.call(name, move |name| entry(name)?.set_secret(record.expose())).await?)
    }

    async fn delete(&self, name: &RecordName) -> Result<(), StoreError> {
        let deleted = self.call(name, |name| match entry(name)?.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            other => other,
        });
        self.unless_absent(deleted.await)
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.unless_absent(self.keys().await)
    }
}

/// The crate's own `Entry::new` would remember for ever that there was no keyring once.
fn entry(name: &RecordName) -> Result<Entry, Error> {
    Ok(Entry { inner: platform::entry(name)? })
}
