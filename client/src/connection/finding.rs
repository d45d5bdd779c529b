//! Finding the daemon: where its socket is, and what is done if nothing answers there.

use std::cell::Cell;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use ssoctl_files::{directory, holder};
use ssoctl_protocol::socket::grant_at;
use ssoctl_protocol::{SocketOwner, SocketPath, settings};

use super::showing::Showing;
use super::{Daemon, Starting, VersionWarning};
use crate::aws_files::AwsFiles;
use crate::environment;
use crate::failure::Failure;
use crate::{socket, start};

impl Daemon {
    /// Finds the socket's path, and connects to nothing yet.
    pub(crate) fn find(starting: Starting, warning: VersionWarning) -> Result<Self, Failure> {
        // The home directory is looked up only if it is needed, because that may cost file reads.
        let socket = SocketPath::from_environment(variable, None)
            .or_else(|| SocketPath::from_environment(variable, environment::home_directory()))
            .ok_or_else(|| {
                Failure::Unreachable(
                    "there is no place for the daemon's socket; set HOME, XDG_RUNTIME_DIR or SSOCTL_SOCKET".to_owned(),
                )
            })?;
        Self::at(socket, starting, warning, AwsFiles::of_environment)
    }

    /// The socket of a grant that this process was given.
    pub(crate) fn at_grant(socket: PathBuf) -> Result<Self, Failure> {
        let no_files = || Ok(AwsFiles::default());
        Self::at(SocketPath::Chosen(socket), Starting::Forbidden, VersionWarning::Silent, no_files)
    }

    fn at(
        socket: SocketPath,
        starting: Starting,
        warning: VersionWarning,
        files: impl FnOnce() -> Result<AwsFiles, Failure>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            socket,
            trusted: SocketOwner::from_environment(environment::variable).map_err(Failure::Usage)?,
            starting,
            warning: Cell::new(warning),
            patience: Duration::MAX,
            showing: Showing::default(),
            files: files()?,
        })
    }

    pub(super) fn connect(&self) -> Result<UnixStream, Failure> {
        let stream = match self.connect_to_running()? {
            Some(stream) => stream,
            None => match self.find_elsewhere() {
                Some(stream) => return Ok(stream),
                None => self.start()?,
            },
        };
        socket::check(&stream, self.socket.path(), self.trusted).map_err(Failure::Unreachable)?;
        Ok(stream)
    }

    pub(super) fn connect_to_running(&self) -> Result<Option<UnixStream>, Failure> {
        let path = self.socket.path();
        socket::connect(path)
            .map_err(|error| Failure::Unreachable(format!("cannot connect to {}: {error}", path.display())))
    }

    /// Connects to a daemon that listens elsewhere, because it was started with another runtime directory or without one. The
    /// lock files of this user's daemons name their sockets.
    pub(super) fn find_elsewhere(&self) -> Option<UnixStream> {
        let SocketPath::Default(_) = self.socket else { return None };
        let home = environment::home_directory();
        let state_directory = settings::state_directory(environment::variable, home.clone());
        holder::sockets(state_directory, home).find_map(|path| {
            let stream = UnixStream::connect(&path).ok()?;
            socket::check(&stream, &path, self.trusted).ok().map(|_| stream)
        })
    }

    fn start(&self) -> Result<UnixStream, Failure> {
        let path = self.socket.path();
        if let Some(grant) = grant_at(path) {
            return Err(Failure::Unreachable(format!(
                "nothing answers at the socket of the grant {grant}: the grant is over, or its daemon does not run; have another one made, or \
                 the daemon started",
            )));
        }
        if let SocketPath::Chosen(_) = self.socket {
            return Err(Failure::Unreachable(format!(
                "no daemon answers at {}, where SSOCTL_SOCKET points; start one with the same SSOCTL_SOCKET: ssoctld",
                path.display()
            )));
        }
        if self.starting == Starting::Forbidden || environment::switch("SSOCTL_NO_START") {
            return Err(Failure::Unreachable(format!(
                "no daemon answers at {}, and none may be started (--no-start, SSOCTL_NO_START); run: ssoctld",
                path.display()
            )));
        }
        start::daemon(path).map_err(Failure::Unreachable)
    }
}

/// The value of a variable. A runtime directory that does not exist does not count.
fn variable(name: &str) -> Option<OsString> {
    let value = environment::variable(name);
    if name == "XDG_RUNTIME_DIR" { directory::runtime(value) } else { value }
}
