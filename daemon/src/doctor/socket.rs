//! The daemon's socket. Client and daemon refuse one that others could have replaced.

use ssoctl_protocol::SocketPath;
use ssoctl_protocol::socket::LONGEST_PATH;

use super::place::{Kind, Place, unwritable};
use super::report::{Check, Finding};

const SOCKET: Check = Check("socket");

pub(super) struct Socket {
    path: SocketPath,
    directory: Place,
    file: Place,
    /// Why no socket can be made in the directory.
    unwritable: Option<String>,
}

impl Socket {
    pub(super) fn find(path: SocketPath) -> Self {
        let directory = path.path().parent();
        Self {
            directory: directory.map_or(Place::Missing, Place::at),
            file: Place::at(path.path()),
            unwritable: directory.and_then(unwritable),
            path,
        }
    }

    pub(super) fn judge(&self) -> Finding {
        const ANOTHER: &str = "choose another socket with SSOCTL_SOCKET";
        let path = self.path.path().display();
        if self.path.path().as_os_str().len() > LONGEST_PATH {
            let directory = match self.path {
                SocketPath::Default(_) => ", or a shorter XDG_RUNTIME_DIR",
                SocketPath::Chosen(_) => "",
            };
            return SOCKET.problem(
                format!("{path} is longer than the {LONGEST_PATH} bytes that the path of a socket may have"),
                format!("choose a shorter one with SSOCTL_SOCKET, for ssoctl and ssoctld{directory}"),
            );
        }
        if let Some(finding) = self.judge_directory() {
            return finding;
        }
        match &self.file {
            Place::Missing => match &self.unwritable {
                Some(why) => SOCKET.problem(
                    format!("{path} does not exist, and no daemon can make it: {why}"),
                    format!("mend that, or {ANOTHER}"),
                ),
                None => SOCKET.skipped(format!("{path} does not exist; the daemon makes it")),
            },
            Place::Unknown(why) => SOCKET.problem(
                format!("{path} cannot be examined: {why}"),
                "check the owner and the mode of the directories above it",
            ),
            Place::There { kind: Kind::Directory | Kind::Other, .. } => {
                SOCKET.problem(format!("{path} is not a socket"), format!("move it away, or {ANOTHER}"))
            }
            Place::There { foreign: Some(uid), .. } => {
                SOCKET.problem(format!("{path} belongs to user {uid}"), format!("remove it, or {ANOTHER}"))
            }
            Place::There { mode, .. } if mode & 0o777 != 0o600 => {
                SOCKET.problem(format!("{path} has mode {mode:04o} instead of 0600"), format!("run: chmod 600 {path}"))
            }
            Place::There { .. } => SOCKET.ok(format!("{path}, for you alone")),
        }
    }

    /// Judges the directory of a default socket: whoever can write there can replace the socket.
    fn judge_directory(&self) -> Option<Finding> {
        let SocketPath::Default(path) = &self.path else { return None };
        let directory = path.parent().unwrap_or(path).display();
        let (message, remedy) = match self.directory {
            Place::There { foreign: Some(uid), .. } => (
                format!("its directory {directory} belongs to user {uid}, who could pose as the daemon"),
                format!("remove {directory}, or choose another socket with SSOCTL_SOCKET"),
            ),
            Place::There { kind: Kind::Socket | Kind::Other, .. } => {
                (format!("{directory} is not a directory"), format!("remove {directory}"))
            }
            Place::There { mode, .. } if mode & 0o077 != 0 => (
                format!("its directory {directory} is open to others (mode {mode:04o})"),
                format!("run: chmod 700 {directory}"),
            ),
            Place::There { .. } | Place::Missing | Place::Unknown(_) => return None,
        };
        Some(SOCKET.problem(message, remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;

    #[test]
    fn a_socket_that_others_could_reach_is_a_problem() {
        let place = |kind, foreign, mode| Place::There { kind, foreign, mode };
        let directory = |foreign, mode| place(Kind::Directory, foreign, mode);
        let socket = |foreign, mode| place(Kind::Socket, foreign, mode);
        let ours = || directory(None, 0o700);
        let default = || SocketPath::Default("/run/ssoctl/s".into());
        let chosen = || SocketPath::Chosen("/tmp/s".into());
        let too_long = SocketPath::Chosen(format!("/{}", "s".repeat(LONGEST_PATH)).into());
        for (path, directory, file, result, words) in [
            (default(), ours(), socket(None, 0o600), Verdict::Ok, "for you alone"),
            (default(), ours(), Place::Missing, Verdict::Skipped, "does not exist"),
            (default(), ours(), socket(None, 0o666), Verdict::Problem, "mode 0666 instead of 0600"),
            (default(), ours(), socket(Some(3), 0o600), Verdict::Problem, "user 3"),
            (default(), ours(), place(Kind::Other, None, 0o600), Verdict::Problem, "not a socket"),
            (default(), ours(), Place::Unknown("denied".to_owned()), Verdict::Problem, "denied"),
            (default(), directory(None, 0o755), socket(None, 0o600), Verdict::Problem, "open to others (mode 0755)"),
            (default(), directory(Some(3), 0o700), socket(None, 0o600), Verdict::Problem, "pose as the daemon"),
            (default(), place(Kind::Other, None, 0o600), Place::Missing, Verdict::Problem, "not a directory"),
            (chosen(), directory(Some(0), 0o777), socket(None, 0o600), Verdict::Ok, "for you alone"),
            (too_long, ours(), Place::Missing, Verdict::Problem, "longer than the 103 bytes"),
        ] {
            let finding = Socket { path, directory, file, unwritable: None }.judge();
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
        }
    }
}
