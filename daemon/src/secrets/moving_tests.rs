//! Two stores, of which either may fail at any step.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ssoctl_protocol::Secret;

use super::super::memory::MemoryStore;
use super::*;

/// A store that can be made to refuse.
struct Part {
    kind: &'static str,
    records: MemoryStore,
    unreadable: AtomicBool,
    unwritable: AtomicBool,
    undeletable: AtomicBool,
}

impl Part {
    fn new(kind: &'static str) -> Arc<Self> {
        Arc::new(Self {
            kind,
            records: MemoryStore::default(),
            unreadable: AtomicBool::default(),
            unwritable: AtomicBool::default(),
            undeletable: AtomicBool::default(),
        })
    }

    async fn has(&self) -> Option<String> {
        let record = self.records.read(&name()).await.unwrap();
        record.map(|record| String::from_utf8(record.expose().clone()).unwrap())
    }

    async fn put(&self, record: &str) {
        self.records.write(&name(), secret(record)).await.unwrap();
    }

    fn check(&self, broken: &AtomicBool) -> Result<(), StoreError> {
        let error = || StoreError(format!("the {} store is broken", self.kind));
        if broken.load(Ordering::Relaxed) { Err(error()) } else { Ok(()) }
    }
}

#[async_trait]
impl SecretStore for Part {
    fn kind(&self) -> &'static str {
        self.kind
    }
    async fn read(&self, name: &RecordName) -> Result<Option<Bytes>, StoreError> {
        self.check(&self.unreadable)?;
        self.records.read(name).await
    }
    async fn write(&self, name: &RecordName, record: Bytes) -> Result<(), StoreError> {
        self.check(&self.unwritable)?;
        self.records.write(name, record).await
    }
    async fn delete(&self, name: &RecordName) -> Result<(), StoreError> {
        self.check(&self.undeletable)?;
        self.records.delete(name).await
    }
    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.check(&self.unreadable)?;
        self.records.list().await
    }
}

fn name() -> RecordName {
    RecordName { key: "key".to_owned(), label: "https://corp.awsapps.com/start".to_owned() }
}

fn secret(record: &str) -> Secret<Vec<u8>> {
    Secret::new(record.as_bytes().to_vec())
}

/// A keyring was chosen where a file was before.
fn to_the_keyring() -> (Arc<Part>, Arc<Part>, MovingStore) {
    let (keyring, file) = (Part::new("keyring"), Part::new("file"));
    let store = MovingStore::new(keyring.clone(), vec![file.clone()], None);
    (keyring, file, store)
}

async fn read(store: &MovingStore) -> Result<Option<String>, String> {
    let record = store.read(&name()).await.map_err(|error| error.0)?;
    Ok(record.map(|record| String::from_utf8(record.expose().clone()).unwrap()))
}

const OLD: &str = r#"{"written_at":1}"#;
const NEW: &str = r#"{"written_at":2}"#;

#[tokio::test]
async fn a_record_moves_to_the_chosen_store_and_leaves_nothing_behind() {
    let (keyring, file, store) = to_the_keyring();
    file.put(OLD).await;
    assert_eq!(read(&store).await, Ok(Some(OLD.to_owned())));
    assert_eq!((keyring.has().await.as_deref(), file.has().await), (Some(OLD), None));
    assert_eq!(store.reason(), None);
}

#[tokio::test]
async fn of_two_records_the_newer_one_counts() {
    for (kept, found, counts) in [(OLD, NEW, NEW), (NEW, OLD, NEW), ("{}", "{ }", "{}")] {
        let (keyring, file, store) = to_the_keyring();
        keyring.put(kept).await;
        file.put(found).await;
        assert_eq!(read(&store).await, Ok(Some(counts.to_owned())));
        assert_eq!((keyring.has().await.as_deref(), file.has().await), (Some(counts), None));
    }
}

