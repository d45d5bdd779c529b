//! The address where one command renews its credentials: what AWS SDKs call a container credentials endpoint.
//!
//! It is open on a loopback port for as long as the command runs, and only that command can use it: path and authorization token have
//! 256 random bits each. It keeps no credentials and asks the daemon each time, so a restart of the daemon does no harm.
//!
//! Other users of the machine, and web pages in its browsers, can connect to loopback ports, too. Requests are small, have to arrive
//! quickly, and are served by a fixed number of threads; without the token there is nothing to learn. Other users share
//! two threads of their own, so they can only delay each other. With the token, as a command under `sudo -E` has it,
//! they are served.
//!
//! The shape of requests and answers is that of the AWS SDKs' container credential providers (AWS SDKs and Tools Reference
//! Guide, "Container credential provider").

mod answer;
mod guard;
mod request;

use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ssoctl_files::socket_tables::SocketTables;
use ssoctl_protocol::{RoleCredentials, Secret};

use crate::failure::Failure;
use guard::Guard;

/// For connections of the command's own user: how many are served at the same time, and how many more may wait.
const OWN: Workers = Workers { threads: 14, waiting: 256 };
/// The same for all other users together.
const OTHERS: Workers = Workers { threads: 2, waiting: 8 };
/// The largest number of connections that wait until their users are known.
const UNSORTED: usize = 512;
/// The longest silence at the beginning of a connection. A client connects when it has the request ready.
const SILENCE: Duration = Duration::from_millis(500);
/// The longest time for a request to arrive, and for an answer to be sent. The SDKs themselves give up after one or two seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause after the system could not give a connection, for instance because there are too many descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// An endpoint that answers until the process ends.
pub(crate) struct ContainerEndpoint {
    address: SocketAddr,
    guard: Arc<Guard>,
}

type CredentialSource = dyn Fn() -> Result<RoleCredentials, Failure> + Send + Sync;

impl ContainerEndpoint {
    /// Opens a port that the system chooses, and calls `source` for each request.
    pub(crate) fn open(
        source: impl Fn() -> Result<RoleCredentials, Failure> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let guard = Arc::new(Guard::new(address.port())?);
        let source: Arc<CredentialSource> = Arc::new(source);
        let own = OWN.start(&guard, &source)?;
        let others = OTHERS.start(&guard, &source)?;
        let (accept, accepted) = mpsc::sync_channel(UNSORTED);
        spawn(move || {
            loop {
                match listener.accept() {
                    Ok((stream, _)) => {
                        if accept.send(stream).is_err() {
                            return;
                        }
                    }
                    Err(_) => thread::sleep(PAUSE),
                }
            }
        })?;
        spawn(move || {
            while let Ok(first) = accepted.recv() {
                let batch: Vec<TcpStream> = std::iter::once(first).chain(accepted.try_iter().take(UNSORTED)).collect();
                let sockets = SocketTables::now();
                for stream in batch {
                    let workers = if is_own(&sockets, &stream) { &own } else { &others };
                    // If too many wait already, the connection is closed at once.
                    let _ = workers.try_send(stream);
                }
            }
        })?;
        Ok(Self { address, guard })
    }

    /// The address, for `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub(crate) fn uri(&self) -> String {
        format!("http://{}{}", self.address, self.guard.path.expose())
    }

    /// The token that each request has to send, for `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub(crate) fn token(&self) -> &Secret<String> {
        &self.guard.token
    }
}

fn is_own(sockets: &SocketTables, stream: &TcpStream) -> bool {
    matches!((stream.peer_addr(), stream.local_addr()), (Ok(theirs), Ok(ours)) if sockets.is_own(theirs, ours))
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("container endpoint".to_owned()).spawn(work).map(drop)
}

/// Threads that serve connections, and how many connections may wait for one.
struct Workers {
    threads: usize,
    waiting: usize,
}

impl Workers {
    fn start(&self, guard: &Arc<Guard>, source: &Arc<CredentialSource>) -> io::Result<SyncSender<TcpStream>> {
        let (sender, receiver) = mpsc::sync_channel::<TcpStream>(self.waiting);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..self.threads {
            let (receiver, guard, source) = (receiver.clone(), guard.clone(), source.clone());
            spawn(move || {
                let next = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok(stream) = next() {
                    // A client that has disconnected needs no answer.
                    drop(serve(stream, &guard, &*source));
                }
            })?;
        }
        Ok(sender)
    }
}

fn serve(mut stream: TcpStream, guard: &Guard, source: &CredentialSource) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    match request::read(&mut stream, SILENCE, PATIENCE)? {
        Ok(request) => {
            let answer = match guard.judge(&request) {
                Ok(()) => answer::credentials(source()),
                Err(refusal) => answer::refusal(refusal),
            };
            stream.write_all(answer.expose())
        }
        // A slow client gets no time to be slow with the rest of its request.
        Err(slow @ request::TOO_SLOW) => stream.write_all(answer::refusal(slow).expose()),
        Err(malformed) => {
            stream.write_all(answer::refusal(malformed).expose())?;
            // If the connection were closed with unread bytes, a client that still sends would not get the answer.
            stream.shutdown(Shutdown::Write)?;
            request::drain(&mut stream, PATIENCE)
        }
    }
}
