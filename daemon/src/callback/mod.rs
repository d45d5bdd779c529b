//! The address to which the browser comes back in a sign-in by the authorization code grant (RFC 6749, section 4.1; RFC 8252,
//! section 7.3): one listener on the loopback interface for one flow.
//!
//! Everybody on the machine can connect to the port, and so can web pages. Other users are told apart by the kernel's tables of sockets
//! and refused before anything of their requests counts; they share two places, so they can only delay each other. Of our own
//! user's requests, one counts: a navigation of a browser to the exact path that brings the flow's `state`. All others are answered
//! and change nothing.
//!
//! The code leaves the address bar at once, by a redirect to a page that is answered when the sign-in has ended. Between
//! [`Listener::code`] and [`Listener::finish`] nothing is accepted: the system keeps the browser's connection.
//!
//! | module | what it owns |
//! |---|---|
//! | `connections` | who is connected, and how long |
//! | `request` | what a request asks for (pure) |
//! | `authorization_error` | the error that a browser brings (pure) |
//! | `page` | what the browser shows (pure) |

mod authorization_error;
mod connections;
mod page;
pub mod request;

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use ssoctl_protocol::Secret;
use tokio::net::TcpSocket;

use crate::clock::Clock;
use connections::{Arrived, Connections, Owner};
use request::{Asked, Refusal};

pub use authorization_error::{AuthorizationError, AuthorizationErrorName};
pub use page::SignInEnd;

/// The path of the redirect URI, which clients of the service register without a port.
const CALLBACK: &str = "/oauth/callback";
/// The path of the page that says how the sign-in ended. What follows is known to the browser that brought the `state`.
const RESULT: &str = "/oauth/result/";

/// Connections that wait in the kernel until they are accepted.
const BACKLOG: u32 = 1024;
/// The longest time for the browser to ask for the page that says how the sign-in ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// One flow's listener. Dropping it closes the port.
pub struct Listener {
    port: u16,
    session: String,
    clock: Arc<dyn Clock>,
    connections: Connections,
    /// What the browser has brought, once it came.
    came: Option<Came>,
    /// The refusals that were logged. Each is logged once, so that nobody can fill the log.
    logged: HashSet<&'static str>,
}

struct Came {
    state: Secret<String>,
    /// The path to which the browser was redirected.
    result: String,
}

impl Listener {
    /// Listens on 127.0.0.1, on this port or one that the kernel chooses. The page shows the name of the session. Has to be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// The operating system's error, for instance because the port is in use.
    pub fn bind(port: Option<u16>, session: &str, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // A port that was fixed may have connections of the last flow, which have ended.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0))))?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self {
            port: listener.local_addr()?.port(),
            session: session.to_owned(),
            connections: Connections::new(listener, Arc::clone(&clock)),
            clock,
            came: None,
            logged: HashSet::new(),
        })
    }

    /// The port of the listener.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address for the request for authorization, and for CreateToken.
    pub fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{CALLBACK}", self.port)
    }

    /// Waits for the browser that brings `state` back. It comes once: after that, this waits for ever. Can be cancelled and
    /// called again.
    ///
    /// # Errors
    /// The browser has brought an error instead of a code.
    pub async fn code(&mut self, state: &Secret<String>) -> Result<Secret<String>, AuthorizationError> {
        if self.came.is_some() {
            std::future::pending::<()>().await;
        }
        loop {
            let arrived = self.connections.next().await;
            let callback = self.read(&arrived).and_then(|asked| match asked {
                Asked::Callback(callback) if callback.brings(state) => Ok(callback),
                Asked::Callback(_) => Err(request::WRONG_STATE),
                Asked::Page(_) => Err(request::NOTHING_HERE),
            });
            match callback {
                Ok(callback) => {
                    let came = Came { state: state.clone(), result: result_path(state) };
                    self.connections.answer(arrived, page::redirect(&came.result));
                    self.came = Some(came);
                    return callback.outcome;
                }
                Err(refusal) => self.refuse(arrived, refusal),
            }
        }
    }

    /// Shows the browser how the sign-in ended, and closes the port: once the page was fetched, or after five seconds. Closes it at once
    /// if no browser came.
    pub async fn finish(mut self, end: &SignInEnd) {
        let Some(came) = self.came.take() else { return };
        let late = self.clock.sleep_until(self.clock.now().boot + PATIENCE);
        tokio::select! {
            () = self.show(&came, end) => {}
            () = late => tracing::debug!("the browser did not ask for the page that says how the sign-in ended"),
        }
    }

    /// Answers until the page was shown.
    async fn show(&mut self, came: &Came, end: &SignInEnd) {
        loop {
            let arrived = self.connections.next().await;
            match self.read(&arrived) {
                Ok(Asked::Page(path)) if path == came.result => {
                    let page = page::of_end(&self.session, end);
                    if self.connections.deliver(arrived, page).await {
                        return;
                    }
                }
                Ok(Asked::Page(_)) => self.refuse(arrived, request::NOTHING_HERE),
                // A browser sends a request once more if it has lost the answer.
                Ok(Asked::Callback(callback)) if callback.brings(&came.state) => {
                    self.connections.answer(arrived, page::redirect(&came.result));
                }
                Ok(Asked::Callback(_)) => self.refuse(arrived, request::WRONG_STATE),
                Err(refusal) => self.refuse(arrived, refusal),
            }
        }
    }

    fn read(&self, arrived: &Arrived) -> Result<Asked, Refusal> {
        match arrived.owner {
            Owner::Own => request::read(arrived.head.expose(), self.port),
            Owner::Other => Err(request::FOREIGN),
        }
    }

    fn refuse(&mut self, arrived: Arrived, refusal: Refusal) {
        if self.logged.insert(refusal.reason) {
            tracing::info!(
                session = self.session,
                reason = refusal.reason,
                "a request to the address of a sign-in was refused; further ones of this kind are not logged"
            );
        }
        self.connections.answer(arrived, page::of_refusal(&refusal));
    }
}

/// A path that only those know who know the `state`, and that says nothing about it.
fn result_path(state: &Secret<String>) -> String {
    let digest = Sha256::digest(state.expose().as_bytes());
    digest.iter().take(16).fold(RESULT.to_owned(), |path, byte| format!("{path}{byte:02x}"))
}
