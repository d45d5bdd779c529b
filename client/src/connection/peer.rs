//! Who listens at a socket. A process of another user would see which sessions are asked for, and could hand out tokens of its
//! own, so only the user's own daemon is believed, wherever the socket is, and whoever `SSOCTL_SOCKET_OWNER` names.

use std::os::unix::net::UnixStream;
use std::path::Path;

use ssoctl_protocol::SocketOwner;

/// Refuses a connection to a process of a user who is not believed.
pub(super) fn check(stream: &UnixStream, path: &Path, believed: SocketOwner) -> Result<(), String> {
    let uid = uid(stream)
        .map_err(|error| format!("cannot tell who listens at {}: {}", path.display(), std::io::Error::from(error)))?;
    believed.judge(uid, rustix::process::geteuid().as_raw(), path)
}

/// The process id beside it is not looked at for this: the kernel gives 0 for a process of another PID namespace, as in containers.
#[cfg(target_os = "linux")]
fn uid(stream: &UnixStream) -> nix::Result<u32> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    Ok(getsockopt(stream, PeerCredentials)?.uid())
}

/// The process that made the socket; none if it cannot be seen from here.
#[cfg(target_os = "linux")]
pub(super) fn pid(stream: &UnixStream) -> Option<u32> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    u32::try_from(getsockopt(stream, PeerCredentials).ok()?.pid()).ok().filter(|pid| *pid != 0)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn pid(_: &UnixStream) -> Option<u32> {
    None
}

#[cfg(not(target_os = "linux"))]
fn uid(stream: &UnixStream) -> nix::Result<u32> {
    Ok(nix::unistd::getpeereid(stream)?.0.as_raw())
}
