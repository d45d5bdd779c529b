//! What has changed, as lines of a log: with points in time and no distances, so that a line stays true.

use ssoctl_protocol::grant::Grant;
use ssoctl_protocol::text::{self, LONGEST_CODE};
use ssoctl_protocol::{DaemonStatus, NextStep, PendingLogin, SessionState, SessionStatus, Timestamp, shell};

use super::{program, status, time};

/// The state of a session in one line, without its name.
pub(crate) fn session_changed(session: &SessionStatus, now: Timestamp) -> String {
    let at = |point: Option<Timestamp>, word: &str| point.map(|point| format!(" {word} {}", time(point, now)));
    let state = match session.state {
        SessionState::SignedIn => ["signed in", &at(session.expires_at, "until").unwrap_or_default()].concat(),
        SessionState::Expired => ["expired", &at(session.expires_at, "at").unwrap_or_default()].concat(),
        SessionState::SignedOut => "signed out".to_owned(),
        SessionState::Loading => "loading".to_owned(),
        _ => "unknown".to_owned(),
    };
    let next = session.next.as_ref().and_then(|next| next_step(next, now)).map(|next| format!(", {next}"));
    let login = session.login.as_ref().map(|login| pending(login, &session.name, now));
    let error = session.last_error.as_ref().map(|error| format!("{} ({})", error.message, error.code));
    let ends = session.session_ends_at.map(|ends| {
        let renew = shell::argument(&session.name);
        format!("the portal session ends at {}; to renew: ssoctl login --fresh {renew}", time(ends, now))
    });
    let remarks = [login, error, ends, waiting(session, now)].into_iter().flatten().map(|remark| format!("; {remark}"));
    std::iter::once(state).chain(next).chain(remarks).collect()
}

fn next_step(next: &NextStep, now: Timestamp) -> Option<String> {
    let at = time(next.at, now);
    Some(match next.action.as_str() {
        "refresh" if next.at <= now => "being renewed".to_owned(),
        "refresh" => format!("renewed by itself at {at}"),
        "retry_refresh" => format!("tried again at {at}"),
        "ask_person" | "tell_person" => format!("you are asked at {at}"),
        _ => return None,
    })
}

fn pending(login: &PendingLogin, session: &str, now: Timestamp) -> String {
    let by = time(login.expires_at, now);
    match &login.user_code {
        Some(code) => {
            let (code, page) = (text::shown(code, LONGEST_CODE), &login.verification_uri_complete);
            format!("confirm code {code} by {by}: {page}")
        }
        None => {
            let session = shell::argument(session);
            format!("finish the sign-in in the browser by {by}; to open it again: ssoctl login --browser {session}")
        }
    }
}

