//! The daemon and its socket, judged.

use std::path::Path;

use ssoctl_protocol::body::LeftRecord;
use ssoctl_protocol::socket::LONGEST_PATH;
use ssoctl_protocol::{DaemonStatus, SocketPath};

use super::finding::Finding;
use super::place::{Kind, Place};
use crate::machine::RESTART;

const DAEMON: &str = "daemon";
const SOCKET: &str = "socket";
const STORE: &str = "secret store";
const RECORD: &str = "record";

/// Who answers on the socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// A daemon.
    Status(Box<DaemonStatus>),
    /// A process of another user.
    Foreign {
        /// That user.
        uid: u32,
    },
    /// Something that does not answer as a daemon does.
    Garbled(String),
    /// Nobody answered in time.
    Late,
    /// Nobody listens.
    Nobody,
    /// Connecting failed for another reason.
    Refused(String),
}

/// Judges the daemon. `version` is ours.
pub(super) fn judge(answer: &Answer, version: &str, socket: &Path) -> Finding {
    let socket = socket.display();
    match answer {
        Answer::Status(status) if status.version != version => Finding::warning(
            DAEMON,
            format!("ssoctld {} runs (pid {}), and {version} is installed", status.version, status.pid),
            RESTART,
        ),
        Answer::Status(status) => {
            let sessions = if status.sessions == 1 { "session" } else { "sessions" };
            Finding::ok(
                DAEMON,
                format!("ssoctld {version} answers (pid {}, {} {sessions})", status.pid, status.sessions),
            )
        }
        Answer::Foreign { uid } => Finding::problem(
            DAEMON,
            format!("a process of user {uid} answers on {socket}"),
            "do not use that socket; name another one with SSOCTL_SOCKET, or, only if that daemon is meant, its user with SSOCTL_SOCKET_OWNER",
        ),
        Answer::Garbled(why) => Finding::problem(
            DAEMON,
            format!("what answers on {socket} is not ssoctld: {why}"),
            "stop that process, or name another socket with SSOCTL_SOCKET",
        ),
        Answer::Late => Finding::problem(DAEMON, format!("it does not answer on {socket}"), RESTART),
        Answer::Nobody => Finding::problem(
            DAEMON,
            "none runs, so nothing renews sign-ins",
            "run ssoctl status, which starts one, or ssoctl service install to have it started at login",
        ),
        Answer::Refused(why) => Finding::problem(
            DAEMON,
            format!("connecting to {socket} failed: {why}"),
            "look at the socket below, then restart the daemon",
        ),
    }
}

/// Judges the socket, and of a default one the directory as well: both sides refuse one that others can write to.
/// `unwritable` is why nothing can be made there.
pub(super) fn judge_socket(
    socket: &SocketPath,
    directory: &Place,
    file: &Place,
    unwritable: Option<&str>,
    us: u32,
) -> Finding {
    let path = socket.path().display();
    if socket.path().as_os_str().len() > LONGEST_PATH {
        let directory = match socket {
            SocketPath::Default(_) => ", or a shorter XDG_RUNTIME_DIR",
            SocketPath::Chosen(_) => "",
        };
        return Finding::problem(
            SOCKET,
            format!("{path} is longer than the {LONGEST_PATH} bytes that a socket's path may have"),
            format!("name a shorter one with SSOCTL_SOCKET, for ssoctl and ssoctld{directory}"),
        );
    }
    if let (SocketPath::Default(path), Place::There { kind, uid, mode, .. }) = (socket, directory) {
        let directory = path.parent().unwrap_or(path).display();
        if *uid != us {
            return Finding::problem(
                SOCKET,
                format!("its directory {directory} belongs to user {uid}, who could pose as the daemon"),
                format!("remove {directory}, or name another socket with SSOCTL_SOCKET"),
            );
        }
        if *kind != Kind::Directory {
            return Finding::problem(SOCKET, format!("{directory} is not a directory"), format!("remove {directory}"));
        }
        if mode & 0o077 != 0 {
            return Finding::problem(
                SOCKET,
                format!("its directory {directory} is open to others (mode {mode:04o})"),
                format!("run: chmod 700 {directory}"),
            );
        }
    }
    match file {
        Place::Missing => match unwritable {
            Some(why) => Finding::problem(
                SOCKET,
                format!("{path} is not there, and no daemon can make it: {why}"),
                "put that right, or name another socket with SSOCTL_SOCKET",
            ),
            None => Finding::skipped(SOCKET, format!("{path} is not there; the daemon makes it")),
        },
        Place::Unknown(why) => Finding::problem(
            SOCKET,
            format!("{path} cannot be looked at: {why}"),
            "check the owner and the mode of the directories above it",
        ),
        Place::There { kind, .. } if *kind != Kind::Socket => Finding::problem(
            SOCKET,
            format!("{path} is not a socket"),
            "move it away, or name another socket with SSOCTL_SOCKET",
        ),
        Place::There { uid, .. } if *uid != us => Finding::problem(
            SOCKET,
            format!("{path} belongs to user {uid}"),
            "remove it, or name another socket with SSOCTL_SOCKET",
        ),
        Place::There { mode, .. } if mode & 0o777 != 0o600 => Finding::problem(
            SOCKET,
            format!("{path} has mode {mode:04o} instead of 0600"),
            format!("run: chmod 600 {path}"),
        ),
        Place::There { .. } => Finding::ok(SOCKET, format!("{path}, yours alone")),
    }
}

