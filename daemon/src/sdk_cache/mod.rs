//! The token files of the AWS CLI and SDKs, so that every SDK finds a live token without being told about us.
//!
//! | module | what it owns |
//! |---|---|
//! | `file` | pure: names and members of the files |
//! | `step` | pure: what is to be done about a file |
//! | `service_time` | pure: expiry by the service's clock |
//! | `proof` | has the service say whether it knows what was found, before a session takes it over |
//! | `disk` | reading, replacing and removing a file; it blocks, and has threads of its own |
//! | `keeper` | the loop that tends the files of one session |
//! | `withdrawal` | taking back what was published for a session that shares its token no longer |
//! | `removal` | removing all that was published, when somebody signs out of everything |
//! | [`import`] | taking over all that is there, when somebody asks |
//!
//! A session knows nothing of all this: its keeper reads its snapshots as everybody does, and offers it what it finds. What a
//! file says is never believed over what the session knows. Between changes of token, files and clock nothing runs.

mod disk;
pub mod file;
pub mod import;
mod keeper;
pub mod proof;
mod removal;
mod service_time;
mod step;
mod withdrawal;

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{self, FileWatch, Identity};
use crate::directory::{Directory, Entry, View};
use crate::file_work::FileWork;
use crate::machine::MachineProblems;
use crate::token::Token;
use crate::world::World;
use import::Imported;
use keeper::{Hands, Keeper};
use service_time::ServiceTime;
use withdrawal::Withdrawal;

/// Whoever waits for this moment waits for somebody to set the wall clock.
const NEVER: Duration = Duration::from_secs(400 * 366 * 86_400);

/// Where one session's files stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Those that hold its token now.
    pub files: Vec<PathBuf>,
    /// Those that hold a sign-in that is not proved yet, and why.
    pub unproved: Vec<(PathBuf, String)>,
    /// Why one is not as it should be, and what to do.
    pub trouble: Option<String>,
}

/// The files of a session by their keys.
type Files = BTreeMap<String, PathBuf>;

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
    pub async fn import(&self, directory: &View, world: &World) -> Result<Vec<Imported>, String> {
        match &self.place {
            Some(place) => import::import(place, directory, world).await,
            None => Err("there is no home directory; set HOME where ssoctld is started".to_owned()),
        }
    }

    /// Removes every file that has our mark, but for those of tokens that are `live`, and says what could not be removed.
    pub async fn remove_published(&self, live: &[Token]) -> Vec<String> {
        let Some(place) = self.place.clone() else { return Vec::new() };
        let live = live.to_vec();
        let work = FileWork::default();
        let removed = work.run(move || removal::remove_published(&place, &live)).await;
        removed.unwrap_or_else(|| vec!["the token files could not be looked through".to_owned()])
    }

    /// Where the files are.
    pub fn place(&self) -> Option<&Path> {
        self.place.as_deref()
    }

    /// Where the files of a session stand; `None` if it shares none.
    pub fn standing(&self, identity: &Identity) -> Option<Standing> {
        lock(&self.standings).get(identity).cloned()
    }
}

impl Drop for SdkCache {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Who works on a session's files: a keeper, or, where they are not shared any more, a withdrawal.
struct Kept {
    assigned: Assigned,
    hands: Hands,
    task: JoinHandle<()>,
}

impl Kept {
    fn is_of(&self, wanted: &Assigned) -> bool {
        let (known, entry) = (&self.assigned.entry, &wanted.entry);
        Arc::ptr_eq(&known.session, &entry.session)
            && known.config == entry.config
            && self.assigned.files == wanted.files
            && self.assigned.contested == wanted.contested
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tend_all(place: PathBuf, mut directory: watch::Receiver<Arc<Directory>>, world: World, standings: Standings) {
    let clock = Arc::clone(&world.clock);
    let mut service_clock = world.identity_center.service_clock();
    let step = || clock.sleep_until_shown(SystemTime::UNIX_EPOCH + NEVER);
    let mut stepped = step();
    let service_time = watch::Sender::new(ServiceTime::of(*service_clock.borrow_and_update(), clock.now()));
    let pokes = watch::Sender::new(());
    let mut tending = Tending { world, standings, service_time, pokes, work: FileWork::default(), at_work: Vec::new() };
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
                () = changed(&mut files) => tending.pokes.send_replace(()),
                () = &mut stepped => {
                    stepped = step();
                    tending.pokes.send_replace(());
                }
                Ok(()) = service_clock.changed() => {
                    let service_clock = *service_clock.borrow_and_update();
                    tending.service_time.send_replace(ServiceTime::of(service_clock, clock.now()));
                }
            }
        }
    }
}

/// Everybody who works on files, and what they have in common.
struct Tending {
    world: World,
    standings: Standings,
    service_time: watch::Sender<ServiceTime>,
    /// Has all keepers look at their files.
    pokes: watch::Sender<()>,
    work: FileWork,
    at_work: Vec<Kept>,
}

