//! The listening socket that a service manager made and handed over.
//!
//! It outlives the daemon: a client that connects between the end of one daemon and the start of the next waits in its queue,
//! and no connection is lost. So its file is never removed here.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// The socket's name in the property list for launchd.
#[cfg(target_os = "macos")]
const LAUNCHD_SOCKET: &str = "fd://ssoctld";

/// The reason why a socket that was handed over cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum HandedError {
    #[error(
        "the service manager handed over {0} sockets where one is expected; its socket unit should have one ListenStream="
    )]
    Number(usize),
    #[error(
        "the service manager handed over something that is not a listening Unix stream socket; its socket unit should have ListenStream= with a path, and Accept=no"
    )]
    NotListening,
    #[error(
        "the service manager handed over a socket without a path, which all users could connect to; its socket unit should have ListenStream= with a path"
    )]
    NoPath,
    #[error("the socket {0} that the service manager handed over belongs to another user")]
    Foreign(PathBuf),
    #[error("the socket that the service manager handed over cannot be used")]
    Io(#[from] io::Error),
}

/// Returns the socket that this process was handed, if any, and its path. Has to be called once, before there are threads: it
/// removes the variables that announce the socket.
pub fn socket() -> Result<Option<(UnixListener, PathBuf)>, HandedError> {
    let Some(listener) = receive()? else { return Ok(None) };
    let path = check(&listener)?;
    Ok(Some((listener, path)))
}

/// Receives the socket from systemd (sd_listen_fds(3)).
#[cfg(not(target_os = "macos"))]
fn receive() -> Result<Option<UnixListener>, HandedError> {
    let mut handed = listenfd::ListenFd::from_env();
    match handed.len() {
        0 => Ok(None),
        // The crate checks whether it is a Unix stream socket, and nothing else can be wrong here.
        1 => handed.take_unix_listener(0).map_err(|_| HandedError::NotListening),
        number => Err(HandedError::Number(number)),
    }
}

/// Receives the socket from launchd (`launch_activate_socket`). Written by the documentation, and not run yet.
#[cfg(target_os = "macos")]
fn receive() -> Result<Option<UnixListener>, HandedError> {
    use service_binding::{Binding, Error, Listener};

    if super::StartedBy::from_process() == super::StartedBy::Hand {
        return Ok(None);
    }
    let binding = match Binding::try_from(LAUNCHD_SOCKET) {
        Ok(binding) => binding,
        // The agent's property list has no socket, and the daemon makes its own.
        Err(Error::DescriptorsMissing) => return Ok(None),
        Err(Error::DescriptorOutOfRange(number)) => return Err(HandedError::Number(number.unsigned_abs() as usize)),
        Err(_) => return Err(HandedError::NotListening),
    };
    match Listener::try_from(binding)? {
        Listener::Unix(listener) => Ok(Some(listener)),
        _ => Err(HandedError::NotListening),
    }
}

/// Checks whether the socket can be served, and returns its path.
fn check(listener: &UnixListener) -> Result<PathBuf, HandedError> {
    // Apple's systems do not tell; there launchd hands over nothing but sockets that listen.
    #[cfg(target_os = "linux")]
    if !rustix::net::sockopt::socket_acceptconn(listener).map_err(io::Error::from)? {
        return Err(HandedError::NotListening);
    }
    rustix::io::fcntl_setfd(listener, rustix::io::FdFlags::CLOEXEC).map_err(io::Error::from)?;
    let address = listener.local_addr()?;
    let path = address.as_pathname().ok_or(HandedError::NoPath)?.to_owned();
    let metadata = match std::fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        // The file was removed. Connections that wait are served nevertheless.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), "the socket that the service manager handed over has lost its file");
            return Ok(path);
        }
        Err(error) => return Err(error.into()),
    };
    if crate::owner::is_foreign(&metadata) {
        return Err(HandedError::Foreign(path));
    }
    // Only logged: the kernel checks the mode at each connection, and the server checks the peer.
    if metadata.mode() & 0o022 != 0 {
        let mode = format!("{:o}", metadata.mode() & 0o777);
        tracing::warn!(path = %path.display(), mode, "others can connect to the socket; its unit should have SocketMode=0600");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_listening_socket_is_taken_with_its_path() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(check(&listener).unwrap(), path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(check(&listener).unwrap(), path, "connections may be waiting in it");
    }

    #[test]
    fn a_socket_that_is_connected_and_one_without_a_path_are_refused() {
        let (one, _other) = UnixStream::pair().unwrap();
        let connected = UnixListener::from(OwnedFd::from(one));
        assert!(matches!(check(&connected), Err(HandedError::NotListening)));

        use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
        let unnamed = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        #[cfg(target_os = "linux")]
        bind(
            &unnamed,
            &SocketAddrUnix::new_abstract_name(format!("ssoctld-{}", std::process::id()).as_bytes()).unwrap(),
        )
        .unwrap();
        listen(&unnamed, 1).unwrap();
        assert!(matches!(check(&UnixListener::from(unnamed)), Err(HandedError::NoPath)));
    }
}
