//! Records follow when another store is chosen, and none is left behind.
//!
//! A record that is found in another store is written to the chosen one first and removed from the other only once that is
//! durable, so that a crash in between leaves two and never none; the newer one counts. While the chosen store cannot be
//! read, what another one has is served from there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use ssoctl_protocol::Secret;

use super::{Access, RecordName, SecretStore, StoreError, record};

/// The chosen store, and those that may still have records.
pub struct MovingStore {
    chosen: Arc<dyn SecretStore>,
    elsewhere: Vec<Arc<dyn SecretStore>>,
    reason: Option<String>,
    /// By key, what another store may still have, and why it could not be moved yet.
    left: Mutex<BTreeMap<String, String>>,
}

impl MovingStore {
    /// Uses `chosen`, for this `reason` if there is one to be told, and empties the others.
    pub fn new(chosen: Arc<dyn SecretStore>, elsewhere: Vec<Arc<dyn SecretStore>>, reason: Option<String>) -> Self {
        Self { chosen, elsewhere, reason, left: Mutex::default() }
    }

    async fn find(&self, name: &RecordName) -> Result<Option<Secret<Vec<u8>>>, StoreError> {
        let mut known = self.chosen.read(name).await;
        for other in &self.elsewhere {
            match other.read(name).await {
                Ok(None) => {}
                Ok(Some(found)) => known = self.take_over(name, known, found, &**other).await,
                Err(error) if known.as_ref().is_ok_and(Option::is_some) || other.kind() == "keyring" => {
                    self.leave(name, &**other, &error);
                }
                // What the person can put right at once must not look like a sign-out.
                Err(error) => return known.and(Err(error)),
            }
        }
        known
    }

    /// What counts, of what the chosen store has and what was `found` elsewhere.
    async fn take_over(
        &self,
        name: &RecordName,
        known: Result<Option<Secret<Vec<u8>>>, StoreError>,
        found: Secret<Vec<u8>>,
        other: &dyn SecretStore,
    ) -> Result<Option<Secret<Vec<u8>>>, StoreError> {
        let counts = match &known {
            Ok(Some(known)) => record::written_at(found.expose()) > record::written_at(known.expose()),
            Ok(None) => true,
            Err(error) => {
                self.leave(name, other, error);
                return Ok(Some(found));
            }
        };
        let kept = if counts {
            if let Err(error) = self.chosen.write(name, found.clone()).await {
                self.leave(name, other, &error);
                return Ok(Some(found));
            }
            Ok(Some(found))
        } else {
            known
        };
        match other.delete(name).await {
            Ok(()) => self.moved(name, other),
            Err(error) => self.leave(name, other, &error),
        }
        kept
    }

    /// Removes from the other stores what they may still have, now that the chosen one has something newer.
    async fn sweep(&self, name: &RecordName) {
        if !self.left().contains_key(&name.key) {
            return;
        }
        for other in &self.elsewhere {
            if let Err(error) = other.delete(name).await {
                return self.leave(name, &**other, &error);
            }
            self.moved(name, &**other);
        }
        self.left().remove(&name.key);
    }

    fn moved(&self, name: &RecordName, other: &dyn SecretStore) {
        let (from, to) = (other.kind(), self.chosen.kind());
        tracing::info!(record = name.label, from, to, "nothing of this record is left where it was");
    }

    fn leave(&self, name: &RecordName, other: &dyn SecretStore, error: &StoreError) {
        let (from, to) = (other.kind(), self.chosen.kind());
        let known = self.left().insert(name.key.clone(), format!("a record may still be in the {from} store: {error}"));
        if known.is_none() {
            tracing::warn!(record = name.label, from, to, %error, "a record cannot be moved yet");
        }
    }

    fn left(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretStore for MovingStore {
    fn kind(&self) -> &'static str {
        self.chosen.kind()
    }

    fn reason(&self) -> Option<String> {
        self.reason.clone().or_else(|| self.left().values().next().cloned())
    }

    fn read(&self, name: &RecordName) -> Access<'_, Option<Secret<Vec<u8>>>> {
        let name = name.clone();
        Box::pin(async move { self.find(&name).await })
    }

    fn write(&self, name: &RecordName, record: Secret<Vec<u8>>) -> Access<'_, ()> {
        let name = name.clone();
        Box::pin(async move {
            self.chosen.write(&name, record).await?;
            self.sweep(&name).await;
            Ok(())
        })
    }

    fn delete(&self, name: &RecordName) -> Access<'_, ()> {
        let name = name.clone();
        Box::pin(async move {
            for store in std::iter::once(&self.chosen).chain(&self.elsewhere) {
                store.delete(&name).await?;
            }
            self.left().remove(&name.key);
            Ok(())
        })
    }

    fn set_aside(&self, name: &RecordName) -> Access<'_, String> {
        self.chosen.set_aside(name)
    }

    fn list(&self) -> Access<'_, Vec<String>> {
        Box::pin(async move {
            let mut keys = BTreeSet::new();
            for store in std::iter::once(&self.chosen).chain(&self.elsewhere) {
                keys.extend(store.list().await?);
            }
            Ok(keys.into_iter().collect())
        })
    }
}

#[cfg(test)]
#[path = "moving_tests.rs"]
mod tests;
