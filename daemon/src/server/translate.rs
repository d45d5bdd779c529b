//! Between sessions and the contract, pure: the one place that knows both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ssoctl_protocol::body::{
    ConfigurationProblem, DefinedBy, EndedRecord, ForeignIssuer, LeftRecord, PortalSession, Registration, TokenFiles,
    UnprovedFile,
};
use ssoctl_protocol::import::{Import, ImportOutcome, ImportedFile};
use ssoctl_protocol::route::NoRoute;
use ssoctl_protocol::settings::{AwsConfigFile, Settings};
use ssoctl_protocol::text::duration_in_words;
use ssoctl_protocol::{
    DaemonStatus, ErrorCode, LastError, NextStep, PendingLogin, Problem, Selector, SessionState, SessionStatus,
    StoreStatus, Timestamp, VERSION,
};

use crate::chain::chain;
use crate::clock::{BootTime, Now};
use crate::config::{AddError, Endpoints, OriginKind, SaveError, Severity};
use crate::directory::{Directory, Entry, Unresolved};
use crate::left_records::{self, Told};
use crate::notice::FlowView;
use crate::sdk_cache::Standing;
use crate::sdk_cache::import::{Imported, Outcome};
use crate::sdk_cache::proof::Verdict;
use crate::secrets::record::Owner;
use crate::session::ask::Refusal;
use crate::session::found::Reception;
use crate::session::{CameBy, Next, Snapshot};
use crate::transport::{CallError, ErrorNames};
use crate::world::World;

pub(super) fn time(now: Now, time: BootTime) -> Timestamp {
    Timestamp::from(now.wall_at(time))
}

pub(super) fn daemon(
    directory: &Directory,
    world: &World,
    started_at: Timestamp,
    settings: &Settings,
    left_records: Vec<left_records::LeftRecord>,
) -> DaemonStatus {
    let store_error = directory.entries().iter().find_map(|entry| entry.session.snapshot().store_error.clone());
    let configs = std::iter::once(directory.default_view()).chain(directory.named_files().values());
    let problems = configs.flat_map(|view| &view.config.problems).map(|problem| ConfigurationProblem {
        severity: match problem.severity {
            Severity::Warning => "warning".to_owned(),
            Severity::Error => "error".to_owned(),
        },
        file: problem.file.display().to_string(),
        line: problem.line,
        message: problem.message.clone(),
    });
    DaemonStatus {
        version: VERSION.to_owned(),
        pid: std::process::id(),
        started_at,
        sessions: directory.entries().len(),
        secret_store: StoreStatus {
            kind: world.secrets.kind().to_owned(),
            reason: world.secrets.reason(),
            error: store_error,
        },
        service_clock_ahead: Some(world.identity_center.service_clock().borrow().disagreement())
            .filter(|ahead| *ahead != 0),
        quiet_until: world.surroundings.borrow().quiet_until(world.clock.now().wall).map(Timestamp::from),
        configuration_problems: problems.collect(),
        machine_problems: world.machine.list(),
        left_records: left_records.into_iter().map(left_record).collect(),
        settings: self::settings(directory, settings),
    }
}

fn left_record(left_records::LeftRecord { key, owner }: left_records::LeftRecord) -> LeftRecord {
    match owner {
        Ok(Owner { identity, .. }) => LeftRecord {
            key,
            name: identity.name,
            start_url: Some(identity.start_url),
            issuer: Some(identity.issuer.to_string()),
            error: None,
        },
        Err(error) => LeftRecord { key, error: Some(error.to_string()), ..LeftRecord::default() },
    }
}

/// A record that is gone.
pub(super) fn ended(ended: left_records::Ended) -> EndedRecord {
    let (portal, detail) = match ended.portal {
        Told::Ended => (PortalSession::Ended, None),
        Told::NothingToEnd => (PortalSession::NothingToEnd, None),
        Told::NotTold(why) => (PortalSession::NotTold, Some(why)),
    };
    EndedRecord { record: left_record(ended.record), portal, detail }
}

/// What the daemon works with now.
fn settings(directory: &Directory, from_start: &Settings) -> Settings {
    let config = &directory.default_view().config;
    let is_listed = |path: &Path| config.aws_config_files.iter().any(|listed| listed == path);
    let shown = |path: Option<&PathBuf>| path.map(|path| path.display().to_string());
    let files = directory.named_files().iter().map(|(files, view)| AwsConfigFile {
        path: shown(files.config.as_ref()).unwrap_or_else(|| from_start.aws_config.clone()),
        credentials: shown(files.credentials.as_ref()).unwrap_or_default(),
        sessions: view.entries().len(),
        listed: files.config.as_deref().is_some_and(is_listed),
    });
    Settings { aws_config_files: files.collect(), ..from_start.clone() }
}

