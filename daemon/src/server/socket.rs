//! The listening socket. Only its owner gets in: the directory has mode 0700, the socket 0600, and the user of each connection is
//! checked, too. The socket appears by a rename, so that a client finds either a socket that is served or none.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use ssoctl_files::directory;
use ssoctl_files::remedy::{explained, too_long};
use ssoctl_protocol::socket::LONGEST_PATH;
use ssoctl_protocol::{Problem, SocketPath};

use super::reply;
use crate::owner::{belongs, is_foreign, refuse_foreign_place};

const BACKLOG: i32 = 4096;

/// The users whose processes may connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// The daemon's own.
    Owner,
    /// Every user, where the directory can be reached: that of a shared grant, mounted into a container.
    Everybody,
}

impl Access {
    /// The modes of the directory and of the socket.
    const fn modes(self) -> (u32, u32) {
        match self {
            Self::Owner => (0o700, 0o600),
            Self::Everybody => (0o755, 0o666),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error(
        "{path} {what}, so that another user could pose as the daemon; remove it, or name a socket with SSOCTL_SOCKET"
    )]
    ForeignDirectory { path: PathBuf, what: String },
    #[error("failed to listen on {path}: {}", too_long(path))]
    TooLong { path: PathBuf },
    #[error("another process serves {path} already; stop it, or name another socket with SSOCTL_SOCKET")]
    Taken { path: PathBuf },
    #[error("{path} is there already and not a socket; move it away, or name another socket with SSOCTL_SOCKET")]
    NotASocket { path: PathBuf },
    #[error("failed to listen on {path}")]
    Io { path: PathBuf, source: io::Error },
}

/// A listening socket. Its file is removed on drop, unless the service manager made it or it was replaced.
pub struct Listener {
    listener: UnixListener,
    socket: SocketPath,
    access: Access,
    /// Connections wait at a socket of the service manager for the next daemon.
    is_handed: bool,
    /// Device and inode of the file; `None` if it was gone already when the service manager handed the socket over.
    file: Option<(u64, u64)>,
}

impl Listener {
    pub fn path(&self) -> &Path {
        self.socket.path()
    }

    pub const fn socket(&self) -> &SocketPath {
        &self.socket
    }

    pub const fn access(&self) -> Access {
        self.access
    }

    pub const fn is_handed(&self) -> bool {
        self.is_handed
    }

    /// Whether clients still find it at its path.
    pub fn is_in_place(&self) -> bool {
        let found = file_at(self.path());
        found.is_some() && found == self.file
    }

    /// Removes the file, and gives this answer to those who have connected and were not accepted. Without it, the kernel would
    /// break their connections. At a socket of the service manager they wait for the next daemon.
    pub fn close(self, answer: &Problem) {
        if self.is_handed {
            return;
        }
        self.remove_file();
        let answer = reply::raw(answer);
        if self.listener.set_nonblocking(true).is_ok() {
            // As many as can wait here. Under another name of its file (a hard link), more could come without an end.
            for _ in 0..=BACKLOG {
                let Ok((mut stream, _)) = self.listener.accept() else { break };
                // The buffer of a new socket is empty and takes the whole answer, before the request is there.
                let _ = stream.write_all(&answer);
            }
        }
    }

    fn remove_file(&self) {
        if !self.is_handed && self.is_in_place() {
            // A client that still finds the file learns that no daemon listens.
            let _ = fs::remove_file(self.path());
        }
    }