#[tokio::test]
async fn while_the_chosen_store_cannot_be_written_the_record_stays_where_it_is_and_is_served() {
    let (keyring, file, store) = to_the_keyring();
    file.put(OLD).await;
    keyring.unwritable.store(true, Ordering::Relaxed);
    assert_eq!(read(&store).await, Ok(Some(OLD.to_owned())));
    assert_eq!((keyring.has().await, file.has().await.as_deref()), (None, Some(OLD)));
    assert!(store.reason().unwrap().contains("may still be in the file store"));
    assert!(store.write(&name(), secret(NEW)).await.is_err());
    assert_eq!(file.has().await.as_deref(), Some(OLD), "the only durable one");
    keyring.unwritable.store(false, Ordering::Relaxed);
    store.write(&name(), secret(NEW)).await.unwrap();
    assert_eq!((keyring.has().await.as_deref(), file.has().await, store.reason()), (Some(NEW), None, None));
}

#[tokio::test]
async fn while_the_chosen_store_cannot_be_read_what_the_other_one_has_is_served() {
    let (keyring, file, store) = to_the_keyring();
    keyring.unreadable.store(true, Ordering::Relaxed);
    assert_eq!(read(&store).await, Err("the keyring store is broken".to_owned()));
    file.put(OLD).await;
    assert_eq!(read(&store).await, Ok(Some(OLD.to_owned())));
    assert_eq!(file.has().await.as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_record_that_could_not_be_removed_is_removed_with_the_next_write() {
    let (keyring, file, store) = to_the_keyring();
    file.put(OLD).await;
    file.undeletable.store(true, Ordering::Relaxed);
    assert_eq!(read(&store).await, Ok(Some(OLD.to_owned())));
    assert_eq!((keyring.has().await.as_deref(), file.has().await.as_deref()), (Some(OLD), Some(OLD)));
    file.undeletable.store(false, Ordering::Relaxed);
    store.write(&name(), secret(NEW)).await.unwrap();
    assert_eq!((keyring.has().await.as_deref(), file.has().await, store.reason()), (Some(NEW), None, None));
}

#[tokio::test]
async fn files_that_cannot_be_read_are_never_taken_for_no_record() {
    let (keyring, file, store) = to_the_keyring();
    file.unreadable.store(true, Ordering::Relaxed);
    assert_eq!(read(&store).await, Err("the file store is broken".to_owned()));
    keyring.put(NEW).await;
    assert_eq!(read(&store).await, Ok(Some(NEW.to_owned())), "but what is known is served");
}

#[tokio::test]
async fn an_unreadable_keyring_that_is_not_configured_any_more_delays_nothing() {
    let (keyring, file) = (Part::new("keyring"), Part::new("file"));
    let store = MovingStore::new(file.clone(), vec![keyring.clone()], None);
    keyring.put(OLD).await;
    keyring.unreadable.store(true, Ordering::Relaxed);
    keyring.undeletable.store(true, Ordering::Relaxed);
    assert_eq!(read(&store).await, Ok(None));
    store.write(&name(), secret(NEW)).await.unwrap();
    assert!(store.reason().unwrap().contains("may still be in the keyring store"));
    keyring.undeletable.store(false, Ordering::Relaxed);
    store.write(&name(), secret(NEW)).await.unwrap();
    assert_eq!((file.has().await.as_deref(), keyring.has().await, store.reason()), (Some(NEW), None, None));
}

#[tokio::test]
async fn a_deletion_reaches_every_store() {
    let (keyring, file, store) = to_the_keyring();
    keyring.put(NEW).await;
    file.put(OLD).await;
    store.delete(&name()).await.unwrap();
    assert_eq!((keyring.has().await, file.has().await), (None, None));
}

#[tokio::test]
async fn the_records_of_both_stores_are_listed_and_an_unlistable_store_is_an_error() {
    let (keyring, file, store) = to_the_keyring();
    keyring.put(NEW).await;
    file.put(OLD).await;
    let another = RecordName::listed("another".to_owned());
    file.records.write(&another, secret(OLD)).await.unwrap();
    assert_eq!(store.list().await, Ok(["another", "key"].map(str::to_owned).to_vec()));
    for part in [&keyring, &file] {
        part.unreadable.store(true, Ordering::Relaxed);
        assert!(store.list().await.is_err());
        part.unreadable.store(false, Ordering::Relaxed);
    }
    store.delete(&another).await.unwrap();
    assert_eq!(store.list().await, Ok(vec!["key".to_owned()]));
}
