//! Asks for the first session, where none is configured and a person sits at the terminal. Nothing is saved before the daemon takes
//! the answers.

use ssoctl_protocol::{ErrorCode, NewSession, Selector};

use super::{add, regions};
use crate::commands::selection::SessionArguments;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::render;
use crate::terminal::{self, Questions};

const EXAMPLE: &str = "https://example.awsapps.com/start";

/// Adds the session that a person describes, and returns its name; the failure where nobody is to be asked.
pub(super) fn ask(daemon: &mut Daemon, meant: SessionArguments, failure: Failure) -> Result<String, Failure> {
    let is_missing =
        |problem: &ssoctl_protocol::Problem| problem.code == ErrorCode::UnknownSession && problem.sessions.is_empty();
    if !failure.problem().is_some_and(is_missing) || meant.selector()? != Selector::Only {
        return Err(failure);
    }
    let Some(terminal) = terminal::open() else { return Err(failure) };
    let mut questions = Questions::at(terminal).map_err(Failure::cannot_ask)?;
    let named_files = daemon.use_default_files();
    render::line("No session is configured yet. (Esc leaves, and nothing is saved.)");
    let mut before = None;
    loop {
        let start_url = start_url(&mut questions, before.as_deref())?;
        let region = region(&mut questions, &start_url)?;
        let session = NewSession { name: None, start_url: start_url.clone(), region, scopes: None };
        match add(daemon, &session, &named_files) {
            Err(Failure::Problem(problem)) if is_wrong_answer(&problem.code) => render::line(&problem.detail),
            outcome => return outcome,
        }
        before = Some(start_url);
    }
}

fn answer(questions: &mut Questions, question: &str) -> Result<String, Failure> {
    questions.ask(question).map_err(Failure::cannot_ask)?.ok_or(Failure::NothingTyped)
}

/// Whether other answers can help.
fn is_wrong_answer(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::InvalidRequest | ErrorCode::UnknownSession | ErrorCode::SessionExists)
}

/// `before` was refused, and can be kept, because the region may have been wrong.
fn start_url(questions: &mut Questions, before: Option<&str>) -> Result<String, Failure> {
    let like = before.map_or_else(|| format!("such as {EXAMPLE}"), |before| format!("Enter: {before}"));
    loop {
        let answer = answer(questions, &format!("Start URL of your AWS access portal ({like}): "))?;
        match (judged(&answer), before) {
            (_, Some(before)) if answer.is_empty() => return Ok(before.to_owned()),
            (Ok(start_url), _) => return Ok(start_url),
            (Err(why), _) => render::line(&why),
        }
    }
}

/// The start URL that is meant. What is wrong at first sight need not be asked about further; the rest is the daemon's to judge.
fn judged(answer: &str) -> Result<String, String> {
    if answer.is_empty() {
        return Err(format!("It is in the invitation from your administrator, and looks like {EXAMPLE}."));
    }
    let is_host = answer.contains('.') && !answer.contains("://");
    match answer.split_once("://") {
        _ if answer.contains(char::is_whitespace) => {
            Err(format!("{answer:?} is no start URL; they look like {EXAMPLE}."))
        }
        Some(("http", rest)) if !is_on_loopback(rest) => {
            Err(format!("Over http anybody could read along: {answer:?} has to begin with https://, as in {EXAMPLE}."))
        }
        Some(("https" | "http", rest)) if !rest.is_empty() && !rest.starts_with('/') => Ok(answer.to_owned()),
        _ if is_host => Ok(format!("https://{answer}")),
        _ => Err(format!("{answer:?} is no start URL; they look like {EXAMPLE}.")),
    }
}

/// Whether this rest of a URL is on this machine; what is only similar is the daemon's to judge.
fn is_on_loopback(rest: &str) -> bool {
    ["localhost", "127.", "[::1]"].iter().any(|host| rest.starts_with(host))
}

/// The region, or `None` if ssoctl is to find it out.
fn region(questions: &mut Questions, start_url: &str) -> Result<Option<String>, Failure> {
    let named = regions::named_by(start_url);
    let otherwise = named.map_or_else(|| "Enter: ssoctl finds it out".to_owned(), |named| format!("Enter: {named}"));
    let mut unknown = None;
    loop {
        let answer = answer(questions, &format!("Region of its Identity Center ({otherwise}; ?: a list): "))?;
        match answer.to_ascii_lowercase().as_str() {
            "" => return Ok(named.map(str::to_owned)),
            region if regions::KNOWN.contains(&region) || unknown.as_deref() == Some(region) => {
                return Ok(Some(region.to_owned()));
            }
            "?" => regions::list("").iter().for_each(|line| render::line(line)),
            region => {
                regions::list(region).iter().for_each(|line| render::line(line));
                if regions::is_plausible(region) {
                    render::line(&format!("ssoctl does not know {region}; to use it all the same, enter it again."));
                    unknown = Some(region.to_owned());
                } else {
                    render::line(&format!("{answer:?} is no region; choose one of these."));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_start_url_at_first_sight_is_told_and_a_missing_scheme_is_added() {
        for (answer, meant) in [
            ("https://corp.awsapps.com/start", "https://corp.awsapps.com/start"),
            ("corp.awsapps.com/start", "https://corp.awsapps.com/start"),
            ("http://127.0.0.1:4566/start", "http://127.0.0.1:4566/start"),
            ("http://localhost:4566/start", "http://localhost:4566/start"),
        ] {
            assert_eq!(judged(answer).as_deref(), Ok(meant));
        }
        for answer in [
            "",
            "corp",
            "ftp://corp.awsapps.com/start",
            "http://corp.awsapps.com/start",
            "https://",
            "https:///start",
            "my corp.awsapps.com",
            "https://my corp",
        ] {
            assert!(judged(answer).is_err_and(|why| why.contains(EXAMPLE)), "{answer:?}");
        }
    }
}
