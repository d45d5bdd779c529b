//! The daemon's library, a simulator and one clock for both.

mod doors;
mod http;
mod lines;
mod process;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use identity_center_simulator::{Settings, Simulator, TimeSource};
use ssoctl_protocol::{Login, PendingLogin, Problem, RoleCredentials, SessionStatus, StatusReport, Token};
use ssoctld::audit::Audit;
use ssoctld::clock::{Clock, ManualClock};
use ssoctld::config::{Environment, Paths};
use ssoctld::desktop::Surroundings;
use ssoctld::machine::MachineProblems;
use ssoctld::secrets::{SecretStore, file::FileStore, memory::MemoryStore};
use ssoctld::transport::{Patience, Transport};
use ssoctld::world::World;
use ssoctld::{Signal, Sources};
use tempfile::TempDir;
use test_support::document;
pub(crate) use test_support::waiting::PATIENCE as REAL_PATIENCE;
use test_support::waiting::in_time;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use doors::Calls;
use doors::{NoDesktop, Watched, WatchedStore};
pub(crate) use http::{Answer, exchange};
pub(crate) use lines::Lines;
pub(crate) use process::Process;

/// The start URL of the session `corp`.
pub(crate) const START_URL: &str = "https://corp.awsapps.com/start";

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn mins(minutes: u64) -> Duration {
    secs(60 * minutes)
}

pub(crate) const fn hours(hours: u64) -> Duration {
    mins(60 * hours)
}

/// A daemon with one session, `corp`, unless its test configures something else. When it goes, the simulator must have
/// seen no misconduct, and no error or status may have held a secret.
pub(crate) struct Harness {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) simulator: Simulator,
    pub(crate) home: TempDir,
    pub(crate) signals: mpsc::Sender<Signal>,
    way: Way,
    calls: Calls,
    world: World,
    daemon: Option<JoinHandle<()>>,
    said: Arc<Mutex<String>>,
}

/// The daemon's way to the simulator.
#[derive(Default)]
pub(crate) struct Way {
    /// Both endpoints.
    pub(crate) url: String,
    /// `AWS_CA_BUNDLE`.
    pub(crate) ca_bundle: Option<PathBuf>,
    /// In real time.
    pub(crate) patience: Patience,
    /// The longest time of a call on the daemon's clock.
    pub(crate) longest_call: Option<Duration>,
}

impl Way {
    /// Plain HTTP, with nothing in between.
    pub(crate) fn straight(simulator: &Simulator) -> Self {
        Self { url: simulator.url(), ..Self::default() }
    }

    fn transport(&self, clock: Arc<dyn Clock>) -> Transport {
        Transport::new(self.ca_bundle.clone(), self.patience, clock)
    }
}

/// Lets the simulator follow the daemon's clock.
pub(crate) struct Shared(pub(crate) Arc<ManualClock>);

impl TimeSource for Shared {
    fn now(&self) -> SystemTime {
        self.0.now().wall
    }
}

/// The place of a daemon's records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Store {
    Memory,
    File,
}

/// The usual start time of a test.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200)
}

/// The configuration of one session.
pub(crate) fn session(name: &str, start_url: &str) -> String {
    format!("[session.{name}]\nstart_url = \"{start_url}\"\nregion = \"eu-west-1\"\n")
}

