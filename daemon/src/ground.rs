//! What the daemon stands on: the file of its socket, and the claims that keep other daemons away. Others may remove either
//! while it runs (a runtime directory at the end of a login session, a state directory by hand), which is noticed and put
//! right; a daemon that nobody can reach, or that is not alone any more, ends.
//!
//! Nothing is polled: inotify tells of files, and the kernel of mounts that come and go.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::mpsc;

use crate::chain::chain;
use crate::clock::{BootTime, Clock};
use crate::config::FileWatch;
use crate::lock::{Claim, Exclusion, Kept, LockError};
use crate::machine::{MachineProblems, RESTART};
use crate::server::socket::{self, Listener, SocketError};

/// When it is looked again after something was gone or wrong: what removes a directory may come back for the rest.
const LOOKS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];

/// Why the daemon cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Fallen {
    /// The service manager made the socket, and only it can make it again.
    #[error(
        "the socket {0} that the service manager made is gone, so nobody can reach the daemon; restart both: \
         systemctl --user restart ssoctld.socket ssoctld.service"
    )]
    Handed(PathBuf),
    /// The socket is gone and cannot be made again.
    #[error("the socket is gone, and cannot be made again")]
    Socket(#[from] SocketError),
    /// The operating system does not let the new socket be served.
    #[error("the new socket cannot be served")]
    Io(#[from] std::io::Error),
    /// Another daemon has come.
    #[error("another daemon has taken over")]
    Overtaken(#[from] LockError),
}

/// What was put right.
#[derive(Default)]
pub struct Restored {
    /// The socket that is to be served from now on.
    pub socket: Option<UnixListener>,
    /// Whether the records may be gone, and are to be written again.
    pub records: bool,
}

/// What the daemon stands on.
pub struct Ground {
    socket: Option<Listener>,
    claims: Vec<Arc<Claim>>,
    files: Option<FileWatch>,
    ancestors: ancestors::Ancestors,
    mounts: mounts::Mounts,
    machine: MachineProblems,
    next_look: Option<(BootTime, usize)>,
}

impl Ground {
    /// Begins to watch. Has to be called within a tokio runtime.
    pub fn new(socket: Listener, claims: Vec<Arc<Claim>>, machine: MachineProblems) -> Self {
        let paths: Vec<PathBuf> =
            claims.iter().map(|claim| claim.file().to_owned()).chain([socket.path().to_owned()]).collect();
        let files = Some(FileWatch::start(paths.clone(), &machine));
        let (ancestors, mounts) = (ancestors::Ancestors::watch(paths), mounts::Mounts::watch());
        // Something may have happened before anybody watched.
        let next_look = Some((BootTime::default(), 0));
        Self { socket: Some(socket), claims, files, ancestors, mounts, machine, next_look }
    }

    /// One that nothing happens to.
    pub fn firm() -> Self {
        let (ancestors, mounts) = (ancestors::Ancestors::none(), mounts::Mounts::none());
        let machine = MachineProblems::default();
        Self { socket: None, claims: Vec::new(), files: None, ancestors, mounts, machine, next_look: None }
    }

    /// Keeps looking, and tells what was put right; after what cannot be put right it ends. File systems may hang, so nobody
    /// waits for it.
    pub(crate) fn keep(mut self, clock: Arc<dyn Clock>) -> mpsc::Receiver<Result<Restored, Fallen>> {
        let (tell, news) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = self.stirred(&*clock) => {}
                    () = tell.closed() => return,
                }
                let clock = Arc::clone(&clock);
                let checked = tokio::task::spawn_blocking(move || {
                    let checked = self.check(&*clock);
                    (self, checked)
                });
                let Ok((ground, checked)) = checked.await else { return };
                self = ground;
                let is_news = checked.as_ref().map_or(true, |restored| restored.records || restored.socket.is_some());
                let is_over = checked.is_err();
                if is_news && tell.send(checked).await.is_err() {
                    return;
                }
                if is_over {
                    // What it stands on goes with the daemon, not before.
                    return tell.closed().await;
                }
            }
        });
        news
    }

    /// Waits until something may have happened to it. Cancel safe.
    async fn stirred(&mut self, clock: &dyn Clock) {
        let look = self.next_look.map(|(at, _)| clock.sleep_until(at));
        tokio::select! {
            () = or_never(self.files.as_mut().map(FileWatch::changed)) => {}
            () = self.ancestors.moved() => {}
            () = self.mounts.changed() => {}
            () = or_never(look) => {}
        }
    }

    /// Looks at everything, and puts right what can be put right.
    ///
    /// # Errors
    /// [`Fallen`] says why the daemon has to end.
    fn check(&mut self, clock: &dyn Clock) -> Result<Restored, Fallen> {
        let mut restored = Restored::default();
        let mut is_well = true;
        for claim in &self.claims {
            let place = claim.file().display().to_string();
            match claim.check() {
                Ok(None) => self.machine.solved(&place),
                Ok(Some(kept)) => {
                    let (Kept::Still(exclusion) | Kept::Anew(exclusion)) = kept;
                    is_well &= kept == Kept::Still(Exclusion::Lock);
                    restored.records |= matches!(kept, Kept::Anew(_));
                    if matches!(kept, Kept::Anew(_)) {
                        tracing::warn!(lock = place, "the directory of this lock was removed while the daemon ran");
                    }
                    self.tell(claim, exclusion);
                }
                Err(error @ LockError::Held { .. }) => return Err(error.into()),
                Err(error) => {
                    is_well = false;
                    self.machine.found(
                        &place,
                        format!(
                            "the directory of the lock {place} is gone, and cannot be made again: {}",
                            chain(&error)
                        ),
                        format!("make room for it, then {RESTART}"),
                    );
                }
            }
        }
        if self.socket.as_ref().is_some_and(|socket| !socket.is_in_place()) {
            is_well = false;
            restored.socket = self.renew_socket()?;
        }
        // Others may be there now.
        self.ancestors.look();
        self.next_look = match self.next_look {
            _ if is_well => None,
            Some((_, number)) => Some((clock.now().boot + LOOKS[number.min(LOOKS.len() - 1)], number + 1)),
            None => Some((clock.now().boot + LOOKS[0], 1)),
        };
        Ok(restored)
    }

    fn renew_socket(&mut self) -> Result<Option<UnixListener>, Fallen> {
        let Some(gone) = self.socket.take() else { return Ok(None) };
        let path = gone.path().to_owned();
        if gone.is_handed() {
            return Err(Fallen::Handed(path));
        }
        let kind = gone.kind();
        // First, so that its end does not remove the next one's file.
        drop(gone);
        let socket = socket::listen(&kind(path))?;
        tracing::warn!(path = %socket.path().display(), "the socket was removed, and made again");
        let listener = socket.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        self.socket = Some(socket);
        Ok(Some(UnixListener::from_std(listener)?))
    }

    fn tell(&self, claim: &Claim, exclusion: Exclusion) {
        let place = claim.file().display().to_string();
        match exclusion {
            Exclusion::Lock => self.machine.solved(&place),
            Exclusion::Word => self.machine.found(
                &place,
                format!("the file system of {place} knows no locks (flock), so a second daemon may not be kept away"),
                "have its lock service run (NFS: rpc.statd, no nolock), or set SSOCTL_STATE_DIR to a local directory",
            ),
        }
    }
}

