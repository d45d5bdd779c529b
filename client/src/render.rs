//! Text for people: lines on standard error, tables, and points in time.

mod change;
mod page;
mod qr_code;
mod screen;
mod status;
mod table;

use std::io::{self, Write as _};
use std::time::Duration;

use ssoctl_protocol::body::WaitingCaller;
use ssoctl_protocol::text::{self, LONGEST_CODE};
use ssoctl_protocol::{PendingLogin, SessionStatus, Timestamp};

pub(crate) use change::{grant_changed, problems_changed, session_changed};
pub(crate) use page::page;
pub(crate) use qr_code::{Drawing, drawn};
pub(crate) use screen::fitted;
pub(crate) use ssoctl_protocol::text::duration_in_words as duration;
pub(crate) use status::{Colours, status};
pub(crate) use table::{or_dash, table};

/// Writes a line of the form `ssoctl: …` to standard error.
pub(crate) fn notice(text: &str) {
    line(&format!("ssoctl: {text}"));
}

/// Writes a line to standard error. If that fails, there is nowhere to say so.
pub(crate) fn line(text: &str) {
    let _ = io::stderr().lock().write_all(format!("{}\n", text::line(text)).as_bytes());
}

/// Replaces the line at the cursor; for a terminal only. An empty text clears it.
pub(crate) fn redraw(text: &str) {
    let _ = io::stderr().lock().write_all(format!("\r\x1b[K{}", text::line(text)).as_bytes());
}

/// Shows a person the page where to sign in, and what to compare there. `ssh` are the arguments with which this machine was reached
/// over SSH, if it was.
pub(crate) fn invitation(session: &str, login: &PendingLogin, ssh: Option<&str>, now: Timestamp) {
    if let Some(why) = &login.no_browser {
        notice(&format!("signing in by a code, because {why}"));
    }
    let page = &login.verification_uri_complete;
    let left = duration(login.expires_at.duration_since(now));
    match (&login.user_code, login.callback_port, ssh) {
        (Some(_), ..) => {
            line(&format!("To sign in to {session}, open this page and make sure that it shows the code below:"))
        }
        // The browser is on another machine, and reaches the port through a tunnel.
        (None, Some(port), Some(ssh)) => {
            line(&format!("To sign in to {session}, run this on the machine that has your browser:"));
            paragraph(&format!("ssh -N -L {port}:127.0.0.1:{port} {ssh}"));
            line("Leave it running, and open this page in that browser:");
        }
        (None, ..) => line(&format!("To sign in to {session}, open this page in a browser on this machine:")),
    }
    paragraph(page);
    match &login.user_code {
        Some(code) => {
            line(&format!("    Code: {}", text::shown(code, LONGEST_CODE)));
            if let Some(bare) = login.verification_uri.as_ref().filter(|bare| *bare != page) {
                line(&format!("    (or enter it at {bare})"));
            }
            line("");
            line(&format!("The code expires in {left}."));
        }
        None => {
            line(&format!("    Host: {}", host(page)));
            line("");
            line(&format!("The page can be used for {left}."));
        }
    }
}

/// Shows a page's address as a QR code. `code` is what the page has to show.
pub(crate) fn qr_code(drawing: &Drawing, code: &str) {
    line("");
    let _ = io::stderr().lock().write_all(format!("{}\n", drawing.lines.join("\n")).as_bytes());
    line(&format!("Or scan this with a phone; its page has to show {code}."));
}

/// A line that people copy, with space around it.
fn paragraph(text: &str) {
    line("");
    line(&format!("    {text}"));
    line("");
}

/// The host of a page, which a person compares with what the browser shows.
fn host(page: &str) -> &str {
    let rest = page.split_once("://").map_or(page, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// The distance of a point in time: `in 12 min`, `12 min ago`.
pub(crate) fn distance(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", duration(at.duration_since(now))) } else { ago(at, now) }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", duration(now.duration_since(at)))
}

/// A time of day in UTC: `11:16 UTC`; with the date if it is more than a day away.
pub(crate) fn time(at: Timestamp, now: Timestamp) -> String {
    let text = at.to_string();
    let (date, clock) = (&text[..10], &text[11..16]);
    if at.duration_since(now).max(now.duration_since(at)) < Duration::from_hours(24) {
        format!("{clock} UTC")
    } else {
        format!("{date} {clock} UTC")
    }
}

/// A process by what it says of itself: `terraform (pid 4711)`.
pub(crate) fn program(name: Option<&str>, pid: Option<u32>) -> String {
    let name = name.map_or_else(|| "a program".into(), |name| text::shown(name, LONGEST_CODE));
    pid.map_or_else(|| name.to_string(), |pid| format!("{name} (pid {pid})"))
}

/// Who waits for a session, and what for; `None` if nobody does.
fn waiting(session: &SessionStatus, now: Timestamp) -> Option<String> {
    let longest = session.waiting.first()?;
    let WaitingCaller { pid, program, grant, since, wants } = longest;
    let what = match wants.as_str() {
        "token" => "a token",
        "credentials" => "credentials",
        "sign_in" => "the sign-in",
        other => other,
    };
    let grant = grant.as_ref().map(|grant| format!(" by the grant {grant}")).unwrap_or_default();
    let others = match session.waiting_count {
        0 | 1 => String::new(),
        count => format!("; {} more wait", count - 1),
    };
    let since = duration(now.duration_since(*since));
    Some(format!("{}{grant} waits for {what} since {since}{others}", self::program(program.as_deref(), *pid)))
}

/// A sign-in that waits for a person, as tables show it.
fn pending(login: &PendingLogin, now: Timestamp) -> String {
    let what = login.user_code.as_ref().map_or_else(
        || "finish the sign-in in the browser".to_owned(),
        |code| format!("confirm code {}", text::shown(code, LONGEST_CODE)),
    );
    let left = duration(login.expires_at.duration_since(now));
    let why = login.no_browser.as_ref().map_or_else(String::new, |why| format!(" (by a code, because {why})"));
    format!("{what} within {left}: {}{why}", login.verification_uri_complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_near_or_dated() {
        let now = "2026-11-23T10:17:00Z".parse().unwrap();
        let (soon, later): (Timestamp, Timestamp) =
            ("2026-11-23T11:16:00Z".parse().unwrap(), "2026-11-30T11:16:00Z".parse().unwrap());
        assert_eq!((time(soon, now).as_str(), time(later, now).as_str()), ("11:16 UTC", "2026-11-30 11:16 UTC"));
        assert_eq!((distance(soon, now).as_str(), distance(now, soon).as_str()), ("in 59 min", "59 min ago"));
    }
}
