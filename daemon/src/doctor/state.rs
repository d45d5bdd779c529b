//! The state directory: whether a daemon can keep records in it, and which daemon has its lock.

use std::fs;
use std::path::{Path, PathBuf};

use ssoctl_files::holder::{Holder, STATE_LOCK};

use super::daemon::HealthAnswer;
use super::place::{Expected, Place, unwritable};
use super::report::{Check, Finding};
use crate::daemon_process::is_own_daemon;
use crate::inquiry::Unanswered;

const STATE: Check = Check("state directory");

/// With fewer free bytes than this, the next record may not fit.
const SCARCE: u64 = 16 << 20;

#[derive(Clone)]
pub(super) struct StateDirectory {
    path: PathBuf,
    directory: Place,
    /// The directory in which the file store keeps records.
    records: Place,
    /// The reason why the directory cannot be made or written to.
    unwritable: Option<String>,
    /// The number of bytes that this user may still write there.
    free: Option<u64>,
    /// The holder of the lock that the lock file names, if that daemon runs.
    holder: Option<Holder>,
}

impl StateDirectory {
    pub(super) fn find(path: PathBuf) -> Self {
        // The lock is not tried: for a moment that would keep a daemon from starting.
        let free = rustix::fs::statvfs(&path).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
        Self {
            directory: Place::from(fs::metadata(&path)),
            records: Place::from(fs::symlink_metadata(path.join("records"))),
            unwritable: unwritable(&path),
            free,
            holder: Holder::read(&path.join(STATE_LOCK))
                .filter(|holder| !holder.is_here() || is_own_daemon(holder.pid) == Ok(true)),
            path,
        }
    }

    pub(super) fn judge(&self, answer: &HealthAnswer, socket: &Path) -> Finding {
        const OR_ANOTHER: &str = ", or choose another directory with SSOCTL_STATE_DIR";
        let path = self.path.display();
        if self.directory == Place::Missing {
            return match &self.unwritable {
                Some(why) => STATE.problem(
                    format!("{path} does not exist, and no daemon can make it: {why}"),
                    format!("mend that{OR_ANOTHER}"),
                ),
                None => STATE.skipped(format!("{path} does not exist; the daemon makes it")),
            };
        }
        if let Some(finding) = self.directory.judge(STATE, &self.path, Expected::Directory, OR_ANOTHER) {
            return finding;
        }
        if let Place::There { foreign, mode, .. } = self.records
            && (foreign.is_some() || mode & 0o077 != 0)
        {
            return STATE.problem(
                format!("{path}/records can be read or written to by others (mode {mode:04o}), so the file store refuses it"),
                "assume that others have read the records: run ssoctl logout --all, remove the directory, restart the daemon, and \
                 sign in again",
            );
        }
        if let Some(why) = &self.unwritable {
            return STATE.problem(format!("{path} cannot be written to: {why}"), format!("mend that{OR_ANOTHER}"));
        }
        if let Some(free) = self.free.filter(|free| *free < SCARCE) {
            return STATE.problem(
                format!("only {} kB are free at {path}, so new tokens may not be stored", free >> 10),
                format!("make room on that file system{OR_ANOTHER}"),
            );
        }
        match (&self.holder, answer) {
            (Some(holder), Ok(status)) if holder.pid != status.pid => STATE.warning(
                format!("process {} holds {path}, but process {} answers here", holder.pid, status.pid),
                format!("process {} has another state directory; stop the one that you do not want", status.pid),
            ),
            (Some(holder), Err(Unanswered::Nobody)) if holder.socket != socket => {
                let (pid, theirs) = (holder.pid, holder.socket.display());
                STATE.problem(
                    format!(
                        "process {pid} holds {path} and serves {theirs}, so no daemon starts for {}",
                        socket.display()
                    ),
                    format!("set SSOCTL_SOCKET={theirs}, or stop process {pid}"),
                )
            }
            (Some(holder), _) => STATE.ok(format!("{path}, held by process {}", holder.pid)),
            (None, _) => STATE.ok(path.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Kind;
    use super::*;
    use crate::doctor::report::Verdict;

    fn there(foreign: Option<u32>, mode: u32) -> Place {
        Place::There { kind: Kind::Directory, foreign, mode }
    }

    fn state() -> StateDirectory {
        StateDirectory {
            path: "/state".into(),
            directory: there(None, 0o700),
            records: Place::Missing,
            unwritable: None,
            free: None,
            holder: None,
        }
    }

    #[test]
    fn obstacles_to_starting_or_storing_are_problems() {
        let file = Place::There { kind: Kind::Other, foreign: None, mode: 0o600 };
        let elsewhere = Some(Holder { pid: 7, host: "ada".to_owned(), socket: "/other".into() });
        let here = Some(Holder { pid: 7, host: "ada".to_owned(), socket: "/s".into() });
        for (state, result, words) in [
            (state(), Verdict::Ok, "/state"),
            (StateDirectory { directory: Place::Missing, ..state() }, Verdict::Skipped, "does not exist"),
            (StateDirectory { directory: file, ..state() }, Verdict::Problem, "not a directory"),
            (StateDirectory { directory: Place::Unknown("denied".to_owned()), ..state() }, Verdict::Problem, "denied"),
            (StateDirectory { directory: there(Some(3), 0o700), ..state() }, Verdict::Problem, "user 3"),
            (StateDirectory { directory: there(None, 0o500), ..state() }, Verdict::Problem, "cannot write"),
            (
                StateDirectory { directory: there(None, 0o775), ..state() },
                Verdict::Problem,
                "open to others (mode 0775)",
            ),
            (StateDirectory { directory: there(None, 0o755), ..state() }, Verdict::Ok, "/state"),
            (StateDirectory { records: there(None, 0o750), ..state() }, Verdict::Problem, "refuses"),
            (StateDirectory { records: there(None, 0o700), ..state() }, Verdict::Ok, "/state"),
            (
                StateDirectory { unwritable: Some("read-only".to_owned()), ..state() },
                Verdict::Problem,
                "cannot be written to: read-only",
            ),
            (
                StateDirectory { directory: Place::Missing, unwritable: Some("foreign".to_owned()), ..state() },
                Verdict::Problem,
                "no daemon can make it: foreign",
            ),
            (StateDirectory { free: Some(5 << 10), ..state() }, Verdict::Problem, "5 kB are free"),
            (StateDirectory { free: Some(SCARCE), ..state() }, Verdict::Ok, "/state"),
            (StateDirectory { holder: elsewhere, ..state() }, Verdict::Problem, "serves /other"),
            (StateDirectory { holder: here, ..state() }, Verdict::Ok, "held by process 7"),
        ] {
            state.judge(&Err(Unanswered::Nobody), Path::new("/s")).says(result, words);
        }
    }
}