/// Awaits all of them side by side.
pub(crate) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = true;
        for (future, output) in &mut futures {
            if let Some(running) = future {
                match running.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => (*future, *output) = (None, Some(done)),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

impl Harness {
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::start_with(settings, Store::Memory, &session("corp", START_URL)).await
    }

    /// Signed in to `corp`, with a token that was issued just now.
    pub(crate) async fn signed_in(settings: Settings) -> Self {
        let t = Self::start(settings).await;
        t.sign_in("corp").await;
        t
    }

    pub(crate) async fn start_with(settings: Settings, store: Store, configuration: &str) -> Self {
        Self::start_at(noon(), settings, store, configuration, "").await
    }

    /// Starts at this time, with the own configuration and that of AWS, in which `{simulator}` stands for the service's address.
    pub(crate) async fn start_at(
        time: SystemTime,
        settings: Settings,
        store: Store,
        configuration: &str,
        aws_configuration: &str,
    ) -> Self {
        Self::start_through(Way::straight, time, settings, store, configuration, aws_configuration).await
    }

    /// Starts with something on the way to the simulator.
    pub(crate) async fn start_through(
        way: impl FnOnce(&Simulator) -> Way,
        time: SystemTime,
        settings: Settings,
        store: Store,
        configuration: &str,
        aws_configuration: &str,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(time));
        let simulator = Simulator::start_with_clock(settings, Arc::new(Shared(Arc::clone(&clock)))).expect("a port");
        let way = way(&simulator);
        let home = tempfile::tempdir().expect("a directory");
        std::fs::write(home.path().join("config.toml"), configuration).expect("a file");
        let aws_configuration = aws_configuration.replace("{simulator}", &way.url);
        std::fs::write(home.path().join("aws-config"), aws_configuration).expect("a file");
        let calls = Calls::default();
        let world = world(&clock, store, home.path(), &way, &calls);
        let (signals, _) = mpsc::channel(1);
        let mut t = Self { clock, simulator, home, signals, way, calls, world, daemon: None, said: Arc::default() };
        t.run();
        t
    }

    fn run(&mut self) {
        let url = Some(self.way.url.clone());
        let environment =
            Environment { endpoint_url_sso_oidc: url.clone(), endpoint_url_sso: url, ..Environment::default() };
        let (daemon, signals) = run(self.home.path(), self.world.clone(), environment);
        (self.daemon, self.signals) = (Some(daemon), signals);
    }

    /// Stops the daemon and waits for its end.
    pub(crate) async fn stop(&mut self) {
        let daemon = self.daemon.take().expect("a running daemon");
        self.signals.send(Signal::Stop).await.expect("a running daemon");
        in_time("the daemon ends", daemon).await.expect("no panic");
    }

    /// Stops the daemon and starts it anew, with the same files and nothing else.
    pub(crate) async fn restart(&mut self, store: Store) {
        self.stop().await;
        self.start_again(store);
    }

    /// Starts the daemon after [`stop`](Self::stop).
    pub(crate) fn start_again(&mut self, store: Store) {
        self.world = world(&self.clock, store, self.home.path(), &self.way, &self.calls);
        self.run();
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path().join("socket")
    }

    /// The problems of the daemon's machine.
    pub(crate) fn machine(&self) -> MachineProblems {
        self.world.machine.clone()
    }

    pub(crate) fn configure(&self, configuration: &str) {
        std::fs::write(self.home.path().join("config.toml"), configuration).expect("a file");
    }

    /// The same, and tells the daemon.
    pub(crate) async fn reconfigure(&self, configuration: &str) {
        self.configure(configuration);
        self.reload().await;
    }

    /// Has the daemon read its files again.
    pub(crate) async fn reload(&self) {
        self.signals.send(Signal::Reload).await.expect("a running daemon");
    }

    // Requests.

    pub(crate) async fn request(&self, request: &str) -> Answer {
        self.request_with(request, "", b"").await
    }

    pub(crate) async fn request_with(&self, request: &str, headers: &str, body: &[u8]) -> Answer {
        self.request_at(&self.socket(), request, headers, body).await
    }

    /// The same at another socket, that of a grant.
    pub(crate) async fn request_at(&self, socket: &Path, request: &str, headers: &str, body: &[u8]) -> Answer {
        let answer = exchange(socket, request, headers, body).await.expect("an answer");
        let content_type = answer.header("content-type").unwrap_or_default();
        document::check_answer(request, answer.status, content_type, &answer.body).unwrap_or_else(|why| {
            panic!("{request}: the OpenAPI document does not have this answer: {why}: {answer:?}")
        });
        let is_meant_to =
            ["access_token", "secret_access_key", "SecretAccessKey"].iter().any(|secret| answer.body.contains(secret));
        if answer.status != 200 || !is_meant_to {
            self.said.lock().expect("no panic").push_str(&answer.body);
        }
        answer
    }

    /// Asks for a token of `corp` with this query.
    pub(crate) async fn token(&self, query: &str) -> Result<Token, Box<Problem>> {
        let answer = self.request(&format!("GET /v1/sessions/corp/token?{query}")).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(Box::new(answer.json())) }
    }

    /// The code of the refusal that who asks for a token of `corp` with this query gets.
    pub(crate) async fn refusal(&self, query: &str) -> String {
        self.token(query).await.expect_err("a refusal").code.as_str().to_owned()
    }

    /// The access token of `corp`, which has to be at hand.
    pub(crate) async fn access_token(&self) -> String {
        self.token("").await.expect("a token").access_token.expose().clone()
    }

    /// Asks for credentials of this role in the account 111122223333, with `corp` and this query.
    pub(crate) async fn credentials(&self, role: &str, query: &str) -> Result<RoleCredentials, Box<Problem>> {
        let request = format!("GET /v1/sessions/corp/credentials?account=111122223333&role={role}&{query}");
        let answer = self.request(&request).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(Box::new(answer.json())) }
    }

    pub(crate) async fn status(&self, name: &str) -> SessionStatus {
        self.request(&format!("GET /v1/sessions/{name}")).await.json()
    }

    pub(crate) async fn report(&self) -> StatusReport {
        self.request("GET /v1/sessions").await.json()
    }

    /// Opens a flow, and what it shows.
    pub(crate) async fn open_flow(&self, name: &str) -> PendingLogin {
        match self.request(&format!("POST /v1/sessions/{name}/login")).await.json() {
            Login::Pending { login, .. } => login,
            other => panic!("{other:?}"),
        }
    }

    /// The end of this flow.
    pub(crate) async fn end_of(&self, name: &str, flow: u64) -> Answer {
        self.request(&format!("GET /v1/sessions/{name}/login?flow={flow}&wait=3600")).await
    }

    /// Signs in as a person does.
    pub(crate) async fn sign_in(&self, name: &str) {
        let login = self.open_flow(name).await;
        self.simulator.approve(code_of(&login)).expect("a pending code");
        self.clock.advance(secs(1));
        let end = self.end_of(name, login.flow).await;
        assert!(matches!(end.json(), Login::SignedIn { .. }), "{end:?}");
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if let Some(daemon) = &self.daemon {
            daemon.abort();
        }
        if !std::thread::panicking() {
            assert_eq!(self.simulator.violations(), Vec::<String>::new());
            let said = self.said.lock().expect("no panic");
            for (number, secret) in self.simulator.secrets().iter().enumerate() {
                assert!(!said.contains(secret.as_str()), "secret {number} in an error or a status");
            }
        }
    }
}

