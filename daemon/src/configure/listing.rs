//! What the portal lists, asked of the daemon that runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ssoctl_protocol::route::{Query, Selector};
use ssoctl_protocol::{
    Accounts, DaemonStatus, ErrorCode, Problem, Roles, Route, SessionStatus, SocketOwner, SocketPath,
};
use tokio::task::JoinSet;

use super::Failure;
use super::choice::{self, Pattern};
use crate::clock::Clock;
use crate::inquiry;
use crate::portal::{AccountId, RoleName};

/// How long one answer may take: the daemon has deadlines of its own, which should be the ones that pass.
const PATIENCE: Duration = Duration::from_secs(75);

/// How many accounts are asked about at once: as many as the daemon's limit of requests a second lets through.
const AT_ONCE: usize = 4;

/// An account that the portal lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ListedAccount {
    pub(super) id: AccountId,
    pub(super) name: Option<String>,
    pub(super) roles: Listed,
}

/// The roles that the portal lists for an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Listed {
    /// Nobody asked, as the account is not meant.
    NotAsked,
    /// All of them.
    Roles(Vec<RoleName>),
}

/// The daemon that runs, and the session that is asked about.
pub(super) struct Daemon {
    pub(super) socket: SocketPath,
    pub(super) believed: SocketOwner,
    pub(super) session: String,
    /// The AWS configuration file in which the session has its name, where it is not the daemon's default one.
    pub(super) file: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Daemon {
    /// The AWS configuration file that counts where none is named.
    pub(super) async fn default_file(&self) -> Result<PathBuf, Failure> {
        let status: DaemonStatus = self.ask(&Route::Health).await?;
        match status.settings.aws_config {
            path if path.is_empty() => Err(Failure::Stranger("it does not say which file it reads".to_owned())),
            path => Ok(path.into()),
        }
    }

    /// What the daemon knows of the session.
    pub(super) async fn session(&self) -> Result<SessionStatus, Failure> {
        self.ask(&Route::Session).await
    }

    /// All accounts, those that the patterns mean with all their roles.
    pub(super) async fn listing(self: &Arc<Self>, patterns: &[Pattern]) -> Result<Vec<ListedAccount>, Failure> {
        let answer: Accounts = self.ask(&Route::Accounts(self.session.clone())).await?;
        let mut accounts = Vec::with_capacity(answer.accounts.len());
        for account in answer.accounts {
            let id = AccountId::new(&account.id).map_err(|error| Failure::Stranger(error.to_string()))?;
            accounts.push(ListedAccount { id, name: account.name, roles: Listed::NotAsked });
        }
        let mut meant = choice::accounts(&accounts, patterns)?.into_iter();
        let mut asking = JoinSet::new();
        loop {
            while asking.len() < AT_ONCE
                && let Some(index) = meant.next()
            {
                let (daemon, account) = (Arc::clone(self), accounts[index].id.clone());
                asking.spawn(async move { (index, daemon.roles(&account).await) });
            }
            match asking.join_next().await {
                None => return Ok(accounts),
                Some(Ok((index, roles))) => accounts[index].roles = Listed::Roles(roles?),
                Some(Err(error)) => return Err(Failure::Stranger(error.to_string())),
            }
        }
    }

    async fn roles(&self, account: &AccountId) -> Result<Vec<RoleName>, Failure> {
        let route = Route::Roles(self.session.clone(), account.to_string());
        let answer: Roles = match self.ask(&route).await {
            Ok(roles) => roles,
            // Taken away since the accounts were listed.
            Err(Failure::Problem(problem)) if problem.code == ErrorCode::NotAssigned => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let roles = answer.roles.iter().map(|role| RoleName::new(&role.name));
        roles.collect::<Result<_, _>>().map_err(|error| Failure::Stranger(error.to_string()))
    }

    async fn ask<T: DeserializeOwned>(&self, route: &Route) -> Result<T, Failure> {
        let socket = self.socket.path();
        let selector = Selector::Session(self.session.clone());
        let query = Query { selector, config: self.file.clone(), ..Query::default() };
        let late = self.clock.sleep_until(self.clock.now().boot + PATIENCE);
        let answer = tokio::select! {
            answer = inquiry::get(socket, route, &query, self.believed) => {
                answer.map_err(|why| Failure::Unanswered { socket: socket.to_owned(), why: why.to_string() })?
            }
            () = late => return Err(Failure::Stranger(format!("it did not answer within {} s", PATIENCE.as_secs()))),
        };
        let is_success = answer.status == 200;
        let garbled = |error: serde_json::Error| Failure::Stranger(error.to_string());
        if is_success {
            return serde_json::from_str(&answer.body).map_err(garbled);
        }
        let problem: Problem = serde_json::from_str(&answer.body).map_err(garbled)?;
        Err(Failure::Problem(Box::new(problem)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::configure) fn account(id: &str, name: Option<&str>, roles: &[&str]) -> ListedAccount {
        ListedAccount {
            id: AccountId::new(id).unwrap(),
            name: name.map(str::to_owned),
            roles: Listed::Roles(roles.iter().map(|role| RoleName::new(role).unwrap()).collect()),
        }
    }
}
