//! Accepts connections, tells whose they are, reads the heads of requests, and bounds all of that.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ssoctl_files::socket_tables::SocketTables;
use ssoctl_protocol::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::clock::Clock;
use crate::file_work::FileWork;

/// The largest number of connections of our own user, and of all other users together. If there are more, those that
/// came first are cut off: a browser sends its request as soon as it is connected.
const OWN: usize = 256;
const OTHERS: usize = 2;
/// The largest number of connections that wait until their users are known.
const UNSORTED: usize = 64;
/// The longest time for a head to arrive, and for an answer to be taken. Through a forward of SSH the head may come late.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest head, in bytes. A browser sends the cookies that other programs at other ports of 127.0.0.1 have set.
const LARGEST: usize = 64 << 10;
/// The number of bytes that are read and thrown away after an answer.
const LARGEST_REST: u64 = 64 << 10;
/// The pause after accepting has failed, as it does when descriptors run out.
const PAUSE: Duration = Duration::from_millis(100);

/// The user at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Own,
    Other,
}

/// A connection with the head of a request.
pub(super) struct Arrived {
    pub(super) owner: Owner,
    /// It is cut off after [`LARGEST`] bytes. The code stands in it.
    pub(super) head: Secret<Vec<u8>>,
    stream: TcpStream,
}

pub(super) struct Connections {
    listener: TcpListener,
    clock: Arc<dyn Clock>,
    file_work: FileWork,
    /// Accepted, and not yet known whose they are.
    unsorted: Vec<TcpStream>,
    /// Reads the tables of sockets for `unsorted`.
    tables: Option<Pin<Box<dyn Future<Output = SocketTables> + Send>>>,
    own: Places,
    others: Places,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, clock: Arc<dyn Clock>) -> Self {
        Self {
            listener,
            clock,
            file_work: FileWork::default(),
            unsorted: Vec::new(),
            tables: None,
            own: Places::new(OWN),
            others: Places::new(OTHERS),
        }
    }

    /// Waits for the head of a request. Loses nothing when it is cancelled.
    pub(super) async fn next(&mut self) -> Arrived {
        loop {
            if !self.unsorted.is_empty() {
                self.sort().await;
            }
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        self.unsorted.push(stream);
                        self.accept_waiting().await;
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        self.clock.sleep_until(self.clock.now().boot + PAUSE).await;
                    }
                },
                Some(arrived) = self.own.next() => return arrived,
                Some(arrived) = self.others.next() => return arrived,
            }
        }
    }

    /// Accepts the connections that wait already: the tables of sockets are read once for all of them.
    async fn accept_waiting(&mut self) {
        while self.unsorted.len() < UNSORTED {
            tokio::select! {
                biased;
                Ok((stream, _)) = self.listener.accept() => self.unsorted.push(stream),
                () = std::future::ready(()) => return,
            }
        }
    }

    async fn sort(&mut self) {
        let file_work = self.file_work.clone();
        // It takes some milliseconds, so it is kept for the next call if this one is cancelled. Without tables, nobody is known.
        let read = || async move { file_work.run(SocketTables::now).await.unwrap_or_default() };
        let tables = self.tables.get_or_insert_with(|| Box::pin(read())).await;
        self.tables = None;
        for stream in self.unsorted.drain(..) {
            // A client that has disconnected has no address any more.
            let (Ok(theirs), Ok(ours)) = (stream.peer_addr(), stream.local_addr()) else { continue };
            let (owner, places) = match tables.is_own(theirs, ours) {
                true => (Owner::Own, &mut self.own),
                false => (Owner::Other, &mut self.others),
            };
            places.begin(in_time(&self.clock, arrival(stream, owner)));
        }
    }

    /// Sends an answer, in the background.
    pub(super) fn answer(&mut self, arrived: Arrived, answer: Vec<u8>) {
        let places = match arrived.owner {
            Owner::Own => &mut self.own,
            Owner::Other => &mut self.others,
        };
        let sent = in_time(&self.clock, send(arrived.stream, answer));
        places.begin(async move {
            sent.await;
            None
        });
    }

    /// Sends an answer; whether the client has taken it.
    pub(super) async fn deliver(&mut self, arrived: Arrived, answer: Vec<u8>) -> bool {
        in_time(&self.clock, send(arrived.stream, answer)).await.is_some()
    }
}

/// The tasks of connections. When there are too many, the first ones end.
struct Places {
    most: usize,
    tasks: JoinSet<Option<Arrived>>,
    /// In the order in which they began; some may have ended.
    begun: VecDeque<AbortHandle>,
}

impl Places {
    fn new(most: usize) -> Self {
        Self { most, tasks: JoinSet::new(), begun: VecDeque::new() }
    }

    fn begin(&mut self, task: impl Future<Output = Option<Arrived>> + Send + 'static) {
        self.begun.push_back(self.tasks.spawn(task));
        if self.begun.len() > self.most {
            self.begun.retain(|task| !task.is_finished());
        }
        while self.begun.len() > self.most {
            self.begun.pop_front().inspect(AbortHandle::abort);
        }
    }

    /// The next request that arrives; `None` if there is no connection.
    async fn next(&mut self) -> Option<Arrived> {
        loop {
            if let Ok(Some(arrived)) = self.tasks.join_next().await? {
                return Some(arrived);
            }
        }
    }
}

/// What a connection does, unless it takes too long.
fn in_time<T, W: Future<Output = Option<T>>>(
    clock: &Arc<dyn Clock>,
    work: W,
) -> impl Future<Output = Option<T>> + use<T, W> {
    let late = clock.sleep_until(clock.now().boot + PATIENCE);
    async move {
        tokio::select! {
            done = work => done,
            () = late => None,
        }
    }
}

/// Waits for the head of a request; `None` if the client goes away before it is whole.
async fn arrival(mut stream: TcpStream, owner: Owner) -> Option<Arrived> {
    let head = head(&mut stream).await.ok()?;
    Some(Arrived { owner, head: Secret::new(head), stream })
}

/// Reads until a head is whole, or is none, or is too large.
async fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(2048);
    loop {
        // The end may have begun in what came before.
        let from = bytes.len().saturating_sub(3);
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let is_whole = bytes[from..].windows(4).any(|end| end == b"\r\n\r\n");
        if is_whole || !bytes[0].is_ascii_uppercase() || bytes.len() >= LARGEST {
            return Ok(bytes);
        }
    }
}

/// Sends an answer. A connection that were closed with unread bytes would be reset, and the answer lost, so the client closes first.
async fn send(mut stream: TcpStream, answer: Vec<u8>) -> Option<()> {
    stream.write_all(&answer).await.ok()?;
    stream.shutdown().await.ok()?;
    // The answer was taken, however the client ends the connection.
    let _ = tokio::io::copy(&mut stream.take(LARGEST_REST), &mut tokio::io::sink()).await;
    Some(())
}
