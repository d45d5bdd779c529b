//! The token files of the AWS CLI and SDKs, so that every SDK finds a live token without knowing of ssoctl.
//!
//! A session does not know its keeper, which reads the session's snapshots as every reader does and offers it what it finds.
//! The session, and not a file, decides which token counts. Between changes of token, files and clock nothing runs.

mod disk;
pub mod file;
pub mod import;
mod keeper;
pub mod proof;
mod service_time;
mod step;
mod token_file;

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssoctl_protocol::body;
use ssoctl_protocol::import::Import;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{self, FileWatch, Identity};
use crate::directory::{Directory, Entry, View};
use crate::file_work::FileWork;
use crate::machine::MachineProblems;
use crate::token::Token;
use crate::waiting::or_never;
use crate::world::World;
use disk::Work;
use keeper::Keeper;
use service_time::ServiceTime;

/// The files of a session by their keys.
type Files = BTreeMap<String, PathBuf>;

/// The states of the files of those sessions that share their tokens.
type Standings = BTreeMap<Identity, body::TokenFiles>;

/// Tends the files of all sessions that share their tokens, until it is dropped.
pub struct TokenFiles {
    standings: watch::Sender<Standings>,
    place: Option<PathBuf>,
    /// `None` without a home directory: then there is no directory where SDKs look.
    task: Option<JoinHandle<()>>,
}

impl TokenFiles {
    /// Begins with the sessions of `directory`, and follows its changes.
    pub fn start(home: Option<&Path>, directory: watch::Receiver<Arc<Directory>>, world: World) -> Self {
        let standings = watch::Sender::<Standings>::default();
        // AWS_CONFIG_FILE does not move this directory.
        let place = home.map(|home| home.join(".aws/sso/cache"));
        let task = place.clone().map(|place| tokio::spawn(tend_all(place, directory, world, standings.clone())));
        Self { standings, place, task }
    }

    /// Offers every file to the session whose name it has.
    pub async fn import(&self, directory: &View, world: &World) -> Result<Import, String> {
        let Some(place) = &self.place else {
            return Err("there is no home directory; set HOME where ssoctld is started".to_owned());
        };
        let files = import::import(place, directory, world).await?;
        Ok(Import { directory: place.display().to_string(), files })
    }

    /// Removes every file that ssoctl has published, but for those of tokens that are `live`. Returns what could not be removed.
    pub async fn remove_published(&self, live: &[Token]) -> Vec<String> {
        let Some(place) = self.place.clone() else { return Vec::new() };
        let live = live.to_vec();
        let removed = FileWork::default().run(move || disk::remove_published(&place, &live)).await;
        removed.unwrap_or_else(|| vec!["the token files could not be looked through".to_owned()])
    }

    /// The state of a session's files; `None` if it shares none.
    pub fn standing(&self, identity: &Identity) -> Option<body::TokenFiles> {
        self.standings.borrow().get(identity).cloned()
    }

    /// Tells that the state of some session's files has changed.
    pub fn changes(&self) -> watch::Receiver<Standings> {
        self.standings.subscribe()
    }
}

impl Drop for TokenFiles {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// A session, its files, and why it has not all files that have its names.
#[derive(Clone)]
struct Assigned {
    entry: Entry,
    files: Files,
    contested: Option<String>,
}

impl PartialEq for Assigned {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.entry.session, &other.entry.session)
            && self.entry.config == other.entry.config
            && self.files == other.files
            && self.contested == other.contested
    }
}

struct Tended {
    assigned: Assigned,
    work: Work,
    task: JoinHandle<()>,
}

impl Drop for Tended {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tend_all(
    place: PathBuf,
    mut directory: watch::Receiver<Arc<Directory>>,
    world: World,
    standings: watch::Sender<Standings>,
) {
    let clock = Arc::clone(&world.clock);
    let mut service_clock = world.identity_center.service_clock();
    let mut set = clock.sleep_until_set();
    let service_time = watch::Sender::new(ServiceTime::of(*service_clock.borrow_and_update(), clock.now()));
    let rereads = watch::Sender::new(());
    let mut tending =
        Tending { world, standings, service_time, rereads, work: FileWork::default(), tended: BTreeMap::new() };
    let mut watched = BTreeSet::new();
    let mut files: Option<FileWatch> = None;
    loop {
        let wanted = assign(&directory.borrow_and_update(), &place);
        // Watched before they are read, so that no change is missed.
        let shared = wanted.iter().filter(|assigned| is_shared(&assigned.entry));
        let paths: BTreeSet<PathBuf> = shared.flat_map(|assigned| assigned.files.values().cloned()).collect();
        if paths != watched {
            files = watch_files(&paths, tending.world.machine.clone()).await;
            watched = paths;
        }
        tending.follow(wanted);
        loop {
            tokio::select! {
                changed = directory.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = or_never(files.as_mut().map(FileWatch::changed)) => tending.rereads.send_replace(()),
                () = &mut set => {
                    set = clock.sleep_until_set();
                    tending.rereads.send_replace(());
                }
                Ok(()) = service_clock.changed() => {
                    let service_clock = *service_clock.borrow_and_update();
                    tending.service_time.send_replace(ServiceTime::of(service_clock, clock.now()));
                }
            }
        }
    }
}

/// All keepers, and their shared parts.
struct Tending {
    world: World,
    standings: watch::Sender<Standings>,
    service_time: watch::Sender<ServiceTime>,
    /// Has all keepers read their files.
    rereads: watch::Sender<()>,
    work: FileWork,
    tended: BTreeMap<Identity, Tended>,
}

impl Tending {
    /// Starts the keepers of sessions that have come or changed, and ends those of sessions that have gone or changed.
    fn follow(&mut self, wanted: Vec<Assigned>) {
        let named: BTreeSet<PathBuf> = wanted.iter().flat_map(|assigned| assigned.files.values().cloned()).collect();
        let mut before = std::mem::take(&mut self.tended);
        for assigned in wanted {
            let identity = assigned.entry.config.identity.clone();
            let tended = match before.remove(&identity) {
                Some(tended) if tended.assigned == assigned => tended,
                predecessor => self.begin(assigned, predecessor, &named),
            };
            self.tended.insert(identity, tended);
        }
        let is_sharing = |tended: &Tended| is_shared(&tended.assigned.entry);
        self.standings.send_if_modified(|standings| {
            let before = standings.len();
            standings.retain(|identity, _| self.tended.get(identity).is_some_and(is_sharing));
            standings.len() != before
        });
    }

