//! Keeps the file of the socket and the locks in place while the daemon runs. Others may remove them (a runtime directory at the
//! end of a login session, a state directory by hand). This module makes them again. The daemon ends if no client can reach it any
//! more, or if another daemon has taken its place.
//!
//! Nothing is polled: inotify reports changes of files, and the kernel reports changes of mounts.

#[cfg(target_os = "linux")]
mod places;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::chain::chain;
use crate::clock::{BootTime, Clock};
use crate::config::FileWatch;
use crate::lock::{Checked, Claim, Exclusion, LockError};
use crate::machine::{MachineProblems, RESTART};
use crate::server::socket::{self, Listener, SocketError};
use crate::server::stopping;

use places::Places;

/// The pauses before the next checks after something was missing or wrong: the program that removed it may remove more.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];

/// When the daemon stops: the longest time for a check that is under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// The reason why the daemon has to end.
#[derive(Debug, thiserror::Error)]
pub enum KeptFilesError {
    /// Only the service manager can make its socket again.
    #[error(
        "the socket {0} that the service manager made is gone, so no client can reach the daemon; restart both: \
         systemctl --user restart ssoctld.socket ssoctld.service"
    )]
    Handed(PathBuf),
    #[error("the socket is gone, and cannot be made again")]
    Socket(#[from] SocketError),
    #[error("the new socket cannot be served")]
    Io(#[from] std::io::Error),
    #[error("another daemon has taken over")]
    Overtaken(#[from] LockError),
}

#[derive(Default)]
pub struct Restored {
    /// The socket that is to be served from now on.
    pub socket: Option<UnixListener>,
    /// Whether the records may be gone, and have to be written again.
    pub records: bool,
}

/// Socket and locks that are kept in place.
pub(crate) struct Kept {
    pub(crate) reports: mpsc::Receiver<Result<Restored, KeptFilesError>>,
    task: JoinHandle<()>,
    clock: Arc<dyn Clock>,
}

impl Kept {
    /// Removes the socket's file, answers those who have connected meanwhile, and gives the locks up.
    pub(crate) async fn end(self) {
        drop(self.reports);
        // A check may hang, as file systems do.
        self.clock.within(PATIENCE, self.task).await;
    }
}

/// The file of the socket and the locks.
pub struct KeptFiles {
    socket: Option<Listener>,
    claims: Vec<Arc<Claim>>,
    watch: Option<(FileWatch, Places)>,
    machine: MachineProblems,
    /// The time of the next check, and the number of its pause.
    next_check: Option<(BootTime, usize)>,
}

impl KeptFiles {
    /// Starts to watch. Has to be called within a tokio runtime.
    pub fn new(socket: Listener, claims: Vec<Arc<Claim>>, machine: MachineProblems) -> Self {
        let paths: Vec<PathBuf> =
            claims.iter().map(|claim| claim.file().to_owned()).chain([socket.path().to_owned()]).collect();
        let watch = Some((FileWatch::start(paths.clone(), &machine), Places::watch(paths)));
        // Something may have happened before the watch started.
        let next_check = Some((BootTime::default(), 0));
        Self { socket: Some(socket), claims, watch, machine, next_check }
    }

    /// Watches and repairs nothing, for tests.
    pub fn unwatched() -> Self {
        let machine = MachineProblems::default();
        Self { socket: None, claims: Vec::new(), watch: None, machine, next_check: None }
    }

    /// Checks the files whenever they may have changed, and reports repairs. Ends with the first error. Runs in a task and on
    /// separate threads, because file systems may hang.
    pub(crate) fn keep(self, clock: Arc<dyn Clock>) -> Kept {
        let (report, reports) = mpsc::channel(1);
        let task = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move {
                let Some(kept_files) = self.check_until_closed(&report, clock).await else { return };
                // Socket and locks are given up when the daemon ends, not before.
                report.closed().await;
                if let Some(socket) = kept_files.socket {
                    socket.close(&stopping());
                }
            }
        });
        Kept { reports, task, clock }
    }

    /// Returns after an error, and when nobody wants the reports any more. `None` if a check has panicked.
    async fn check_until_closed(
        mut self,
        report: &mpsc::Sender<Result<Restored, KeptFilesError>>,
        clock: Arc<dyn Clock>,
    ) -> Option<Self> {
        loop {
            tokio::select! {
                () = self.changed(&*clock) => {}
                () = report.closed() => return Some(self),
            }
            let clock = Arc::clone(&clock);
            let checked = tokio::task::spawn_blocking(move || {
                let checked = self.check(&*clock);
                (self, checked)
            });
            let (kept_files, checked) = checked.await.ok()?;
            self = kept_files;
            let is_news = checked.as_ref().map_or(true, |restored| restored.records || restored.socket.is_some());
            let is_over = checked.is_err();
            let is_unwanted = is_news && report.send(checked).await.is_err();
            if is_over || is_unwanted {
                return Some(self);
            }
        }
    }

    /// Waits until it is time to check. Cancel safe.
    async fn changed(&mut self, clock: &dyn Clock) {
        let Some((files, places)) = &mut self.watch else { return std::future::pending().await };
        let next_check = match self.next_check {
            Some((at, _)) => clock.sleep_until(at),
            None => Box::pin(std::future::pending()),
        };
        tokio::select! {
            () = files.changed() => {}
            () = places.changed() => {}
            () = next_check => {}
        }
    }

    /// Checks and repairs socket and locks.
    fn check(&mut self, clock: &dyn Clock) -> Result<Restored, KeptFilesError> {
        let mut restored = Restored::default();
        let mut is_well = true;
        for claim in &self.claims {
            let lock = claim.file().display().to_string();
            let problem = match claim.check() {
                Ok(None) => None,
                Ok(Some(Checked { exclusion, is_new })) => {
                    if is_new {
                        is_well = false;
                        restored.records = true;
                        tracing::warn!(lock, "the directory of this lock was removed while the daemon ran");
                    }
                    (exclusion == Exclusion::Text).then(|| without_flock(&lock))
                }
                Err(error @ LockError::Held { .. }) => return Err(error.into()),
                Err(error) => Some((
                    format!("the directory of the lock {lock} is gone, and cannot be made again: {}", chain(&error)),
                    format!("make room for it, then {RESTART}"),
                )),
            };
            match problem {
                None => self.machine.solved(&lock),
                Some((message, remedy)) => {
                    is_well = false;
                    self.machine.found(&lock, message, remedy);
                }
            }
        }
        if self.socket.as_ref().is_some_and(|socket| !socket.is_in_place()) {
            is_well = false;
            restored.socket = self.renew_socket()?;
        }
        if let Some((_, places)) = &self.watch {
            places.include_new_directories();
        }
        self.next_check = match self.next_check {
            _ if is_well => None,
            Some((_, number)) => Some((clock.now().boot + PAUSES[number.min(PAUSES.len() - 1)], number + 1)),
            None => Some((clock.now().boot + PAUSES[0], 1)),
        };
        Ok(restored)
    }

    fn renew_socket(&mut self) -> Result<Option<UnixListener>, KeptFilesError> {
        let Some(gone) = self.socket.take() else { return Ok(None) };
        let (path, access) = (gone.socket().clone(), gone.access());
        if gone.is_handed() {
            return Err(KeptFilesError::Handed(path.path().to_owned()));
        }
        // Before the new socket is made, so that this does not remove its file.
        drop(gone);
        let socket = socket::listen(&path, access)?;
        tracing::warn!(path = %socket.path().display(), "the socket was removed, and made again");
        let listener = socket.for_tokio()?;
        self.socket = Some(socket);
        Ok(Some(listener))
    }
}

fn without_flock(lock: &str) -> (String, String) {
    (
        format!("the file system of {lock} knows no locks (flock), so a second daemon may not be kept away"),
        "have its lock service run (NFS: rpc.statd, no nolock), or set SSOCTL_STATE_DIR to a local directory"
            .to_owned(),
    )
}

#[cfg(not(target_os = "linux"))]
mod places {
    /// Nothing reports renamed directories and mounts here.
    pub(super) struct Places;

    impl Places {
        pub(super) fn watch(_: Vec<std::path::PathBuf>) -> Self {
            Self
        }

        pub(super) const fn include_new_directories(&self) {}

        pub(super) async fn changed(&mut self) {
            std::future::pending().await
        }
    }
}
