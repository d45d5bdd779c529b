//! What this process was started with, and Rust's runtime changes before `main`: it opens `/dev/null` in the place of a closed
//! standard output, and ignores SIGPIPE. Neither can be told afterwards, and no safe code runs earlier, so this crate has
//! unsafe code, like `heap` and no other crate of ours.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

static OUTPUT_IS_CLOSED: AtomicBool = AtomicBool::new(false);
static IGNORES_BROKEN_PIPES: AtomicBool = AtomicBool::new(false);

// SAFETY: both systems call what is in these sections before `main`, and `look` needs nothing that is set up only there.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
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

/// Standard output as it was inherited. Whoever writes to it is told of every failure; `io::stdout` keeps quiet where it cannot
/// be written to at all.
///
/// # Errors
/// It was closed, or cannot be duplicated.
pub fn standard_output() -> io::Result<File> {
    if OUTPUT_IS_CLOSED.load(Ordering::Relaxed) {
        return Err(io::Error::other("it is closed"));
    }
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Has a command ignore SIGPIPE if this process was started so. `Command` sets it to its default otherwise.
pub fn hand_on(command: &mut Command) {
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
