//! The sockets of grants: each is served until its grant is forgotten, and made again if somebody removes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ssoctl_protocol::{ErrorCode, Problem, Timestamp};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::chain::chain;
use crate::config::FileWatch;
use crate::grants::{Grant, Grants, Stage};
use crate::server::socket::{self, Access, Listener, SocketError};
use crate::server::{self, GrantApi, OpenGrant, Opened, Service, serve};
use crate::waiting::lock;
use crate::world::World;

/// The largest number of connections to one grant.
const CONNECTIONS: usize = 32;

/// The pause before the next socket that somebody has removed is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// The servers of all grants.
pub(crate) struct GrantSockets {
    world: World,
    started_at: Timestamp,
    stopping: watch::Sender<bool>,
    /// By the names of the grants.
    servers: Mutex<HashMap<String, Server>>,
    /// Tells that a server began or ended.
    changes: watch::Sender<()>,
}

/// The server of one grant.
struct Server {
    path: PathBuf,
    access: Access,
    /// `None` when it is served no longer.
    socket: Arc<Mutex<Option<Listener>>>,
    /// Takes a socket that was made in the place of one that somebody has removed.
    successor: mpsc::Sender<UnixListener>,
    task: JoinHandle<()>,
}

impl GrantSockets {
    /// Has to be called within a tokio runtime.
    pub(crate) fn new(world: World) -> Arc<Self> {
        let started_at = Timestamp::from(world.clock.now().wall);
        let stopping = watch::Sender::new(false);
        let sockets =
            Self { world, started_at, stopping, servers: Mutex::default(), changes: watch::Sender::default() };
        let sockets = Arc::new(sockets);
        tokio::spawn(Arc::clone(&sockets).keep());
        sockets
    }

    /// Opens the sockets of all grants that there are. Returns what opens the socket of a new one.
    pub(crate) async fn open_all(self: &Arc<Self>, grants: &Arc<Grants>) -> OpenGrant {
        let (all, sockets) = (Arc::clone(grants), Arc::clone(self));
        let open = move |grant: Arc<Grant>| -> Opened {
            let (path, sockets) = (all.socket_of(&grant.terms().name), Arc::clone(&sockets));
            Box::pin(async move { sockets.open(grant, path).await })
        };
        for grant in grants.list() {
            let name = grant.terms().name.clone();
            if let Err(error) = open(grant).await {
                self.told(&name, Some(&error));
            }
        }
        Arc::new(open)
    }

    /// Makes the socket of a grant, and serves it from now on.
    ///
    /// # Errors
    /// The socket cannot be made.
    async fn open(&self, grant: Arc<Grant>, path: PathBuf) -> Result<(), SocketError> {
        let name = grant.terms().name.clone();
        // A forgotten grant of this name gives its socket up first.
        let before = lock(&self.servers).remove(&name);
        if let Some(before) = before {
            // One that panicked has given it up, too.
            let _ = before.task.await;
        }
        let access = if grant.terms().shared { Access::Everybody } else { Access::Owner };
        let (listener, socket) = listen(&path, access)?;
        let (socket, clock) = (Arc::new(Mutex::new(Some(socket))), Arc::clone(&self.world.clock));
        let (successor, successors) = mpsc::channel(1);
        let (stages, stopping, stage) = (grant.stages(), self.stopping.subscribe(), grant.stages());
        let api = GrantApi { grant, socket: path.clone(), clock: Arc::clone(&clock), started_at: self.started_at };
        let service = Service { api: Arc::new(api), access, connections: CONNECTIONS };
        let (served, directory, called) = (Arc::clone(&socket), path.parent().map(Path::to_owned), name.clone());
        let task = tokio::spawn(async move {
            serve(listener, successors, service, clock, ended(stages, stopping)).await.end().await;
            let is_forgotten = *stage.borrow() == Stage::Forgotten;
            let answer = if is_forgotten {
                Problem::new(ErrorCode::NotGranted, format!("the grant {called:?} is over"))
            } else {
                server::stopping()
            };
            if let Some(socket) = lock(&served).take() {
                socket.close(&answer);
            }
            // The directory stays for the next daemon, since containers have it mounted, and if anything else is in it.
            if let Some(directory) = directory
                && is_forgotten
            {
                let _ = std::fs::remove_dir(directory);
            }
        });
        let mut servers = lock(&self.servers);
        servers.retain(|_, server| !server.task.is_finished());
        servers.insert(name, Server { path, access, socket, successor, task });
        drop(servers);
        self.changes.send_replace(());
        Ok(())
    }

