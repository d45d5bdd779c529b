//! The listening socket.
//!
//! Only its owner gets in: the directory is 0700 and ours, the socket is 0600, and each connection's peer is checked
//! besides. The socket appears in its place by a rename, so that a client finds either a socket that is served or none.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use ssoctl_files::directory;
use ssoctl_files::remedy::{explained, too_long};
use ssoctl_protocol::SocketPath;
use ssoctl_protocol::socket::LONGEST_PATH;

use crate::owner::{belongs, is_foreign, refuse_foreign_place};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Why there is no socket to listen on. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The directory is not ours alone.
    #[error(
        "{path} {what}, so that somebody else could pose as the daemon; remove it, or name a socket with SSOCTL_SOCKET"
    )]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// Whose or what it is.
        what: String,
    },
    /// The path does not fit into a socket address.
    #[error("failed to listen on {path}: {}", too_long(path))]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// Somebody answers there.
    #[error("another process serves {path} already; stop it, or name another socket with SSOCTL_SOCKET")]
    Taken {
        /// The path.
        path: PathBuf,
    },
    /// Something that is not a socket is there.
    #[error("{path} is there already and not a socket; move it away, or name another socket with SSOCTL_SOCKET")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("failed to listen on {path}")]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A socket that is listened on. A file that was made here is removed when it is dropped, unless somebody has put another
/// one there.
pub struct Listener {
    /// The socket.
    pub listener: UnixListener,
    file: SocketFile,
    kind: Kind,
}

enum SocketFile {
    Ours(OurFile),
    /// The service manager made it, and connections wait there for the next daemon.
    Handed(Place),
}

struct OurFile(Place);

/// A path, and what is known to be there.
struct Place {
    path: PathBuf,
    /// Device and inode, as long as the file is there.
    file: Option<(u64, u64)>,
}

impl Place {
    fn is_as_it_was(&self) -> bool {
        let found = fs::symlink_metadata(&self.path).ok().map(|found| (found.dev(), found.ino()));
        found.is_some() && found == self.file
    }
}

impl Drop for OurFile {
    fn drop(&mut self) {
        if self.0.is_as_it_was() {
            // Whoever finds it in spite of this finds that nobody answers.
            let _ = fs::remove_file(&self.0.path);
        }
    }
}

/// The kind of a socket's path.
type Kind = fn(PathBuf) -> SocketPath;

impl Listener {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place().path
    }

    /// Whether clients still find it there.
    pub fn is_in_place(&self) -> bool {
        self.place().is_as_it_was()
    }

    /// Who chose its path.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the service manager made it.
    pub const fn is_handed(&self) -> bool {
        matches!(self.file, SocketFile::Handed(_))
    }

    const fn place(&self) -> &Place {
        match &self.file {
            SocketFile::Ours(OurFile(place)) | SocketFile::Handed(place) => place,
        }
    }
}

