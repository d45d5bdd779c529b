//! The page of `ssoctl status NAME`: everything about one session.

use std::fmt::Write;

use ssoctl_protocol::{DaemonStatus, NextStep, SessionState, SessionStatus, Timestamp, text};

use super::{LONGEST_CODE, ago, distance, duration, printable, shell_word, status};

/// The page of a session, then the daemon and what is wrong with its machine and configuration.
pub(crate) fn page(daemon: &DaemonStatus, session: &SessionStatus, now: Timestamp) -> String {
    let mut page = format!("{}\n", printable(&session.name));
    for (what, value) in rows(session, now) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(page, "  {what:<14}  {}", printable(&value));
    }
    page + &status::daemon(daemon, now)
}

fn rows(session: &SessionStatus, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut rows = vec![("state", state(session).to_owned())];
    if !session.aliases.is_empty() {
        rows.push(("also named", session.aliases.join(", ")));
    }
    rows.push(("start URL", session.start_url.clone()));
    rows.push(("region", session.region.clone()));
    rows.push((
        "scopes",
        match session.scopes.as_slice() {
            [] => "none, so no refresh token".to_owned(),
            scopes => scopes.join(", "),
        },
    ));
    rows.push(("endpoint", endpoint(session)));
    if let Some(defined) = &session.defined_by {
        let kind = match defined.kind.as_str() {
            "session" => "[session] table",
            "sso_session" => "[sso-session]",
            "profile" => "profile with a start URL of its own",
            other => other,
        };
        rows.push(("defined by", format!("{}:{} ({kind})", defined.file, defined.line)));
    }
    if let Some(from) = &session.signed_in_by {
        let from = match (from.as_str(), &session.found_in) {
            (_, Some(file)) => format!("another program's sign-in, taken over from {file}"),
            ("sign_in", None) => "a sign-in here, since ssoctld started".to_owned(),
            ("token_file", None) => "another program's sign-in, taken over from a token file".to_owned(),
            ("store", None) => "the store, where an earlier ssoctld left it".to_owned(),
            (other, None) => other.to_owned(),
        };
        rows.push(("came from", from));
    }
    rows.push((
        "registration",
        session.registration.as_ref().map_or_else(
            || "none; the next sign-in makes one".to_owned(),
            |registration| {
                let ends = match registration.expires_at {
                    Some(at) if at <= now => format!("ended {}", ago(at, now)),
                    Some(at) => format!("ends {}", distance(at, now)),
                    None => "does not end".to_owned(),
                };
                format!("{ends}, made {}", ago(registration.issued_at, now))
            },
        ),
    ));
    rows.push((
        "access token",
        session.expires_at.map_or_else(
            || "none".to_owned(),
            |at| if at <= now { format!("expired {}", ago(at, now)) } else { format!("expires {}", distance(at, now)) },
        ),
    ));
    rows.push((
        "refresh token",
        match (session.refreshable, session.received_at) {
            (false, _) => "none".to_owned(),
            (true, Some(at)) => format!("given {}", ago(at, now)),
            (true, None) => "yes".to_owned(),
        },
    ));
    if session.unsaved {
        rows.push(("not saved", "the newest token is still to be written to the store".to_owned()));
    }
    if let Some(ends) = session.session_ends_at {
        let name = shell_word(&session.name);
        rows.push(("portal session", format!("ends {}; to renew: ssoctl login --fresh {name}", distance(ends, now))));
    }
    match &session.token_files {
        None => rows.push(("token files", "not shared (sdk_cache)".to_owned())),
        Some(files) => {
            let published = if files.published.is_empty() { "none now".to_owned() } else { files.published.join(", ") };
            rows.push(("token files", published));
            rows.extend(files.error.iter().map(|error| ("", error.clone())));
        }
    }
    rows.push(("next", next(session, now)));
    if let Some(login) = session.login.as_ref().filter(|login| login.expires_at > now) {
        rows.push((
            "sign-in waits",
            format!(
                "confirm code {} within {}: {}",
                text::shown(&login.user_code, LONGEST_CODE),
                duration(login.expires_at.duration_since(now)),
                login.verification_uri_complete
            ),
        ));
    }
    rows.push((
        "last problem",
        session.last_error.as_ref().map_or_else(
            || "none".to_owned(),
            |error| format!("{} ({}, {})", error.message, error.code, ago(error.at, now)),
        ),
    ));
    rows
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

/// Where it signs in: AWS, or whom a setting names.
fn endpoint(session: &SessionStatus) -> String {
    match (&session.oidc_endpoint, &session.foreign_issuer) {
        (None, _) => "none: the configuration allows none".to_owned(),
        (Some(endpoint), None) => format!("{endpoint} (AWS)"),
        (Some(endpoint), Some(foreign)) => format!("{endpoint} (not AWS in {}: {})", session.region, foreign.set_by),
    }
}

/// What comes next, when and why.
fn next(session: &SessionStatus, now: Timestamp) -> String {
    let Some(NextStep { action, at, why }) = &session.next else {
        return match session.state {
            SessionState::Loading => "the store is waited for".to_owned(),
            _ => format!("nothing by itself; to sign in: ssoctl login {}", shell_word(&session.name)),
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
  refresh token   given 1 min ago
  token files     /home/ada/.aws/sso/cache/0ad3.json
  next            renew the token, in 39 min: before it ends
  last problem    none

ssoctld 0.1.0, pid 4711, up 2 h; secrets in: files, in the clear
"
        );
    }

    #[test]
    fn what_is_not_there_or_not_as_usual_is_said() {
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
        }));
        for part in [
            "http://127.0.0.1:1/ (not AWS in eu-west-1: oidc_endpoint at /c.toml:3)",
            "portal session  ends in 59 min; to renew: ssoctl login --fresh corp",
            "not saved ",
            "none now\n                  /x is no file\n",
            "tell you that the portal session ends, now\n",
        ] {
            assert!(odd.contains(part), "no {part:?} in {odd}");
        }
    }
}
