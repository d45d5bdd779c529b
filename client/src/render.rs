//! What a person reads: notices, problems with their remedies, durations, and names made safe for a terminal.

mod page;
mod problem;
mod status;
mod table;

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::time::Duration;

use ssoctl_protocol::text::{self, LONGEST_LINE};
use ssoctl_protocol::{PendingLogin, Timestamp};

pub(crate) use page::page;
pub(crate) use problem::problem;
pub(crate) use status::{Colours, status};
pub(crate) use table::table;

/// The longest code that is shown; those of AWS have nine characters.
pub(crate) const LONGEST_CODE: usize = 64;

/// Writes a line of the form `ssoctl: …` to standard error.
pub(crate) fn notice(text: &str) {
    line(&format!("ssoctl: {text}"));
}

/// Writes a line to standard error. That it cannot be written there is nothing anybody could be told.
pub(crate) fn line(text: &str) {
    let _ = io::stderr().lock().write_all(format!("{}\n", printable(text)).as_bytes());
}

/// Replaces the line that the cursor stands in; for a terminal only. An empty text clears it.
pub(crate) fn redraw(text: &str) {
    let _ = io::stderr().lock().write_all(format!("\r\x1b[K{}", printable(text)).as_bytes());
}

/// Where to go and what to compare, for a person who is to approve. Ends with an empty line.
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

/// Text from elsewhere as one line for a terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    text::shown(text, LONGEST_LINE)
}

/// A duration as people say it, in its two largest units: `45 s`, `12 min`, `1 h 5 min`, `3 d 4 h`. Below ten minutes
/// seconds count: `9 min 32 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 => two(minutes, "min", seconds % 60, "s"),
        600..3600 => format!("{minutes} min"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// How far away a point in time is: `in 12 min`, `12 min ago`.
pub(crate) fn distance(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", duration(at.duration_since(now))) } else { ago(at, now) }
}

pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", duration(now.duration_since(at)))
}

/// A point in time of day, in UTC as everywhere in ssoctl: `11:16 UTC`, with the date if it is not within a day.
pub(crate) fn time(at: Timestamp, now: Timestamp) -> String {
    let text = at.to_string();
    let (date, clock) = (&text[..10], &text[11..16]);
    if at.duration_since(now).max(now.duration_since(at)) < Duration::from_hours(24) {
        format!("{clock} UTC")
    } else {
        format!("{date} {clock} UTC")
    }
}

/// A word of a command line that a person can paste into a shell.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let quoted = format!("'{}'", text.replace('\'', r"'\''"));
    // After `--` a name may look like an option.
    Cow::Owned(if text.starts_with('-') { format!("-- {quoted}") } else { quoted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (572, "9 min 32 s"),
            (3599, "59 min"),
            (3600, "1 h"),
            (3900, "1 h 5 min"),
            (86_400, "1 d"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn points_in_time_are_near_or_dated() {
        let now = "2026-11-23T10:17:00Z".parse().unwrap();
        let (soon, later): (Timestamp, Timestamp) =
            ("2026-11-23T11:16:00Z".parse().unwrap(), "2026-11-30T11:16:00Z".parse().unwrap());
        assert_eq!((time(soon, now).as_str(), time(later, now).as_str()), ("11:16 UTC", "2026-11-30 11:16 UTC"));
        assert_eq!((distance(soon, now).as_str(), distance(now, soon).as_str()), ("in 59 min", "59 min ago"));
    }

    #[test]
    fn a_name_can_be_pasted_into_a_shell() {
        for (name, word) in
            [("corp", "corp"), ("my corp", "'my corp'"), ("it's", r"'it'\''s'"), ("", "''"), ("-x", "-- '-x'")]
        {
            assert_eq!(shell_word(name), word);
        }
    }
}
