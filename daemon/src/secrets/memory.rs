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
        self.records.lock().unwrap_or_else(PoisonError::into_inner).remove(&name.key);
        Box::pin(std::future::ready(Ok("nowhere".to_owned())))
    }
}
