//! Notices that directories above some files are renamed, and that file systems are mounted or unmounted: both take files away
//! without any event about the files themselves.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(super) struct Places {
    files: Vec<PathBuf>,
    renames: Option<AsyncFd<OwnedFd>>,
    /// The mounts that this process sees (proc_pid_mountinfo(5)).
    mounts: Option<AsyncFd<File>>,
}

impl Places {
    #[expect(deprecated, reason = "its safe successor takes no interest; descriptors of our own are sound")]
    pub(super) fn watch(files: Vec<PathBuf>) -> Self {
        let renames = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
        let mounts = File::open("/proc/self/mountinfo").ok();
        let places = Self {
            files,
            renames: renames.and_then(|renames| AsyncFd::with_interest(renames, Interest::READABLE).ok()),
            mounts: mounts.and_then(|mounts| AsyncFd::with_interest(mounts, Interest::PRIORITY).ok()),
        };
        places.include_new_directories();
        places
    }

    /// Watches the directories that have been made since the last call, too.
    pub(super) fn include_new_directories(&self) {
        let Some(renames) = &self.renames else { return };
        for directory in self.files.iter().flat_map(|file| file.ancestors().skip(1)) {
            // A directory that cannot be read, or is gone, reports nothing.
            let _ = inotify::add_watch(renames, directory, WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR);
        }
    }

    /// Cancel safe.
    pub(super) async fn changed(&mut self) {
        tokio::select! {
            () = renamed(&mut self.renames) => {}
            () = mounted(&mut self.mounts) => {}
        }
    }
}

async fn renamed(renames: &mut Option<AsyncFd<OwnedFd>>) {
    let Some(descriptor) = renames else { return std::future::pending().await };
    let Ok(mut ready) = descriptor.readable().await else { return *renames = None };
    let mut space = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(&*descriptor, &mut space);
    while events.next().is_ok() {}
    ready.clear_ready();
}

async fn mounted(mounts: &mut Option<AsyncFd<File>>) {
    let Some(file) = mounts else { return std::future::pending().await };
    match file.ready(Interest::PRIORITY).await {
        Ok(mut ready) => ready.clear_ready(),
        Err(_) => *mounts = None,
    }
}
