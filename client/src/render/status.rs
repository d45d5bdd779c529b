//! The table of `ssoctl status`.

use std::time::Duration;

use ssoctl_protocol::{DaemonStatus, LastError, LoginKind, SessionState, SessionStatus, Timestamp, shell, text};

use super::table::{Cell, table};
use super::{ago, distance, duration, pending, waiting};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Colours {
    On,
    Off,
}

/// The meaning of a cell's colour. The values are parameters of SGR.
#[derive(Clone, Copy)]
enum Tone {
    Good = 32,
    Warning = 33,
    Bad = 31,
}

/// The whole text: a row for each session, then the daemon and the problems of its machine and configuration.
pub(crate) fn status(daemon: &DaemonStatus, sessions: &[SessionStatus], now: Timestamp, colours: Colours) -> String {
    let mut text = if sessions.is_empty() {
        "No sessions. Add one: ssoctl login; in scripts: ssoctl login --start-url URL --region REGION\n".to_owned()
    } else {
        let header = ["SESSION", "STATE", "TOKEN EXPIRES", "RENEWAL", "NOTE"];
        table(header, sessions.iter().map(|session| row(session, now, colours)))
    };
    let mut lines = Vec::new();
    for session in sessions {
        let name = &session.name;
        for file in session.token_files.iter().flat_map(|files| &files.unproved) {
            lines.push(format!("{name}: found, not yet proved: {} ({})", file.file, file.why));
        }
        lines.extend(waiting(session, now).map(|waiting| format!("{name}: {waiting}")));
        lines.extend(session.found_in.as_ref().map(|file| format!("{name}: this sign-in was found in {file}")));
        lines.extend(session.foreign_issuer.as_ref().map(|foreign| {
            format!("{name}: signs in at {}, which is {} ({})", foreign.url, not_aws(session), foreign.set_by)
        }));
    }
    text.push_str(&printed(&lines));
    text.push_str(&self::daemon(daemon, now));
    text
}

/// What a foreign issuer is not.
pub(super) fn not_aws(session: &SessionStatus) -> String {
    let region = &session.region;
    if region.is_empty() { "not AWS".to_owned() } else { format!("not AWS in {region}") }
}

fn printed(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{}\n", text::line(line))).collect()
}

/// The daemon, and the problems of its machine and configuration.
pub(super) fn daemon(daemon: &DaemonStatus, now: Timestamp) -> String {
    let up = duration(now.duration_since(daemon.started_at));
    let (version, pid) = (&daemon.version, daemon.pid);
    let mut lines =
        vec![String::new(), format!("ssoctld {version}, pid {pid}, up {up}; secrets in: {}", store(daemon))];
    lines.extend(clock(daemon));
    if let Some(until) = daemon.quiet_until {
        let end = distance(until, now);
        lines.push(format!("quiet hours end {end}; until then nothing is shown or opened unasked"));
    }
    lines.extend(machine(daemon));
    if !daemon.left_records.is_empty() {
        let records = daemon.left_records.iter();
        lines.extend(
            records.map(|record| format!("warning: the secret store has {record}, which no configured session has")),
        );
        lines.push(
            "  to remove these: ssoctl logout --all; to use them again: configure the session as it was".to_owned(),
        );
    }
    lines.extend(settings(daemon));
    lines.extend(configuration(daemon));
    printed(&lines)
}

fn clock(daemon: &DaemonStatus) -> Option<String> {
    let ahead = daemon.service_clock_ahead?;
    let direction = if ahead < 0 { "ahead of" } else { "behind" };
    let difference = duration(Duration::from_secs(ahead.unsigned_abs()));
    Some(format!("warning: this machine's clock is {difference} {direction} the service's; set it right"))
}

fn machine(daemon: &DaemonStatus) -> impl Iterator<Item = String> {
    daemon.machine_problems.iter().map(|problem| format!("warning: {}; {}", problem.message, problem.remedy))
}

fn configuration(daemon: &DaemonStatus) -> impl Iterator<Item = String> {
    daemon.configuration_problems.iter().map(|problem| {
        let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
        format!("{}: {}{line}: {}", problem.severity, problem.file, problem.message)
    })
}

/// The problems that the daemon has, each as a line.
pub(super) fn problems(daemon: &DaemonStatus) -> Vec<String> {
    let store = daemon.secret_store.error.iter().map(|error| format!("warning: the secret store fails: {error}"));
    clock(daemon).into_iter().chain(store).chain(machine(daemon)).chain(configuration(daemon)).collect()
}

