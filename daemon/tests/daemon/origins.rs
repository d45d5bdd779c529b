//! A secret reaches only its issuer, even if the configuration points elsewhere in between.
//!
//! Configurations and environments are generated, and changed while people are signed in. Three simulators are three origins; in
//! front of each stands a witness that keeps every byte that was sent there. The oracle is short: a simulator knows the secrets
//! that it has issued, and none of them may be in the bytes that another one was sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use identity_center_simulator::{Approval, Operation, RefreshTokens, Settings, Simulator};
use ssoctl_protocol::body::LogoutAll;
use ssoctld::Signal;
use ssoctld::clock::ManualClock;
use ssoctld::config::Environment;
use test_support::service::preauthorised;
use test_support::speed::runs_all;
use test_support::waiting::{Pace, in_time, until_so};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::harness::{self, Answer, Calls, Shared, Store, Way, exchange, mins, noon, secs};

/// The number of people in a quick run, and if all tests run, each with a separate home.
const LIVES: [usize; 2] = [12, 60];
/// The number of configurations of each person, one after the other.
const CONFIGURATIONS: usize = 5;
const ORIGINS: usize = 3;
const NAMES: [&str; 4] = ["alpha", "beta", "own", "legacy"];

/// Keeps all that is sent to a simulator, and passes it on.
struct Witness {
    url: String,
    sent: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Witness {
    async fn before(simulator: &Simulator) -> Self {
        let target: SocketAddr = simulator.url().trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&sent);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, target, Arc::clone(&kept)));
            }
        });
        Self { url, sent, task }
    }

    fn has_seen(&self, secret: &str) -> bool {
        let sent = self.sent.lock().expect("no panic");
        sent.windows(secret.len()).any(|window| window == secret.as_bytes())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(mut client: TcpStream, target: SocketAddr, sent: Arc<Mutex<Vec<u8>>>) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.split(), server.split());
    let questions = async {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            sent.lock().expect("no panic").extend(&buffer[..length]);
            if to_server.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = questions => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}

/// Three origins.
struct Origins {
    simulators: Vec<Simulator>,
    witnesses: Vec<Witness>,
}

impl Origins {
    async fn start(clock: &Arc<ManualClock>) -> Self {
        let (mut simulators, mut witnesses) = (Vec::new(), Vec::new());
        for _ in 0..ORIGINS {
            let settings = Settings { refresh_tokens: RefreshTokens::Rotated, ..preauthorised() };
            let time = Arc::new(Shared(Arc::clone(clock)));
            let simulator = Simulator::start_with_clock(settings, time).expect("a port");
            witnesses.push(Witness::before(&simulator).await);
            simulators.push(simulator);
        }
        Self { simulators, witnesses }
    }

