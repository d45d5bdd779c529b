//! What the token is good for in a life: the callers that want credentials and lists, and the calls to the portal.

use std::sync::Arc;
use std::time::Duration;

use identity_center_simulator::{Delivery, Operation};
use ssoctld::oidc::CallError;
use ssoctld::portal::{AccountId, Assignment, PageToken, PortalError, RoleName, wire};
use ssoctld::session::event::Event;
use ssoctld::session::roles::{PortalAnswer, Subject, Ticket, policy};
use ssoctld::session::{AccessToken, SignInEpoch};

use super::calls::{Fate, reply};
use super::checks::Verdict;
use super::life::{Ahead, Life};
use super::wants::Want;
use super::world::{HOUR, MINUTE, SECOND, World, beginning, pick};

/// The accounts that are asked about: two of the service, and one that it does not have.
const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "999999999999"];
/// The same of roles.
const ROLES: [&str; 3] = ["AdministratorAccess", "ReadOnlyAccess", "Nobody"];

/// A call to the portal on its way.
pub(crate) struct Errand {
    ticket: Ticket,
    subject: Subject,
    page: Option<PageToken>,
    token: Arc<AccessToken>,
    /// Of the sign-in whose call it is.
    epoch: SignInEpoch,
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
        let id = self.ask(want)?;
        if self.world.rng.u8(..10) == 0 {
            let patience = self.world.span(5 * SECOND);
            self.ahead(patience, Ahead::Leave(id));
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

    // A call.

    pub(super) fn ask_portal(
        &mut self,
        ticket: Ticket,
        subject: Subject,
        page: Option<PageToken>,
        token: Arc<AccessToken>,
    ) -> Verdict {
        self.checks.role_call_begins(&subject, self.epoch, self.boot())?;
        let errand = Box::new(Errand { ticket, subject, page, token, epoch: self.epoch, fate: self.world.fate() });
        let process = self.process;
        match errand.fate.route.clone() {
            Ok((up, _)) => self.ahead(up, Ahead::ReachPortal(process, errand)),
            Err((after, error)) => self.ahead(after, Ahead::ConcludeErrand(process, errand, Err(error))),
        }
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
        let Errand { ticket, subject, epoch, .. } = errand;
        self.checks.role_call_ends(subject, *epoch);
        let response = match result {
            Ok(delivery) => {
                if let Some(clock) = self.world.look_at_clock() {
                    self.step(Event::ServiceClock(clock))?;
                }
                delivery.deliver().ok_or_else(|| errand.fate.cut_short())
            }
            Err(error) => Err(error),
        };
        let result = match response {
            Err(error) => Err(in_the_portals_words(error)),
            Ok(response) => reply(response).map_err(|reply| wire::error(&reply)),
        };
        let result = result.and_then(|body| match subject {
            Subject::Accounts => wire::accounts(&body).map(PortalAnswer::Accounts),
            Subject::Roles(_) => wire::roles(&body).map(PortalAnswer::Roles),
            Subject::Credentials(_) => {
                let credentials = wire::role_credentials(&body)?;
                let wall = self.world.clocks().wall;
                let life = policy::life(credentials.expiration, self.world.known_clock.at(wall))?;
                let ends = credentials.expiration.duration_since(beginning()).expect("a time of the simulation");
                self.checks.credentials_come(&credentials.keys, subject, *epoch, ends);
                Ok(PortalAnswer::Credentials(credentials.keys, life))
            }
        });
        if let Some(error) = result.as_ref().err().filter(|error| !error.is_unauthorized()) {
            self.checks.role_is_denied(subject, error, *epoch, self.boot());
        }
        self.step(Event::PortalAnswered(*ticket, subject.clone(), result)).map(drop)
    }
}

impl World {
    fn reach_portal(&mut self, errand: &Errand) -> Option<Delivery> {
        let page = errand.page.as_ref().map_or_else(String::new, |PageToken(page)| format!("&next_token={page}"));
        let (operation, path) = match &errand.subject {
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
