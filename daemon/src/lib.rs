//! Keeps AWS IAM Identity Center sign-ins alive.
//!
//! The binary `ssoctld` is this library with the real interfaces to the outside ([`world`]); tests use others. Start reading at
//! [`session`]: the rest serves it.

pub mod assignment;
pub mod audit;
mod aws_hosts;
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
mod live_config;
pub mod lock;
pub mod machine;
mod named_files;
pub mod notice;
pub mod oidc;
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
use ssoctl_protocol::Timestamp;
use ssoctl_protocol::settings::Settings;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use config::FileWatch;
use grant_sockets::GrantSockets;
use grants::Grants;
use kept_files::{Kept, KeptFiles, KeptFilesError};
use left_records::LeftRecords;
use live_config::{LiveConfig, Requested, Requests};
use picks::Picks;
use server::socket::Access;
use service_manager::report::Reports;
use token_files::TokenFiles;
use world::World;

pub use live_config::Sources;

/// A command to the running daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Read the configuration again.
    Reload,
    /// Answer all callers, write the records, and end.
    Stop,
}

/// When the daemon stops: the longest time for what is still to be written. A file system may hang, and callers wait at the socket meanwhile.
const LAST_WRITES: Duration = Duration::from_secs(2);

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
    let (mut live, files) = LiveConfig::new(sources, world);
    let world = live.world.clone();
    let (requests, requested) = Requests::channel(Arc::clone(&world.clock));
    let grants = start_grants(&live, &settings);
    let sockets = GrantSockets::new(world.clone());
    let open = sockets.open_all(&grants).await;
    let api = api(&live, settings, requests, Arc::clone(&grants), open);
    let watched = Arc::clone(&api.events);
    let (stop, stopped) = oneshot::channel::<()>();
    let (successor, successors) = mpsc::channel(1);
    let service = server::Service { api: Arc::new(api), access: Access::Owner, connections: server::connections() };
    let server = tokio::spawn(server::serve(listener, successors, service, Arc::clone(&world.clock), async {
        // An error means that this function has ended, so the server ends, too.
        let _ = stopped.await;
    }));
    reports.ready(live.sessions());
    let kept_files = kept_files.keep(Arc::clone(&world.clock));
    let mut events = Events { signals, files, store, requested, kept_files };
    let ended = events.handle(&mut live, reports, &successor).await;
    tracing::info!("stopping");
    reports.stopping();
    // Closed before the server, so that a request that comes too late is told that the daemon stops.
    events.requested.saves.close();
    events.requested.reads.close();
    watched.stop();
    drop(stop);
    tokio::join!(end(server, &live), sockets.end());
    let writing = async {
        grants.stop().await;
        world.audit.flush().await;
    };
    world.clock.within(LAST_WRITES, writing).await;
    events.kept_files.end().await;
    ended
}

/// The grants of the daemon before this one, and those to come.
fn start_grants(live: &LiveConfig, settings: &Settings) -> Arc<Grants> {
    let file = kept_in(settings, "grants.json");
    let sockets = Path::new(&settings.socket).with_file_name(ssoctl_protocol::socket::GRANTS);
    let World { clock, desktop, surroundings, machine, audit, .. } = live.world.clone();
    let directory = live.directory.subscribe();
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
    live: &LiveConfig,
    settings: Settings,
    requests: Requests,
    grants: Arc<Grants>,
    open_grant: server::OpenGrant,
) -> server::Api {
    let world = live.world.clone();
    let directory = || live.directory.subscribe();
    let picks = Picks::new(kept_in(&settings, "picks.json"));
    let shown = Arc::new(server::Shown {
        directory: directory(),
        token_files: TokenFiles::start(live.environment.home.as_deref(), directory(), world.clone()),
        left_records: LeftRecords::start(directory(), world.clone()),
        grants,
        started_at: Timestamp::from(world.clock.now().wall),
        settings,
        world,
    });
    server::Api {
        events: Arc::new(server::Events::new(Arc::clone(&shown))),
        shown,
        listed: server::Listed::default(),
        picks,
        imports: server::CallLimit::new("imports", 10),
        new_sessions: server::CallLimit::new("new sessions", 100),
        open_grant,
        environment: live.environment.clone(),
        requests,
    }
}

/// Everything that the owner of the configuration reacts to.
struct Events {
    signals: mpsc::Receiver<Signal>,
    files: FileWatch,
    store: watch::Receiver<()>,
    requested: Requested,
    kept_files: Kept,
}

impl Events {
    /// Handles events until the daemon has to stop.
    async fn handle(
        &mut self,
        live: &mut LiveConfig,
        reports: Reports,
        successor: &mpsc::Sender<UnixListener>,
    ) -> Result<(), KeptFilesError> {
        let clock = Arc::clone(&live.world.clock);
        let mut sign_of_life = reports.until_due(&*clock);
        loop {
            tokio::select! {
                Some(checked) = self.kept_files.reports.recv() => {
                    let restored = checked.inspect_err(|error| tracing::error!("{}", chain::chain(error)))?;
                    if let Some(listener) = restored.socket {
                        let _ = successor.send(listener).await;
                    }
                    if restored.records {
                        live.store_changed();
                    }
                }
                Ok(()) = self.store.changed() => live.store_changed(),
                signal = self.signals.recv() => match signal {
                    Some(Signal::Reload) => {
                        reports.reloading();
                        live.reload("it was asked for");
                        reports.ready(live.sessions());
                    }
                    Some(Signal::Stop) | None => return Ok(()),
                },
                () = self.files.changed() => {
                    live.reload("a file changed");
                    reports.serving(live.sessions());
                }
                Some((session, reply)) = self.requested.saves.recv() => {
                    // The session is saved even if the caller has gone.
                    let _ = reply.send(live.save(session));
                    reports.serving(live.sessions());
                }
                Some(asked) = self.requested.reads.recv() => live.named.read_for(asked),
                read = live.named.next_read() => {
                    live.use_named(read);
                    reports.serving(live.sessions());
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
async fn end(server: JoinHandle<server::Remaining>, live: &LiveConfig) {
    let directory = Arc::clone(&live.directory.borrow());
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

/// The value of an environment variable.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
