//! Connects to a daemon's socket, and finds out which user's process listens there. A process of another user would see which
//! sessions are asked for, and could hand out its own tokens, so only this user and the one that `SSOCTL_SOCKET_OWNER` names are
//! trusted.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use ssoctl_files::remedy::explained;
use ssoctl_protocol::SocketOwner;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Listener {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "the kernel tells none"))]
    Process(u32),
    /// The kernel gives no process id: on macOS, and for processes of another PID namespace, as in containers.
    Unknown,
}

/// Connects; `None` if there is no socket, or no process listens there.
pub(crate) fn connect(path: &Path) -> io::Result<Option<UnixStream>> {
    match UnixStream::connect(path) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(io::Error::new(
            error.kind(),
            format!(
                "it is not open to the user with uid {}; for a container or another user, make a grant with: ssoctl grant --shared",
                rustix::process::geteuid().as_raw()
            ),
        )),
        Err(error) => Err(explained(error, path)),
    }
}

/// Connects without waiting; `None` if nobody listens, or too many wait there already.
pub(crate) fn connect_at_once(path: &Path) -> Option<UnixStream> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let socket = socket(family, kind, None).ok()?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC).ok()?;
    rustix::io::ioctl_fionbio(&socket, true).ok()?;
    connect(&socket, &SocketAddrUnix::new(path).ok()?).ok()?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false).ok()?;
    Some(stream)
}

/// Returns the listener, if it is a process of a user who is trusted. The error says why it is refused and what to do.
pub(crate) fn check(stream: &UnixStream, path: &Path, trusted: SocketOwner) -> Result<Listener, String> {
    let (uid, listener) = peer(stream)
        .map_err(|error| format!("cannot tell who listens at {}: {}", path.display(), io::Error::from(error)))?;
    trusted.judge(uid, rustix::process::geteuid().as_raw(), path).map(|()| listener)
}

#[cfg(target_os = "linux")]
fn peer(stream: &UnixStream) -> nix::Result<(u32, Listener)> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    let credentials = getsockopt(stream, PeerCredentials)?;
    let pid = u32::try_from(credentials.pid()).ok().filter(|pid| *pid != 0);
    Ok((credentials.uid(), pid.map_or(Listener::Unknown, Listener::Process)))
}

#[cfg(not(target_os = "linux"))]
fn peer(stream: &UnixStream) -> nix::Result<(u32, Listener)> {
    Ok((nix::unistd::getpeereid(stream)?.0.as_raw(), Listener::Unknown))
}
