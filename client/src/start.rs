//! Starts a daemon if none answers at the default socket.
//!
//! An installed unit is started, so that the daemon runs as the person set it up. Without a unit, the daemon's program is executed.
//! If several clients find no daemon at the same time, one of them starts it, and all wait for the socket. (If two started one, the
//! daemon's own lock would turn the second away.)

mod child;
mod passed_on;
mod unit;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ssoctl_files::owner::refuse_foreign_place;

use crate::socket;
use child::Starter;
use unit::Unit;

pub(crate) use passed_on::is_setting;

/// The longest time until a new daemon answers. Before it listens, it waits only for the service manager, 3 s at most, so this is
/// plenty.
const PATIENCE: Duration = Duration::from_secs(8);
/// The time to look for another client's daemon after the one that was started here has ended.
const GRACE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// Starts a daemon and connects to it. The error says why that failed and what to do.
pub(crate) fn daemon(path: &Path) -> Result<UnixStream, String> {
    // This holds for a unit's daemon, too: it would not be this user's.
    refuse_foreign_place(path).map_err(|error| format!("no daemon was started: {error}"))?;
    let unit = unit::start();
    if unit == Unit::Started {
        return wait_for_unit(path);
    }
    run_starter(Starter::new(unit)?, path)
}

fn wait_for_unit(path: &Path) -> Result<UnixStream, String> {
    let has_lost_socket = connect(path)?.is_none() && unit::believes_in(path);
    if has_lost_socket {
        unit::restart();
    }
    let begin = Instant::now();
    while begin.elapsed() <= PATIENCE {
        if let Some(stream) = connect(path)? {
            return Ok(stream);
        }
        thread::sleep(PAUSE);
    }
    Err(if has_lost_socket {
        format!(
            "the service's socket {} was removed, and restarting the service did not bring it back; restart both: \
             systemctl --user restart ssoctld.socket ssoctld.service",
            path.display()
        )
    } else {
        silent(unit::LOG)
    })
}

fn run_starter(mut starter: Starter, path: &Path) -> Result<UnixStream, String> {
    let begin = Instant::now();
    let mut failed: Option<Instant> = None;
    while begin.elapsed() <= PATIENCE {
        let stream = connect(path)?;
        if stream.is_none() {
            starter.start_unless_another_client_does(|| connect(path))?;
        }
        match (starter.outcome(), stream) {
            // A child that still runs is waited for: this process may become a command that knows nothing of the child.
            (Some(_), Some(stream)) => return Ok(stream),
            (Some(Err(how)), None) if failed.get_or_insert_with(Instant::now).elapsed() > GRACE => {
                let (log, last_lines) = (starter.log.display(), starter.last_lines());
                return Err(match last_lines.as_str() {
                    "" => {
                        format!("the daemon ended at once ({how}); run it by hand to see why: ssoctld (its log: {log})")
                    }
                    _ => format!("the daemon ended at once ({how}); the end of its log {log}: {last_lines}"),
                });
            }
            _ => {}
        }
        thread::sleep(PAUSE);
    }
    Err(silent(&starter.log.display().to_string()))
}

fn silent(log: &str) -> String {
    format!("the daemon was started but does not answer; see its log {log}, or run it by hand: ssoctld")
}

fn connect(path: &Path) -> Result<Option<UnixStream>, String> {
    socket::connect(path).map_err(|error| format!("the daemon was started but cannot be reached: {error}"))
}