pub(super) fn session(entry: &Entry, snapshot: &Snapshot, token_files: Option<Standing>, now: Now) -> SessionStatus {
    let config = &entry.config;
    let state = match &snapshot.token {
        Some(token) if token.is_live(now.boot) => SessionState::SignedIn,
        Some(_) => SessionState::Expired,
        None if snapshot.loading => SessionState::Loading,
        None => SessionState::SignedOut,
    };
    let configuration_error = config.endpoints.as_ref().err().map(|error| LastError {
        code: "configuration".to_owned(),
        message: error.to_string(),
        at: Timestamp::from(now.wall),
    });
    SessionStatus {
        name: config.name.clone(),
        aliases: config.aliases.clone(),
        start_url: config.start_url().to_owned(),
        region: config.region().to_owned(),
        scopes: config.scopes.clone(),
        state,
        expires_at: snapshot.token.as_ref().map(|token| time(now, token.expires)),
        refreshable: snapshot.token.as_ref().is_some_and(|token| token.renewal.is_some()),
        oidc_endpoint: config.endpoints.as_ref().ok().map(|endpoints| endpoints.oidc.shown().to_string()),
        foreign_issuer: config.endpoints.as_ref().ok().and_then(|endpoints| {
            let (url, set_by) = endpoints.oidc.foreign()?;
            Some(ForeignIssuer { url: url.to_owned(), set_by: set_by.to_string() })
        }),
        login: snapshot.flow.clone().map(|flow| pending(now, flow)),
        last_error: configuration_error.or_else(|| {
            snapshot.trouble.as_ref().map(|trouble| LastError {
                code: trouble.code.to_owned(),
                message: trouble.message.clone(),
                at: time(now, trouble.at),
            })
        }),
        session_ends_at: snapshot.session_ends.map(|ends| time(now, ends)),
        next: snapshot.next.map(|(next, at)| NextStep {
            action: action(next).to_owned(),
            at: time(now, at),
            why: Some(why(next, config.refresh_before.is_some(), at <= now.boot).to_owned()),
        }),
        unsaved: snapshot.unsaved,
        found_in: snapshot
            .token
            .as_ref()
            .and_then(|token| token.found_in.as_ref())
            .map(|file| file.display().to_string()),
        token_files: token_files.map(|standing| TokenFiles {
            published: standing.files.iter().map(|file| file.display().to_string()).collect(),
            error: standing.trouble,
            unproved: standing
                .unproved
                .into_iter()
                .map(|(file, why)| UnprovedFile { file: file.display().to_string(), why })
                .collect(),
        }),
        defined_by: Some(DefinedBy {
            kind: match config.origin.kind {
                OriginKind::Own => "session",
                OriginKind::SsoSession => "sso_session",
                OriginKind::LegacyProfile => "profile",
            }
            .to_owned(),
            file: config.origin.file.display().to_string(),
            line: config.origin.line as u64,
        }),
        registration: snapshot.registration.map(|registration| Registration {
            issued_at: Timestamp::from(registration.issued_at),
            expires_at: registration.expires_at.map(Timestamp::from),
        }),
        received_at: snapshot.token.as_ref().map(|token| time(now, token.received)),
        signed_in_by: snapshot.token.as_ref().map(|_| {
            match snapshot.came_by {
                CameBy::SignIn => "sign_in",
                CameBy::TokenFile => "token_file",
                CameBy::Store => "store",
            }
            .to_owned()
        }),
    }
}

pub(super) fn import(place: Option<&Path>, files: Vec<Imported>) -> Import {
    let file = |Imported { path, session, outcome }| {
        let (outcome, detail) = import_outcome(outcome);
        ImportedFile { file: path.display().to_string(), session, outcome, detail }
    };
    Import {
        directory: place.map(|place| place.display().to_string()).unwrap_or_default(),
        files: files.into_iter().map(file).collect(),
    }
}

