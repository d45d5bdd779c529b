//! The state of the daemon, its sessions and records as types of the contract. Pure.

use std::path::Path;
use std::time::SystemTime;

use ssoctl_protocol::body::{
    ConfigurationProblem, DefinedBy, ForeignIssuer, LeftRecord, Registration, TokenFiles, WaitingCaller,
};
use ssoctl_protocol::settings::{AwsConfigFile, Settings};
use ssoctl_protocol::{
    DaemonStatus, LastError, LoginKind, NextStep, PendingLogin, SessionState, SessionStatus, StoreStatus, Timestamp,
    VERSION,
};

use crate::caller::Who;
use crate::clock::{BootTime, Now};
use crate::config::{OriginKind, SessionConfig, Severity};
use crate::directory::Directory;
use crate::notice::{FlowView, Way};
use crate::session::{CameBy, Next, Snapshot, Target, Trouble, Waiting, Wanted};
use crate::world::World;

pub(super) fn time(now: Now, time: BootTime) -> Timestamp {
    Timestamp::from(now.wall_at(time))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn daemon(
    directory: &Directory,
    world: &World,
    started_at: Timestamp,
    settings: &Settings,
    left_records: Vec<LeftRecord>,
) -> DaemonStatus {
    let configs = std::iter::once(directory.default_view()).chain(directory.named_files().values());
    let problems = configs.flat_map(|view| &view.config.problems).map(|problem| ConfigurationProblem {
        severity: match problem.severity {
            Severity::Warning => "warning".to_owned(),
            Severity::Error => "error".to_owned(),
        },
        file: shown(&problem.file),
        line: problem.line,
        message: problem.message.clone(),
    });
    let clock_disagreement = world.identity_center.service_clock().borrow().disagreement();
    DaemonStatus {
        version: VERSION.to_owned(),
        pid: std::process::id(),
        started_at,
        sessions: directory.entries().len(),
        secret_store: StoreStatus {
            kind: world.secrets.kind().to_owned(),
            reason: world.secrets.reason(),
            error: directory.entries().iter().find_map(|entry| entry.session.snapshot().store_error.clone()),
        },
        service_clock_ahead: Some(clock_disagreement).filter(|ahead| *ahead != 0),
        quiet_until: world.surroundings.borrow().quiet_until(world.clock.now().wall).map(Timestamp::from),
        configuration_problems: problems.collect(),
        machine_problems: world.machine.list(),
        left_records,
        settings: with_named_files(settings, directory),
    }
}

/// The settings since the start, and the AWS files that callers have named meanwhile.
fn with_named_files(settings: &Settings, directory: &Directory) -> Settings {
    let listed = &directory.default_view().config.aws_config_files;
    let files = directory.named_files().iter().map(|(files, view)| AwsConfigFile {
        path: files.config.as_deref().map_or_else(|| settings.aws_config.clone(), shown),
        credentials: files.credentials.as_deref().map(shown).unwrap_or_default(),
        sessions: view.entries().len(),
        listed: files.config.as_ref().is_some_and(|path| listed.contains(path)),
    });
    Settings { aws_config_files: files.collect(), ..settings.clone() }
}

/// The state of a session that is configured like this since `configured_at`. Apart from a step of the wall clock it stays the same until
/// the snapshot, the token files or those who wait change, or until [`changes_at`].
pub fn session(
    config: &SessionConfig,
    configured_at: SystemTime,
    snapshot: &Snapshot,
    token_files: Option<TokenFiles>,
    (waiting, waiting_count): (Vec<Waiting>, usize),
    now: Now,
) -> SessionStatus {
    let token = snapshot.token.as_ref();
    let target = snapshot.target.as_ref();
    let of_target = |target: &Target| config.endpoints.of(&target.issuer, target.resolved.as_deref()).ok();
    let endpoints = config.endpoints.configured().cloned().or_else(|| of_target(target?));
    SessionStatus {
        name: config.name.clone(),
        aliases: config.aliases.clone(),
        start_url: config.start_url().to_owned(),
        region: config.region_at(target).unwrap_or_default(),
        resolved_url: target.and_then(|target| target.resolved.as_deref()).map(str::to_owned),
        scopes: config.scopes.clone(),
        state: state(snapshot, now.boot),
        expires_at: token.map(|token| time(now, token.expires)),
        refreshable: token.is_some_and(|token| token.renewal.is_some()),
        oidc_endpoint: endpoints.as_ref().map(|endpoints| endpoints.oidc.shown().to_string()),
        foreign_issuer: endpoints
            .as_ref()
            .and_then(|endpoints| endpoints.oidc.foreign())
            .map(|(url, set_by)| ForeignIssuer { url: url.to_owned(), set_by: set_by.to_string() }),
        login: snapshot.flow.clone().map(|flow| pending(now, flow)),
        last_error: last_error(config, configured_at, snapshot, now),
        session_ends_at: snapshot.portal_session_ends.map(|ends| time(now, ends)),
        next: snapshot.next.map(|(next, at)| next_step(next, at, config, now)),
        unsaved: snapshot.unsaved,
        found_in: token.and_then(|token| token.found_in.as_deref()).map(shown),
        token_files,
        defined_by: Some(defined_by(config)),
        registration: snapshot.registration.map(|registration| Registration {
            issued_at: registration.issued_at.into(),
            expires_at: registration.expires_at.map(Timestamp::from),
        }),
        received_at: token.map(|token| time(now, token.received)),
        signed_in_by: token.map(|_| signed_in_by(snapshot.came_by).to_owned()),
        waiting: waiting.into_iter().map(|waiting| waiting_caller(waiting, now)).collect(),
        waiting_count,
    }
}

fn waiting_caller(waiting: Waiting, now: Now) -> WaitingCaller {
    let Waiting { who: Who { pid, program, grant }, since, wanted } = waiting;
    let wants = match wanted {
        Wanted::Token => "token",
        Wanted::Credentials => "credentials",
        Wanted::SignIn => "sign_in",
    };
    WaitingCaller { pid, program, grant, since: time(now, since), wants: wants.to_owned() }
}

/// The next time at which the state of a session changes without a change of its snapshot.
pub fn changes_at(snapshot: &Snapshot, now: BootTime) -> Option<BootTime> {
    let expiry = snapshot.token.as_ref().map(|token| token.expires);
    let step = snapshot.next.map(|(_, at)| at);
    expiry.into_iter().chain(step).filter(|at| *at > now).min()
}

fn state(snapshot: &Snapshot, now: BootTime) -> SessionState {
    match &snapshot.token {
        Some(token) if token.is_live(now) => SessionState::SignedIn,
        Some(_) => SessionState::Expired,
        None if snapshot.loading => SessionState::Loading,
        None => SessionState::SignedOut,
    }
}

/// A configuration that allows no call counts before what went wrong last.
fn last_error(config: &SessionConfig, configured_at: SystemTime, snapshot: &Snapshot, now: Now) -> Option<LastError> {
    if let Some(error) = config.endpoints.error() {
        let code = "configuration".to_owned();
        return Some(LastError { code, message: error.to_string(), at: configured_at.into() });
    }
    let Trouble { code, message, at } = snapshot.trouble.clone()?;
    Some(LastError { code: code.to_owned(), message, at: time(now, at) })
}

fn defined_by(config: &SessionConfig) -> DefinedBy {
    let kind = match config.origin.kind {
        OriginKind::Own => "session",
        OriginKind::SsoSession => "sso_session",
        OriginKind::LegacyProfile => "profile",
    };
    let place = &config.origin.place;
    DefinedBy { kind: kind.to_owned(), file: shown(&place.file), line: place.line as u64 }
}

const fn signed_in_by(came_by: CameBy) -> &'static str {
    match came_by {
        CameBy::SignIn => "sign_in",
        CameBy::TokenFile => "token_file",
        CameBy::Store => "store",
    }
}