    /// Makes sockets again that somebody removes. One watch for all of them, since the system has few.
    async fn keep(self: Arc<Self>) {
        let (mut changes, mut stopping) = (self.changes.subscribe(), self.stopping.subscribe());
        loop {
            changes.mark_unchanged();
            let paths: Vec<PathBuf> = lock(&self.servers).values().map(|server| server.path.clone()).collect();
            let mut files = (!paths.is_empty()).then(|| FileWatch::start(paths, &self.world.machine));
            loop {
                // Also at first: something may have happened before the watch started.
                if self.restore().await {
                    // Whoever has a grant may remove its socket again and again.
                    self.world.clock.sleep_until(self.world.clock.now().boot + PAUSE).await;
                }
                let removed = crate::waiting::or_never(files.as_mut().map(FileWatch::changed));
                tokio::select! {
                    () = removed => {}
                    // `self` has the sender, so this does not fail.
                    _ = changes.changed() => break,
                    () = reached(&mut stopping, true) => return,
                }
            }
        }
    }

    /// Makes the sockets again that are gone. Returns whether there were any.
    async fn restore(&self) -> bool {
        let mut restored = Vec::new();
        for (name, server) in &*lock(&self.servers) {
            let mut socket = lock(&server.socket);
            // One that is served no longer is not made again.
            if socket.as_ref().is_none_or(Listener::is_in_place) {
                continue;
            }
            match listen(&server.path, server.access) {
                Ok((listener, made)) => {
                    tracing::warn!(grant = name, "the socket of a grant was removed, and made again");
                    *socket = Some(made);
                    self.told(name, None);
                    restored.push((server.successor.clone(), listener));
                }
                Err(error) => self.told(name, Some(&error)),
            }
        }
        let is_news = !restored.is_empty();
        for (successor, listener) in restored {
            // An error means that the grant is served no longer.
            let _ = successor.send(listener).await;
        }
        is_news
    }

    /// Has `status` say that the socket of a grant cannot be made, or no more so.
    fn told(&self, name: &str, error: Option<&SocketError>) {
        let about = format!("grant {name}");
        match error {
            Some(error) => {
                let message = format!("the socket of the grant {name} cannot be made: {}", chain(error));
                let remedy =
                    format!("see to it that it can, then restart the daemon; or end the grant: ssoctl revoke {name}");
                self.world.machine.found(&about, message, remedy);
            }
            None => self.world.machine.solved(&about),
        }
    }

    /// Answers the last callers and removes the sockets, since the daemon ends.
    pub(crate) async fn end(&self) {
        self.stopping.send_replace(true);
        let servers = std::mem::take(&mut *lock(&self.servers));
        for server in servers.into_values() {
            let _ = server.task.await;
        }
    }
}

fn listen(path: &Path, access: Access) -> Result<(UnixListener, Listener), SocketError> {
    let socket = socket::listen_for_grant(path, access)?;
    let listener = socket.for_tokio().map_err(|source| SocketError::Io { path: path.to_owned(), source })?;
    Ok((listener, socket))
}

/// Waits until a grant is to be served no longer.
async fn ended(mut stages: watch::Receiver<Stage>, mut stopping: watch::Receiver<bool>) {
    tokio::select! {
        () = reached(&mut stages, Stage::Forgotten) => {}
        () = reached(&mut stopping, true) => {}
    }
}

/// Waits until this value is there, or the sender is gone.
async fn reached<T: PartialEq>(values: &mut watch::Receiver<T>, wanted: T) {
    let _ = values.wait_for(|value| *value == wanted).await;
}
