//! Inherited state: descriptors, and what Rust's runtime changes before `main`. The runtime opens `/dev/null` in the place of a closed
//! standard output, and ignores SIGPIPE. This module reads both before the runtime does that.

use std::fs::{DirEntry, File};
use std::io;
use std::os::fd::{AsFd as _, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// Descriptors from this on should not have been inherited.
const FIRST_UNKNOWN: RawFd = 3;
/// If the open descriptors cannot be listed, all below this one are closed.
const UNKNOWN_LIMIT: RawFd = 65_536;

static OUTPUT_IS_CLOSED: AtomicBool = AtomicBool::new(false);
static IGNORES_BROKEN_PIPES: AtomicBool = AtomicBool::new(false);

// SAFETY: both systems call the functions in these sections before `main`, and `record` needs nothing that is set up only there.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static RECORD: extern "C" fn() = record;

extern "C" fn record() {
    // SAFETY: it takes a number and changes nothing.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    OUTPUT_IS_CLOSED.store(flags == -1, Ordering::Relaxed);
    IGNORES_BROKEN_PIPES.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
}

/// Whether this process ignores a signal. Unless it has set that itself, its parent has. As to SIGPIPE, Rust's runtime has.
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: zeroes are a valid `sigaction`, and with a null pointer for a new one nothing but `now` is written.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    }
}

/// Returns standard output as it was inherited. Writing to it reports every failure, unlike `io::stdout`, which hides that
/// nothing can be written at all.
pub fn standard_output() -> io::Result<File> {
    if OUTPUT_IS_CLOSED.load(Ordering::Relaxed) {
        return Err(io::Error::other("it is closed"));
    }
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Has a command ignore SIGPIPE if this process was started so. Without this, `Command` resets the signal to its default.
pub fn keep_ignoring_broken_pipes(command: &mut Command) {
    if IGNORES_BROKEN_PIPES.load(Ordering::Relaxed) {
        let ignore = || {
            // SAFETY: `signal` may be called between fork and exec (signal-safety(7)).
            let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
            if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
        };
        // SAFETY: the closure allocates nothing and takes no lock.
        unsafe { command.pre_exec(ignore) };
    }
}

/// Closes all descriptors except standard input, output and error. To be called before anything is opened by this program.
pub fn close_inherited_descriptors() {
    for descriptor in open_descriptors() {
        // The descriptor that was used to list them is closed already.
        // SAFETY: nothing in this process owns the descriptor yet, as the caller promises.
        unsafe { libc::close(descriptor) };
    }
}

fn open_descriptors() -> Vec<RawFd> {
    let directory = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let Ok(entries) = std::fs::read_dir(directory) else {
        return (FIRST_UNKNOWN..UNKNOWN_LIMIT).collect();
    };
    let number = |entry: DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.flatten().filter_map(number).filter(|descriptor| *descriptor >= FIRST_UNKNOWN).collect()
}
