//! Where secrets are kept: the door ([`SecretStore`]) and the record that goes through it.
//!
//! A store keeps opaque bytes under a name; what they mean is [`record`]'s business. It never decides whether a secret is
//! served: a store that is slow or broken delays nothing but durability. [`choice`] says which store is used, and
//! [`moving`] brings records along that another one still has.

use std::pin::Pin;

use ssoctl_protocol::Secret;
use tokio::sync::watch;

use crate::config::Identity;

pub mod choice;
pub mod file;
pub mod keyring;
pub mod memory;
pub mod moving;
pub mod record;

/// The boxed future of a store's operation.
pub type Access<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store could not do what it was asked for. The text says what to do about it and never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Which record is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordName {
    /// What it is found by: letters and digits, and `.damaged` behind them if it was set aside.
    pub key: String,
    /// What people see of it who look into their keyring.
    pub label: String,
}

/// What the key of a record ends with that was set aside.
const SET_ASIDE: &str = ".damaged";

impl RecordName {
    /// A record that a store lists, of which nothing but the key is known.
    pub fn listed(key: String) -> Self {
        Self { key, label: "ssoctl: a record of no configured session".to_owned() }
    }

    /// The record that this one becomes when it is set aside.
    fn set_aside(&self) -> Self {
        Self { key: format!("{}{SET_ASIDE}", self.key), label: format!("{} (damaged)", self.label) }
    }

    /// The record of this session.
    pub fn of(identity: &Identity) -> Self {
        let name = identity.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        let issuer = if identity.issuer.is_aws() { String::new() } else { format!(" at {}", identity.issuer) };
        Self { key: identity.key(), label: format!("ssoctl: {}{name}{issuer}", identity.start_url) }
    }
}

/// The door to a place that keeps secrets.
pub trait SecretStore: Send + Sync {
    /// `keyring`, `file` or `memory`, as `status` shows it; `auto` while that is not decided yet.
    fn kind(&self) -> &'static str;

    /// Why it is this one, or what is not as it should be for good. `None` where nothing has to be said.
    fn reason(&self) -> Option<String> {
        None
    }

    /// Tells whenever records are to be looked at again: another place keeps them from now on, or can be used again.
    fn changes(&self) -> watch::Receiver<()> {
        // Nothing ever changes where nobody can send.
        watch::channel(()).1
    }

    /// Reads a record; `None` if there is none.
    fn read(&self, name: &RecordName) -> Access<'_, Option<Secret<Vec<u8>>>>;

    /// Writes a record, whole: after a crash either the old or the new one is there.
    fn write(&self, name: &RecordName, record: Secret<Vec<u8>>) -> Access<'_, ()>;

    /// Removes a record. That there is none is no error.
    fn delete(&self, name: &RecordName) -> Access<'_, ()>;

    /// Puts a record that cannot be read out of the way without destroying it, and says where it went.
    fn set_aside(&self, name: &RecordName) -> Access<'_, String>;

    /// The keys of all records, in their order, those that were set aside among them. They can be read and deleted as all
    /// others. Nobody is asked for anything.
    fn list(&self) -> Access<'_, Vec<String>>;
}
