//! Calls on their way to the service and back.

use std::time::Duration;

use identity_center_simulator::{Delivery, Fault, Operation, Response, Times};
use serde_json::Value;
use ssoctl_protocol::Secret;
use ssoctld::oidc::wire;
use ssoctld::oidc::{CallError, Client, Grant};
use ssoctld::session::Renewal;
use ssoctld::session::event::{Effect, Event};
use ssoctld::transport::HttpResponse;

use super::weather::{Trouble, Weather};
use super::world::{Issue, SECOND, START_URL, World, beginning};

/// A call on its way, and what will become of it.
pub(crate) struct Journey {
    pub(crate) request: Effect,
    pub(crate) fate: Fate,
}

/// The fate of a call.
pub(crate) struct Fate {
    /// When it gets to the service, if it does; and after which further time its answer is there.
    pub(crate) route: Result<(Duration, Duration), (Duration, CallError)>,
    fault: Option<Fault>,
    pub(crate) loses_answer: bool,
}

impl Fate {
    /// The HTTP adapter's error for an answer that does not arrive whole.
    pub(crate) fn cut_short(&self) -> CallError {
        match self.fault {
            Some(Fault::Oversized { .. }) => CallError::Unusable("it is too long".to_owned()),
            _ => CallError::Network("the connection ended".to_owned()),
        }
    }
}

impl World {
    /// Sends a call on its way.
    pub(crate) fn send(&mut self, request: Effect) -> Journey {
        self.refreshes += u64::from(matches!(request, Effect::Refresh(..)));
        Journey { request, fate: self.fate() }
    }

    /// Decides what becomes of a call.
    pub(crate) fn fate(&mut self) -> Fate {
        self.calls += 1;
        let (up, down) = (self.rng.u64(5..300), self.rng.u64(5..300));
        let route = Ok((Duration::from_millis(up), Duration::from_millis(down)));
        let mut journey = Fate { route, fault: None, loses_answer: false };
        let timed_out = || CallError::Network("the time-out".to_owned());
        let trouble = match &self.weather {
            Weather::Fair => return journey,
            Weather::Outage if self.rng.bool() => Trouble::Refused,
            Weather::Outage => Trouble::Hang,
            Weather::Foul(_) if self.rng.u8(..10) < 3 => return journey,
            Weather::Foul(trouble) => trouble.clone(),
        };
        self.faults += 1;
        self.note_trouble(self.elapsed() + Duration::from_secs(20));
        match trouble {
            Trouble::Slow(by) => journey.route = Ok((Duration::from_millis(up), by)),
            Trouble::Hang => journey.route = Err((Duration::from_secs(20), timed_out())),
            Trouble::Refused => {
                journey.route = Err((Duration::from_millis(up), CallError::Network("refused".to_owned())));
            }
            Trouble::Lost => journey.loses_answer = true,
            Trouble::Misconfigured => {
                journey.route = Err((Duration::ZERO, CallError::Configuration("no usable certificates".to_owned())));
            }
            Trouble::Fault(fault) => {
                if let Fault::TooManyRequests { retry_after } = fault {
                    self.note_trouble(self.elapsed() + retry_after + SECOND);
                }
                journey.fault = Some(fault);
            }
        }
        journey
    }

    /// A call gets to the service. `None`: no answer is on its way back.
    pub(crate) fn reach(&mut self, journey: &Journey) -> Option<Delivery> {
        let (operation, path, bearer, body) = match &journey.request {
            Effect::Register(_, kind, _) => {
                let (scopes, start_url) = (self.identity.scopes.clone(), START_URL.to_owned());
                let request = wire::register_client(&Client { kind: *kind, scopes, start_url });
                (Operation::RegisterClient, "/client/register", None, request)
            }
            Effect::AuthorizeDevice(_, registration) => {
                let request = wire::start_device_authorization(registration, START_URL);
                (Operation::StartDeviceAuthorization, "/device_authorization", None, request)
            }
            Effect::CreateToken(_, registration, grant) => {
                (Operation::CreateToken, "/token", None, wire::create_token(registration, grant))
            }
            Effect::Refresh(_, renewal) => {
                let grant = Grant::RefreshToken(renewal.refresh_token.clone());
                (Operation::CreateToken, "/token", None, wire::create_token(&renewal.registration, &grant))
            }
            Effect::EndPortalSession(token) => {
                (Operation::Logout, "/logout", Some(token.value.expose().as_str()), Value::Null)
            }
            other => unreachable!("not a call: {other:?}"),
        };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.meet_fault(&journey.fate, operation);
        let delivery = self.service.arrive(path, bearer, body).carry_out()?;
        if operation == Operation::CreateToken {
            self.note_issue(&delivery);
        }
        Some(delivery).filter(|_| !journey.fate.loses_answer)
    }