fn import_outcome(outcome: Outcome) -> (ImportOutcome, Option<String>) {
    match outcome {
        Outcome::Offered { verdict: Verdict::Received(Reception::TakenOver), keeps_secrets: true } => (
            ImportOutcome::TakenOver,
            Some(
                "the file keeps its refresh token, which other programs may use up; sdk_cache = \"on\" prevents that"
                    .to_owned(),
            ),
        ),
        Outcome::Offered { verdict: Verdict::Refused(why), .. } => (ImportOutcome::Refused, Some(why)),
        Outcome::Offered { verdict: Verdict::Unproved(why), .. } => (ImportOutcome::NotProved, Some(why)),
        Outcome::Offered { verdict: Verdict::Received(reception), .. } => (
            match reception {
                Reception::TakenOver => ImportOutcome::TakenOver,
                Reception::Known => ImportOutcome::Known,
                Reception::OursIsBetter => ImportOutcome::OursIsBetter,
                Reception::Worthless => ImportOutcome::Expired,
                Reception::NotNow | Reception::ToBeProved => ImportOutcome::NotNow,
            },
            None,
        ),
        Outcome::Published => (ImportOutcome::Published, None),
        Outcome::OtherPortal(why) => (ImportOutcome::OtherPortal, why),
        Outcome::NoSession => (ImportOutcome::NoSession, None),
        Outcome::NoToken => (ImportOutcome::NoToken, None),
        Outcome::Unreadable(why) => (ImportOutcome::Unreadable, Some(why)),
    }
}

const fn action(next: Next) -> &'static str {
    match next {
        Next::Refresh => "refresh",
        Next::RetryRefresh => "retry_refresh",
        Next::AskPerson => "ask_person",
        Next::TellPerson => "tell_person",
        Next::Expire => "expire",
    }
}

/// Why a step comes next, and when it does.
const fn why(next: Next, is_chosen: bool, is_due: bool) -> &'static str {
    match next {
        Next::Refresh if is_due => "it is under way",
        Next::Refresh if is_chosen => "refresh_before of config.toml says when",
        Next::Refresh => "the token is renewed well before it ends, with the refresh token",
        Next::RetryRefresh => "the last attempt failed, and the refresh token may still be good",
        Next::AskPerson => "nothing renews the token without a person, and it ends soon after",
        Next::TellPerson => "the session at the portal ends, and the token with it",
        Next::Expire => "the token ends, and nothing is due before",
    }
}

pub(super) fn pending(now: Now, flow: FlowView) -> PendingLogin {
    PendingLogin {
        flow: flow.number,
        user_code: flow.user_code,
        verification_uri: flow.verification_uri,
        verification_uri_complete: flow.verification_uri_complete,
        expires_at: time(now, flow.expires),
    }
}

pub(super) fn no_route(why: &NoRoute, method: &str, path: &str) -> Problem {
    match why {
        NoRoute::NotFound => Problem::new(ErrorCode::NotFound, format!("there is nothing at {path}")),
        NoRoute::MethodNotAllowed(_) => {
            Problem::new(ErrorCode::MethodNotAllowed, format!("{path} does not take {method}"))
        }
        NoRoute::BadEncoding => {
            Problem::new(ErrorCode::InvalidRequest, "a name in the path is not percent-encoded UTF-8")
        }
    }
}

