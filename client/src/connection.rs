//! Requests to the daemon, each over a new connection, which waits no longer than the request may take.

mod finding;
mod following;
mod limits;
mod showing;

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Problem, Route, SocketOwner, SocketPath, VERSION};

use crate::aws_files::AwsFiles;
use crate::failure::Failure;
use crate::http::{self, Answer, Garbled};
use crate::render;
use crate::socket::{self, Listener};

/// The status of a request whose head is too long (RFC 6585).
const HEAD_TOO_LONG: u16 = 431;

/// Enough for the answers to most requests, which are read at once.
const FIRST_BUFFER: usize = 4 * 1024;

pub(crate) use following::{Came, Following};
use showing::Showing;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Starting {
    Allowed,
    /// By `--no-start`. `SSOCTL_NO_START` is read only when a daemon is about to be started.
    Forbidden,
}

/// Whether a line on standard error says that the daemon is of another version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VersionWarning {
    Shown,
    Silent,
}

impl VersionWarning {
    /// None with `--json`, which scripts use; `status --json` shows them the version.
    pub(crate) const fn unless(json: bool) -> Self {
        if json { Self::Silent } else { Self::Shown }
    }
}

pub(crate) struct Daemon {
    socket: SocketPath,
    trusted: SocketOwner,
    starting: Starting,
    warning: Cell<VersionWarning>,
    /// The longest time for an answer, whatever the request may take.
    patience: Duration,
    showing: Showing,
    files: AwsFiles,
}

impl Daemon {
    /// Waits no longer for each answer.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Has a line on the terminal say what is asked for, if that takes longer than a second.
    pub(crate) fn showing(&self, what: impl Into<String>) {
        self.showing.set(what.into());
    }

    /// Where the daemon is looked for first.
    pub(crate) fn socket(&self) -> &Path {
        self.socket.path()
    }

    /// Sends further requests about the daemon's default AWS files. Returns the files that the environment names.
    pub(crate) fn use_default_files(&mut self) -> AwsFiles {
        mem::take(&mut self.files)
    }

    pub(crate) fn fetch<T: DeserializeOwned>(&self, route: &Route, query: &Query) -> Result<T, Failure> {
        self.read(&self.ask(route, query)?)
    }

    /// Sends a request without a body.
    pub(crate) fn ask(&self, route: &Route, query: &Query) -> Result<Answer, Failure> {
        // Who waits for a person is told so by other lines.
        let is_shown = self.showing.is_set() && query.wait == 0;
        let mut draw = || self.showing.draw();
        let answer = self.exchange(route, query, None, if is_shown { Some(&mut draw) } else { None });
        self.showing.clear();
        answer
    }

    /// Sends a request and returns its answer, if that is a success. Calls `tick` about once a second until the answer arrives.
    pub(crate) fn exchange(
        &self,
        route: &Route,
        query: &Query,
        body: Option<&[u8]>,
        tick: Option<&mut dyn FnMut()>,
    ) -> Result<Answer, Failure> {
        let mut stream = self.connect()?;
        let request = http::request(route, &self.files.in_query(query), body);
        let limit = limits::limit(route, query).min(self.patience);
        let answer = self.converse(&mut stream, &request, limit, tick, http::answer)?;
        self.judge(answer)
    }

