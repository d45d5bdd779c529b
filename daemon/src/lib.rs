//! Keeps AWS IAM Identity Center sign-ins alive.
//!
//! The binary `ssoctld` is this library with the real world behind its doors; tests put others there. Start reading at
//! [`session`], the rest serves it.

pub mod assignment;
mod budget;
pub mod chain;
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
pub mod ground;
mod inquiry;
pub mod issuer;
pub mod left_records;
pub mod lock;
pub mod machine;
mod named_files;
pub mod notice;
pub mod oidc;
mod partitions;
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

use std::sync::Arc;
use std::time::Duration;

// Shared with the client.
pub(crate) use ssoctl_files::{owner, regular_file};
use ssoctl_protocol::settings::Settings;
use ssoctl_protocol::{NewSession, Timestamp};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot, watch};

use clock::Clock;
use config::{Config, Environment, FilePair, FileWatch, Paths, QuietHours, SaveError, Severity};
use desktop::{LocalZone, quiet};
use directory::{Directory, View};
use ground::{Fallen, Ground};
use left_records::LeftRecords;
use machine::MachineProblems;
use named_files::{Asked, NamedFiles, Read};
use service_manager::report::Reports;
use token_files::TokenFiles;
use world::World;

/// What the daemon can be told while it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Read the configuration again.
    Reload,
    /// Answer everybody, write what is to be written, and end.
    Stop,
}

