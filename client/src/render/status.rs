//! The table of `ssoctl status`.

use std::fmt::Write;
use std::time::Duration;

use ssoctl_protocol::{DaemonStatus, SessionState, SessionStatus, Timestamp};

use super::{ago, distance, duration, printable, shell_word};

/// Whether states are coloured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Colours {
    On,
    Off,
}

/// A cell, and what its text means for somebody who only looks at colours.
struct Cell {
    text: String,
    tone: Tone,
}

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
}

impl Tone {
    /// The parameter of SGR (ECMA-48, 8.3.117).
    const fn code(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::Good => Some(32),
            Self::Warning => Some(33),
            Self::Bad => Some(31),
        }
    }
}

impl Cell {
    fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: printable(text.as_ref()).into_owned(), tone }
    }

    fn plain(text: impl AsRef<str>) -> Self {
        Self::new(text, Tone::Plain)
    }

    /// Characters are counted, which is right for all scripts but those with double-width or combining characters;
    /// there a column is a little off, and no table of the whole of Unicode has to be carried along.
    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn write(&self, table: &mut String, width: usize, colours: Colours) {
        let padding = width.saturating_sub(self.width());
        // Writing to a `String` cannot fail.
        let _ = match self.tone.code().filter(|_| colours == Colours::On) {
            Some(code) => write!(table, "\x1b[{code}m{}\x1b[0m{:padding$}", self.text, ""),
            None => write!(table, "{}{:padding$}", self.text, ""),
        };
    }
}

/// The whole text: a row for each session, then the daemon and what is wrong with its configuration.
pub(crate) fn status(daemon: &DaemonStatus, sessions: &[SessionStatus], now: Timestamp, colours: Colours) -> String {
    let mut text = if sessions.is_empty() {
        "No sessions. Add one: ssoctl login --start-url URL --region REGION\n".to_owned()
    } else {
        table(sessions, now, colours)
    };
    for session in sessions {
        for file in session.token_files.iter().flat_map(|files| &files.unproved) {
            let said = format!("{}: found, not yet proved: {} ({})", session.name, file.file, file.why);
            let _ = writeln!(text, "{}", printable(&said));
        }
        if let Some(file) = &session.found_in {
            let _ = writeln!(text, "{}", printable(&format!("{}: this sign-in was found in {file}", session.name)));
        }
        if let Some(foreign) = &session.foreign_issuer {
            let (name, region) = (&session.name, &session.region);
            let said =
                format!("{name}: signs in at {}, which is not AWS in {region} ({})", foreign.url, foreign.set_by);
            let _ = writeln!(text, "{}", printable(&said));
        }
    }
    text.push_str(&self::daemon(daemon, now));
    text
}

/// The daemon, and what is wrong with its machine and configuration.
pub(super) fn daemon(daemon: &DaemonStatus, now: Timestamp) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\nssoctld {}, pid {}, up {}; secrets in: {}",
        printable(&daemon.version),
        daemon.pid,
        duration(now.duration_since(daemon.started_at)),
        store(daemon)
    );
    if let Some(ahead) = daemon.service_clock_ahead {
        let direction = if ahead < 0 { "ahead of" } else { "behind" };
        let _ = writeln!(
            text,
            "warning: this machine's clock is {} {direction} the service's; set it right",
            duration(Duration::from_secs(ahead.unsigned_abs()))
        );
    }
    if let Some(until) = daemon.quiet_until {
        let _ =
            writeln!(text, "quiet hours end {}; until then nothing is shown or opened unasked", distance(until, now));
    }
    for problem in &daemon.machine_problems {
        let _ = writeln!(text, "{}", printable(&format!("warning: {}; {}", problem.message, problem.remedy)));
    }
    text.push_str(&left_records(daemon));
    text.push_str(&settings(daemon));
    for problem in &daemon.configuration_problems {
        let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
        let complaint = format!("{}: {}{line}: {}", problem.severity, problem.file, problem.message);
        let _ = writeln!(text, "{}", printable(&complaint));
    }
    text
}

/// The records that belong to no session, and what to do about them.
fn left_records(daemon: &DaemonStatus) -> String {
    let mut text = String::new();
    for record in &daemon.left_records {
        let line = format!("warning: the secret store has {record}, which no configured session has");
        let _ = writeln!(text, "{}", printable(&line));
    }
    if !text.is_empty() {
        text.push_str(
            "  to end what is left: ssoctl logout --all; to go on with it: configure the session again as it was\n",
        );
    }
    text
}

/// What the daemon goes by, and who said so; nothing where all is as it usually is.
fn settings(daemon: &DaemonStatus) -> String {
    let settings = &daemon.settings;
    let by = match settings.started_by.as_str() {
        "ssoctl" => "of the shell that ssoctl was called from",
        "service_manager" => "of the service manager",
        _ => "of the shell that ssoctld was started from",
    };
    let mut text = String::new();
    for setting in &settings.variables {
        let from = setting.file.as_ref().map_or_else(|| by.to_owned(), |file| format!("in {file}"));
        let _ = writeln!(text, "{}", printable(&format!("uses {}={} ({from})", setting.name, setting.value)));
    }
    for file in &settings.aws_config_files {
        let sessions = if file.sessions == 1 { "session" } else { "sessions" };
        let listed = if file.listed { ", listed in config.toml" } else { "" };
        let with = if file.credentials.is_empty() { String::new() } else { format!(" with {}", file.credentials) };
        let line = format!("also reads {}{with} ({} {sessions}{listed})", file.path, file.sessions);
        let _ = writeln!(text, "{}", printable(&line));
    }
    text
}

