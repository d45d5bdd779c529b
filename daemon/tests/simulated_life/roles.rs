//! What the token is good for in a life: the callers that want credentials and lists, the roles' state that answers them, and
//! its calls to the portal. What the roles' task does one after the other is done here by the queue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use identity_center_simulator::{Delivery, Operation};
use ssoctld::clock::BootTime;
use ssoctld::oidc::CallError;
use ssoctld::portal::{AccountId, Assignment, PageToken, PortalError, RoleName, wire};
use ssoctld::roles::ask::{AskId, Want};
use ssoctld::roles::state::{Effect, Event, Failure, Reply, State, Ticket};
use ssoctld::roles::{Subject, policy};
use ssoctld::session::AccessToken;
use ssoctld::session::ask::{Answer as SessionAnswer, Refusal, Want as SessionWant};
use ssoctld::session::state::{Event as SessionEvent, Lineage};

use super::calls::{Fate, reply};
use super::checks::Verdict;
use super::life::{Ahead, Life};
use super::telling::trace;
use super::world::{HOUR, MINUTE, SECOND, World, beginning, pick};

/// The accounts that are asked about: two of the service, and one that it does not have.
const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "999999999999"];
/// The same of roles.
const ROLES: [&str; 3] = ["AdministratorAccess", "ReadOnlyAccess", "Nobody"];

/// The roles of one process.
pub(crate) struct Roles {
    state: State,
    /// Of the sign-in that all in `state` was had with.
    lineage: Lineage,
    /// Calls that have asked the session for a token, by what they are to the session.
    for_tokens: HashMap<u64, Wanted>,
}

impl Roles {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: State::new(seed), lineage: Lineage::default(), for_tokens: HashMap::new() }
    }

    pub(super) fn wake_at(&self, now: BootTime) -> Option<BootTime> {
        self.state.wake_at(now)
    }
}

/// What a call wants of the portal.
#[derive(Clone)]
pub(crate) struct Wanted {
    ticket: Ticket,
    subject: Subject,
    page: Option<PageToken>,
    /// Of the sign-in whose call it is.
    lineage: Lineage,
}

/// A call to the portal on its way.
pub(crate) struct Errand {
    wanted: Wanted,
    token: Arc<AccessToken>,
    /// Of the sign-in that the token is of.
    token_lineage: Lineage,
    fate: Fate,
}

impl Life {
    // Callers.

    pub(super) fn role_callers_come(&mut self, count: u32) -> Verdict {
        let want = self.draw_role_want();
        for number in 0..count {
            // A herd wants one and the same thing.
            let want = if count > 10 || number == 0 { want.clone() } else { self.draw_role_want() };
            self.ask_for_role(want)?;
        }
        // Programs ask for the same thing again and again.
        if self.world.rng.bool() {
            let pause = self.world.span(20 * SECOND);
            self.ahead(pause, Ahead::AskForRole(Box::new(want)));
        }
        Ok(())
    }

    pub(super) fn ask_for_role(&mut self, want: Want) -> Verdict {
        self.asked += 1;
        let id = self.asked;
        self.checks.asked_for_role(id, &want, self.world.elapsed());
        self.roles_on(Event::Asked(AskId(id), want))?;
        if self.world.rng.u8(..10) == 0 {
            let patience = self.world.span(5 * SECOND);
            self.ahead(patience, Ahead::LeaveRoles(id));
        }
        Ok(())
    }

    fn draw_role_want(&mut self) -> Want {
        let rng = &mut self.world.rng;
        let account = AccountId::new(ACCOUNTS[[0, 0, 0, 1, 1, 2][rng.usize(..6)]]).expect("an id");
        match rng.u8(..10) {
            0 => Want::Accounts,
            1 => Want::Roles(account),
            _ => {
                let role = RoleName::new(ROLES[[0, 0, 1, 1, 1, 2][rng.usize(..6)]]).expect("a name");
                let min_valid = pick(
                    rng,
                    &[Duration::ZERO, Duration::ZERO, Duration::ZERO, MINUTE, 10 * MINUTE, 50 * MINUTE, 13 * HOUR],
                );
                Want::Credentials { assignment: Assignment { account, role }, min_valid }
            }
        }
    }

