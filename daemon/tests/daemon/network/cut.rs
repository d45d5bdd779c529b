//! The network cut in the middle of a call: a namespace whose loopback goes down while the service is thinking.

use std::path::PathBuf;
use std::time::Duration;

use identity_center_simulator::{Fault, Operation, Settings, Simulator, Times};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::desktop::stage::{Stage, output, play};
use crate::faults::settings;
use crate::harness::{Answer, Process, START_URL, exchange, join_all, session};
use crate::network::singles::{outcome, question};
use test_support::waiting::until_so;

/// A call that the cut finds under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    /// A step of a sign-in.
    SignIn(Operation),
    Refresh,
    Question(Operation),
    Logout,
}

const CALLS: [Call; 8] = [
    Call::SignIn(Operation::RegisterClient),
    Call::SignIn(Operation::StartDeviceAuthorization),
    Call::SignIn(Operation::CreateToken),
    Call::Refresh,
    Call::Question(Operation::GetRoleCredentials),
    Call::Question(Operation::ListAccounts),
    Call::Question(Operation::ListAccountRoles),
    Call::Logout,
];

/// The service takes this long for the call: longer than it takes to cut the network, and less than the daemon waits, so
/// that the call is carried out and its answer lost.
const THINKING: Duration = Duration::from_secs(10);

/// The real daemon with its own simulator.
struct Life {
    call: Call,
    daemon: Process,
    simulator: Simulator,
    home: TempDir,
    token: Option<String>,
    /// The number of calls before the one that is cut.
    calls: usize,
    caller: Option<JoinHandle<Answer>>,
    /// The number of changes of the network that it had heard of before the network came back.
    changes: usize,
}

impl Life {
    /// Up to the moment before the call.
    async fn before(call: Call) -> Self {
        // A token that is renewed six seconds after it came.
        let lifetime = Duration::from_secs(if call == Call::Refresh { 60 } else { 3600 });
        let simulator = Simulator::start(Settings { token_lifetime: lifetime, ..settings() }).unwrap();
        let home = tempfile::tempdir().unwrap();
        let configuration = session("corp", START_URL) + "refresh_before = \"54s\"\n";
        std::fs::write(home.path().join("config.toml"), configuration).unwrap();
        let mut command = Process::command(home.path(), &simulator);
        let daemon = Process::run(home.path(), command.args(["--log", "debug"])).await;
        let mut life = Self { call, daemon, simulator, home, token: None, calls: 0, caller: None, changes: 0 };
        if !matches!(call, Call::SignIn(_)) {
            life.token = Some(life.daemon.sign_in().await);
        }
        let (operation, _) = life.asked();
        life.calls = life.simulator.calls(operation);
        life.simulator.inject(operation, Fault::Delay { by: THINKING }, Times::Next(1));
        life
    }

    /// Up to the moment at which the service has the call.
    async fn up_to_the_call(&mut self) {
        let (operation, request) = self.asked();
        if self.call != Call::Refresh {
            self.caller = Some(self.ask(request));
        }
        self.simulator.calls_reached(operation, self.calls + 1).await;
    }

    /// The operation that is called, and the request that leads to it.
    fn asked(&self) -> (Operation, &'static str) {
        match self.call {
            // One that polls goes on, and its caller waits to the end.
            Call::SignIn(Operation::CreateToken) => (Operation::CreateToken, "GET /v1/token?wait=22"),
            Call::SignIn(operation) => (operation, "GET /v1/token?wait=60"),
            Call::Refresh => (Operation::CreateToken, "GET /v1/token"),
            Call::Question(operation) => (operation, question(operation)),
            Call::Logout => (Operation::Logout, "POST /v1/sessions/corp/logout"),
        }
    }

    fn ask(&self, request: &'static str) -> JoinHandle<Answer> {
        let socket: PathBuf = self.home.path().join("socket");
        tokio::spawn(async move { exchange(&socket, request, "", b"").await.expect("an answer") })
    }

    fn changes(&self) -> usize {
        self.daemon.log().matches("the network changed").count()
    }

    /// While there is no network: callers get an error at their own deadline, and the token is served.
    async fn during(&mut self) -> String {
        let told = match self.caller.take() {
            Some(caller) => {
                let answer = caller.await.unwrap();
                let portal = answer.json::<serde_json::Value>()["portal"].as_str().map(str::to_owned);
                portal.unwrap_or_else(|| outcome(&answer))
            }
            None => {
                self.daemon.until("an error is shown", |status| status.last_error.is_some()).await;
                self.daemon.status().await.last_error.map(|error| error.code).unwrap_or_default()
            }
        };
        match &self.token {
            Some(token) if self.call != Call::Logout => assert_eq!(self.daemon.access_token().await, *token),
            _ => assert_eq!(self.daemon.request("GET /v1/token").await.code(), "sign_in_required"),
        }
        self.changes = self.changes();
        told
    }

    /// When the network is back: everything works again without help, except signing in.
    async fn after(&self) {
        until_so("the network has changed", async || self.changes() > self.changes).await;
        match self.call {
            Call::SignIn(_) | Call::Logout => {
                let is_signed_in = async || self.daemon.request("GET /v1/token?wait=20").await.status == 200;
                until_so("somebody is signed in", is_signed_in).await;
            }
            Call::Refresh => {
                self.daemon.renewed(self.token.as_deref().expect("a token")).await;
                assert_eq!(self.daemon.status().await.last_error, None);
                assert_eq!(self.simulator.calls(Operation::StartDeviceAuthorization), 1);
            }
            Call::Question(operation) => {
                let answered = async || self.daemon.request(question(operation)).await.status == 200;
                until_so("the question is answered", answered).await;
                assert_eq!(Some(self.daemon.access_token().await), self.token);
            }
        }
        assert_eq!(self.simulator.violations(), Vec::<String>::new(), "{:?}", self.call);
    }
}

#[test]
fn a_network_that_is_cut_in_the_middle_of_a_call_costs_that_call_and_nothing_else() {
    play(Stage::Loopback(&[]), &[], || async {
        let mut lives = join_all(CALLS.map(Life::before).into()).await;
        // The refresh comes by itself, some seconds later. The other calls follow at once, so that all are under way when the network is cut.
        for is_refresh in [true, false] {
            let calls = lives.iter_mut().filter(|life| (life.call == Call::Refresh) == is_refresh);
            join_all(calls.map(Life::up_to_the_call).collect()).await;
        }
        output("ip", &["link", "set", "lo", "down"]).await;
        let told = join_all(lives.iter_mut().map(Life::during).collect()).await;
        for (call, told) in CALLS.iter().zip(&told) {
            println!("{call:?}: {told}");
        }
        output("ip", &["link", "set", "lo", "up"]).await;
        join_all(lives.iter().map(Life::after).collect()).await;
        let (none, late) = ("service_unavailable", "wait_timeout");
        assert_eq!(told, [none, none, late, "network", none, none, none, "not_told"]);
    });
}
