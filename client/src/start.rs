//! Starting a daemon where none answers on the default socket.
//!
//! An installed unit is started where there is one, so that the daemon runs as the person set it up; otherwise the
//! daemon itself. However many clients find no daemon at the same time, one of them starts it, and all wait for the
//! socket. (Were two to start one, the daemon's own lock would turn the second away.)

mod daemon;
mod lasting;
mod log;
pub(crate) mod manager;
mod passed_on;
mod unit;

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ssoctl_files::owner::refuse_foreign_place;
use ssoctl_files::remedy::explained;

use daemon::{Manager, Start, Starter};
use unit::Unit;

pub(crate) use daemon::find as program;
pub(crate) use lasting::lasting;
pub(crate) use passed_on::is_setting;

/// How long a daemon may take until it answers. It listens before it talks to anybody but the service manager, which it gives
/// 3 s, so this is plenty.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long to look for somebody else's daemon after the one that was started here has ended.
const GRACE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// How a person restarts a daemon, whichever way it runs: the next call starts it.
pub(crate) const HOW_TO_RESTART: &str = "ssoctl stop";

/// Why there is no daemon even so. `Display` is the whole story, remedy included.
#[derive(Debug)]
pub(crate) enum NotStarted {
    /// Neither a unit nor a binary is installed.
    NothingToStart,
    /// The socket would be in a directory of another user.
    ForeignPlace(io::Error),
    /// There is no place for the log file, and without one nobody could tell why a daemon failed.
    NoLog(String),
    /// The daemon could not be executed.
    NotExecutable(String),
    /// It ended at once.
    Died { how: String, log: String, last_words: String },
    /// The service manager believes in a socket whose file is gone, and did not make it again.
    SocketLost { path: String },
    /// It runs, perhaps, but does not answer.
    Silent { log: String },
    /// It answers, and connecting fails for another reason.
    Unreachable(io::Error),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToStart => f.write_str(
                "no daemon runs and ssoctld is neither beside ssoctl nor on PATH; install it, or start it by hand",
            ),
            Self::ForeignPlace(why) => write!(f, "no daemon was started: {why}"),
            Self::NoLog(why) => write!(f, "no daemon was started: {why}"),
            Self::NotExecutable(why) => write!(f, "the daemon could not be started: {why}"),
            Self::Died { how, log, last_words } if last_words.is_empty() => {
                write!(f, "the daemon ended at once ({how}); run it by hand to see why: ssoctld (its log: {log})")
            }
            Self::Died { how, log, last_words } => {
                write!(f, "the daemon ended at once ({how}); the end of its log {log}: {last_words}")
            }
            Self::SocketLost { path } => write!(
                f,
                "the service's socket {path} was removed, and restarting the service did not bring it back; restart both: \
                 systemctl --user restart ssoctld.socket ssoctld.service"
            ),
            Self::Silent { log } => {
                write!(f, "the daemon was started but does not answer; see its log {log}, or run it by hand: ssoctld")
            }
            Self::Unreachable(error) => write!(f, "the daemon was started but cannot be reached: {error}"),
        }
    }
}

/// Starts a daemon and connects to it.
pub(crate) fn daemon(socket: &Path) -> Result<UnixStream, NotStarted> {
    // Also a unit's daemon would not be this user's.
    refuse_foreign_place(socket).map_err(NotStarted::ForeignPlace)?;
    let manager = match unit::start() {
        Unit::Started => {
            let is_lost = connect(socket)?.is_none() && unit::has_lost(socket);
            if is_lost {
                unit::restart();
            }
            return wait_for(socket, PATIENCE)?.ok_or_else(|| match is_lost {
                true => NotStarted::SocketLost { path: socket.display().to_string() },
                false => NotStarted::Silent { log: unit::LOG.to_owned() },
            });
        }
        Unit::NotStarted => Manager::Usable,
        Unit::Hangs => Manager::Hangs,
    };
    let mut starter = Starter::new(manager)?;
    let begin = Instant::now();
    let mut failed: Option<Instant> = None;
    loop {
        let stream = connect(socket)?;
        if stream.is_none() {
            starter.start_unless_somebody_does(|| connect(socket))?;
        }
        match (starter.look(), stream) {
            // Whatever this process becomes must not find a child that it knows nothing of.
            (Start::OfSomebodyElse | Start::Done | Start::Failed(_), Some(stream)) => return Ok(stream),
            (Start::Failed(how), None) if failed.get_or_insert_with(Instant::now).elapsed() > GRACE => {
                let (log, last_words) = (starter.log().display().to_string(), starter.last_words());
                return Err(NotStarted::Died { how, log, last_words });
            }
            _ => {}
        }
        if begin.elapsed() > PATIENCE {
            return Err(NotStarted::Silent { log: starter.log().display().to_string() });
        }
        thread::sleep(PAUSE);
    }
}

/// Whether a connect failed because there is no socket, or no process behind it.
pub(crate) fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn wait_for(socket: &Path, patience: Duration) -> Result<Option<UnixStream>, NotStarted> {
    let begin = Instant::now();
    loop {
        let stream = connect(socket)?;
        if stream.is_some() || begin.elapsed() > patience {
            return Ok(stream);
        }
        thread::sleep(PAUSE);
    }
}

fn connect(socket: &Path) -> Result<Option<UnixStream>, NotStarted> {
    match UnixStream::connect(socket) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if nobody_listens(&error) => Ok(None),
        Err(error) => Err(NotStarted::Unreachable(explained(error, socket))),
    }
}