/// Runs the daemon's library with the files of this home. Returns its task, and where signals go.
pub(crate) fn run(home: &Path, world: World, environment: Environment) -> (JoinHandle<()>, mpsc::Sender<Signal>) {
    let socket = home.join("socket");
    // There is none at the first start.
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).expect("a socket");
    let (signals, received) = mpsc::channel(1);
    let aws = home.join("aws-config");
    let settings = ssoctl_protocol::settings::Settings {
        aws_config: aws.display().to_string(),
        state_directory: home.display().to_string(),
        socket: socket.display().to_string(),
        ..Default::default()
    };
    let paths = Paths { own: home.join("config.toml"), aws, aws_credentials: home.join("aws-credentials") };
    let environment = Environment { home: Some(home.to_owned()), tz: Some("UTC0".to_owned()), ..environment };
    let sources = Sources::read(paths, environment, &world.machine);
    let reports = ssoctld::service_manager::report::Reports::disabled();
    let kept_files = ssoctld::kept_files::KeptFiles::unwatched();
    let running = ssoctld::run(sources, settings, world, listener, received, reports, kept_files);
    (tokio::spawn(async move { running.await.expect("the daemon ended with an error") }), signals)
}

/// The world of a daemon in this home. Calls to the service and the store are counted.
pub(crate) fn world(clock: &Arc<ManualClock>, store: Store, home: &Path, way: &Way, calls: &Calls) -> World {
    let store: Arc<dyn SecretStore> = match store {
        Store::Memory => Arc::new(MemoryStore::default()),
        Store::File => Arc::new(FileStore::new(home.join("records"))),
    };
    let secrets = Arc::new(WatchedStore { store, calls: calls.clone() });
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let service = Arc::new(Watched {
        door: way.transport(Arc::clone(&clock)),
        calls: calls.clone(),
        clock: Arc::clone(&clock),
        longest: way.longest_call,
    });
    let machine = ssoctld::machine::MachineProblems::default();
    World {
        identity_center: service.clone(),
        portal: service,
        audit: Audit::start(Some(home.to_owned()), Arc::clone(&clock), machine.clone()),
        clock,
        secrets,
        desktop: Arc::new(NoDesktop),
        surroundings: tokio::sync::watch::channel(Surroundings::default()).1,
        machine,
    }
}

/// The code of a device flow.
pub(crate) fn code_of(login: &PendingLogin) -> &str {
    login.user_code.as_deref().expect("a flow with a code")
}
