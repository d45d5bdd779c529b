//! A store that forgets everything when the daemon stops, for people who want no secret to outlive it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{Bytes, RecordName, SecretStore, StoreError};
use crate::waiting::lock;

#[derive(Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Bytes>>);

#[async_trait]
impl SecretStore for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn read(&self, name: &RecordName) -> Result<Option<Bytes>, StoreError> {
        Ok(lock(&self.0).get(&name.key).cloned())
    }

    async fn write(&self, name: &RecordName, record: Bytes) -> Result<(), StoreError> {
        lock(&self.0).insert(name.key.clone(), record);
        Ok(())
    }

    async fn delete(&self, name: &RecordName) -> Result<(), StoreError> {
        lock(&self.0).remove(&name.key);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        Ok(lock(&self.0).keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use ssoctl_protocol::Secret;

    use super::*;

    #[tokio::test]
    async fn every_record_is_listed_and_one_that_was_set_aside_can_be_read_and_deleted() {
        let store = MemoryStore::default();
        let name = |key: &str| RecordName::listed(key.to_owned());
        for key in ["two", "one"] {
            store.write(&name(key), Secret::new(key.into())).await.unwrap();
        }
        store.set_aside(&name("two")).await.unwrap();
        assert_eq!(store.list().await, Ok(["one", "two.damaged"].map(str::to_owned).to_vec()));
        assert_eq!(store.read(&name("two.damaged")).await, Ok(Some(Secret::new(b"two".to_vec()))));
        store.delete(&name("two.damaged")).await.unwrap();
        assert_eq!(store.list().await, Ok(vec!["one".to_owned()]));
    }
}
