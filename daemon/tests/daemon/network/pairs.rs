//! One fault after another, over TLS: the first at one call, the second at the next, at every step of a session's life.
//!
//! The result of a pair matters less than the results that no pair may have. So each life is checked at its end: after the
//! faults there is a token, and an answer to every question, with at most one refusal for each fault, and no unnecessary
//! call. The harness checks that no refresh token is in two requests at once or sent after it was used up, that no two
//! device codes are polled side by side, and that no message holds a secret.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use identity_center_simulator::{Fault, Grant, Operation, RefreshTokens, Settings, Times};

use crate::faults::settings;
use crate::harness::{Harness, join_all, mins, secs};
use crate::network::front::Front;
use crate::network::singles::{outcome, over_tls, question};

use Operation::{
    CreateToken, GetRoleCredentials, ListAccountRoles, ListAccounts, Logout, RegisterClient, StartDeviceAuthorization,
};

/// The number of simultaneous lives.
const AT_ONCE: usize = 12;

/// A fault, which may be another one at another operation.
type Kind = (&'static str, fn(Operation) -> Fault);

const KINDS: [Kind; 16] = [
    ("hang", |_| Fault::Hang),
    ("server error", |_| Fault::error("InternalServerException")),
    ("refusal", |_| Fault::error("InvalidRequestException")),
    ("bad client", |_| Fault::error("InvalidClientException")),
    ("bad token", |operation| {
        Fault::error(if operation == CreateToken { "InvalidGrantException" } else { "UnauthorizedException" })
    }),
    ("503", |_| Fault::Status { status: 503 }),
    ("delay", |_| Fault::Delay { by: Duration::from_millis(10) }),
    ("reset", |_| Fault::Reset),
    ("truncated", |_| Fault::Truncated),
    ("lost answer", |_| Fault::LostAnswer),
    ("not JSON", |_| Fault::NotJson),
    ("page", |_| Fault::Html),
    ("flood", |_| Fault::Oversized { bytes: 2 << 20 }),
    ("throttled", |_| Fault::TooManyRequests { retry_after: secs(1) }),
    ("missing member", |operation| Fault::missing(needed(operation))),
    ("wrong member", |operation| Fault::replaced(needed(operation), true)),
];

/// A required member of this operation's answer. The answer of Logout has none.
const fn needed(operation: Operation) -> &'static str {
    match operation {
        RegisterClient => "clientSecret",
        StartDeviceAuthorization => "deviceCode",
        CreateToken => "accessToken",
        GetRoleCredentials => "secretAccessKey",
        ListAccounts => "accountList",
        _ => "roleList",
    }
}

/// One life with its two faults.
struct Life {
    t: Harness,
    _front: Front,
    first: Kind,
    second: Kind,
}

impl Life {
    async fn new(first: Kind, second: Kind) -> Self {
        let settings = Settings { refresh_tokens: RefreshTokens::Rotated, ..settings() };
        let (t, _front) = over_tls(settings).await;
        Self { t, _front, first, second }
    }

    fn strike(&self, here: Operation, there: Operation) {
        self.t.simulator.inject(here, self.first.1(here), Times::Next(1));
        self.t.simulator.inject(there, self.second.1(there), Times::Next(1));
    }

    /// The allowed number of refusals. While an answer does not end, callers get an error at their own deadline.
    fn bearable(&self) -> usize {
        if [self.first, self.second].iter().any(|(name, _)| matches!(*name, "hang" | "flood")) { 50 } else { 2 }
    }

    /// Asks, each second, until the answer is good, and returns how often it was not. Signs in where that is what is asked for.
    async fn persist(&self, request: &str) -> usize {
        let mut refused = Vec::new();
        loop {
            let answer = self.t.while_time_passes(self.t.request(request)).await;
            if answer.status == 200 {
                return refused.len();
            }
            if outcome(&answer) == "sign_in_required" {
                self.t.while_time_passes(self.t.request("POST /v1/sessions/corp/login")).await;
            }
            refused.push(answer.body);
            // The caller does not ask again at the very same moment.
            self.t.clock.advance(secs(1));
            assert!(refused.len() <= self.bearable(), "{} and {}: {request}: {refused:?}", self.first.0, self.second.0);
        }
    }

    async fn sign_in(&self) -> usize {
        self.persist("GET /v1/sessions/corp/token?wait=600").await
    }

    /// Lets a refresh become due and waits until it is over: with a new token, or with the need to sign in, which is done.
    async fn refresh(&self) -> usize {
        let t = &self.t;
        let (before, calls) = (t.status("corp").await.expires_at, t.simulator.token_calls(Grant::RefreshToken));
        t.clock.advance(mins(45));
        let status = t.while_time_passes(t.until(|status| status.expires_at > before || !status.refreshable)).await;
        // From memory, whatever has become of the refresh.
        t.access_token().await;
        let calls = t.simulator.token_calls(Grant::RefreshToken) - calls;
        assert!((1..=3).contains(&calls), "{} and {}: {calls} refreshes", self.first.0, self.second.0);
        t.simulator.clear_faults();
        if status.expires_at <= before {
            // The daemon may have opened a flow itself, which has met the second fault.
            self.persist("GET /v1/sessions/corp/token?wait=600&min_valid=1800").await;
        }
        usize::from(!status.refreshable)
    }

