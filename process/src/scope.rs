//! Landlock's scopes: which abstract Unix sockets a process can reach, and which processes it can signal (landlock(7)).
//!
//! An abstract socket has a name in the network namespace and no file, so nothing but a scope keeps a process away from it that shares the
//! network.

use std::io;
use std::mem::size_of;

use libc::{c_int, c_long, c_uint};

/// `LANDLOCK_CREATE_RULESET_VERSION`.
const VERSION: c_uint = 1;
/// The first version of Landlock that has scopes (Linux 6.12).
const WITH_SCOPES: c_long = 6;
/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET` and `LANDLOCK_SCOPE_SIGNAL`.
const SCOPES: u64 = 1 | 2;

/// `struct landlock_ruleset_attr` as of version 6.
#[repr(C)]
struct Attributes {
    files: u64,
    network: u64,
    scopes: u64,
}

/// Whether this kernel can keep a process away from abstract sockets.
pub fn scopes_are_known() -> bool {
    // SAFETY: with this flag the call reads no memory and returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0_usize, 0_usize, VERSION) };
    version >= WITH_SCOPES
}

/// From now on, this thread and those and the processes that it starts reach no abstract socket, and signal no process, but those of
/// their own. For a process with one thread, which cannot gain privileges any more (`PR_SET_NO_NEW_PRIVS`).
///
/// # Errors
/// The kernel is older, or Landlock is off: nothing has changed.
pub fn leave_abstract_sockets() -> io::Result<()> {
    let attributes = Attributes { files: 0, network: 0, scopes: SCOPES };
    // SAFETY: the kernel reads `size_of::<Attributes>()` bytes of a value that lives until the call returns.
    let ruleset = checked(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attributes, size_of::<Attributes>(), 0 as c_uint)
    })?;
    // SAFETY: the call takes two numbers.
    let restricted = checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0 as c_uint) });
    // SAFETY: the descriptor was returned by the kernel above, and nothing else has it.
    unsafe { libc::close(ruleset as c_int) };
    restricted.map(drop)
}

fn checked(result: c_long) -> io::Result<c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
