//! The page of `ssoctl status NAME`: everything about one session.

use std::fmt::Write;

use ssoctl_protocol::body::{DefinedBy, Registration};
use ssoctl_protocol::{DaemonStatus, NextStep, SessionState, SessionStatus, Timestamp, shell, text};

use super::{ago, distance, pending, status, waiting};

/// The page of a session, then the daemon and the problems of its machine and configuration.
pub(crate) fn page(daemon: &DaemonStatus, session: &SessionStatus, now: Timestamp) -> String {
    let mut page = format!("{}\n", text::line(&session.name));
    for (title, value) in rows(session, now) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(page, "  {title:<14}  {}", text::line(&value));
    }
    page + &status::daemon(daemon, now)
}

fn rows(session: &SessionStatus, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut rows = vec![("state", state(session).to_owned())];
    if !session.aliases.is_empty() {
        rows.push(("also named", session.aliases.join(", ")));
    }
    rows.push(("start URL", session.start_url.clone()));
    rows.extend(session.resolved_url.as_ref().map(|url| ("leads to", url.clone())));
    rows.push(("region", or(session.region.clone(), "known after a sign-in")));
    rows.push(("scopes", or(session.scopes.join(", "), "none, so no refresh token")));
    rows.push(("endpoint", endpoint(session)));
    rows.extend(session.defined_by.as_ref().map(|entry| ("defined by", definition(entry))));
    rows.extend(session.signed_in_by.as_ref().map(|origin| ("came from", came_from(origin, session))));
    rows.push(("registration", registration(session.registration.as_ref(), now)));
    rows.push((
        "access token",
        match session.expires_at {
            None => "none".to_owned(),
            Some(at) if at <= now => format!("expired {}", ago(at, now)),
            Some(at) => format!("expires {}", distance(at, now)),
        },
    ));
    rows.push((
        "refresh token",
        match (session.refreshable, session.received_at) {
            (false, _) => "none".to_owned(),
            (true, Some(at)) => format!("received {}", ago(at, now)),
            (true, None) => "yes".to_owned(),
        },
    ));
    rows.extend(waiting(session, now).map(|waiting| ("waiting", waiting)));
    if session.unsaved {
        rows.push(("not saved", "the newest token has not been written to the store yet".to_owned()));
    }
    rows.extend(session.session_ends_at.map(|ends| ("portal session", status::end_of_session(session, ends, now))));
    match &session.token_files {
        None => rows.push(("token files", "not shared (sdk_cache)".to_owned())),
        Some(files) => {
            rows.push(("token files", or(files.published.join(", "), "none now")));
            rows.extend(files.error.iter().map(|error| ("", error.clone())));
        }
    }
    rows.push(("next", next(session, now)));
    let login = session.login.as_ref().filter(|login| login.expires_at > now);
    rows.extend(login.map(|login| ("sign-in waits", pending(login, now))));
    let problem = session.last_error.as_ref().map(|error| status::last_problem(error, now));
    rows.push(("last problem", problem.unwrap_or_else(|| "none".to_owned())));
    rows
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

const fn state(session: &SessionStatus) -> &'static str {
    match session.state {
        SessionState::SignedIn => "signed in",
        SessionState::Expired => "expired",
        SessionState::SignedOut => "signed out",
        SessionState::Loading => "loading: the store has not answered yet",
        _ => "unknown",
    }
}

fn endpoint(session: &SessionStatus) -> String {
    match (&session.oidc_endpoint, &session.foreign_issuer) {
        (None, _) if session.region.is_empty() => "known after a sign-in".to_owned(),
        (None, _) => "none: the configuration allows none".to_owned(),
        (Some(endpoint), None) => format!("{endpoint} (AWS)"),
        (Some(endpoint), Some(foreign)) => format!("{endpoint} ({}: {})", status::not_aws(session), foreign.set_by),
    }
}

fn definition(entry: &DefinedBy) -> String {
    let kind = match entry.kind.as_str() {
        "session" => "[session] table",
        "sso_session" => "[sso-session]",
        "profile" => "profile with a start URL of its own",
        other => other,
    };
    format!("{}:{} ({kind})", entry.file, entry.line)
}

fn came_from(origin: &str, session: &SessionStatus) -> String {
    match (origin, &session.found_in) {
        (_, Some(file)) => format!("another program's sign-in, taken over from {file}"),
        ("sign_in", None) => "a sign-in here, since ssoctld started".to_owned(),
        ("token_file", None) => "another program's sign-in, taken over from a token file".to_owned(),
        ("store", None) => "the store, where an earlier ssoctld left it".to_owned(),
        (other, None) => other.to_owned(),
    }
}

fn registration(registration: Option<&Registration>, now: Timestamp) -> String {
    let Some(registration) = registration else { return "none; the next sign-in makes one".to_owned() };
    let ends = match registration.expires_at {
        Some(at) if at <= now => format!("ended {}", ago(at, now)),
        Some(at) => format!("ends {}", distance(at, now)),
        None => "does not end".to_owned(),
    };
    format!("{ends}, made {}", ago(registration.issued_at, now))
}