    /// Returns an answer that is a success.
    fn judge(&self, answer: Answer) -> Result<Answer, Failure> {
        self.compare_versions(answer.version.as_deref());
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        match serde_json::from_slice::<Problem>(answer.body.expose()) {
            Ok(problem) => Err(Failure::Problem(Box::new(problem))),
            // The daemon's HTTP library answers this before the daemon sees the request.
            Err(_) if answer.status == HEAD_TOO_LONG => Err(Failure::Usage(
                "a name or path on the command line, or in a variable such as AWS_CONFIG_FILE, is too long for ssoctld"
                    .to_owned(),
            )),
            Err(_) => Err(self.not_ssoctld(&format!("it answers with HTTP status {} and no problem", answer.status))),
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        self.parse(answer.body.expose())
    }

    fn parse<T: DeserializeOwned>(&self, json: &[u8]) -> Result<T, Failure> {
        // The parser's message may quote the body, and the body may be a token: only the place is shown.
        serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.not_ssoctld(&format!("its answer is not what was asked for (line {line}, column {column})"))
        })
    }

    /// Sends a request to a daemon that runs, and returns its answer if that comes at once. No daemon is started, and no failure is told.
    pub(crate) fn glance(&self, route: &Route, query: &Query, limit: Duration) -> Option<Answer> {
        let begin = Instant::now();
        let path = self.socket.path();
        let mut stream = socket::connect_at_once(path)?;
        socket::check(&stream, path, self.trusted).ok()?;
        let request = http::request(route, &self.files.in_query(query), None);
        stream.set_write_timeout(Some(limit)).ok()?;
        let left = limit.saturating_sub(begin.elapsed());
        self.converse(&mut stream, &request, left, None, http::answer).ok().filter(|answer| answer.status == 200)
    }

    /// The process that listens at the socket, if any does. No daemon is started.
    pub(crate) fn listener(&self) -> Result<Option<Listener>, Failure> {
        let stream = self.connect_to_running()?;
        let check = |stream| socket::check(&stream, self.socket.path(), self.trusted);
        stream.map(check).transpose().map_err(Failure::Unreachable)
    }

    fn send(stream: &mut UnixStream, request: &[u8]) -> Result<(), Failure> {
        match stream.write_all(request) {
            // A daemon that refuses a connection may answer and close it before it has read the request. The answer counts.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::Unreachable(format!("the request could not be sent: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Sends a request, and reads until there is an answer.
    fn converse<T>(
        &self,
        stream: &mut UnixStream,
        request: &[u8],
        limit: Duration,
        mut tick: Option<&mut dyn FnMut()>,
        answer: impl Fn(&[u8]) -> Result<Option<T>, Garbled>,
    ) -> Result<T, Failure> {
        let begin = Instant::now();
        Self::send(stream, request)?;
        let (mut buffer, mut filled) = (vec![0; FIRST_BUFFER], 0);
        loop {
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(Failure::Unreachable(format!(
                    "ssoctld at {} did not answer within {}; see its log, or restart it",
                    self.socket.path().display(),
                    render::duration(limit)
                )));
            }
            let step = if tick.is_some() { left.min(Duration::from_secs(1)) } else { left };
            stream
                .set_read_timeout(Some(step))
                .map_err(|error| Failure::Unreachable(format!("the socket takes no time-out: {error}")))?;
            if filled == buffer.len() {
                buffer.resize(4 * filled, 0);
            }
            match stream.read(&mut buffer[filled..]) {
                Ok(0) if filled == 0 => return Err(self.lost("it closed the connection without an answer")),
                Ok(0) => return Err(self.not_ssoctld(http::CUT_SHORT)),
                Ok(count) => filled += count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if let Some(tick) = &mut tick {
                        tick();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(&error.to_string())),
            }
            match answer(&buffer[..filled]) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(garbled) => return Err(self.not_ssoctld(garbled)),
            }
        }
    }

    fn compare_versions(&self, theirs: Option<&str>) {
        let Some(theirs) = theirs.filter(|theirs| *theirs != VERSION) else { return };
        if self.warning.replace(VersionWarning::Silent) == VersionWarning::Shown {
            render::notice(&format!(
                "warning: the daemon is ssoctld {theirs}, this is ssoctl {VERSION}; to run the same version, end the daemon: ssoctl stop"
            ));
        }
    }

    fn lost(&self, how: &str) -> Failure {
        Failure::Unreachable(format!(
            "lost the connection to ssoctld at {}: {how}; try again, and see its log if that does not help",
            self.socket.path().display()
        ))
    }

    fn not_ssoctld(&self, why: &str) -> Failure {
        Failure::Unreachable(format!(
            "not ssoctld at {}: {why}; stop what listens there, or set SSOCTL_SOCKET",
            self.socket.path().display()
        ))
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
