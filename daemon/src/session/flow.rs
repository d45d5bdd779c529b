//! The flow of a sign-in, pure: at most one per session is open, and everybody joins it.
//!
//! Where the start URL is not AWS's own, a flow first asks where it leads ([`target`]). A flow is of one of two kinds. [`device`] is the device
//! authorization grant (RFC 8628): it registers a client if there is no usable one, asks for a device authorization, tries once whether the
//! client is authorised already, and only then shows its code and polls.
//! [`browser`] is the authorization code grant (RFC 6749, RFC 8252, RFC 7636): it registers a client, listens for the browser, and only then
//! shows its page; the code that the browser brings gives the token. Where that is not possible it goes on as a device flow, and says why.
//!
//! What each error of the service means:
//!
//! | error | RegisterClient | StartDeviceAuthorization | CreateToken, device code | CreateToken, authorization code |
//! |---|---|---|---|---|
//! | AuthorizationPending | like an unknown one | like an unknown one | polls on | tried again |
//! | SlowDown | tried again | tried again | polls on, 5 s slower for the rest of the flow | tried again |
//! | ExpiredToken | ends: refused | ends: refused | ends: expired | ends: expired |
//! | AccessDenied | ends: refused | ends: refused | ends: denied | ends: denied |
//! | InvalidClient | ends: refused | registers anew, once | registers anew, once | ends: refused |
//! | InvalidRequestRegion | goes on in that region, once, if none is configured | the same | the same | ends: refused |
//! | InvalidRequest with a `KMS_*` reason, InternalServer | tried again | tried again | polls on, backing off | tried again |
//! | every other one that has a name | ends: refused | ends: refused | ends: refused | ends: refused |
//! | one without a name, no answer, an answer that is not JSON | tried again | tried again | polls on, backing off | tried again |
//! | an answer in JSON that makes no sense | ends: failed | ends: failed | ends: failed, as the code is used up | the same |
//! | a configuration that allows no call | ends: refused | ends: refused | ends: refused | ends: refused |
//!
//! "Tried again" means [`policy::ATTEMPTS`] times in all, after which the flow ends as failed. Where a flow at the browser would end
//! because of the answer to RegisterClient, it goes on as a device flow. Errors that the browser brings back (RFC 6749, section
//! 4.1.2.1) mean what they mean at CreateToken, and none of them is tried again.

mod browser;
mod device;
mod end;
mod target;

use std::time::Duration;

use super::event::{CallbackPage, Effect};
use super::policy;
use crate::clock::{BootTime, Now};
use crate::notice::{FlowKind, FlowView, Way};
use crate::oidc::{CallError, DeviceAuthorization, ErrorName, Grant, Registration};
use browser::AtBrowser;
use device::ByCode;
pub use end::FlowEnd;
pub use target::FlowTarget;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    pub number: u64,
    kind: FlowKind,
    /// The port to listen on; the system chooses one if there is none.
    callback_port: Option<u16>,
    /// `None` until it is known where the start URL leads.
    target: Option<FlowTarget>,
    /// Why it is a device flow although a browser was wanted.
    no_browser: Option<String>,
    stage: Stage,
    registered_anew: bool,
    failures: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Stage {
    /// The next step towards a page is due then.
    Due { at: BootTime, renew_registration: bool },
    /// The start URL is being asked where it leads.
    Resolving,
    /// RegisterClient is under way.
    Registering,
    /// StartDeviceAuthorization is under way.
    Authorizing { registration: Registration },
    /// A listener for the browser is being opened.
    OpeningCallback { registration: Registration },
    /// The service has given a code to compare.
    ByCode(Box<ByCode>),
    /// The browser is to come back.
    AtBrowser(Box<AtBrowser>),
    /// The token has come and is being stored.
    Granted,
}

impl Flow {
    /// A flow whose first step is due now. Without a target, it has to find out where the start URL leads.
    pub const fn new(
        number: u64,
        kind: FlowKind,
        callback_port: Option<u16>,
        target: Option<FlowTarget>,
        now: BootTime,
    ) -> Self {
        let stage = Stage::Due { at: now, renew_registration: false };
        Self { number, kind, callback_port, target, no_browser: None, stage, registered_anew: false, failures: 0 }
    }

    pub const fn kind(&self) -> FlowKind {
        self.kind
    }

