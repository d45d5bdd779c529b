//! Notices that a file has changed.
//!
//! Editors and dotfile managers replace files instead of writing to them, so directories are watched: the file's own, that of each
//! symbolic link on the way to it, and if a directory is missing, the nearest existing one above it. Nothing runs between changes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::machine::MachineProblems;
use crate::waiting::lock;

/// A burst of changes is over when nothing more has changed for this long.
const QUIET: Duration = Duration::from_millis(300);

/// The first and the longest pause before the next attempt, if watching is impossible.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The most changes in a burst.
const MAX_BURST: usize = 1000;

/// The most links that are followed from one file. Links in a circle end here.
const MAX_SYMLINKS: usize = 8;

/// The largest number of new plans because directories came or went during the last one.
const MAX_ATTEMPTS: usize = 5;

#[derive(Debug)]
pub struct FileWatch {
    changes: mpsc::Receiver<()>,
    task: JoinHandle<()>,
}

impl FileWatch {
    /// Begins to watch. If files are read after this call, no change is missed.
    ///
    /// If watching is impossible, `machine` says so until it is possible. It is tried again with growing pauses, and each attempt
    /// counts as a change, because there may have been one.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(files: Vec<PathBuf>, machine: &MachineProblems) -> Self {
        let first = Directories::watch(&files);
        Self::spawn(files, machine, Some(first))
    }

    /// Begins to watch on a thread, because looking up directories hangs where a file system does. The beginning counts as a change.
    pub fn begin(files: Vec<PathBuf>, machine: &MachineProblems) -> Self {
        Self::spawn(files, machine, None)
    }

    fn spawn(files: Vec<PathBuf>, machine: &MachineProblems, first: Option<notify::Result<Watched>>) -> Self {
        let (report, changes) = mpsc::channel(1);
        let unwatched = Unwatched { files, machine: machine.clone() };
        let task = tokio::spawn(unwatched.report_changes(first, report));
        Self { changes, task }
    }

    /// Waits for the next change since the last call. A burst of changes counts once. Cancel safe.
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

/// Directories that are watched, and a message for each change in them.
type Watched = (Directories, mpsc::UnboundedReceiver<()>);

struct Unwatched {
    files: Vec<PathBuf>,
    machine: MachineProblems,
}

impl Unwatched {
    /// Reports changes as soon as watching is possible.
    #[expect(clippy::disallowed_methods, reason = "without a watch, only time leads to the next attempt")]
    async fn report_changes(self, mut watched: Option<notify::Result<Watched>>, report: mpsc::Sender<()>) {
        let mut pause = FIRST_PAUSE;
        let watched = loop {
            match watched {
                Some(Ok(watched)) => break watched,
                Some(Err(error)) => {
                    self.report(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                None => {}
            }
            let files = self.files.clone();
            let Ok(next) = tokio::task::spawn_blocking(move || Directories::watch(&files)).await else { return };
            watched = Some(next);
            // The files may have changed in the meantime.
            let _ = report.try_send(());
        };
        drop(self);
        report_bursts(watched, report).await;
    }

    fn report(&self, error: &notify::Error) {
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let message = format!("changes of {} are noticed late: {error}", files.join(", "));
        let is_used_up = matches!(&error.kind, notify::ErrorKind::Io(error)
            if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()));
        let (message, remedy) = if is_used_up {
            let message = format!("this user's inotify instances are used up, so {message}");
            (message, "end programs that watch many files, or raise fs.inotify.max_user_instances with sysctl")
        } else {
            (message, "send SIGHUP to ssoctld after changing the configuration")
        };
        self.machine.found(&self.place(), message, remedy);
    }

    fn place(&self) -> String {
        format!("watching {:?}", self.files)
    }
}

/// The files are watched now, or the receiver of their changes is gone.
impl Drop for Unwatched {
    fn drop(&mut self) {
        self.machine.solved(&self.place());
    }
}

#[expect(clippy::disallowed_methods, reason = "changes that come together are together in real time")]
async fn report_bursts((mut directories, mut events): Watched, report: mpsc::Sender<()>) {
    while events.recv().await.is_some() {
        let mut burst = 1;
        while burst < MAX_BURST && matches!(tokio::time::timeout(QUIET, events.recv()).await, Ok(Some(()))) {
            burst += 1;
        }
        // Before the report, so that a change during the next reading is noticed. A thread does it, because a file system can hang.
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

/// The directories that are watched because of some files.
struct Directories {
    files: Vec<PathBuf>,
    watcher: RecommendedWatcher,
    plan: Arc<Mutex<WatchedPaths>>,
}

impl Directories {
    fn watch(files: &[PathBuf]) -> notify::Result<Watched> {
        let plan = Arc::new(Mutex::new(WatchedPaths::default()));
        let (sender, events) = mpsc::unbounded_channel();
        let shared = Arc::clone(&plan);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) => {
                if lock(&shared).concerns(&event) {
                    // When the watch is dropped, the receiver is dropped first.
                    let _ = sender.send(());
                }
            }
            Err(error) => tracing::debug!(%error, "watching files"),
        })?;
        let mut directories = Self { files: files.to_vec(), watcher, plan };
        directories.rewatch();
        Ok((directories, events))
    }

