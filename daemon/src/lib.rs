//! Keeps AWS IAM Identity Center sign-ins alive.
//!
//! The binary `ssoctld` is this library with the real interfaces to the outside ([`world`]); tests use others. Start reading at
//! [`session`]: the rest serves it.

pub mod assignment;
pub mod audit;
mod budget;
pub mod callback;
pub mod caller;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod config;
pub mod configure;
mod daemon_process;
#[cfg(not(target_os = "macos"))]
mod dbus;
pub mod desktop;
pub mod directory;
pub mod doctor;
mod file_work;
mod grant_sockets;
pub mod grants;
mod inquiry;
pub mod issuer;
pub mod kept_files;
pub mod left_records;
pub mod lock;
pub mod machine;
mod named_files;
pub mod notice;
pub mod oidc;
mod partitions;
pub mod pattern;
pub mod picks;
pub mod portal;
mod replacement;
pub mod secrets;
pub mod server;
pub mod service_manager;
pub mod session;
#[cfg(target_os = "linux")]
pub mod session_bus;
pub mod token;
pub mod token_files;
pub mod transport;
mod waiting;
pub mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

// Shared with the client.
pub(crate) use ssoctl_files::{owner, regular_file};
use ssoctl_protocol::settings::Settings;
use ssoctl_protocol::{NewSession, Timestamp};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use clock::Clock;
use config::{Config, Environment, FilePair, FileWatch, Paths, QuietHours, SaveError, Severity};
use desktop::{LocalZone, quiet};
use directory::{Directory, View};
use grant_sockets::GrantSockets;
use grants::Grants;
use kept_files::{Kept, KeptFiles, KeptFilesError};
use left_records::LeftRecords;
use machine::MachineProblems;
use named_files::{NamedFiles, ReadFiles, ReadRequest};
use picks::Picks;
use server::socket::Access;
use service_manager::report::Reports;
use token_files::TokenFiles;
use world::World;

/// A command to the running daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Read the configuration again.
    Reload,
    /// Answer all callers, write the records, and end.
    Stop,
}

/// The configuration and its sources.
pub struct Sources {
    pub paths: Paths,
    /// The environment at the daemon's start.
    pub environment: Environment,
    pub config: Config,
    /// Reports changes of the files.
    changes: FileWatch,
}

impl Sources {
    /// Reads the configuration, and watches its files from before that on, so that no change is missed. Has to be called within a
    /// tokio runtime.
    pub fn read(paths: Paths, environment: Environment, machine: &MachineProblems) -> Self {
        let changes = FileWatch::start(paths.all(), machine);
        let config = config::load(&paths, &environment);
        Self { paths, environment, config, changes }
    }
}

/// A session to be saved, and the sender of the result.
type Save = (NewSession, oneshot::Sender<Result<(String, Arc<Directory>), SaveError>>);

/// Runs the daemon on this socket until it is told to stop, or the sender of `signals` is gone.
///
/// # Errors
/// [`KeptFilesError`] if the socket or a lock was lost.
pub async fn run(
    sources: Sources,
    settings: Settings,
    world: World,
    listener: UnixListener,
    signals: mpsc::Receiver<Signal>,
    reports: Reports,
    kept_files: KeptFiles,
) -> Result<(), KeptFilesError> {
    let store = world.secrets.changes();
    let home = sources.environment.home.clone();
    let (mut configuration, files) = Configuration::new(sources, world);
    let world = configuration.world.clone();
    let (save, saves) = mpsc::channel(1);
    let (ask, reads) = mpsc::channel(1);
    let grants = start_grants(&configuration, &settings);
    let sockets = GrantSockets::new(world.clone());
    let open = sockets.open_all(&grants).await;
    let api = api(&configuration, settings, home.as_deref(), save, ask, (Arc::clone(&grants), open));
    let watched = Arc::clone(&api.events);
    let (stop, stopped) = oneshot::channel::<()>();
    let (successor, successors) = mpsc::channel(1);
    let service = server::Service { api: Arc::new(api), access: Access::Owner, connections: server::connections() };
    let server = tokio::spawn(server::serve(listener, successors, service, Arc::clone(&world.clock), async {
        // An error means that this function has ended, so the server ends, too.
        let _ = stopped.await;
    }));
    reports.ready(configuration.sessions());
    let kept_files = kept_files.keep(Arc::clone(&world.clock));
    let mut events = Events { signals, files, store, saves, reads, kept_files };
    let ended = events.handle(&mut configuration, reports, &successor).await;
    tracing::info!("stopping");
    reports.stopping();
    // Closed before the server, so that a request that comes too late is told that the daemon stops.
    events.saves.close();
    events.reads.close();
    watched.stop();
    drop(stop);
    tokio::join!(end(server, &configuration), sockets.end());
    grants.stop().await;
    world.audit.flush().await;
    events.kept_files.end().await;
    ended
}

