//! The events of one daemon after the other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{ErrorCode, Event, EventKind};

use crate::connection::{Came, Daemon, Following};
use crate::failure::Failure;

/// The pause before the first attempt to connect again, and the longest one. A daemon that restarts is back within the first.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

pub(super) enum News {
    /// A connection begins, on which everything is told anew.
    Begun,
    /// A line, and its event.
    Line(Vec<u8>, Box<Event>),
    /// The connection has ended, and there is no other one yet.
    Lost,
}

pub(super) struct Source {
    daemon: Daemon,
    query: Query,
    following: Option<Following>,
    /// The pause after the next attempt that fails, and when that attempt is due.
    pause: Duration,
    next_attempt: Instant,
    /// Whether a loss was told and nothing has come since.
    is_lost: bool,
    news: VecDeque<News>,
}

impl Source {
    /// Connects to the daemon, and starts one if none runs.
    pub(super) fn begin(daemon: Daemon, query: Query) -> Result<Self, Failure> {
        let following = Some(daemon.follow(&query)?);
        let next_attempt = Instant::now();
        Ok(Self { daemon, query, following, pause: PAUSES.0, next_attempt, is_lost: false, news: VecDeque::new() })
    }

    pub(super) const fn connection(&self) -> Option<&Following> {
        self.following.as_ref()
    }

    /// When there is something to do without anything that comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.following.as_ref().map_or(Some(self.next_attempt), Following::deadline)
    }

    /// Reads what has come.
    pub(super) fn read(&mut self) -> Result<(), Failure> {
        let Some(following) = &mut self.following else { return Ok(()) };
        let came = following.read(&self.daemon);
        while let Some(line) = following.next() {
            let event = self.daemon.event(&line)?;
            if event.kind == EventKind::Current {
                (self.pause, self.is_lost) = (PAUSES.0, false);
            }
            self.news.push_back(News::Line(line, Box::new(event)));
        }
        match came {
            Ok(Came::Lines) => {}
            Ok(Came::End) => self.lose(),
            Err(failure) if may_pass(&failure) => self.lose(),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// The next news; also those that came with the beginning of the connection.
    pub(super) fn next(&mut self) -> Result<Option<News>, Failure> {
        if self.news.is_empty()
            && let Some(line) = self.following.as_mut().and_then(Following::next)
        {
            let event = self.daemon.event(&line)?;
            self.news.push_back(News::Line(line, Box::new(event)));
        }
        Ok(self.news.pop_front())
    }

    fn lose(&mut self) {
        self.following = None;
        self.next_attempt = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(PAUSES.1);
        if !self.is_lost {
            self.is_lost = true;
            self.news.push_back(News::Lost);
        }
    }

    /// Connects again if that is due, and gives up an answer that does not begin.
    pub(super) fn go_on(&mut self) -> Result<(), Failure> {
        let is_due = self.due().is_some_and(|due| Instant::now() >= due);
        match &self.following {
            Some(_) if is_due => self.lose(),
            None if is_due => match self.daemon.follow_again(&self.query) {
                Ok(Some(following)) => {
                    self.following = Some(following);
                    self.news.push_back(News::Begun);
                }
                Ok(None) | Err(Failure::Unreachable(_)) => self.lose(),
                Err(failure) => return Err(failure),
            },
            _ => {}
        }
        Ok(())
    }
}

/// Whether the next daemon, or this one later, may answer differently.
fn may_pass(failure: &Failure) -> bool {
    let passing = [ErrorCode::ShuttingDown, ErrorCode::TooManyConnections, ErrorCode::AwsConfigUnusable];
    failure.problem().is_some_and(|problem| passing.contains(&problem.code))
}