    /// The oracle.
    fn judge(&self) -> Result<(), String> {
        for (issuer, simulator) in self.simulators.iter().enumerate() {
            for secret in simulator.secrets() {
                for (place, witness) in self.witnesses.iter().enumerate() {
                    if place != issuer && witness.has_seen(&secret) {
                        return Err(format!("what origin {issuer} has issued was sent to origin {place}"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The files and the variables of one moment.
#[derive(Debug)]
struct Generated {
    own: String,
    aws: String,
    variables: BTreeMap<&'static str, String>,
}

impl Generated {
    fn new(rng: &mut Rng, urls: &[String], number: usize) -> Self {
        let mut pair = |often: u32| {
            let oidc = (rng.u32(..100) < often).then(|| urls[rng.usize(..ORIGINS)].clone());
            // Mostly both services move together, as they have to; else that is an error of the configuration.
            let portal = if rng.u32(..8) == 0 { Some(urls[rng.usize(..ORIGINS)].clone()) } else { oidc.clone() };
            (oidc, portal)
        };
        let (variable, services, own, of_alpha) = (pair(35), [pair(60), pair(60)], pair(40), pair(30));
        let general = |rng: &mut Rng| (rng.u32(..3) == 0).then(|| urls[rng.usize(..ORIGINS)].clone());
        let mut variables = BTreeMap::new();
        let set = [
            ("AWS_ENDPOINT_URL_SSO_OIDC", variable.0),
            ("AWS_ENDPOINT_URL_SSO", variable.1),
            ("AWS_ENDPOINT_URL", general(rng)),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", (rng.u32(..8) == 0).then(|| "true".to_owned())),
            ("AWS_USE_FIPS_ENDPOINT", (rng.u32(..12) == 0).then(|| "true".to_owned())),
            ("AWS_USE_DUALSTACK_ENDPOINT", (rng.u32(..12) == 0).then(|| "true".to_owned())),
        ];
        variables.extend(set.into_iter().filter_map(|(name, value)| Some((name, value?))));

        let mut aws = String::new();
        for (index, (oidc, portal)) in services.iter().enumerate() {
            let _ = writeln!(aws, "[services here-{index}]");
            for (service, url) in [("sso_oidc", oidc), ("sso", portal)] {
                if let Some(url) = url {
                    let _ = writeln!(aws, "{service} =\n  endpoint_url = {url}");
                }
            }
        }
        let profile = |rng: &mut Rng| {
            let mut text = String::new();
            if rng.u32(..3) > 0 {
                let _ = writeln!(text, "services = here-{}", rng.usize(..2));
            }
            if let Some(url) = general(rng) {
                let _ = writeln!(text, "endpoint_url = {url}");
            }
            if rng.u32(..8) == 0 {
                text.push_str("ignore_configured_endpoint_urls = true\n");
            }
            text
        };
        if rng.u32(..4) > 0 {
            let _ = write!(aws, "[default]\n{}", profile(rng));
        }
        for name in ["alpha", "beta"] {
            if rng.u32(..8) > 0 {
                let scopes = if rng.u32(..6) == 0 { "sso:account:access, x" } else { "sso:account:access" };
                let _ = writeln!(
                    aws,
                    "[sso-session {name}]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
                     sso_registration_scopes = {scopes}\n[profile of-{name}]\nsso_session = {name}\n{}",
                    profile(rng)
                );
            }
        }
        let _ = writeln!(
            aws,
            "[profile legacy]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n{}",
            profile(rng)
        );
        // By its session one knows that this configuration is the one that counts.
        let _ = writeln!(
            aws,
            "[profile marker-{number}]\nsso_start_url = https://marker-{number}.awsapps.com/start\nsso_region = eu-west-1"
        );
        let section = |name: &str, (oidc, portal): &(Option<String>, Option<String>), beside: &str| {
            let mut text = format!("[session.{name}]\n{beside}");
            for (key, url) in [("oidc_endpoint", oidc), ("portal_endpoint", portal)] {
                if let Some(url) = url {
                    let _ = writeln!(text, "{key} = \"{url}\"");
                }
            }
            text
        };
        let place = "start_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\nsdk_cache = \"on\"\n";
        let own = section("own", &own, place) + &section("alpha", &of_alpha, "");
        Self { own, aws, variables }
    }

    fn write(&self, home: &Path) {
        std::fs::write(home.join("config.toml"), &self.own).expect("a file");
        std::fs::write(home.join("aws-config"), &self.aws).expect("a file");
    }
}

/// A daemon in a home, with the variables that it was started with.
struct Life {
    clock: Arc<ManualClock>,
    home: tempfile::TempDir,
    calls: Calls,
    daemon: Option<(JoinHandle<()>, mpsc::Sender<Signal>)>,
}

impl Life {
    fn start(&mut self, generated: &Generated) {
        let home = self.home.path();
        generated.write(home);
        let variables = &generated.variables;
        let environment = Environment::from_vars(|name| variables.get(name).cloned());
        let world = harness::world(&self.clock, Store::File, home, &Way::default(), &self.calls);
        self.daemon = Some(harness::run(home, world, environment));
    }

    async fn stop(&mut self) {
        let (daemon, signals) = self.daemon.take().expect("a running daemon");
        signals.send(Signal::Stop).await.expect("a running daemon");
        self.while_time_passes(async { daemon.await.expect("no panic") }).await;
    }

    /// Edits the files under the running daemon.
    async fn edit(&self, generated: &Generated, number: usize) {
        generated.write(self.home.path());
        let (_, signals) = self.daemon.as_ref().expect("a running daemon");
        signals.send(Signal::Reload).await.expect("a running daemon");
        let marker = format!("GET /v1/sessions/marker-{number}");
        until_so("what was written counts", async || self.request(&marker).await.status == 200).await;
    }

    async fn request(&self, request: &str) -> Answer {
        let socket = self.home.path().join("socket");
        self.while_time_passes(exchange(&socket, request, "", b"")).await.expect("an answer")
    }

    /// Waits run on this clock, so they end quickly. It stands still while a call is under way.
    async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let passing = async {
            let mut pace = Pace::millis(5);
            pace.next().await;
            loop {
                pace.next().await;
                if self.calls.under_way() == 0 {
                    self.clock.advance(secs(1));
                }
            }
        };
        tokio::select! {
            done = in_time("it is done", work) => done,
            () = passing => unreachable!("time does not end"),
        }
    }

    /// One action of a person or of a program.
    async fn act(&self, rng: &mut Rng, origins: &Origins) {
        let name = NAMES[rng.usize(..NAMES.len())];
        let role = "credentials?account=111122223333&role=AdministratorAccess&wait=2";
        match rng.u32(..12) {
            0..=3 => drop(self.request(&format!("GET /v1/sessions/{name}/token?wait=2")).await),
            4 => drop(self.request(&format!("GET /v1/sessions/{name}/{role}")).await),
            5 => drop(self.request(&format!("GET /v1/sessions/{name}/accounts?wait=2")).await),
            6..=7 => {
                self.clock.advance(mins(5));
                drop(self.request(&format!("GET /v1/sessions/{name}/token?min_valid=3500")).await);
            }
            8 => {
                // A code that waits for a person, and is polled for.
                let simulator = &origins.simulators[rng.usize(..ORIGINS)];
                simulator.settings(|settings| settings.approval = Approval::Manual);
                drop(self.request(&format!("POST /v1/sessions/{name}/login")).await);
                self.clock.advance(secs(5));
                simulator.settings(|settings| settings.approval = Approval::Preauthorised);
            }
            9 => drop(self.request(&format!("POST /v1/sessions/{name}/login?fresh=true")).await),
            10 => drop(self.request(&format!("POST /v1/sessions/{name}/logout")).await),
            _ => self.clock.advance(mins(40)),
        }
    }
}

/// Counts of the cases that must not be mixed up.
#[derive(Default)]
struct Seen {
    /// Lives in which two origins at least have issued tokens.
    mixed: usize,
    refreshes: usize,
    sign_outs: usize,
    left_records: usize,
}

#[tokio::test]
async fn no_secret_ever_reaches_an_origin_that_did_not_issue_it() {
    let mut seen = Seen::default();
    let lives = LIVES[usize::from(runs_all())];
    for seed in 0..lives as u64 {
        let mut rng = Rng::with_seed(seed);
        let clock = Arc::new(ManualClock::at(noon()));
        let origins = Origins::start(&clock).await;
        let urls: Vec<String> = origins.witnesses.iter().map(|witness| witness.url.clone()).collect();
        let home = tempfile::tempdir().expect("a directory");
        let mut life = Life { clock, home, calls: Calls::default(), daemon: None };
        let mut generated = Generated::new(&mut rng, &urls, 0);
        life.start(&generated);
        for number in 0..CONFIGURATIONS {
            if number > 0 {
                let next = Generated::new(&mut rng, &urls, number);
                if rng.bool() {
                    // The variables are those of the daemon's start.
                    generated = Generated { variables: generated.variables, ..next };
                    life.edit(&generated, number).await;
                } else {
                    generated = next;
                    life.stop().await;
                    life.start(&generated);
                }
            }
            for _ in 0..8 {
                life.act(&mut rng, &origins).await;
            }
            let judged = origins.judge();
            assert_eq!(judged, Ok(()), "life {seed}, configuration {number}: {generated:#?}");
        }
        let all: LogoutAll = life.request("POST /v1/logout?forget=true").await.json();
        assert_eq!(all.problems, Vec::<String>::new(), "life {seed}");
        life.stop().await;
        assert_eq!((origins.judge(), life.calls.secrets_for_aws()), (Ok(()), 0), "life {seed}: {generated:#?}");
        let records = std::fs::read_dir(life.home.path().join("records")).into_iter().flatten().count();
        assert_eq!(records, 0, "life {seed}: nothing is left in the store");

        let issuers = origins.simulators.iter().filter(|simulator| !simulator.issued_access_tokens().is_empty());
        seen.mixed += usize::from(issuers.count() > 1);
        for simulator in &origins.simulators {
            seen.refreshes += simulator.token_calls(identity_center_simulator::Grant::RefreshToken);
            seen.sign_outs += simulator.calls(Operation::Logout);
        }
        seen.left_records += all.records.len();
    }
    let Seen { mixed, refreshes, sign_outs, left_records } = seen;
    assert!(
        mixed > lives / 3 && refreshes > lives && sign_outs > lives && left_records > lives,
        "too little happened: {mixed} {refreshes} {sign_outs} {left_records}"
    );
}

/// An oracle that never says no would prove nothing.
#[tokio::test]
async fn the_oracle_notices_a_secret_that_goes_astray() {
    let clock = Arc::new(ManualClock::at(noon()));
    let origins = Origins::start(&clock).await;
    let urls: Vec<&str> = origins.witnesses.iter().map(|witness| witness.url.as_str()).collect();
    let home = tempfile::tempdir().expect("a directory");
    let mut life = Life { clock, home, calls: Calls::default(), daemon: None };
    let own = format!(
        "[session.own]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n\
         oidc_endpoint = \"{0}\"\nportal_endpoint = \"{0}\"\n",
        urls[0]
    );
    life.start(&Generated { own, aws: String::new(), variables: BTreeMap::new() });
    let answer = life.request("GET /v1/sessions/own/token?wait=3600").await;
    assert_eq!((answer.status, origins.judge()), (200, Ok(())));
    let token = answer.json::<ssoctl_protocol::Token>().access_token;
    let mut stray = TcpStream::connect(urls[1].trim_start_matches("http://")).await.expect("a connection");
    let request = format!("GET /assignment/accounts HTTP/1.1\r\nx-amz-sso_bearer_token: {}\r\n\r\n", token.expose());
    stray.write_all(request.as_bytes()).await.expect("a request");
    until_so("the oracle notices", async || origins.judge().is_err()).await;
    assert_eq!(origins.judge(), Err("what origin 0 has issued was sent to origin 1".to_owned()));
    life.stop().await;
}