/// The grants of the daemon before this one, and those to come.
fn start_grants(configuration: &Configuration, settings: &Settings) -> Arc<Grants> {
    let file = kept_in(settings, "grants.json");
    let sockets = Path::new(&settings.socket).with_file_name(ssoctl_protocol::socket::GRANTS);
    let World { clock, desktop, surroundings, machine, audit, .. } = configuration.world.clone();
    let directory = configuration.directory.subscribe();
    let reach = grants::Reach { directory, clock, desktop, surroundings, audit, save: None };
    Grants::start(file, sockets, reach, machine)
}

/// A file in the state directory, if there is one.
fn kept_in(settings: &Settings, name: &str) -> Option<PathBuf> {
    let directory = &settings.state_directory;
    (!directory.is_empty()).then(|| Path::new(directory).join(name))
}

/// The interface of the server to the sessions and to the owner of the configuration.
fn api(
    configuration: &Configuration,
    settings: Settings,
    home: Option<&Path>,
    save: mpsc::Sender<Save>,
    ask: mpsc::Sender<ReadRequest>,
    (grants, open_grant): (Arc<Grants>, server::OpenGrant),
) -> server::Api {
    let world = configuration.world.clone();
    let clock = Arc::clone(&world.clock);
    let directory = || configuration.directory.subscribe();
    let picks = Picks::new(kept_in(&settings, "picks.json"));
    let shown = Arc::new(server::Shown {
        directory: directory(),
        world: world.clone(),
        token_files: TokenFiles::start(home, directory(), world.clone()),
        left_records: LeftRecords::start(directory(), world.clone()),
        grants: Arc::clone(&grants),
        started_at: Timestamp::from(world.clock.now().wall),
        settings,
    });
    server::Api {
        directory: directory(),
        events: Arc::new(server::Events::new(Arc::clone(&shown))),
        shown,
        listed: server::Listed::default(),
        picks,
        imports: server::CallLimit::new("imports", 10),
        new_sessions: server::CallLimit::new("new sessions", 100),
        grants,
        open_grant,
        environment: configuration.environment.clone(),
        read: Box::new(move |files| Box::pin(have_read(files, ask.clone(), Arc::clone(&clock)))),
        save: Box::new(move |session| Box::pin(have_saved(session, save.clone()))),
        world,
    }
}

/// Everything that the owner of the configuration reacts to.
struct Events {
    signals: mpsc::Receiver<Signal>,
    files: FileWatch,
    store: watch::Receiver<()>,
    saves: mpsc::Receiver<Save>,
    reads: mpsc::Receiver<ReadRequest>,
    kept_files: Kept,
}

impl Events {
    /// Handles events until the daemon has to stop.
    async fn handle(
        &mut self,
        configuration: &mut Configuration,
        reports: Reports,
        successor: &mpsc::Sender<UnixListener>,
    ) -> Result<(), KeptFilesError> {
        let clock = Arc::clone(&configuration.world.clock);
        let mut sign_of_life = reports.until_due(&*clock);
        loop {
            tokio::select! {
                Some(checked) = self.kept_files.reports.recv() => {
                    let restored = checked.inspect_err(|error| tracing::error!("{}", chain::chain(error)))?;
                    if let Some(listener) = restored.socket {
                        let _ = successor.send(listener).await;
                    }
                    if restored.records {
                        configuration.store_changed();
                    }
                }
                Ok(()) = self.store.changed() => configuration.store_changed(),
                signal = self.signals.recv() => match signal {
                    Some(Signal::Reload) => {
                        reports.reloading();
                        configuration.reload("it was asked for");
                        reports.ready(configuration.sessions());
                    }
                    Some(Signal::Stop) | None => return Ok(()),
                },
                () = self.files.changed() => {
                    configuration.reload("a file changed");
                    reports.serving(configuration.sessions());
                }
                Some((session, reply)) = self.saves.recv() => {
                    // The session is saved even if the caller has gone.
                    let _ = reply.send(configuration.save(session));
                    reports.serving(configuration.sessions());
                }
                Some(asked) = self.reads.recv() => configuration.named.read_for(asked),
                read = configuration.named.next_read() => {
                    configuration.use_named(read);
                    reports.serving(configuration.sessions());
                }
                // Sent from here and not from another task, so that none is sent if this loop hangs.
                () = &mut sign_of_life => {
                    reports.alive();
                    sign_of_life = reports.until_due(&*clock);
                }
            }
        }
    }
}

