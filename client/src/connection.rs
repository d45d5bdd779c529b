//! One request over the daemon's socket: finding the socket, making sure whose it is, and waiting no longer than agreed.

mod peer;
mod whereabouts;

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ssoctl_files::remedy::explained;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Problem, Route, SocketOwner, SocketPath, VERSION};

use crate::aws_files::AwsFiles;
use crate::environment;
use crate::failure::Failure;
use crate::http::{self, Answer, AnswerReader};
use crate::render;
use crate::start::{self, nobody_listens};

/// What every request may take beyond what it asks the daemon to wait for: a silent refresh takes up to 10 s, and the
/// daemon's own deadline should be the one that passes.
const MARGIN: Duration = Duration::from_secs(15);

/// The status of a request whose head is too long (RFC 6585).
const TOO_LONG: u16 = 431;

/// Whether a daemon is started where none answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Starting {
    Allowed,
    /// `--no-start`; `SSOCTL_NO_START` is looked at only where it matters.
    Forbidden,
}

/// Whether a daemon of another version is worth a line on standard error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VersionWarning {
    Shown,
    /// With `--json` a script is reading, and `status --json` tells it the version anyway.
    Silent,
}

/// Who listens at a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Listening {
    Nobody,
    /// The process that made the socket.
    Process(u32),
    /// Somebody whom the kernel does not tell here.
    Unknown,
}

/// How long an answer may take, and what is done meanwhile.
pub(crate) struct Patience<'a> {
    limit: Duration,
    tick: Option<&'a mut dyn FnMut()>,
}

impl<'a> Patience<'a> {
    /// For a request that asks the daemon to wait up to `wait`; most ask for none.
    pub(crate) fn beyond(wait: Duration) -> Self {
        Self { limit: wait.saturating_add(MARGIN), tick: None }
    }

    /// Calls `tick` about once a second until the answer is there.
    pub(crate) fn ticking(wait: Duration, tick: &'a mut dyn FnMut()) -> Self {
        Self { limit: wait.saturating_add(MARGIN), tick: Some(tick) }
    }
}

/// The daemon, as seen from here.
pub(crate) struct Daemon {
    socket: SocketPath,
    believed: SocketOwner,
    starting: Starting,
    warning: Cell<VersionWarning>,
    files: AwsFiles,
}

impl Daemon {
    /// Finds the socket's path; connects to nothing yet.
    pub(crate) fn find(starting: Starting, warning: VersionWarning) -> Result<Self, Failure> {
        // The home directory is looked for last, so whoever needs none is not made to pay for it.
        let socket = SocketPath::from_environment(whereabouts::variable, None)
            .or_else(|| SocketPath::from_environment(whereabouts::variable, environment::home_directory()))
            .ok_or_else(|| {
                Failure::Unreachable(
                    "there is no place for the daemon's socket; set HOME, XDG_RUNTIME_DIR or SSOCTL_SOCKET".to_owned(),
                )
            })?;
        let believed = SocketOwner::from_environment(environment::variable).map_err(Failure::Usage)?;
        let files = AwsFiles::of_environment()?;
        Ok(Self { socket, believed, starting, warning: Cell::new(warning), files })
    }

    /// The same, asked about its default AWS files and its own configuration.
    pub(crate) fn of_default_files(&self) -> Self {
        Self {
            socket: self.socket.clone(),
            believed: self.believed,
            starting: self.starting,
            warning: self.warning.clone(),
            files: AwsFiles::default(),
        }
    }

    /// The AWS files that its requests mean.
    pub(crate) const fn files(&self) -> &AwsFiles {
        &self.files
    }

    /// Sends a request that is answered from memory or within the margin.
    pub(crate) fn ask(&self, route: &Route, query: &Query) -> Result<Answer, Failure> {
        self.exchange(route, query, None, Patience::beyond(Duration::from_secs(query.wait)))
    }

    /// Sends a request and returns its answer, if that is a success.
    pub(crate) fn exchange(
        &self,
        route: &Route,
        query: &Query,
        body: Option<&[u8]>,
        patience: Patience<'_>,
    ) -> Result<Answer, Failure> {
        let mut stream = self.connect()?;
        let query = self.files.in_query(query);
        let answer = self.converse(&mut stream, &http::request(route, &query, body), patience)?;
        self.compare_versions(&answer);
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        match serde_json::from_slice::<Problem>(answer.body.expose()) {
            Ok(problem) => Err(problem.into()),
            // From the daemon's HTTP library, which has looked at nothing else yet.
            Err(_) if answer.status == TOO_LONG => Err(Failure::Usage(
                "a name or path on the command line, or in a variable such as AWS_CONFIG_FILE, is too long for ssoctld"
                    .to_owned(),
            )),
            Err(_) => Err(self.stranger(&format!("it answers with HTTP status {} and no problem", answer.status))),
        }
    }

