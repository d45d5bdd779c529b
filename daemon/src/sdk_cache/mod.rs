//! The token files of the AWS CLI and SDKs, so that every SDK finds a live token without being told about us.
//!
//! | module | what it owns |
//! |---|---|
//! | `file` | pure: names and members of the files |
//! | `step` | pure: what is to be done about a file |
//! | `service_time` | pure: expiry by the service's clock |
//! | `disk` | reading, replacing and removing a file; it blocks, and has threads of its own |
//! | `keeper` | the loop that tends the files of one session |
//! | [`import`] | taking over all that is there, when somebody asks |
//!
//! A session knows nothing of all this: its keeper reads its snapshots as everybody does, and offers it what it finds. What a
//! file says is never believed over what the session knows. Between changes of token, files and clock nothing runs.

mod disk;
pub mod file;
pub mod import;
mod keeper;
mod service_time;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{self, FileWatch, Identity};
use crate::session::registry::{Directory, Entry};
use crate::world::World;
use import::Imported;
use keeper::Keeper;
use service_time::ServiceTime;

/// Whoever waits for this moment waits for somebody to set the wall clock.
const NEVER: Duration = Duration::from_secs(400 * 366 * 86_400);

/// Where one session's files stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Those that hold its token now.
    pub files: Vec<PathBuf>,
    /// Why one is not as it should be, and what to do.
    pub trouble: Option<String>,
}

/// Standings by session.
type Standings = Arc<Mutex<BTreeMap<Identity, Standing>>>;

/// Tends the files of all sessions that share their tokens, until it is dropped.
pub struct SdkCache {
    standings: Standings,
    place: Option<PathBuf>,
    /// Absent where there is no home directory, and so no place that SDKs look at.
    task: Option<JoinHandle<()>>,
}

impl SdkCache {
    /// Begins with the sessions of `directory`, and follows its changes.
    pub fn start(home: Option<&Path>, directory: watch::Receiver<Arc<Directory>>, world: World) -> Self {
        let standings = Standings::default();
        // What AWS_CONFIG_FILE says does not move it.
        let place = home.map(|home| home.join(".aws/sso/cache"));
        let task = place.clone().map(|place| tokio::spawn(tend_all(place, directory, world, Arc::clone(&standings))));
        Self { standings, place, task }
    }

    /// Offers every file to the session whose name it has.
    ///
    /// # Errors
    /// Why the directory of the files cannot be read.
    pub async fn import(&self, directory: &Directory, clock: &dyn Clock) -> Result<Vec<Imported>, String> {
        match &self.place {
            Some(place) => import::import(place, directory, clock).await,
            None => Err("there is no home directory; set HOME where ssoctld is started".to_owned()),
        }
    }

    /// Where the files are.
    pub fn place(&self) -> Option<&Path> {
        self.place.as_deref()
    }

    /// Where the files of a session stand; `None` if it shares none.
    pub fn standing(&self, identity: &Identity) -> Option<Standing> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner).get(identity).cloned()
    }
}

impl Drop for SdkCache {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// A session's keeper while it runs.
struct Kept {
    entry: Entry,
    task: JoinHandle<()>,
}

impl Kept {
    fn is_of(&self, entry: &Entry) -> bool {
        Arc::ptr_eq(&self.entry.session, &entry.session) && self.entry.config == entry.config
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tend_all(place: PathBuf, mut directory: watch::Receiver<Arc<Directory>>, world: World, standings: Standings) {
    let mut service_clock = world.identity_center.service_clock();
    let step = || world.clock.sleep_until_shown(SystemTime::UNIX_EPOCH + NEVER);
    let mut stepped = step();
    let service_time = watch::Sender::new(ServiceTime::of(*service_clock.borrow_and_update(), world.clock.now()));
    let pokes = watch::Sender::new(());
    let mut keepers: Vec<Kept> = Vec::new();
    let mut watched = BTreeSet::new();
    let mut files: Option<FileWatch> = None;
    loop {
        let wanted = assign(&directory.borrow_and_update(), &place);
        // Watched before they are read, so that no change is missed.
        let paths: BTreeSet<PathBuf> = wanted.iter().flat_map(|(_, keys)| keys.values().cloned()).collect();
        if paths != watched {
            files = watch_files(&paths).await;
            watched = paths;
        }
        keepers.retain(|kept| wanted.iter().any(|(entry, _)| kept.is_of(entry)));
        standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|identity, _| wanted.iter().any(|(entry, _)| entry.config.identity == *identity));
        for (entry, keys) in wanted {
            if !keepers.iter().any(|kept| kept.is_of(&entry)) {
                let identity = entry.config.identity.clone();
                let standings = Arc::clone(&standings);
                let report = move |standing| {
                    standings.lock().unwrap_or_else(PoisonError::into_inner).insert(identity.clone(), standing);
                };
                let keeper = Keeper::new(entry.clone(), keys, world.clone(), service_time.subscribe());
                let task = tokio::spawn(keeper.run(pokes.subscribe(), report));
                keepers.push(Kept { entry, task });
            }
        }
        loop {
            tokio::select! {
                changed = directory.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = changed(&mut files) => pokes.send_replace(()),
                () = &mut stepped => {
                    stepped = step();
                    pokes.send_replace(());
                }
                Ok(()) = service_clock.changed() => {
                    let clock = *service_clock.borrow_and_update();
                    service_time.send_replace(ServiceTime::of(clock, world.clock.now()));
                }
            }
        }
    }
}

/// The sessions that share their tokens, each with its files by their keys. A file that two sessions would write belongs to
/// the first.
fn assign(directory: &Directory, place: &Path) -> Vec<(Entry, BTreeMap<String, PathBuf>)> {
    let mut taken = BTreeSet::new();
    let shared = directory.entries().iter().filter(|entry| entry.config.sdk_cache == config::SdkCache::On);
    shared
        .map(|entry| {
            let keys = entry.config.cache_keys.iter().filter(|key| taken.insert((*key).clone()));
            (entry.clone(), keys.map(|key| (key.clone(), place.join(file::name(key)))).collect())
        })
        .collect()
}

/// Looking up directories may hang where a file system does, so a thread does it.
async fn watch_files(paths: &BTreeSet<PathBuf>) -> Option<FileWatch> {
    if paths.is_empty() {
        return None;
    }
    let paths = paths.iter().cloned().collect();
    tokio::task::spawn_blocking(move || FileWatch::start(paths)).await.ok()
}

async fn changed(files: &mut Option<FileWatch>) {
    match files {
        Some(files) => files.changed().await,
        None => std::future::pending().await,
    }
}
