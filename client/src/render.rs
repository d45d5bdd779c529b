//! Text for people: lines on standard error, tables, and points in time.

mod page;
mod status;
mod table;

use std::io::{self, Write as _};
use std::time::Duration;

use ssoctl_protocol::text::{self, LONGEST_CODE};
use ssoctl_protocol::{PendingLogin, Timestamp};

pub(crate) use page::page;
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

/// Shows a person the page where to approve a sign-in, and the code to compare.
pub(crate) fn invitation(session: &str, login: &PendingLogin, now: Timestamp) {
    line(&format!("To sign in to {session}, open this page and make sure that it shows the code below:"));
    line("");
    line(&format!("    {}", login.verification_uri_complete));
    line("");
    line(&format!("    Code: {}", text::shown(&login.user_code, LONGEST_CODE)));
    if login.verification_uri != login.verification_uri_complete {
        line(&format!("    (or enter it at {})", login.verification_uri));
    }
    line("");
    line(&format!("The code expires in {}.", duration(login.expires_at.duration_since(now))));
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

/// A sign-in that waits for a person, as tables show it.
fn pending(login: &PendingLogin, now: Timestamp) -> String {
    format!(
        "confirm code {} within {}: {}",
        text::shown(&login.user_code, LONGEST_CODE),
        duration(login.expires_at.duration_since(now)),
        login.verification_uri_complete
    )
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