fn next(session: &SessionStatus, now: Timestamp) -> String {
    let Some(NextStep { action, at, why }) = &session.next else {
        return match session.state {
            SessionState::Loading => "waiting for the store".to_owned(),
            _ => format!("nothing by itself; to sign in: ssoctl login {}", shell::argument(&session.name)),
        };
    };
    let action = match action.as_str() {
        "refresh" => "renew the token",
        "retry_refresh" => "try again to renew the token",
        "ask_person" => "open a sign-in and show it",
        "tell_person" => "tell you that the portal session ends",
        "expire" => "nothing, until the token expires",
        other => other,
    };
    let when = if at > &now { distance(*at, now) } else { "now".to_owned() };
    format!("{action}, {when}{}", why.as_ref().map_or_else(String::new, |why| format!(": {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shown(members: &Value) -> String {
        let mut session = json!({
            "name": "corp", "aliases": ["dev"], "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1",
            "scopes": ["sso:account:access", "codewhisperer:completions"], "state": "signed_in",
            "expires_at": "2026-11-23T11:16:00Z", "refreshable": true,
            "oidc_endpoint": "https://oidc.eu-west-1.amazonaws.com/", "login": null, "last_error": null,
            "defined_by": {"kind": "sso_session", "file": "/home/ada/.aws/config", "line": 7},
            "registration": {"issued_at": "2026-11-20T10:17:00Z", "expires_at": "2027-02-18T10:17:00Z"},
            "received_at": "2026-11-23T10:16:00Z", "signed_in_by": "sign_in",
            "token_files": {"published": ["/home/ada/.aws/sso/cache/0ad3.json"]},
            "next": {"action": "refresh", "at": "2026-11-23T10:56:00Z", "why": "before it ends"},
        });
        for (name, value) in members.as_object().unwrap() {
            session[name] = value.clone();
        }
        let daemon = json!({"version": "0.1.0", "pid": 4711, "started_at": "2026-11-23T08:17:00Z", "sessions": 1,
                            "secret_store": {"kind": "file"}});
        page(
            &serde_json::from_value(daemon).unwrap(),
            &serde_json::from_value(session).unwrap(),
            "2026-11-23T10:17:00Z".parse().unwrap(),
        )
    }

    #[test]
    fn everything_about_a_session_is_on_its_page() {
        assert_eq!(
            shown(&json!({})),
            "\
corp
  state           signed in
  also named      dev
  start URL       https://corp.awsapps.com/start
  region          eu-west-1
  scopes          sso:account:access, codewhisperer:completions
  endpoint        https://oidc.eu-west-1.amazonaws.com/ (AWS)
  defined by      /home/ada/.aws/config:7 ([sso-session])
  came from       a sign-in here, since ssoctld started
  registration    ends in 87 d, made 3 d ago
  access token    expires in 59 min
  refresh token   received 1 min ago
  token files     /home/ada/.aws/sso/cache/0ad3.json
  next            renew the token, in 39 min: before it ends
  last problem    none

ssoctld 0.1.0, pid 4711, up 2 h; secrets in: files, in the clear
"
        );
    }

    #[test]
    fn missing_and_unusual_values_are_shown() {
        let out = shown(&json!({
            "state": "signed_out", "scopes": [], "expires_at": null, "refreshable": false, "received_at": null,
            "signed_in_by": null, "registration": null, "token_files": null, "next": null, "oidc_endpoint": null,
            "last_error": {"code": "invalid_request", "message": "no\u{1b}", "at": "2026-11-23T10:15:00Z"},
        }));
        for line in [
            "scopes          none, so no refresh token",
            "endpoint        none: the configuration allows none",
            "registration    none; the next sign-in makes one",
            "access token    none",
            "refresh token   none",
            "token files     not shared (sdk_cache)",
            "next            nothing by itself; to sign in: ssoctl login corp",
            r"last problem    no\u{1b} (invalid_request, 2 min ago)",
        ] {
            assert!(out.contains(&format!("\n  {line}\n")), "no {line:?} in {out}");
        }
        let odd = shown(&json!({
            "foreign_issuer": {"url": "http://127.0.0.1:1/", "set_by": "oidc_endpoint at /c.toml:3"},
            "oidc_endpoint": "http://127.0.0.1:1/", "session_ends_at": "2026-11-23T11:16:00Z", "unsaved": true,
            "token_files": {"published": [], "error": "/x is no file"},
            "next": {"action": "tell_person", "at": "2026-11-23T10:17:00Z"},
            "login": {"kind": "browser", "callback_port": 8400, "verification_uri_complete": "https://o/?c",
                      "expires_at": "2026-11-23T10:26:32Z"},
        }));
        for part in [
            "http://127.0.0.1:1/ (not AWS in eu-west-1: oidc_endpoint at /c.toml:3)",
            "portal session  ends in 59 min; to renew: ssoctl login --fresh corp",
            "not saved ",
            "none now\n                  /x is no file\n",
            "tell you that the portal session ends, now\n",
            "sign-in waits   finish the sign-in in the browser within 9 min 32 s: https://o/?c\n",
        ] {
            assert!(odd.contains(part), "no {part:?} in {odd}");
        }
    }
}