/// The settings that are not the usual ones, and where they come from.
fn settings(daemon: &DaemonStatus) -> Vec<String> {
    let settings = &daemon.settings;
    let by = match settings.started_by.as_str() {
        "ssoctl" => "of the shell that ssoctl was called from",
        "service_manager" => "of the service manager",
        _ => "of the shell that ssoctld was started from",
    };
    let variables = settings.variables.iter().map(|setting| {
        let from = setting.file.as_ref().map_or_else(|| by.to_owned(), |file| format!("in {file}"));
        format!("uses {}={} ({from})", setting.name, setting.value)
    });
    let files = settings.aws_config_files.iter().map(|file| {
        let sessions = if file.sessions == 1 { "session" } else { "sessions" };
        let listed = if file.listed { ", listed in config.toml" } else { "" };
        let with = if file.credentials.is_empty() { String::new() } else { format!(" with {}", file.credentials) };
        format!("also reads {}{with} ({} {sessions}{listed})", file.path, file.sessions)
    });
    variables.chain(files).collect()
}

fn store(daemon: &DaemonStatus) -> String {
    let store = &daemon.secret_store;
    let remarks = [&store.reason, &store.error].into_iter().flatten().map(|remark| format!(" ({remark})"));
    std::iter::once(store.kind_in_words().to_owned()).chain(remarks).collect()
}

fn row(session: &SessionStatus, now: Timestamp, colours: Colours) -> [Cell; 5] {
    let cell = |(text, tone): (String, Option<Tone>)| Cell {
        text,
        colour: tone.filter(|_| colours == Colours::On).map(|tone| tone as u8),
    };
    let names = match session.aliases.as_slice() {
        [] => session.name.clone(),
        aliases => format!("{} ({})", session.name, aliases.join(", ")),
    };
    let (state, tone) = match session.state {
        SessionState::SignedIn => ("signed in", Tone::Good),
        SessionState::Expired => ("expired", Tone::Bad),
        SessionState::SignedOut => ("signed out", Tone::Warning),
        SessionState::Loading => ("loading", Tone::Warning),
        _ => ("unknown", Tone::Warning),
    };
    let expires = session.expires_at.map_or_else(|| "-".to_owned(), |at| distance(at, now));
    [
        names.into(),
        cell((state.to_owned(), Some(tone))),
        expires.into(),
        renewal(session, now).into(),
        cell(note(session, now)),
    ]
}

fn renewal(session: &SessionStatus, now: Timestamp) -> String {
    let next = session.next.as_ref().filter(|next| next.at > now);
    match next.map(|next| (next.action.as_str(), distance(next.at, now))) {
        Some(("refresh", when)) => format!("by itself {when}"),
        Some(("retry_refresh", when)) => format!("again {when}"),
        Some(("ask_person" | "tell_person", when)) => format!("asks {when}"),
        _ if session.refreshable => "by itself".to_owned(),
        _ if session.expires_at.is_some() => "by sign-in".to_owned(),
        _ => "-".to_owned(),
    }
}

/// The most important remark: a sign-in that waits for the person, then what went wrong, then what to do.
fn note(session: &SessionStatus, now: Timestamp) -> (String, Option<Tone>) {
    if let Some(login) = session.login.as_ref().filter(|login| login.expires_at > now) {
        let text = match login.kind {
            // Its address is as long as three lines.
            LoginKind::Browser => format!(
                "finish the sign-in in the browser within {}; to open it again: ssoctl login --browser {}",
                duration(login.expires_at.duration_since(now)),
                shell::argument(&session.name)
            ),
            _ => pending(login, now),
        };
        return (text, Some(Tone::Warning));
    }
    if let Some(error) = &session.last_error {
        return (last_problem(error, now), Some(Tone::Bad));
    }
    if let Some(ends) = session.session_ends_at.filter(|ends| *ends > now) {
        return (format!("session {}", end_of_session(session, ends, now)), None);
    }
    if session.unsaved {
        return ("the newest token is not saved yet".to_owned(), Some(Tone::Warning));
    }
    if let Some(error) = session.token_files.as_ref().and_then(|files| files.error.as_ref()) {
        return (error.clone(), Some(Tone::Warning));
    }
    let note = match session.state {
        SessionState::SignedOut | SessionState::Expired => format!("ssoctl login {}", shell::argument(&session.name)),
        SessionState::Loading => "the store has not answered yet".to_owned(),
        _ => String::new(),
    };
    (note, None)
}

pub(super) fn last_problem(error: &LastError, now: Timestamp) -> String {
    format!("{} ({}, {})", error.message, error.code, ago(error.at, now))
}