/// Where the configuration comes from.
pub struct Sources {
    /// The files.
    pub paths: Paths,
    /// The environment, as it was when the daemon started.
    pub environment: Environment,
    /// What the files say.
    pub config: Config,
    /// Tells when one of them changes.
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

/// A session to be saved, and who waits for it.
type Save = (NewSession, oneshot::Sender<Result<(String, Arc<Directory>), SaveError>>);

/// Runs the daemon on this socket until it is told to stop, or the sender of `signals` is gone.
///
/// # Errors
/// [`Fallen`] if it has ended because the `ground` gave way.
pub async fn run(
    sources: Sources,
    settings: Settings,
    world: World,
    listener: UnixListener,
    mut signals: mpsc::Receiver<Signal>,
    reports: Reports,
    ground: Ground,
) -> Result<(), Fallen> {
    let home = sources.environment.home.clone();
    let mut store = world.secrets.changes();
    let (mut configuration, mut files) = Configuration::new(sources, world);
    let world = configuration.world.clone();
    let token_files = TokenFiles::start(home.as_deref(), configuration.directory.subscribe(), world.clone());
    let (save, mut saves) = mpsc::channel::<Save>(1);
    let (ask, mut asked) = mpsc::channel::<Asked>(1);
    let asking_clock = Arc::clone(&world.clock);
    let (stop, stopped) = oneshot::channel::<()>();
    let api = server::Api {
        directory: configuration.directory.subscribe(),
        world: world.clone(),
        token_files,
        left_records: LeftRecords::start(configuration.directory.subscribe(), world.clone()),
        imports: server::CallLimit::new("imports", 10),
        new_sessions: server::CallLimit::new("new sessions", 100),
        started_at: Timestamp::from(world.clock.now().wall),
        settings,
        read: Box::new(move |files| Box::pin(have_read(files, ask.clone(), Arc::clone(&asking_clock)))),
        save: Box::new(move |session| Box::pin(have_saved(session, save.clone()))),
    };
    let clock = Arc::clone(&world.clock);
    let (successor, successors) = mpsc::channel(1);
    let server = tokio::spawn(server::serve(listener, successors, Arc::new(api), clock, async {
        // An error means that nobody is left to stop us, which is as good a reason to stop.
        let _ = stopped.await;
    }));
    reports.ready(configuration.sessions());
    let mut sign_of_life = reports.until_due(&*world.clock);
    let mut ground = ground.keep(Arc::clone(&world.clock));
    let mut ended = Ok(());
    loop {
        tokio::select! {
            Some(checked) = ground.recv() => match checked {
                Ok(restored) => {
                    if let Some(listener) = restored.socket {
                        let _ = successor.send(listener).await;
                    }
                    if restored.records {
                        configuration.store_changed();
                    }
                }
                Err(fallen) => {
                    tracing::error!("{}", chain::chain(&fallen));
                    ended = Err(fallen);
                    break;
                }
            },
            Ok(()) = store.changed() => configuration.store_changed(),
            signal = signals.recv() => match signal {
                Some(Signal::Reload) => {
                    reports.reloading();
                    configuration.reload("it was asked for");
                    reports.ready(configuration.sessions());
                }
                Some(Signal::Stop) | None => break,
            },
            () = files.changed() => {
                configuration.reload("a file changed");
                reports.serving(configuration.sessions());
            }
            Some((session, reply)) = saves.recv() => {
                // The session is saved even if the caller has gone.
                let _ = reply.send(configuration.save(session));
                reports.serving(configuration.sessions());
            }
            Some(asked) = asked.recv() => configuration.named.read_for(asked),
            read = configuration.named.next_read() => {
                configuration.take_named(read);
                reports.serving(configuration.sessions());
            }
            // Given here and not by a task of its own, so that a loop that hangs gives none.
            () = &mut sign_of_life => {
                reports.alive();
                sign_of_life = reports.until_due(&*world.clock);
            }
        }
    }
    tracing::info!("stopping");
    reports.stopping();
    // Closed first, so that a request to save a session that comes too late is told so.
    saves.close();
    asked.close();
    drop(stop);
    let remaining = server.await;
    let directory = Arc::clone(&configuration.directory.borrow());
    match remaining {
        Ok(remaining) => {
            tokio::join!(directory.stop(), remaining.end());
        }
        Err(error) => {
            tracing::error!(%error, "the server ended unexpectedly");
            directory.stop().await;
        }
    }
    ended
}

/// Has the owner of the configuration save a session.
async fn have_saved(session: NewSession, save: mpsc::Sender<Save>) -> Result<(String, Arc<Directory>), SaveError> {
    let (reply, saved) = oneshot::channel();
    // The other end goes away only with the daemon.
    let _ = save.send((session, reply)).await;
    saved.await.unwrap_or(Err(SaveError::Stopping))
}

/// How long a caller waits for files that it has named.
const READING: Duration = Duration::from_secs(5);

/// Has the owner of the configuration read files.
async fn have_read(files: FilePair, ask: mpsc::Sender<Asked>, clock: Arc<dyn Clock>) -> Result<Arc<View>, String> {
    let deadline = clock.sleep_until(clock.now().boot + READING);
    let reading = async {
        let (reply, read) = oneshot::channel();
        // The other end goes away only with the daemon.
        let _ = ask.send((files, reply)).await;
        read.await.unwrap_or_else(|_| Err("the daemon is stopping".to_owned()))
    };
    tokio::select! {
        read = reading => read,
        () = deadline => Err("reading it takes too long; check the file system that it is on".to_owned()),
    }
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
        configuration.take(config, "the daemon starts");
        (configuration, changes)
    }

    fn sessions(&self) -> usize {
        self.directory.borrow().entries().len()
    }

    /// Has every session look at the store once more.
    fn store_changed(&self) {
        for entry in self.directory.borrow().entries() {
            entry.session.store_changed();
        }
    }

    fn reload(&mut self, reason: &str) {
        let config = config::load(&self.paths, &self.environment);
        self.quiet_hours.send_replace(config.quiet_hours);
        self.take(config, reason);
    }

    fn take(&mut self, config: Config, reason: &str) {
        let current = Arc::clone(&self.directory.borrow());
        tell(&current.default_view().config, &config, reason);
        self.named.set_listed(&config.aws_config_files);
        let next = current.reconfigured(config, self.named.known().clone(), &self.world, || fastrand::u64(..));
        self.directory.send_replace(Arc::new(next));
    }

    fn take_named(&mut self, read: Read) {
        let mut directory = Arc::clone(&self.directory.borrow());
        if self.named.remember(&read, &directory) {
            let known = self.named.known().clone();
            tracing::info!(files = known.len(), "named files read");
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

/// Tells the log what is configured, and of problems those that are new.
fn tell(previous: &Config, config: &Config, reason: &str) {
    tracing::info!(sessions = config.sessions.len(), problems = config.problems.len(), reason, "configuration read");
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
