//! Noticing that a file has changed.
//!
//! Editors and dotfile managers replace files rather than write them, so directories are watched, not files: the
//! file's own, the one of each symbolic link on the way to it, and where a directory is missing, the nearest one above it
//! until it appears. Between changes nothing runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::machine::MachineProblems;

/// A burst of changes is over when nothing more has changed for this long.
const QUIET: Duration = Duration::from_millis(300);

/// How soon, and how late, it is tried again to watch files that could not be watched.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// However long a burst lasts, this many of its changes are reported as one.
const MAX_BURST: usize = 1000;

/// As many links as are followed from one file; a circle ends here.
const MAX_SYMLINKS: usize = 8;

/// How often a plan is made anew because directories came or went while it was carried out.
const MAX_ATTEMPTS: usize = 5;

/// Watches some files until it is dropped.
#[derive(Debug)]
pub struct FileWatch {
    changes: mpsc::Receiver<()>,
    task: JoinHandle<()>,
}

impl FileWatch {
    /// Begins to watch. Load the files after this, and no change is missed.
    ///
    /// Where watching is impossible, `machine` says so until it is possible; it is tried again with growing pauses, and each
    /// attempt counts as a change, as nobody can tell.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(files: Vec<PathBuf>, machine: &MachineProblems) -> Self {
        let (report, changes) = mpsc::channel(1);
        let task = match Directories::watch(files.clone()) {
            Ok((directories, events)) => tokio::spawn(report_bursts(directories, events, report)),
            Err(error) => {
                let unwatched = Unwatched { files, machine: machine.clone() };
                unwatched.tell(&error);
                tokio::spawn(unwatched.try_again(report))
            }
        };
        Self { changes, task }
    }

    /// Waits for the next change. Changes since the last call count, and a burst of them counts once. Cancel safe.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Files that could not be watched.
struct Unwatched {
    files: Vec<PathBuf>,
    machine: MachineProblems,
}

impl Unwatched {
    fn place(&self) -> String {
        format!("watching {:?}", self.files)
    }

    fn tell(&self, error: &notify::Error) {
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let message = format!("changes of {} are noticed late: {error}", files.join(", "));
        let is_used_up = match &error.kind {
            notify::ErrorKind::Io(error) => error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()),
            _ => false,
        };
        let (message, remedy) = if is_used_up {
            let message = format!("this user's inotify instances are used up, so {message}");
            (message, "end programs that watch many files, or raise fs.inotify.max_user_instances with sysctl")
        } else {
            (message, "send SIGHUP to ssoctld after changing the configuration")
        };
        self.machine.found(&self.place(), message, remedy);
    }

    /// Watches as soon as that is possible.
    #[expect(clippy::disallowed_methods, reason = "while the machine does not tell of changes, only time does")]
    async fn try_again(self, report: mpsc::Sender<()>) {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let watched = Directories::watch(self.files.clone());
            // Nobody knows what has happened meanwhile.
            let _ = report.try_send(());
            match watched {
                Ok((directories, events)) => {
                    drop(self);
                    return report_bursts(directories, events, report).await;
                }
                Err(error) => self.tell(&error),
            }
        }
    }
}

/// They are watched, or nobody wants to know any more.
impl Drop for Unwatched {
    fn drop(&mut self) {
        self.machine.solved(&self.place());
    }
}

async fn report_bursts(
    mut directories: Directories,
    mut events: mpsc::UnboundedReceiver<()>,
    report: mpsc::Sender<()>,
) {
    while events.recv().await.is_some() {
        let mut burst = 1;
        while burst < MAX_BURST && matches!(tokio::time::timeout(QUIET, events.recv()).await, Ok(Some(()))) {
            burst += 1;
        }
        // First, so that whatever changes while the files are read is noticed again. It asks a file system, which can hang.
        let rewatched = tokio::task::spawn_blocking(move || {
            directories.rewatch();
            directories
        });
        let Ok(rewatched) = rewatched.await else { return };
        directories = rewatched;
        tracing::debug!(events = burst, "files changed");
        if let Err(mpsc::error::TrySendError::Closed(())) = report.try_send(()) {
            return;
        }
    }
}

