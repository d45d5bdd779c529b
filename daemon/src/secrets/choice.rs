//! Which store is used.
//!
//! `auto` is decided once in the life of a daemon, in the background: the keyring, and the file store only where the machine
//! has no keyring. One that is locked, or does not answer for now, is no reason to write secrets in the clear.

use std::path::PathBuf;
use std::sync::Arc;

use ssoctl_protocol::Secret;
use tokio::sync::OnceCell;

use super::file::FileStore;
use super::keyring::{KeyringStore, Obstacle, Part};
use super::memory::MemoryStore;
use super::moving::MovingStore;
use super::{Access, RecordName, SecretStore};
use crate::clock::Clock;
use crate::config;

/// The store that was configured.
pub struct ChosenStore {
    keyring: Arc<KeyringStore>,
    file: Arc<FileStore>,
    decided: OnceCell<MovingStore>,
}

impl ChosenStore {
    /// What `setting` says, with files in the directory `records`. Has to be called within a tokio runtime.
    pub fn start(setting: config::SecretStore, records: PathBuf, clock: Arc<dyn Clock>) -> Arc<Self> {
        let part = match setting {
            config::SecretStore::Auto | config::SecretStore::Keyring => Part::Chosen,
            config::SecretStore::File | config::SecretStore::Memory => Part::Elsewhere,
        };
        let keyring = Arc::new(KeyringStore::new(part, clock));
        let file = Arc::new(FileStore::new(records));
        let at_once = match setting {
            config::SecretStore::Auto if keyring.is_out_of_reach() => Some(fallback(&file, &Obstacle::NoBus)),
            config::SecretStore::Auto => None,
            config::SecretStore::Keyring => Some(MovingStore::new(keyring.clone(), vec![file.clone()], None)),
            config::SecretStore::File => Some(MovingStore::new(file.clone(), vec![keyring.clone()], None)),
            config::SecretStore::Memory => {
                let memory = Arc::new(MemoryStore::default());
                Some(MovingStore::new(memory, vec![file.clone(), keyring.clone()], None))
            }
        };
        let is_decided = at_once.is_some();
        let store = Arc::new(Self { keyring, file, decided: OnceCell::new_with(at_once) });
        if !is_decided {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                store.decided().await;
            });
        }
        store
    }

    async fn decided(&self) -> &MovingStore {
        let decide = async || match self.keyring.search().await {
            Err(obstacle) if obstacle.is_absence() => fallback(&self.file, &obstacle),
            found => {
                match found {
                    Ok(()) => tracing::info!(secret_store = "keyring", "the keyring keeps the secrets"),
                    Err(obstacle) => {
                        tracing::warn!(secret_store = "keyring", "the keyring is to keep the secrets, but: {obstacle}");
                    }
                }
                MovingStore::new(self.keyring.clone(), vec![self.file.clone()], None)
            }
        };
        self.decided.get_or_init(decide).await
    }
}

fn fallback(file: &Arc<FileStore>, obstacle: &Obstacle) -> MovingStore {
    let reason = match obstacle {
        Obstacle::NoBus => "there is no session bus, and without it no keyring",
        _ => "there is no keyring on the session bus",
    };
    tracing::warn!(secret_store = "file", reason, "secrets are kept in files, in the clear");
    MovingStore::new(file.clone(), Vec::new(), Some(reason.to_owned()))
}

impl SecretStore for ChosenStore {
    fn kind(&self) -> &'static str {
        self.decided.get().map_or("auto", SecretStore::kind)
    }

    fn reason(&self) -> Option<String> {
        self.decided.get().and_then(SecretStore::reason)
    }

    fn read(&self, name: &RecordName) -> Access<'_, Option<Secret<Vec<u8>>>> {
        let name = name.clone();
        Box::pin(async move { self.decided().await.read(&name).await })
    }

    fn write(&self, name: &RecordName, record: Secret<Vec<u8>>) -> Access<'_, ()> {
        let name = name.clone();
        Box::pin(async move { self.decided().await.write(&name, record).await })
    }

    fn delete(&self, name: &RecordName) -> Access<'_, ()> {
        let name = name.clone();
        Box::pin(async move { self.decided().await.delete(&name).await })
    }

    fn set_aside(&self, name: &RecordName) -> Access<'_, String> {
        let name = name.clone();
        Box::pin(async move { self.decided().await.set_aside(&name).await })
    }
}
