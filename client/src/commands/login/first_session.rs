//! Asks for the first session, where none is configured and a person sits at the terminal. Nothing is saved before the daemon takes
//! the answers.

use ssoctl_protocol::partition::{REGIONS, looks_like_region, region_of_start_host};
use ssoctl_protocol::{ErrorCode, NewSession, Selector};

use super::add;
use crate::commands::selection::SessionArguments;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::render;
use crate::terminal::{self, Questions};

const EXAMPLE: &str = "https://example.awsapps.com/start";

/// How many regions stand in a line.
const IN_A_LINE: usize = 4;

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
    let named = region_named_by(start_url);
    let otherwise = format!("Enter: {}", named.as_deref().unwrap_or("ssoctl finds it out"));
    let mut unknown = None;
    loop {
        let answer = answer(questions, &format!("Region of its Identity Center ({otherwise}; ?: a list): "))?;
        match answer.to_ascii_lowercase().as_str() {
            "" => return Ok(named),
            region if REGIONS.contains(&region) || unknown.as_deref() == Some(region) => {
                return Ok(Some(region.to_owned()));
            }
            "?" => list_regions(""),
            region => {
                list_regions(region);
                if looks_like_region(region) {
                    render::line(&format!("ssoctl does not know {region}; to use it all the same, enter it again."));
                    unknown = Some(region.to_owned());
                } else {
                    render::line(&format!("{answer:?} is no region; choose one of these."));
                }
            }
        }
    }
}

/// The region that a start URL names, as far as this is plain: the daemon judges.
fn region_named_by(start_url: &str) -> Option<String> {
    let host = start_url.split_once("://")?.1.split(['/', '?', '#', ':']).next()?.to_ascii_lowercase();
    region_of_start_host(&host).filter(|region| looks_like_region(region)).map(str::to_owned)
}

/// Shows the regions that contain this text; all, if none does.
fn list_regions(text: &str) {
    for line in lines_of_regions(text) {
        render::line(&line);
    }
}

fn lines_of_regions(text: &str) -> Vec<String> {
    let matching: Vec<&str> = REGIONS.into_iter().filter(|region| region.contains(text)).collect();
    let shown = if matching.is_empty() { &REGIONS[..] } else { &matching };
    let line = |regions: &[&str]| regions.iter().map(|region| format!("  {region:<16}")).collect::<String>();
    shown.chunks(IN_A_LINE).map(|regions| line(regions).trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_that_contain_what_was_typed_are_offered_else_all() {
        assert_eq!(lines_of_regions("gov"), ["  us-gov-east-1     us-gov-west-1"]);
        assert_eq!(lines_of_regions("eu-").concat().split_whitespace().count(), 8);
        for text in ["", "moon"] {
            assert_eq!(lines_of_regions(text).concat().split_whitespace().collect::<Vec<_>>(), REGIONS);
        }
        assert!(lines_of_regions("").iter().all(|line| line.len() < 80));
    }

    #[test]
    fn a_region_that_the_start_url_names_is_offered() {
        for (start_url, region) in [
            ("https://ssoins-1.portal.eu-west-1.app.aws", Some("eu-west-1")),
            ("https://SSOINS-1.us-gov-west-1.portal.amazonaws.com/start#/", Some("us-gov-west-1")),
            ("https://ssoins-1.portal.cn-northwest-1.app.amazonwebservices.com.cn:443", Some("cn-northwest-1")),
            ("https://ssoins-1.portal.not-a-region.app.aws", None),
            ("https://corp.awsapps.com/start", None),
            ("https://d-1234567890.awsapps.com/start/eu-west-1", None),
            ("https://my-corp-1.awsapps.com/start", None),
            ("corp", None),
        ] {
            assert_eq!(region_named_by(start_url).as_deref(), region, "{start_url}");
        }
    }

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
