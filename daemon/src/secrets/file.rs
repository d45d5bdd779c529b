//! Keeps each record in a separate file, in the clear.
//!
//! The files have mode 0600 and the directory 0700, and a file is never torn. Files and directories that another user owns or
//! can read are refused rather than repaired, because another user may have read them already.

use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use async_trait::async_trait;
use ssoctl_files::directory;
use ssoctl_files::remedy::explained;

use super::{Bytes, RecordName, SET_ASIDE, SecretStore, StoreError};
use crate::file_work::FileWork;
use crate::owner::{belongs, is_foreign};
use crate::regular_file::{Link, NotRead, RegularFile};
use crate::replacement::{self, Replacement};

/// The longest file that is read, in bytes. No record is longer.
const LONGEST_RECORD: u64 = 1 << 20;

pub struct FileStore {
    directory: Arc<Path>,
    swept: Arc<Once>,
    work: FileWork,
}

impl FileStore {
    /// The directory is made at the first write.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory: directory.into(), swept: Arc::new(Once::new()), work: FileWork::default() }
    }

    async fn with_file<T: Send + 'static>(
        &self,
        name: &RecordName,
        work: impl FnOnce(&Path, &Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = file_name(&name.key);
        self.blocking(move |directory| work(directory, &directory.join(file))).await
    }

    /// Runs `work` on a thread, since file systems may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (directory, swept) = (Arc::clone(&self.directory), Arc::clone(&self.swept));
        let done = self.work.run(move || {
            // The temporary files of a killed daemon hold secrets. One daemon at a time uses the directory.
            swept.call_once(|| replacement::sweep(&directory));
            work(&directory)
        });
        done.await.unwrap_or_else(|| Err(StoreError("the file store failed unexpectedly".to_owned())))
    }
}

#[async_trait]
impl SecretStore for FileStore {
    fn kind(&self) -> &'static str {
        "file"
    }

    async fn read(&self, name: &RecordName) -> Result<Option<Bytes>, StoreError> {
        self.with_file(name, read).await
    }

    async fn write(&self, name: &RecordName, record: Bytes) -> Result<(), StoreError> {
        self.with_file(name, move |directory, file| write(directory, file, &record)).await
    }

    async fn delete(&self, name: &RecordName) -> Result<(), StoreError> {
        self.with_file(name, |_, file| delete(file)).await
    }

    /// Renames the file, which also works on a full disk.
    async fn set_aside(&self, name: &RecordName) -> Result<(), StoreError> {
        let aside = file_name(&name.set_aside().key);
        self.with_file(name, move |directory, file| {
            fs::rename(file, directory.join(aside)).map_err(|error| failed("move", file, &error))
        })
        .await
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.blocking(list).await
    }
}

fn file_name(key: &str) -> String {
    if key.ends_with(SET_ASIDE) { key.to_owned() } else { format!("{key}.json") }
}

/// The key of the record in a file of this name; `None` if it is no record.
fn key_of(file_name: &str) -> Option<&str> {
    let key = file_name.strip_suffix(".json").or_else(|| file_name.ends_with(SET_ASIDE).then_some(file_name))?;
    let stem = key.strip_suffix(SET_ASIDE).unwrap_or(key);
    (!stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(key)
}

fn list(directory: &Path) -> Result<Vec<String>, StoreError> {
    if !exists(directory)? {
        return Ok(Vec::new());
    }
    let failed = |error: std::io::Error| failed("read", directory, &explained(error, directory));
    let mut keys = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        keys.extend(name.to_str().and_then(key_of).map(str::to_owned));
    }
    keys.sort();
    Ok(keys)
}

/// Whether the directory exists. One that other users have access to is refused.
fn exists(directory: &Path) -> Result<bool, StoreError> {
    match fs::symlink_metadata(directory) {
        Ok(metadata) => check(directory, &metadata, "700").map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("read", directory, &explained(error, directory))),
    }
}

fn read(directory: &Path, path: &Path) -> Result<Option<Bytes>, StoreError> {
    if !exists(directory)? {
        return Ok(None);
    }
    let refused = |error: NotRead| failed("read", path, &error);
    let Some(file) = RegularFile::open(path, Link::Refused).map_err(refused)? else { return Ok(None) };
    check(path, &file.metadata, "600")?;
    file.read(LONGEST_RECORD).map(Some).map_err(refused)
}

fn write(directory: &Path, path: &Path, record: &Bytes) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| failed("write", path, &error);
    directory::make(directory, 0o700).map_err(failed)?;
    check(directory, &fs::symlink_metadata(directory).map_err(failed)?, "700")?;
    Replacement::private(path, record.expose()).and_then(Replacement::put_in_place).map_err(failed)
}

fn delete(path: &Path) -> Result<(), StoreError> {
    let removed = match fs::remove_file(path) {
        Ok(()) => replacement::sync_directory_of(path),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|error| failed("remove", path, &explained(error, path.parent().unwrap_or(path))))
}

/// Refuses a file or directory that another user owns or has access to.
fn check(path: &Path, metadata: &fs::Metadata, mode: &str) -> Result<(), StoreError> {
    let shown = path.display();
    if is_foreign(metadata) {
        return Err(StoreError(format!("{shown} {}; remove it or give it to yourself with chown", belongs(metadata))));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(StoreError(format!(
            "others have access to {shown} (mode {:03o}); sign out and in again if another user may have read it, then run: \
             chmod {mode} {shown}",
            metadata.mode() & 0o777
        )));
    }
    Ok(())
}

