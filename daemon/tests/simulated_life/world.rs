//! Everything around a session: the service and the network before it, the machine's clocks, the store, the person.
//!
//! The world never looks into the session. It knows the truth (which token ends when, what the service would say) and
//! that is what the session is measured by.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use identity_center_simulator::{
    Clock, Delivery, ErrorStatuses, Fault, Offline, Operation, RefreshTokens, Response, Settings, TimeSource, Times,
    UnsetMembers,
};
use ssoctl_protocol::Secret;
use ssoctld::clock::{BootTime, Now};
use ssoctld::config::Identity;
use ssoctld::oidc::wire::{self, CreateTokenRequest, RegisterClientRequest, StartDeviceAuthorizationRequest};
use ssoctld::oidc::{CallError, Grant, ServiceClock};
use ssoctld::secrets::record;
use ssoctld::session::state::{Effect, Event};
use ssoctld::session::{Kept, Renewal};
use ssoctld::transport::Reply;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

const START_URL: &str = "https://corp.awsapps.com/start";
const SCOPE: &str = "sso:account:access";

/// When the simulation begins, by a wall clock that is right. Time since then is what the simulation reckons by.
fn beginning() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// How long the machine has run by then.
const UPTIME: Duration = DAY;

/// Virtual time, shared with the service.
struct VirtualTime(AtomicU64);

