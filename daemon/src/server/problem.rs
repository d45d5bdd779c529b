//! Makes the problems that callers get instead of an answer. Pure.

use std::fmt;
use std::time::Duration;

use ssoctl_protocol::text::duration_in_words;
use ssoctl_protocol::{ErrorCode, Problem, Selector};

use super::status::{pending, time};
use crate::chain::chain;
use crate::clock::Now;
use crate::config::{self, AddError, Endpoints, SaveError, SessionConfig};
use crate::directory::Unresolved;
use crate::portal::Assignment;
use crate::session::callers::Refusal;
use crate::session::roles::Subject;
use crate::session::roles::callers::RoleRefusal;
use crate::transport::{CallError, ErrorNames};

/// For whoever comes when the daemon ends.
pub fn stopping() -> Problem {
    Problem::new(ErrorCode::ShuttingDown, "the daemon is stopping")
}

pub(super) fn unresolved(selector: &Selector, why: Unresolved) -> Problem {
    match why {
        Unresolved::Unknown { names, left_out } => {
            let mut detail = match selector {
                Selector::Only => "no session is configured".to_owned(),
                Selector::Session(name) => format!("there is no session {name:?}"),
                Selector::Profile(profile) => format!("there is no profile {profile:?}"),
                Selector::StartUrl(url) => format!("no session has the start URL {url:?}"),
            };
            if !left_out.is_empty() {
                detail += &format!(", perhaps because this cannot be read: {}", listed(&left_out));
            }
            Problem::new(ErrorCode::UnknownSession, detail).with_choices(names)
        }
        Unresolved::NotForSso { profile, names, why } => {
            let why = if why.is_empty() {
                ": it has no SSO settings".to_owned()
            } else {
                format!(", perhaps because of this: {}", listed(&why))
            };
            let detail = format!("profile {profile:?} leads to no session{why}");
            Problem::new(ErrorCode::UnknownSession, detail).with_choices(names)
        }
        Unresolved::Unusable(why) => {
            let what = match selector {
                Selector::Session(name) => format!("session {name:?}"),
                Selector::Profile(profile) => format!("profile {profile:?}"),
                Selector::Only | Selector::StartUrl(_) => "what is configured".to_owned(),
            };
            Problem::new(ErrorCode::InvalidConfiguration, format!("{what} cannot be used: {}", listed(&why)))
        }
        Unresolved::Ambiguous(names) => {
            let detail = match selector {
                Selector::StartUrl(url) => format!("several sessions have the start URL {url:?}"),
                _ => "there are several sessions, and none was named".to_owned(),
            };
            Problem::new(ErrorCode::AmbiguousSession, detail).with_choices(names)
        }
    }
}

