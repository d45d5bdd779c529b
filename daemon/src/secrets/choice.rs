//! Decides which store is used.
//!
//! `auto` means the keyring, and the file store only while the machine has no keyring. A keyring that appears later is used from
//! then on, and gets the records that are in files. The other way round never happens: a keyring that was used and is gone, now
//! or at the next start, is waited for, as is one that is locked or silent. None of that is a reason to write secrets in the
//! clear. A daemon that uses the keyring claims it for itself; a daemon that finds it claimed stays with its files.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::watch;

use super::file::FileStore;
use super::keyring::{KeyringStore, Obstacle, Use};
use super::memory::MemoryStore;
use super::moving::MovingStore;
use super::{Bytes, RecordName, SecretStore, StoreError};
use crate::chain::chain;
use crate::clock::Clock;
use crate::config;
use crate::lock::Claim;
use crate::machine::{MachineProblems, RESTART};

/// The name of the keyring's problems in [`MachineProblems`].
const PLACE: &str = "keyring";

pub struct ChosenStore {
    keyring: Arc<KeyringStore>,
    file: Arc<FileStore>,
    /// Held by the daemon that uses the keyring.
    claim: Arc<Claim>,
    machine: MachineProblems,
    /// `None` until it is decided which store is used.
    used: watch::Sender<Option<Arc<MovingStore>>>,
    changes: watch::Sender<()>,
    is_marked: AtomicBool,
}

impl ChosenStore {
    /// Uses the store that `setting` names, with files in the directory `records`. Has to be called within a tokio runtime.
    pub fn start(
        setting: config::StoreSetting,
        records: PathBuf,
        claim: Arc<Claim>,
        machine: MachineProblems,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let (uses_keyring, keyring_use) = match setting {
            config::StoreSetting::Auto | config::StoreSetting::Keyring => (true, Use::Keep),
            config::StoreSetting::File | config::StoreSetting::Memory => (false, Use::Empty),
        };
        let keyring = Arc::new(KeyringStore::new(keyring_use, clock));
        let file = Arc::new(FileStore::new(records));
        let used = match setting {
            config::StoreSetting::Auto => None,
            config::StoreSetting::Keyring => Some(MovingStore::new(keyring.clone(), vec![file.clone()], None)),
            config::StoreSetting::File => Some(emptying(file.clone(), vec![], &keyring, &claim)),
            config::StoreSetting::Memory => {
                Some(emptying(Arc::new(MemoryStore::default()), vec![file.clone()], &keyring, &claim))
            }
        };
        let store = Arc::new(Self {
            keyring,
            file,
            claim,
            machine,
            used: watch::Sender::new(used.map(Arc::new)),
            changes: watch::Sender::new(()),
            is_marked: AtomicBool::new(false),
        });
        if uses_keyring {
            if store.keyring.is_out_of_reach() {
                store.keyring_is(&Err(Obstacle::NoBus));
            }
            tokio::spawn(Arc::clone(&store).follow_keyring());
        } else {
            // The person has decided against the keyring. There may be no marker.
            let _ = fs::remove_file(store.marker());
        }
        store
    }

    async fn follow_keyring(self: Arc<Self>) {
        let mut news = self.keyring.follow(self.machine.clone());
        let mut next = self.keyring.first(&mut news).await;
        while let Some(found) = next {
            let store = Arc::clone(&self);
            // Claims are files, and file systems may hang.
            let _ = tokio::task::spawn_blocking(move || store.keyring_is(&found)).await;
            next = news.recv().await;
        }
    }

    /// Decides which store is used, now that the keyring can be used or not.
    fn keyring_is(&self, found: &Result<(), Obstacle>) {
        let before = self.used.borrow().as_ref().map(|used| used.kind());
        if before != Some("keyring") {
            let used = match found {
                Err(obstacle) if obstacle.is_absence() && !self.marker().exists() => {
                    // Another daemon that has a keyring may use it.
                    self.claim.give_up();
                    self.without_keyring(obstacle)
                }
                _ => self.with_keyring(found),
            };
            self.used.send_replace(Some(Arc::new(used)));
        }
        if self.kind() == "keyring" {
            self.report(found);
            if found.is_ok() && before.is_some() {
                self.changes.send_replace(());
            }
        }
    }

    fn with_keyring(&self, found: &Result<(), Obstacle>) -> MovingStore {
        if let Err(error) = self.claim.make() {
            return self.files(format!("the keyring is another daemon's: {}", chain(&error)));
        }
        match found {
            Ok(()) => tracing::info!(secret_store = "keyring", "the keyring keeps the secrets"),
            Err(obstacle) => {
                tracing::warn!(secret_store = "keyring", "the keyring cannot be used yet: {obstacle}");
            }
        }
        MovingStore::new(self.keyring.clone(), vec![self.file.clone()], None)
    }

    fn without_keyring(&self, obstacle: &Obstacle) -> MovingStore {
        self.files(match obstacle {
            Obstacle::NoBus => match moved_bus() {
                Some(address) => format!("there is no session bus where there was one, but at {address}; {RESTART}"),
                None => "there is no session bus, and without it no keyring".to_owned(),
            },
            _ => "there is no keyring on the session bus".to_owned(),
        })
    }

