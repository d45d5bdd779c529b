//! The answers about accounts, roles and their credentials, and the calls to the portal for them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use ssoctld::clock::BootTime;
use ssoctld::portal::{Assignment, Keys, PortalError, PortalErrorName};
use ssoctld::session::callers::Refusal;
use ssoctld::session::roles::Subject;
use ssoctld::session::roles::callers::RoleRefusal;
use ssoctld::session::{SignInEpoch, Token};

use super::super::wants::{Answer, Want};
use super::super::world::{MINUTE, SECOND, World};
use super::callers::Caller;
use super::{CLOCK_TOLERANCE, Checks, HEALING, Verdict, require};

/// The rate of calls for one session, in any second: it leaves room for other programs.
const CALLS_PER_SECOND: usize = 9;

/// How long the portal is not asked again about a role that the person does not have, once it has said so twice in a row; and
/// how long these may be apart.
const DENIAL: Duration = Duration::from_secs(60);

/// The same after it has said so once.
const FIRST_DENIAL: Duration = Duration::from_secs(3);

/// Credentials that came this recently are as good as the portal gives.
const FRESH: Duration = Duration::from_secs(30);

/// What the portal has, by account.
const ASSIGNED: [(&str, &[&str]); 2] =
    [("111122223333", &["AdministratorAccess", "ReadOnlyAccess"]), ("444455556666", &["ReadOnlyAccess"])];

#[derive(Default)]
pub(super) struct Roles {
    in_flight: Vec<(SignInEpoch, Subject)>,
    /// When the last calls began.
    begun: VecDeque<BootTime>,
    issued: HashMap<String, Issued>,
    /// Until when the credentials live that were handed out since they came.
    in_use: BTreeMap<Subject, (String, BootTime)>,
    denied: BTreeMap<Subject, (SignInEpoch, BootTime, Duration)>,
    /// When the service took back what it had given.
    revoked: Option<Duration>,
}

/// Credentials that the portal gave.
struct Issued {
    subject: Subject,
    epoch: SignInEpoch,
    ends: Duration,
}

fn roles_in(account: &str) -> Option<&'static [&'static str]> {
    ASSIGNED.iter().find(|(known, _)| *known == account).map(|(_, roles)| *roles)
}

/// Whether the portal has something to give for this.
fn is_assigned(subject: &Subject) -> bool {
    match subject {
        Subject::Accounts => true,
        Subject::Roles(account) => roles_in(account.as_str()).is_some(),
        Subject::Credentials(Assignment { account, role }) => {
            roles_in(account.as_str()).is_some_and(|roles| roles.contains(&role.as_str()))
        }
    }
}

impl Checks {
    /// The service takes tokens back, which nobody is told.
    pub(crate) const fn revoked(&mut self, now: Duration) {
        self.roles.revoked = Some(now);
    }

    /// One call for a subject is in flight, and begun for somebody: who waits, or has used what is to be renewed. The portal
    /// is not asked more often than it bears, nor again about what it has just denied.
    pub(crate) fn role_call_begins(&mut self, subject: &Subject, epoch: SignInEpoch, now: BootTime) -> Verdict {
        let is_awaited = self.callers.waiting.values().any(|caller| caller.want.subject().as_ref() == Some(subject));
        let roles = &mut self.roles;
        let call = (epoch, subject.clone());
        require(!roles.in_flight.contains(&call), || format!("two calls at once for {subject}"))?;
        roles.in_flight.push(call);
        let is_in_use = roles.in_use.get(subject).is_some_and(|(_, expires)| now < *expires);
        require(is_awaited || is_in_use, || format!("a call for {subject}, which nobody uses"))?;
        roles.begun.push_back(now);
        while roles.begun.front().is_some_and(|first| now.since(*first) >= SECOND) {
            roles.begun.pop_front();
        }
        require(roles.begun.len() <= CALLS_PER_SECOND, || format!("{} calls within a second", roles.begun.len()))?;
        let denied = roles.denied.get(subject).filter(|(then, ..)| *then == epoch);
        require(denied.is_none_or(|(_, at, remembered)| now.since(*at) >= *remembered), || {
            format!("{subject} was denied, and asked for again")
        })
    }

    pub(crate) fn role_call_ends(&mut self, subject: &Subject, epoch: SignInEpoch) {
        let known = self.roles.in_flight.iter().position(|(then, known)| (*then, known) == (epoch, subject));
        if let Some(index) = known {
            self.roles.in_flight.remove(index);
        }
    }

    /// The portal has given these.
    pub(crate) fn credentials_come(&mut self, keys: &Keys, subject: &Subject, epoch: SignInEpoch, ends: Duration) {
        let issued = Issued { subject: subject.clone(), epoch, ends };
        self.roles.denied.remove(subject);
        self.roles.issued.insert(keys.access_key_id.clone(), issued);
        self.roles.in_use.remove(subject);
    }

