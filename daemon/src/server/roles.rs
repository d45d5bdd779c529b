//! Requests about accounts, roles and role credentials.

use std::time::Duration;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::text::duration_in_words;
use ssoctl_protocol::{Account, Accounts, DecidedBy, ErrorCode, Problem, Role, RoleCredentials, Roles, Selector};

use super::handlers::{Api, resolve, wait};
use super::reply::{Reply, ok, unexpected};
use super::translate;
use crate::clock::Now;
use crate::config::NoAssignment;
use crate::directory::{Entry, Unresolved, View};
use crate::portal::{AccountId, Assignment, RoleName};
use crate::roles::Subject;
use crate::roles::ask::{Answer, Refusal, Want};
use crate::session;

impl Api {
    pub(super) async fn credentials(&self, view: &View, query: Query) -> Reply {
        let entry = resolve(view, &query.selector)?;
        let (assignment, region) = assignment(view, entry, &query)?;
        let min_valid = Duration::from_secs(query.min_valid);
        let want = Want::Credentials { assignment: assignment.clone(), min_valid };
        let Answer::Credentials(keys, expires) = self.obtain(entry, want, &query).await? else {
            return Err(unexpected());
        };
        ok(&RoleCredentials {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.clone(),
            session_token: keys.session_token.clone(),
            expires_at: translate::time(self.world.clock.now(), expires),
            session: entry.config.name.clone(),
            account: assignment.account.to_string(),
            role: assignment.role.to_string(),
            region,
        })
    }

    pub(super) async fn accounts(&self, entry: &Entry, query: &Query) -> Reply {
        let Answer::Accounts(accounts) = self.obtain(entry, Want::Accounts, query).await? else {
            return Err(unexpected());
        };
        let accounts = accounts.iter().map(|account| Account {
            id: account.id.to_string(),
            name: account.name.clone(),
            email: account.email.clone(),
        });
        ok(&Accounts { session: entry.config.name.clone(), accounts: accounts.collect() })
    }

    pub(super) async fn roles(&self, entry: &Entry, account: &str, query: &Query) -> Reply {
        let account = account_id(account)?;
        let Answer::Roles(roles) = self.obtain(entry, Want::Roles(account.clone()), query).await? else {
            return Err(unexpected());
        };
        ok(&Roles {
            session: entry.config.name.clone(),
            account: account.to_string(),
            roles: roles.iter().map(|name| Role { name: name.clone() }).collect(),
        })
    }

    /// Gets what is wanted. Where a person is needed, a caller that waits does so as for a token.
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
            Answer::Refused(refusal) => Err(refused(entry, refusal, self.world.clock.now())),
            answer => Ok(answer),
        }
    }
}

/// The profile whose credentials the SDKs use where none is named.
const DEFAULT_PROFILE: &str = "default";

/// A request for a role that names nothing at all means that of the default profile, as it does for the SDKs, if that one
/// leads to a session, or is meant to.
pub(super) fn or_default_profile(view: &View, query: Query) -> Query {
    let default = Selector::Profile(DEFAULT_PROFILE.to_owned());
    let names_nothing = query.selector == Selector::Only && query.account.is_none() && query.role.is_none();
    if names_nothing && !matches!(view.resolve(&default), Err(Unresolved::Unknown { .. })) {
        Query { selector: default, ..query }
    } else {
        query
    }
}

