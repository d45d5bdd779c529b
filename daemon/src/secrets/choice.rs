//! Which store is used.
//!
//! `auto` is decided once in the life of a daemon, in the background: the keyring, and the file store only where the machine
//! has no keyring. Whoever uses it claims it for itself; a daemon that finds it only later, and finds it claimed, stays with its
//! files. One that is locked, or does not answer for now, is no reason to write secrets in the clear.

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
use crate::lock::Claim;

/// The store that was configured.
pub struct ChosenStore {
    keyring: Arc<KeyringStore>,
    file: Arc<FileStore>,
    decided: OnceCell<MovingStore>,
    /// Made by whoever uses the keyring.
    claim: Arc<Claim>,
}

impl ChosenStore {
    /// What `setting` says, with files in the directory `records`. Has to be called within a tokio runtime.
    pub fn start(
        setting: config::SecretStore,
        records: PathBuf,
        claim: Arc<Claim>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let part = match setting {
            config::SecretStore::Auto | config::SecretStore::Keyring => Part::Chosen,
            config::SecretStore::File | config::SecretStore::Memory => Part::Elsewhere,
        };
        let keyring = Arc::new(KeyringStore::new(part, clock));
        let file = Arc::new(FileStore::new(records));
        let at_once = match setting {
            config::SecretStore::Auto if keyring.is_out_of_reach() => {
                claim.give_up();
                Some(fallback(&file, &Obstacle::NoBus))
            }
            config::SecretStore::Auto => None,
            config::SecretStore::Keyring => Some(MovingStore::new(keyring.clone(), vec![file.clone()], None)),
            config::SecretStore::File => Some(emptying(file.clone(), vec![], &keyring, &claim)),
            config::SecretStore::Memory => {
                Some(emptying(Arc::new(MemoryStore::default()), vec![file.clone()], &keyring, &claim))
            }
        };
        let is_decided = at_once.is_some();
        let store = Arc::new(Self { keyring, file, claim, decided: OnceCell::new_with(at_once) });
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
            Err(obstacle) if obstacle.is_absence() => {
                // Whoever has a keyring may use it.
                self.claim.give_up();
                fallback(&self.file, &obstacle)
            }
            found => {
                if let Err(error) = self.claim.make() {
                    let reason = format!("the keyring is another daemon's: {error}");
                    tracing::warn!(secret_store = "file", reason, "secrets are kept in files, in the clear");
                    return MovingStore::new(self.file.clone(), Vec::new(), Some(reason));
                }
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

/// A store into which records move from the keyring, too, unless another daemon uses that.
fn emptying(
    chosen: Arc<dyn SecretStore>,
    mut elsewhere: Vec<Arc<dyn SecretStore>>,
    keyring: &Arc<KeyringStore>,
    claim: &Claim,
) -> MovingStore {
    if keyring.is_out_of_reach() {
        return MovingStore::new(chosen, elsewhere, None);
    }
    match claim.make() {
        Ok(_) => elsewhere.push(keyring.clone()),
        Err(error) => tracing::warn!("nothing is moved out of the keyring: {error}"),
    }
    MovingStore::new(chosen, elsewhere, None)
}

/// Whether a daemon with this `setting` that was refused the keyring can do without it, as the machine has none.
pub async fn can_do_without_keyring(setting: config::SecretStore, clock: Arc<dyn Clock>) -> bool {
    match setting {
        config::SecretStore::File | config::SecretStore::Memory => true,
        config::SecretStore::Keyring => false,
        config::SecretStore::Auto => {
            let keyring = KeyringStore::new(Part::Elsewhere, clock);
            keyring.is_out_of_reach() || keyring.search().await.is_err_and(|obstacle| obstacle.is_absence())
        }
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