    async fn log_out(&self) -> usize {
        let answer = self.t.while_time_passes(self.t.request("POST /v1/sessions/corp/logout")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        usize::from(answer.json::<serde_json::Value>()["portal"] != "ended")
    }
}

/// The place of both faults.
#[derive(Clone, Copy)]
enum Place {
    /// At two calls of a sign-in.
    SignIn(Operation, Operation),
    /// At a refresh and what comes next.
    Refresh(Operation),
    /// At questions to the portal, or at one and the refresh that it may lead to.
    Questions(Operation, Operation),
    /// At a question to the portal and the sign-out after it.
    Leaving(Operation),
    /// At a sign-out and the sign-in after it.
    Returning(Operation),
}

/// Every two calls that can follow each other.
const PLACES: [Place; 14] = [
    Place::SignIn(RegisterClient, RegisterClient),
    Place::Refresh(CreateToken),
    Place::Questions(GetRoleCredentials, GetRoleCredentials),
    Place::SignIn(RegisterClient, StartDeviceAuthorization),
    Place::Questions(ListAccounts, ListAccounts),
    Place::SignIn(StartDeviceAuthorization, StartDeviceAuthorization),
    Place::Refresh(GetRoleCredentials),
    Place::Questions(GetRoleCredentials, CreateToken),
    Place::SignIn(StartDeviceAuthorization, CreateToken),
    Place::Questions(ListAccounts, ListAccountRoles),
    Place::SignIn(CreateToken, CreateToken),
    Place::Questions(ListAccountRoles, ListAccountRoles),
    Place::Leaving(ListAccountRoles),
    Place::Returning(StartDeviceAuthorization),
];

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignIn(here, there) | Self::Questions(here, there) => write!(f, "{here}, {there}"),
            Self::Refresh(there) => write!(f, "refresh, {there}"),
            Self::Leaving(here) => write!(f, "{here}, {Logout}"),
            Self::Returning(there) => write!(f, "{Logout}, {there}"),
        }
    }
}

/// Lets two faults strike there, and returns how many refusals there were before all was well again.
async fn lead(first: Kind, second: Kind, place: Place) -> usize {
    let life = Life::new(first, second).await;
    if !matches!(place, Place::SignIn(..)) {
        life.t.while_time_passes(life.t.token("wait=600")).await.expect("a token");
    }
    let refusals = match place {
        Place::SignIn(here, there) => {
            life.strike(here, there);
            life.sign_in().await
        }
        Place::Refresh(CreateToken) => {
            life.strike(CreateToken, CreateToken);
            life.refresh().await
        }
        Place::Refresh(there) => {
            life.t.simulator.inject(CreateToken, first.1(CreateToken), Times::Next(1));
            let spent = life.refresh().await;
            life.t.simulator.inject(there, second.1(there), Times::Next(1));
            spent + life.persist(question(there)).await
        }
        Place::Questions(here, there) => {
            life.strike(here, there);
            let first = life.persist(question(here)).await;
            let second = if there == ListAccountRoles { life.persist(question(there)).await } else { 0 };
            first + second
        }
        Place::Leaving(here) => {
            life.strike(here, Logout);
            life.persist(question(here)).await + life.log_out().await
        }
        Place::Returning(there) => {
            life.strike(Logout, there);
            life.log_out().await + life.sign_in().await
        }
    };
    life.t.simulator.clear_faults();
    life.sign_in().await;
    assert!(refusals <= life.bearable(), "{} and {} at {place}: {refusals} refusals", first.0, second.0);
    refusals
}

/// Each pair strikes at one place, and each place meets all kinds; with `SSOCTL_TEST_PAIRS=all`, each pair at each place.
async fn lead_lives(half: usize) {
    let all = test_support::speed::is_all("SSOCTL_TEST_PAIRS");
    let pairs = KINDS.iter().flat_map(|first| KINDS.iter().map(|second| (*first, *second)));
    let lives = pairs.enumerate().flat_map(|(number, (first, second))| {
        let places = PLACES.into_iter().enumerate().filter(move |(place, _)| all || number % PLACES.len() == *place);
        places.map(move |(_, place)| (first, second, place))
    });
    // Those that hang come first and are over when the others are.
    let lives = RefCell::new(lives.skip(half).step_by(2));
    let work = async || {
        loop {
            let next = lives.borrow_mut().next();
            let Some((first, second, place)) = next else { return };
            let refusals = lead(first, second, place).await;
            println!("{} + {} at {place}: {refusals} refusals", first.0, second.0);
        }
    };
    join_all((0..AT_ONCE).map(|_| work()).collect()).await;
}

#[tokio::test]
async fn no_two_faults_in_a_row_lose_a_token_or_leave_a_caller_without_one() {
    lead_lives(0).await;
}

#[tokio::test]
async fn the_other_half_of_all_pairs_heals() {
    lead_lives(1).await;
}