    /// The same socket for tokio. Has to be called within a runtime.
    pub fn for_tokio(&self) -> io::Result<tokio::net::UnixListener> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        tokio::net::UnixListener::from_std(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.remove_file();
    }
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Makes the socket. One that a dead daemon left behind is replaced; one that is served is left alone.
pub fn listen(socket: &SocketPath, access: Access) -> Result<Listener, SocketError> {
    let (directory_mode, _) = access.modes();
    let path = absolute(socket.path());
    let io = |error| SocketError::Io { path: path.clone(), source: explained(error, &path) };
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(SocketError::TooLong { path });
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    if !directory.exists() {
        directory::make(directory, 0o700).map_err(io)?;
    }
    if matches!(socket, SocketPath::Default(_))
        && let Some(what) = close_to_others(directory, directory_mode).map_err(io)?
    {
        return Err(SocketError::ForeignDirectory { path: directory.to_owned(), what });
    }
    refuse_foreign_place(&path).map_err(io)?;
    match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketError::NotASocket { path }),
        Ok(_) if UnixStream::connect(&path).is_ok() => return Err(SocketError::Taken { path }),
        _ => {}
    }
    let directory = directory.to_owned();
    bind(socket, path, directory, access)
}

/// Makes the socket of a grant. Whoever has the grant may be able to write to the directory of the socket, so the socket is made in the
/// directory above it, which is the user's alone, and nothing that is found at its place is touched but by the rename.
pub(crate) fn listen_for_grant(path: &Path, access: Access) -> Result<Listener, SocketError> {
    let path = absolute(path);
    let (Some(own), Some(all)) = (path.parent(), path.parent().and_then(Path::parent)) else {
        return Err(SocketError::NotASocket { path });
    };
    own_directory(all, Access::Owner)?;
    own_directory(own, access)?;
    let all = all.to_owned();
    bind(&SocketPath::Default(path.clone()), path, all, access)
}

/// Makes the socket under another name in the directory `temporary`, and renames it.
fn bind(socket: &SocketPath, path: PathBuf, temporary: PathBuf, access: Access) -> Result<Listener, SocketError> {
    let io = |error| SocketError::Io { path: path.clone(), source: explained(error, &path) };
    // This name has to fit as well, so it is not made from the path's.
    let temporary = temporary.join(format!(".{:x}", std::process::id()));
    if [&path, &temporary].iter().any(|path| path.as_os_str().len() > LONGEST_PATH) {
        return Err(SocketError::TooLong { path });
    }
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&temporary).map_err(io)?;
    // Clients that do not block are refused at once when the queue is full. The kernel takes what it allows.
    rustix::net::listen(&listener, BACKLOG).map_err(|error| io(error.into()))?;
    let file = file_at(&temporary);
    let (_, mode) = access.modes();
    let moved =
        fs::set_permissions(&temporary, Permissions::from_mode(mode)).and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = moved {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
        return Err(io(error));
    }
    let socket = match socket {
        SocketPath::Default(_) => SocketPath::Default(path),
        SocketPath::Chosen(_) => SocketPath::Chosen(path),
    };
    Ok(Listener { listener, socket, access, is_handed: false, file })
}

/// Takes a socket that a service manager made at `path`. If clients expect it elsewhere, a warning says so: the person has
/// configured this one.
pub fn take_over(listener: UnixListener, path: PathBuf, expected: &SocketPath) -> Listener {
    let expected = absolute(expected.path());
    if path != expected {
        let (path, expected) = (path.display(), expected.display());
        tracing::warn!(%path, %expected, "the service manager's socket is not where ssoctl looks for it; set SSOCTL_SOCKET for ssoctl");
    }
    let file = file_at(&path);
    Listener { listener, socket: SocketPath::Chosen(path), access: Access::Owner, is_handed: true, file }
}

/// Makes a directory that belongs to this user, or gives one that exists its mode.
fn own_directory(path: &Path, access: Access) -> Result<(), SocketError> {
    let io = |error| SocketError::Io { path: path.to_owned(), source: explained(error, path) };
    let (mode, _) = access.modes();
    directory::make(path, 0o700).map_err(io)?;
    match close_to_others(path, mode).map_err(io)? {
        Some(what) => Err(SocketError::ForeignDirectory { path: path.to_owned(), what }),
        None => Ok(()),
    }
}

