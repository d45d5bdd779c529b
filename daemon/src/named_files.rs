//! The AWS configuration files beside the default one: those that callers have named and those that config.toml lists. They are
//! read on threads, because anybody may name a file on a file system that hangs, and watched while they are remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::chain::chain;
use crate::config::{Config, EndpointSettings, Environment, FileWatch, NotUsable, Paths, load_named};
use crate::file_work::FileWork;
use crate::machine::MachineProblems;
use crate::session::registry::{Directory, View};

/// As many files are remembered besides those that are listed. Whoever comes then takes the place of the one that nobody has
/// named for the longest time.
const MOST: usize = 64;

/// A file that a caller has named, and where its view or the reason against it is waited for.
pub(crate) type Asked = (PathBuf, oneshot::Sender<Result<Arc<View>, String>>);

/// What reading a file has given.
pub(crate) struct Read {
    path: PathBuf,
    found: Result<Found, NotUsable>,
    /// Who waits for it, and for whom it is remembered; nobody where it is only read again.
    asked: Option<oneshot::Sender<Result<Arc<View>, String>>>,
}

enum Found {
    /// It is the default file under another name.
    Default,
    Another(Config),
}

/// What is remembered of the files.
pub(crate) struct NamedFiles {
    paths: Paths,
    environment: Environment,
    machine: MachineProblems,
    known: BTreeMap<PathBuf, Config>,
    listed: BTreeSet<PathBuf>,
    work: FileWork,
    read: mpsc::UnboundedSender<Read>,
    reads: mpsc::UnboundedReceiver<Read>,
    watched: BTreeSet<PathBuf>,
    watch: Option<FileWatch>,
    /// A watch of other files is being made.
    watching: Option<JoinHandle<FileWatch>>,
}

impl NamedFiles {
    pub(crate) fn new(paths: Paths, environment: Environment, machine: MachineProblems) -> Self {
        let (read, reads) = mpsc::unbounded_channel();
        Self {
            paths,
            environment,
            machine,
            known: BTreeMap::new(),
            listed: BTreeSet::new(),
            work: FileWork::default(),
            read,
            reads,
            watched: BTreeSet::new(),
            watch: None,
            watching: None,
        }
    }

    /// The files that are there, by their paths.
    pub(crate) const fn known(&self) -> &BTreeMap<PathBuf, Config> {
        &self.known
    }

    /// config.toml lists these now.
    pub(crate) fn list(&mut self, listed: &[PathBuf]) {
        self.listed = listed.iter().cloned().collect();
        self.read_again();
    }

    /// A caller names this one.
    pub(crate) fn asked(&self, (path, reply): Asked) {
        self.begin(path, Some(reply));
    }

    /// Waits for the next file that was read. Cancel safe.
    pub(crate) async fn next(&mut self) -> Read {
        loop {
            let watched = async {
                match &mut self.watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            let begun = async {
                match &mut self.watching {
                    Some(watching) => watching.await.ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(read) = self.reads.recv() => return read,
                () = watched => self.read_again(),
                watch = begun => {
                    (self.watch, self.watching) = (watch, None);
                    // What has changed before it was watched.
                    self.read_again();
                    self.watch();
                }
            }
        }
    }

    /// Remembers what was read, or forgets what is not there any more. `update` makes the directory of what is known, and is
    /// called only where that has changed.
    pub(crate) fn take(
        &mut self,
        read: Read,
        directory: Arc<Directory>,
        update: impl FnOnce(&BTreeMap<PathBuf, Config>) -> Arc<Directory>,
    ) {
        let Read { path, found, asked } = read;
        let answer = match found {
            Ok(Found::Default) => {
                self.known.remove(&path);
                Ok(Arc::clone(directory.default_view()))
            }
            Ok(Found::Another(config)) => {
                // Somebody may have forgotten it while it was read again.
                let is_wanted = asked.is_some() || self.known.contains_key(&path) || self.listed.contains(&path);
                if is_wanted && self.known.get(&path) != Some(&config) {
                    self.make_room(&path, &directory);
                    self.known.insert(path.clone(), config);
                }
                Err(String::new())
            }
            Err(why) => {
                if self.known.remove(&path).is_some() {
                    tracing::info!(file = %path.display(), reason = chain(&why), "a named file is forgotten");
                }
                Err(chain(&why))
            }
        };
        let is_new = self.known.iter().map(|(path, config)| (path, Some(config))).collect::<Vec<_>>()
            != directory.named_files().iter().map(|(path, view)| (path, Some(&view.config))).collect::<Vec<_>>();
        let directory = if is_new { update(&self.known) } else { directory };
        if let Some(asked) = asked {
            let answer = directory.view_of(&path).map_or(answer, |view| Ok(Arc::clone(view)));
            // Whoever asked may have gone.
            let _ = asked.send(answer);
        }
        self.watch();
    }

    fn make_room(&mut self, path: &Path, directory: &Directory) {
        let remembered = || self.known.keys().filter(|known| !self.listed.contains(*known));
        if self.known.contains_key(path) || self.listed.contains(path) || remembered().count() < MOST {
            return;
        }
        let last_used = |path: &&PathBuf| directory.view_of(path).map_or(0, |view| view.last_used());
        if let Some(oldest) = remembered().min_by_key(last_used).cloned() {
            tracing::info!(file = %oldest.display(), "a named file is forgotten, as there are many");
            self.known.remove(&oldest);
        }
    }

    fn paths(&self) -> BTreeSet<PathBuf> {
        self.known.keys().chain(&self.listed).cloned().collect()
    }

    fn read_again(&self) {
        self.paths().into_iter().for_each(|path| self.begin(path, None));
    }

    fn begin(&self, path: PathBuf, asked: Option<oneshot::Sender<Result<Arc<View>, String>>>) {
        let (paths, environment, work) = (self.paths.clone(), self.environment.clone(), self.work.clone());
        let (read, listed) = (self.read.clone(), self.listed.clone());
        tokio::spawn(async move {
            let file = path.clone();
            let found = work.run(move || find(&paths, &file, &listed, &environment)).await;
            if let Some(found) = found {
                // The daemon may be ending.
                let _ = read.send(Read { path, found, asked });
            }
        });
    }

    /// Looking up directories may hang where a file system does, so a thread does it.
    fn watch(&mut self) {
        let paths = self.paths();
        if self.watching.is_none() && paths != self.watched {
            self.watched.clone_from(&paths);
            let paths = paths.into_iter().collect();
            let machine = self.machine.clone();
            self.watching = Some(tokio::task::spawn_blocking(move || FileWatch::start(paths, &machine)));
        }
    }
}

fn find(paths: &Paths, file: &Path, listed: &BTreeSet<PathBuf>, environment: &Environment) -> Result<Found, NotUsable> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let place = real(file);
    if place.is_some() && place == real(&paths.aws) {
        return Ok(Found::Default);
    }
    let is_listed = listed.contains(file) || (place.is_some() && listed.iter().any(|listed| real(listed) == place));
    let settings = if is_listed { EndpointSettings::Count } else { EndpointSettings::Ignored };
    load_named(paths, file, settings, environment).map(Found::Another)
}
