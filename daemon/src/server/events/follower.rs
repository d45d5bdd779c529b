//! Keeps a log up to date with one view of the directory: its sessions, the daemon itself, and the grants.
//!
//! The follower wakes when anything that is shown may have changed, looks at that, and notes it. What is shown as before is no change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde::Serialize;
use ssoctl_protocol::body::TokenFiles as Standing;
use ssoctl_protocol::event::Subject;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::causes::{Causes, Changes};
use super::log::Log;
use crate::clock::{BootTime, Clock, Sleep};
use crate::config::FilePair;
use crate::directory::{Directory, Entry};
use crate::server::shown::Shown;
use crate::server::{reply, status};
use crate::waiting::{lock, or_never};

/// A log that is kept up to date for as long as this is held.
pub(super) struct Stream {
    pub(super) book: Arc<Book>,
    follower: JoinHandle<()>,
    newest: Arc<AtomicU64>,
}

/// A log, and news of it.
pub(super) struct Book {
    pub(super) log: Mutex<Log>,
    /// Told of each change.
    news: watch::Sender<Stage>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// It is kept up to date.
    Open,
    /// It is not any more, as its view is gone. A watcher has to begin anew.
    Closed,
    /// The daemon stops.
    Stopping,
}

impl Book {
    pub(super) fn news(&self) -> watch::Receiver<Stage> {
        self.news.subscribe()
    }

    fn turn(&self, stage: Stage) {
        self.news.send_if_modified(|current| *current == Stage::Open && std::mem::replace(current, stage) != stage);
    }
}

impl Stream {
    /// Notes everything, and follows it from now on. Changes are counted from `newest` on.
    pub(super) fn start(shown: Arc<Shown>, files: Option<FilePair>, epoch: &str, newest: &Arc<AtomicU64>) -> Arc<Self> {
        let log = Mutex::new(Log::new(epoch, newest.load(Ordering::Relaxed)));
        let book = Arc::new(Book { log, news: watch::Sender::new(Stage::Open) });
        shown.left_records.look_again();
        let follower = Follower::begin(shown, files, Arc::clone(&book));
        Arc::new(Self { book, follower: tokio::spawn(follower.run()), newest: Arc::clone(newest) })
    }

    pub(super) fn stop(&self) {
        self.book.turn(Stage::Stopping);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.follower.abort();
        self.newest.fetch_max(lock(&self.book.log).newest(), Ordering::Relaxed);
    }
}

struct Follower {
    shown: Arc<Shown>,
    /// The files of the view; `None`: the default ones.
    files: Option<FilePair>,
    book: Arc<Book>,
    directory: watch::Receiver<Arc<Directory>>,
    causes: Causes,
    sessions: BTreeMap<String, Followed>,
    /// Wait for the next change of each session.
    waits: JoinSet<(String, Changes)>,
    /// The grants, and when each changes by itself.
    grants: BTreeMap<String, Option<BootTime>>,
    has_news: bool,
}

struct Followed {
    entry: Entry,
    standing: Option<Standing>,
    /// When its state changes without another snapshot.
    changes_at: Option<BootTime>,
}

impl Follower {
    /// Notes everything. What changes from before that on is told to [`run`](Self::run).
    fn begin(shown: Arc<Shown>, files: Option<FilePair>, book: Arc<Book>) -> Self {
        let (directory, causes) = (shown.directory.clone(), Causes::of(&shown));
        let mut follower = Self {
            shown,
            files,
            book,
            directory,
            causes,
            sessions: BTreeMap::new(),
            waits: JoinSet::new(),
            grants: BTreeMap::new(),
            has_news: false,
        };
        follower.note_daemon();
        follower.look_at_directory();
        follower.look_at_grants();
        follower
    }

    async fn run(mut self) {
        let clock = Arc::clone(&self.shown.world.clock);
        let mut quiet_from = self.quiet_from();
        let mut shown = shown_or_set(&*clock, quiet_from);
        loop {
            let due = self.changes_at();
            let [made, used] = &mut self.causes.grants;
            tokio::select! {
                changed = self.directory.changed() => match changed {
                    Ok(()) => self.look_at_directory(),
                    Err(_) => self.book.turn(Stage::Closed),
                },
                Some(Ok((name, changes))) = self.waits.join_next() => self.look_at_changed(name, changes),
                Ok(_) = self.causes.token_files.changed() => self.look_at_token_files(),
                Ok(()) = made.changed() => self.look_at_grants(),
                Ok(()) = used.changed() => self.look_at_grants(),
                () = self.causes.daemon.changed() => {}
                () = or_never(due.map(|at| clock.sleep_until(at))) => self.look_at_due(),
                () = &mut shown => {
                    shown = shown_or_set(&*clock, quiet_from);
                    self.look_at_all();
                }
            }
            if *self.book.news.borrow() != Stage::Open {
                return;
            }
            // The state of the daemon has parts of everything else.
            self.note_daemon();
            if quiet_from != self.quiet_from() {
                quiet_from = self.quiet_from();
                shown = shown_or_set(&*clock, quiet_from);
            }
            if std::mem::take(&mut self.has_news) {
                self.book.news.send_modify(|_| {});
            }
        }
    }

