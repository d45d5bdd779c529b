//! The AWS files beside the default ones: those that callers have named and those that config.toml lists. They are
//! read on threads, because anybody may name a file on a file system that hangs, and watched while they are remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::chain::chain;
use crate::config::{Config, EndpointSettings, Environment, FilePair, FileWatch, NotUsable, Paths, load_named};
use crate::directory::{Directory, View};
use crate::file_work::FileWork;
use crate::machine::MachineProblems;

/// As many files are remembered besides those that are listed. Whoever comes then takes the place of the one that nobody has
/// named for the longest time.
const MOST: usize = 64;

/// The files that a caller has named, and where their view or the reason against it is waited for.
pub(crate) type Asked = (FilePair, oneshot::Sender<Result<Arc<View>, String>>);

/// What reading a file has given.
pub(crate) struct Read {
    files: FilePair,
    found: Result<Found, NotUsable>,
    /// Who waits for it, and for whom it is remembered; nobody where it is only read again.
    asked: Option<oneshot::Sender<Result<Arc<View>, String>>>,
}

enum Found {
    /// It is the default file under another name.
    Default,
    Another(Box<Config>),
}

/// What is remembered of the files.
pub(crate) struct NamedFiles {
    paths: Paths,
    environment: Environment,
    machine: MachineProblems,
    known: BTreeMap<FilePair, Config>,
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
    pub(crate) const fn known(&self) -> &BTreeMap<FilePair, Config> {
        &self.known
    }

    /// config.toml lists these now.
    pub(crate) fn list(&mut self, listed: &[PathBuf]) {
        self.listed = listed.iter().cloned().collect();
        self.read_again();
    }

    /// A caller names this one.
    pub(crate) fn asked(&self, (files, reply): Asked) {
        self.begin(files, Some(reply));
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
        update: impl FnOnce(&BTreeMap<FilePair, Config>) -> Arc<Directory>,
    ) {
        let Read { files, found, asked } = read;
        // `None`: the view that it has now.
        let answer = match found {
            Ok(Found::Default) => {
                self.known.remove(&files);
                Some(Ok(Arc::clone(directory.default_view())))
            }
            Ok(Found::Another(config)) => {
                // Somebody may have forgotten it while it was read again.
                let is_wanted = asked.is_some() || self.known.contains_key(&files) || self.is_listed(&files);
                if is_wanted && self.known.get(&files) != Some(&*config) {
                    self.make_room(&files, &directory);
                    self.known.insert(files.clone(), *config);
                }
                None
            }
            Err(why) => {
                if self.known.remove(&files).is_some() {
                    tracing::info!(%files, reason = chain(&why), "a named file is forgotten");
                }
                Some(Err(chain(&why)))
            }
        };
        let is_new = self.known.iter().map(|(files, config)| (files, Some(config))).collect::<Vec<_>>()
            != directory.named_files().iter().map(|(files, view)| (files, Some(&view.config))).collect::<Vec<_>>();
        let directory = if is_new { update(&self.known) } else { directory };
        if let Some(asked) = asked {
            let known = || directory.view_of(&files).cloned().ok_or_else(|| "it was forgotten meanwhile".to_owned());
            let answer = answer.unwrap_or_else(known);
            // Whoever asked may have gone.
            let _ = asked.send(answer);
        }
        self.watch();
    }

    fn make_room(&mut self, files: &FilePair, directory: &Directory) {
        let remembered = || self.known.keys().filter(|known| !self.is_listed(known));
        if self.known.contains_key(files) || self.is_listed(files) || remembered().count() < MOST {
            return;
        }
        let last_used = |files: &&FilePair| directory.view_of(files).map_or(0, |view| view.last_used());
        if let Some(oldest) = remembered().min_by_key(last_used).cloned() {
            tracing::info!(files = %oldest, "a named file is forgotten, as there are many");
            self.known.remove(&oldest);
        }
    }

    fn is_listed(&self, files: &FilePair) -> bool {
        files.credentials.is_none() && files.config.as_ref().is_some_and(|config| self.listed.contains(config))
    }

    fn all(&self) -> BTreeSet<FilePair> {
        let listed = self.listed.iter().cloned().map(FilePair::of_config);
        self.known.keys().cloned().chain(listed).collect()
    }

    fn read_again(&self) {
        self.all().into_iter().for_each(|files| self.begin(files, None));
    }

    fn begin(&self, files: FilePair, asked: Option<oneshot::Sender<Result<Arc<View>, String>>>) {
        let (paths, environment, work) = (self.paths.clone(), self.environment.clone(), self.work.clone());
        let (read, listed) = (self.read.clone(), self.listed.clone());
        tokio::spawn(async move {
            let wanted = files.clone();
            let found = work.run(move || find(&paths, &wanted, &listed, &environment)).await;
            if let Some(found) = found {
                // The daemon may be ending.
                let _ = read.send(Read { files, found, asked });
            }
        });
    }

    /// Looking up directories may hang where a file system does, so a thread does it.
    fn watch(&mut self) {
        // Where only credentials are named, they go with the default configuration.
        let of_pair = |files: FilePair| match files.config {
            Some(config) => vec![Some(config), files.credentials],
            None => vec![Some(self.paths.own.clone()), Some(self.paths.aws.clone()), files.credentials],
        };
        let paths: BTreeSet<PathBuf> = self.all().into_iter().flat_map(of_pair).flatten().collect();
        if self.watching.is_none() && paths != self.watched {
            self.watched.clone_from(&paths);
            let paths = paths.into_iter().collect();
            let machine = self.machine.clone();
            self.watching = Some(tokio::task::spawn_blocking(move || FileWatch::start(paths, &machine)));
        }
    }
}

fn find(
    paths: &Paths,
    files: &FilePair,
    listed: &BTreeSet<PathBuf>,
    environment: &Environment,
) -> Result<Found, NotUsable> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let place = files.config.as_deref().and_then(real);
    let mut files = files.clone();
    if place.is_some() && place == real(&paths.aws) {
        if files.credentials.is_none() {
            return Ok(Found::Default);
        }
        files.config = None;
    }
    let is_listed = files.config.as_ref().is_some_and(|config| listed.contains(config))
        || (place.is_some() && listed.iter().any(|listed| real(listed) == place));
    let settings = if is_listed { EndpointSettings::Count } else { EndpointSettings::Ignored };
    load_named(paths, &files, settings, environment).map(|config| Found::Another(Box::new(config)))
}
