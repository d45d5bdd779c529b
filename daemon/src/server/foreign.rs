//! Refuses connections of other users. The socket's mode keeps them out already; this also works if the mode was changed.

use std::sync::Arc;
use std::time::Duration;

use ssoctl_protocol::{ErrorCode, Problem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::reply;
use crate::clock::Clock;

/// Limits for reading their requests: number at once, time, and bytes. They are read only so that the answer arrives: closing a
/// socket with unread bytes resets the connection.
const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST: u64 = 16 << 10;

pub(super) struct Foreigners {
    owner: u32,
    answer: Vec<u8>,
    places: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    /// The user that was logged last. Each user is logged once, so that other users cannot fill the log.
    logged: Option<u32>,
}

impl Foreigners {
    pub(super) fn new(owner: u32, clock: Arc<dyn Clock>) -> Self {
        let detail = format!("this ssoctld belongs to the user with uid {owner} and serves no other user");
        let answer = reply::raw(&Problem::new(ErrorCode::Forbidden, detail));
        Self { owner, answer, places: Arc::new(Semaphore::new(AT_ONCE)), clock, logged: None }
    }

    /// Returns a connection of the owner, and refuses any other.
    pub(super) fn refuse_unless_owner(&mut self, mut stream: UnixStream) -> Option<UnixStream> {
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
            Err(error) => tracing::warn!(%error, "a connection was refused, as its user is not known"),
        }
        // The buffer of a new socket is empty and takes the whole answer.
        let _ = stream.try_write(&self.answer);
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            let clock = Arc::clone(&self.clock);
            tokio::spawn(async move {
                let _place = place;
                // The client sees the end of the answer, and closes.
                let _ = stream.shutdown().await;
                let (mut rest, mut nowhere) = (stream.take(LONGEST), tokio::io::sink());
                clock.within(PATIENCE, tokio::io::copy(&mut rest, &mut nowhere)).await;
            });
        }
        None
    }
}
