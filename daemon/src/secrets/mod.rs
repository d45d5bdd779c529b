//! Where secrets are kept: the door ([`SecretStore`]) and the record that goes through it.
//!
//! A store keeps opaque bytes under a key; what they mean is [`record`]'s business. It never decides whether a secret is
//! served: a store that is slow or broken delays nothing but durability.

use std::pin::Pin;

use ssoctl_protocol::Secret;

pub mod file;
pub mod memory;
pub mod record;

/// The boxed future of a store's operation.
pub type Access<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store could not do what it was asked for. The text says what to do about it and never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// The door to a place that keeps secrets.
pub trait SecretStore: Send + Sync {
    /// `file` or `memory`, as `status` shows it.
    fn kind(&self) -> &'static str;

    /// Reads the record under this key; `None` if there is none.
    fn read(&self, key: &str) -> Access<'_, Option<Secret<Vec<u8>>>>;

    /// Writes the record under this key, whole: after a crash either the old or the new one is there.
    fn write(&self, key: &str, record: Secret<Vec<u8>>) -> Access<'_, ()>;

    /// Puts a record that cannot be read out of the way without destroying it, and says where it went.
    fn set_aside(&self, key: &str) -> Access<'_, String>;
}