/// Which role in which account a request means, and the region of the profile that it names. What the request says itself
/// counts before the profile.
fn assignment(view: &View, entry: &Entry, query: &Query) -> Result<(Assignment, Option<String>), Problem> {
    let profile = match &query.selector {
        Selector::Profile(name) => view.config.profiles.get(name).map(|profile| (name, profile)),
        _ => None,
    };
    let account = query.account.as_deref().map(account_id).transpose()?;
    let role = query.role.as_deref().map(RoleName::new).transpose().map_err(invalid)?;
    let region = profile.and_then(|(_, profile)| profile.region.clone());
    let unnamed = |detail: String| Problem::new(ErrorCode::AssignmentUnnamed, detail).of_session(&entry.config.name);
    let assignment = match (account, role, profile) {
        (Some(account), Some(role), _) => Assignment { account, role },
        (account, role, Some((name, profile))) => match &profile.assignment {
            Ok(of_profile) => Assignment {
                account: account.unwrap_or_else(|| of_profile.account.clone()),
                role: role.unwrap_or_else(|| of_profile.role.clone()),
            },
            Err(why @ NoAssignment::Malformed(_)) => {
                return Err(Problem::new(ErrorCode::InvalidConfiguration, format!("profile {name:?} {why}"))
                    .of_session(&entry.config.name));
            }
            Err(why) => return Err(unnamed(format!("profile {name:?} {why}"))),
        },
        (Some(_), None, None) => return Err(unnamed("no role is named".to_owned())),
        (None, Some(_), None) => return Err(unnamed("no account is named".to_owned())),
        (None, None, None) => return Err(unnamed("neither an account nor a role is named".to_owned())),
    };
    Ok((assignment, region))
}

/// The answer to who asks what is meant.
pub(super) fn meant(view: &View, query: &Query) -> Reply {
    let entry = resolve(view, &query.selector)?;
    let (assignment, region) = assignment(view, entry, query)?;
    let decided_by = match &query.selector {
        Selector::Profile(name) => view.config.profiles.get(name).map(|profile| decided_by(&profile.decided_by, query)),
        _ => None,
    };
    ok(&ssoctl_protocol::Assignment {
        session: entry.config.name.clone(),
        start_url: entry.config.start_url().to_owned(),
        sso_region: entry.config.region().to_owned(),
        account: assignment.account.to_string(),
        role: assignment.role.to_string(),
        region,
        decided_by: decided_by.unwrap_or_default(),
    })
}

/// The keys of a profile that decided, which are those that the request does not replace.
fn decided_by(of_profile: &DecidedBy, query: &Query) -> DecidedBy {
    let DecidedBy { session, account, role, region } = of_profile.clone();
    let (account, role) = (account.filter(|_| query.account.is_none()), role.filter(|_| query.role.is_none()));
    DecidedBy { session, account, role, region }
}

fn account_id(text: &str) -> Result<AccountId, Problem> {
    AccountId::new(text).map_err(invalid)
}

fn invalid(error: impl std::fmt::Display) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, error.to_string())
}

fn refused(entry: &Entry, refusal: Refusal, now: Now) -> Problem {
    let name = entry.config.name.as_str();
    let problem = match refusal {
        Refusal::Session(refusal) => return translate::refused(entry, refusal, now),
        Refusal::NotAssigned { subject, remembered } => {
            let lacks = match subject {
                Subject::Credentials(Assignment { account, role }) => {
                    format!("does not have the role {role} in account {account}")
                }
                Subject::Roles(account) => format!("has no role in account {account}"),
                Subject::Accounts => "may not see any accounts".to_owned(),
            };
            let memory = remembered.map_or_else(String::new, |until| {
                let (left, until) = (duration_in_words(until.since(now.boot)), translate::time(now, until));
                format!(" (the portal has said so twice, which is remembered until {until}, for {left}, or the next sign-in)")
            });
            Problem::new(ErrorCode::NotAssigned, format!("whoever is signed in to session {name:?} {lacks}{memory}"))
        }
        Refusal::ValidityUnattainable { best } => Problem::new(
            ErrorCode::ValidityUnattainable,
            format!(
                "the portal of session {name:?} gives no credentials that live that long; the best ones live {}",
                duration_in_words(best.since(now.boot))
            ),
        )
        .with_expiry(Some(translate::time(now, best))),
        Refusal::Portal(error) => translate::failed(name, &error),
        Refusal::PortalSilent => Problem::new(
            ErrorCode::ServiceUnavailable,
            format!("session {name:?}: the portal has not answered in time"),
        ),
        Refusal::TooManyRoles => Problem::new(
            ErrorCode::ServiceUnavailable,
            format!("session {name:?}: too many roles are asked for at once"),
        ),
    };
    problem.of_session(name)
}
