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
use crate::clock::{BootTime, Now};
use crate::directory::Entry;
use crate::portal::{Account, AccountId};
use crate::session::SignInEpoch;
use crate::waiting::lock;

/// The accounts and roles that the portal has listed last for somebody who asked, by the key of the session's identity. They are shown as
/// choices and answer no other question, because the portal may have changed its mind.
#[derive(Default)]
pub struct Listed(Mutex<BTreeMap<String, Lists>>);

/// What was listed for one sign-in.
struct Lists {
    epoch: SignInEpoch,
    accounts: Vec<Known>,
}

/// An account of one session.
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
    pub(super) fn accounts(&self, entry: &Entry, accounts: &[Account], now: Now) {
        self.of_sign_in(entry, now.boot, |known| {
            let mut before: BTreeMap<AccountId, Known> =
                known.drain(..).map(|account| (account.id.clone(), account)).collect();
            known.extend(accounts.iter().map(|Account { id, name, .. }| {
                let (roles, roles_listed_at) =
                    before.remove(id).map(|known| (known.roles, known.roles_listed_at)).unwrap_or_default();
                Known { id: id.clone(), name: name.clone(), roles, roles_listed_at }
            }));
        });
    }

    /// Remembers the roles in one account of a session.
    pub(super) fn roles(&self, entry: &Entry, account: &AccountId, roles: &[String], now: Now) {
        self.of_sign_in(entry, now.boot, |known| {
            let (roles, roles_listed_at) = (roles.to_vec(), Some(now.wall.into()));
            match known.iter_mut().find(|known| known.id == *account) {
                Some(known) => (known.roles, known.roles_listed_at) = (roles, roles_listed_at),
                None => known.push(Known { id: account.clone(), name: None, roles, roles_listed_at }),
            }
        });
    }

    fn of(&self, entry: &Entry, now: BootTime) -> Vec<AccountChoice> {
        let choice = |known: &Known| AccountChoice {
            session: entry.config.name.clone(),
            id: known.id.to_string(),
            name: known.name.clone(),
            roles: known.roles.clone(),
            roles_listed_at: known.roles_listed_at,
            confirm: false,
        };
        self.of_sign_in(entry, now, |known| known.iter().map(choice).collect()).unwrap_or_default()
    }

    /// Does something with what was listed for the sign-in of a session, and forgets what was listed for an earlier one. `None` if there is no
    /// sign-in: it has ended, here or at the portal, which leaves a token that has expired and cannot be renewed. A list may arrive after that.
    fn of_sign_in<T>(&self, entry: &Entry, now: BootTime, change: impl FnOnce(&mut Vec<Known>) -> T) -> Option<T> {
        let (mut all, key) = (lock(&self.0), entry.config.identity.key());
        let snapshot = entry.session.snapshot();
        if !snapshot.token.as_ref().is_some_and(|token| token.is_live(now) || token.renewal.is_some()) {
            all.remove(&key);
            return None;
        }
        let lists = all.entry(key).or_insert_with(|| Lists { epoch: snapshot.epoch, accounts: Vec::new() });
        if lists.epoch != snapshot.epoch {
            *lists = Lists { epoch: snapshot.epoch, accounts: Vec::new() };
        }
        Some(change(&mut lists.accounts))
    }
}

impl Api {
    pub(super) async fn choices(&self, query: &Query) -> Result<Choices, Problem> {
        let view = self.view(query).await?;
        let picker = &view.config.picker;
        let now = self.now().boot;
        let listed = view.entries().iter().flat_map(|entry| self.listed.of(entry, now));
        let mut accounts: Vec<AccountChoice> = listed.collect();
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