impl Tending {
    /// Ends the work for sessions that have changed or gone, and begins it for those that have changed or come.
    fn follow(&mut self, wanted: Vec<Assigned>) {
        let is_wanted = |kept: &Kept| wanted.iter().any(|assigned| kept.is_of(assigned));
        // Those that retire are ended last: their successors take over from them.
        let (kept, retired): (Vec<Kept>, Vec<Kept>) = self.at_work.drain(..).partition(is_wanted);
        self.at_work = kept;
        let has_standing = |identity: &Identity| {
            wanted.iter().any(|assigned| is_shared(&assigned.entry) && assigned.entry.config.identity == *identity)
        };
        lock(&self.standings).retain(|identity, _| has_standing(identity));
        let named: BTreeSet<PathBuf> = wanted.iter().flat_map(|assigned| assigned.files.values().cloned()).collect();
        for assigned in wanted {
            if self.at_work.iter().any(|kept| kept.is_of(&assigned)) {
                continue;
            }
            let identity = &assigned.entry.config.identity;
            let predecessor = retired.iter().find(|kept| kept.assigned.entry.config.identity == *identity);
            let hands = predecessor.map_or_else(|| Hands::new(&self.work), |kept| kept.hands.clone());
            if let Some(before) = predecessor.filter(|_| assigned.contested.is_some()) {
                let nobodys = before.assigned.files.values().filter(|path| !named.contains(*path)).cloned();
                tokio::spawn(self.withdrawal(&assigned.entry, nobodys.collect(), &hands).run(|_| {}));
            }
            self.at_work.push(self.begin(assigned, hands));
        }
    }

    fn withdrawal(&self, entry: &Entry, files: Vec<PathBuf>, hands: &Hands) -> Withdrawal {
        Withdrawal {
            session: entry.config.name.clone(),
            files,
            hands: hands.clone(),
            clock: Arc::clone(&self.world.clock),
        }
    }

    fn begin(&self, assigned: Assigned, hands: Hands) -> Kept {
        let Assigned { entry, files, contested } = assigned.clone();
        let (identity, standings) = (entry.config.identity.clone(), Arc::clone(&self.standings));
        let report = move |standing: Option<Standing>| {
            match standing {
                Some(standing) => {
                    let trouble = standing.trouble.or_else(|| contested.clone());
                    lock(&standings).insert(identity.clone(), Standing { trouble, ..standing })
                }
                None => lock(&standings).remove(&identity),
            };
        };
        let task = if is_shared(&entry) {
            let (world, service_time) = (self.world.clone(), self.service_time.subscribe());
            let keeper = Keeper::new(entry, files, world, hands.clone(), service_time);
            tokio::spawn(keeper.run(self.pokes.subscribe(), move |standing| report(Some(standing))))
        } else {
            tokio::spawn(self.withdrawal(&entry, files.into_values().collect(), &hands).run(report))
        };
        Kept { assigned, hands, task }
    }
}

fn lock(standings: &Standings) -> MutexGuard<'_, BTreeMap<Identity, Standing>> {
    standings.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_shared(entry: &Entry) -> bool {
    entry.config.sdk_cache == config::SdkCache::On
}

/// A session, its files by their keys, and why it has not all that go by its names.
#[derive(Clone)]
struct Assigned {
    entry: Entry,
    files: Files,
    contested: Option<String>,
}

/// The sessions, each with its files by their keys. A file that two of them would write belongs to the first, and to one that
/// shares its token before one that does not. Where two AWS configuration files define one name differently, its token file is
/// that of the default one's session, and nobody's where that has no such name: whoever reads it cannot know which is meant.
fn assign(directory: &Directory, place: &Path) -> Vec<Assigned> {
    let defaults = directory.default_view().entries().iter();
    let defaults: BTreeSet<&Identity> = defaults.map(|entry| &entry.config.identity).collect();
    let is_default = |entry: &Entry| defaults.contains(&entry.config.identity);
    let mut taken: BTreeMap<&str, &Entry> = BTreeMap::new();
    let (own, others): (Vec<&Entry>, Vec<&Entry>) = directory.entries().iter().partition(|entry| is_default(entry));
    let (sharing, rest): (Vec<&Entry>, Vec<&Entry>) = own.iter().copied().partition(|entry| is_shared(entry));
    let mut assigned = Vec::new();
    for entry in sharing.into_iter().chain(rest) {
        let mut files = Files::new();
        for key in &entry.config.cache_keys {
            if let Slot::Vacant(free) = taken.entry(key.as_str()) {
                free.insert(entry);
                files.insert(key.clone(), place.join(file::name(key)));
            }
        }
        assigned.push(Assigned { entry: entry.clone(), files, contested: None });
    }
    for entry in &others {
        let mut rival = None;
        let keys = entry.config.cache_keys.iter().filter(|key| {
            let same = |other: &&&Entry| {
                other.config.identity != entry.config.identity && other.config.cache_keys.contains(key)
            };
            let found = taken.get(key.as_str()).copied().or_else(|| others.iter().find(same).copied());
            rival = rival.or(found);
            found.is_none()
        });
        let files = keys.map(|key| (key.clone(), place.join(file::name(key)))).collect();
        let contested = rival.map(|rival| {
            format!(
                "session {:?} is another one in {}, so this one has no token file; give one of them another name",
                entry.config.name,
                rival.config.origin.file.display()
            )
        });
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

async fn changed(files: &mut Option<FileWatch>) {
    match files {
        Some(files) => files.changed().await,
        None => std::future::pending().await,
    }
}
