//! Everything around a session: the service and the network before it, the machine's clocks, the store, the person.
//!
//! The world never looks into the session. It knows the truth (when each token ends, what the service would say), and
//! the session is judged by that.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use identity_center_simulator::{
    Approval, Clock, ErrorStatuses, Offline, RefreshTokens, Settings, TimeSource, UnsetMembers,
};
use ssoctld::clock::{BootTime, Now};
use ssoctld::config::Identity;
use ssoctld::oidc::ServiceClock;
use ssoctld::secrets::record;
use ssoctld::session::Record;

use super::weather::Weather;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(super) const START_URL: &str = "https://corp.awsapps.com/start";
const SCOPE: &str = "sso:account:access";

/// When the simulation begins, by a wall clock that is right. Time since then is what the simulation reckons by.
pub(super) fn beginning() -> SystemTime {
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

/// How the store behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StoreMood {
    Prompt,
    Slow,
    Failing,
    Hanging,
}

/// What is durable. It becomes bytes when it is read.
pub(crate) struct Stored {
    kept: Record,
    at: Now,
    /// How wrong the clock is that it is written by.
    pub(crate) off: Duration,
}

impl Stored {
    pub(crate) fn access_token(&self) -> Option<&str> {
        Some(self.kept.token.as_ref()?.access.value.expose())
    }
}

/// An access token that the service has issued.
pub(crate) struct Issue {
    /// Counted from the first that the session has accepted.
    pub(crate) ordinal: Option<usize>,
    /// When the service stops accepting it, if nobody ends it before.
    pub(crate) ends: Duration,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    now: Duration,
    time: Arc<VirtualTime>,
    pub(crate) service: Offline,
    pub(super) identity: Identity,
    /// How far the machine's wall clock is ahead of the truth, in seconds.
    pub(crate) wall_ahead: i64,
    pub(crate) weather: Weather,
    /// What the adapter of the running process knows of the service's clock.
    pub(crate) known_clock: ServiceClock,
    pub(crate) store_mood: StoreMood,
    pub(crate) stored: Option<Stored>,
    /// How many tokens the session has accepted.
    accepted: usize,
    pub(super) issued: HashMap<String, Issue>,
    /// The last moment at which anything was wrong that may keep a session from its token.
    troubled: Duration,
    pub(crate) faults: u64,
    pub(crate) calls: u64,
    pub(crate) refreshes: u64,
    /// How long a token lives at most.
    pub(crate) token_lifetime: Duration,
    /// How long the credentials of a role live.
    pub(crate) role_lifetime: Duration,
    pub(crate) settings: String,
}

pub(super) fn pick<T: Clone>(rng: &mut Rng, choices: &[T]) -> T {
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
            approval: pick(&mut rng, &[[Approval::Manual; 9].as_slice(), &[Approval::Preauthorised]].concat()),
            portal_rate: None,
            role_credentials_lifetime: MINUTE * pick(&mut rng, &[15, 60, 60, 720]),
            page_size: pick(&mut rng, &[1, 20]),
            ..Settings::default()
        };
        let role_lifetime = settings.role_credentials_lifetime;
        let token_lifetime = if is_scoped { settings.token_lifetime } else { settings.unscoped_token_lifetime };
        let scopes: &[String] = if is_scoped { &[SCOPE.to_owned()] } else { &[] };
        let described = format!(
            "scopes {scopes:?}, tokens {token_lifetime:?}, sessions {:?}, codes {:?} every {:?}, registrations {:?}, {:?}, \
             approval {:?}",
            settings.portal_session,
            settings.device_code_lifetime,
            settings.interval,
            settings.registration_lifetime,
            settings.refresh_tokens,
            settings.approval
        );
        let time = Arc::new(VirtualTime(AtomicU64::new(0)));
        Self {
            rng,
            now: Duration::ZERO,
            service: Offline::new(settings, Clock::following(Arc::clone(&time) as Arc<dyn TimeSource>)),
            time,
            identity: Identity::new(Some("corp"), START_URL, Some("eu-west-1"), scopes).expect("an identity"),
            wall_ahead: 0,
            weather: Weather::Fair,
            known_clock: ServiceClock::default(),
            store_mood: StoreMood::Prompt,
            stored: None,
            accepted: 0,
            issued: HashMap::new(),
            troubled: Duration::ZERO,
            faults: 0,
            calls: 0,
            refreshes: 0,
            token_lifetime,
            role_lifetime,
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

    /// The session has accepted what the service has issued under this value.
    pub(crate) fn accepted(&mut self, access_token: &str) {
        if let Some(issue) = self.issued.get_mut(access_token) {
            self.accepted += 1;
            issue.ordinal = Some(self.accepted);
        }
    }

    /// What the service has issued under this value.
    pub(crate) fn issue(&self, access_token: &str) -> Option<&Issue> {
        self.issued.get(access_token)
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

    // The store.

    /// What is to be stored, with the clock that the task writes it by.
    pub(crate) fn record(&self, kept: Record) -> Stored {
        let now = self.clocks();
        let wall = self.known_clock.at(now.wall);
        let truth = beginning() + self.now;
        let off = wall.duration_since(truth).unwrap_or_else(|error| error.duration());
        Stored { kept, at: Now { wall, ..now }, off }
    }

    /// Whether the store works for an access that is over now.
    pub(crate) fn access_store(&self) -> Result<(), String> {
        match self.store_mood {
            StoreMood::Prompt | StoreMood::Slow => Ok(()),
            StoreMood::Failing | StoreMood::Hanging => Err("the store is locked".to_owned()),
        }
    }

    /// Reads what is durable, through the bytes of a record.
    pub(crate) fn read_record(&self) -> Option<Record> {
        let Stored { kept, at, .. } = self.stored.as_ref()?;
        let bytes = record::encode(&record::Owner { identity: self.identity.clone(), portal: None }, kept, *at);
        Some(record::decode(bytes.expose(), self.clocks()).expect("a record is written whole"))
    }

    /// The access token that is durable.
    pub(crate) fn stored_token(&self) -> Option<&str> {
        self.stored.as_ref()?.access_token()
    }
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time - distance } else { time + distance }
}