    // The roles' task.

    /// Tells the roles something, carries out what they want, and holds them to the rules. Returns how much they wanted.
    pub(super) fn roles_on(&mut self, event: Event) -> Result<usize, String> {
        let current = self.lineage;
        let Some(roles) = &mut self.roles else { return Ok(0) };
        let mut wanted = 0;
        if std::mem::replace(&mut roles.lineage, current) != current {
            wanted += self.tell_roles(Event::LineageChanged)?;
        }
        wanted += self.tell_roles(event)?;
        self.checks.roles_promise(self.world.elapsed())?;
        Ok(wanted)
    }

    fn tell_roles(&mut self, event: Event) -> Result<usize, String> {
        let now = self.boot();
        if self.trace.is_some() && !matches!(event, Event::Tick) {
            trace!(self, "roles: {event:?}");
        }
        let Some(roles) = &mut self.roles else { return Ok(0) };
        let (effects, lineage) = (roles.state.on(event, now), roles.lineage);
        let decisions: Vec<String> = roles.state.decisions().iter().map(|decision| format!("{decision:?}")).collect();
        decisions.iter().for_each(|decision| trace!(self, "    roles: {decision}"));
        let count = effects.len();
        for effect in effects {
            match effect {
                Effect::Answer(AskId(id), answer) => {
                    trace!(self, "    caller {id} of roles: {answer:?}");
                    self.checks.answers_role(id, &answer, lineage, self.token.as_ref(), &mut self.world)?;
                }
                Effect::Reject(token) => self.ahead(Duration::ZERO, Ahead::Reject(self.process, token)),
                Effect::Call(ticket, subject, page) => {
                    self.checks.role_call_begins(&subject, lineage, now)?;
                    let wanted = Box::new(Wanted { ticket, subject, page, lineage });
                    self.ahead(Duration::ZERO, Ahead::RolesCall(self.process, wanted));
                }
            }
        }
        Ok(count)
    }

    // A call.

    /// It asks the session for a token, as every other caller does.
    pub(super) fn token_for(&mut self, wanted: Wanted) -> Verdict {
        if !self.is_running() {
            return self.without_token(wanted, Refusal::ShuttingDown);
        }
        let id = self.asked + 1;
        if let Some(roles) = &mut self.roles {
            roles.for_tokens.insert(id, wanted);
        }
        self.ask(SessionWant::Token { min_valid: Duration::ZERO, wait: Duration::ZERO }).map(drop)
    }

    /// The session has answered somebody, which may have been one of these calls.
    pub(super) fn hand_to_roles(&mut self, id: u64, answer: SessionAnswer) -> Verdict {
        let Some(wanted) = self.roles.as_mut().and_then(|roles| roles.for_tokens.remove(&id)) else { return Ok(()) };
        match answer {
            SessionAnswer::Token(token, _) => {
                let errand = Errand { wanted, token, token_lineage: self.lineage, fate: self.world.fate() };
                let (process, errand) = (self.process, Box::new(errand));
                match errand.fate.route.clone() {
                    Ok((up, _)) => self.ahead(up, Ahead::ReachPortal(process, errand)),
                    Err((after, error)) => self.ahead(after, Ahead::ConcludeErrand(process, errand, Err(error))),
                }
                Ok(())
            }
            SessionAnswer::Refused(refusal) => self.without_token(wanted, refusal),
            other => Err(format!("a call wanted a token and was told {other:?}")),
        }
    }

    fn without_token(&mut self, wanted: Wanted, refusal: Refusal) -> Verdict {
        self.checks.role_call_ends(&wanted.subject, wanted.lineage);
        let heard = Event::Ended(wanted.subject, wanted.ticket, Err(Failure::NoToken(refusal)));
        self.ahead(Duration::ZERO, Ahead::RolesHear(self.process, Box::new(heard)));
        Ok(())
    }

