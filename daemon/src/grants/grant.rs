//! One grant, as the server of its socket sees it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ssoctl_protocol::grant::{GrantEndReason, GrantUse};
use ssoctl_protocol::{Selector, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use super::confirmations::Confirmations;
use super::terms::{Deadline, Ended, Role, Terms};
use crate::assignment::{AccountId, Assignment, RoleName};
use crate::audit::{Audit, AuditEvent, Happened};
use crate::caller::{Asker, Caller, Who};
use crate::clock::{BootTime, Clock};
use crate::config::{Notifications, SessionConfig};
use crate::desktop::{About, Consent, Desktop, Question, Surroundings};
use crate::directory::{Directory, Entry};
use crate::notice::Presence;
use crate::session::callers::Refusal;
use crate::session::roles::callers::{LiveKeys, RoleRefusal};
use crate::waiting::lock;

/// The longest time for the uses to be saved.
const SAVING: Duration = Duration::from_secs(2);

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

/// Why a grant does not give what is asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotGranted {
    #[error("the grant {name:?} does not include that; it gives {granted}")]
    OtherRole { name: String, granted: String },
    #[error("the grant {name:?} {}", reason_in_words(.ended))]
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

fn reason_in_words(ended: &Ended) -> String {
    use GrantEndReason as Reason;
    let what = match ended.reason {
        Reason::Revoked => "was revoked",
        Reason::SignedOut => "ended when its session was signed out",
        Reason::ProcessEnded => "ended with the program that it was made for",
        _ => "has expired",
    };
    format!("{what} ({})", ended.at)
}

impl Grant {
    pub(super) fn new(
        terms: Terms,
        deadline: Deadline,
        ended: Option<Ended>,
        uses: Uses,
        reach: Reach,
        used: watch::Sender<()>,
    ) -> Self {
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

    pub(super) fn uses(&self) -> Uses {
        lock(&self.uses).clone()
    }

    /// How often credentials were given, the last time, and the end of those that live longest if they still do.
    pub fn use_so_far(&self) -> (u64, Option<GrantUse>, Option<BootTime>) {
        let Uses { count, last, credentials_end } = self.uses();
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
            account.is_none_or(|account| granted.account == account) && role.is_none_or(|role| granted.role == role)
        };
        self.terms.roles.iter().filter(is_selected).find(fits).ok_or_else(|| {
            let granted: Vec<String> = self.terms.roles.iter().map(ToString::to_string).collect();
            NotGranted::OtherRole { name: name(), granted: granted.join(", ") }
        })
    }

    /// Credentials of a granted role. If nobody is signed in, it waits for a person for `wait`, if it may ask for one. If each time has
    /// to be confirmed, the person is asked.
    pub async fn credentials(
        &self,
        role: &Role,
        min_valid: Duration,
        wait: Duration,
        caller: &Caller,
    ) -> Result<LiveKeys, Denial> {
        let mut stages = self.stages();
        tokio::select! {
            keys = self.give(role, min_valid, wait, caller) => keys,
            // It may end while the person or the service is asked.
            _ = stages.wait_for(|stage| *stage != Stage::Open) => {
                let ended = self.ended().unwrap_or_else(|| self.expiry());
                Err(NotGranted::Ended { name: self.terms.name.clone(), ended }.into())
            }
        }
    }

    async fn give(
        &self,
        role: &Role,
        min_valid: Duration,
        wait: Duration,
        caller: &Caller,
    ) -> Result<LiveKeys, Denial> {
        let mut keys = self.obtain(role, min_valid, wait, caller).await?;
        if self.terms.confirm {
            let confirmed = self.confirm(role, self.asker(caller).who()).await;
            let happened = match &confirmed {
                Ok(()) => self.happened(AuditEvent::GrantConfirmed, Some(role)),
                Err(why) => self.happened(AuditEvent::GrantDenied, Some(role)).because(why),
            };
            self.reach.audit.record(happened, Some(caller));
            confirmed?;
            // A minute may have passed.
            keys = self.obtain(role, min_valid, Duration::ZERO, caller).await?;
        }
        self.used(caller, keys.1).await;
        self.reach.audit.record(self.happened(AuditEvent::GrantUsed, Some(role)), Some(caller));
        Ok(keys)
    }

    /// Records that something was refused.
    pub fn refused(&self, caller: &Caller, why: &str) {
        self.reach.audit.record(self.happened(AuditEvent::GrantRefused, None).because(why), Some(caller));
    }

    /// What happened to this grant, and to which of its roles.
    pub(super) fn happened(&self, what: AuditEvent, role: Option<&Role>) -> Happened {
        let happened = Happened::new(what).by_grant(&self.terms.name);
        match role {
            Some(role) => happened.to_session(&role.session).of_role(&role.account, &role.role),
            None => happened,
        }
    }

    fn asker<'a>(&'a self, caller: &'a Caller) -> Asker<'a> {
        Asker { caller, grant: Some(&self.terms.name) }
    }

    fn not_confirmed(&self, why: impl Into<String>) -> NotGranted {
        NotGranted::NotConfirmed { name: self.terms.name.clone(), why: why.into() }
    }

    fn person_is_there(&self) -> bool {
        let wall = self.reach.clock.now().wall;
        self.reach.surroundings.borrow().presence_at(wall) == Presence::Present
    }

    async fn confirm(&self, role: &Role, who: Who) -> Result<(), NotGranted> {
        if !self.person_is_there() {
            return Err(self.not_confirmed("the screen is locked, or these are quiet hours"));
        }
        let question = Question { who, about: About::Credentials { role: role.to_string() } };
        match self.confirmations.ask(question, &self.reach).await {
            // Somebody else may sit there when the screen was locked meanwhile.
            Consent::Allowed if !self.person_is_there() => Err(self.not_confirmed("the screen is locked")),
            Consent::Allowed => Ok(()),
            Consent::Denied => Err(self.not_confirmed("the person said no")),
            Consent::Silent => Err(self.not_confirmed("nobody answered")),
            Consent::Unasked(why) => Err(self.not_confirmed(format!("the person cannot be asked: {why}"))),
        }
    }

    async fn obtain(
        &self,
        role: &Role,
        min_valid: Duration,
        wait: Duration,
        caller: &Caller,
    ) -> Result<LiveKeys, Denial> {
        let entry = self.entry(role)?;
        let (Ok(account), Ok(name)) = (AccountId::new(&role.account), RoleName::new(&role.role)) else {
            return Err(NotGranted::OtherRole { name: self.terms.name.clone(), granted: role.to_string() }.into());
        };
        let assignment = Assignment { account, role: name };
        let asker = self.asker(caller);
        let now = || self.reach.clock.now().boot;
        let ask = || entry.session.credentials(assignment.clone(), min_valid, now(), asker);
        let mut answer = ask().await;
        let needs_person = matches!(answer, Err(RoleRefusal::Session(Refusal::SignInRequired { .. })));
        if self.terms.may_ask && !wait.is_zero() && needs_person {
            let token = tokio::select! {
                token = entry.session.token(Duration::ZERO, wait, now(), asker) => token,
                () = self.invite(&entry, asker.who()) => {
                    return Err(self.not_confirmed("the person does not want to sign in for it").into());
                }
            };
            answer = match token {
                Ok(_) => ask().await,
                Err(refusal) => Err(RoleRefusal::Session(refusal)),
            };
        }
        // The deadline counts before anybody has noticed that it has passed.
        if let Some(ended) = self.ended() {
            return Err(NotGranted::Ended { name: self.terms.name.clone(), ended }.into());
        }
        answer.map_err(|refusal| Denial::Refused(entry.config, refusal))
    }

    /// Shows the person that this grant asks for a sign-in, once its page is there and the person is. Ends if the person says no; otherwise it
    /// waits for ever.
    async fn invite(&self, entry: &Entry, who: Who) {
        let Reach { desktop, clock, mut surroundings, .. } = self.reach.clone();
        let mut snapshots = entry.session.snapshots();
        let flow = match snapshots.wait_for(|snapshot| snapshot.flow.is_some()).await {
            Ok(snapshot) => snapshot.flow.clone(),
            Err(_) => None,
        };
        let notifications = self.reach.directory.borrow().default_view().config.notifications;
        let (Some(flow), Notifications::On) = (flow, notifications) else { return std::future::pending().await };
        // An error means that nothing more is heard about the person.
        let is_there = |now: &Surroundings| now.presence_at(clock.now().wall) == Presence::Present;
        let _ = surroundings.wait_for(is_there).await;
        let (session, code) = (entry.config.name.clone(), flow.user_code().map(str::to_owned));
        let question = Question { who, about: About::SignIn { session, code } };
        match self.confirmations.ask(question, &self.reach).await {
            Consent::Allowed => desktop.open(&entry.config, &flow.page),
            Consent::Denied => return,
            // It can still be found by `ssoctl status`, and joined by `ssoctl login`.
            Consent::Silent | Consent::Unasked(_) => {}
        }
        std::future::pending().await
    }

    /// The region of the Identity Center instance of a role's session.
    pub fn sso_region(&self, role: &Role) -> Result<String, NotGranted> {
        let entry = self.entry(role)?;
        Ok(entry.config.region_at(entry.session.snapshot().target.as_ref()).unwrap_or_default())
    }

    /// Notes that credentials were given, which live until `end`. If they outlive all before, that is saved before they are given: a
    /// revocation has to tell their end, also after a restart.
    async fn used(&self, caller: &Caller, end: BootTime) {
        let (pid, program) = (caller.pid(), caller.name());
        let at = Timestamp::from(self.reach.clock.now().wall);
        let is_later = {
            let mut uses = lock(&self.uses);
            uses.count += 1;
            uses.last = Some(GrantUse { at, pid, program });
            let is_later = uses.credentials_end.is_none_or(|before| end > before);
            uses.credentials_end = uses.credentials_end.max(Some(end));
            is_later
        };
        self.used.send_replace(());
        if let Some(save) = self.reach.save.as_ref().filter(|_| is_later) {
            let saving = async {
                let (saved, done) = oneshot::channel();
                if save.send(saved).await.is_ok() {
                    let _ = done.await;
                }
            };
            // A file system that hangs does not keep the credentials back.
            self.reach.clock.within(SAVING, saving).await;
        }
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
        let Self { account, role, session, .. } = self;
        write!(f, "{role} in account {account} (session {session:?}")?;
        if let Some(profile) = &self.profile {
            write!(f, ", profile {profile:?}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::clock::{ManualClock, Now};
    use crate::desktop::{Act, Asking};
    use crate::machine::MachineProblems;
    use crate::notice::Notice;

    /// A person who allows everything.
    struct Trusting;

    impl Desktop for Trusting {
        fn show(&self, _: &SessionConfig, _: &Notice, _: Option<&Who>, _: Now, _: Act) {}
        fn withdraw(&self, _: &SessionConfig) {}
        fn open(&self, _: &SessionConfig, _: &str) {}
        fn ask(&self, _: Question) -> Asking {
            Box::pin(async { Consent::Allowed })
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_behind_a_locked_screen() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        let (person, surroundings) = watch::channel(Surroundings::default());
        let reach = Reach {
            directory: watch::channel(Arc::new(Directory::empty())).1,
            clock: Arc::clone(&clock),
            desktop: Arc::new(Trusting),
            surroundings,
            audit: Audit::start(None, Arc::clone(&clock), MachineProblems::default()),
            save: None,
        };
        let role = Role {
            profile: None,
            session: "corp".to_owned(),
            identity: String::new(),
            start_url: String::new(),
            account: "111122223333".to_owned(),
            role: "ReadOnlyAccess".to_owned(),
            region: None,
        };
        let terms = Terms {
            name: "ci".to_owned(),
            roles: vec![role.clone()],
            created_at: Timestamp::from_unix(0),
            confirm: true,
            may_ask: false,
            shared: false,
            attending: None,
        };
        let deadline = Deadline::after(Duration::from_secs(60), clock.now());
        let grant = Grant::new(terms, deadline, None, Uses::default(), reach, watch::Sender::default());
        assert_eq!(grant.confirm(&role, Who::default()).await, Ok(()));
        person.send_modify(|surroundings| surroundings.presence = Presence::Away);
        let refused = grant.confirm(&role, Who::default()).await.expect_err("nobody is there");
        assert!(refused.to_string().contains("there was none: the screen is locked"), "{refused}");
    }
}
