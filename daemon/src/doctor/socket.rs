//! The daemon's socket. Client and daemon refuse a socket that others could have replaced: a user who can write to the directory
//! of a default socket could pose as the daemon.

use std::fs;

use ssoctl_protocol::SocketPath;
use ssoctl_protocol::socket::LONGEST_PATH;

use super::place::{Expected, Place, unwritable};
use super::report::{Check, Finding};

const SOCKET: Check = Check("socket");

pub(super) struct Socket {
    path: SocketPath,
    directory: Place,
    file: Place,
    /// The reason why no socket can be made in the directory.
    unwritable: Option<String>,
}

impl Socket {
    pub(super) fn find(path: SocketPath) -> Self {
        let directory = path.path().parent();
        Self {
            directory: directory.map_or(Place::Missing, |directory| fs::symlink_metadata(directory).into()),
            file: Place::from(fs::symlink_metadata(path.path())),
            unwritable: directory.and_then(unwritable),
            path,
        }
    }

    pub(super) fn judge(&self) -> Finding {
        const OR_ANOTHER: &str = ", or choose another socket with SSOCTL_SOCKET";
        let path = self.path.path();
        let shown = path.display();
        if path.as_os_str().len() > LONGEST_PATH {
            let directory = match self.path {
                SocketPath::Default(_) => ", or a shorter XDG_RUNTIME_DIR",
                SocketPath::Chosen(_) => "",
            };
            return SOCKET.problem(
                format!("{shown} is longer than the {LONGEST_PATH} bytes that the path of a socket may have"),
                format!("choose a shorter one with SSOCTL_SOCKET, for ssoctl and ssoctld{directory}"),
            );
        }
        if let SocketPath::Default(path) = &self.path {
            let directory = path.parent().unwrap_or(path);
            let expected = Expected::PrivateDirectory;
            if let Some(finding) = self.directory.judge(SOCKET, directory, expected, OR_ANOTHER) {
                return finding;
            }
        }
        match (&self.file, &self.unwritable) {
            (Place::Missing, Some(why)) => SOCKET.problem(
                format!("{shown} does not exist, and no daemon can make it: {why}"),
                format!("mend that{OR_ANOTHER}"),
            ),
            (Place::Missing, None) => SOCKET.skipped(format!("{shown} does not exist; the daemon makes it")),
            (file, _) => {
                let finding = file.judge(SOCKET, path, Expected::PrivateSocket, OR_ANOTHER);
                finding.unwrap_or_else(|| SOCKET.ok(format!("{shown}, for you alone")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Kind;
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
            (default(), ours(), socket(None, 0o666), Verdict::Problem, "open to others (mode 0666)"),
            (default(), ours(), socket(Some(3), 0o600), Verdict::Problem, "user 3"),
            (default(), ours(), place(Kind::Other, None, 0o600), Verdict::Problem, "not a socket"),
            (default(), ours(), Place::Unknown("denied".to_owned()), Verdict::Problem, "denied"),
            (default(), directory(None, 0o755), socket(None, 0o600), Verdict::Problem, "open to others (mode 0755)"),
            (default(), directory(Some(3), 0o700), socket(None, 0o600), Verdict::Problem, "user 3, who can change it"),
            (default(), place(Kind::Other, None, 0o600), Place::Missing, Verdict::Problem, "not a directory"),
            (chosen(), directory(Some(0), 0o777), socket(None, 0o600), Verdict::Ok, "for you alone"),
            (too_long, ours(), Place::Missing, Verdict::Problem, "longer than the 103 bytes"),
        ] {
            Socket { path, directory, file, unwritable: None }.judge().says(result, words);
        }
    }
}