async fn or_never(future: Option<impl Future<Output = ()>>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

#[cfg(target_os = "linux")]
mod ancestors {
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::PathBuf;

    use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// Watches the directories above some files for being renamed, which moves everything below them.
    pub(super) struct Ancestors {
        files: Vec<PathBuf>,
        moves: Option<AsyncFd<OwnedFd>>,
    }

    impl Ancestors {
        #[expect(deprecated, reason = "its safe successor takes no interest; a descriptor of our own is sound")]
        pub(super) fn watch(files: Vec<PathBuf>) -> Self {
            let made = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
            let moves = made.and_then(|moves| AsyncFd::with_interest(moves, Interest::READABLE).ok());
            let ancestors = Self { files, moves };
            ancestors.look();
            ancestors
        }

        pub(super) const fn none() -> Self {
            Self { files: Vec::new(), moves: None }
        }

        /// Watches those that are there now.
        pub(super) fn look(&self) {
            let Some(moves) = &self.moves else { return };
            for directory in self.files.iter().flat_map(|file| file.ancestors().skip(1)) {
                // One that cannot be read, or is gone, tells nothing.
                let _ = inotify::add_watch(moves, directory, WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR);
            }
        }

        /// Waits until one was moved. Cancel safe.
        pub(super) async fn moved(&mut self) {
            let Some(moves) = &self.moves else { return std::future::pending().await };
            let Ok(mut ready) = moves.readable().await else { return self.moves = None };
            let mut space = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(moves, &mut space);
            while reader.next().is_ok() {}
            ready.clear_ready();
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod ancestors {
    use std::path::PathBuf;

    /// They tell nothing here.
    pub(super) struct Ancestors;

    impl Ancestors {
        pub(super) fn watch(_files: Vec<PathBuf>) -> Self {
            Self
        }

        pub(super) const fn none() -> Self {
            Self
        }

        pub(super) fn look(&self) {}

        pub(super) async fn moved(&mut self) {
            std::future::pending().await
        }
    }
}

#[cfg(target_os = "linux")]
mod mounts {
    use std::fs::File;

    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// The mounts that this process sees (proc_pid_mountinfo(5)): what is unmounted takes its files along without a word.
    pub(super) struct Mounts(Option<AsyncFd<File>>);

    impl Mounts {
        #[expect(deprecated, reason = "its safe successor takes no interest; a file of our own is sound")]
        pub(super) fn watch() -> Self {
            let opened = File::open("/proc/self/mountinfo");
            Self(opened.and_then(|file| AsyncFd::with_interest(file, Interest::PRIORITY)).ok())
        }

        pub(super) const fn none() -> Self {
            Self(None)
        }

        pub(super) async fn changed(&mut self) {
            let Some(mounts) = &self.0 else { return std::future::pending().await };
            match mounts.ready(Interest::PRIORITY).await {
                Ok(mut guard) => guard.clear_ready(),
                Err(_) => self.0 = None,
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod mounts {
    /// Nothing tells of mounts here.
    pub(super) struct Mounts;

    impl Mounts {
        pub(super) fn watch() -> Self {
            Self
        }

        pub(super) const fn none() -> Self {
            Self
        }

        pub(super) async fn changed(&mut self) {
            std::future::pending().await
        }
    }
}
