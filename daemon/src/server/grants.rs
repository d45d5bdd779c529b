//! Making, listing and revoking grants.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use ssoctl_protocol::grant::{
    Grant as GrantBody, GrantEnd, GrantEndReason, GrantedRole, Grants, LONGEST_LIFE, Revocation, USUAL_LIFE, WantedRole,
};
use ssoctl_protocol::{ErrorCode, NewGrant, Problem, Query, Timestamp};

use super::handlers::{Api, caller};
use super::problem::invalid;
use super::roles::Meant;
use super::status;
use crate::caller::Caller;
use crate::chain::chain;
use crate::clock::Now;
use crate::grants::{Attending, Grant, NotAttended, NotMade, Role, Terms, is_name};

/// The largest number of roles of one grant.
const MOST_ROLES: usize = 64;

impl Api {
    pub(super) fn grants(&self) -> Grants {
        Grants { grants: self.shown.grants.list().iter().map(|grant| self.shown.grant(grant)).collect() }
    }

    pub(super) async fn add_grant(&self, query: &Query, request: Request<Incoming>) -> Result<GrantBody, Problem> {
        let caller = caller(&request);
        let new: NewGrant = serde_json::from_slice(&self.body(request).await?)
            .map_err(|error| invalid(format!("the body is not a grant: {error}")))?;
        let life = new.seconds.unwrap_or(USUAL_LIFE);
        if !(1..=LONGEST_LIFE).contains(&life) {
            return Err(invalid("a grant lives for at least a second and at most seven days"));
        }
        let name = new.name.unwrap_or_else(|| format!("g{:06x}", fastrand::u32(..1 << 24)));
        if !is_name(&name) {
            let detail = format!(
                "{name:?} is not a grant's name, which has 1 to 32 ASCII letters, digits and characters of ._- and begins with a \
                 letter or digit"
            );
            return Err(invalid(detail));
        }
        let roles = self.wanted_roles(&new.roles, query).await?;
        let process = match new.attended {
            true => {
                let pid = caller.pid().ok_or(NotAttended::Invisible);
                Some(pid.and_then(Attending::begin).map_err(invalid)?)
            }
            false => None,
        };
        let (attending, end) = process.unzip();
        let terms = Terms {
            name,
            roles,
            created_at: Timestamp::from(self.now().wall),
            confirm: new.confirm,
            may_ask: new.may_ask,
            shared: new.shared,
            attending,
        };
        let (grants, open) = (Arc::clone(&self.shown.grants), Arc::clone(&self.open_grant));
        // A task of its own: what has begun is finished, even if the caller has gone.
        let making = tokio::spawn(async move {
            let grant =
                grants.make(terms, Duration::from_secs(life), end, &caller).await.map_err(|why| not_made(&why))?;
            if let Err(error) = open(Arc::clone(&grant)).await {
                grants.withdraw(&grant).await;
                return Err(Problem::new(ErrorCode::GrantUnusable, chain(&error)));
            }
            Ok(grant)
        });
        let grant = making.await.map_err(|_| super::reply::unexpected())??;
        Ok(self.shown.grant(&grant))
    }

    async fn wanted_roles(&self, wanted: &[WantedRole], query: &Query) -> Result<Vec<Role>, Problem> {
        if wanted.is_empty() || wanted.len() > MOST_ROLES {
            return Err(invalid(format!("a grant has at least one role, and at most {MOST_ROLES}")));
        }
        let mut roles: Vec<Role> = Vec::new();
        for wanted in wanted.iter().cloned() {
            if wanted.profile.is_some() && wanted.session.is_some() {
                return Err(invalid("a role is named by a profile or by a session, not by both"));
            }
            let Meant { entry, assignment, profile } = self.meant(&query.clone().of_role(wanted)).await?;
            let role = Role {
                profile: profile.as_ref().map(|(name, _)| name.clone()),
                session: entry.config.name.clone(),
                identity: entry.config.identity.key(),
                start_url: entry.config.start_url().to_owned(),
                assignment,
                region: profile.and_then(|(_, profile)| profile.region),
            };
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        Ok(roles)
    }

    pub(super) async fn revoke_grant(&self, name: &str, caller: &Caller) -> Result<Revocation, Problem> {
        let is_meant = |grant: &Grant| grant.terms().name == name;
        let revocation = self.revoke(caller, is_meant).await;
        let known = self.shown.grants.list().into_iter().find(|grant| is_meant(grant));
        match known {
            None if revocation.grants.is_empty() => {
                let detail = format!("there is no grant {name:?}; see: ssoctl grants");
                Err(Problem::new(ErrorCode::UnknownGrant, detail))
            }
            // Revoking one that has ended already is no error.
            Some(known) if revocation.grants.is_empty() => {
                Ok(Revocation { grants: vec![self.shown.grant(&known)], ..revocation })
            }
            _ => Ok(revocation),
        }
    }

    pub(super) async fn revoke_grants(&self, caller: &Caller) -> Revocation {
        self.revoke(caller, |_| true).await
    }

    async fn revoke(&self, caller: &Caller, is_meant: impl Fn(&Grant) -> bool) -> Revocation {
        let (grants, unsaved) = self.shown.grants.end(GrantEndReason::Revoked, Some(caller), is_meant).await;
        Revocation {
            grants: grants.iter().map(|grant| self.shown.grant(grant)).collect(),
            unsaved: unsaved.map(|unsaved| unsaved.to_string()),
        }
    }
}

/// A grant in the words of the contract.
pub(super) fn view(grant: &Grant, socket: &Path, now: Now) -> GrantBody {
    let terms = grant.terms();
    let (uses, last_use, credentials_end) = grant.use_so_far();
    let roles = terms.roles.iter().cloned().map(|Role { profile, session, assignment, region, .. }| GrantedRole {
        profile,
        session,
        account: assignment.account.to_string(),
        role: assignment.role.to_string(),
        region,
    });
    GrantBody {
        name: terms.name.clone(),
        roles: roles.collect(),
        socket: socket.display().to_string(),
        created_at: terms.created_at,
        expires_at: grant.deadline().wall,
        confirm: terms.confirm,
        may_ask: terms.may_ask,
        shared: terms.shared,
        attended_by: terms.attending.map(|process| process.pid),
        uses,
        last_use,
        credentials_end_at: credentials_end.map(|end| status::time(now, end)),
        ended: grant.ended().map(|ended| GrantEnd { at: ended.at, reason: ended.reason }),
    }
}

fn not_made(why: &NotMade) -> Problem {
    let code = match why {
        NotMade::Exists(_) => ErrorCode::GrantExists,
        NotMade::TooMany => ErrorCode::TooManyRequests,
        NotMade::TooLong(_) => ErrorCode::InvalidRequest,
        NotMade::Unsaved(_) => ErrorCode::GrantUnusable,
    };
    Problem::new(code, why.to_string())
}
