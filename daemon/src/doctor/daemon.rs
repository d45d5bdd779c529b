//! Checks whether a daemon answers, and judges its own report: its version, its secret store, and its problems.

use std::path::Path;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{DaemonStatus, Route, SocketOwner};

use super::report::{Check, Finding, Verdict};
use crate::inquiry::{self, Unanswered};
use crate::machine::RESTART;

const DAEMON: Check = Check("daemon");
const STORE: Check = Check("secret store");
const RECORD: Check = Check("record");
const MACHINE: Check = Check("machine");

pub(super) type HealthAnswer = Result<Box<DaemonStatus>, Unanswered>;

/// Asks for the daemon's health. Takes as long as the daemon likes.
pub(super) async fn ask(socket: &Path, believed: SocketOwner) -> HealthAnswer {
    read(&inquiry::get(socket, &Route::Health, &Query::default(), believed).await?)
}

fn read(answer: &inquiry::Answer) -> HealthAnswer {
    if answer.status != 200 {
        return Err(Unanswered::Garbled(format!("its answer has status {}", answer.status)));
    }
    serde_json::from_str(&answer.body).map(Box::new).map_err(|error| Unanswered::Garbled(error.to_string()))
}

/// `version` is that of this program.
pub(super) fn judge(answer: &HealthAnswer, version: &str, socket: &Path) -> Finding {
    let socket = socket.display();
    match answer {
        Ok(status) if status.version != version => DAEMON.warning(
            format!("ssoctld {} runs (pid {}), but {version} is installed", status.version, status.pid),
            RESTART,
        ),
        Ok(status) => {
            let sessions = if status.sessions == 1 { "session" } else { "sessions" };
            DAEMON.ok(format!("ssoctld {version} answers (pid {}, {} {sessions})", status.pid, status.sessions))
        }
        Err(Unanswered::Foreign { uid }) => DAEMON.problem(
            format!("a process of user {uid} answers on {socket}"),
            format!(
                "choose another socket with SSOCTL_SOCKET; only if you trust the daemon of that user, set SSOCTL_SOCKET_OWNER={uid}"
            ),
        ),
        Err(Unanswered::Garbled(why)) => DAEMON.problem(
            format!("the process that answers on {socket} is not ssoctld: {why}"),
            "stop that process, or choose another socket with SSOCTL_SOCKET",
        ),
        Err(Unanswered::Late) => DAEMON.problem(format!("it does not answer on {socket}"), RESTART),
        Err(Unanswered::Nobody) => DAEMON.problem(
            "none runs, so nothing renews sign-ins",
            "run ssoctl status, which starts one, or ssoctl service install to have one started at login",
        ),
        Err(Unanswered::Refused(why)) => DAEMON.problem(
            format!("connecting to {socket} failed: {why}"),
            "see the check of the socket below, then restart the daemon",
        ),
    }
}

/// Judges where the daemon keeps secrets.
pub(super) fn judge_store(answer: &HealthAnswer) -> Finding {
    let Ok(status) = answer else { return STORE.skipped("only the daemon knows it, and none answers") };
    let store = &status.secret_store;
    let kind = store.kind_in_words();
    match (&store.error, &store.reason) {
        (Some(error), _) => STORE.problem(
            format!("the {} store fails: {error}", store.kind),
            "mend it before the daemon ends, or sign-ins are lost; the daemon tries again by itself",
        ),
        (None, Some(reason)) if store.kind == "file" => STORE.warning(
            format!("{kind}: {reason}"),
            "install a keyring that the daemon can use (gnome-keyring, KWallet, KeePassXC), or set secret_store = \"file\" if \
             you want files",
        ),
        (None, Some(reason)) => STORE.ok(format!("{kind} ({reason})")),
        (None, None) => STORE.ok(kind),
    }
}

