//! The device flow (RFC 8628), pure: at most one per session is open, and everybody joins it.
//!
//! A flow registers a client if there is no usable one, asks for a device authorization, tries once whether the client is
//! authorised already, and only then shows its code and polls. What each error of the service means for it:
//!
//! | error | RegisterClient | StartDeviceAuthorization | CreateToken |
//! |---|---|---|---|
//! | AuthorizationPending | like an unknown one | like an unknown one | polls on |
//! | SlowDown | tried again | tried again | polls on, 5 s slower for the rest of the flow |
//! | ExpiredToken | ends: refused | ends: refused | ends: expired |
//! | AccessDenied | ends: refused | ends: refused | ends: denied |
//! | InvalidClient | ends: refused | registers anew, once | registers anew, once |
//! | InvalidRequest with a `KMS_*` reason, InternalServer | tried again | tried again | polls on, backing off |
//! | every other one that has a name | ends: refused | ends: refused | ends: refused |
//! | one without a name, no answer, an answer that is not JSON | tried again | tried again | polls on, backing off |
//! | an answer in JSON that makes no sense | ends: failed | ends: failed | ends: failed, as the code is used up |
//! | a configuration that allows no call | ends: refused | ends: refused | ends: refused |
//!
//! "Tried again" means [`policy::ATTEMPTS_TO_OPEN`] times in all, after which the flow ends as failed: there is no code
//! yet that a person could enter.

use std::time::Duration;

use super::event::Effect;
use super::policy;
use crate::clock::{BootTime, Now};
use crate::notice::FlowView;
use crate::oidc::{CallError, DeviceAuthorization, ErrorName, Grant, Registration};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    pub number: u64,
    stage: Stage,
    registered_anew: bool,
    failures: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Stage {
    /// The next step towards a code is due then.
    Due { at: BootTime, renew_registration: bool },
    /// RegisterClient is under way.
    Registering,
    /// StartDeviceAuthorization is under way.
    Authorizing { registration: Registration },
    /// The service has given a code.
    Open(Box<Open>),
    /// The token has come and is being stored.
    Granted,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Open {
    registration: Registration,
    authorization: DeviceAuthorization,
    interval: Duration,
    expires: BootTime,
    /// When CreateToken may be tried next; `None` while an attempt is under way.
    next_attempt: Option<BootTime>,
    /// When it was tried last.
    last_attempt: BootTime,
    /// When that was answered.
    last_answer: BootTime,
    /// Whether the early attempt is over, so that the code may be shown.
    shown: bool,
    /// An answer to CreateToken that could not be read, and that may have used the code up.
    unreadable: Option<CallError>,
}

/// The end of a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FlowEnd {
    Granted,
    Expired,
    Denied,
    Cancelled,
    Failed(CallError),
}

impl FlowEnd {
    /// For the log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Expired => "expired",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Failed(_) => "failed",
        }
    }
}

impl Flow {
    /// A flow whose first step is due now.
    pub const fn new(number: u64, now: BootTime) -> Self {
        Self { number, stage: Stage::Due { at: now, renew_registration: false }, registered_anew: false, failures: 0 }
    }

    /// The flow as it may be shown, once there is a code.
    pub fn view(&self) -> Option<FlowView> {
        match &self.stage {
            Stage::Open(open) if open.shown => Some(FlowView {
                number: self.number,
                user_code: open.authorization.user_code.clone(),
                verification_uri: open.authorization.verification_uri.clone(),
                verification_uri_complete: open.authorization.verification_uri_complete.clone(),
                expires: open.expires,
            }),
            _ => None,
        }
    }

    /// When [`drive`](Self::drive) is due.
    pub fn wake_at(&self) -> Option<BootTime> {
        match &self.stage {
            Stage::Due { at, .. } => Some(*at),
            Stage::Open(open) => Some(open.next_attempt.map_or(open.expires, |next| next.min(open.expires))),
            Stage::Registering | Stage::Authorizing { .. } | Stage::Granted => None,
        }
    }

