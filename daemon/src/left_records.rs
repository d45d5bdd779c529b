//! Lists and ends records that belong to no configured session.
//!
//! A section that is removed, a scope that is added or a setting that names another issuer leaves a record behind, and a damaged
//! one is set aside. Nothing renews or ends the tokens in them, so they are shown, and [`LeftRecords::end`] goes through the store
//! and ends them. A session that is configured again in the same way finds its record unchanged.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use ssoctl_protocol::body::{self, EndedRecord, PortalSession};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::config::portal_of;
use crate::directory::Directory;
use crate::issuer::{Endpoint, Issuer};
use crate::secrets::record::{self, Owner};
use crate::secrets::{RecordName, SecretStore, StoreError};
use crate::session::policy::{LOAD_PATIENCE, SIGN_OUT_PATIENCE};
use crate::token::AccessToken;
use crate::waiting::lock;
use crate::world::World;

/// A record that belongs to no configured session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftRecord {
    /// Its name in the store.
    pub key: String,
    /// The error says why the owner is unknown: the record is damaged, or cannot be read.
    pub owner: Result<Owner, String>,
}

impl From<LeftRecord> for body::LeftRecord {
    fn from(LeftRecord { key, owner }: LeftRecord) -> Self {
        match owner {
            Ok(Owner { identity, .. }) => Self {
                key,
                name: identity.name,
                start_url: Some(identity.start_url),
                issuer: identity.issuer.map(|issuer| issuer.to_string()),
                error: None,
            },
            Err(error) => Self { key, error: Some(error), ..Self::default() },
        }
    }
}

/// The result of the call to the portal, and the reason if it failed.
type PortalResult = (PortalSession, Option<String>);

/// The known records that belong to no configured session. The store is searched in the background, at the start and whenever
/// the configuration changes, so that a request is answered from memory.
pub struct LeftRecords {
    world: World,
    directory: watch::Receiver<Arc<Directory>>,
    known: Arc<Mutex<Known>>,
    changes: watch::Sender<()>,
    look: watch::Sender<()>,
    task: JoinHandle<()>,
}

/// The result of the last search of the store.
#[derive(Default)]
struct Known {
    records: Vec<LeftRecord>,
    /// Whether the store has answered this task for each record, and every session.
    is_complete: bool,
}

impl LeftRecords {
    /// Begins with the sessions of `directory`, and follows its changes.
    pub fn start(directory: watch::Receiver<Arc<Directory>>, world: World) -> Self {
        let (look, looks) = watch::channel(());
        let known = Arc::default();
        let changes = watch::Sender::default();
        let task = follow(directory.clone(), looks, world.clone(), Arc::clone(&known), changes.clone());
        Self { world, directory, known, changes, look, task: tokio::spawn(task) }
    }

    /// Those that are known.
    pub fn list(&self) -> Vec<body::LeftRecord> {
        lock(&self.known).records.iter().cloned().map(body::LeftRecord::from).collect()
    }

    /// Has the store looked through once more, if it has not answered this task or a session.
    pub fn look_again(&self) {
        if !lock(&self.known).is_complete {
            self.look.send_replace(());
        }
    }

    /// Tells that other records are known.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Ends their tokens at the portals of their issuers, and deletes them.
    ///
    /// # Returns
    /// The records that are gone, and the failures with their remedies.
    pub async fn end(&self) -> (Vec<EndedRecord>, Vec<String>) {
        let (mut ended, mut problems) = (Vec::new(), Vec::new());
        let directory = Arc::clone(&self.directory.borrow());
        directory.leaving_ended().await;
        match find(&self.directory, &*self.world.secrets).await {
            Ok(Known { records, .. }) => {
                let mut ending = JoinSet::new();
                for record in records {
                    ending.spawn(end(record, self.world.clone(), Arc::clone(&directory)));
                }
                for outcome in ending.join_all().await {
                    match outcome {
                        Ok(record) => ended.push(record),
                        Err(problem) => problems.push(problem),
                    }
                }
                ended.sort_by(|one, other| one.record.key.cmp(&other.record.key));
            }
            Err(error) => problems.push(format!("records of other sessions may still be in the store: {error}")),
        }
        let is_ended = |known: &LeftRecord| ended.iter().any(|ended| ended.record.key == known.key);
        lock(&self.known).records.retain(|known| !is_ended(known));
        self.changes.send_replace(());
        self.look.send_replace(());
        (ended, problems)
    }
}

