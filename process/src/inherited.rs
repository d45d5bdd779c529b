//! Reads inherited state that Rust's runtime changes before `main`: the runtime opens `/dev/null` in the place of a closed standard
//! output, and ignores SIGPIPE. This module reads both before the runtime does that.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

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
    // SAFETY: zeroes are a valid `sigaction`, and with a null pointer for a new one nothing but `now` is written.
    let handler = unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut now);
        now.sa_sigaction
    };
    IGNORES_BROKEN_PIPES.store(handler == libc::SIG_IGN, Ordering::Relaxed);
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