fn next_step(next: Next, at: BootTime, config: &SessionConfig, now: Now) -> NextStep {
    let (action, why) = match next {
        Next::Refresh if at <= now.boot => ("refresh", "it is under way"),
        Next::Refresh if config.refresh_before.is_some() => ("refresh", "refresh_before of config.toml sets the time"),
        Next::Refresh => ("refresh", "the token is renewed well before it ends, with the refresh token"),
        Next::RetryRefresh => ("retry_refresh", "the last attempt failed, and the refresh token may still be good"),
        Next::AskPerson => ("ask_person", "nothing renews the token without a person, and it ends soon after"),
        Next::TellPerson => ("tell_person", "the session at the portal ends, and the token with it"),
        Next::Expire => ("expire", "the token ends, and nothing is due before"),
    };
    NextStep { action: action.to_owned(), at: time(now, at), why: Some(why.to_owned()) }
}

pub(super) fn pending(now: Now, flow: FlowView) -> PendingLogin {
    let (kind, user_code, verification_uri, callback_port) = match flow.way {
        Way::Code { user_code, verification_uri } => (LoginKind::Device, Some(user_code), Some(verification_uri), None),
        Way::Browser { callback_port } => (LoginKind::Browser, None, None, Some(callback_port)),
    };
    PendingLogin {
        flow: flow.number,
        kind,
        user_code,
        verification_uri,
        callback_port,
        verification_uri_complete: flow.page,
        no_browser: flow.no_browser,
        expires_at: time(now, flow.expires),
    }
}