/// Waits until the sessions have stopped and the server has answered its callers.
async fn end(server: JoinHandle<server::Remaining>, configuration: &Configuration) {
    let directory = Arc::clone(&configuration.directory.borrow());
    match server.await {
        Ok(remaining) => {
            tokio::join!(directory.stop(), remaining.end());
        }
        Err(error) => {
            tracing::error!(%error, "the server ended unexpectedly");
            directory.stop().await;
        }
    }
}

/// Asks the owner of the configuration to save a session.
async fn have_saved(session: NewSession, save: mpsc::Sender<Save>) -> Result<(String, Arc<Directory>), SaveError> {
    let (reply, saved) = oneshot::channel();
    // The other end goes away only with the daemon.
    let _ = save.send((session, reply)).await;
    saved.await.unwrap_or(Err(SaveError::Stopping))
}

/// The longest time that a caller waits for files that it has named.
const READING: Duration = Duration::from_secs(5);

/// Asks the owner of the configuration to read files.
async fn have_read(
    files: FilePair,
    ask: mpsc::Sender<ReadRequest>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<View>, String> {
    let reading = async {
        let (reply, read) = oneshot::channel();
        // The other end goes away only with the daemon.
        let _ = ask.send((files, reply)).await;
        read.await.unwrap_or_else(|_| Err("the daemon is stopping".to_owned()))
    };
    let late = || Err("reading it takes too long; check the file system that it is on".to_owned());
    clock.within(READING, reading).await.unwrap_or_else(late)
}

/// The one owner of the configuration and of the directory made from it.
struct Configuration {
    paths: Paths,
    environment: Environment,
    world: World,
    quiet_hours: watch::Sender<Option<QuietHours>>,
    directory: watch::Sender<Arc<Directory>>,
    named: NamedFiles,
}

impl Configuration {
    fn new(sources: Sources, mut world: World) -> (Self, FileWatch) {
        let Sources { paths, environment, config, changes } = sources;
        let (quiet_hours, hours) = watch::channel(config.quiet_hours);
        let zone = LocalZone::from_variable(environment.tz.as_deref());
        world.surroundings =
            quiet::follow(world.surroundings, hours, zone, Arc::clone(&world.clock), world.machine.clone());
        let directory = watch::channel(Arc::new(Directory::empty())).0;
        let named = NamedFiles::new(paths.clone(), environment.clone(), world.machine.clone());
        let mut configuration = Self { paths, environment, world, quiet_hours, directory, named };
        configuration.apply(config, "the daemon starts");
        (configuration, changes)
    }

    fn sessions(&self) -> usize {
        self.directory.borrow().entries().len()
    }

    /// Has every session read its record again.
    fn store_changed(&self) {
        for entry in self.directory.borrow().entries() {
            entry.session.store_changed();
        }
    }

    fn reload(&mut self, reason: &str) {
        let config = config::load(&self.paths, &self.environment);
        self.quiet_hours.send_replace(config.quiet_hours);
        self.apply(config, reason);
    }

    fn apply(&mut self, config: Config, reason: &str) {
        let current = Arc::clone(&self.directory.borrow());
        log_changes(&current.default_view().config, &config, reason);
        self.named.set_listed(&config.aws_config_files);
        let next = current.reconfigured(config, self.named.known().clone(), &self.world, || fastrand::u64(..));
        self.directory.send_replace(Arc::new(next));
    }

    fn use_named(&mut self, read: ReadFiles) {
        let mut directory = Arc::clone(&self.directory.borrow());
        if self.named.remember(&read, &directory) {
            let known = self.named.known().clone();
            tracing::info!(files = known.len(), "named files were read");
            let config = directory.default_view().config.clone();
            directory = Arc::new(directory.reconfigured(config, known, &self.world, || fastrand::u64(..)));
            self.directory.send_replace(Arc::clone(&directory));
        }
        read.answer(&directory);
    }

    fn save(&mut self, session: NewSession) -> Result<(String, Arc<Directory>), SaveError> {
        let name = config::save_session(&self.paths, &session, &self.directory.borrow().default_view().config)?;
        self.reload("a session was saved");
        Ok((name, Arc::clone(&self.directory.borrow())))
    }
}

/// Logs the configuration and its new problems.
fn log_changes(previous: &Config, config: &Config, reason: &str) {
    tracing::info!(
        sessions = config.sessions.len(),
        problems = config.problems.len(),
        reason,
        "the configuration was read"
    );
    for problem in config.problems.iter().filter(|problem| !previous.problems.contains(problem)) {
        let (file, line, message) = (problem.file.display(), problem.line, &problem.message);
        match problem.severity {
            Severity::Error => tracing::error!(%file, line, "{message}"),
            Severity::Warning => tracing::warn!(%file, line, "{message}"),
        }
    }
}

/// The value of an environment variable.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