    fn files(&self, reason: String) -> MovingStore {
        let known = self.used.borrow().as_ref().and_then(|used| used.reason());
        if known.as_ref() != Some(&reason) {
            tracing::warn!(secret_store = "file", reason, "secrets are kept in files, in the clear");
        }
        MovingStore::new(self.file.clone(), Vec::new(), Some(reason))
    }

    /// Shows in `status` why the chosen keyring cannot be used.
    fn report(&self, found: &Result<(), Obstacle>) {
        let (why, remedy) = match found {
            Ok(()) => return self.machine.solved(PLACE),
            Err(Obstacle::NoBus | Obstacle::NoService) => match moved_bus() {
                Some(address) => (format!("its session bus is gone, and there is another one at {address}"), RESTART),
                None => (
                    "it is not on the session bus".to_owned(),
                    "start it (gnome-keyring, KWallet, KeePassXC), or set secret_store = \"file\"",
                ),
            },
            Err(Obstacle::Locked) => ("it is locked".to_owned(), "unlock it"),
            Err(Obstacle::NoCollection) => (
                "it has no default collection".to_owned(),
                "open its database (KeePassXC), or make one, for example with seahorse",
            ),
            // Sessions report the errors of their own calls.
            Err(_) => return,
        };
        let message = format!("the keyring cannot be used, so sign-ins are served and not saved: {why}");
        self.machine.found(PLACE, message, remedy);
    }

    /// The store that is used, once that is decided.
    async fn used(&self) -> Arc<MovingStore> {
        let mut used = self.used.subscribe();
        let used = used.wait_for(Option::is_some).await;
        // The sender is ours, so waiting cannot fail.
        used.ok().and_then(|used| used.clone()).unwrap_or_else(|| Arc::new(self.without_keyring(&Obstacle::NoBus)))
    }

    /// The file which says that a keyring of this home has records.
    fn marker(&self) -> PathBuf {
        self.claim.file().with_extension("used")
    }

    /// Remembers that the keyring has records, so that no daemon takes its absence for a machine without one.
    async fn mark(&self, used: &MovingStore) {
        if used.kind() != "keyring" || self.is_marked.swap(true, Ordering::Relaxed) {
            return;
        }
        let marker = self.marker();
        let made = tokio::task::spawn_blocking(move || File::create(marker)).await;
        if let Ok(Err(error)) = made {
            tracing::warn!(%error, "failed to remember that the keyring has records");
        }
    }
}

/// The address of the session bus that replaced one that is gone.
fn moved_bus() -> Option<String> {
    #[cfg(target_os = "linux")]
    return crate::session_bus::moved().map(|address| address.display().to_string());
    #[cfg(not(target_os = "linux"))]
    None
}

/// A store into which records move from the keyring, too, unless another daemon uses that.
fn emptying(
    chosen: Arc<dyn SecretStore>,
    mut others: Vec<Arc<dyn SecretStore>>,
    keyring: &Arc<KeyringStore>,
    claim: &Claim,
) -> MovingStore {
    if !keyring.is_out_of_reach() {
        match claim.make() {
            Ok(_) => others.push(keyring.clone()),
            Err(error) => tracing::warn!("nothing is moved out of the keyring: {error}"),
        }
    }
    MovingStore::new(chosen, others, None)
}

/// Whether a daemon with this `setting` that was refused the keyring can do without it, as the machine has none.
pub async fn can_do_without_keyring(setting: config::StoreSetting, clock: Arc<dyn Clock>) -> bool {
    match setting {
        config::StoreSetting::File | config::StoreSetting::Memory => true,
        config::StoreSetting::Keyring => false,
        config::StoreSetting::Auto => {
            let keyring = KeyringStore::new(Use::Empty, clock);
            keyring.is_out_of_reach() || keyring.search().await.is_err_and(|obstacle| obstacle.is_absence())
        }
    }
}

#[async_trait]
impl SecretStore for ChosenStore {
    fn kind(&self) -> &'static str {
        self.used.borrow().as_ref().map_or("auto", |used| used.kind())
    }

    fn reason(&self) -> Option<String> {
        self.used.borrow().as_ref().and_then(|used| used.reason())
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    async fn read(&self, name: &RecordName) -> Result<Option<Bytes>, StoreError> {
        let used = self.used().await;
        let found = used.read(name).await?;
        if found.is_some() {
            self.mark(&used).await;
        }
        Ok(found)
    }

    async fn write(&self, name: &RecordName, record: Bytes) -> Result<(), StoreError> {
        let used = self.used().await;
        used.write(name, record).await?;
        self.mark(&used).await;
        Ok(())
    }

    async fn delete(&self, name: &RecordName) -> Result<(), StoreError> {
        self.used().await.delete(name).await
    }

    async fn set_aside(&self, name: &RecordName) -> Result<(), StoreError> {
        self.used().await.set_aside(name).await
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.used().await.list().await
    }
}
