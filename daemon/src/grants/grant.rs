//! One grant, as the server of its socket sees it.

mod giving;
mod person;

use std::sync::{Arc, Mutex};

use ssoctl_protocol::Selector;
use ssoctl_protocol::grant::{GrantEndReason, GrantUse};
use tokio::sync::{mpsc, oneshot, watch};

use super::confirmations::Confirmations;
use super::terms::{Deadline, Ended, Role, Terms};
use crate::assignment::Assignment;
use crate::audit::{Audit, AuditEvent, Happened};
use crate::caller::Caller;
use crate::clock::{BootTime, Clock};
use crate::config::SessionConfig;
use crate::desktop::{Desktop, Surroundings};
use crate::directory::{Directory, Entry};
use crate::session::roles::callers::RoleRefusal;
use crate::waiting::lock;

/// A grant. What it can reach of the sessions is private: the credentials of its roles are all that comes out of it.
pub struct Grant {
    terms: Terms,
    deadline: Deadline,
    stage: watch::Sender<Stage>,
    uses: Mutex<Uses>,
    confirmations: Confirmations,
    reach: Reach,
    /// Told of each use.
    used: watch::Sender<()>,
}

/// What grants use of the rest of the daemon.
#[derive(Clone)]
pub struct Reach {
    pub directory: watch::Receiver<Arc<Directory>>,
    pub clock: Arc<dyn Clock>,
    pub desktop: Arc<dyn Desktop>,
    /// Whether the person is there to be asked.
    pub surroundings: watch::Receiver<Surroundings>,
    pub audit: Arc<Audit>,
    /// Has the grants saved, and is answered when that is done.
    pub save: Option<mpsc::Sender<oneshot::Sender<()>>>,
}

/// Where a grant is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It gives credentials until its deadline.
    Open,
    /// It gives nothing any more, and says why.
    Ended(Ended),
    /// It is forgotten, and its socket goes.
    Forgotten,
}

/// How often a grant was used, and by whom last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Uses {
    pub(super) count: u64,
    pub(super) last: Option<GrantUse>,
    /// The end of the credentials that live longest.
    pub(super) credentials_end: Option<BootTime>,
}

/// A grant as it is kept over a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct GrantState {
    pub(super) terms: Terms,
    pub(super) deadline: Deadline,
    pub(super) ended: Option<Ended>,
    pub(super) uses: Uses,
}

impl GrantState {
    /// The state of a new grant.
    pub(super) fn new(terms: Terms, deadline: Deadline) -> Self {
        Self { terms, deadline, ended: None, uses: Uses::default() }
    }
}

/// Why a grant does not give what is asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotGranted {
    #[error("the grant {name:?} does not include that; it gives {granted}")]
    OtherRole { name: String, granted: String },
    #[error("the grant {name:?} {} ({})", .ended.reason.in_words(), .ended.at)]
    Ended { name: String, ended: Ended },
    #[error("the grant {name:?} needs a confirmation each time, and there was none: {why}")]
    NotConfirmed { name: String, why: String },
    #[error("session {session:?} of the grant {name:?} is not configured any more")]
    SessionGone { name: String, session: String },
}

/// Why credentials of a granted role are not given.
#[derive(Debug)]
pub enum Denial {
    NotGranted(NotGranted),
    /// The session or the portal refuses.
    Refused(Arc<SessionConfig>, RoleRefusal),
}

impl From<NotGranted> for Denial {
    fn from(why: NotGranted) -> Self {
        Self::NotGranted(why)
    }
}