    /// Reads the body of a success.
    pub(crate) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        // The parser's message may quote the body, and the body may be a token: only the place is told.
        serde_json::from_slice(answer.body.expose()).map_err(|error| {
            self.stranger(&format!(
                "its answer is not what was asked for (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// Who listens at the socket, without starting anybody.
    pub(crate) fn listening(&self) -> Result<Listening, Failure> {
        let path = self.socket.path();
        match UnixStream::connect(path) {
            Ok(stream) => {
                peer::check(&stream, path, self.believed).map_err(Failure::Unreachable)?;
                Ok(peer::pid(&stream).map_or(Listening::Unknown, Listening::Process))
            }
            Err(error) if nobody_listens(&error) => Ok(Listening::Nobody),
            Err(error) => Err(not_connected(error, path)),
        }
    }

    fn connect(&self) -> Result<UnixStream, Failure> {
        let path = self.socket.path();
        let stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            Err(error) if nobody_listens(&error) => match self.find_elsewhere() {
                Some(stream) => return Ok(stream),
                None => self.start()?,
            },
            Err(error) => return Err(not_connected(error, path)),
        };
        peer::check(&stream, path, self.believed).map_err(Failure::Unreachable)?;
        Ok(stream)
    }

    /// The daemon that listens elsewhere, as its locks say: one that was started with another runtime directory, or none.
    fn find_elsewhere(&self) -> Option<UnixStream> {
        let SocketPath::Default(_) = self.socket else { return None };
        whereabouts::sockets().find_map(|path| {
            let stream = UnixStream::connect(&path).ok()?;
            peer::check(&stream, &path, self.believed).ok().map(|()| stream)
        })
    }

    fn start(&self) -> Result<UnixStream, Failure> {
        let path = self.socket.path();
        if let SocketPath::Chosen(_) = self.socket {
            return Err(Failure::Unreachable(format!(
                "no daemon answers at {}, where SSOCTL_SOCKET points; start one with the same SSOCTL_SOCKET: ssoctld",
                path.display()
            )));
        }
        if self.starting == Starting::Forbidden || environment::switch("SSOCTL_NO_START") {
            return Err(Failure::Unreachable(format!(
                "no daemon answers at {}, and none may be started (--no-start, SSOCTL_NO_START); run: ssoctld",
                path.display()
            )));
        }
        start::daemon(path).map_err(|error| Failure::Unreachable(error.to_string()))
    }

    fn converse(&self, stream: &mut UnixStream, request: &[u8], mut patience: Patience<'_>) -> Result<Answer, Failure> {
        let begin = Instant::now();
        // A daemon that refuses a connection may answer and close before it has read the request; the answer counts.
        if let Err(error) = stream.write_all(request)
            && error.kind() != ErrorKind::BrokenPipe
        {
            return Err(Failure::Unreachable(format!("the request could not be sent: {error}")));
        }
        let mut reader = AnswerReader::new();
        let mut time_out = None;
        loop {
            let left = patience.limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(Failure::Unreachable(format!(
                    "ssoctld at {} did not answer within {}; see its log, or restart it",
                    self.socket.path().display(),
                    render::duration(patience.limit)
                )));
            }
            let step = if patience.tick.is_some() { left.min(Duration::from_secs(1)) } else { left };
            // The first time-out serves until little of it is left, as most answers come with one read.
            if time_out.is_none_or(|set| step < set / 2) {
                stream
                    .set_read_timeout(Some(step))
                    .map_err(|error| Failure::Unreachable(format!("the socket takes no time-out: {error}")))?;
                time_out = Some(step);
            }
            let count = match stream.read(reader.space()) {
                Ok(count) => count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if let Some(tick) = &mut patience.tick {
                        tick();
                    }
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.gone(&error.to_string())),
            };
            if count == 0 && reader.is_empty() {
                return Err(self.gone("it closed the connection without an answer"));
            }
            match reader.advance(count) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(garbled) => return Err(self.stranger(&garbled.to_string())),
            }
        }
    }

    fn compare_versions(&self, answer: &Answer) {
        let Some(theirs) = answer.version.as_deref().filter(|theirs| *theirs != VERSION) else { return };
        if self.warning.replace(VersionWarning::Silent) == VersionWarning::Shown {
            render::notice(&format!(
                "warning: the daemon is ssoctld {theirs}, this is ssoctl {VERSION}; the next call starts one that matches after: {}",
                start::HOW_TO_RESTART
            ));
        }
    }

    fn gone(&self, how: &str) -> Failure {
        Failure::Unreachable(format!(
            "lost ssoctld at {}: {how}; try again, and see its log if that does not help",
            self.socket.path().display()
        ))
    }

    fn stranger(&self, what: &str) -> Failure {
        Failure::Unreachable(format!(
            "not ssoctld at {}: {what}; stop what listens there, or set SSOCTL_SOCKET",
            self.socket.path().display()
        ))
    }
}

fn not_connected(error: io::Error, path: &Path) -> Failure {
    Failure::Unreachable(format!("cannot connect to {}: {}", path.display(), explained(error, path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon() -> Daemon {
        Daemon {
            socket: SocketPath::Chosen("/nowhere.sock".into()),
            believed: SocketOwner::Own,
            starting: Starting::Forbidden,
            warning: Cell::new(VersionWarning::Silent),
            files: AwsFiles::default(),
        }
    }

    #[test]
    fn a_daemon_that_never_answers_is_given_up_after_the_agreed_time() {
        let (mut ours, _theirs) = UnixStream::pair().unwrap();
        let patience = Patience { limit: Duration::from_millis(30), tick: None };
        let failure = daemon().converse(&mut ours, b"", patience).unwrap_err();
        assert!(failure.to_string().contains("did not answer within"), "{failure}");
        assert_eq!(failure.exit_code(), ssoctl_protocol::ExitCode::DaemonUnreachable);
    }

    #[test]
    fn somebody_who_waits_is_kept_informed() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let mut ticks = 0;
        let mut answer_at_the_second_tick = || {
            ticks += 1;
            if ticks == 2 {
                theirs.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
            }
        };
        let patience = Patience::ticking(Duration::ZERO, &mut answer_at_the_second_tick);
        let answer = daemon().converse(&mut ours, b"", patience).unwrap();
        assert_eq!((answer.body.expose().as_slice(), ticks), (b"{}".as_slice(), 2));
    }

    #[test]
    fn an_answer_counts_even_if_the_request_could_not_be_sent() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        drop(theirs);
        let answer = daemon().converse(&mut ours, b"GET", Patience::beyond(Duration::ZERO)).unwrap();
        assert_eq!(answer.status, 403);
    }
}
