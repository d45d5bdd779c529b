//! The AWS files beside the default ones: those that callers have named, and those that config.toml lists. Threads read them, because
//! a caller may name a file on a file system that hangs. They are watched for as long as they are remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::chain::chain;
use crate::config::{Config, EndpointSettings, Environment, FilePair, FileWatch, NotUsable, Paths, Stamps, load_named};
use crate::directory::{Directory, View};
use crate::file_work::FileWork;
use crate::machine::MachineProblems;
use crate::waiting::or_never;

/// The number of files that are remembered besides the listed ones. A further one replaces the one that was named least
/// recently.
const MOST: usize = 64;

/// A file that has not changed for this long is taken for whole.
const SETTLED: Duration = Duration::from_millis(100);

/// A file that changes all the time is read nevertheless.
const MOST_WAITS: usize = 20;

/// The files that a caller has named, and the sender of their view or of the reason why there is none.
pub(crate) type ReadRequest = (FilePair, ViewReply);

type ViewReply = oneshot::Sender<Result<Arc<View>, String>>;

pub(crate) struct ReadFiles {
    files: FilePair,
    found: Result<NamedConfig, NotUsable>,
    /// `None` if no caller waits for it.
    reply: Option<ViewReply>,
}

enum NamedConfig {
    /// The default files, or the default one under another name.
    Default(Stamps),
    Another(Box<Config>),
}

impl ReadFiles {
    /// The present stamps of the default files, if those were asked for.
    pub(crate) const fn default_stamps(&self) -> Option<&Stamps> {
        match &self.found {
            Ok(NamedConfig::Default(stamps)) => Some(stamps),
            _ => None,
        }
    }

    /// Answers the caller that waits for this.
    pub(crate) fn answer(self, directory: &Directory) {
        let Some(reply) = self.reply else { return };
        let view = match self.found {
            Ok(NamedConfig::Default(_)) => Ok(Arc::clone(directory.default_view())),
            Ok(NamedConfig::Another(_)) => {
                directory.view_of(&self.files).cloned().ok_or_else(|| "it was forgotten meanwhile".to_owned())
            }
            Err(why) => Err(chain(&why)),
        };
        // The caller may have given up.
        let _ = reply.send(view);
    }
}

pub(crate) struct NamedFiles {
    paths: Paths,
    environment: Environment,
    machine: MachineProblems,
    known: BTreeMap<FilePair, Config>,
    listed: BTreeSet<PathBuf>,
    work: FileWork,
    sender: mpsc::UnboundedSender<ReadFiles>,
    reads: mpsc::UnboundedReceiver<ReadFiles>,
    watched: BTreeSet<PathBuf>,
    watch: Option<FileWatch>,
}

impl NamedFiles {
    pub(crate) fn new(paths: Paths, environment: Environment, machine: MachineProblems) -> Self {
        let (sender, reads) = mpsc::unbounded_channel();
        Self {
            paths,
            environment,
            machine,
            known: BTreeMap::new(),
            listed: BTreeSet::new(),
            work: FileWork::default(),
            sender,
            reads,
            watched: BTreeSet::new(),
            watch: None,
        }
    }

    pub(crate) const fn known(&self) -> &BTreeMap<FilePair, Config> {
        &self.known
    }

    /// Replaces the list of config.toml.
    pub(crate) fn set_listed(&mut self, listed: &[PathBuf]) {
        self.listed = listed.iter().cloned().collect();
        self.read_again();
    }

    /// Reads the files that a caller has named, or looks whether the default ones have changed.
    pub(crate) fn read_for(&self, (files, reply): ReadRequest) {
        self.begin_reading(files, Some(reply));
    }

    /// Waits until files were read. Cancel safe.
    pub(crate) async fn next_read(&mut self) -> ReadFiles {
        loop {
            let changed = or_never(self.watch.as_mut().map(FileWatch::changed));
            tokio::select! {
                Some(read) = self.reads.recv() => return read,
                () = changed => self.read_again(),
            }
        }
    }

