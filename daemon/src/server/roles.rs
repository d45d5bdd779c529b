//! Requests for accounts, roles and role credentials.

use std::time::Duration;

use ssoctl_protocol::{
    Account, Accounts, Assignment, ErrorCode, Problem, Query, Role, RoleCredentials, Roles, Selector,
};

use super::handlers::{Api, resolved, wait};
use super::problem::{self, invalid};
use super::status;
use crate::audit::{AuditEvent, Happened};
use crate::caller::Caller;
use crate::clock::Now;
use crate::config::{NoAssignment, ProfileConfig};
use crate::directory::{Entry, Unresolved, View};
use crate::portal::{self, AccountId, RoleName};
use crate::session::callers::Refusal;
use crate::session::roles::callers::{LiveKeys, RoleRefusal};

/// The role that a request means.
pub(super) struct Meant {
    pub(super) entry: Entry,
    pub(super) assignment: portal::Assignment,
    /// The profile that the request names, or the default one, with its name.
    pub(super) profile: Option<(String, ProfileConfig)>,
}

impl Api {
    pub(super) async fn credentials(&self, query: &Query, caller: &Caller) -> Result<RoleCredentials, Problem> {
        let Meant { entry, assignment, profile } = self.meant(query).await?;
        let min_valid = Duration::from_secs(query.min_valid);
        let now = self.now().boot;
        let ask = || entry.session.credentials(assignment.clone(), min_valid, now, caller);
        let keys = self.obtain(&entry, query, caller, ask).await?;
        let happened = Happened::new(AuditEvent::Credentials).to_session(&entry.config.name);
        self.note(happened.of_role(&assignment), caller);
        let region = profile.and_then(|(_, profile)| profile.region);
        Ok(role_credentials(&keys, &entry.config.name, &assignment, region, self.now()))
    }

    pub(super) async fn assignment(&self, query: &Query) -> Result<Assignment, Problem> {
        let Meant { entry, assignment, profile } = self.meant(query).await?;
        let (region, mut decided_by) =
            profile.map(|(_, profile)| (profile.region, profile.decided_by)).unwrap_or_default();
        // An account or role that the request names was not decided by a key.
        decided_by.account = decided_by.account.filter(|_| query.account.is_none());
        decided_by.role = decided_by.role.filter(|_| query.role.is_none());
        Ok(Assignment {
            session: entry.config.name.clone(),
            start_url: entry.config.start_url().to_owned(),
            sso_region: entry.config.region_at(entry.session.snapshot().target.as_ref()).unwrap_or_default(),
            account: assignment.account.to_string(),
            role: assignment.role.to_string(),
            region,
            decided_by,
        })
    }

    pub(super) async fn meant(&self, query: &Query) -> Result<Meant, Problem> {
        self.find(query, |view| meant(view, query)).await
    }
    pub(super) async fn accounts(&self, query: &Query, caller: &Caller) -> Result<Accounts, Problem> {
        let entry = self.entry(query).await?;
        let accounts = self.obtain(&entry, query, caller, || entry.session.accounts()).await?;
        self.listed.accounts(&entry, &accounts, self.now());
        let accounts = accounts.iter().map(|account| Account {
            id: account.id.to_string(),
            name: account.name.clone(),
            email: account.email.clone(),
        });
        Ok(Accounts { session: entry.config.name.clone(), accounts: accounts.collect() })
    }

    pub(super) async fn roles(&self, query: &Query, account: &str, caller: &Caller) -> Result<Roles, Problem> {
        let entry = self.entry(query).await?;
        let account = AccountId::new(account).map_err(invalid)?;
        let roles = self.obtain(&entry, query, caller, || entry.session.roles(account.clone())).await?;
        self.listed.roles(&entry, &account, &roles, self.now());
        Ok(Roles {
            session: entry.config.name.clone(),
            account: account.to_string(),
            roles: roles.iter().map(|name| Role { name: name.clone() }).collect(),
        })
    }

    /// Asks, and if a person is needed and the caller waits for one, asks again once the session has a token.
    async fn obtain<T, F>(
        &self,
        entry: &Entry,
        query: &Query,
        caller: &Caller,
        ask: impl Fn() -> F,
    ) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, RoleRefusal>>,
    {
        let mut answer = ask().await;
        let wait = wait(query);
        if !wait.is_zero() && matches!(answer, Err(RoleRefusal::Session(Refusal::SignInRequired { .. }))) {
            let token = entry.session.token(Duration::ZERO, wait, self.now().boot, caller).await;
            token.map_err(|refusal| self.refused(entry, refusal))?;
            answer = ask().await;
        }
        answer.map_err(|refusal| problem::role_refused(&entry.config, refusal, self.now()))
    }
}

/// Credentials in the words of the contract.
pub(super) fn role_credentials(
    (keys, expires): &LiveKeys,
    session: &str,
    assignment: &portal::Assignment,
    region: Option<String>,
    now: Now,
) -> RoleCredentials {
    RoleCredentials {
        access_key_id: keys.access_key_id.clone(),
        secret_access_key: keys.secret_access_key.clone(),
        session_token: keys.session_token.clone(),
        expires_at: status::time(now, *expires),
        session: session.to_owned(),
        account: assignment.account.to_string(),
        role: assignment.role.to_string(),
        region,
    }
}

/// Parameters count before the profile. A request that names nothing at all means the profile `default`, as it does for the SDKs, if
/// that profile leads to a session or is meant to.
fn meant(view: &View, query: &Query) -> Result<Meant, Problem> {
    let default = Selector::Profile("default".to_owned());
    let names_nothing = query.selector == Selector::Only && query.account.is_none() && query.role.is_none();
    let is_for_sso = !matches!(view.resolve(&default), Err(Unresolved::Unknown { .. } | Unresolved::NotForSso { .. }));
    let selector = if names_nothing && is_for_sso { &default } else { &query.selector };
    let entry = resolved(view, selector)?;
    let profile = match selector {
        Selector::Profile(name) => view.config.profiles.get(name).map(|profile| (name, profile)),
        _ => None,
    };
    Ok(Meant {
        entry: entry.clone(),
        assignment: assignment(query, profile, &entry.config.name)?,
        profile: profile.map(|(name, profile)| (name.clone(), profile.clone())),
    })
}

fn assignment(
    query: &Query,
    profile: Option<(&String, &ProfileConfig)>,
    session: &str,
) -> Result<portal::Assignment, Problem> {
    let account = query.account.as_deref().map(AccountId::new).transpose().map_err(invalid)?;
    let role = query.role.as_deref().map(RoleName::new).transpose().map_err(invalid)?;
    let problem = |code, detail| Err(Problem::new(code, detail).of_session(session));
    let unnamed = |detail: &str| problem(ErrorCode::AssignmentUnnamed, detail.to_owned());
    match (account, role, profile) {
        (Some(account), Some(role), _) => Ok(portal::Assignment { account, role }),
        (account, role, Some((name, profile))) => match &profile.assignment {
            Ok(of_profile) => Ok(portal::Assignment {
                account: account.unwrap_or_else(|| of_profile.account.clone()),
                role: role.unwrap_or_else(|| of_profile.role.clone()),
            }),
            Err(why @ NoAssignment::Malformed(_)) => {
                problem(ErrorCode::InvalidConfiguration, format!("profile {name:?} {why}"))
            }
            Err(why) => unnamed(&format!("profile {name:?} {why}")),
        },
        (Some(_), None, None) => unnamed("no role is named"),
        (None, Some(_), None) => unnamed("no account is named"),
        (None, None, None) => unnamed("neither an account nor a role is named"),
    }
}
