//! Requests for accounts, roles and role credentials.

use std::time::Duration;

use ssoctl_protocol::{
    Account, Accounts, Assignment, DecidedBy, ErrorCode, Problem, Query, Role, RoleCredentials, Roles, Selector,
};

use super::handlers::{Api, resolve, wait};
use super::{problem, status};
use crate::config::NoAssignment;
use crate::directory::{Entry, Unresolved, View};
use crate::portal::{self, AccountId, RoleName};
use crate::session::callers::Refusal;
use crate::session::roles::callers::RoleRefusal;

impl Api {
    pub(super) async fn credentials(&self, query: Query) -> Result<RoleCredentials, Problem> {
        let view = self.view(&query).await?;
        let query = or_default_profile(&view, query);
        let entry = resolve(&view, &query.selector)?;
        let (assignment, region) = assignment(&view, entry, &query)?;
        let min_valid = Duration::from_secs(query.min_valid);
        let ask = || entry.session.credentials(assignment.clone(), min_valid);
        let (keys, expires) = self.obtain(entry, &query, ask).await?;
        Ok(RoleCredentials {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.clone(),
            session_token: keys.session_token.clone(),
            expires_at: status::time(self.world.clock.now(), expires),
            session: entry.config.name.clone(),
            account: assignment.account.to_string(),
            role: assignment.role.to_string(),
            region,
        })
    }

    pub(super) async fn assignment(&self, query: Query) -> Result<Assignment, Problem> {
        let view = self.view(&query).await?;
        let query = or_default_profile(&view, query);
        let entry = resolve(&view, &query.selector)?;
        let (assignment, region) = assignment(&view, entry, &query)?;
        let profile = match &query.selector {
            Selector::Profile(name) => view.config.profiles.get(name),
            _ => None,
        };
        let DecidedBy { session, account, role, region: decided_region } =
            profile.map(|profile| profile.decided_by.clone()).unwrap_or_default();
        Ok(Assignment {
            session: entry.config.name.clone(),
            start_url: entry.config.start_url().to_owned(),
            sso_region: entry.config.region().to_owned(),
            account: assignment.account.to_string(),
            role: assignment.role.to_string(),
            region,
            // What the request names itself was not decided by a key.
            decided_by: DecidedBy {
                session,
                account: account.filter(|_| query.account.is_none()),
                role: role.filter(|_| query.role.is_none()),
                region: decided_region,
            },
        })
    }

    pub(super) async fn accounts(&self, query: &Query) -> Result<Accounts, Problem> {
        let entry = self.entry(query).await?;
        let accounts = self.obtain(&entry, query, || entry.session.accounts()).await?;
        let accounts = accounts.iter().map(|account| Account {
            id: account.id.to_string(),
            name: account.name.clone(),
            email: account.email.clone(),
        });
        Ok(Accounts { session: entry.config.name.clone(), accounts: accounts.collect() })
    }

    pub(super) async fn roles(&self, query: &Query, account: &str) -> Result<Roles, Problem> {
        let entry = self.entry(query).await?;
        let account = AccountId::new(account).map_err(invalid)?;
        let roles = self.obtain(&entry, query, || entry.session.roles(account.clone())).await?;
        Ok(Roles {
            session: entry.config.name.clone(),
            account: account.to_string(),
            roles: roles.iter().map(|name| Role { name: name.clone() }).collect(),
        })
    }

    /// Asks, and if a person is needed and the caller waits for one, asks again once the session has a token.
    async fn obtain<T, F>(&self, entry: &Entry, query: &Query, ask: impl Fn() -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, RoleRefusal>>,
    {
        let mut answer = ask().await;
        let wait = wait(query);
        if !wait.is_zero() && matches!(answer, Err(RoleRefusal::Session(Refusal::SignInRequired { .. }))) {
            let token = entry.session.token(Duration::ZERO, wait, self.world.clock.now().boot).await;
            token.map_err(|refusal| self.refused(entry, refusal))?;
            answer = ask().await;
        }
        answer.map_err(|refusal| problem::role_refused(entry, refusal, self.world.clock.now()))
    }
}

/// A request that names nothing at all means the profile `default`, as it does for the SDKs, if that profile leads to a session
/// or is meant to.
fn or_default_profile(view: &View, query: Query) -> Query {
    let default = Selector::Profile("default".to_owned());
    let names_nothing = query.selector == Selector::Only && query.account.is_none() && query.role.is_none();
    if names_nothing && !matches!(view.resolve(&default), Err(Unresolved::Unknown { .. })) {
        Query { selector: default, ..query }
    } else {
        query
    }
}

/// Which role in which account a request means, and the region of the profile that it names. Parameters count before the
/// profile.
fn assignment(view: &View, entry: &Entry, query: &Query) -> Result<(portal::Assignment, Option<String>), Problem> {
    let profile = match &query.selector {
        Selector::Profile(name) => view.config.profiles.get(name).map(|profile| (name, profile)),
        _ => None,
    };
    let account = query.account.as_deref().map(AccountId::new).transpose().map_err(invalid)?;
    let role = query.role.as_deref().map(RoleName::new).transpose().map_err(invalid)?;
    let region = profile.and_then(|(_, profile)| profile.region.clone());
    let unnamed = |detail: &str| Err(Problem::new(ErrorCode::AssignmentUnnamed, detail).of_session(&entry.config.name));
    let assignment = match (account, role, profile) {
        (Some(account), Some(role), _) => portal::Assignment { account, role },
        (account, role, Some((name, profile))) => match &profile.assignment {
            Ok(of_profile) => portal::Assignment {
                account: account.unwrap_or_else(|| of_profile.account.clone()),
                role: role.unwrap_or_else(|| of_profile.role.clone()),
            },
            Err(why @ NoAssignment::Malformed(_)) => {
                let detail = format!("profile {name:?} {why}");
                return Err(Problem::new(ErrorCode::InvalidConfiguration, detail).of_session(&entry.config.name));
            }
            Err(why) => return unnamed(&format!("profile {name:?} {why}")),
        },
        (Some(_), None, None) => return unnamed("no role is named"),
        (None, Some(_), None) => return unnamed("no account is named"),
        (None, None, None) => return unnamed("neither an account nor a role is named"),
    };
    Ok((assignment, region))
}

fn invalid(error: impl std::fmt::Display) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, error.to_string())
}