/// The directories that are watched for the sake of some files.
struct Directories {
    files: Vec<PathBuf>,
    watcher: RecommendedWatcher,
    plan: Arc<Mutex<Plan>>,
}

impl Directories {
    fn watch(files: Vec<PathBuf>) -> notify::Result<(Self, mpsc::UnboundedReceiver<()>)> {
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (sender, events) = mpsc::unbounded_channel();
        let shared = Arc::clone(&plan);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) => {
                if shared.lock().unwrap_or_else(PoisonError::into_inner).concerns(&event) {
                    // The receiver goes first when the watch is dropped.
                    let _ = sender.send(());
                }
            }
            Err(error) => tracing::debug!(%error, "watching files"),
        })?;
        let mut directories = Self { files, watcher, plan };
        directories.rewatch();
        Ok((directories, events))
    }

    /// Watches what has to be watched now. Every watch is made anew: one on a directory that was replaced by another
    /// of its name would wait for ever.
    fn rewatch(&mut self) {
        for attempt in 1..=MAX_ATTEMPTS {
            let plan = Plan::of(&self.files);
            let old = std::mem::replace(&mut *self.plan.lock().unwrap_or_else(PoisonError::into_inner), plan.clone());
            for directory in old.names_by_directory.keys() {
                // It fails for directories that are gone, whose watches went with them.
                let _ = self.watcher.unwatch(directory);
            }
            for directory in plan.names_by_directory.keys() {
                if let Err(error) = self.watcher.watch(directory, RecursiveMode::NonRecursive) {
                    tracing::warn!(directory = %directory.display(), %error, "changes of files here go unnoticed; send SIGHUP after changing the configuration");
                }
            }
            if Plan::of(&self.files) == plan {
                return;
            }
            tracing::debug!(attempt, "directories of configuration files changed while they were being watched");
        }
    }
}

/// Which names matter in which directories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Plan {
    names_by_directory: BTreeMap<PathBuf, BTreeSet<OsString>>,
}

impl Plan {
    fn of(files: &[PathBuf]) -> Self {
        let mut plan = Self::default();
        for file in files {
            plan.add(&std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        }
        plan
    }

    /// Adds what a path depends on: each symbolic link on the way, and where the way ends, the name that is there or missing.
    fn add(&mut self, path: &Path) {
        let mut directory = PathBuf::new();
        let mut links = 0;
        let mut rest: Vec<OsString> = names(path);
        while let Some(name) = rest.pop() {
            let next = directory.join(&name);
            if name == Component::ParentDir.as_os_str() {
                directory.pop();
            } else if let Ok(target) = fs::read_link(&next) {
                self.watch(&directory, &name);
                links += 1;
                if links > MAX_SYMLINKS {
                    return;
                }
                rest.extend(names(&target));
            } else if rest.is_empty() || !next.is_dir() {
                // Whatever writes to a device, such as /dev/null, changes no configuration.
                if !fs::metadata(&next).is_ok_and(|metadata| metadata.file_type().is_char_device()) {
                    self.watch(&directory, &name);
                }
                return;
            } else {
                directory = next;
            }
        }
    }

    fn watch(&mut self, directory: &Path, name: &OsStr) {
        self.names_by_directory.entry(directory.to_owned()).or_default().insert(name.to_owned());
    }

    /// Whether an event may have changed one of the files. Reading them is an event too, and must not count, or
    /// each report would cause the next.
    fn concerns(&self, event: &Event) -> bool {
        if event.need_rescan() {
            return true;
        }
        if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
            return false;
        }
        event.paths.iter().any(|path| {
            // A directory that is itself removed or moved takes its files along.
            self.names_by_directory.contains_key(path)
                || path.parent().zip(path.file_name()).is_some_and(|(parent, name)| {
                    self.names_by_directory.get(parent).is_some_and(|names| names.contains(name))
                })
        })
    }
}

/// The components of a path, the last one first. That of the root replaces what it is joined to.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().filter(|component| !matches!(component, Component::CurDir));
    names.rev().map(|component| component.as_os_str().to_owned()).collect()
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
