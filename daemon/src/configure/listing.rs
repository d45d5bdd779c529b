//! The accounts and roles of a session, for which the running daemon is asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ssoctl_process::Progress;
use ssoctl_protocol::route::{Query, Selector};
use ssoctl_protocol::{
    Account, DaemonStatus, ErrorCode, Problem, Roles, Route, SessionStatus, SocketOwner, SocketPath,
};
use tokio::task::JoinSet;

use super::choice::ListedAccount;
use super::failure::Failure;
use crate::assignment::{AccountId, RoleName};
use crate::clock::Clock;
use crate::inquiry;

/// The accounts without their roles.
pub(super) fn accounts(listed: Vec<Account>) -> Result<Vec<ListedAccount>, Failure> {
    let accounts = listed.into_iter().map(|account| {
        let id = AccountId::new(&account.id).map_err(unusable)?;
        Ok(ListedAccount { id, name: account.name, roles: None })
    });
    accounts.collect()
}

/// The longest time for one answer. The daemon's own deadlines are shorter.
const PATIENCE: Duration = Duration::from_secs(75);

/// The time after which a person sees how far it has come, even if no answer has.
const PACE: Duration = Duration::from_secs(1);

/// The number of simultaneous requests for an account's roles: as many as the daemon's limit of requests per second allows.
const AT_ONCE: usize = 4;

/// The running daemon, and the session that it is asked about.
pub(super) struct Daemon {
    pub(super) socket: SocketPath,
    pub(super) believed: SocketOwner,
    pub(super) session: String,
    /// The AWS configuration file that defines the session's name, if it is not the daemon's default one.
    pub(super) file: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Daemon {
    /// The AWS configuration file that the daemon reads if a caller names none.
    pub(super) async fn default_file(&self) -> Result<PathBuf, Failure> {
        let status: DaemonStatus = self.ask(&Route::Health).await?;
        let path = status.settings.aws_config;
        if path.is_empty() { Err(unusable("it does not say which file it reads")) } else { Ok(path.into()) }
    }

    pub(super) async fn session(&self) -> Result<SessionStatus, Failure> {
        self.ask(&Route::Session).await
    }

    /// Adds the roles of the accounts at these indices.
    pub(super) async fn list_roles(
        self: &Arc<Self>,
        accounts: &mut [ListedAccount],
        at: Vec<usize>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (mut done, count) = (0, at.len());
        let mut waiting = at.into_iter();
        let mut asking = JoinSet::new();
        loop {
            progress.show(&format!("Listing roles: {done} of {count} accounts"));
            while asking.len() < AT_ONCE
                && let Some(index) = waiting.next()
            {
                let (daemon, account) = (Arc::clone(self), accounts[index].id.clone());
                asking.spawn(async move { (index, daemon.roles(&account).await) });
            }
            match self.clock.within(PACE, asking.join_next()).await {
                // Only what is shown changes.
                None => {}
                Some(None) => return Ok(()),
                Some(Some(Ok((index, roles)))) => {
                    accounts[index].roles = Some(roles?);
                    done += 1;
                }
                Some(Some(Err(error))) => return Err(unusable(error)),
            }
        }
    }

    async fn roles(&self, account: &AccountId) -> Result<Vec<RoleName>, Failure> {
        let route = Route::Roles(self.session.clone(), account.to_string());
        let answer: Roles = match self.ask(&route).await {
            Ok(roles) => roles,
            // The account was taken away from the person after the accounts were listed.
            Err(Failure::Problem(problem, _)) if problem.code == ErrorCode::NotAssigned => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        answer.roles.iter().map(|role| RoleName::new(&role.name).map_err(unusable)).collect()
    }

    async fn ask<T: DeserializeOwned>(&self, route: &Route) -> Result<T, Failure> {
        let socket = self.socket.path();
        let selector = Selector::Session(self.session.clone());
        let query = Query { selector, config: self.file.clone(), ..Query::default() };
        let asking = inquiry::get(socket, route, &query, self.believed);
        let answer = self.clock.within(PATIENCE, asking).await;
        let answer = answer.ok_or_else(|| unusable(format!("it did not come within {} s", PATIENCE.as_secs())))?;
        let answer = answer.map_err(|why| Failure::Unanswered { socket: socket.to_owned(), why: why.to_string() })?;
        if answer.status == 200 {
            return serde_json::from_str(&answer.body).map_err(unusable);
        }
        let problem: Problem = serde_json::from_str(&answer.body).map_err(unusable)?;
        Err(Failure::Problem(Box::new(problem), self.clock.now().wall.into()))
    }
}

fn unusable(why: impl ToString) -> Failure {
    Failure::UnusableAnswer(why.to_string())
}