/// Judges where the daemon keeps secrets, as it tells.
pub(super) fn judge_store(answer: &Answer) -> Finding {
    let Answer::Status(status) = answer else {
        return Finding::skipped(STORE, "only the daemon knows, and none answers");
    };
    let store = &status.secret_store;
    let kind = match store.kind.as_str() {
        "file" => "files, in the clear",
        "memory" => "memory, until the daemon ends",
        "auto" => "not known yet",
        other => other,
    };
    match (&store.error, &store.reason) {
        (Some(error), _) => Finding::problem(
            STORE,
            format!("the {} store fails: {error}", store.kind),
            "put that right before the daemon ends, or sign-ins are lost; it tries again by itself",
        ),
        (None, Some(reason)) if store.kind == "file" => Finding::warning(
            STORE,
            format!("{kind}: {reason}"),
            "have a keyring that the daemon can use (gnome-keyring, KWallet, KeePassXC), or set secret_store = \"file\" where \
             that is meant",
        ),
        (None, Some(reason)) => Finding::ok(STORE, format!("{kind} ({reason})")),
        (None, None) => Finding::ok(STORE, kind),
    }
}

/// Judges the records that belong to no session.
pub(super) fn judge_left_records(status: &DaemonStatus) -> Vec<Finding> {
    let judge = |record: &LeftRecord| {
        Finding::warning(
            RECORD,
            format!("the secret store has {record}, which no configured session has"),
            "end it: ssoctl logout --all; or configure its session again as it was",
        )
    };
    status.left_records.iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use ssoctl_protocol::settings::Settings;
    use ssoctl_protocol::{StoreStatus, Timestamp};

    const US: u32 = 1000;

    fn status(version: &str, error: Option<&str>) -> Answer {
        with_store(version, StoreStatus { kind: "file".to_owned(), reason: None, error: error.map(str::to_owned) })
    }

    fn with_store(version: &str, secret_store: StoreStatus) -> Answer {
        Answer::Status(Box::new(DaemonStatus {
            version: version.to_owned(),
            pid: 7,
            started_at: Timestamp::from_unix(0),
            sessions: 1,
            secret_store,
            service_clock_ahead: None,
            quiet_until: None,
            configuration_problems: Vec::new(),
            machine_problems: Vec::new(),
            left_records: Vec::new(),
            settings: Settings::default(),
        }))
    }

    fn place(kind: Kind, uid: u32, mode: u32) -> Place {
        Place::There { kind, uid, mode }
    }

    #[test]
    fn who_answers_is_told_apart() {
        for (answer, result, words) in [
            (status("1", None), Verdict::Ok, "ssoctld 1 answers (pid 7, 1 session)"),
            (status("0", None), Verdict::Warning, "ssoctld 0 runs (pid 7), and 1 is installed"),
            (Answer::Foreign { uid: 3 }, Verdict::Problem, "a process of user 3"),
            (Answer::Garbled("no HTTP".to_owned()), Verdict::Problem, "not ssoctld: no HTTP"),
            (Answer::Late, Verdict::Problem, "does not answer"),
            (Answer::Nobody, Verdict::Problem, "none runs"),
            (Answer::Refused("permission denied".to_owned()), Verdict::Problem, "permission denied"),
        ] {
            let finding = judge(&answer, "1", Path::new("/s"));
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
            assert_eq!(finding.remedy.is_some(), result != Verdict::Ok, "{finding:?}");
        }
    }

    #[test]
    fn a_record_of_no_session_is_told_with_what_to_do() {
        let Answer::Status(mut status) = status("1", None) else { panic!("a status") };
        assert_eq!(judge_left_records(&status), []);
        let known = LeftRecord {
            key: "64ec".to_owned(),
            name: Some("old".to_owned()),
            start_url: Some("https://old.awsapps.com/start".to_owned()),
            issuer: Some("aws:eu-west-1".to_owned()),
            error: None,
        };
        let damaged = LeftRecord {
            key: "4606.damaged".to_owned(),
            error: Some("the stored record is damaged".to_owned()),
            ..LeftRecord::default()
        };
        status.left_records = vec![known, damaged];
        let findings = judge_left_records(&status);
        for (finding, words) in findings.iter().zip([
            "the secret store has old at https://old.awsapps.com/start (issued by aws:eu-west-1), which no configured session has",
            "the secret store has a record that cannot be read (4606.damaged: the stored record is damaged), which no configured \
             session has",
        ]) {
            assert_eq!((finding.result, finding.message.as_str()), (Verdict::Warning, words));
            assert!(finding.remedy.as_ref().is_some_and(|remedy| remedy.contains("ssoctl logout --all")));
        }
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn a_socket_that_others_could_reach_is_a_problem() {
        let ours = place(Kind::Directory, US, 0o700);
        let good = place(Kind::Socket, US, 0o600);
        let default = SocketPath::Default("/run/ssoctl/s".into());
        let chosen = SocketPath::Chosen("/tmp/s".into());
        for (socket, directory, file, result, words) in [
            (&default, &ours, good.clone(), Verdict::Ok, "yours alone"),
            (&default, &ours, Place::Missing, Verdict::Skipped, "not there"),
            (&default, &ours, place(Kind::Socket, US, 0o666), Verdict::Problem, "mode 0666 instead of 0600"),
            (&default, &ours, place(Kind::Socket, 3, 0o600), Verdict::Problem, "user 3"),
            (&default, &ours, place(Kind::File, US, 0o600), Verdict::Problem, "not a socket"),
            (&default, &ours, Place::Unknown("denied".to_owned()), Verdict::Problem, "denied"),
            (
                &default,
                &place(Kind::Directory, US, 0o755),
                good.clone(),
                Verdict::Problem,
                "open to others (mode 0755)",
            ),
            (&default, &place(Kind::Directory, 3, 0o700), good.clone(), Verdict::Problem, "pose as the daemon"),
            (&default, &place(Kind::File, US, 0o600), Place::Missing, Verdict::Problem, "not a directory"),
            (&chosen, &place(Kind::Directory, 0, 0o777), good, Verdict::Ok, "yours alone"),
            (
                &SocketPath::Chosen(format!("/{}", "s".repeat(LONGEST_PATH)).into()),
                &ours,
                Place::Missing,
                Verdict::Problem,
                "longer than the 103 bytes",
            ),
        ] {
            let finding = judge_socket(socket, directory, &file, None, US);
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
        }
    }

    #[test]
    fn a_store_that_fails_is_a_problem_and_files_that_nobody_chose_a_warning() {
        let chosen = |kind: &str, reason: Option<&str>| {
            let kind = kind.to_owned();
            with_store("1", StoreStatus { kind, reason: reason.map(str::to_owned), error: None })
        };
        for (answer, result) in [
            (chosen("keyring", None), Verdict::Ok),
            (chosen("keyring", Some("files still hold old records")), Verdict::Ok),
            (chosen("auto", None), Verdict::Ok),
            (chosen("file", None), Verdict::Ok),
            (chosen("file", Some("there is no bus")), Verdict::Warning),
            (status("1", Some("full")), Verdict::Problem),
            (Answer::Nobody, Verdict::Skipped),
        ] {
            let finding = judge_store(&answer);
            assert_eq!(finding.result, result, "{finding:?}");
        }
    }
}