    /// Does what is due: begins the next call, or ends the flow when its code has expired.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn drive(&mut self, known: Option<&Registration>, now: Now) -> Result<Option<Effect>, FlowEnd> {
        match &mut self.stage {
            Stage::Due { at, renew_registration } if *at <= now.boot => {
                let usable = known.filter(|known| !*renew_registration && policy::is_usable(known, now.wall)).cloned();
                Ok(Some(match usable {
                    Some(registration) => self.authorize(registration),
                    None => {
                        self.stage = Stage::Registering;
                        Effect::Register(self.number)
                    }
                }))
            }
            // The service would answer ExpiredToken, but may not be reached any more.
            Stage::Open(open) if open.expires <= now.boot => Err(FlowEnd::Expired),
            Stage::Open(open) if open.next_attempt.is_some_and(|next| next <= now.boot) => {
                open.next_attempt = None;
                open.last_attempt = now.boot;
                Ok(Some(Effect::CreateToken(
                    self.number,
                    open.registration.clone(),
                    Grant::DeviceCode(open.authorization.device_code.clone()),
                )))
            }
            _ => Ok(None),
        }
    }

    /// Ends a pause after a failure, because the next attempt may work now. Polls still keep to the interval.
    pub fn retry_now(&mut self, now: BootTime) {
        if self.failures == 0 {
            return;
        }
        match &mut self.stage {
            Stage::Due { at, .. } => *at = now,
            Stage::Open(open) => {
                let earliest = now.max(open.last_answer + open.interval);
                open.next_attempt = open.next_attempt.map(|next| next.min(earliest));
            }
            Stage::Registering | Stage::Authorizing { .. } | Stage::Granted => {}
        }
    }

    fn authorize(&mut self, registration: Registration) -> Effect {
        self.stage = Stage::Authorizing { registration: registration.clone() };
        Effect::AuthorizeDevice(self.number, registration)
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
            Err(error) => self.try_again(error, now, chance),
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
                self.stage = Stage::Open(Box::new(Open {
                    registration: registration.clone(),
                    interval: authorization.interval,
                    expires: now.boot + authorization.expires_in,
                    next_attempt: Some(now.boot),
                    last_attempt: now.boot,
                    last_answer: now.boot,
                    shown: false,
                    unreadable: None,
                    authorization,
                }));
                Ok(None)
            }
            Err(error) if error.name() == Some(ErrorName::InvalidClient) => self.register_anew(error, now),
            Err(error) => self.try_again(error, now, chance),
        }
    }

    /// CreateToken has answered with an error.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn on_no_token(&mut self, error: CallError, now: Now) -> Result<Option<Effect>, FlowEnd> {
        let Stage::Open(open) = &mut self.stage else { return Ok(None) };
        match error.name() {
            Some(ErrorName::AuthorizationPending) => self.failures = 0,
            Some(ErrorName::SlowDown) => {
                self.failures = 0;
                open.interval += policy::SLOW_DOWN;
            }
            Some(ErrorName::ExpiredToken) => return Err(FlowEnd::Expired),
            Some(ErrorName::AccessDenied) => return Err(FlowEnd::Denied),
            Some(ErrorName::InvalidClient) => return self.register_anew(error, now),
            // The code is used up: every further answer would be "already used".
            _ if matches!(error, CallError::Senseless { .. }) => return Err(FlowEnd::Failed(error)),
            _ if error.may_pass() => {
                self.failures += 1;
                if matches!(error, CallError::Unusable(_)) {
                    open.unreadable = Some(error.clone());
                }
            }
            // The answer that used the code up says more than "already used".
            _ => return Err(FlowEnd::Failed(open.unreadable.take().unwrap_or(error))),
        }
        let pause = policy::poll_backoff(open.interval, self.failures).max(error.retry_after().unwrap_or_default());
        open.last_answer = now.boot;
        open.next_attempt = Some(now.boot + pause);
        open.shown = true;
        Ok(None)
    }

    /// The registration that a token of this flow belongs to, and when it was asked for. The flow is over once that token
    /// is stored.
    pub fn grant(&mut self) -> Option<(Registration, BootTime)> {
        match std::mem::replace(&mut self.stage, Stage::Granted) {
            Stage::Open(open) => Some((open.registration, open.last_attempt)),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// The token came from elsewhere, and is being stored.
    pub fn overtake(&mut self) {
        self.stage = Stage::Granted;
    }

    /// The registration of the attempt that is under way, if there is one, and when that began: it may still bring a token.
    pub fn attempting_with(&self) -> Option<(&Registration, BootTime)> {
        match &self.stage {
            Stage::Open(open) if open.next_attempt.is_none() => Some((&open.registration, open.last_attempt)),
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

    fn try_again(&mut self, error: CallError, now: Now, chance: f64) -> Result<Option<Effect>, FlowEnd> {
        self.failures += 1;
        let is_final = !error.may_pass() || matches!(error, CallError::Senseless { .. });
        if is_final || self.failures >= policy::ATTEMPTS_TO_OPEN {
            return Err(FlowEnd::Failed(error));
        }
        let pause = policy::backoff(self.failures, error.retry_after(), chance);
        // A pause that is longer than a person waits for a code is a failure.
        if pause > policy::CODE_PATIENCE {
            return Err(FlowEnd::Failed(error));
        }
        // A registration that the service does not know any more stays unusable while the next one is being obtained.
        let renew_registration = self.registered_anew && matches!(self.stage, Stage::Registering);
        self.stage = Stage::Due { at: now.boot + pause, renew_registration };
        Ok(None)
    }
}
