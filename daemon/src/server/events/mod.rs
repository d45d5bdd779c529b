//! `GET /v1/events`: what is shown, and whatever changes of it, line by line.
//!
//! | module | what it owns |
//! |---|---|
//! | [`log`] | the newest line about each thing, and which of them a watcher has been told; pure |
//! | `follower` | keeping a log up to date with one view of the directory; `causes`: what tells it to look |
//! | `watcher` | the lines for one watcher, as they come |
//!
//! A log and its follower are there while somebody watches: otherwise events cost nothing. A watcher is a position in the log, so a slow one
//! costs no more than any other. Between changes nobody wakes up.

mod causes;
mod follower;
pub mod log;
mod watcher;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use ssoctl_protocol::event::Subject;
use ssoctl_protocol::{ErrorCode, Problem, Topic};
use tokio::sync::Semaphore;

use super::descriptors;
use super::problem;
use super::shown::Shown;
use crate::config::FilePair;
use crate::waiting::lock;
use follower::Stream;
pub(super) use watcher::Lines;
use watcher::Watcher;

/// The events of one daemon.
pub struct Events {
    shown: Arc<Shown>,
    /// A random text for this process.
    epoch: String,
    /// The places of watchers.
    places: Arc<Semaphore>,
    limit: usize,
    streams: Mutex<Streams>,
}

/// The streams that somebody watches.
#[derive(Default)]
struct Streams {
    /// By the files of their view; `None`: the default ones.
    by_files: BTreeMap<Option<FilePair>, Weak<Stream>>,
    is_stopping: bool,
    /// The number of the newest change in all streams that there were.
    newest: Arc<AtomicU64>,
}

/// What a watcher has asked to be told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Subscription {
    /// The one session; `None`: every session.
    pub(super) session: Option<String>,
    /// The topics; empty: all of them.
    pub(super) topics: Vec<Topic>,
    /// The time without a line after which one says that nothing has changed; `None`: however long.
    pub(super) heartbeat: Option<Duration>,
}

impl Subscription {
    fn includes(&self, subject: &Subject) -> bool {
        let is_other = match (subject, &self.session) {
            (Subject::Session(name), Some(meant)) => name != meant,
            _ => false,
        };
        !is_other && (self.topics.is_empty() || self.topics.contains(&subject.topic()))
    }
}

impl Events {
    /// Nothing is followed before somebody watches.
    pub fn new(shown: Arc<Shown>) -> Self {
        let epoch = format!("{:016x}", fastrand::u64(..));
        let limit = descriptors::watchers();
        let places = Arc::new(Semaphore::new(limit));
        Self { shown, epoch, places, limit, streams: Mutex::default() }
    }

    /// The lines for a new watcher of the view of these files. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// There are too many watchers, or the daemon stops.
    pub(super) fn watch(&self, files: Option<FilePair>, subscription: Subscription) -> Result<Lines, Problem> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let detail = format!("ssoctld serves {} watchers at once; end some of them", self.limit);
            return Err(Problem::new(ErrorCode::TooManyConnections, detail));
        };
        let mut streams = lock(&self.streams);
        if streams.is_stopping {
            return Err(problem::stopping());
        }
        let known = streams.by_files.get(&files).and_then(Weak::upgrade);
        let stream = known.unwrap_or_else(|| {
            streams.by_files.retain(|_, stream| stream.strong_count() > 0);
            let stream = Stream::start(Arc::clone(&self.shown), files.clone(), &self.epoch, &streams.newest);
            streams.by_files.insert(files, Arc::downgrade(&stream));
            stream
        });
        drop(streams);
        let clock = Arc::clone(&self.shown.world.clock);
        Ok(Lines::of(Watcher::new(stream, subscription, clock), place))
    }

    /// Tells every watcher that the daemon stops, and ends its lines.
    pub fn stop(&self) {
        let mut streams = lock(&self.streams);
        streams.is_stopping = true;
        for stream in streams.by_files.values().filter_map(Weak::upgrade) {
            stream.stop();
        }
    }
}
