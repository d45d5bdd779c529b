//! The daemon's program: the library with the real clock, service, stores and desktop.

mod background;
mod log;
mod verbs;

use std::alloc::System;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use ssoctl_protocol::settings::{self, Setting, Settings};
use ssoctl_protocol::{SocketOwner, SocketPath};
use ssoctld::audit::Audit;
use ssoctld::chain::chain;
use ssoctld::cli::{Arguments, Verb};
use ssoctld::clock::SystemClock;
use ssoctld::config::{Environment, Paths, StoreSetting};
use ssoctld::kept_files::{KeptFiles, KeptFilesError};
use ssoctld::lock::Claim;
use ssoctld::machine::MachineProblems;
use ssoctld::secrets::SecretStore;
use ssoctld::secrets::choice::{ChosenStore, can_do_without_keyring};
use ssoctld::server::{descriptors, socket};
use ssoctld::service_manager::report::Reports;
use ssoctld::service_manager::{StartedBy, handed, predecessor};
use ssoctld::transport::proxies::Proxies;
use ssoctld::transport::{Patience, Transport};
use ssoctld::world::World;
use ssoctld::{Signal, Sources, desktop};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use zeroizing_alloc::ZeroAlloc;

/// Overwrites memory when it is freed. Secrets are also in buffers of serde, hyper and reqwest, which only the allocator can
/// overwrite.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// The longest time that blocking threads, for instance in a file system that hangs, may delay the end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    find_session_bus();
    let mut arguments = Arguments::parse();
    // `ssoctl` reads one line from the standard error of `open-page`.
    if !matches!(arguments.verb, Some(Verb::OpenPage(_))) {
        log::start(arguments.log.clone(), arguments.log_format, arguments.log_file.clone());
    }
    if let Some(verb) = arguments.verb.take() {
        return verbs::run(verb, arguments.config, arguments.state_dir);
    }
    let ended = if arguments.background { background::start(&arguments) } else { run(arguments) };
    ended.unwrap_or_else(|error| {
        tracing::error!("{}", chain(&*error));
        ExitCode::FAILURE
    })
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    // No other user can read the files that are made from here on.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    descriptors::raise();
    shield_memory().context("failed to keep secrets out of core dumps")?;
    // A caller may have blocked SIGTERM, and then only SIGKILL would end the daemon.
    background::unblock_signals()?;
    if arguments.tell_starter {
        background::begin()?;
    }
    let start = Start::claim(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(start.run());
    runtime.shutdown_timeout(SHUTDOWN_PATIENCE);
    ended
}

/// A daemon that has its place, the socket and the state directory, for itself and does not run yet.
struct Start {
    paths: Paths,
    environment: Environment,
    state_directory: PathBuf,
    state: Arc<Claim>,
    socket: socket::Listener,
    by: StartedBy,
    reports: Reports,
    /// Whether the process that has started this one is told when the daemon is ready.
    tell_starter: bool,
}

impl Start {
    /// Claims the state directory, and listens at the socket.
    fn claim(arguments: Arguments) -> anyhow::Result<Self> {
        let environment = Environment::from_process();
        let paths = Paths::locate(arguments.config, &environment)?;
        let state_directory = state_directory(arguments.state_dir)?;
        let socket = socket_path()?;
        let reports = Reports::from_process();
        let by = StartedBy::from_process();
        let handed = handed::socket()?;
        let path = handed.as_ref().map_or(socket.path(), |(_, path)| path);
        let state = Arc::new(Claim::to_state(&state_directory, path));
        make(&state, by, reports)?;
        let socket = match handed {
            Some((listener, path)) => socket::take_over(listener, path, &socket),
            None => socket::listen(&socket, socket::Access::Owner)?,
        };
        let tell_starter = arguments.tell_starter;
        Ok(Self { paths, environment, state_directory, state, socket, by, reports, tell_starter })
    }

    /// Runs the daemon until it is told to stop.
    async fn run(self) -> anyhow::Result<ExitCode> {
        let listener = self.socket.for_tokio()?;
        let clock = Arc::new(SystemClock::start()?);
        let machine = MachineProblems::default();
        if let Err(unusable) = Proxies::from_process() {
            let (what, remedy) = unusable.told();
            machine.found("proxy", what, remedy);
        }
        let sources = Sources::read(self.paths.clone(), self.environment.clone(), &machine);
        let configured = &sources.config;
        let keyring = self.claim_keyring(configured.secret_store, clock.clone()).await?;
        let settings = self.settings(configured.ca_bundle.as_deref());
        let records = self.state_directory.join("records");
        let secrets =
            ChosenStore::start(configured.secret_store, records, Arc::clone(&keyring), machine.clone(), clock.clone());
        tracing::info!(
            version = ssoctl_protocol::VERSION,
            pid = std::process::id(),
            socket = %self.socket.path().display(),
            secret_store = secrets.kind(),
            "ssoctld is ready"
        );
        if self.tell_starter {
            background::ready();
        }
        let transport = Arc::new(Transport::new(configured.ca_bundle.clone(), Patience::default(), clock.clone()));
        let surroundings = desktop::observe(clock.clone());
        let screen = Arc::new(desktop::Screen::new(desktop::DesktopEnvironment::from_process(), clock.clone()));
        let world = World {
            clock: clock.clone(),
            identity_center: transport.clone(),
            portal: transport,
            secrets,
            desktop: screen.clone(),
            surroundings,
            machine: machine.clone(),
            audit: Audit::start(Some(self.state_directory.clone()), clock, machine.clone()),
        };
        let signals = forward_signals()?;
        let kept_files = KeptFiles::new(self.socket, vec![self.state, keyring], machine);
        let ended = ssoctld::run(sources, settings, world, listener, signals, self.reports, kept_files).await;
        screen.withdraw_all().await;
        match ended {
            // After a failure the service manager would restart it on a socket that no client can reach.
            Ok(()) | Err(KeptFilesError::Handed(_)) => Ok(ExitCode::SUCCESS),
            // The error is in the log already.
            Err(_) => Ok(ExitCode::FAILURE),
        }
    }