    fn now(&self) -> BootTime {
        self.shown.world.clock.now().boot
    }

    /// When something changes by itself.
    fn changes_at(&self) -> Option<BootTime> {
        let sessions = self.sessions.values().filter_map(|followed| followed.changes_at);
        sessions.chain(self.grants.values().copied().flatten()).min()
    }

    /// When the next quiet hours begin.
    fn quiet_from(&self) -> Option<SystemTime> {
        let quiet = self.causes.daemon.surroundings.borrow().quiet;
        quiet.map(|quiet| quiet.from).filter(|from| *from > self.shown.world.clock.now().wall)
    }

    fn note(&mut self, subject: Subject, state: Option<&impl Serialize>) {
        let state = match state.map(reply::json_bytes) {
            // Types of the contract have nothing that cannot be encoded.
            Some(None) => return,
            state => state.flatten(),
        };
        self.has_news |= lock(&self.book.log).note(subject, state.as_deref());
    }

    fn note_daemon(&mut self) {
        let daemon = self.shown.daemon();
        self.note(Subject::Daemon, Some(&daemon));
    }

    fn look_at_directory(&mut self) {
        let directory = Arc::clone(&self.directory.borrow_and_update());
        let view = match &self.files {
            None => Some(directory.default_view()),
            Some(files) => directory.view_of(files),
        };
        let Some(view) = view else { return self.book.turn(Stage::Closed) };
        view.touch(&*self.shown.world.clock);
        let mut before = std::mem::take(&mut self.sessions);
        for entry in view.entries() {
            let name = &entry.config.name;
            let known = before.remove(name);
            if known.is_none_or(|known| !Arc::ptr_eq(&known.entry.session, &entry.session)) {
                self.wait(name.clone(), Changes::of(&entry.session));
            }
            let followed = Followed { entry: entry.clone(), standing: None, changes_at: None };
            self.sessions.insert(name.clone(), followed);
            self.look_at_session(name);
        }
        for name in before.into_keys() {
            self.note(Subject::Session(name), None::<&()>);
        }
    }

    fn wait(&mut self, name: String, mut changes: Changes) {
        let (clock, now) = (Arc::clone(&self.shown.world.clock), self.now());
        self.waits.spawn(async move {
            changes.next(clock, now).await;
            (name, changes)
        });
    }

    fn look_at_changed(&mut self, name: String, mut changes: Changes) {
        let is_same = |followed: &Followed| changes.are_of(&followed.entry.session);
        if self.sessions.get(&name).is_some_and(is_same) {
            changes.are_seen();
            self.look_at_session(&name);
            self.wait(name, changes);
        }
    }

    fn look_at_session(&mut self, name: &str) {
        let now = self.now();
        let Some(followed) = self.sessions.get_mut(name) else { return };
        let snapshot = followed.entry.session.snapshot();
        followed.standing = self.shown.standing(&followed.entry);
        followed.changes_at = status::changes_at(&snapshot, now);
        let status = self.shown.session(&followed.entry, followed.standing.clone());
        self.note(Subject::Session(name.to_owned()), Some(&status));
    }

    fn look_at(&mut self, is_meant: impl Fn(&Self, &Followed) -> bool) {
        let meant = self.sessions.iter().filter(|(_, followed)| is_meant(self, followed));
        let names: Vec<String> = meant.map(|(name, _)| name.clone()).collect();
        names.iter().for_each(|name| self.look_at_session(name));
    }

    fn look_at_token_files(&mut self) {
        self.look_at(|all, followed| all.shown.standing(&followed.entry) != followed.standing);
    }

    fn look_at_due(&mut self) {
        let now = self.now();
        self.look_at(|_, followed| followed.changes_at.is_some_and(|at| at <= now));
        self.look_at_grants();
    }

    fn look_at_all(&mut self) {
        self.look_at(|_, _| true);
        self.look_at_grants();
    }

    fn look_at_grants(&mut self) {
        let now = self.now();
        let mut before: BTreeSet<String> = std::mem::take(&mut self.grants).into_keys().collect();
        for grant in self.shown.grants.list() {
            let name = &grant.terms().name;
            before.remove(name);
            let (_, _, credentials_end) = grant.use_so_far();
            let end = Some(grant.deadline().boot).filter(|end| *end > now);
            self.grants.insert(name.clone(), credentials_end.into_iter().chain(end).min());
            let shown = self.shown.grant(&grant);
            self.note(Subject::Grant(name.clone()), Some(&shown));
        }
        for name in before {
            self.note(Subject::Grant(name), None::<&()>);
        }
    }
}

/// Sleeps until the wall clock shows `time` or is set.
fn shown_or_set(clock: &dyn Clock, time: Option<SystemTime>) -> Sleep {
    time.map_or_else(|| clock.sleep_until_set(), |time| clock.sleep_until_shown(time))
}