    /// Has the next call of this operation meet the fault that it is fated to.
    pub(crate) fn meet_fault(&self, fate: &Fate, operation: Operation) {
        if let Some(fault) = fate.fault.clone() {
            self.service.inject(operation, fault, Times::Next(1));
        }
    }

    fn note_issue(&mut self, delivery: &Delivery) {
        let Some(members) = delivery.peek() else { return };
        let (Some(token), Some(expires_in)) = (members["accessToken"].as_str(), members["expiresIn"].as_u64()) else {
            return;
        };
        let issue = Issue { ordinal: None, ends: self.elapsed() + Duration::from_secs(expires_in) };
        self.issued.insert(token.to_owned(), issue);
    }

    /// When a token would end that the service would give for this without a person; `None` if it would refuse.
    pub(crate) fn refreshable_until(&self, renewal: &Renewal) -> Option<Duration> {
        let registration = &renewal.registration;
        let ends = self.service.refreshable_until(
            &registration.client_id,
            registration.client_secret.expose(),
            renewal.refresh_token.expose(),
        )?;
        ends.duration_since(beginning()).ok()
    }

    /// The event with the call's result.
    pub(crate) fn conclude(&self, journey: &Journey, response: Result<Option<Response>, CallError>) -> Event {
        let body = response.and_then(|response| response.ok_or_else(|| journey.fate.cut_short())).and_then(read);
        match &journey.request {
            Effect::Register(flow, kind, _) => {
                let issuer = self.identity.issuer.as_ref().expect("the issuer of a start URL of AWS");
                let now = self.clocks().wall;
                Event::Registered(*flow, *kind, body.and_then(|body| wire::registration(&body, now, issuer)))
            }
            Effect::AuthorizeDevice(flow, _) => {
                Event::DeviceAuthorized(*flow, body.and_then(|body| wire::device_authorization(&body)))
            }
            Effect::CreateToken(flow, ..) => Event::TokenCreated(*flow, body.and_then(|body| wire::issued(&body))),
            Effect::Refresh(epoch, _) => Event::Refreshed(*epoch, body.and_then(|body| wire::issued(&body))),
            _ => Event::PortalSessionEnded(match body {
                Ok(body) if !body.is_empty() && serde_json::from_slice::<serde_json::Value>(&body).is_err() => {
                    Err(CallError::Unusable("it is not JSON".to_owned()))
                }
                Ok(_) | Err(CallError::Unnamed { status: 401, .. }) => Ok(()),
                Err(error) => Err(error),
            }),
        }
    }
}

/// The HTTP adapter's reading of a response.
fn read(response: Response) -> Result<bytes::Bytes, CallError> {
    reply(response).map_err(|reply| wire::error(&reply))
}

/// The body of a success, or all that says why it is none.
pub(crate) fn reply(response: Response) -> Result<bytes::Bytes, HttpResponse> {
    let error_type = response.header("x-amzn-errortype");
    if (200..300).contains(&response.status) && error_type.is_none() {
        return Ok(response.body);
    }
    let retry_after = response.header("retry-after").and_then(|value| value.parse().ok()).map(Duration::from_secs);
    Err(HttpResponse {
        status: response.status,
        error_type: error_type.map(str::to_owned),
        retry_after,
        body: Secret::new(response.body.to_vec()),
    })
}