fn listed(problems: &[config::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(super) fn refused(config: &SessionConfig, refusal: Refusal, now: Now) -> Problem {
    use ErrorCode as Code;
    let name = &config.name;
    let error = config.endpoints.error();
    if let (Some(error), Refusal::SignInRequired { .. } | Refusal::WaitTimeout { .. }) = (error, &refusal) {
        // No sign-in helps before the configuration is mended.
        let detail = format!("session {name:?} cannot be used: {error}");
        return Problem::new(Code::InvalidConfiguration, detail).of_session(name);
    }
    let notice = config.endpoints.configured().and_then(Endpoints::description_if_foreign);
    let place = config.region().map(|region| format!(" in {region}")).unwrap_or_default();
    let elsewhere = notice.map(|notice| format!(" at {notice}, which is not AWS{place}")).unwrap_or_default();
    let (code, detail) = match &refusal {
        Refusal::SignInRequired { expired, .. } => {
            let since = match expired.map(|expired| now.boot.since(expired)) {
                None => String::new(),
                Some(Duration::ZERO) => " for a token that lives that long".to_owned(),
                Some(ago) => format!(" (expired {} ago)", duration_in_words(ago)),
            };
            (Code::SignInRequired, format!("session {name:?} needs a sign-in{since}{elsewhere}"))
        }
        Refusal::WaitTimeout { .. } => {
            (Code::WaitTimeout, format!("nobody signed in to session {name:?} in time{elsewhere}"))
        }
        Refusal::ValidityUnattainable { best } => {
            let left = duration_in_words(best.since(now.boot));
            let detail = format!(
                "the service gives no token of session {name:?} that lives that long; the best one lives {left}{elsewhere}"
            );
            (Code::ValidityUnattainable, detail)
        }
        Refusal::Denied => {
            (Code::AccessDenied, format!("the sign-in to session {name:?} was denied in the browser{elsewhere}"))
        }
        Refusal::Cancelled => {
            (Code::LoginCancelled, format!("the sign-in to session {name:?} was cancelled{elsewhere}"))
        }
        Refusal::TooManyFlows { wait } => {
            let wait = duration_in_words(*wait + Duration::from_secs(1));
            (Code::TooManyRequests, format!("too many sign-ins to session {name:?}; try again in {wait}"))
        }
        Refusal::UnknownFlow => (
            Code::UnknownFlow,
            format!("that sign-in to session {name:?} is not known any more; the daemon may have been restarted"),
        ),
        Refusal::Service(error) => return failed(name, error),
        Refusal::ServiceSilent => {
            (Code::ServiceUnavailable, format!("session {name:?}: the service has not answered in time{elsewhere}"))
        }
        Refusal::StoreUnavailable(error) => {
            let reason = error.as_deref().unwrap_or("it has not answered yet");
            (Code::StoreUnavailable, format!("the store of session {name:?} cannot be read: {reason}"))
        }
        Refusal::ShuttingDown => (Code::ShuttingDown, "the daemon is stopping".to_owned()),
    };
    let mut problem = Problem::new(code, detail).of_session(name);
    match refusal {
        Refusal::SignInRequired { flow, expired } => {
            problem.login = flow.map(|flow| pending(now, flow));
            problem.expires_at = expired.map(|expired| time(now, expired));
        }
        Refusal::WaitTimeout { flow } => problem.login = flow.map(|flow| pending(now, flow)),
        Refusal::ValidityUnattainable { best } => problem.expires_at = Some(time(now, best)),
        _ => {}
    }
    problem
}

pub(super) fn role_refused(config: &SessionConfig, refusal: RoleRefusal, now: Now) -> Problem {
    use ErrorCode as Code;
    let name = &config.name;
    let problem = match refusal {
        RoleRefusal::Session(refusal) => return refused(config, refusal, now),
        RoleRefusal::Portal(error) => return failed(name, &error),
        RoleRefusal::NotAssigned { subject, remembered } => {
            let lacks = match subject {
                Subject::Credentials(Assignment { account, role }) => {
                    format!("does not have the role {role} in account {account}")
                }
                Subject::Roles(account) => format!("has no role in account {account}"),
                Subject::Accounts => "may not see any accounts".to_owned(),
            };
            let memory = remembered.map_or_else(String::new, |until| {
                let (left, until) = (duration_in_words(until.since(now.boot)), time(now, until));
                format!(
                    " (the portal has said so twice; remembered until {until}, for {left}, or until the next sign-in)"
                )
            });
            let detail = format!("the person signed in to session {name:?} {lacks}{memory}");
            Problem::new(Code::NotAssigned, detail)
        }
        RoleRefusal::ValidityUnattainable { best } => {
            let left = duration_in_words(best.since(now.boot));
            let detail = format!(
                "the portal of session {name:?} gives no credentials that live that long; the best ones live {left}"
            );
            let mut problem = Problem::new(Code::ValidityUnattainable, detail);
            problem.expires_at = Some(time(now, best));
            problem
        }
        RoleRefusal::PortalSilent => {
            Problem::new(Code::ServiceUnavailable, format!("session {name:?}: the portal has not answered in time"))
        }
        RoleRefusal::TooManyRoles => {
            Problem::new(Code::ServiceUnavailable, format!("session {name:?}: too many roles are asked for at once"))
        }
    };
    problem.of_session(name)
}

fn failed<N: ErrorNames>(session: &str, error: &CallError<N>) -> Problem {
    let code = match error {
        CallError::Configuration(_) => ErrorCode::InvalidConfiguration,
        error if error.may_pass() => ErrorCode::ServiceUnavailable,
        _ => ErrorCode::ServiceRefused,
    };
    Problem::new(code, format!("session {session:?}: {error}")).of_session(session)
}

pub(super) fn invalid(why: impl fmt::Display) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, why.to_string())
}