    /// Claims the keyring if the store may be there. A daemon that can do without it starts without it, too.
    async fn claim_keyring(&self, setting: StoreSetting, clock: Arc<SystemClock>) -> anyhow::Result<Arc<Claim>> {
        let home = self.environment.home.as_ref().unwrap_or(&self.state_directory);
        let keyring = Arc::new(Claim::to_keyring(home, self.socket.path()));
        let is_wanted = matches!(setting, StoreSetting::Auto | StoreSetting::Keyring);
        if is_wanted && keyring.make().is_err() && !can_do_without_keyring(setting, clock).await {
            make(&keyring, self.by, self.reports)?;
        }
        Ok(keyring)
    }

    /// The settings that the daemon shows to its callers.
    fn settings(&self, ca_bundle: Option<&Path>) -> Settings {
        let absolute =
            |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        let started_by = match self.by {
            StartedBy::ServiceManager => "service_manager",
            StartedBy::Hand if self.tell_starter => "ssoctl",
            StartedBy::Hand => "hand",
        };
        #[cfg(target_os = "linux")]
        let session_bus = ssoctld::session_bus::address();
        #[cfg(not(target_os = "linux"))]
        let session_bus = String::new();
        let from_file = ca_bundle.filter(|_| self.environment.ca_bundle.is_none()).map(|bundle| Setting {
            name: "ca_bundle".to_owned(),
            value: bundle.display().to_string(),
            file: Some(absolute(&self.paths.aws)),
        });
        Settings {
            started_by: started_by.to_owned(),
            home: self.environment.home.as_deref().map(absolute).unwrap_or_default(),
            socket: absolute(self.socket.path()),
            session_bus,
            config_toml: absolute(&self.paths.own),
            aws_config: absolute(&self.paths.aws),
            aws_credentials: absolute(&self.paths.aws_credentials),
            state_directory: absolute(&self.state_directory),
            variables: settings::variables(ssoctld::variable).into_iter().chain(from_file).collect(),
            aws_config_files: Vec::new(),
        }
    }
}

/// If no bus listens at the address that the environment names, and one does at the usual place, runs this program again with that
/// address. Keyring, notices, and the programs that open pages then all use it.
#[cfg(target_os = "linux")]
fn find_session_bus() {
    use ssoctld::session_bus;
    let mut arguments = std::env::args_os();
    let (Some(address), Some(name), Ok(own)) = (session_bus::moved(), arguments.next(), std::env::current_exe()) else {
        return;
    };
    // It returns only with an error. Then the daemon runs without a bus.
    let _ = std::process::Command::new(own).arg0(name).args(arguments).env(session_bus::ADDRESS, address).exec();
}

/// Makes a claim. A daemon of the service manager replaces one that was started by hand.
fn make(claim: &Claim, by: StartedBy, reports: Reports) -> anyhow::Result<()> {
    match by {
        StartedBy::Hand => claim.make()?,
        StartedBy::ServiceManager => predecessor::take_over(claim, reports)?,
    }
    Ok(())
}

fn state_directory(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    named
        .or_else(|| settings::state_directory(ssoctld::variable, std::env::home_dir()))
        .context("there is no home directory; name a state directory with SSOCTL_STATE_DIR")
}

fn socket_path() -> anyhow::Result<SocketPath> {
    let variable = |name: &str| match name {
        "XDG_RUNTIME_DIR" => ssoctl_files::directory::runtime(ssoctld::variable(name)),
        _ => ssoctld::variable(name),
    };
    let socket = SocketPath::from_environment(variable, std::env::home_dir())
        .context("there is no home directory; name a socket with SSOCTL_SOCKET")?;
    if let Some(grant) = ssoctl_protocol::socket::grant_at(socket.path()) {
        // Whoever has the grant would have the whole API.
        anyhow::bail!("SSOCTL_SOCKET names the socket of the grant {grant}, where no daemon may listen; unset it");
    }
    Ok(socket)
}

fn socket_owner() -> anyhow::Result<SocketOwner> {
    SocketOwner::from_environment(ssoctld::variable).map_err(anyhow::Error::msg)
}

/// Keeps memory out of core dumps. On Linux, only the superuser can then trace this process or read its memory and environment
/// under `/proc`, and not the person's other programs.
fn shield_memory() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // The hard limit stays, so that browsers that the daemon starts can raise it again.
    setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Turns the signals of the operating system into ours.
fn forward_signals() -> std::io::Result<mpsc::Receiver<Signal>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = hangup.recv() => Signal::Reload,
                _ = terminate.recv() => Signal::Stop,
                _ = interrupt.recv() => Signal::Stop,
            };
            if sender.send(signal).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