pub(super) fn unresolved(selector: &Selector, why: Unresolved) -> Problem {
    match why {
        Unresolved::Unknown { names, left_out } => {
            let detail = match selector {
                Selector::Only => "no session is configured".to_owned(),
                Selector::Session(name) => format!("there is no session {name:?}"),
                Selector::Profile(profile) => format!("profile {profile:?} leads to no session"),
                Selector::StartUrl(url) => format!("no session has the start URL {url:?}"),
            };
            let detail = match left_out.as_slice() {
                [] => detail,
                left_out => format!("{detail}, perhaps because this cannot be read: {}", listed(left_out)),
            };
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

fn listed(problems: &[crate::config::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(super) fn refused(entry: &Entry, refusal: Refusal, now: Now) -> Problem {
    let name = entry.config.name.as_str();
    let notice = entry.config.endpoints.as_ref().ok().and_then(Endpoints::notice);
    let elsewhere = notice
        .map_or_else(String::new, |notice| format!(" at {notice}, which is not AWS in {}", entry.config.region()));
    if let (Err(error), Refusal::SignInRequired { .. } | Refusal::WaitTimeout { .. }) =
        (&entry.config.endpoints, &refusal)
    {
        // No sign-in helps before that is put right.
        let detail = format!("session {name:?} cannot be used: {error}");
        return Problem::new(ErrorCode::InvalidConfiguration, detail).of_session(name);
    }
    let problem = match refusal {
        Refusal::SignInRequired { flow, expired } => {
            let since = expired.map_or_else(String::new, |expired| match now.boot.since(expired) {
                Duration::ZERO => " for a token that lives that long".to_owned(),
                ago => format!(" (expired {} ago)", duration_in_words(ago)),
            });
            Problem::new(ErrorCode::SignInRequired, format!("session {name:?} needs a sign-in{since}{elsewhere}"))
                .with_login(flow.map(|flow| pending(now, flow)))
                .with_expiry(expired.map(|expired| time(now, expired)))
        }
        Refusal::WaitTimeout { flow } => {
            Problem::new(ErrorCode::WaitTimeout, format!("nobody signed in to session {name:?} in time{elsewhere}"))
                .with_login(flow.map(|flow| pending(now, flow)))
        }
        Refusal::ValidityUnattainable { best } => Problem::new(
            ErrorCode::ValidityUnattainable,
            format!(
                "the service gives no token of session {name:?} that lives that long; the best one lives {}{elsewhere}",
                duration_in_words(best.since(now.boot))
            ),
        )
        .with_expiry(Some(time(now, best))),
        Refusal::Denied => Problem::new(
            ErrorCode::AccessDenied,
            format!("the sign-in to session {name:?} was denied in the browser{elsewhere}"),
        ),
        Refusal::Cancelled => {
            Problem::new(ErrorCode::LoginCancelled, format!("the sign-in to session {name:?} was given up{elsewhere}"))
        }
        Refusal::TooManyFlows { wait } => Problem::new(
            ErrorCode::TooManyRequests,
            format!(
                "session {name:?} was signed in to too often; the next sign-in in {}",
                duration_in_words(wait + Duration::from_secs(1))
            ),
        ),
        Refusal::UnknownFlow => Problem::new(
            ErrorCode::UnknownFlow,
            format!("that sign-in to session {name:?} is not known any more; the daemon may have been restarted"),
        ),
        Refusal::Service(error) => failed(name, &error),
        Refusal::ServiceSilent => Problem::new(
            ErrorCode::ServiceUnavailable,
            format!("session {name:?}: the service has not answered in time{elsewhere}"),
        ),
        Refusal::StoreUnavailable(error) => {
            let reason = error.unwrap_or_else(|| "it has not answered yet".to_owned());
            Problem::new(ErrorCode::StoreUnavailable, format!("the store of session {name:?} cannot be read: {reason}"))
        }
        Refusal::ShuttingDown => Problem::new(ErrorCode::ShuttingDown, "the daemon is stopping"),
    };
    problem.of_session(name)
}

/// A call for this session has failed.
pub(super) fn failed<N: ErrorNames>(session: &str, error: &CallError<N>) -> Problem {
    let code = match error {
        CallError::Configuration(_) => ErrorCode::InvalidConfiguration,
        error if error.may_pass() => ErrorCode::ServiceUnavailable,
        _ => ErrorCode::ServiceRefused,
    };
    Problem::new(code, format!("session {session:?}: {error}"))
}

pub(super) fn not_saved(error: &SaveError) -> Problem {
    match error {
        SaveError::Add(AddError::Exists(_)) => Problem::new(ErrorCode::SessionExists, error.to_string()),
        SaveError::Add(AddError::Name(_) | AddError::Identity(_) | AddError::Scope(_)) => {
            Problem::new(ErrorCode::InvalidRequest, error.to_string())
        }
        SaveError::Add(AddError::Syntax(_) | AddError::NotATable) => {
            Problem::new(ErrorCode::ConfigurationUnwritable, error.to_string())
        }
        SaveError::Stopping => Problem::new(ErrorCode::ShuttingDown, error.to_string()),
        SaveError::File { .. } => Problem::new(ErrorCode::ConfigurationUnwritable, chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn what_selects_nothing_is_told_what_there_is() {
        let unknown = |names: &[&str], left_out: &[config::Problem]| Unresolved::Unknown {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            left_out: left_out.to_vec(),
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
                "profile \"p\" leads to no session, perhaps because this cannot be read: /aws/config:3: it is wrong; \
                 /aws/config:4: it is wrong",
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
                Unresolved::Unknown { names, .. } | Unresolved::Ambiguous(names) => names.clone(),
                Unresolved::Unusable(_) => Vec::new(),
            };
            assert_eq!(unresolved(&selector, why), Problem::new(code, detail).with_choices(choices));
        }
    }
}
