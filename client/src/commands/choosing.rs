//! Has a person pick the role or the session that neither the command line nor the environment names. Where nobody can be asked, that is the
//! failure that it is for scripts.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use ssoctl_protocol::choices::{AccountChoice, ProfileChoice};
use ssoctl_protocol::grant::WantedRole;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Accounts, Choices, ErrorCode, Problem, Roles, Route, SessionState, StatusReport, shell};

use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::picker::{Line, pick};
use crate::render;
use crate::terminal;
use crate::wakeful::Ringer;

#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Pick {
    /// Pick the role from a list on the terminal, even if something says which one is meant
    #[arg(long, conflicts_with_all = ["profile", "session", "account", "role"])]
    pick: bool,
}

/// Asks about a role. If the question leaves open which one is meant, a person picks it, and the question is asked again.
pub(super) fn with_role<T>(
    daemon: &Daemon,
    query: Query,
    Pick { pick }: Pick,
    ask: impl Fn(&Query) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if pick {
        let why = "nobody can be asked here which role is meant, because this is no terminal in the foreground, or --no-input, \
                   SSOCTL_NO_INPUT or CI says so";
        let any = Filter { sessions: Vec::new(), account: None, role: None };
        let role = choose(daemon, any)?.ok_or_else(|| Failure::Usage(why.to_owned()))?;
        return ask(&query.of_role(role));
    }
    match ask(&query) {
        Err(failure) => match role(daemon, &query, &failure)? {
            Some(role) => ask(&query.of_role(role)),
            None => Err(failure),
        },
        answer => answer,
    }
}

/// The role that a person picks, where this failure is that nothing names it; `None` if it is another failure, or nobody can be asked.
pub(super) fn role(daemon: &Daemon, query: &Query, failure: &Failure) -> Result<Option<WantedRole>, Failure> {
    let is_open = |code| matches!(code, &ErrorCode::AmbiguousSession | &ErrorCode::AssignmentUnnamed);
    match failure.problem() {
        Some(problem) if is_open(&problem.code) => match choose(daemon, Filter::new(query, problem)) {
            // An older daemon knows no choices.
            Err(failure) if failure.problem().is_some_and(|problem| problem.code == ErrorCode::NotFound) => Ok(None),
            outcome => outcome,
        },
        _ => Ok(None),
    }
}

/// The role that a person picks among those that are possible; `None` if there is none, or nobody can be asked.
fn choose(daemon: &Daemon, filter: Filter) -> Result<Option<WantedRole>, Failure> {
    let Some(terminal) = terminal::open() else { return Ok(None) };
    let lines = filter.lines(&daemon.fetch(&Route::Choices, &Query::default())?);
    let report: StatusReport = daemon.fetch(&Route::Sessions, &Query::default())?;
    let possible = report.sessions.into_iter().filter(|session| filter.is_of(&session.name));
    let (signed_in, others): (Vec<_>, Vec<_>) = possible.partition(|session| session.state == SessionState::SignedIn);
    if lines.is_empty() && signed_in.is_empty() {
        return Ok(None);
    }
    let is_shown = |name: &String| lines.iter().any(|line| line.columns.last() == Some(name));
    for name in others.iter().map(|session| &session.name).filter(|name| is_shown(name)) {
        let login = format!("ssoctl login {}", shell::argument(name));
        render::line(&format!("Nobody is signed in to {name}; before you use one of its roles, run: {login}"));
    }
    let sessions: Vec<String> = signed_in.into_iter().map(|session| session.name).collect();
    let later = move |ringer| {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || refresh(&sessions, &filter, &sender, &ringer));
        receiver
    };
    let role = picked(pick(terminal, "Role", lines, later))?;
    // Without it, the next list is in another order.
    let _ = daemon.exchange(&Route::NotePick, &Query::default(), Some(json!(role).to_string().as_bytes()), None);
    Ok(Some(role))
}

/// The name of the session that a person picks, where this failure is that nothing names it; `None` if it is another failure, or nobody can be
/// asked.
pub(super) fn session(daemon: &Daemon, failure: &Failure) -> Result<Option<String>, Failure> {
    let Some(problem) = failure.problem().filter(|problem| problem.code == ErrorCode::AmbiguousSession) else {
        return Ok(None);
    };
    let Some(terminal) = terminal::open() else { return Ok(None) };
    let report: StatusReport = daemon.fetch(&Route::Sessions, &Query::default())?;
    let named = report.sessions.into_iter().filter(|session| problem.sessions.contains(&session.name));
    let lines = named.map(|session| {
        let state = if session.state == SessionState::SignedIn { "signed in" } else { "" };
        let columns = vec![session.name.clone(), session.start_url, state.to_owned()];
        Line { value: session.name, columns, place: None, confirm: false }
    });
    picked(pick(terminal, "Session", lines.collect(), |_| mpsc::channel().1)).map(Some)
}

