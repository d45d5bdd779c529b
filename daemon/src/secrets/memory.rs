//! A store that forgets everything when the daemon stops, for people who want no secret to outlive it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ssoctl_protocol::Secret;

use super::{Access, SecretStore};

/// Keeps records in memory.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<String, Secret<Vec<u8>>>>,
}

impl SecretStore for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn read(&self, key: &str) -> Access<'_, Option<Secret<Vec<u8>>>> {
        let record = self.records.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        Box::pin(std::future::ready(Ok(record)))
    }

    fn write(&self, key: &str, record: Secret<Vec<u8>>) -> Access<'_, ()> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), record);
        Box::pin(std::future::ready(Ok(())))
    }

    fn set_aside(&self, key: &str) -> Access<'_, String> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        Box::pin(std::future::ready(Ok("nowhere".to_owned())))
    }
}
