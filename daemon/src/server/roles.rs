//! Requests for accounts, roles and role credentials.

use std::time::Duration;

use ssoctl_protocol::{
    Account, Accounts, Assignment, DecidedBy, ErrorCode, Problem, Query, Role, RoleCredentials, Roles, Selector,
};

use super::handlers::{Api, resolve, wait};
use super::reply::unexpected;
use super::{problem, status};
use crate::config::NoAssignment;
use crate::directory::{Entry, Unresolved, View};
use crate::portal::{self, AccountId, RoleName};
use crate::roles::ask::{Answer, Refusal, Want};
use crate::session;

impl Api {
    pub(super) async fn credentials(&self, query: Query) -> Result<RoleCredentials, Problem> {
        let view = self.view(&query).await?;
        let query = or_default_profile(&view, query);
        let entry = resolve(&view, &query.selector)?;
        let (assignment, region) = assignment(&view, entry, &query)?;
        let min_valid = Duration::from_secs(query.min_valid);
        let want = Want::Credentials { assignment: assignment.clone(), min_valid };
        let Answer::Credentials(keys, expires) = self.obtain(entry, want, &query).await? else {
            return Err(unexpected());
        };
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
        let Answer::Accounts(accounts) = self.obtain(&entry, Want::Accounts, query).await? else {
            return Err(unexpected());
        };
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
        let Answer::Roles(roles) = self.obtain(&entry, Want::Roles(account.clone()), query).await? else {
            return Err(unexpected());
        };
        Ok(Roles {
            session: entry.config.name.clone(),
            account: account.to_string(),
            roles: roles.iter().map(|name| Role { name: name.clone() }).collect(),
        })
    }

    /// Asks the roles of a session. Where a person has to sign in first, a caller that waits does so as for a token.
    async fn obtain(&self, entry: &Entry, want: Want, query: &Query) -> Result<Answer, Problem> {
        let mut answer = entry.roles.ask(want.clone()).await;
        let wait = wait(query);
        if !wait.is_zero()
            && matches!(answer, Answer::Refused(Refusal::Session(session::ask::Refusal::SignInRequired { .. })))
        {
            let token = session::ask::Want::Token { min_valid: Duration::ZERO, wait };
            if let session::ask::Answer::Refused(refusal) = entry.session.ask(token).await {
                return Err(self.refused(entry, refusal));
            }
            answer = entry.roles.ask(want).await;
        }
        match answer {
            Answer::Refused(refusal) => Err(problem::role_refused(entry, refusal, self.world.clock.now())),
            answer => Ok(answer),
        }
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
