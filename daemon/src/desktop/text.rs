//! Writes the text of a notice. Pure.
//!
//! Names come from configuration files, codes and addresses from the service. None of them is trusted to be short, or to be
//! free of characters that a notification server reads as markup.

use std::borrow::Cow;
use std::time::Duration;

use ssoctl_protocol::shell;
use ssoctl_protocol::text::{duration_in_words, shown};

use super::page;
use super::question::{About, Choice, Question};
use crate::caller::Who;
use crate::clock::Now;
use crate::config::SessionConfig;
use crate::notice::{Action, Notice};

/// The longest foreign texts that are shown, in characters.
const MAX_NAME: usize = 64;
const MAX_CODE: usize = 32;
const MAX_HOST: usize = 100;

const MINUTE: u64 = 60;

/// The text of a notice whose buttons stand for an `A` each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Written<A = Action> {
    /// One line. Servers cut it after about thirty characters, so the time left is not in it.
    pub(super) title: String,
    /// Not yet escaped for a server that renders markup.
    lines: Vec<String>,
    /// The command for a server without buttons.
    remedy: String,
    /// The actions with the labels of their buttons. A click on the notice itself means the first.
    pub(super) actions: Vec<(A, &'static str)>,
    /// Whether it has to be seen now: the token has expired, or a program waits.
    pub(super) is_urgent: bool,
}

/// Whether a server shows buttons. If it does not, the notice says what to type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Buttons {
    #[cfg_attr(target_os = "macos", allow(dead_code, reason = "Notification Center shows none"))]
    Shown,
    Missing,
}

/// Whether a server renders markup in the body, or shows it as plain text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Markup {
    #[cfg_attr(target_os = "macos", allow(dead_code, reason = "Notification Center renders none"))]
    Rendered,
    Plain,
}

pub(super) fn write(notice: &Notice, session: &SessionConfig, now: Now) -> Written {
    let name = shown(&session.name, MAX_NAME);
    let title = format!("AWS sign-in for {name}");
    let (left, ago) = (notice.ends().since(now.boot), now.boot.since(notice.ends()));
    let has_expired = left.is_zero();
    let mut lines = vec![match has_expired {
        true if ago.as_secs() < MINUTE => "Has expired".to_owned(),
        true => format!("Has expired {} ago", in_minutes(ago)),
        false => format!("Ends in {}", in_minutes(left)),
    }];
    let word = shell::argument(&name);
    let mut remedy = format!("Run: ssoctl login {word}");
    let mut actions = Vec::new();
    match notice {
        Notice::Approve { flow, .. } => {
            if let Some(why) = &flow.no_browser {
                lines.push(format!("By a code, because {}", shown(why, 2 * MAX_HOST)));
            }
            if let Some(code) = flow.user_code() {
                // On a separate line: servers break lines at the hyphen, and half a code cannot be compared.
                lines.push("Compare the code:".to_owned());
                lines.push(shown(code, MAX_CODE).into_owned());
            }
            match page::admit(&flow.page, Some(session)) {
                Ok(page) => {
                    let what = if flow.user_code().is_some() { "Approve it" } else { "Finish the sign-in" };
                    lines.push(format!("{what} on {}", shown(page.host(), MAX_HOST)));
                    actions.push((Action::SignIn, "Open the page"));
                }
                Err(refusal) => {
                    lines.push(format!("The page is not opened: {}", shown(&refusal.to_string(), 2 * MAX_HOST)));
                }
            }
        }
        Notice::SignIn { .. } => {
            lines.push("Signing in opens a page.".to_owned());
            actions.push((Action::SignIn, "Sign in"));
        }
        Notice::RenewNow { .. } => {
            lines.push("The portal session ends at the same time. Signing in again does not change that.".to_owned());
            lines.push(
                "Renewing starts a new portal session and ends this token: running jobs lose it. Role credentials that \
                 were issued already stay valid."
                    .to_owned(),
            );
            remedy = format!("Run: ssoctl login --fresh {word}");
            actions.push((Action::Renew, "Renew now"));
        }
        Notice::Expired { .. } => actions.push((Action::SignIn, "Sign in")),
    }
    if !has_expired && !actions.is_empty() {
        actions.push((Action::PutOff, "Later"));
    }
    Written { title, lines, remedy, actions, is_urgent: has_expired }
}

/// The question of a program that asks over a grant.
pub(super) fn write_question(question: &Question) -> Written<Choice> {
    let Question { who, about } = question;
    let grant = shown(who.grant.as_deref().unwrap_or_default(), MAX_NAME);
    let (title, mut lines, yes) = match about {
        About::Credentials { role } => {
            let asks = format!("{} asks for {}", described(who), shown(role, 2 * MAX_HOST));
            (format!("AWS credentials for {grant}?"), vec![asks], "Allow")
        }
        About::SignIn { session, code } => {
            let asks = format!("{} asks you to sign in to {}", described(who), shown(session, MAX_NAME));
            let code =
                code.iter().flat_map(|code| ["Compare the code:".to_owned(), shown(code, MAX_CODE).into_owned()]);
            (format!("AWS sign-in for {grant}?"), std::iter::once(asks).chain(code).collect(), "Open the page")
        }
    };
    lines.push("A program gives itself its name; it proves nothing.".to_owned());
    let actions = vec![(Choice::Deny, "Deny"), (Choice::Allow, yes)];
    Written { title, lines, remedy: String::new(), actions, is_urgent: true }
}

/// `terraform (pid 4711)`.
fn described(who: &Who) -> String {
    let program = who.program.as_deref().map_or(Cow::Borrowed("A program"), |name| shown(name, MAX_NAME));
    let pid = who.pid.map_or_else(|| "in a container or on another machine".to_owned(), |pid| format!("pid {pid}"));
    format!("{program} ({pid})")
}

impl Written {
    /// Adds who waits for the person.
    pub(super) fn asked_by(mut self, who: Option<&Who>) -> Self {
        if let Some(who) = who {
            let grant = who.grant.as_deref().map(|grant| format!(", by the grant {},", shown(grant, MAX_NAME)));
            self.lines.push(format!("{}{} waits for this", described(who), grant.unwrap_or_default()));
        }
        self
    }
}

impl<A> Written<A> {
    pub(super) fn body(&self, buttons: Buttons, markup: Markup) -> String {
        let needs_remedy = buttons == Buttons::Missing || self.actions.is_empty();
        let lines = self.lines.iter().chain(needs_remedy.then_some(&self.remedy));
        let body = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
        match markup {
            Markup::Rendered => escaped(&body),
            Markup::Plain => body,
        }
    }
}

/// The duration in words, rounded up to whole minutes.
fn in_minutes(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    duration_in_words(Duration::from_secs(seconds.div_ceil(MINUTE) * MINUTE))
}

/// Escapes text for the markup of the Desktop Notifications Specification, a subset of HTML.
fn escaped(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '&' => Cow::Borrowed("&amp;"),
        '<' => Cow::Borrowed("&lt;"),
        '>' => Cow::Borrowed("&gt;"),
        '"' => Cow::Borrowed("&quot;"),
        '\'' => Cow::Borrowed("&#39;"),
        other => Cow::Owned(other.to_string()),
    });
    escaped.collect()
}

#[cfg(test)]
#[path = "text_tests.rs"]
pub(in crate::desktop) mod tests;