pub(super) fn not_saved(error: &SaveError) -> Problem {
    let code = match error {
        SaveError::Add(AddError::Exists(_)) => ErrorCode::SessionExists,
        SaveError::Add(AddError::Name(_) | AddError::Identity(_)) => ErrorCode::InvalidRequest,
        SaveError::Add(AddError::Syntax(_) | AddError::NotATable) => ErrorCode::ConfigurationUnwritable,
        SaveError::Stopping => ErrorCode::ShuttingDown,
        SaveError::File { .. } => return Problem::new(ErrorCode::ConfigurationUnwritable, chain(error)),
    };
    Problem::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Severity;

    #[test]
    fn a_selector_without_a_match_lists_the_sessions() {
        let unknown = |names: &[&str], left_out: &[config::Problem]| Unresolved::Unknown {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            left_out: left_out.to_vec(),
        };
        let not_for_sso = |why: &[config::Problem]| Unresolved::NotForSso {
            profile: "p".to_owned(),
            names: vec!["a".to_owned()],
            why: why.to_vec(),
        };
        let wrong = |line| config::Problem {
            severity: Severity::Error,
            file: "/aws/config".into(),
            line: Some(line),
            message: "it is wrong".to_owned(),
        };
        for (selector, why, code, detail) in [
            (Selector::Only, unknown(&[], &[]), ErrorCode::UnknownSession, "no session is configured"),
            (
                Selector::Session("c".into()),
                unknown(&["a", "b"], &[]),
                ErrorCode::UnknownSession,
                "there is no session \"c\"",
            ),
            (
                Selector::Profile("p".into()),
                unknown(&["a", "b"], &[wrong(3), wrong(4)]),
                ErrorCode::UnknownSession,
                "there is no profile \"p\", perhaps because this cannot be read: /aws/config:3: it is wrong; \
                 /aws/config:4: it is wrong",
            ),
            (
                Selector::Profile("p".into()),
                not_for_sso(&[]),
                ErrorCode::UnknownSession,
                "profile \"p\" leads to no session: it has no SSO settings",
            ),
            (
                Selector::Profile("p".into()),
                not_for_sso(&[wrong(3)]),
                ErrorCode::UnknownSession,
                "profile \"p\" leads to no session, perhaps because of this: /aws/config:3: it is wrong",
            ),
            (
                Selector::Profile("p".into()),
                Unresolved::Unusable(vec![wrong(5)]),
                ErrorCode::InvalidConfiguration,
                "profile \"p\" cannot be used: /aws/config:5: it is wrong",
            ),
            (
                Selector::Only,
                Unresolved::Unusable(vec![wrong(5)]),
                ErrorCode::InvalidConfiguration,
                "what is configured cannot be used: /aws/config:5: it is wrong",
            ),
            (
                Selector::Only,
                Unresolved::Ambiguous(vec!["a".to_owned(), "b".to_owned()]),
                ErrorCode::AmbiguousSession,
                "there are several sessions, and none was named",
            ),
        ] {
            let choices = match &why {
                Unresolved::Unknown { names, .. }
                | Unresolved::NotForSso { names, .. }
                | Unresolved::Ambiguous(names) => names.clone(),
                Unresolved::Unusable(_) => Vec::new(),
            };
            assert_eq!(unresolved(&selector, why), Problem::new(code, detail).with_choices(choices));
        }
    }
}
