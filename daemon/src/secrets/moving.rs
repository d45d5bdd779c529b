//! Moves records to the store that is used from the others, and leaves none behind.
//!
//! A record that is found in another store is written to the chosen one first and removed from the other only once that is
//! durable. So a crash in between leaves two and never none; the newer one counts. While the chosen store cannot be read, a
//! record that another store has is served from there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::{Bytes, RecordName, SecretStore, StoreError, record};
use crate::waiting::lock;

pub(super) struct MovingStore {
    chosen: Arc<dyn SecretStore>,
    others: Vec<Arc<dyn SecretStore>>,
    reason: Option<String>,
    /// By key, why a record that another store may still have could not be moved yet.
    left: Mutex<BTreeMap<String, String>>,
}

impl MovingStore {
    /// Uses `chosen`, for the `reason` that `status` shows, and empties the `others`.
    pub(super) fn new(chosen: Arc<dyn SecretStore>, others: Vec<Arc<dyn SecretStore>>, reason: Option<String>) -> Self {
        Self { chosen, others, reason, left: Mutex::default() }
    }

    pub(super) fn kind(&self) -> &'static str {
        self.chosen.kind()
    }

    pub(super) fn reason(&self) -> Option<String> {
        self.reason.clone().or_else(|| lock(&self.left).values().next().cloned())
    }

    pub(super) async fn read(&self, name: &RecordName) -> Result<Option<Bytes>, StoreError> {
        let mut known = self.chosen.read(name).await;
        for other in &self.others {
            match other.read(name).await {
                Ok(None) => {}
                Ok(Some(found)) => known = self.take_over(name, known, found, &**other).await,
                Err(error) if known.as_ref().is_ok_and(Option::is_some) || other.kind() == "keyring" => {
                    self.leave(name, &**other, &error);
                }
                // The person can repair a file at once, and meanwhile must not look signed out.
                Err(error) => return known.and(Err(error)),
            }
        }
        known
    }

    /// Moves a record that was `found` in another store, if it is newer than the `known` one. Returns the one that counts.
    async fn take_over(
        &self,
        name: &RecordName,
        known: Result<Option<Bytes>, StoreError>,
        found: Bytes,
        other: &dyn SecretStore,
    ) -> Result<Option<Bytes>, StoreError> {
        let is_newer = match &known {
            Ok(Some(known)) => record::written_at(found.expose()) > record::written_at(known.expose()),
            Ok(None) => true,
            Err(error) => {
                self.leave(name, other, error);
                return Ok(Some(found));
            }
        };
        let counts = if is_newer {
            if let Err(error) = self.chosen.write(name, found.clone()).await {
                self.leave(name, other, &error);
                return Ok(Some(found));
            }
            Ok(Some(found))
        } else {
            known
        };
        match other.delete(name).await {
            Ok(()) => self.log_moved(name, other),
            Err(error) => self.leave(name, other, &error),
        }
        counts
    }

    /// Writes a record, and removes an older one that another store may still have.
    pub(super) async fn write(&self, name: &RecordName, record: Bytes) -> Result<(), StoreError> {
        self.chosen.write(name, record).await?;
        if !lock(&self.left).contains_key(&name.key) {
            return Ok(());
        }
        for other in &self.others {
            if let Err(error) = other.delete(name).await {
                self.leave(name, &**other, &error);
                return Ok(());
            }
            self.log_moved(name, &**other);
        }
        lock(&self.left).remove(&name.key);
        Ok(())
    }

    pub(super) async fn delete(&self, name: &RecordName) -> Result<(), StoreError> {
        for store in std::iter::once(&self.chosen).chain(&self.others) {
            store.delete(name).await?;
        }
        lock(&self.left).remove(&name.key);
        Ok(())
    }

    pub(super) async fn set_aside(&self, name: &RecordName) -> Result<(), StoreError> {
        self.chosen.set_aside(name).await
    }

    pub(super) async fn list(&self) -> Result<Vec<String>, StoreError> {
        let mut keys = BTreeSet::new();
        for store in std::iter::once(&self.chosen).chain(&self.others) {
            keys.extend(store.list().await?);
        }
        Ok(keys.into_iter().collect())
    }

    fn log_moved(&self, name: &RecordName, other: &dyn SecretStore) {
        let (from, to) = (other.kind(), self.chosen.kind());
        tracing::info!(record = name.label, from, to, "a record was moved to the store that is used");
    }

    /// Notes that another store may still have a record, and why.
    fn leave(&self, name: &RecordName, other: &dyn SecretStore, error: &StoreError) {
        let (from, to) = (other.kind(), self.chosen.kind());
        let known =
            lock(&self.left).insert(name.key.clone(), format!("a record may still be in the {from} store: {error}"));
        if known.is_none() {
            tracing::warn!(record = name.label, from, to, %error, "a record cannot be moved yet");
        }
    }
}

#[cfg(test)]
#[path = "moving_tests.rs"]
mod tests;
