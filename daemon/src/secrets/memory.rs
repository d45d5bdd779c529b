//! A store that forgets everything when the daemon stops, for people who want no secret to outlive it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ssoctl_protocol::Secret;

use super::{Access, RecordName, SecretStore};

/// Keeps records in memory.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<String, Secret<Vec<u8>>>>,
}

impl SecretStore for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn read(&self, name: &RecordName) -> Access<'_, Option<Secret<Vec<u8>>>> {
        let record = self.records.lock().unwrap_or_else(PoisonError::into_inner).get(&name.key).cloned();
        Box::pin(std::future::ready(Ok(record)))
    }

    fn write(&self, name: &RecordName, record: Secret<Vec<u8>>) -> Access<'_, ()> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).insert(name.key.clone(), record);
        Box::pin(std::future::ready(Ok(())))
    }

    fn delete(&self, name: &RecordName) -> Access<'_, ()> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).remove(&name.key);
        Box::pin(std::future::ready(Ok(())))
    }

    fn set_aside(&self, name: &RecordName) -> Access<'_, String> {
        let aside = name.set_aside().key;
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let place = format!("memory, as {aside:?}");
        if let Some(record) = records.remove(&name.key) {
            records.insert(aside, record);
        }
        Box::pin(std::future::ready(Ok(place)))
    }

    fn list(&self) -> Access<'_, Vec<String>> {
        let mut keys: Vec<String> =
            self.records.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        keys.sort();
        Box::pin(std::future::ready(Ok(keys)))
    }
}

#[cfg(test)]
mod tests {
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