/// Who has waited longest, without the time that changes.
fn waiting(session: &SessionStatus, now: Timestamp) -> Option<String> {
    let longest = session.waiting.first()?;
    let who = program(longest.program.as_deref(), longest.pid);
    let grant = longest.grant.as_ref().map(|grant| format!(" by the grant {grant}")).unwrap_or_default();
    let others = match session.waiting_count {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    Some(format!("{who}{grant} waits since {}{others}", time(longest.since, now)))
}

/// The state of a grant in one line, without its name.
pub(crate) fn grant_changed(grant: &Grant, now: Timestamp) -> String {
    let roles: Vec<String> = grant.roles.iter().map(|role| format!("{} in {}", role.role, role.account)).collect();
    let end = match &grant.ended {
        None => format!("gives {} until {}", roles.join(", "), time(grant.expires_at, now)),
        Some(ended) => format!("{} at {}", ended.reason.in_words(), time(ended.at, now)),
    };
    let last = grant.last_use.as_ref().map(|last| {
        let who = program(last.program.as_deref(), last.pid);
        format!("; used {} times, last at {} by {who}", grant.uses, time(last.at, now))
    });
    end + &last.unwrap_or_default()
}

/// The problems of the daemon that are new or gone.
pub(crate) fn problems_changed(before: Option<&DaemonStatus>, after: &DaemonStatus) -> Vec<String> {
    let (before, after) = (before.map(status::problems).unwrap_or_default(), status::problems(after));
    let gone = before.iter().filter(|problem| !after.contains(problem)).map(|problem| format!("no more: {problem}"));
    let gone: Vec<String> = gone.collect();
    after.into_iter().filter(|problem| !before.contains(problem)).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: &str = "2026-11-23T10:17:00Z";

    fn line(members: &Value) -> String {
        let mut session = json!({
            "name": "my corp", "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1", "scopes": [],
            "state": "signed_in", "expires_at": "2026-11-23T11:16:00Z", "refreshable": true,
        });
        session.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        session_changed(&serde_json::from_value(session).unwrap(), NOW.parse().unwrap())
    }

    #[test]
    fn a_session_is_told_in_one_line_that_stays_true() {
        let waiting = |count: usize| {
            let one = json!({"pid": 4711, "program": "terraform", "since": "2026-11-23T10:15:00Z", "wants": "token"});
            json!({"state": "signed_out", "waiting": [one], "waiting_count": count})
        };
        let device = json!({"kind": "device", "user_code": "ABCD-EFGH", "verification_uri_complete": "https://d/?c",
                            "expires_at": "2026-11-23T10:26:32Z"});
        let browser = json!({"kind": "browser", "verification_uri_complete": "https://o/?c",
                             "expires_at": "2026-11-23T10:26:32Z"});
        let error = json!({"code": "network", "message": "no answer", "at": "2026-11-23T10:15:00Z"});
        let next = |action: &str, at: &str| json!({"next": {"action": action, "at": format!("2026-11-23T{at}:00Z")}});
        for (members, expected) in [
            (json!({}), "signed in until 11:16 UTC"),
            (next("refresh", "10:56"), "signed in until 11:16 UTC, renewed by itself at 10:56 UTC"),
            (next("refresh", "10:17"), "signed in until 11:16 UTC, being renewed"),
            (next("retry_refresh", "10:18"), "signed in until 11:16 UTC, tried again at 10:18 UTC"),
            (next("ask_person", "11:01"), "signed in until 11:16 UTC, you are asked at 11:01 UTC"),
            (next("expire", "11:16"), "signed in until 11:16 UTC"),
            (json!({"state": "expired", "expires_at": "2026-11-20T10:05:00Z"}), "expired at 2026-11-20 10:05 UTC"),
            (json!({"state": "loading"}), "loading"),
            (json!({"state": "hibernating"}), "unknown"),
            (
                json!({"state": "signed_out", "login": device}),
                "signed out; confirm code ABCD-EFGH by 10:26 UTC: https://d/?c",
            ),
            (
                json!({"state": "signed_out", "login": browser}),
                "signed out; finish the sign-in in the browser by 10:26 UTC; to open it again: ssoctl login --browser 'my corp'",
            ),
            (json!({"last_error": error}), "signed in until 11:16 UTC; no answer (network)"),
            (
                json!({"session_ends_at": "2026-11-23T11:16:00Z"}),
                "signed in until 11:16 UTC; the portal session ends at 11:16 UTC; to renew: ssoctl login --fresh 'my corp'",
            ),
            (waiting(1), "signed out; terraform (pid 4711) waits since 10:15 UTC"),
            (waiting(3), "signed out; terraform (pid 4711) waits since 10:15 UTC, and 2 more"),
        ] {
            assert_eq!(line(&members), expected);
        }
    }

    #[test]
    fn a_grant_is_told_with_its_last_use_and_its_end() {
        let mut grant = json!({
            "name": "ci", "roles": [{"session": "corp", "account": "111122223333", "role": "ReadOnlyAccess"}],
            "socket": "/s", "created_at": NOW, "expires_at": "2026-11-23T18:16:00Z",
        });
        let line = |grant: &Value| grant_changed(&serde_json::from_value(grant.clone()).unwrap(), NOW.parse().unwrap());
        assert_eq!(line(&grant), "gives ReadOnlyAccess in 111122223333 until 18:16 UTC");
        grant["uses"] = json!(3);
        grant["last_use"] = json!({"at": NOW, "pid": 4711, "program": "terraform"});
        grant["ended"] = json!({"at": NOW, "reason": "revoked"});
        assert_eq!(line(&grant), "was revoked at 10:17 UTC; used 3 times, last at 10:17 UTC by terraform (pid 4711)");
    }

    #[test]
    fn a_problem_is_told_when_it_comes_and_when_it_goes() {
        let daemon = |problems: Value| -> DaemonStatus {
            serde_json::from_value(json!({"version": "0.1.0", "pid": 1, "started_at": NOW, "sessions": 0,
                                          "machine_problems": problems}))
            .unwrap()
        };
        let (none, locked) = (daemon(json!([])), daemon(json!([{"message": "it is locked", "remedy": "unlock it"}])));
        assert_eq!(problems_changed(None, &none), [""; 0]);
        assert_eq!(problems_changed(Some(&none), &locked), ["warning: it is locked; unlock it"]);
        assert_eq!(problems_changed(Some(&locked), &locked), [""; 0]);
        assert_eq!(problems_changed(Some(&locked), &none), ["no more: warning: it is locked; unlock it"]);
    }
}
