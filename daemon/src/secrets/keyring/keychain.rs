//! Keychain asks the person by itself, inside the call, which is why one call at a time may hang there.

use std::collections::HashMap;
use std::sync::Arc;

use apple_native_keyring_store::keychain::Store;
use keyring::Error;
use keyring_core::api::CredentialStoreApi;

use super::super::RecordName;
use super::{Obstacle, SERVICE};
use crate::clock::Clock;

/// Keychain is always there, and only a call can tell whether it lets us in.
#[derive(Default)]
pub(super) struct Gate;

impl Gate {
    pub(super) async fn search(&self) -> Result<(), Obstacle> {
        Ok(())
    }

    pub(super) async fn admit(&self, _key: Option<&str>) -> Result<(), Obstacle> {
        Ok(())
    }

    pub(super) fn ask_once(&self, _clock: &Arc<dyn Clock>) {}

    pub(super) fn ask_never(&self) {}
}

/// Keychain shows the service as an item's name, and takes no label.
pub(super) fn entry(name: &RecordName) -> Result<keyring_core::Entry, Error> {
    Store::new()?.build(SERVICE, &name.key, None)
}

pub(super) fn keys() -> Result<Vec<String>, Error> {
    let found = Store::new()?.search(&HashMap::from([("service", SERVICE)]))?;
    let of_ours =
        found.iter().filter_map(keyring_core::Entry::get_specifiers).filter(|(service, _)| service == SERVICE);
    Ok(of_ours.map(|(_, key)| key).collect())
}
