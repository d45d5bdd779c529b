//! What a segment says, and how its readers want it. Pure.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Value, json};
use ssoctl_protocol::text::shown;
use ssoctl_protocol::{SessionState, SessionStatus, Timestamp};

use super::Reader;

/// The longest name that is shown, in characters.
const LONGEST_NAME: usize = 40;

/// The time before an end from which on it comes soon.
const SOON: Duration = Duration::from_secs(15 * 60);

/// Stands where a person is needed.
const SIGN: &str = "⚠";

/// How a session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mood {
    Ok,
    /// It ends soon unless a person does something.
    Soon,
    /// A person is needed.
    Needed,
}

impl Mood {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Soon => "soon",
            Self::Needed => "needed",
        }
    }

    /// Its colour: of ECMA-48 (8.3.117), its name, and as red, green and blue.
    const fn colour(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::Ok => (32, "green", "#2e9e44"),
            Self::Soon => (33, "yellow", "#c99a00"),
            Self::Needed => (31, "red", "#d03030"),
        }
    }
}

/// What is known of a session, for a prompt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) mood: Mood,
    /// The time until a person has to sign in, if that end is known.
    pub(super) left: Option<Duration>,
}

impl Segment {
    /// Reads a session as `status --json` shows it; `None` if the daemon does not know yet whether anybody is signed in.
    pub(super) fn of(session: &Value, now: Timestamp) -> Option<Self> {
        let session: SessionStatus = serde_json::from_value(session.clone()).ok()?;
        let SessionStatus { name, state, expires_at, refreshable, login, session_ends_at, .. } = session;
        let end = session_ends_at.or(expires_at.filter(|_| !refreshable));
        let left = end.map(|end| end.duration_since(now)).filter(|left| !left.is_zero());
        let mood = match state {
            SessionState::SignedIn if login.is_some() => Mood::Needed,
            SessionState::SignedIn if left.is_some_and(|left| left < SOON) => Mood::Soon,
            SessionState::SignedIn => Mood::Ok,
            // The daemon renews it as soon as the service can be reached.
            SessionState::Expired if refreshable && login.is_none() => Mood::Soon,
            SessionState::Expired | SessionState::SignedOut => Mood::Needed,
            _ => return None,
        };
        Some(Self { name: shown(&name, LONGEST_NAME).into_owned(), mood, left: left.filter(|_| mood != Mood::Needed) })
    }

    pub(super) const fn sign(&self) -> &'static str {
        if matches!(self.mood, Mood::Needed) { SIGN } else { "" }
    }

    /// The time left, short: `5h12m`, `12m`, `40s`, `3d4h`.
    pub(super) fn left(&self) -> String {
        let Some(left) = self.left else { return String::new() };
        let seconds = left.as_secs();
        match seconds {
            0..60 => format!("{seconds}s"),
            60..3600 => format!("{}m", seconds / 60),
            3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
            _ => format!("{}d{}h", seconds / 86_400, seconds / 3600 % 24),
        }
    }

    /// The text where no other is wanted.
    pub(super) fn usual(&self) -> String {
        let parts = [self.name.as_str(), self.sign(), &self.left()];
        parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
    }
}

impl Reader {
    /// The text as this reader takes it. Nothing in it is expanded or executed by the reader.
    pub(super) fn written(self, text: &str, segment: &Segment) -> String {
        let (code, name, rgb) = segment.mood.colour();
        let (begin, end) = (format!("\x1b[{code}m"), "\x1b[0m");
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("{begin}{text}{end}"),
            // RL_PROMPT_START_IGNORE and its end: readline counts no characters between them.
            Self::Bash => format!("\x01{begin}\x02{text}\x01{end}\x02"),
            Self::Zsh => format!("%F{{{name}}}{}%f", text.replace('%', "%%")),
            Self::Tmux => format!("#[fg={name}]{}#[default]", text.replace('#', "##")),
            Self::Waybar => {
                json!({ "text": markup(text), "tooltip": markup(&segment.usual()), "class": segment.mood.as_str() })
                    .to_string()
            }
            Self::I3bar => json!({ "full_text": text, "color": rgb, "name": "ssoctl" }).to_string(),
        }
    }
}