fn failed(verb: &str, path: &Path, error: &dyn Display) -> StoreError {
    StoreError(format!("failed to {verb} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use ssoctl_protocol::Secret;

    use super::*;
    use test_support::{mode_of, set_mode};

    fn name(key: &str) -> RecordName {
        RecordName { key: key.to_owned(), label: "https://corp.awsapps.com/start".to_owned() }
    }

    /// A home, and the store in this directory of it.
    fn store() -> (tempfile::TempDir, PathBuf, FileStore) {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state/records");
        (home, directory.clone(), FileStore::new(directory))
    }

    async fn stored(store: &FileStore) -> Result<Option<Vec<u8>>, String> {
        let record = store.read(&name("key")).await.map_err(|error| error.0)?;
        Ok(record.map(|record| record.expose().clone()))
    }

    #[tokio::test]
    async fn written_records_are_readable_by_their_owner_alone() {
        let (_home, directory, store) = store();
        assert_eq!(stored(&store).await, Ok(None));
        store.write(&name("key"), Secret::new(b"one".to_vec())).await.unwrap();
        store.write(&name("key"), Secret::new(b"two".to_vec())).await.unwrap();
        assert_eq!(stored(&store).await, Ok(Some(b"two".to_vec())));
        assert_eq!((mode_of(&directory), mode_of(directory.join("key.json"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no temporary file is left behind");
    }

    #[tokio::test]
    async fn a_file_or_directory_that_others_may_read_is_refused_with_the_remedy() {
        let (_home, directory, store) = store();
        store.write(&name("key"), Secret::new(b"one".to_vec())).await.unwrap();
        for path in [directory.join("key.json"), directory.clone()] {
            let good = fs::metadata(&path).unwrap().permissions();
            set_mode(&path, 0o755);
            let complaint = stored(&store).await.unwrap_err();
            assert!(complaint.contains("run: chmod") && complaint.contains("mode 755"), "{complaint}");
            fs::set_permissions(&path, good).unwrap();
        }
        assert_eq!(stored(&store).await, Ok(Some(b"one".to_vec())));
    }

    #[tokio::test]
    async fn only_regular_files_are_accepted_and_no_other_is_waited_for() {
        let (_home, directory, store) = store();
        store.write(&name("other"), Secret::new(b"one".to_vec())).await.unwrap();
        let path = directory.join("key.json");

        std::os::unix::fs::symlink(directory.join("other.json"), &path).unwrap();
        assert!(stored(&store).await.is_err());
        fs::remove_file(&path).unwrap();

        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(stored(&store).await.unwrap_err().contains("not a regular file"));
        fs::remove_file(&path).unwrap();

        directory::make(&path, 0o700).unwrap();
        assert!(stored(&store).await.unwrap_err().contains("not a regular file"));
    }

    #[tokio::test]
    async fn only_unfinished_files_of_a_killed_daemon_are_removed() {
        let (_home, directory, store) = store();
        store.write(&name("key"), Secret::new(b"one".to_vec())).await.unwrap();
        fs::write(directory.join(".ssoctl-X1y2Z3"), "half of a rec").unwrap();
        fs::write(directory.join("notes"), "mine").unwrap();
        assert_eq!(stored(&FileStore::new(directory.clone())).await, Ok(Some(b"one".to_vec())));
        let mut left: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["key.json", "notes"]);
    }

    #[tokio::test]
    async fn a_damaged_record_is_moved_aside_and_not_lost() {
        let (_home, directory, store) = store();
        store.write(&name("key"), Secret::new(b"damaged".to_vec())).await.unwrap();
        store.set_aside(&name("key")).await.unwrap();
        assert_eq!(stored(&store).await, Ok(None));
        assert_eq!(fs::read(directory.join("key.damaged")).unwrap(), b"damaged");
    }

    #[tokio::test]
    async fn every_record_is_listed_those_set_aside_too_and_nothing_else() {
        let (_home, directory, store) = store();
        assert_eq!(store.list().await, Ok(vec![]), "before the first write");
        for key in ["one", "two", "three"] {
            store.write(&name(key), Secret::new(key.into())).await.unwrap();
        }
        store.set_aside(&name("two")).await.unwrap();
        for other in ["notes", "notes.txt", ".json", "a-b.json", ".damaged"] {
            fs::write(directory.join(other), "mine").unwrap();
        }
        assert_eq!(store.list().await, Ok(["one", "three", "two.damaged"].map(str::to_owned).to_vec()));
        let aside = RecordName::listed("two.damaged".to_owned());
        assert_eq!(store.read(&aside).await, Ok(Some(Secret::new(b"two".to_vec()))));
        store.delete(&aside).await.unwrap();
        assert_eq!(store.list().await, Ok(["one", "three"].map(str::to_owned).to_vec()));

        set_mode(&directory, 0o755);
        assert!(store.list().await.unwrap_err().0.contains("run: chmod 700"));
    }

    #[tokio::test]
    async fn a_deleted_record_is_gone_and_deleting_it_again_is_no_error() {
        let (_home, _, store) = store();
        store.delete(&name("key")).await.unwrap();
        store.write(&name("key"), Secret::new(b"one".to_vec())).await.unwrap();
        store.write(&name("other"), Secret::new(b"two".to_vec())).await.unwrap();
        store.delete(&name("key")).await.unwrap();
        store.delete(&name("key")).await.unwrap();
        assert_eq!(stored(&store).await, Ok(None));
        assert!(store.read(&name("other")).await.unwrap().is_some());
    }
}