impl Drop for LeftRecords {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    mut directory: watch::Receiver<Arc<Directory>>,
    mut looks: watch::Receiver<()>,
    world: World,
    known: Arc<Mutex<Known>>,
    changes: watch::Sender<()>,
) {
    let mut stores = world.secrets.changes();
    loop {
        stores.mark_unchanged();
        directory.mark_unchanged();
        looks.mark_unchanged();
        let current = Arc::clone(&directory.borrow());
        // A session that reads a damaged record sets it aside.
        let all_have_loaded = have_loaded(&current, &world).await;
        match find(&directory, &*world.secrets).await {
            Ok(found) => {
                let mut known = lock(&known);
                if known.records != found.records {
                    tracing::info!(records = found.records.len(), "records of no configured session are in the store");
                    changes.send_replace(());
                }
                *known = Known { is_complete: found.is_complete && all_have_loaded, ..found };
            }
            Err(error) => {
                tracing::debug!(%error, "the store cannot be looked through");
                lock(&known).is_complete = false;
            }
        }
        tokio::select! {
            Ok(()) = directory.changed() => {}
            Ok(()) = looks.changed() => {}
            Ok(()) = stores.changed() => {}
            else => return,
        }
    }
}

/// Waits until the store has answered every session, within reason, and says whether it has.
async fn have_loaded(directory: &Directory, world: &World) -> bool {
    let all = async {
        for entry in directory.entries() {
            // One that has ended loads nothing any more.
            let _ = entry.session.snapshots().wait_for(|snapshot| !snapshot.loading).await;
        }
    };
    world.clock.within(LOAD_PATIENCE, all).await.is_some()
}

/// The records of the store that belong to no session of the directory, and whether all of them could be read.
async fn find(directory: &watch::Receiver<Arc<Directory>>, secrets: &dyn SecretStore) -> Result<Known, StoreError> {
    let keys = secrets.list().await?;
    let configured: BTreeSet<String> =
        directory.borrow().entries().iter().map(|entry| entry.config.identity.key()).collect();
    let (mut records, mut is_complete) = (Vec::new(), true);
    for key in keys.into_iter().filter(|key| !configured.contains(key)) {
        // One that cannot be read hides no other.
        let owner = match secrets.read(&RecordName::listed(key.clone())).await {
            Ok(Some(bytes)) => record::owner(bytes.expose()).map_err(|error| error.to_string()),
            // It is gone by now.
            Ok(None) => continue,
            Err(error) => {
                is_complete = false;
                Err(error.0)
            }
        };
        records.push(LeftRecord { key, owner });
    }
    Ok(Known { records, is_complete })
}

/// Ends one record. The error names the part that is left.
async fn end(record: LeftRecord, world: World, directory: Arc<Directory>) -> Result<EndedRecord, String> {
    let name = RecordName::listed(record.key.clone());
    let left = |error: StoreError| format!("the record {} is left: {error}", record.key);
    let bytes = world.secrets.read(&name).await.map_err(left)?;
    let token = match bytes.map(|bytes| record::decode(bytes.expose(), world.clock.now())).transpose() {
        Ok(kept) => Ok(kept.and_then(|kept| kept.token)),
        Err(error) => Err(error),
    };
    let (portal, detail) = match (token, &record.owner) {
        (Ok(None), _) => (PortalSession::NothingToEnd, None),
        (Ok(Some(token)), Ok(owner)) => tell(&token.access, owner, &world, &directory).await,
        (Ok(Some(_)), Err(why)) => not_told(why.clone()),
        (Err(error), _) => not_told(error.to_string()),
    };
    world.secrets.delete(&name).await.map_err(left)?;
    tracing::info!(record = record.key, ?portal, detail, "a record of no configured session is gone");
    Ok(EndedRecord { record: record.into(), portal, detail })
}

const fn not_told(why: String) -> PortalResult {
    (PortalSession::NotTold, Some(why))
}

/// Tells the portal of the token's issuer.
async fn tell(token: &AccessToken, owner: &Owner, world: &World, directory: &Directory) -> PortalResult {
    let portal = match configured_portal(&token.issuer, directory) {
        Some(portal) => Ok(portal),
        None => portal_of(&token.issuer, owner.portal.as_deref()),
    };
    let portal = match portal {
        Ok(portal) => portal,
        Err(error) => return not_told(error.to_string()),
    };
    match world.clock.within(SIGN_OUT_PATIENCE, world.portal.logout(&portal, token)).await {
        Some(Ok(())) => (PortalSession::Ended, None),
        Some(Err(error)) => not_told(error.to_string()),
        None => not_told("the portal has not answered in time".to_owned()),
    }
}

/// The portal of an issuer as a session has it now.
fn configured_portal(issuer: &Issuer, directory: &Directory) -> Option<Endpoint> {
    let portals = directory.entries().iter().filter_map(|entry| entry.config.endpoints.of(issuer, None).ok());
    portals.map(|endpoints| endpoints.portal).find(|portal| portal.issuer() == issuer)
}
