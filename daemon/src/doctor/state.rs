//! The state directory, judged.

use std::path::{Path, PathBuf};

use super::daemon::Answer;
use super::finding::Finding;
use super::place::{Kind, Place};
use ssoctl_files::holder::Holder;

const STATE: &str = "state directory";

/// With less space than this, the next record may not fit.
const SCARCE: u64 = 16 << 20;

/// What is known of the state directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct State {
    pub(super) path: PathBuf,
    pub(super) directory: Place,
    /// Where the file store keeps records.
    pub(super) records: Place,
    /// Why the directory cannot be made or written to: another owner above it, or a read-only file system.
    pub(super) unwritable: Option<String>,
    /// Bytes that we may still write there.
    pub(super) free: Option<u64>,
    /// Who has the lock, as the lock file says; only if that process lives.
    pub(super) holder: Option<Holder>,
}

/// Judges the directory, and whether who has its lock is the daemon that answers.
pub(super) fn judge(state: &State, answer: &Answer, socket: &Path, us: u32) -> Finding {
    let path = state.path.display();
    let (uid, mode) = match &state.directory {
        Place::Missing => {
            return match &state.unwritable {
                Some(why) => Finding::problem(
                    STATE,
                    format!("{path} is not there, and no daemon can make it: {why}"),
                    "put that right, or name another one with SSOCTL_STATE_DIR",
                ),
                None => Finding::skipped(STATE, format!("{path} is not there; the daemon makes it")),
            };
        }
        Place::Unknown(why) => {
            return Finding::problem(
                STATE,
                format!("{path} cannot be looked at: {why}"),
                "check the directories above it, or name another one with SSOCTL_STATE_DIR",
            );
        }
        Place::There { kind: Kind::Directory, uid, mode } => (*uid, *mode),
        Place::There { .. } => {
            return Finding::problem(
                STATE,
                format!("{path} is not a directory"),
                "move it away, or name another one with SSOCTL_STATE_DIR",
            );
        }
    };
    if uid != us {
        return Finding::problem(
            STATE,
            format!("{path} belongs to user {uid}, and no daemon of yours starts with it"),
            "take it over with chown, or name another one with SSOCTL_STATE_DIR",
        );
    }
    if mode & 0o700 != 0o700 {
        return Finding::problem(
            STATE,
            format!("{path} has mode {mode:04o}, so you cannot write to it"),
            format!("run: chmod 700 {path}"),
        );
    }
    if let Place::There { uid, mode, .. } = state.records
        && (uid != us || mode & 0o077 != 0)
    {
        return Finding::problem(
            STATE,
            format!("{path}/records is open to others (user {uid}, mode {mode:04o}), and the file store refuses it"),
            "take what is in it as read by others: ssoctl logout --all, remove it, restart the daemon, sign in again",
        );
    }
    if mode & 0o022 != 0 {
        return Finding::problem(
            STATE,
            format!("{path} can be written to by others (mode {mode:04o})"),
            format!("run: chmod 700 {path}"),
        );
    }
    if let Some(why) = &state.unwritable {
        return Finding::problem(
            STATE,
            format!("{path} cannot be written to: {why}"),
            "put that right, or name another one with SSOCTL_STATE_DIR",
        );
    }
    if let Some(free) = state.free.filter(|free| *free < SCARCE) {
        return Finding::problem(
            STATE,
            format!("{} kB are free at {path}, and new tokens may not be stored", free >> 10),
            "make room on that file system, or name another directory with SSOCTL_STATE_DIR",
        );
    }
    match (&state.holder, answer) {
        (Some(holder), Answer::Status(status)) if holder.pid != status.pid => Finding::warning(
            STATE,
            format!("process {} holds {path}, and process {} answers here", holder.pid, status.pid),
            format!("process {} has another state directory; stop the one that is not wanted", status.pid),
        ),
        (Some(holder), Answer::Nobody) if holder.socket != socket => Finding::problem(
            STATE,
            format!(
                "process {} holds {path} and serves {}, so no daemon starts for {}",
                holder.pid,
                holder.socket.display(),
                socket.display()
            ),
            format!("set SSOCTL_SOCKET={}, or stop process {}", holder.socket.display(), holder.pid),
        ),
        (Some(holder), _) => Finding::ok(STATE, format!("{path}, held by process {}", holder.pid)),
        (None, _) => Finding::ok(STATE, path.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    const US: u32 = 1000;

    fn there(uid: u32, mode: u32) -> Place {
        Place::There { kind: Kind::Directory, uid, mode }
    }

    fn state() -> State {
        State {
            path: "/state".into(),
            directory: there(US, 0o700),
            records: Place::Missing,
            unwritable: None,
            free: None,
            holder: None,
        }
    }

    #[test]
    fn what_keeps_a_daemon_from_starting_or_storing_is_a_problem() {
        let file = Place::There { kind: Kind::File, uid: US, mode: 0o600 };
        let elsewhere = Some(Holder { pid: 7, host: "ada".to_owned(), socket: "/other".into() });
        let here = Some(Holder { pid: 7, host: "ada".to_owned(), socket: "/s".into() });
        for (state, result, words) in [
            (state(), Verdict::Ok, "/state"),
            (State { directory: Place::Missing, ..state() }, Verdict::Skipped, "not there"),
            (State { directory: file, ..state() }, Verdict::Problem, "not a directory"),
            (State { directory: Place::Unknown("denied".to_owned()), ..state() }, Verdict::Problem, "denied"),
            (State { directory: there(3, 0o700), ..state() }, Verdict::Problem, "user 3"),
            (State { directory: there(US, 0o500), ..state() }, Verdict::Problem, "cannot write"),
            (State { directory: there(US, 0o775), ..state() }, Verdict::Problem, "by others (mode 0775)"),
            (State { directory: there(US, 0o755), ..state() }, Verdict::Ok, "/state"),
            (State { records: there(US, 0o750), ..state() }, Verdict::Problem, "refuses"),
            (State { records: there(US, 0o700), ..state() }, Verdict::Ok, "/state"),
            (
                State { unwritable: Some("read-only".to_owned()), ..state() },
                Verdict::Problem,
                "cannot be written to: read-only",
            ),
            (
                State { directory: Place::Missing, unwritable: Some("foreign".to_owned()), ..state() },
                Verdict::Problem,
                "no daemon can make it: foreign",
            ),
            (State { free: Some(5 << 10), ..state() }, Verdict::Problem, "5 kB are free"),
            (State { free: Some(SCARCE), ..state() }, Verdict::Ok, "/state"),
            (State { holder: elsewhere, ..state() }, Verdict::Problem, "serves /other"),
            (State { holder: here, ..state() }, Verdict::Ok, "held by process 7"),
        ] {
            let finding = judge(&state, &Answer::Nobody, Path::new("/s"), US);
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
        }
    }
}