    pub(super) fn reach_portal(&mut self, process: u64, errand: Box<Errand>) {
        let down = errand.fate.route.as_ref().map_or(Duration::ZERO, |(_, down)| *down);
        let delivery = self.world.reach_portal(&errand);
        if process == self.process {
            let (after, result) = match delivery {
                Some(delivery) => (down, Ok(Box::new(delivery))),
                None => (down, Err(CallError::Network("the connection ended".to_owned()))),
            };
            self.ahead(after, Ahead::ConcludeErrand(process, errand, result));
        }
    }

    pub(super) fn conclude_errand(&mut self, errand: &Errand, result: Result<Box<Delivery>, CallError>) -> Verdict {
        let Wanted { ticket, subject, lineage, .. } = errand.wanted.clone();
        self.checks.role_call_ends(&subject, lineage);
        let response = match result {
            Ok(delivery) => {
                if let Some(clock) = self.world.look_at_clock() {
                    self.step(SessionEvent::ServiceClock(clock))?;
                }
                delivery.deliver().ok_or_else(|| errand.fate.cut_short())
            }
            Err(error) => Err(error),
        };
        let result = match response {
            Err(error) => Err(in_the_portals_words(error)),
            Ok(response) => reply(response).map_err(|reply| wire::error(&reply)),
        };
        let result = result.and_then(|body| match &subject {
            Subject::Accounts => wire::accounts(&body).map(Reply::Accounts),
            Subject::Roles(_) => wire::roles(&body).map(Reply::Roles),
            Subject::Credentials(_) => {
                let credentials = wire::role_credentials(&body)?;
                let wall = self.world.clocks().wall;
                let life = policy::life(credentials.expiration, self.world.known_clock.at(wall))?;
                let ends = credentials.expiration.duration_since(beginning()).expect("a time of the simulation");
                self.checks.credentials_come(&credentials.keys, &subject, errand.token_lineage, ends);
                Ok(Reply::Credentials(credentials.keys, life))
            }
        });
        let result = result.map_err(|error| {
            if error.is_unauthorized() {
                Failure::Rejected(Arc::clone(&errand.token), error)
            } else {
                Failure::Portal(error)
            }
        });
        if let Err(Failure::Portal(error)) = &result {
            self.checks.role_is_denied(&subject, error, lineage, self.boot());
        }
        self.roles_on(Event::Ended(subject, ticket, result)).map(drop)
    }
}

impl World {
    fn reach_portal(&mut self, errand: &Errand) -> Option<Delivery> {
        let page =
            errand.wanted.page.as_ref().map_or_else(String::new, |PageToken(page)| format!("&next_token={page}"));
        let (operation, path) = match &errand.wanted.subject {
            Subject::Credentials(Assignment { account, role }) => (
                Operation::GetRoleCredentials,
                format!("/federation/credentials?role_name={}&account_id={}", role.as_str(), account.as_str()),
            ),
            Subject::Accounts => (Operation::ListAccounts, format!("/assignment/accounts?{page}")),
            Subject::Roles(account) => {
                (Operation::ListAccountRoles, format!("/assignment/roles?account_id={}{page}", account.as_str()))
            }
        };
        self.meet_fault(&errand.fate, operation);
        let token = errand.token.value.expose().as_str();
        let delivery = self.service.arrive(&path, Some(token), Vec::new()).carry_out()?;
        Some(delivery).filter(|_| !errand.fate.loses_answer)
    }
}

/// What fails on the way fails in the same way for both services.
fn in_the_portals_words(error: CallError) -> PortalError {
    match error {
        CallError::Unusable(reason) => PortalError::Unusable(reason),
        CallError::Configuration(reason) => PortalError::Configuration(reason),
        error => PortalError::Network(error.to_string()),
    }
}
