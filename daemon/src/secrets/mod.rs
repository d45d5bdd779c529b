//! Stores of secrets: the trait ([`SecretStore`]), and the stored records ([`record`]).
//!
//! A store keeps opaque bytes under a name. Whether a secret is served does not depend on it: a store that is slow or broken
//! delays nothing but durability. [`choice`] decides which store is used, and `moving` moves records there from the others.

use async_trait::async_trait;
use ssoctl_protocol::Secret;
use tokio::sync::watch;

use crate::config::Identity;

pub mod choice;
pub mod file;
pub(crate) mod keyring;
pub mod memory;
mod moving;
pub mod record;

pub type Bytes = Secret<Vec<u8>>;

/// The text says what to do about the failure and never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordName {
    /// Letters and digits, followed by `.damaged` if the record was set aside.
    pub key: String,
    /// The record's name in the keyring's own windows.
    pub label: String,
}

const SET_ASIDE: &str = ".damaged";

impl RecordName {
    /// A record that a store lists, of which only the key is known.
    pub fn listed(key: String) -> Self {
        Self { key, label: "ssoctl: a record of no configured session".to_owned() }
    }

    /// The name that this record gets when it is set aside.
    pub fn set_aside(&self) -> Self {
        Self { key: format!("{}{SET_ASIDE}", self.key), label: format!("{} (damaged)", self.label) }
    }

    pub fn of(identity: &Identity) -> Self {
        let name = identity.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        let foreign = identity.issuer.as_ref().filter(|issuer| !issuer.is_aws());
        let issuer = foreign.map_or_else(String::new, |issuer| format!(" at {issuer}"));
        Self { key: identity.key(), label: format!("ssoctl: {}{name}{issuer}", identity.start_url) }
    }
}

#[async_trait]
pub trait SecretStore: Send + Sync {
    /// `keyring`, `file` or `memory`, as `status` shows it; `auto` while that is not decided yet.
    fn kind(&self) -> &'static str;

    /// The reason why this store is used, or its permanent problem. `None` if there is neither.
    fn reason(&self) -> Option<String> {
        None
    }

    /// Changes when records have to be read again: another store is used from now on, or the store works again.
    fn changes(&self) -> watch::Receiver<()> {
        // Without a sender, nothing ever changes.
        watch::channel(()).1
    }

    async fn read(&self, name: &RecordName) -> Result<Option<Bytes>, StoreError>;

    /// Writes a whole record: after a crash either the old or the new one is there.
    async fn write(&self, name: &RecordName, record: Bytes) -> Result<(), StoreError>;

    /// Removes a record. It is no error if there is none.
    async fn delete(&self, name: &RecordName) -> Result<(), StoreError>;

    /// Moves a record that cannot be understood to the name [`RecordName::set_aside`].
    async fn set_aside(&self, name: &RecordName) -> Result<(), StoreError> {
        if let Some(record) = self.read(name).await? {
            self.write(&name.set_aside(), record).await?;
        }
        self.delete(name).await
    }

    /// The keys of all records, sorted, with those that were set aside. The person is not asked for anything.
    async fn list(&self) -> Result<Vec<String>, StoreError>;
}