fn picked<T>(outcome: io::Result<Option<T>>) -> Result<T, Failure> {
    outcome.map_err(Failure::cannot_ask)?.ok_or(Failure::NothingPicked)
}

/// Which roles are possible.
struct Filter {
    /// The sessions that are possible; any, if there is none.
    sessions: Vec<String>,
    account: Option<String>,
    role: Option<String>,
}

impl Filter {
    fn new(query: &Query, problem: &Problem) -> Self {
        let sessions = match &problem.session {
            Some(session) => vec![session.clone()],
            None => problem.sessions.clone(),
        };
        Self { sessions, account: query.account.clone(), role: query.role.clone() }
    }

    fn is_of(&self, session: &str) -> bool {
        self.sessions.is_empty() || self.sessions.iter().any(|one| one == session)
    }

    fn includes(&self, session: &str, account: &str, role: &str) -> bool {
        let is = |possible: &Option<String>, value: &str| possible.as_ref().is_none_or(|possible| possible == value);
        self.is_of(session) && is(&self.account, account) && is(&self.role, role)
    }

    /// A line for each role: first the profiles, then what the portal has listed and no profile is for.
    fn lines(&self, choices: &Choices) -> Vec<Line<WantedRole>> {
        let account_name = |session: &str, id: &str| {
            let is_it = |account: &&AccountChoice| account.session == session && account.id == id;
            choices.accounts.iter().find(is_it).and_then(|account| account.name.as_deref()).unwrap_or_default()
        };
        let line = |value: WantedRole, columns: [&str; 5], confirm: bool| {
            let [_, _, account, role, session] = columns;
            self.includes(session, account, role).then(|| Line {
                columns: columns.map(str::to_owned).into(),
                place: choices.picked.iter().position(|picked| *picked == value),
                confirm,
                value,
            })
        };
        let mut lines = Vec::new();
        let mut covered = Vec::new();
        for ProfileChoice { name: profile, session, account, role, confirm } in &choices.profiles {
            let (Some(account), Some(role)) = (account, role) else { continue };
            covered.push((session, account, role));
            let value = WantedRole { profile: Some(profile.clone()), ..WantedRole::default() };
            lines.extend(line(value, [profile, account_name(session, account), account, role, session], *confirm));
        }
        for AccountChoice { session, id, name, roles, confirm, .. } in &choices.accounts {
            for role in roles.iter().filter(|role| !covered.contains(&(session, id, *role))) {
                let own = |text: &String| Some(text.clone());
                let value = WantedRole { profile: None, session: own(session), account: own(id), role: own(role) };
                lines.extend(line(value, ["-", name.as_deref().unwrap_or_default(), id, role, session], *confirm));
            }
        }
        lines
    }
}

/// Roles that were listed longer ago are listed again.
const OLD: Duration = Duration::from_hours(1);

/// The pause between two lists, so that what is read is not always moving.
const PACE: Duration = Duration::from_millis(300);

/// Has the daemon list accounts, and the roles that were not listed lately, while the person looks at what was listed before. Ends when nobody
/// waits for lines any more.
fn refresh(sessions: &[String], filter: &Filter, lines: &Sender<Vec<Line<WantedRole>>>, ringer: &Ringer) -> Option<()> {
    let daemon = Daemon::find(Starting::Forbidden, VersionWarning::Silent).ok()?;
    let nothing = Query::default();
    let choices = || daemon.fetch::<Choices>(&Route::Choices, &nothing).ok();
    for session in sessions {
        // One that is signed out meanwhile, or whose portal does not answer, shows what was listed before.
        let _ = daemon.fetch::<Accounts>(&Route::Accounts(session.clone()), &nothing);
    }
    let now = environment::now();
    let mut accounts = choices()?.accounts;
    accounts.retain(|account| {
        let is_possible = filter.account.as_ref().is_none_or(|possible| *possible == account.id);
        let is_old = account.roles_listed_at.is_none_or(|at| now.duration_since(at) > OLD);
        is_possible && filter.is_of(&account.session) && is_old
    });
    accounts.sort_by_key(|account| account.roles_listed_at.is_some());
    let mut shown = Instant::now();
    let show = || {
        lines.send(filter.lines(&choices()?)).ok()?;
        ringer.ring();
        Some(())
    };
    for account in accounts {
        let _ = daemon.fetch::<Roles>(&Route::Roles(account.session, account.id), &nothing);
        if shown.elapsed() >= PACE {
            show()?;
            shown = Instant::now();
        }
    }
    show()
}