fn store(daemon: &DaemonStatus) -> String {
    let store = &daemon.secret_store;
    let remarks = [&store.reason, &store.error].into_iter().flatten().map(|remark| format!(" ({remark})"));
    printable(&std::iter::once(store.kind_in_words().to_owned()).chain(remarks).collect::<String>()).into_owned()
}

fn table(sessions: &[SessionStatus], now: Timestamp, colours: Colours) -> String {
    let header = ["SESSION", "STATE", "TOKEN EXPIRES", "RENEWAL", "NOTE"].map(Cell::plain);
    let rows: Vec<[Cell; 5]> =
        std::iter::once(header).chain(sessions.iter().map(|session| row(session, now))).collect();
    let widths: Vec<usize> =
        (0..5).map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row[..4].iter().zip(&widths) {
            cell.write(&mut text, *width, colours);
            text.push_str("  ");
        }
        row[4].write(&mut text, 0, colours);
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

fn row(session: &SessionStatus, now: Timestamp) -> [Cell; 5] {
    let names = match session.aliases.as_slice() {
        [] => session.name.clone(),
        aliases => format!("{} ({})", session.name, aliases.join(", ")),
    };
    let state = match session.state {
        SessionState::SignedIn => Cell::new("signed in", Tone::Good),
        SessionState::Expired => Cell::new("expired", Tone::Bad),
        SessionState::SignedOut => Cell::new("signed out", Tone::Warning),
        SessionState::Loading => Cell::new("loading", Tone::Warning),
        _ => Cell::new("unknown", Tone::Warning),
    };
    let expires = session.expires_at.map_or_else(|| "-".to_owned(), |at| distance(at, now));
    [Cell::plain(names), state, Cell::plain(expires), Cell::plain(renewal(session, now)), note(session, now)]
}

fn renewal(session: &SessionStatus, now: Timestamp) -> String {
    match &session.next {
        Some(next) if next.action == "refresh" && next.at > now => format!("by itself {}", distance(next.at, now)),
        Some(next) if next.action == "retry_refresh" && next.at > now => format!("again {}", distance(next.at, now)),
        Some(next) if matches!(next.action.as_str(), "ask_person" | "tell_person") && next.at > now => {
            format!("asks {}", distance(next.at, now))
        }
        _ if session.refreshable => "by itself".to_owned(),
        _ if session.expires_at.is_some() => "by sign-in".to_owned(),
        _ => "-".to_owned(),
    }
}

/// What matters most: a person who is waited for, then what went wrong, then what to do.
fn note(session: &SessionStatus, now: Timestamp) -> Cell {
    if let Some(login) = session.login.as_ref().filter(|login| login.expires_at > now) {
        let left = duration(login.expires_at.duration_since(now));
        return Cell::new(
            format!("confirm code {} within {left}: {}", login.user_code, login.verification_uri_complete),
            Tone::Warning,
        );
    }
    if let Some(error) = &session.last_error {
        return Cell::new(format!("{} ({}, {})", error.message, error.code, ago(error.at, now)), Tone::Bad);
    }
    if let Some(ends) = session.session_ends_at.filter(|ends| *ends > now) {
        return Cell::plain(format!(
            "session ends {}; to renew: ssoctl login --fresh {}",
            distance(ends, now),
            shell_word(&session.name)
        ));
    }
    if session.unsaved {
        return Cell::new("the newest token is not saved yet", Tone::Warning);
    }
    if let Some(error) = session.token_files.as_ref().and_then(|files| files.error.as_ref()) {
        return Cell::new(error.clone(), Tone::Warning);
    }
    match session.state {
        SessionState::SignedOut | SessionState::Expired => {
            Cell::plain(format!("ssoctl login {}", shell_word(&session.name)))
        }
        SessionState::Loading => Cell::plain("the store has not answered yet"),
        _ => Cell::plain(""),
    }
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
odd           unknown     in 59 min      by itself            no answer (network, 2 min ago)

ssoctld 0.1.0, pid 4711, up 2 h; secrets in: files, in the clear
warning: /c.toml:3: unknown key \"colour\" is ignored
"
        );
    }

    #[test]
    fn that_it_is_quiet_is_said_with_the_end() {
        let now: Timestamp = "2026-11-23T22:17:00Z".parse().unwrap();
        let daemon: DaemonStatus = serde_json::from_value(json!({
            "version": "0.1.0", "pid": 1, "started_at": now, "sessions": 0, "quiet_until": "2026-11-24T07:00:00Z",
        }))
        .unwrap();
        let text = status(&daemon, &[], now, Colours::Off);
        assert!(text.contains("\nquiet hours end in 8 h 43 min; until then nothing is"), "{text}");
    }

    #[test]
    fn where_secrets_are_is_said_with_what_is_wrong_about_it() {
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
            assert_eq!(store(&daemon), said);
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
    fn without_sessions_it_says_how_to_add_one() {
        assert!(text(&[], Colours::Off).starts_with("No sessions. Add one: ssoctl login --start-url URL"));
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
    fn what_comes_from_outside_cannot_steer_the_terminal() {
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
