//! The configuration that counts now, and the directory made from it. [`run`](crate::run) alone changes them; others ask it by [`Requests`].

use std::sync::Arc;
use std::time::Duration;

use ssoctl_protocol::NewSession;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::config::{self, Config, Environment, FilePair, FileWatch, Paths, QuietHours, SaveError, Severity, Stamps};
use crate::desktop::{LocalZone, quiet};
use crate::directory::{Directory, View};
use crate::machine::MachineProblems;
use crate::named_files::{NamedFiles, ReadFiles, ReadRequest};
use crate::world::World;

/// The longest time that a caller waits for files that it has named.
const READING: Duration = Duration::from_secs(5);

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

/// The name under which a session was saved, and the directory that has it.
type Saved = (String, Arc<Directory>);

/// A session to be saved, and the sender of the result.
type SaveRequest = (NewSession, oneshot::Sender<Result<Saved, SaveError>>);

/// Asks for changes of the configuration.
pub struct Requests {
    save: mpsc::Sender<SaveRequest>,
    read: mpsc::Sender<ReadRequest>,
    clock: Arc<dyn Clock>,
}

/// Receives what [`Requests`] ask for.
pub(crate) struct Requested {
    pub(crate) saves: mpsc::Receiver<SaveRequest>,
    pub(crate) reads: mpsc::Receiver<ReadRequest>,
}

impl Requests {
    pub(crate) fn channel(clock: Arc<dyn Clock>) -> (Self, Requested) {
        let ((save, saves), (read, reads)) = (mpsc::channel(1), mpsc::channel(1));
        (Self { save, read, clock }, Requested { saves, reads })
    }

    /// Writes a session into the configuration file and reads that again.
    pub(crate) async fn save(&self, session: NewSession) -> Result<Saved, SaveError> {
        let (reply, saved) = oneshot::channel();
        // The other end goes away only with the daemon.
        let _ = self.save.send((session, reply)).await;
        saved.await.unwrap_or(Err(SaveError::Stopping))
    }

    /// Reads files that a caller has named, and remembers them; or the default files, if they have changed. Returns their view, or the
    /// reason why they are not used.
    pub(crate) async fn read(&self, files: FilePair) -> Result<Arc<View>, String> {
        let reading = async {
            let (reply, read) = oneshot::channel();
            // The other end goes away only with the daemon.
            let _ = self.read.send((files, reply)).await;
            read.await.unwrap_or_else(|_| Err("the daemon is stopping".to_owned()))
        };
        let late = || Err("reading it takes too long; check the file system that it is on".to_owned());
        self.clock.within(READING, reading).await.unwrap_or_else(late)
    }
}

/// The configuration that counts, and the directory made from it.
pub(crate) struct LiveConfig {
    paths: Paths,
    pub(crate) environment: Environment,
    pub(crate) world: World,
    quiet_hours: watch::Sender<Option<QuietHours>>,
    pub(crate) directory: watch::Sender<Arc<Directory>>,
    pub(crate) named: NamedFiles,
    /// Of the default files, before they were read.
    stamps: Stamps,
}

impl LiveConfig {
    pub(crate) fn new(sources: Sources, mut world: World) -> (Self, FileWatch) {
        let Sources { paths, environment, config, changes } = sources;
        let (quiet_hours, hours) = watch::channel(config.quiet_hours);
        let zone = LocalZone::from_variable(environment.tz.as_deref());
        world.surroundings =
            quiet::follow(world.surroundings, hours, zone, Arc::clone(&world.clock), world.machine.clone());
        let directory = watch::channel(Arc::new(Directory::empty())).0;
        let named = NamedFiles::new(paths.clone(), environment.clone(), world.machine.clone());
        // The first look reads the files.
        let stamps = Stamps::default();
        let mut live = Self { paths, environment, world, quiet_hours, directory, named, stamps };
        live.apply(config, "the daemon starts");
        (live, changes)
    }

    pub(crate) fn sessions(&self) -> usize {
        self.directory.borrow().entries().len()
    }

    /// Has every session read its record again.
    pub(crate) fn store_changed(&self) {
        for entry in self.directory.borrow().entries() {
            entry.session.store_changed();
        }
    }

    pub(crate) fn reload(&mut self, reason: &str) {
        self.stamps = self.paths.stamps();
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

    pub(crate) fn use_named(&mut self, read: ReadFiles) {
        if read.default_stamps().is_some_and(|stamps| *stamps != self.stamps) {
            self.reload("a file has changed, and a caller asks for what may be in it");
        }
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

    pub(crate) fn save(&mut self, session: NewSession) -> Result<Saved, SaveError> {
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
