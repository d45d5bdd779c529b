//! Two watchers in a life, one that reads at once and one that reads now and then. What their lines give is held to the status.

use ssoctl_protocol::event::{Subject, Watching};
use ssoctl_protocol::{Event, EventKind, SessionStatus};
use ssoctld::clock::{BootTime, Now};
use ssoctld::config::{Environment, Paths, SessionConfig, parse};
use ssoctld::server::events::log::{Log, Position};
use ssoctld::server::status;
use ssoctld::session::Snapshot;

use super::checks::Verdict;
use super::life::Life;
use super::world::{START_URL, beginning};

/// The name of the session.
const NAME: &str = "corp";

/// The watchers of one process of the daemon.
pub(super) struct Watchers {
    config: SessionConfig,
    log: Log,
    quick: Reader,
    slow: Reader,
    /// What readers of the session see, and when that changes by itself.
    published: Option<(Snapshot, Option<BootTime>)>,
    /// The status that was noted last.
    noted: Option<SessionStatus>,
    /// How far the wall clock is ahead.
    wall_ahead: i64,
}

struct Reader {
    at: Position,
    watching: Watching,
    is_current: bool,
    /// The number of the last line.
    seq: u64,
    resyncs: u64,
}

impl Reader {
    fn new(log: &Log) -> Self {
        let mut watching = Watching::default();
        watching.begin();
        Self { at: log.beginning(), watching, is_current: false, seq: 0, resyncs: 0 }
    }

    /// Reads a line; `false` if there is none.
    fn read(&mut self, log: &Log) -> Result<bool, String> {
        let Some(line) = log.next(&mut self.at, |_| true) else { return Ok(false) };
        let event: Event = serde_json::from_slice(&line).map_err(|error| format!("a line is no event: {error}"))?;
        let is_next = event.seq == self.seq + 1 || !self.is_current || event.kind == EventKind::Resync;
        if !is_next {
            return Err(format!("line {} comes after {}, and nothing said that one is missing", event.seq, self.seq));
        }
        self.resyncs += u64::from(event.kind == EventKind::Resync);
        self.seq = event.seq;
        self.is_current = self.watching.take(event);
        Ok(true)
    }

    fn holds(&self, status: &SessionStatus) -> Verdict {
        match self.watching.state().sessions.get(NAME) {
            Some(told) if told == status => Ok(()),
            told => Err(format!("a watcher was told {told:?}, and the status is {status:?}")),
        }
    }
}

impl Watchers {
    pub(super) fn new(process: u64, wall_ahead: i64) -> Self {
        let own = format!("[session.{NAME}]\nstart_url = \"{START_URL}\"\nregion = \"eu-west-1\"\n");
        let paths = Paths { own: "/c".into(), aws: "/a".into(), aws_credentials: "/k".into() };
        let config = parse(&paths, &own, "", "", &Environment::default()).sessions.remove(0);
        let log = Log::new(&process.to_string(), 0);
        let (quick, slow) = (Reader::new(&log), Reader::new(&log));
        Self { config, log, quick, slow, published: None, noted: None, wall_ahead }
    }

    /// Notes the status as it is now. Returns whether that is a change.
    fn note(&mut self, now: Now) -> Result<bool, String> {
        let Some((snapshot, _)) = &self.published else { return Ok(false) };
        let status = status::session(&self.config, beginning(), snapshot, None, (Vec::new(), 0), now);
        if self.noted.as_ref() == Some(&status) {
            return Ok(false);
        }
        let state = serde_json::to_vec(&status).map_err(|error| error.to_string())?;
        self.noted = Some(status);
        Ok(self.log.note(Subject::Session(NAME.to_owned()), Some(&state)))
    }

    /// Notes what has changed by itself, as the daemon does when it is due or when the clock is set. Nothing else changes.
    pub(super) fn time_passed(&mut self, now: Now, wall_ahead: i64) -> Verdict {
        let is_due = self.published.as_ref().is_some_and(|(_, at)| at.is_some_and(|at| at <= now.boot));
        let was_set = std::mem::replace(&mut self.wall_ahead, wall_ahead) != wall_ahead;
        let is_news = self.note(now)?;
        if let Some((snapshot, changes_at)) = &mut self.published {
            *changes_at = status::changes_at(snapshot, now.boot);
        }
        if is_news && !is_due && !was_set {
            return Err(format!(
                "the status has changed by itself, and nobody would have been told: {:?}",
                self.published
            ));
        }
        self.read(0)
    }

    /// The session has published this.
    pub(super) fn published(&mut self, snapshot: Snapshot, now: Now) -> Verdict {
        let changes_at = status::changes_at(&snapshot, now.boot);
        self.published = Some((snapshot, changes_at));
        self.note(now).map(drop)
    }

    /// Has the quick one read everything, and the slow one as many lines as it likes.
    fn read(&mut self, lines: usize) -> Verdict {
        while self.quick.read(&self.log)? {}
        let mut is_done = false;
        for _ in 0..lines {
            is_done = !self.slow.read(&self.log)?;
        }
        let Some(status) = &self.noted else { return Ok(()) };
        self.quick.holds(status)?;
        if self.quick.resyncs > 0 {
            return Err("a watcher that reads at once has missed something".to_owned());
        }
        if is_done { self.slow.holds(status) } else { Ok(()) }
    }
}

impl Life {
    pub(super) fn watchers_read(&mut self) -> Verdict {
        let Some(watchers) = &mut self.watchers else { return Ok(()) };
        let lines = if self.world.rng.u8(..12) == 0 { self.world.rng.usize(..5) } else { 0 };
        let (told, missed) = (watchers.quick.seq, watchers.slow.resyncs);
        watchers.read(lines)?;
        self.checks.counts.add("states told", watchers.quick.seq - told);
        self.checks.counts.add("resyncs", watchers.slow.resyncs - missed);
        Ok(())
    }
}