    /// The flow as it may be shown, once there is a page.
    pub fn view(&self) -> Option<FlowView> {
        let (page, way, expires) = match &self.stage {
            Stage::ByCode(open) => open.shown()?,
            Stage::AtBrowser(open) => {
                let CallbackPage { page, port } = open.page.clone();
                (page, Way::Browser { callback_port: port }, open.expires)
            }
            _ => return None,
        };
        Some(FlowView { number: self.number, page, way, expires, no_browser: self.no_browser.clone() })
    }

    /// When [`drive`](Self::drive) is due.
    pub fn wake_at(&self) -> Option<BootTime> {
        match &self.stage {
            Stage::Due { at, .. } => Some(*at),
            Stage::ByCode(open) => Some(open.wake_at()),
            Stage::AtBrowser(open) => open.wake_at(),
            _ => None,
        }
    }

    /// Does what is due: begins the next call, or ends the flow when nobody has signed in in time. `known` is a registration for
    /// device flows.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn drive(&mut self, known: Option<&Registration>, now: Now) -> Result<Option<Effect>, FlowEnd> {
        let create_token = match &mut self.stage {
            Stage::Due { at, renew_registration } if *at <= now.boot => {
                let known = known.filter(|_| !*renew_registration);
                return Ok(Some(self.begin_next_call(known, now)));
            }
            Stage::ByCode(open) => open.drive(now.boot)?,
            Stage::AtBrowser(open) => open.drive(now.boot)?,
            _ => None,
        };
        Ok(create_token.map(|(registration, grant)| Effect::CreateToken(self.number, registration, grant)))
    }

    /// Begins the next call on the way to a page.
    fn begin_next_call(&mut self, known: Option<&Registration>, now: Now) -> Effect {
        let Some(target) = &self.target else {
            self.stage = Stage::Resolving;
            return Effect::ResolveStartUrl(self.number);
        };
        // A page that the service refuses to show brings nobody back, so a registration for the browser is used once.
        let known = known.filter(|_| self.kind == FlowKind::Device);
        match known.filter(|known| policy::is_usable(known, now.wall) && target.fits(known)) {
            Some(registration) => self.authorize(registration.clone()),
            None => {
                let target = target.target.clone();
                self.stage = Stage::Registering;
                Effect::Register(self.number, self.kind, target)
            }
        }
    }

    /// Ends a pause after a failure, because the next attempt may work now. Polls still keep to the interval.
    pub fn retry_now(&mut self, now: BootTime) {
        if self.failures == 0 {
            return;
        }
        match &mut self.stage {
            Stage::Due { at, .. } => *at = now,
            Stage::ByCode(open) => open.retry_now(now),
            Stage::AtBrowser(open) => open.retry_now(now),
            _ => {}
        }
    }

    fn authorize(&mut self, registration: Registration) -> Effect {
        match self.kind {
            FlowKind::Device => {
                self.stage = Stage::Authorizing { registration: registration.clone() };
                Effect::AuthorizeDevice(self.number, registration)
            }
            FlowKind::Browser => {
                self.stage = Stage::OpeningCallback { registration: registration.clone() };
                Effect::OpenCallback(self.number, registration, self.callback_port)
            }
        }
    }

    /// RegisterClient has answered.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn on_registered(
        &mut self,
        result: Result<Registration, CallError>,
        now: Now,
        chance: f64,
    ) -> Result<Option<Effect>, FlowEnd> {
        if self.is_granted() {
            return Ok(None);
        }
        match result {
            Ok(registration) => {
                self.failures = 0;
                Ok(Some(self.authorize(registration)))
            }
            Err(error) if self.move_to_region_of(&error, now.boot) => Ok(None),
            Err(error) => match self.try_again(error, now, chance) {
                Err(FlowEnd::Failed(error)) if self.kind == FlowKind::Browser && error.is_answer_of_service() => {
                    let why = format!("the service refuses a registration for the browser: {error}");
                    self.go_on_as_device_flow(why, now.boot);
                    Ok(None)
                }
                tried => tried,
            },
        }
    }

    /// StartDeviceAuthorization has answered.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn on_authorized(
        &mut self,
        result: Result<DeviceAuthorization, CallError>,
        now: Now,
        chance: f64,
    ) -> Result<Option<Effect>, FlowEnd> {
        let Stage::Authorizing { registration } = &self.stage else { return Ok(None) };
        match result {
            Ok(authorization) => {
                self.failures = 0;
                self.stage = Stage::ByCode(Box::new(ByCode::new(registration.clone(), authorization, now.boot)));
                Ok(None)
            }
            Err(error) if self.move_to_region_of(&error, now.boot) => Ok(None),
            Err(error) if error.name() == Some(ErrorName::InvalidClient) => self.register_anew(error, now),
            Err(error) => self.try_again(error, now, chance),
        }
    }

    /// A listener for the browser is open, and this is the page that leads to it; or why there is none.
    pub fn on_callback_open(&mut self, result: Result<CallbackPage, String>, now: BootTime) {
        let Stage::OpeningCallback { registration } = &self.stage else { return };
        match result {
            Ok(page) => self.stage = Stage::AtBrowser(Box::new(AtBrowser::new(registration.clone(), page, now))),
            Err(why) => self.go_on_as_device_flow(why, now),
        }
    }

    /// The browser has come back.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn on_called_back(&mut self, result: Result<Grant, CallError>, now: BootTime) -> Result<(), FlowEnd> {
        let Stage::AtBrowser(open) = &mut self.stage else { return Ok(()) };
        open.called_back(result.map_err(FlowEnd::of)?, now);
        Ok(())
    }

    /// CreateToken has answered with an error.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn on_no_token(&mut self, error: CallError, now: Now, chance: f64) -> Result<Option<Effect>, FlowEnd> {
        // A browser that has come back is not sent away again.
        if matches!(self.stage, Stage::ByCode(_)) && self.move_to_region_of(&error, now.boot) {
            return Ok(None);
        }
        match &mut self.stage {
            Stage::ByCode(_) if error.name() == Some(ErrorName::InvalidClient) => {
                return self.register_anew(error, now);
            }
            Stage::ByCode(open) => open.no_token(error, &mut self.failures, now.boot)?,
            Stage::AtBrowser(open) => open.no_token(error, &mut self.failures, now.boot, chance)?,
            _ => {}
        }
        Ok(None)
    }

    /// The registration that a token of this flow belongs to, and when it was asked for. The flow is over once that token
    /// is stored.
    pub fn grant(&mut self) -> Option<(Registration, BootTime)> {
        let granted = match &self.stage {
            Stage::ByCode(open) => (open.registration.clone(), open.last_attempt),
            Stage::AtBrowser(open) => (open.registration.clone(), open.last_attempt),
            _ => return None,
        };
        self.stage = Stage::Granted;
        Some(granted)
    }

    /// The token came from elsewhere, and is being stored.
    pub fn overtake(&mut self) {
        self.stage = Stage::Granted;
    }

    /// The registration of the attempt that is under way with a device code, if there is one, and when that began: it may still bring a
    /// token when the code has expired.
    pub fn attempting_with(&self) -> Option<(&Registration, BootTime)> {
        match &self.stage {
            Stage::ByCode(open) => open.attempting_with(),
            _ => None,
        }
    }

    /// Whether its token has come and is being stored.
    pub const fn is_granted(&self) -> bool {
        matches!(self.stage, Stage::Granted)
    }

    fn register_anew(&mut self, error: CallError, now: Now) -> Result<Option<Effect>, FlowEnd> {
        if std::mem::replace(&mut self.registered_anew, true) {
            return Err(FlowEnd::Failed(error));
        }
        self.stage = Stage::Due { at: now.boot, renew_registration: true };
        Ok(None)
    }

    fn go_on_as_device_flow(&mut self, why: String, now: BootTime) {
        self.kind = FlowKind::Device;
        self.no_browser = Some(why);
        self.failures = 0;
        self.stage = Stage::Due { at: now, renew_registration: false };
    }

    fn try_again(&mut self, error: CallError, now: Now, chance: f64) -> Result<Option<Effect>, FlowEnd> {
        let pause = pause_before_next_attempt(&error, &mut self.failures, chance).ok_or(FlowEnd::Failed(error))?;
        // A registration that the service does not know any more stays unusable while the next one is being obtained.
        let renew_registration = self.registered_anew && matches!(self.stage, Stage::Registering);
        self.stage = Stage::Due { at: now.boot + pause, renew_registration };
        Ok(None)
    }
}

/// How long to wait before a step that has failed is tried once more; `None` if it is not.
fn pause_before_next_attempt(error: &CallError, failures: &mut u32, chance: f64) -> Option<Duration> {
    *failures += 1;
    let is_final = !error.may_pass() || matches!(error, CallError::Senseless { .. });
    if is_final || *failures >= policy::ATTEMPTS {
        return None;
    }
    let pause = policy::backoff(*failures, error.retry_after(), chance);
    // A pause that is longer than a person waits for a page is a failure.
    Some(pause).filter(|pause| *pause <= policy::CODE_PATIENCE)
}