    /// Watches the directories of the present plan. Every watch is made again: a watch on a directory that was replaced by another
    /// one of its name would wait for ever.
    fn rewatch(&mut self) {
        for attempt in 1..=MAX_ATTEMPTS {
            let plan = WatchedPaths::of(&self.files);
            let old = std::mem::replace(&mut *lock(&self.plan), plan.clone());
            for directory in old.directories() {
                // This fails for directories that were removed. Their watches are gone, too.
                let _ = self.watcher.unwatch(directory);
            }
            for directory in plan.directories() {
                if let Err(error) = self.watcher.watch(directory, RecursiveMode::NonRecursive) {
                    tracing::warn!(directory = %directory.display(), %error, "changes of files here are not noticed; send SIGHUP after changing the configuration");
                }
            }
            if WatchedPaths::of(&self.files) == plan {
                return;
            }
            tracing::debug!(attempt, "directories of configuration files changed while they were being watched");
        }
    }
}

/// The paths whose changes matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct WatchedPaths(BTreeSet<PathBuf>);

impl WatchedPaths {
    fn of(files: &[PathBuf]) -> Self {
        let mut plan = Self::default();
        for file in files {
            plan.add(&std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        }
        plan
    }

    /// Adds what a path depends on: each symbolic link on the way, and the last name on it, which may be missing.
    fn add(&mut self, path: &Path) {
        let mut directory = PathBuf::new();
        let mut links = 0;
        let mut rest: Vec<OsString> = names(path);
        while let Some(name) = rest.pop() {
            let next = directory.join(&name);
            if name == Component::ParentDir.as_os_str() {
                directory.pop();
            } else if let Ok(target) = fs::read_link(&next) {
                self.0.insert(next);
                links += 1;
                if links > MAX_SYMLINKS {
                    return;
                }
                rest.extend(names(&target));
            } else if rest.is_empty() || !next.is_dir() {
                // Writing to a device, such as /dev/null, changes no configuration.
                if !fs::metadata(&next).is_ok_and(|metadata| metadata.file_type().is_char_device()) {
                    self.0.insert(next);
                }
                return;
            } else {
                directory = next;
            }
        }
    }

    fn directories(&self) -> BTreeSet<&Path> {
        self.0.iter().filter_map(|path| path.parent()).collect()
    }

    /// Whether an event may have changed one of the files. Reading them is an event, too. It must not count, because then each report
    /// would cause the next.
    fn concerns(&self, event: &Event) -> bool {
        if event.need_rescan() {
            return true;
        }
        if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
            return false;
        }
        let directories = self.directories();
        // If a directory is removed or moved, its files are, too.
        event.paths.iter().any(|path| self.0.contains(path) || directories.contains(path.as_path()))
    }
}

/// The components of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().filter(|component| !matches!(component, Component::CurDir));
    names.rev().map(|component| component.as_os_str().to_owned()).collect()
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