impl TimeSource for VirtualTime {
    fn now(&self) -> SystemTime {
        beginning() + Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// What goes wrong between the session and the service for a while.
#[derive(Clone, Debug)]
pub(crate) enum Weather {
    Fair,
    /// This happens to some of the calls.
    Foul(Trouble),
    /// Nothing gets through.
    Outage,
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// It is answered after this time.
    Slow(Duration),
    /// It never reaches the service, and the client gives up after its time-out.
    Hang,
    /// It does not reach the service, and the client is told so.
    Refused,
    /// The service does it, and the answer is lost on its way.
    Lost,
    /// The client's adapter cannot even try.
    Misconfigured,
    /// The service fails as the simulator can make it fail.
    Fault(Fault),
}

/// A call on its way, and what will become of it.
pub(crate) struct Journey {
    pub(crate) request: Effect,
    /// When it gets to the service, if it does; and after which further time its answer is there.
    pub(crate) route: Result<(Duration, Duration), (Duration, CallError)>,
    fault: Option<Fault>,
    loses_answer: bool,
}

/// How the store behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StoreMood {
    Prompt,
    Slow,
    Failing,
    Hanging,
}

/// An access token that the service has issued.
pub(crate) struct Issue {
    /// Counted from the first.
    pub(crate) ordinal: usize,
    /// When the service stops accepting it, if nobody ends it before.
    pub(crate) ends: Duration,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    now: Duration,
    time: Arc<VirtualTime>,
    pub(crate) service: Offline,
    identity: Identity,
    /// How far the machine's wall clock is ahead of the truth, in seconds.
    pub(crate) wall_ahead: i64,
    pub(crate) weather: Weather,
    /// What the adapter of the running process knows of the service's clock.
    pub(crate) known_clock: ServiceClock,
    pub(crate) store_mood: StoreMood,
    /// What is durable, and how wrong the clock was by which its times were written.
    pub(crate) stored: Option<(Vec<u8>, Duration)>,
    issued: HashMap<String, Issue>,
    /// The last moment at which anything was wrong that may keep a session from its token.
    troubled: Duration,
    pub(crate) faults: u64,
    pub(crate) calls: u64,
    pub(crate) refreshes: u64,
    /// How long a token lives at most.
    pub(crate) token_lifetime: Duration,
    pub(crate) settings: String,
}

fn pick<T: Clone>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())].clone()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let is_scoped = rng.u8(..10) < 7;
        let minutes = |minutes: u64| minutes * 60;
        let token_minutes = pick(&mut rng, &[4, 15, 30, 30, 60, 60, 60, 60, 60, 60, 60, 60, 90, 90, 240, 480]);
        let settings = Settings {
            token_lifetime: Duration::from_secs(minutes(token_minutes) + rng.u64(..60)),
            unscoped_token_lifetime: Duration::from_secs(minutes(pick(&mut rng, &[30, 60, 240, 480, 480, 720]))),
            device_code_lifetime: Duration::from_secs(pick(&mut rng, &[60, 120, 300, 600])),
            // A service that is asked rarely lets a month pass quickly.
            interval: Duration::from_secs(pick(&mut rng, &[1, 5, 10, 20, 30, 30, 30, 30, 60, 60])),
            registration_lifetime: pick(&mut rng, &[HOUR, DAY, 7 * DAY, 90 * DAY, 90 * DAY]),
            portal_session: Duration::from_secs(minutes(pick(
                &mut rng,
                &[20, 60, 480, 480, 480, 720, 10_080, 129_600],
            ))),
            refresh_tokens: pick(
                &mut rng,
                &[RefreshTokens::Rotated, RefreshTokens::Rotated, RefreshTokens::Repeated, RefreshTokens::Omitted],
            ),
            error_statuses: pick(&mut rng, &[ErrorStatuses::Current, ErrorStatuses::Seed]),
            unset_members: pick(&mut rng, &[UnsetMembers::Omitted, UnsetMembers::Null]),
            portal_rate: None,
            ..Settings::default()
        };
        let token_lifetime = if is_scoped { settings.token_lifetime } else { settings.unscoped_token_lifetime };
        let scopes: &[String] = if is_scoped { &[SCOPE.to_owned()] } else { &[] };
        let described = format!(
            "scopes {scopes:?}, tokens {token_lifetime:?}, sessions {:?}, codes {:?} every {:?}, registrations {:?}, {:?}",
            settings.portal_session,
            settings.device_code_lifetime,
            settings.interval,
            settings.registration_lifetime,
            settings.refresh_tokens
        );
        let time = Arc::new(VirtualTime(AtomicU64::new(0)));
        Self {
            rng,
            now: Duration::ZERO,
            service: Offline::new(settings, Clock::following(Arc::clone(&time) as Arc<dyn TimeSource>)),
            time,
            identity: Identity::new(START_URL, "eu-west-1", scopes, None).expect("an identity"),
            wall_ahead: 0,
            weather: Weather::Fair,
            known_clock: ServiceClock::default(),
            store_mood: StoreMood::Prompt,
            stored: None,
            issued: HashMap::new(),
            troubled: Duration::ZERO,
            faults: 0,
            calls: 0,
            refreshes: 0,
            token_lifetime,
            settings: described,
        }
    }

    // Time.

    pub(crate) const fn elapsed(&self) -> Duration {
        self.now
    }

    pub(crate) fn advance_to(&mut self, time: Duration) {
        self.now = self.now.max(time);
        let nanos = u64::try_from(self.now.as_nanos()).expect("less than centuries");
        self.time.0.store(nanos, Ordering::Relaxed);
    }

    /// Both clocks of the machine.
    pub(crate) fn clocks(&self) -> Now {
        Now { boot: BootTime::from_boot(UPTIME + self.now), wall: shifted(beginning() + self.now, self.wall_ahead) }
    }

    /// A point on the boot clock, on the simulation's own scale.
    pub(crate) fn elapsed_at(time: BootTime) -> Duration {
        time.since(BootTime::from_boot(UPTIME))
    }

    /// A span of about `mean`, exponentially distributed.
    pub(crate) fn span(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.rng.f64()).ln()) + Duration::from_millis(1)
    }

    // Trouble.

    /// Notes that something was wrong until `until`.
    pub(crate) fn note_trouble(&mut self, until: Duration) {
        self.troubled = self.troubled.max(until);
    }

    /// For how long nothing has been wrong.
    pub(crate) fn healthy_for(&mut self) -> Duration {
        if !matches!(self.weather, Weather::Fair) || self.store_mood != StoreMood::Prompt {
            self.note_trouble(self.now);
        }
        self.now.saturating_sub(self.troubled)
    }

    /// The last moment at which something was wrong.
    pub(crate) fn last_trouble(&mut self) -> Duration {
        self.healthy_for();
        self.troubled
    }

    pub(crate) fn draw_trouble(&mut self) -> Trouble {
        let error = |name| Trouble::Fault(Fault::error(name));
        match self.rng.u8(..24) {
            0..=2 => Trouble::Slow(Duration::from_millis(self.rng.u64(1000..19_000))),
            3 => Trouble::Hang,
            4 => Trouble::Refused,
            5..=7 => Trouble::Lost,
            8 => Trouble::Misconfigured,
            9 => error("SlowDownException"),
            10 => error("InternalServerException"),
            11 => Trouble::Fault(Fault::error_with_reason("InvalidRequestException", "KMS_DisabledException")),
            12 => error("InvalidRequestException"),
            13 => error("TeapotException"),
            14 => Trouble::Fault(Fault::Status { status: pick(&mut self.rng, &[403, 404, 502, 503, 504]) }),
            15 => {
                let retry_after = Duration::from_secs(pick(&mut self.rng, &[1, 30, 600]));
                Trouble::Fault(Fault::TooManyRequests { retry_after })
            }
            16 => Trouble::Fault(Fault::Truncated),
            17 => Trouble::Fault(Fault::NotJson),
            18 => Trouble::Fault(Fault::Html),
            19 => Trouble::Fault(Fault::Oversized { bytes: 1 << 30 }),
            20 => Trouble::Fault(Fault::missing(pick(&mut self.rng, &["accessToken", "expiresIn", "deviceCode"]))),
            21 => {
                let value = pick(&mut self.rng, &[serde_json::json!(-1), serde_json::json!("soon"), 1e12.into()]);
                Trouble::Fault(Fault::replaced("expiresIn", value))
            }
            22 => error(pick(&mut self.rng, &["UnauthorizedClientException", "ExpiredTokenException"])),
            _ => Trouble::Fault(Fault::Reset),
        }
    }

    // Calls.

    /// Decides what becomes of a call.
    pub(crate) fn send(&mut self, request: Effect) -> Journey {
        self.calls += 1;
        self.refreshes += u64::from(matches!(request, Effect::Refresh(..)));
        let (up, down) = (self.rng.u64(5..300), self.rng.u64(5..300));
        let mut journey = Journey {
            request,
            route: Ok((Duration::from_millis(up), Duration::from_millis(down))),
            fault: None,
            loses_answer: false,
        };
        let timed_out = || CallError::Network("the time-out".to_owned());
        let trouble = match &self.weather {
            Weather::Fair => return journey,
            Weather::Outage if self.rng.bool() => Trouble::Refused,
            Weather::Outage => Trouble::Hang,
            Weather::Foul(_) if self.rng.u8(..10) < 3 => return journey,
            Weather::Foul(trouble) => trouble.clone(),
        };
        self.faults += 1;
        self.note_trouble(self.now + Duration::from_secs(20));
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
                    self.note_trouble(self.now + retry_after + SECOND);
                }
                journey.fault = Some(fault);
            }
        }
        journey
    }

    /// A call gets to the service. `None`: no answer is on its way back.
    pub(crate) fn reach(&mut self, journey: &Journey) -> Option<Delivery> {
        let (operation, path, bearer, body) = match &journey.request {
            Effect::Register(_) => {
                let request = RegisterClientRequest {
                    client_name: "ssoctl",
                    client_type: "public",
                    scopes: &self.identity.scopes,
                };
                (Operation::RegisterClient, "/client/register", None, serde_json::to_vec(&request))
            }
            Effect::AuthorizeDevice(_, registration) => {
                let request = StartDeviceAuthorizationRequest {
                    client_id: &registration.client_id,
                    client_secret: &registration.client_secret,
                    start_url: START_URL,
                };
                (Operation::StartDeviceAuthorization, "/device_authorization", None, serde_json::to_vec(&request))
            }
            Effect::CreateToken(_, registration, grant) => {
                let request = CreateTokenRequest::new(registration, grant);
                (Operation::CreateToken, "/token", None, serde_json::to_vec(&request))
            }
            Effect::Refresh(_, renewal) => {
                let grant = Grant::RefreshToken(renewal.refresh_token.clone());
                let request = CreateTokenRequest::new(&renewal.registration, &grant);
                (Operation::CreateToken, "/token", None, serde_json::to_vec(&request))
            }
            Effect::LeavePortal(token) => {
                (Operation::Logout, "/logout", Some(token.value.expose().as_str()), Ok(Vec::new()))
            }
            other => unreachable!("not a call: {other:?}"),
        };
        if let Some(fault) = journey.fault.clone() {
            self.service.inject(operation, fault, Times::Next(1));
        }
        let delivery = self.service.arrive(path, bearer, body.expect("JSON")).carry_out()?;
        if operation == Operation::CreateToken {
            self.note_issue(delivery.peek());
        }
        Some(delivery).filter(|_| !journey.loses_answer)
    }

    fn note_issue(&mut self, response: Option<Response>) {
        let Some(response) = response.filter(|response| response.status == 200) else { return };
        let Ok(body) = serde_json::from_slice::<serde_json::Value>(&response.body) else { return };
        let (Some(token), Some(expires_in)) = (body["accessToken"].as_str(), body["expiresIn"].as_u64()) else {
            return;
        };
        let issue = Issue { ordinal: self.issued.len(), ends: self.now + Duration::from_secs(expires_in) };
        self.issued.insert(token.to_owned(), issue);
    }

    /// What the service has issued under this value.
    pub(crate) fn issue(&self, access_token: &str) -> Option<&Issue> {
        self.issued.get(access_token)
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

    /// The service's clock as an answer of this moment shows it; `Some` if that is news.
    pub(crate) fn look_at_clock(&mut self) -> Option<ServiceClock> {
        let ahead = -self.wall_ahead;
        let is_news = self.known_clock.ahead_seconds.is_none_or(|known| (known - ahead).abs() > 5);
        is_news.then(|| {
            self.known_clock = ServiceClock { ahead_seconds: Some(ahead) };
            self.known_clock
        })
    }

    /// What a session is told in the end. `None`: the connection ended without a whole answer.
    pub(crate) fn conclude(&self, request: &Effect, response: Result<Response, CallError>) -> Event {
        let body = response.and_then(read);
        match request {
            Effect::Register(flow) => {
                Event::Registered(*flow, body.and_then(|body| wire::registration(&body, self.clocks().wall)))
            }
            Effect::AuthorizeDevice(flow, _) => {
                Event::DeviceAuthorized(*flow, body.and_then(|body| wire::device_authorization(&body)))
            }
            Effect::CreateToken(flow, ..) => Event::Polled(*flow, body.and_then(|body| wire::issued(&body))),
            Effect::Refresh(lineage, _) => Event::Refreshed(*lineage, body.and_then(|body| wire::issued(&body))),
            _ => Event::PortalLeft(match body {
                Ok(_) | Err(CallError::Unnamed { status: 401, .. }) => Ok(()),
                Err(error) => Err(error),
            }),
        }
    }

    // The store.

    /// A record as the task writes it, and how wrong its times are.
    pub(crate) fn record(&self, kept: &Kept) -> (Vec<u8>, Duration) {
        let now = self.clocks();
        let wall = self.known_clock.at(now.wall);
        let truth = beginning() + self.now;
        let error = wall.duration_since(truth).unwrap_or_else(|error| error.duration());
        (record::encode(&self.identity, kept, Now { wall, ..now }).expose().clone(), error)
    }

    pub(crate) fn read_record(&self) -> Option<Kept> {
        let (bytes, _) = self.stored.as_ref()?;
        Some(record::decode(bytes, self.clocks()).expect("a record is written whole"))
    }
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time - distance } else { time + distance }
}

/// What the HTTP adapter makes of a response.
fn read(response: Response) -> Result<bytes::Bytes, CallError> {
    let error_type = response.header("x-amzn-errortype");
    if (200..300).contains(&response.status) && error_type.is_none() {
        return Ok(response.body);
    }
    let retry_after = response.header("retry-after").and_then(|value| value.parse().ok()).map(Duration::from_secs);
    Err(wire::error(&Reply {
        status: response.status,
        error_type: error_type.map(str::to_owned),
        retry_after,
        body: Secret::new(response.body.to_vec()),
    }))
}
