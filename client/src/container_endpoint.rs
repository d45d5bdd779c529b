//! The address where one command renews its credentials: what the AWS SDKs call a container credentials endpoint.
//!
//! It lives on a loopback port for as long as the command, and is of use to nobody else: path and authorization token are of
//! 256 random bits each, made for this command alone. It keeps no credentials and asks the daemon each time, so a restart of
//! the daemon goes unnoticed.
//!
//! Other users of the machine, and web pages in its browsers, reach loopback ports, too. Requests are small, have to arrive
//! quickly, and are served by a fixed number of threads; whoever does not know the token learns nothing. Other users share
//! two threads of their own, so they can keep nobody waiting but each other: with the token, as a command under `sudo -E` has it,
//! they are served.
//!
//! | module | what it owns |
//! |---|---|
//! | [`request`] | reading a request, and no more of it than is needed |
//! | [`guard`] | who is let in |
//! | [`peer`] | which user has opened a connection |
//! | [`answer`] | credentials and failures as the SDKs expect them |
//!
//! The shape of requests and answers is that of the AWS SDKs' container credential providers (AWS SDKs and Tools Reference
//! Guide, "Container credential provider").

mod answer;
mod guard;
mod peer;
mod request;

use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ssoctl_protocol::{RoleCredentials, Secret};

use crate::failure::Failure;
use guard::Guard;
use peer::{Peer, Sockets};
use request::Malformed;

/// How many requests of the command's own user are served at the same time, and how many more wait their turn.
const OWN: Places = Places { threads: 14, waiting: 256 };
/// The same for everybody else.
const OTHERS: Places = Places { threads: 2, waiting: 8 };
/// How many connections may wait until it is known whose they are.
const UNSORTED: usize = 512;
/// How long a connection may be silent. Whoever opens one means to ask, and has the request ready.
const SILENCE: Duration = Duration::from_millis(500);
/// How long a request may take to arrive, and an answer to leave. The SDKs themselves give up after one or two seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two attempts after the system could not give a connection, for want of descriptors for instance.
const PAUSE: Duration = Duration::from_millis(100);

/// An endpoint that answers. It ends with the process.
pub(crate) struct ContainerEndpoint {
    address: SocketAddr,
    guard: Arc<Guard>,
}

impl ContainerEndpoint {
    /// Opens a port of the system's choice and answers there with what `credentials` gives at each request.
    ///
    /// # Errors
    /// There is no port, no randomness or no thread to be had.
    pub(crate) fn open(
        credentials: impl Fn() -> Result<RoleCredentials, Failure> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let guard = Arc::new(Guard::new(address.port())?);
        let credentials: Arc<Credentials> = Arc::new(credentials);
        let own = OWN.open(&guard, &credentials)?;
        let others = OTHERS.open(&guard, &credentials)?;
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
                let sockets = Sockets::now();
                for stream in batch {
                    let places = match sockets.peer(&stream) {
                        Peer::Own => &own,
                        Peer::Other => &others,
                    };
                    // Where too many wait already, the connection is closed at once.
                    let _ = places.try_send(stream);
                }
            }
        })?;
        Ok(Self { address, guard })
    }

    /// The address, for `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub(crate) fn uri(&self) -> String {
        format!("http://{}{}", self.address, self.guard.path())
    }

    /// What a request has to show, for `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub(crate) fn token(&self) -> &Secret<String> {
        self.guard.token()
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("container endpoint".to_owned()).spawn(work).map(drop)
}

/// Threads that serve, and connections that wait for one.
struct Places {
    threads: usize,
    waiting: usize,
}

/// Where credentials come from.
type Credentials = dyn Fn() -> Result<RoleCredentials, Failure> + Send + Sync;

impl Places {
    fn open(&self, guard: &Arc<Guard>, credentials: &Arc<Credentials>) -> io::Result<SyncSender<TcpStream>> {
        let (sender, receiver) = mpsc::sync_channel::<TcpStream>(self.waiting);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..self.threads {
            let (receiver, guard, credentials) = (receiver.clone(), guard.clone(), credentials.clone());
            spawn(move || {
                let next = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok(stream) = next() {
                    // Whoever has gone again misses nothing.
                    drop(serve(stream, &guard, &*credentials));
                }
            })?;
        }
        Ok(sender)
    }
}

/// Answers one request and closes the connection.
fn serve(mut stream: TcpStream, guard: &Guard, credentials: &Credentials) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    match request::read(&mut stream, SILENCE, PATIENCE)? {
        Ok(request) => {
            let answer = match guard.judge(&request) {
                Ok(()) => answer::of(credentials()),
                Err(refusal) => answer::refusal(refusal),
            };
            stream.write_all(answer.expose())
        }
        // Whoever is slow with his request is given no time to be slow with the rest of it.
        Err(slow @ Malformed::TooSlow) => stream.write_all(answer::malformed(slow).expose()),
        Err(malformed) => {
            stream.write_all(answer::malformed(malformed).expose())?;
            // Closing while something is unread would take the answer away from whoever is still sending.
            stream.shutdown(Shutdown::Write)?;
            request::drain(&mut stream, PATIENCE)
        }
    }
}
