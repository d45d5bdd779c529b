//! The tokens that callers were given, and those that are still there after a crash.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use identity_center_simulator::{Operation, Simulator};
use ssoctl_protocol::{Timestamp, Token};
use test_support::waiting::Pace;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::crashes::scene::{Scene, name};
use crate::harness::{Process, exchange};

/// A token that ends sooner may have ended when it is looked for.
const MARGIN: Duration = Duration::from_secs(1);

/// The simulator's complaints about a refresh token that is sent again because the daemon was killed before it could store the
/// service's answer.
const AFTER_A_KILL: [&str; 2] = ["sent after its successor arrived", "sent again after InvalidGrant"];

/// The last token that a caller of each session was given.
pub(crate) struct Ledger {
    given: Vec<Option<Token>>,
    kills: u32,
    /// The number of tokens that the service had issued at the last count.
    issued: usize,
    /// Those of them that came neither to a caller nor into the store.
    lost: usize,
    /// Records that a kill left unfinished.
    unfinished: usize,
}

impl Ledger {
    pub(crate) fn new(sessions: usize) -> Self {
        Self { given: vec![None; sessions], kills: 0, issued: 0, lost: 0, unfinished: 0 }
    }

    /// Starts callers that ask for the token of each session again and again until the daemon is gone. Each returns the last
    /// token that it was given. Each answer is a permit of `answers`.
    pub(crate) fn callers(
        &self,
        daemon: &Process,
        wait: u32,
        answers: &Arc<Semaphore>,
    ) -> Vec<JoinHandle<Option<Token>>> {
        let call = |number: usize| ask_until_it_is_gone(daemon.socket(), name(number), wait, Arc::clone(answers));
        (0..self.given.len()).map(|number| tokio::spawn(call(number))).collect()
    }

    /// The daemon is gone: these are the callers' last tokens.
    pub(crate) async fn killed(&mut self, callers: Vec<JoinHandle<Option<Token>>>) {
        self.kills += 1;
        for (given, caller) in self.given.iter_mut().zip(callers) {
            *given = caller.await.expect("no panic").or(given.take());
        }
    }

    /// Checks that a daemon that was started anew serves what was given, or what is newer.
    #[expect(clippy::disallowed_methods, reason = "the real binaries go by the real time")]
    pub(crate) async fn check(&mut self, scene: &Scene, daemon: &Process) {
        let kills = self.kills;
        for (number, given) in self.given.iter_mut().enumerate() {
            let Some(last) = given else { continue };
            let answer = daemon.request(&format!("GET /v1/sessions/{}/token", name(number))).await;
            if answer.status == 200 {
                let served: Token = answer.json();
                let (was, is) = (age(&scene.simulator, last), age(&scene.simulator, &served));
                assert!(is >= was, "after kill {kills} token {is} is served, and {was} was given: {}", scene.log());
                *given = Some(served);
            } else {
                let is_over = last.expires_at < Timestamp::from(std::time::SystemTime::now() + MARGIN);
                assert!(is_over, "after kill {kills} a token that was given is lost: {answer:?}\n{}", scene.log());
            }
        }
    }

    /// Counts what a kill left of a record in the file store.
    pub(crate) fn count_unfinished(&mut self, scene: &Scene) {
        self.unfinished += scene.unfinished();
    }

    /// Counts the tokens of the only session that were issued since this was called last and are not served.
    pub(crate) fn count_lost(&mut self, simulator: &Simulator) {
        let issued = simulator.issued_access_tokens().len();
        let served = self.given[0].as_ref().map_or(0, |token| age(simulator, token) + 1);
        let lost = issued - served.max(self.issued);
        assert!(lost <= 1, "one kill cost {lost} sign-ins");
        (self.issued, self.lost) = (issued, self.lost + lost);
    }

    /// Prints the costs of the crashes.
    pub(crate) fn report(&self, what: &str, simulator: &Simulator) {
        let registrations = simulator.calls(Operation::RegisterClient);
        let sign_ins = simulator.calls(Operation::StartDeviceAuthorization);
        println!(
            "{what}: {} kills cost no token that was given; {} were lost on the way, {} records were left \
             unfinished; {} sessions needed {registrations} registrations and {sign_ins} sign-ins",
            self.kills,
            self.lost,
            self.unfinished,
            self.given.len(),
        );
        let mut violations = simulator.violations();
        violations.retain(|violation| !AFTER_A_KILL.iter().any(|end| violation.ends_with(end)));
        assert_eq!(violations, Vec::<String>::new());
    }
}

/// The number of a token, in the order in which the service issued them.
fn age(simulator: &Simulator, token: &Token) -> usize {
    let issued = simulator.issued_access_tokens();
    issued.iter().position(|issued| issued == token.access_token.expose()).expect("a token of the service")
}

async fn ask_until_it_is_gone(socket: PathBuf, name: String, wait: u32, answers: Arc<Semaphore>) -> Option<Token> {
    let mut given = None;
    // All of the processor's time would make the test slower and hit nothing else.
    let mut pace = Pace::millis(2);
    while let Ok(answer) = exchange(&socket, &format!("GET /v1/sessions/{name}/token?wait={wait}"), "", b"").await {
        if answer.status == 200 {
            given = serde_json::from_str(&answer.body).ok().or(given);
        }
        answers.add_permits(1);
        pace.next().await;
    }
    given
}