    /// Remembers the files that were read, or forgets them if they cannot be used. Returns whether anything has changed.
    pub(crate) fn remember(&mut self, read: &ReadFiles, directory: &Directory) -> bool {
        let files = &read.files;
        let is_changed = match &read.found {
            Ok(NamedConfig::Default(_)) => self.known.remove(files).is_some(),
            Ok(NamedConfig::Another(config)) => {
                // Another file may have taken its place while it was read again.
                let is_wanted = read.reply.is_some() || self.known.contains_key(files) || self.is_listed(files);
                let is_changed = is_wanted && self.known.get(files) != Some(&**config);
                if is_changed {
                    self.make_room(files, directory);
                    self.known.insert(files.clone(), (**config).clone());
                }
                is_changed
            }
            Err(why) => {
                let was_known = self.known.remove(files).is_some();
                if was_known {
                    tracing::info!(%files, reason = chain(why), "a named file is forgotten");
                }
                was_known
            }
        };
        self.watch();
        is_changed
    }

    fn make_room(&mut self, files: &FilePair, directory: &Directory) {
        let remembered = || self.known.keys().filter(|known| !self.is_listed(known));
        if self.known.contains_key(files) || self.is_listed(files) || remembered().count() < MOST {
            return;
        }
        let last_used = |files: &&FilePair| directory.view_of(files).map_or(0, |view| view.last_used());
        if let Some(oldest) = remembered().min_by_key(last_used).cloned() {
            tracing::info!(files = %oldest, "a named file is forgotten, because there are many");
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
        self.all().into_iter().for_each(|files| self.begin_reading(files, None));
    }

    fn begin_reading(&self, files: FilePair, reply: Option<ViewReply>) {
        let (paths, environment, work) = (self.paths.clone(), self.environment.clone(), self.work.clone());
        let (sender, listed) = (self.sender.clone(), self.listed.clone());
        // The watch reports a burst of changes when it is over; a caller may come in its middle.
        let changing = if reply.is_some() { self.paths_of(files.clone()) } else { Vec::new() };
        tokio::spawn(async move {
            let wanted = files.clone();
            let read = move || {
                wait_until_settled(&changing);
                read(&paths, wanted, &listed, &environment)
            };
            let found = work.run(read).await;
            if let Some(found) = found {
                // The daemon may be stopping.
                let _ = sender.send(ReadFiles { files, found, reply });
            }
        });
    }

    /// The files of a pair. A credentials file that is named alone goes with the default configuration.
    fn paths_of(&self, files: FilePair) -> Vec<PathBuf> {
        match files {
            FilePair { config: None, credentials: None } => self.paths.all(),
            FilePair { config: Some(config), credentials } => [config].into_iter().chain(credentials).collect(),
            FilePair { config: None, credentials: Some(credentials) } => {
                vec![self.paths.own.clone(), self.paths.aws.clone(), credentials]
            }
        }
    }

    /// Watches all files, if they have changed.
    fn watch(&mut self) {
        let paths: BTreeSet<PathBuf> = self.all().into_iter().flat_map(|files| self.paths_of(files)).collect();
        if paths != self.watched {
            self.watch = Some(FileWatch::begin(paths.iter().cloned().collect(), &self.machine));
            self.watched = paths;
        }
    }
}

/// Waits while a file has changed in the last moment: it may be half written.
fn wait_until_settled(files: &[PathBuf]) {
    for _ in 0..MOST_WAITS {
        let newest = files.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok()).max();
        // A time to come, where a clock was wrong, says nothing.
        match newest.and_then(|at| at.elapsed().ok()) {
            Some(age) if age < SETTLED => thread::sleep(SETTLED - age),
            _ => return,
        }
    }
}

fn read(
    paths: &Paths,
    mut files: FilePair,
    listed: &BTreeSet<PathBuf>,
    environment: &Environment,
) -> Result<NamedConfig, NotUsable> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let place = files.config.as_deref().and_then(real);
    if place.is_some() && place == real(&paths.aws) {
        files.config = None;
    }
    if files == FilePair::default() {
        return Ok(NamedConfig::Default(paths.stamps()));
    }
    let is_listed = files.config.as_ref().is_some_and(|config| listed.contains(config))
        || (place.is_some() && listed.iter().any(|listed| real(listed) == place));
    let settings = if is_listed { EndpointSettings::Count } else { EndpointSettings::Ignored };
    load_named(paths, &files, settings, environment).map(|config| NamedConfig::Another(Box::new(config)))
}