    /// Starts a keeper. It takes over from its predecessor, which is ended afterwards.
    fn begin(&self, assigned: Assigned, predecessor: Option<Tended>, named: &BTreeSet<PathBuf>) -> Tended {
        let work = predecessor.as_ref().map_or_else(|| Work::new(&self.work), |before| before.work.clone());
        if let Some(before) = predecessor.filter(|_| assigned.contested.is_some()) {
            let mut unnamed = before.assigned.files.clone();
            unnamed.retain(|_, path| !named.contains(path));
            let mut keeper = self.keeper(&assigned.entry, unnamed, &work);
            keeper.withdraws = true;
            tokio::spawn(keeper.run(self.rereads.subscribe(), |_| {}));
        }
        let keeper = self.keeper(&assigned.entry, assigned.files.clone(), &work);
        let task = tokio::spawn(keeper.run(self.rereads.subscribe(), self.report(&assigned)));
        Tended { assigned, work, task }
    }

    fn keeper(&self, entry: &Entry, files: Files, work: &Work) -> Keeper {
        Keeper::new(entry.clone(), files, self.world.clone(), work.clone(), self.service_time.subscribe())
    }

    /// Returns the function by which a keeper reports the state of its files; `None` if it has no files any more.
    fn report(&self, assigned: &Assigned) -> impl Fn(Option<body::TokenFiles>) + Send + 'static {
        let (standings, contested) = (self.standings.clone(), assigned.contested.clone());
        let identity = assigned.entry.config.identity.clone();
        move |standing| {
            let with_contest = |standing: body::TokenFiles| {
                let error = standing.error.or_else(|| contested.clone());
                body::TokenFiles { error, ..standing }
            };
            let standing = standing.map(with_contest);
            standings.send_if_modified(|standings| {
                let before = match standing.clone() {
                    Some(standing) => standings.insert(identity.clone(), standing),
                    None => standings.remove(&identity),
                };
                before != standing
            });
        }
    }
}

fn is_shared(entry: &Entry) -> bool {
    entry.config.sdk_cache == config::SdkCache::On
}

/// The sessions, each with its files. A file that two sessions of the default AWS configuration file would write belongs to the
/// first, and to one that shares its token before one that does not. If two AWS configuration files define one name differently,
/// the token file belongs to the session of the default one. If the default one has no such name, it belongs to no session: its
/// readers cannot know which session is meant.
fn assign(directory: &Directory, place: &Path) -> Vec<Assigned> {
    let defaults: BTreeSet<&Identity> =
        directory.default_view().entries().iter().map(|entry| &entry.config.identity).collect();
    let (mut own, others): (Vec<&Entry>, Vec<&Entry>) =
        directory.entries().iter().partition(|entry| defaults.contains(&entry.config.identity));
    own.sort_by_key(|entry| !is_shared(entry));
    let with_path = |key: &String| (key.clone(), place.join(file::name(key)));
    let mut taken: BTreeMap<&str, &Entry> = BTreeMap::new();
    let mut assigned = Vec::new();
    for entry in own {
        let mut files = Files::new();
        for key in &entry.config.cache_keys {
            if let Slot::Vacant(free) = taken.entry(key.as_str()) {
                free.insert(entry);
                files.extend([with_path(key)]);
            }
        }
        assigned.push(Assigned { entry: entry.clone(), files, contested: None });
    }
    for entry in &others {
        let rival = |key: &String| {
            let is_rival = |other: &&Entry| {
                other.config.identity != entry.config.identity && other.config.cache_keys.contains(key)
            };
            taken.get(key.as_str()).copied().or_else(|| others.iter().copied().find(is_rival))
        };
        let keys = &entry.config.cache_keys;
        let contested = keys.iter().find_map(rival).map(|rival| {
            format!(
                "session {:?} is another one in {}, so this one has no token file; give one of them another name",
                entry.config.name,
                rival.config.origin.place.file.display()
            )
        });
        let files = keys.iter().filter(|key| rival(key).is_none()).map(with_path).collect();
        assigned.push(Assigned { entry: (*entry).clone(), files, contested });
    }
    assigned
}

/// Looking up directories may hang where a file system does, so a thread does it.
async fn watch_files(paths: &BTreeSet<PathBuf>, machine: MachineProblems) -> Option<FileWatch> {
    if paths.is_empty() {
        return None;
    }
    let paths = paths.iter().cloned().collect();
    tokio::task::spawn_blocking(move || FileWatch::start(paths, &machine)).await.ok()
}
