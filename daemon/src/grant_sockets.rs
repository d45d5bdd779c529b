//! The sockets of grants: each is served until its grant is forgotten, and made again if somebody removes it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ssoctl_protocol::{SocketPath, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::chain::chain;
use crate::grants::{Grant, Stage};
use crate::kept_files::KeptFiles;
use crate::server::socket::{self, Access, SocketError};
use crate::server::{GrantApi, Service, serve};
use crate::waiting::lock;
use crate::world::World;

/// The largest number of connections to one grant.
const CONNECTIONS: usize = 32;

/// The servers of all grants.
pub(crate) struct GrantSockets {
    world: World,
    started_at: Timestamp,
    stopping: watch::Sender<bool>,
    servers: Mutex<JoinSet<()>>,
}

impl GrantSockets {
    pub(crate) fn new(world: World) -> Arc<Self> {
        let started_at = Timestamp::from(world.clock.now().wall);
        Arc::new(Self { world, started_at, stopping: watch::Sender::new(false), servers: Mutex::default() })
    }

    /// Makes the socket of a grant, and serves it from now on. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub(crate) fn open(&self, grant: Arc<Grant>, path: PathBuf) -> Result<(), SocketError> {
        let access = if grant.terms().shared { Access::Everybody } else { Access::Owner };
        // Others may reach the directory of a shared grant only where it is mounted, and not through this one.
        if let Some(all) = path.parent().and_then(Path::parent) {
            socket::own_directory(all)?;
        }
        let socket = socket::listen(&SocketPath::Default(path.clone()), access)?;
        let listener =
            socket.for_tokio().map_err(|source| SocketError::Io { path: socket.path().to_owned(), source })?;
        let clock = Arc::clone(&self.world.clock);
        let (successor, successors) = mpsc::channel(1);
        let mut kept = KeptFiles::new(socket, Vec::new(), self.world.machine.clone()).keep(Arc::clone(&clock));
        let name = grant.terms().name.clone();
        let (mut stages, mut stopping) = (grant.stages(), self.stopping.subscribe());
        let ended = async move {
            loop {
                tokio::select! {
                    () = reached(&mut stages, Stage::Forgotten) => return,
                    () = reached(&mut stopping, true) => return,
                    kept = kept.recv() => match kept {
                        Some(Ok(restored)) => if let Some(listener) = restored.socket {
                            let _ = successor.send(listener).await;
                        },
                        Some(Err(error)) => {
                            tracing::error!(grant = name, "the socket of a grant is lost: {}", chain(&error));
                            return;
                        }
                        None => return,
                    },
                }
            }
        };
        let api = GrantApi { grant, socket: path.clone(), clock: Arc::clone(&clock), started_at: self.started_at };
        let service = Service { api: Arc::new(api), access, connections: CONNECTIONS };
        let mut servers = lock(&self.servers);
        // Those that have ended are let go of.
        while servers.try_join_next().is_some() {}
        servers.spawn(async move {
            serve(listener, successors, service, clock, ended).await.end().await;
            // The socket's own file is gone by now; the directory stays if anything else is in it.
            if let Some(directory) = path.parent() {
                let _ = std::fs::remove_dir(directory);
            }
        });
        Ok(())
    }

    /// Answers the last callers and removes the sockets, since the daemon ends.
    pub(crate) async fn end(&self) {
        self.stopping.send_replace(true);
        let mut servers = std::mem::take(&mut *lock(&self.servers));
        while servers.join_next().await.is_some() {}
    }
}

/// Waits until this value is there, or the sender is gone.
async fn reached<T: PartialEq>(values: &mut watch::Receiver<T>, wanted: T) {
    let _ = values.wait_for(|value| *value == wanted).await;
}