/// Makes the socket. One that a dead daemon left behind is replaced; one that is answered is left alone.
///
/// # Errors
/// [`SocketError`] says what is in the way.
pub fn listen(socket: &SocketPath) -> Result<Listener, SocketError> {
    let path = std::path::absolute(socket.path()).unwrap_or_else(|_| socket.path().to_owned());
    let io = |error| SocketError::Io { path: path.clone(), source: explained(error, &path) };
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(SocketError::TooLong { path });
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    if !directory.exists() {
        directory::make(directory, 0o700).map_err(io)?;
    }
    if matches!(socket, SocketPath::Default(_))
        && let Some(what) = own(directory).map_err(io)?
    {
        return Err(SocketError::ForeignDirectory { path: directory.to_owned(), what });
    }
    refuse_foreign_place(&path).map_err(io)?;
    match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketError::NotASocket { path }),
        Ok(_) if UnixStream::connect(&path).is_ok() => return Err(SocketError::Taken { path }),
        _ => {}
    }
    // The name has to fit as well, so it is not made from the path's.
    let temporary = directory.join(format!(".{:x}", std::process::id()));
    if temporary.as_os_str().len() > LONGEST_PATH {
        return Err(SocketError::TooLong { path });
    }
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&temporary).map_err(io)?;
    // Clients that do not block are turned away at once where the queue is full. The kernel takes what it allows.
    rustix::net::listen(&listener, BACKLOG).map_err(|error| io(error.into()))?;
    let placed = fs::set_permissions(&temporary, Permissions::from_mode(0o600))
        .and_then(|()| fs::symlink_metadata(&temporary))
        .and_then(|metadata| fs::rename(&temporary, &path).map(|()| metadata));
    let metadata = placed.map_err(|error| {
        // The first error is the one worth telling.
        let _ = fs::remove_file(&temporary);
        io(error)
    })?;
    let file = OurFile(Place { path, file: Some((metadata.dev(), metadata.ino())) });
    let kind = match socket {
        SocketPath::Default(_) => SocketPath::Default,
        SocketPath::Chosen(_) => SocketPath::Chosen,
    };
    Ok(Listener { listener, file: SocketFile::Ours(file), kind })
}

/// Takes a socket that a service manager made at `path`. Where it differs from the one that clients look for, it is still
/// the one that the person configured, so the difference is only told.
pub fn take_over(listener: UnixListener, path: PathBuf, expected: &SocketPath) -> Listener {
    let expected = std::path::absolute(expected.path()).unwrap_or_else(|_| expected.path().to_owned());
    if path != expected {
        let (path, expected) = (path.display(), expected.display());
        tracing::warn!(%path, %expected, "the service manager's socket is not where ssoctl looks for it; set SSOCTL_SOCKET for ssoctl");
    }
    let file = fs::symlink_metadata(&path).ok().map(|found| (found.dev(), found.ino()));
    Listener { listener, file: SocketFile::Handed(Place { path, file }), kind: SocketPath::Chosen }
}

/// Closes our directory to others. If it is not ours, what it is instead.
fn own(directory: &Path) -> io::Result<Option<String>> {
    let metadata = fs::symlink_metadata(directory)?;
    if !metadata.is_dir() {
        return Ok(Some("is not a directory".to_owned()));
    }
    if is_foreign(&metadata) {
        return Ok(Some(belongs(&metadata)));
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn socket_and_directory_are_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("run/ssoctl");
        directory::make(&directory, 0o755).unwrap();
        let socket = listen(&SocketPath::Default(directory.join("ssoctld.sock"))).unwrap();
        assert_eq!((mode(&directory), mode(socket.path())), (0o700, 0o600));
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
    fn a_stale_socket_is_taken_over_and_a_served_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        let socket = listen(&SocketPath::Chosen(path.clone())).unwrap();
        assert!(matches!(listen(&SocketPath::Chosen(path.clone())), Err(SocketError::Taken { .. })));
        assert!(UnixStream::connect(socket.path()).is_ok());
        fs::remove_file(&path).unwrap();
        let successor = listen(&SocketPath::Chosen(path.clone())).unwrap();
        drop(socket);
        assert!(UnixStream::connect(successor.path()).is_ok(), "the first one does not remove its successor's file");
    }

    #[test]
    fn what_is_in_the_way_is_left_there_and_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("precious.txt");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(listen(&SocketPath::Chosen(path.clone())), Err(SocketError::NotASocket { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let long = home.path().join("x".repeat(LONGEST_PATH));
        assert!(matches!(listen(&SocketPath::Chosen(long)), Err(SocketError::TooLong { .. })));
    }

    #[test]
    fn a_default_directory_that_is_a_link_is_refused() {
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/tmp", home.path().join("run")).unwrap();
        let refused = listen(&SocketPath::Default(home.path().join("run/ssoctld.sock")));
        assert!(matches!(refused, Err(SocketError::ForeignDirectory { .. })));
    }
}