/// Gives our directory its mode. Returns what is wrong with it if it is not ours.
fn close_to_others(directory: &Path, mode: u32) -> io::Result<Option<String>> {
    let metadata = fs::symlink_metadata(directory)?;
    if !metadata.is_dir() {
        return Ok(Some("is not a directory".to_owned()));
    }
    if is_foreign(&metadata) {
        return Ok(Some(belongs(&metadata)));
    }
    if metadata.mode() & 0o777 != mode {
        fs::set_permissions(directory, Permissions::from_mode(mode))?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::server::stopping;
    use test_support::mode_of;

    #[test]
    fn socket_and_directory_are_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("run/ssoctl");
        directory::make(&directory, 0o755).unwrap();
        let socket = listen(&SocketPath::Default(directory.join("ssoctld.sock")), Access::Owner).unwrap();
        assert_eq!((mode_of(&directory), mode_of(socket.path())), (0o700, 0o600));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        drop(socket);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "its file goes with it");
    }

    #[test]
    fn a_socket_that_was_handed_over_stays_when_the_daemon_goes() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let manager = UnixListener::bind(&path).unwrap();
        let handed = manager.try_clone().unwrap();
        drop(take_over(handed, path.clone(), &SocketPath::Chosen(path.clone())));
        assert!(UnixStream::connect(&path).is_ok(), "it waits for the next daemon");
    }

    #[test]
    fn who_was_not_accepted_any_more_is_told_why() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let socket = listen(&SocketPath::Chosen(path.clone()), Access::Owner).unwrap();
        let mut clients = [UnixStream::connect(&path).unwrap(), UnixStream::connect(&path).unwrap()];
        clients[0].write_all(b"GET /v1/health HTTP/1.1\r\n\r\n").unwrap();
        socket.close(&stopping());
        assert!(!path.exists());
        for client in &mut clients {
            let mut answer = vec![0; 4096];
            let length = client.read(&mut answer).unwrap();
            let answer = std::str::from_utf8(&answer[..length]).unwrap();
            assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"shutting_down\""), "{answer}");
        }
    }

    #[test]
    fn those_who_connect_again_and_again_under_another_name_do_not_keep_it_from_closing() {
        let home = tempfile::tempdir().unwrap();
        let (path, link) = (home.path().join("s"), home.path().join("link"));
        let socket = listen(&SocketPath::Chosen(path.clone()), Access::Owner).unwrap();
        fs::hard_link(&path, &link).unwrap();
        let flood = || while UnixStream::connect(&link).is_ok() {};
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(flood)).collect();
            socket.close(&stopping());
            clients.into_iter().for_each(|client| client.join().unwrap());
        });
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_taken_over_and_a_served_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        let socket = listen(&SocketPath::Chosen(path.clone()), Access::Owner).unwrap();
        assert!(matches!(listen(&SocketPath::Chosen(path.clone()), Access::Owner), Err(SocketError::Taken { .. })));
        assert!(UnixStream::connect(socket.path()).is_ok());
        fs::remove_file(&path).unwrap();
        let successor = listen(&SocketPath::Chosen(path.clone()), Access::Owner).unwrap();
        drop(socket);
        assert!(UnixStream::connect(successor.path()).is_ok(), "the first one does not remove its successor's file");
    }

    #[test]
    fn a_foreign_file_at_the_path_is_kept_and_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("precious.txt");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            listen(&SocketPath::Chosen(path.clone()), Access::Owner),
            Err(SocketError::NotASocket { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let long = home.path().join("x".repeat(LONGEST_PATH));
        assert!(matches!(listen(&SocketPath::Chosen(long), Access::Owner), Err(SocketError::TooLong { .. })));
    }

    #[test]
    fn a_default_directory_that_is_a_link_is_refused() {
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/tmp", home.path().join("run")).unwrap();
        let refused = listen(&SocketPath::Default(home.path().join("run/ssoctld.sock")), Access::Owner);
        assert!(matches!(refused, Err(SocketError::ForeignDirectory { .. })));
    }
}
