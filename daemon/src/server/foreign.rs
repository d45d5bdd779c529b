//! Connections of other users. The socket's mode keeps them out already; this holds where somebody has loosened it.

use std::sync::Arc;
use std::time::Duration;

use ssoctl_protocol::{ErrorCode, Problem};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::reply;
use crate::clock::Clock;

/// How many of them are listened to at once. The others are answered before they have asked.
const PLACES: usize = 4;

/// How long one may take to ask. It is read only so that the answer is not lost: a socket that is closed with something unread
/// resets the connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest question that is read.
const LONGEST: usize = 16 << 10;

/// Tells each of them why it gets nothing.
pub(super) struct Foreigners {
    owner: u32,
    answer: Arc<[u8]>,
    places: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    /// Who was named in the log last, so that nobody fills it.
    logged: Option<u32>,
}

impl Foreigners {
    pub(super) fn new(owner: u32, clock: Arc<dyn Clock>) -> Self {
        let problem = Problem::new(
            ErrorCode::Forbidden,
            format!("this ssoctld belongs to the user with uid {owner} and serves nobody else"),
        );
        let answer = reply::raw(&problem).into();
        Self { owner, answer, places: Arc::new(Semaphore::new(PLACES)), clock, logged: None }
    }

    /// Gives a connection of the owner back, and refuses any other.
    pub(super) fn sort_out(&mut self, stream: UnixStream) -> Option<UnixStream> {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == self.owner => return Some(stream),
            Ok(peer) if self.logged == Some(peer.uid()) => {}
            Ok(peer) => {
                self.logged = Some(peer.uid());
                tracing::warn!(
                    peer_uid = peer.uid(),
                    peer_pid = peer.pid(),
                    "a connection of another user was refused; further ones of this user are not logged"
                );
            }
            Err(error) => tracing::warn!(%error, "a connection whose user cannot be told was refused"),
        }
        // An empty socket's buffer takes it at once.
        let _ = stream.try_write(&self.answer);
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            let late = self.clock.sleep_until(self.clock.now().boot + PATIENCE);
            tokio::spawn(async move {
                let _place = place;
                tokio::select! {
                    () = hear_out(&stream) => {}
                    () = late => {}
                }
            });
        }
        None
    }
}

/// Reads a request's head.
async fn hear_out(stream: &UnixStream) {
    let (mut buffer, mut length) = ([0; LONGEST], 0);
    while length < LONGEST && stream.readable().await.is_ok() {
        match stream.try_read(&mut buffer[length..]) {
            Ok(0) => return,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        if buffer[..length].windows(4).any(|end| end == b"\r\n\r\n") {
            return;
        }
    }
}
