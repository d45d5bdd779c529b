//! What a notice says. Pure.
//!
//! Names come from configuration files, codes and addresses from the service: none of them is trusted to be short, or to
//! mean to a notification server only what it shows.

use std::time::Duration;

use ssoctl_protocol::shell;
use ssoctl_protocol::text::shown;

use super::{Subject, page};
use crate::clock::Now;
use crate::notice::{Action, Notice};

/// The longest pieces that are shown of what others wrote, in characters.
const MAX_NAME: usize = 64;
const MAX_CODE: usize = 32;
const MAX_HOST: usize = 100;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A notice in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Written {
    /// One line. Servers cut it after about thirty characters, so the time left is not in it.
    pub(super) title: String,
    /// Further lines, which no server takes for markup unless [`body`](Self::body) is asked to.
    lines: Vec<String>,
    /// What to do where there is no button.
    remedy: String,
    /// What its action does and how the button is called; `None` if there is nothing that a click could do.
    pub(super) action: Option<(Action, &'static str)>,
    /// The same of what a second button does.
    pub(super) second: Option<(Action, &'static str)>,
    /// How much it matters.
    pub(super) urgency: Urgency,
}

/// How much a notice matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Urgency {
    /// Something ends soon.
    Normal,
    /// It has ended.
    Critical,
}

/// Whether a server draws what a person could click on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Buttons {
    /// It does.
    #[cfg_attr(target_os = "macos", allow(dead_code, reason = "Notification Center does not"))]
    Drawn,
    /// It does not, so the notice says what to type.
    Missing,
}

/// Whether a server renders markup in the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Markup {
    /// It does, so what looks like markup is escaped.
    #[cfg_attr(target_os = "macos", allow(dead_code, reason = "Notification Center does not"))]
    Rendered,
    /// It shows the text as it is.
    Shown,
}

/// Puts a notice into words.
pub(super) fn write(notice: &Notice, session: &Subject, now: Now) -> Written {
    let name = shown(&session.name, MAX_NAME);
    let title = format!("AWS sign-in for {name}");
    let mut lines = vec![match (notice.ends().since(now.boot), now.boot.since(notice.ends())) {
        (Duration::ZERO, ago) if ago.as_secs() < MINUTE => "Has expired".to_owned(),
        (Duration::ZERO, ago) => format!("Has expired {} ago", in_words(ago)),
        (left, _) => format!("Ends in {}", in_words(left)),
    }];
    let word = shell::argument(&name);
    let login = format!("Run: ssoctl login {word}");
    let sign_in = Some((Action::SignIn, "Sign in"));
    let later = (notice.ends() > now.boot).then_some((Action::PutOff, "Later"));
    let urgency = if notice.ends() > now.boot { Urgency::Normal } else { Urgency::Critical };
    match notice {
        Notice::Approve { flow, .. } => {
            // On a line of its own: servers break lines at the hyphen, and half a code cannot be compared.
            lines.push("Compare the code:".to_owned());
            lines.push(shown(&flow.user_code, MAX_CODE).into_owned());
            let action = match page::admit(&flow.verification_uri_complete, Some(session)) {
                Ok(page) => {
                    lines.push(format!("Approve it on {}", shown(page.host(), MAX_HOST)));
                    Some((Action::SignIn, "Open the page"))
                }
                Err(refusal) => {
                    lines.push(format!("The page is not opened: {}", shown(&refusal.to_string(), 2 * MAX_HOST)));
                    None
                }
            };
            let second = later.filter(|_| action.is_some());
            Written { title, lines, remedy: login, action, second, urgency }
        }
        Notice::SignIn { .. } => {
            lines.push("Nobody approved in time. Signing in opens the page with a new code.".to_owned());
            Written { title, lines, remedy: login, action: sign_in, second: later, urgency }
        }
        Notice::RenewNow { .. } => {
            lines.push("The portal session ends with it, and signing in again would not move that.".to_owned());
            lines.push(
                "Renewing starts a new one and ends the present token: running jobs lose it. Role credentials already \
                 issued live on."
                    .to_owned(),
            );
            let remedy = format!("Run: ssoctl login --fresh {word}");
            let action = Some((Action::Renew, "Renew now"));
            Written { title, lines, remedy, action, second: later, urgency }
        }
        Notice::Expired { .. } => Written { title, lines, remedy: login, action: sign_in, second: None, urgency },
    }
}

impl Written {
    /// The text below the title.
    pub(super) fn body(&self, buttons: Buttons, markup: Markup) -> String {
        let needs_remedy = buttons == Buttons::Missing || self.action.is_none();
        let lines = self.lines.iter().chain(needs_remedy.then_some(&self.remedy));
        let body = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
        match markup {
            Markup::Rendered => escaped(&body),
            Markup::Shown => body,
        }
    }
}

/// A duration as people say it: in minutes up to an hour, never shorter than it is.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let minutes = seconds.div_ceil(MINUTE);
    match (minutes / 60, minutes % 60) {
        _ if seconds < MINUTE => "less than a minute".to_owned(),
        (0, minutes) => format!("{minutes} min"),
        (hours, _) if hours >= 48 => format!("{} days", (seconds / HOUR).div_ceil(24)),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Escaped for the markup of the Desktop Notifications Specification, a subset of HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
