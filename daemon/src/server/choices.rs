//! What a person can choose from, without a question to the service: the configuration, and what the portal has listed last.

use std::collections::BTreeMap;
use std::sync::Mutex;

use hyper::Request;
use hyper::body::Incoming;
use ssoctl_protocol::choices::{AccountChoice, Choices, ProfileChoice};
use ssoctl_protocol::grant::WantedRole;
use ssoctl_protocol::{Problem, Query, Timestamp};

use super::handlers::Api;
use super::problem::invalid;
use crate::config::Identity;
use crate::directory::Entry;
use crate::portal::{Account, AccountId};
use crate::waiting::lock;

/// The accounts and roles that the portal has listed last for somebody who asked. They are shown as choices and answer no other question,
/// because the portal may have changed its mind.
#[derive(Default)]
pub struct Listed(Mutex<BTreeMap<String, Vec<Known>>>);

/// An account of one session.
#[derive(Clone)]
struct Known {
    id: AccountId,
    name: Option<String>,
    roles: Vec<String>,
    roles_listed_at: Option<Timestamp>,
}

/// The longest name in what was picked, in bytes. All that are kept fit into their file.
const LONGEST_NAME: usize = 512;

impl Listed {
    /// Remembers the accounts of a session. The roles of those that are still there stay.
    pub(super) fn accounts(&self, entry: &Entry, accounts: &[Account]) {
        if !is_signed_in(entry) {
            return;
        }
        let mut all = lock(&self.0);
        let known = all.entry(entry.config.identity.key()).or_default();
        let mut before: BTreeMap<AccountId, Known> =
            known.drain(..).map(|account| (account.id.clone(), account)).collect();
        known.extend(accounts.iter().map(|Account { id, name, .. }| {
            let (roles, roles_listed_at) =
                before.remove(id).map(|known| (known.roles, known.roles_listed_at)).unwrap_or_default();
            Known { id: id.clone(), name: name.clone(), roles, roles_listed_at }
        }));
    }

    /// Remembers the roles in one account of a session.
    pub(super) fn roles(&self, entry: &Entry, account: &AccountId, roles: &[String], now: Timestamp) {
        if !is_signed_in(entry) {
            return;
        }
        let mut all = lock(&self.0);
        let known = all.entry(entry.config.identity.key()).or_default();
        match known.iter_mut().find(|known| known.id == *account) {
            Some(known) => (known.roles, known.roles_listed_at) = (roles.to_vec(), Some(now)),
            None => {
                known.push(Known { id: account.clone(), name: None, roles: roles.to_vec(), roles_listed_at: Some(now) })
            }
        }
    }

    /// Forgets what was listed for a session that is signed out.
    pub(super) fn forget(&self, identity: &Identity) {
        lock(&self.0).remove(&identity.key());
    }

    fn of(&self, entry: &Entry) -> Vec<AccountChoice> {
        let all = lock(&self.0);
        let known = all.get(&entry.config.identity.key()).into_iter().flatten();
        let choice = |known: &Known| AccountChoice {
            session: entry.config.name.clone(),
            id: known.id.to_string(),
            name: known.name.clone(),
            roles: known.roles.clone(),
            roles_listed_at: known.roles_listed_at,
            confirm: false,
        };
        known.map(choice).collect()
    }
}

/// A list may arrive after the sign-out that should have ended it.
fn is_signed_in(entry: &Entry) -> bool {
    entry.session.snapshot().token.is_some()
}

impl Api {
    pub(super) async fn choices(&self, query: &Query) -> Result<Choices, Problem> {
        let view = self.view(query).await?;
        let picker = &view.config.picker;
        let mut accounts: Vec<AccountChoice> = view.entries().iter().flat_map(|entry| self.listed.of(entry)).collect();
        for account in &mut accounts {
            account.confirm = picker.has_to_confirm(account.name.as_deref().into_iter().chain([account.id.as_str()]));
        }
        let has_to_confirm = |id: &str| accounts.iter().any(|account| account.id == id && account.confirm);
        let profiles = view.config.profiles.iter().map(|(name, profile)| {
            let assignment = profile.assignment.as_ref().ok();
            let account = assignment.map(|assignment| assignment.account.as_str());
            let names = account.into_iter().chain([name.as_str()]);
            ProfileChoice {
                confirm: picker.has_to_confirm(names) || account.is_some_and(has_to_confirm),
                name: name.clone(),
                session: profile.session.clone(),
                account: assignment.map(|assignment| assignment.account.to_string()),
                role: assignment.map(|assignment| assignment.role.to_string()),
            }
        });
        let profiles = profiles.collect();
        let picked = match picker.keeps_history {
            true => self.picks.list(self.now().wall.into()).await,
            false => {
                self.picks.forget().await;
                Vec::new()
            }
        };
        let open_grants = self.shown.grants.list().into_iter().filter(|grant| grant.ended().is_none());
        Ok(Choices {
            picked,
            sessions: view.entries().iter().map(|entry| entry.config.name.clone()).collect(),
            profiles,
            accounts,
            grants: open_grants.map(|grant| grant.terms().name.clone()).collect(),
        })
    }

    /// Notes that a person has picked a role, unless no history is kept.
    pub(super) async fn note_pick(&self, request: Request<Incoming>) -> Result<WantedRole, Problem> {
        let role: WantedRole = serde_json::from_slice(&self.body(request).await?)
            .map_err(|error| invalid(format!("the body names no role: {error}")))?;
        if role == WantedRole::default() {
            return Err(invalid("the body names no role"));
        }
        let names = [&role.profile, &role.session, &role.account, &role.role];
        if names.into_iter().flatten().any(|name| name.len() > LONGEST_NAME) {
            return Err(invalid(format!("a name is longer than {LONGEST_NAME} bytes")));
        }
        if self.view(&Query::default()).await?.config.picker.keeps_history {
            self.picks.note(role.clone(), self.now().wall.into()).await;
        }
        Ok(role)
    }
}