impl Grant {
    pub(super) fn new(state: GrantState, reach: Reach, used: watch::Sender<()>) -> Self {
        let GrantState { terms, deadline, ended, uses } = state;
        let stage = watch::Sender::new(ended.map_or(Stage::Open, Stage::Ended));
        Self { terms, deadline, stage, uses: Mutex::new(uses), confirmations: Confirmations::default(), reach, used }
    }

    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    pub const fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Its stage, now and after every change.
    pub fn stages(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// The end, if it gives nothing any more. A deadline counts when it passes, whether or not anybody has noticed.
    pub fn ended(&self) -> Option<Ended> {
        match *self.stage.borrow() {
            Stage::Open => self.deadline.has_passed(self.reach.clock.now()).then(|| self.expiry()),
            Stage::Ended(ended) => Some(ended),
            Stage::Forgotten => Some(self.expiry()),
        }
    }

    pub(super) const fn expiry(&self) -> Ended {
        Ended { at: self.deadline.wall, reason: GrantEndReason::Expired }
    }

    /// Ends it, unless it has ended.
    pub(super) fn end(&self, ended: Ended) -> bool {
        self.stage.send_if_modified(|stage| {
            let is_open = *stage == Stage::Open;
            if is_open {
                *stage = Stage::Ended(ended);
            }
            is_open
        })
    }

    pub(super) fn forget(&self) {
        self.stage.send_replace(Stage::Forgotten);
    }

    pub(super) fn state(&self) -> GrantState {
        let uses = lock(&self.uses).clone();
        GrantState { terms: self.terms.clone(), deadline: self.deadline, ended: self.ended(), uses }
    }

    /// How often credentials were given, the last time, and the end of those that live longest if they still do.
    pub fn use_so_far(&self) -> (u64, Option<GrantUse>, Option<BootTime>) {
        let Uses { count, last, credentials_end } = lock(&self.uses).clone();
        (count, last, credentials_end.filter(|end| *end > self.reach.clock.now().boot))
    }

    /// The granted role that a request means: the first one that fits all that the request names.
    ///
    /// # Errors
    /// None fits, or the grant has ended.
    pub fn role(&self, selector: &Selector, account: Option<&str>, role: Option<&str>) -> Result<&Role, NotGranted> {
        let name = || self.terms.name.clone();
        if let Some(ended) = self.ended() {
            return Err(NotGranted::Ended { name: name(), ended });
        }
        let is_selected = |granted: &&Role| match selector {
            Selector::Only => true,
            Selector::Session(session) => {
                let is_alias = || self.entry(granted).is_ok_and(|entry| entry.config.aliases.contains(session));
                granted.session == *session || is_alias()
            }
            Selector::Profile(profile) => granted.profile.as_ref() == Some(profile),
            Selector::StartUrl(url) => granted.start_url == *url,
        };
        let fits = |granted: &&Role| {
            let Assignment { account: of, role: name } = &granted.assignment;
            account.is_none_or(|account| of.as_str() == account) && role.is_none_or(|role| name.as_str() == role)
        };
        self.terms.roles.iter().filter(is_selected).find(fits).ok_or_else(|| {
            let granted: Vec<String> = self.terms.roles.iter().map(ToString::to_string).collect();
            NotGranted::OtherRole { name: name(), granted: granted.join(", ") }
        })
    }

    /// Records that something was refused.
    pub fn refused(&self, caller: &Caller, why: &str) {
        self.reach.audit.record(self.happened(AuditEvent::GrantRefused, None).because(why), Some(caller));
    }

    /// What happened to this grant, and to which of its roles.
    pub(super) fn happened(&self, what: AuditEvent, role: Option<&Role>) -> Happened {
        let happened = Happened::new(what).by_grant(&self.terms.name);
        match role {
            Some(role) => happened.to_session(&role.session).of_role(&role.assignment),
            None => happened,
        }
    }

    /// The region of the Identity Center instance of a role's session.
    pub fn sso_region(&self, role: &Role) -> Result<String, NotGranted> {
        let entry = self.entry(role)?;
        Ok(entry.config.region_at(entry.session.snapshot().target.as_ref()).unwrap_or_default())
    }

    fn entry(&self, role: &Role) -> Result<Entry, NotGranted> {
        let directory = Arc::clone(&self.reach.directory.borrow());
        // The key takes a while to compute.
        let is_meant =
            |entry: &&Entry| entry.config.start_url() == role.start_url && entry.config.identity.key() == role.identity;
        let entry = directory.entries().iter().find(is_meant);
        let gone = || NotGranted::SessionGone { name: self.terms.name.clone(), session: role.session.clone() };
        entry.cloned().ok_or_else(gone)
    }
}

/// As an error names it.
impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { assignment: Assignment { account, role }, session, .. } = self;
        write!(f, "{role} in account {account} (session {session:?}")?;
        if let Some(profile) = &self.profile {
            write!(f, ", profile {profile:?}")?;
        }
        f.write_str(")")
    }
}