    /// The portal has said that the person does not have this role. Lists are asked for each time.
    pub(crate) fn role_is_denied(&mut self, subject: &Subject, error: &PortalError, epoch: SignInEpoch, now: BootTime) {
        let is_denied = matches!(error.name(), Some(PortalErrorName::Forbidden | PortalErrorName::ResourceNotFound));
        if is_denied && matches!(subject, Subject::Credentials(_)) {
            let known = self.roles.denied.get(subject).filter(|(then, ..)| *then == epoch);
            let in_a_row = known.is_some_and(|(_, at, remembered)| now.since(*at) < *remembered + DENIAL);
            let remembered = if in_a_row { DENIAL } else { FIRST_DENIAL };
            self.roles.denied.insert(subject.clone(), (epoch, now, remembered));
        }
    }

    /// Every caller is answered once: with credentials only if they are of the role and of the present sign-in, live, and live
    /// long enough; with whole lists; and not with a refusal where the portal would give what is asked for.
    pub(super) fn answers_role(
        &mut self,
        caller: &Caller,
        subject: Subject,
        answer: &Answer,
        epoch: SignInEpoch,
        token: Option<&Token>,
        world: &mut World,
    ) -> Verdict {
        match (&caller.want, answer) {
            (Want::Credentials { min_valid, .. }, Answer::Credentials(keys, expires)) => {
                self.counts.count("credentials given");
                let claimed = World::elapsed_at(*expires).saturating_sub(world.elapsed());
                require(claimed > Duration::ZERO && claimed >= *min_valid, || {
                    format!("credentials for {claimed:?} were given to somebody who wanted {min_valid:?}")
                })?;
                let Some(issued) = self.roles.issued.get(&keys.access_key_id) else {
                    return Err("credentials that nobody issued".into());
                };
                require(issued.subject == subject, || {
                    format!("credentials for {} to who wants {subject}", issued.subject)
                })?;
                require(issued.epoch == epoch, || format!("credentials for {subject} of another sign-in"))?;
                let excess = World::elapsed_at(*expires).saturating_sub(issued.ends);
                require(excess <= CLOCK_TOLERANCE, || {
                    format!("credentials were served {excess:?} past their true end")
                })?;
                self.roles.in_use.insert(subject, (keys.access_key_id.clone(), *expires));
                Ok(())
            }
            (Want::Accounts, Answer::Accounts(accounts)) => {
                let ids: Vec<&str> = accounts.iter().map(|account| account.id.as_str()).collect();
                require(ids == ASSIGNED.map(|(id, _)| id), || format!("the accounts are said to be {ids:?}"))
            }
            (Want::Roles(account), Answer::Roles(roles)) => {
                let expected = roles_in(account.as_str()).unwrap_or_default();
                require(roles.as_slice() == expected, || format!("the roles in {account} are said to be {roles:?}"))
            }
            (_, Answer::RoleRefused(refusal)) => self.refuses_role(caller, refusal, token, world),
            (want, answer) => Err(format!("{want:?} was asked for, and the answer is {answer:?}")),
        }
    }

    fn refuses_role(
        &self,
        caller: &Caller,
        refusal: &RoleRefusal,
        token: Option<&Token>,
        world: &mut World,
    ) -> Verdict {
        let is_well = world.healthy_for() >= HEALING;
        let is_warned = self.roles.revoked.is_some_and(|at| at + HEALING >= caller.since);
        match refusal {
            RoleRefusal::Session(Refusal::ShuttingDown) => Ok(()),
            RoleRefusal::TooManyRoles => Err("there is no room for a few roles".into()),
            RoleRefusal::NotAssigned { subject, .. } => {
                require(!is_assigned(subject), || format!("{subject} is denied to a person who has it"))
            }
            RoleRefusal::ValidityUnattainable { best } => {
                let Want::Credentials { min_valid, .. } = &caller.want else {
                    return Err("a list is said not to live long enough".into());
                };
                let left = World::elapsed_at(*best).saturating_sub(world.elapsed());
                require(left < *min_valid, || format!("{left:?} is called too short for {min_valid:?}"))?;
                require(*min_valid + FRESH + CLOCK_TOLERANCE > world.role_lifetime, || {
                    format!("{min_valid:?} is called too long, and credentials live {:?}", world.role_lifetime)
                })
            }
            RoleRefusal::Session(refusal) if is_well => {
                // What has ended in this very step is no reason to expect anything.
                let since = self
                    .live_since()
                    .filter(|_| token.is_some_and(|token| World::elapsed_at(token.expires) > world.elapsed()));
                require(since.is_none_or(|since| since > caller.since), || {
                    format!("refused with {refusal:?}, although there is a live token since {since:?}")
                })?;
                let could = token.and_then(|token| token.renewal.as_ref()).and_then(|it| world.refreshable_until(it));
                let enough = could.is_some_and(|until| until > world.elapsed() + MINUTE);
                require(!enough, || format!("refused with {refusal:?}, although a refresh would have given a token"))
            }
            RoleRefusal::Portal(_) | RoleRefusal::PortalSilent if is_well && !is_warned => {
                Err(format!("refused with {refusal:?}, although nothing was wrong for {HEALING:?}"))
            }
            RoleRefusal::Session(_) | RoleRefusal::Portal(_) | RoleRefusal::PortalSilent => Ok(()),
        }
    }
}