pub(super) fn end_of_session(session: &SessionStatus, ends: Timestamp, now: Timestamp) -> String {
    format!("ends {}; to renew: ssoctl login --fresh {}", distance(ends, now), shell::argument(&session.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn session(members: &Value) -> SessionStatus {
        let mut session = json!({
            "name": "corp", "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1", "scopes": [],
            "state": "signed_in", "expires_at": "2026-11-23T11:16:00Z", "refreshable": true,
            "oidc_endpoint": null, "login": null, "last_error": null,
        });
        for (name, value) in members.as_object().unwrap() {
            session[name] = value.clone();
        }
        serde_json::from_value(session).unwrap()
    }

    fn text(sessions: &[Value], colours: Colours) -> String {
        let daemon: DaemonStatus = serde_json::from_value(json!({
            "version": "0.1.0", "pid": 4711, "started_at": "2026-11-23T08:17:00Z", "sessions": sessions.len(),
            "secret_store": {"kind": "file"},
            "configuration_problems": [
                {"severity": "warning", "file": "/c.toml", "line": 3, "message": "unknown key \"colour\" is ignored"}
            ],
        }))
        .unwrap();
        let sessions: Vec<_> = sessions.iter().map(session).collect();
        status(&daemon, &sessions, "2026-11-23T10:17:00Z".parse().unwrap(), colours)
    }

    #[test]
    fn the_table_is_read_at_a_glance() {
        let table = text(
            &[
                json!({"next": {"action": "refresh", "at": "2026-11-23T10:56:00Z"}}),
                json!({"name": "größte", "aliases": ["dev"], "state": "expired", "expires_at": "2026-11-23T10:05:00Z",
                       "refreshable": false}),
                json!({"name": "new", "state": "signed_out", "expires_at": null, "refreshable": false,
                       "login": {"user_code": "ABCD-EFGH", "verification_uri": "https://d/",
                                 "verification_uri_complete": "https://d/?c", "expires_at": "2026-11-23T10:26:32Z"}}),
                json!({"name": "web", "state": "signed_out", "expires_at": null, "refreshable": false,
                       "login": {"kind": "browser", "callback_port": 8400, "verification_uri_complete": "https://o/?c",
                                 "expires_at": "2026-11-23T10:26:32Z"}}),
                json!({"name": "odd", "state": "hibernating", "last_error":
                       {"code": "network", "message": "no answer", "at": "2026-11-23T10:15:00Z"}}),
            ],
            Colours::Off,
        );
        assert_eq!(
            table,
            "\
SESSION       STATE       TOKEN EXPIRES  RENEWAL              NOTE
corp          signed in   in 59 min      by itself in 39 min
größte (dev)  expired     12 min ago     by sign-in           ssoctl login 'größte'
new           signed out  -              -                    confirm code ABCD-EFGH within 9 min 32 s: https://d/?c
web           signed out  -              -                    finish the sign-in in the browser within 9 min 32 s; to open it again: ssoctl login --browser web
odd           unknown     in 59 min      by itself            no answer (network, 2 min ago)

ssoctld 0.1.0, pid 4711, up 2 h; secrets in: files, in the clear
warning: /c.toml:3: unknown key \"colour\" is ignored
"
        );
    }

    #[test]
    fn status_shows_when_quiet_hours_end() {
        let now: Timestamp = "2026-11-23T22:17:00Z".parse().unwrap();
        let daemon: DaemonStatus = serde_json::from_value(json!({
            "version": "0.1.0", "pid": 1, "started_at": now, "sessions": 0, "quiet_until": "2026-11-24T07:00:00Z",
        }))
        .unwrap();
        let text = status(&daemon, &[], now, Colours::Off);
        assert!(text.contains("\nquiet hours end in 8 h 43 min; until then nothing is"), "{text}");
    }

    #[test]
    fn status_shows_the_store_and_its_problem() {
        for (status, said) in [
            (json!({"kind": "keyring"}), "the keyring"),
            (json!({"kind": "keyring", "error": "it is locked"}), "the keyring (it is locked)"),
            (json!({"kind": "file", "reason": "there is no bus"}), "files, in the clear (there is no bus)"),
            (json!({"kind": "file", "reason": "no bus", "error": "full"}), "files, in the clear (no bus) (full)"),
            (json!({"kind": "memory"}), "memory, until the daemon ends"),
            (json!({"kind": "auto"}), "not known yet"),
            (json!({"kind": "a\u{1b}safe"}), r"a\u{1b}safe"),
        ] {
            let daemon: DaemonStatus = serde_json::from_value(json!({
                "version": "0.1.0", "pid": 1, "started_at": "2026-11-23T08:17:00Z", "sessions": 0,
                "secret_store": status,
            }))
            .unwrap();
            let text = super::daemon(&daemon, daemon.started_at);
            assert!(text.ends_with(&format!("; secrets in: {said}\n")), "{text}");
        }
    }

    #[test]
    fn the_end_of_a_portal_session_is_shown_with_the_only_thing_that_helps() {
        let capped = json!({"refreshable": true, "session_ends_at": "2026-11-23T11:16:00Z",
                            "next": {"action": "tell_person", "at": "2026-11-23T11:01:00Z"}});
        let table = text(&[capped], Colours::Off);
        assert!(table.contains("asks in 44 min"), "{table}");
        assert!(table.contains("session ends in 59 min; to renew: ssoctl login --fresh corp"), "{table}");
    }

    #[test]
    fn those_who_wait_are_shown_by_what_they_say_of_themselves() {
        let caller = |pid: Option<u32>, program: Option<&str>, grant: Option<&str>, wants: &str| json!({"pid": pid, "program": program, "grant": grant, "wants": wants, "since": "2026-11-23T10:16:30Z"});
        let terraform = caller(Some(4711), Some("terra\u{1b}form"), None, "credentials");
        let one = text(&[json!({"waiting": [terraform], "waiting_count": 1})], Colours::Off);
        assert!(one.contains("\ncorp: terra\\u{1b}form (pid 4711) waits for credentials since 30 s\n"), "{one}");
        let granted = caller(None, None, Some("ci"), "token");
        let many = text(&[json!({"waiting": [granted], "waiting_count": 3})], Colours::Off);
        assert!(
            many.contains("\ncorp: a program by the grant ci waits for a token since 30 s; 2 more wait\n"),
            "{many}"
        );
    }

    #[test]
    fn without_sessions_it_says_how_to_add_one() {
        assert!(text(&[], Colours::Off).starts_with("No sessions. Add one: ssoctl login; "));
    }

    #[test]
    fn an_endpoint_that_is_not_aws_is_named_with_the_setting_that_says_so() {
        let moved = json!({"foreign_issuer": {"url": "http://127.0.0.1:4566/", "set_by": "AWS_ENDPOINT_URL_SSO_OIDC"}});
        let text = text(&[moved], Colours::Off);
        let line =
            "\ncorp: signs in at http://127.0.0.1:4566/, which is not AWS in eu-west-1 (AWS_ENDPOINT_URL_SSO_OIDC)\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn colours_do_not_disturb_the_columns() {
        let sessions = [json!({}), json!({"name": "b", "state": "expired"})];
        let coloured = text(&sessions, Colours::On);
        assert!(coloured.contains("\x1b[32msigned in\x1b[0m"), "{coloured}");
        let plain = coloured.replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[0m", "");
        assert_eq!(plain, text(&sessions, Colours::Off));
    }

    #[test]
    fn foreign_text_cannot_control_the_terminal() {
        let error = json!({"code": "x", "message": "\u{1b}]0;owned\u{7}", "at": "2026-11-23T10:15:00Z"});
        let table = text(&[json!({"name": "a\u{1b}[2J", "last_error": error})], Colours::Off);
        assert!(!table.contains('\u{1b}') && table.contains(r"a\u{1b}[2J"), "{table}");
    }

    #[test]
    fn a_token_file_that_is_left_alone_is_shown_where_nothing_else_is_wrong() {
        let files = json!({"published": [], "error": "/x.json is not a regular file; move it away"});
        let table = text(&[json!({"token_files": files.clone()})], Colours::Off);
        assert!(table.contains("/x.json is not a regular file; move it away"), "{table}");
        let error = json!({"code": "network", "message": "no answer", "at": "2026-11-23T10:15:00Z"});
        let table = text(&[json!({"token_files": files, "last_error": error})], Colours::Off);
        assert!(!table.contains("/x.json"), "{table}");
    }

    #[test]
    fn the_file_of_a_sign_in_is_named_whether_it_is_proved_or_not() {
        let files = json!({"published": [], "unproved": [{"file": "/x\u{1b}.json", "why": "no answer"}]});
        let table = text(&[json!({"token_files": files, "found_in": "/y.json"})], Colours::Off);
        assert!(table.contains("\ncorp: found, not yet proved: /x\\u{1b}.json (no answer)\n"), "{table}");
        assert!(table.contains("\ncorp: this sign-in was found in /y.json\n"), "{table}");
    }
}