/// Text that Pango's markup shows as it is.
fn markup(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '&' => Cow::Borrowed("&amp;"),
        '<' => Cow::Borrowed("&lt;"),
        '>' => Cow::Borrowed("&gt;"),
        other => Cow::Owned(other.to_string()),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-23T10:00:00Z";

    fn segment(members: &Value) -> Option<Segment> {
        let mut session = json!({
            "name": "corp", "start_url": "x", "region": "x", "scopes": [], "state": "signed_in", "expires_at": "2026-11-23T11:00:00Z",
            "refreshable": true,
        });
        session.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Segment::of(&session, NOW.parse().unwrap())
    }

    fn usual(members: &Value) -> String {
        segment(members).map(|segment| format!("{} ({})", segment.usual(), segment.mood.as_str())).unwrap_or_default()
    }

    #[test]
    fn the_end_of_the_session_is_shown_and_a_sign_only_where_a_person_is_needed() {
        let login = json!({ "flow": 1, "verification_uri_complete": "x", "expires_at": NOW });
        for (members, text) in [
            (json!({}), "corp (ok)"),
            (json!({ "expires_at": "2026-11-23T10:05:00Z" }), "corp (ok)"),
            (json!({ "session_ends_at": "2026-11-23T15:12:30Z" }), "corp 5h12m (ok)"),
            (json!({ "session_ends_at": "2026-11-26T14:00:00Z" }), "corp 3d4h (ok)"),
            (json!({ "refreshable": false }), "corp 1h00m (ok)"),
            (json!({ "refreshable": false, "expires_at": "2026-11-23T10:12:00Z" }), "corp 12m (soon)"),
            (json!({ "refreshable": false, "expires_at": "2026-11-23T10:00:40Z" }), "corp 40s (soon)"),
            (json!({ "login": login }), "corp ⚠ (needed)"),
            (json!({ "state": "signed_out", "expires_at": null }), "corp ⚠ (needed)"),
            (json!({ "state": "expired", "refreshable": false, "expires_at": NOW }), "corp ⚠ (needed)"),
            (json!({ "state": "expired", "expires_at": NOW }), "corp (soon)"),
            (json!({ "state": "loading" }), ""),
            (json!({ "state": "of a later version" }), ""),
            (json!({ "name": "a\u{1b}[2Jb" }), "a\\u{1b}[2Jb (ok)"),
        ] {
            assert_eq!(usual(&members), text, "{members}");
        }
        assert_eq!(Segment::of(&json!({ "name": "corp" }), NOW.parse().unwrap()), None);
    }

    #[test]
    fn each_reader_gets_its_own_form_in_which_nothing_is_expanded() {
        let segment = segment(&json!({ "name": "a%F{red}#(x)<b>" })).unwrap();
        let text = segment.usual();
        for (reader, written) in [
            (Reader::Plain, "a%F{red}#(x)<b>".to_owned()),
            (Reader::Ansi, "\x1b[32ma%F{red}#(x)<b>\x1b[0m".to_owned()),
            (Reader::Bash, "\x01\x1b[32m\x02a%F{red}#(x)<b>\x01\x1b[0m\x02".to_owned()),
            (Reader::Zsh, "%F{green}a%%F{red}#(x)<b>%f".to_owned()),
            (Reader::Tmux, "#[fg=green]a%F{red}##(x)<b>#[default]".to_owned()),
        ] {
            assert_eq!(reader.written(&text, &segment), written);
        }
        let json = |reader: Reader| serde_json::from_str::<Value>(&reader.written(&text, &segment)).unwrap();
        assert_eq!(
            json(Reader::Waybar),
            json!({ "text": "a%F{red}#(x)&lt;b&gt;", "tooltip": "a%F{red}#(x)&lt;b&gt;", "class": "ok" })
        );
        assert_eq!(json(Reader::I3bar), json!({ "full_text": text, "color": "#2e9e44", "name": "ssoctl" }));
    }
}
