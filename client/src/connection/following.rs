//! A connection on which events come, and the next one when that has ended.

use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Event, Route};

use super::Daemon;
use super::limits::MARGIN;
use crate::failure::Failure;
use crate::http::lines::{Begun, Lines, begun};
use crate::http::{self, Answer};
use crate::socket;

/// Enough for some lines.
const BUFFER: usize = 16 * 1024;

/// A connection on which events come.
pub(crate) struct Following {
    stream: UnixStream,
    stage: Stage,
}

enum Stage {
    /// The answer has not begun; what has come of it.
    Asked {
        received: Vec<u8>,
        since: Instant,
    },
    Lines(Lines),
}

/// What has come on a connection.
pub(crate) enum Came {
    /// There may be further lines.
    Lines,
    /// The connection has ended.
    End,
}

impl Daemon {
    /// Asks for events. Starts a daemon if none runs, and waits until the answer begins.
    pub(crate) fn follow(&self, query: &Query) -> Result<Following, Failure> {
        let mut stream = self.connect()?;
        match self.converse(&mut stream, &self.request_for_events(query), MARGIN, None, begun)? {
            Begun::Lines { version, lines } => {
                self.compare_versions(version.as_deref());
                stream
                    .set_read_timeout(None)
                    .map_err(|error| Failure::Unreachable(format!("the socket takes no time-out: {error}")))?;
                Ok(Following { stream, stage: Stage::Lines(lines) })
            }
            Begun::Other(answer) => Err(self.no_lines(answer)),
        }
    }

    /// Asks for events once more, and waits for nothing; `None` if no daemon runs. None is started.
    pub(crate) fn follow_again(&self, query: &Query) -> Result<Option<Following>, Failure> {
        let stream = match self.connect_to_running()? {
            None => self.find_elsewhere(),
            running => running,
        };
        let Some(mut stream) = stream else { return Ok(None) };
        socket::check(&stream, self.socket.path(), self.trusted).map_err(Failure::Unreachable)?;
        Self::send(&mut stream, &self.request_for_events(query))?;
        let stage = Stage::Asked { received: Vec::new(), since: Instant::now() };
        Ok(Some(Following { stream, stage }))
    }

    /// The event of a line.
    pub(crate) fn event(&self, line: &[u8]) -> Result<Event, Failure> {
        self.parse(line)
    }

    fn request_for_events(&self, query: &Query) -> Vec<u8> {
        http::request(&Route::Events, &self.files.in_query(query), None)
    }

    fn no_lines(&self, answer: Answer) -> Failure {
        match self.judge(answer) {
            Ok(answer) => match self.read::<Event>(&answer) {
                Ok(_) => self.not_ssoctld("its answer is not what was asked for"),
                Err(failure) => failure,
            },
            Err(failure) => failure,
        }
    }
}

impl Following {
    /// Reads what has come. Waits if nothing has.
    pub(crate) fn read(&mut self, daemon: &Daemon) -> Result<Came, Failure> {
        let mut buffer = [0; BUFFER];
        let count = match self.stream.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Came::Lines),
            Err(_) => 0,
        };
        if count == 0 {
            return Ok(Came::End);
        }
        let bytes = &buffer[..count];
        let garbled = |garbled| daemon.not_ssoctld(garbled);
        match &mut self.stage {
            Stage::Asked { received, .. } => {
                received.extend_from_slice(bytes);
                match begun(received).map_err(garbled)? {
                    Some(Begun::Lines { lines, .. }) => self.stage = Stage::Lines(lines),
                    Some(Begun::Other(answer)) => return Err(daemon.no_lines(answer)),
                    None => {}
                }
            }
            Stage::Lines(lines) => lines.take(bytes).map_err(garbled)?,
        }
        let has_ended = matches!(&self.stage, Stage::Lines(lines) if lines.has_ended());
        Ok(if has_ended { Came::End } else { Came::Lines })
    }

    /// The next line that has come.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        match &mut self.stage {
            Stage::Lines(lines) => lines.next(),
            Stage::Asked { .. } => None,
        }
    }

    /// The time at which the answer has to have begun; `None` if it has.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Asked { since, .. } => Some(*since + MARGIN),
            Stage::Lines(_) => None,
        }
    }
}

impl AsFd for Following {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