/// Repeats what the daemon reports: records without a session, and problems of its machine about which there is no finding yet.
pub(super) fn judge_reported(status: &DaemonStatus, findings: &[Finding]) -> Vec<Finding> {
    let is_known =
        |about: &str| findings.iter().any(|finding| finding.name.0 == about && finding.result == Verdict::Problem);
    let records = status.left_records.iter().map(|record| {
        RECORD.warning(
            format!("the secret store has {record}, which belongs to no configured session"),
            "end it: ssoctl logout --all; or configure its session again in the same way",
        )
    });
    let problems = status.machine_problems.iter();
    let problems = problems.filter(|problem| !is_known(&problem.about));
    let problems = problems.map(|problem| MACHINE.warning(problem.message.clone(), problem.remedy.clone()));
    records.chain(problems).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssoctl_protocol::body::{LeftRecord, MachineProblem};
    use ssoctl_protocol::settings::Settings;
    use ssoctl_protocol::{StoreStatus, Timestamp};

    fn status(version: &str, error: Option<&str>) -> HealthAnswer {
        with_store(version, StoreStatus { kind: "file".to_owned(), reason: None, error: error.map(str::to_owned) })
    }

    fn with_store(version: &str, secret_store: StoreStatus) -> HealthAnswer {
        Ok(Box::new(DaemonStatus {
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

    #[test]
    fn each_kind_of_answering_process_is_recognised() {
        for (answer, result, words) in [
            (status("1", None), Verdict::Ok, "ssoctld 1 answers (pid 7, 1 session)"),
            (status("0", None), Verdict::Warning, "ssoctld 0 runs (pid 7), but 1 is installed"),
            (Err(Unanswered::Foreign { uid: 3 }), Verdict::Problem, "a process of user 3"),
            (Err(Unanswered::Garbled("no HTTP".to_owned())), Verdict::Problem, "not ssoctld: no HTTP"),
            (Err(Unanswered::Late), Verdict::Problem, "does not answer"),
            (Err(Unanswered::Nobody), Verdict::Problem, "none runs"),
            (Err(Unanswered::Refused("permission denied".to_owned())), Verdict::Problem, "permission denied"),
        ] {
            judge(&answer, "1", Path::new("/s")).says(result, words);
        }
    }

    #[test]
    fn a_record_of_no_session_is_told_with_what_to_do() {
        let mut status = status("1", None).unwrap();
        assert_eq!(judge_reported(&status, &[]), []);
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
        let findings = judge_reported(&status, &[]);
        for (finding, words) in findings.iter().zip([
            "the secret store has old at https://old.awsapps.com/start (issued by aws:eu-west-1), which belongs to no configured session",
            "the secret store has a record that cannot be read (4606.damaged: the stored record is damaged), which belongs to no configured \
             session",
        ]) {
            assert_eq!((finding.result, finding.message.as_str()), (Verdict::Warning, words));
            assert!(finding.remedy.as_ref().is_some_and(|remedy| remedy.contains("ssoctl logout --all")));
        }
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn a_failing_store_is_a_problem_and_files_by_default_are_a_warning() {
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
            (Err(Unanswered::Nobody), Verdict::Skipped),
        ] {
            let finding = judge_store(&answer);
            assert_eq!(finding.result, result, "{finding:?}");
        }
    }

    #[test]
    fn only_a_daemon_knows_its_health() {
        let read = |status, body: &str| read(&inquiry::Answer { status, body: body.to_owned() });
        let good = "{\"version\":\"1\",\"pid\":7,\"started_at\":\"2026-11-23T10:17:35Z\",\"sessions\":0}";
        assert!(matches!(read(200, good), Ok(status) if status.pid == 7));
        for (status, body) in [(404, good), (200, "{}"), (200, "")] {
            assert!(matches!(read(status, body), Err(Unanswered::Garbled(_))), "{status} {body}");
        }
    }

    #[test]
    fn a_problem_of_the_machine_that_doctor_has_found_itself_is_not_repeated() {
        let mut status = status("1", None).unwrap();
        let problem = |about: &str| MachineProblem { about: about.to_owned(), message: "m".into(), remedy: "r".into() };
        status.machine_problems = vec![problem("proxy"), problem("keyring")];
        let findings = [Check("proxy").problem("it cannot be used", "unset it"), Check("keyring").ok("it is unlocked")];
        assert_eq!(judge_reported(&status, &findings), [MACHINE.warning("m", "r")]);
    }
}
