//! Finds the session's D-Bus: at the address that the environment names, or in the runtime directory.
//!
//! D-Bus libraries always use `DBUS_SESSION_BUS_ADDRESS`. A shell that outlived its login (in tmux, or in the server of an editor)
//! names a bus that is gone, while the bus of the next login is at the usual place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use zbus::address::transport::{Transport, UnixSocket};

pub const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// The address that the environment names, else that of the bus in the runtime directory, whether it is there or not. Empty
/// without either.
pub fn address() -> String {
    let usual = || in_runtime_directory().map(|bus| format!("unix:path={}", bus.display()));
    let named = variable(ADDRESS).map(|address| address.to_string_lossy().into_owned());
    named.or_else(usual).unwrap_or_default()
}

/// Whether the environment names a bus, or one is in the runtime directory. Nothing is connected to.
pub(crate) fn is_named() -> bool {
    variable(ADDRESS).is_some() || in_runtime_directory().is_some_and(|bus| bus.exists())
}

/// The files at which a bus may appear.
pub(crate) fn sockets() -> Vec<PathBuf> {
    let named = match named() {
        Some(UnixSocket::File(path)) => Some(path),
        _ => None,
    };
    named.into_iter().chain(in_runtime_directory()).collect()
}

/// The address of the bus in the runtime directory, if a process listens there and none at the address that is named.
pub fn moved() -> Option<OsString> {
    let (named, usual) = (named()?, UnixSocket::File(in_runtime_directory()?));
    if is_alive(&named) || !is_alive(&usual) {
        return None;
    }
    let UnixSocket::File(path) = usual else { return None };
    let mut address = OsString::from("unix:path=");
    address.push(path);
    Some(address)
}

fn variable(name: &str) -> Option<OsString> {
    crate::variable(name).filter(|value| !value.is_empty())
}

fn in_runtime_directory() -> Option<PathBuf> {
    variable("XDG_RUNTIME_DIR").map(|directory| Path::new(&directory).join("bus"))
}

fn named() -> Option<UnixSocket> {
    let address: zbus::Address = variable(ADDRESS)?.to_str()?.parse().ok()?;
    match address.transport() {
        Transport::Unix(socket) => Some(socket.path().clone()),
        _ => None,
    }
}

/// Whether a process listens there. A busy one counts, and is not waited for.
fn is_alive(bus: &UnixSocket) -> bool {
    let address = match bus {
        UnixSocket::File(path) => SocketAddrUnix::new(path),
        UnixSocket::Abstract(name) => SocketAddrUnix::new_abstract_name(name.as_encoded_bytes()),
        _ => return true,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let (Ok(address), Ok(socket)) = (address, socket) else { return false };
    matches!(connect(&socket, &address), Ok(()) | Err(rustix::io::Errno::AGAIN))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_bus_with_a_listener_is_alive_even_if_busy() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("bus");
        let bus = UnixSocket::File(path.clone());
        assert!(!is_alive(&bus), "no file");
        let listener = UnixListener::bind(&path).unwrap();
        let mut waiting = Vec::new();
        while let Ok(connection) = {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
            connect(&socket, &SocketAddrUnix::new(&path).unwrap()).map(|()| socket)
        } {
            waiting.push(connection);
        }
        assert!(is_alive(&bus), "its backlog is full");
        drop(listener);
        assert!(!is_alive(&bus), "its file is left");
    }
}
