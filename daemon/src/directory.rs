//! Finds the session of a name, and keeps the sessions that run.
//!
//! A [`Directory`] holds the configuration and the sessions that run for it; it is replaced whole when the configuration changes. Names are
//! looked up in a [`View`] of it: the view of the default files, or of a file that a caller has named. Sessions of equal identity in several
//! files are one session. A session whose names or settings change keeps its token. A session that leaves the configuration stops
//! and keeps its record; if it comes back before it has ended, its successor waits for that.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::clock::{BootTime, Clock};
use crate::config::{Config, FilePair, Identity, Problem, SessionConfig};
use crate::session::Session;
use crate::world::World;

/// A session and its configuration.
#[derive(Clone)]
pub struct Entry {
    /// Its configuration.
    pub config: Arc<SessionConfig>,
    /// The session.
    pub session: Arc<Session>,
    /// The time since when it is configured like this.
    pub configured_at: SystemTime,
}

/// The names of one configuration and their sessions.
#[derive(Default)]
pub struct View {
    /// The configuration.
    pub config: Config,
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    /// The time of the last request that named its file, in seconds of the boot clock; kept over changes of the file.
    used: Arc<AtomicU64>,
}

/// All sessions of all configurations.
#[derive(Default)]
pub struct Directory {
    default: Arc<View>,
    named: BTreeMap<FilePair, Arc<View>>,
    /// Each session once: those of the default files first, then those of named ones in the order of their paths.
    entries: Vec<Entry>,
    /// Sessions that left the configuration and have not ended yet, those that left last first.
    leaving: Vec<Entry>,
}

pub use ssoctl_protocol::Selector;

/// The number of reasons in a message; `status` has them all.
const MOST_REASONS: usize = 3;

/// The reason why a selector does not select one session. The names are those to choose from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unresolved {
    /// None.
    Unknown {
        /// The names there are.
        names: Vec<String>,
        /// Problems of sections that may define this name.
        left_out: Vec<Problem>,
    },
    /// None: the profile is there and has no SSO settings, perhaps because of these problems.
    NotForSso { profile: String, names: Vec<String>, why: Vec<Problem> },
    /// None, because the configuration cannot be used: at least one reason.
    Unusable(Vec<Problem>),
    /// Several.
    Ambiguous(Vec<String>),
}

impl Directory {
    /// A directory of nothing, to begin with.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The directory of another configuration and other named files. Sessions whose identity stays are kept; `seed` gives
    /// chance to new ones.
    #[must_use]
    pub fn reconfigured(
        &self,
        config: Config,
        named: BTreeMap<FilePair, Config>,
        world: &World,
        mut seed: impl FnMut() -> u64,
    ) -> Self {
        let running: HashMap<&Identity, &Entry> =
            self.entries.iter().map(|entry| (&entry.config.identity, entry)).collect();
        let notifications = config.notifications;
        let now = world.clock.now().wall;
        let is_noticed_alike = notifications == self.default.config.notifications;
        let entries: Vec<Entry> = once_each(std::iter::once(&config).chain(named.values()))
            .into_iter()
            .map(|configured| {
                let configured = Arc::new(configured);
                let mut configured_at = now;
                let session = match running.get(&configured.identity) {
                    Some(entry) => {
                        if entry.config == configured {
                            configured_at = entry.configured_at;
                        }
                        if entry.config != configured || !is_noticed_alike {
                            entry.session.configure(Arc::clone(&configured), notifications);
                        }
                        Arc::clone(&entry.session)
                    }
                    None => {
                        let is_same = |entry: &&Entry| entry.config.identity == configured.identity;
                        let predecessor = self.leaving.iter().find(is_same).map(|entry| Arc::clone(&entry.session));
                        let config = Arc::clone(&configured);
                        Arc::new(Session::start(config, notifications, world.clone(), seed(), predecessor))
                    }
                };
                Entry { config: configured, session, configured_at }
            })
            .collect();
        let stays: HashMap<&Identity, &Entry> = entries.iter().map(|entry| (&entry.config.identity, entry)).collect();
        let mut leaving: Vec<Entry> =
            self.entries.iter().filter(|entry| !stays.contains_key(&entry.config.identity)).cloned().collect();
        for entry in &leaving {
            entry.session.stop();
        }
        leaving.extend(self.leaving.iter().filter(|entry| !entry.session.has_stopped()).cloned());
        let default = Arc::new(View::of(config, &stays));
        let named = named.into_iter().map(|(files, config)| {
            let mut view = View::of(config, &stays);
            if let Some(before) = self.named.get(&files) {
                view.used = Arc::clone(&before.used);
            }
            (files, Arc::new(view))
        });
        let named = named.collect();
        Self { default, named, entries, leaving }
    }

    /// The view for requests that name no file.
    pub const fn default_view(&self) -> &Arc<View> {
        &self.default
    }

    /// The view of these files; `None` if they are not known.
    pub fn view_of(&self, files: &FilePair) -> Option<&Arc<View>> {
        self.named.get(files)
    }

    /// The named files.
    pub const fn named_files(&self) -> &BTreeMap<FilePair, Arc<View>> {
        &self.named
    }

    /// Every session, each once.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Waits until the sessions that left the configuration have written their records.
    pub async fn leaving_ended(&self) {
        for entry in &self.leaving {
            entry.session.stopped().await;
        }
    }

    /// Stops every session and waits until all have ended.
    pub async fn stop(&self) {
        for entry in &self.entries {
            entry.session.stop();
        }
        for entry in self.entries.iter().chain(&self.leaving) {
            entry.session.stopped().await;
        }
    }
}

/// The sessions of all configurations, each once: the first one's settings count, and each one's readers are served.
fn once_each<'a>(configs: impl Iterator<Item = &'a Config>) -> Vec<SessionConfig> {
    let mut sessions: Vec<SessionConfig> = Vec::new();
    let mut known: HashMap<&Identity, usize> = HashMap::new();
    for session in configs.flat_map(|config| &config.sessions) {
        match known.get(&session.identity) {
            None => {
                known.insert(&session.identity, sessions.len());
                sessions.push(session.clone());
            }
            Some(index) => {
                let keys = &mut sessions[*index].cache_keys;
                keys.extend(session.cache_keys.iter().filter(|key| !keys.contains(key)).cloned().collect::<Vec<_>>());
            }
        }
    }
    sessions
}

impl View {
    fn of(config: Config, running: &HashMap<&Identity, &Entry>) -> Self {
        let entry = |session: &SessionConfig| {
            let running = running.get(&session.identity)?;
            let is_same = *running.config == *session;
            let config = if is_same { Arc::clone(&running.config) } else { Arc::new(session.clone()) };
            Some(Entry { config, ..(*running).clone() })
        };
        let entries: Vec<Entry> = config.sessions.iter().filter_map(entry).collect();
        let names = entries.iter().enumerate().flat_map(|(index, entry)| {
            let aliases = entry.config.aliases.iter().cloned();
            aliases.chain([entry.config.name.clone()]).map(move |name| (name, index))
        });
        let by_name = names.collect();
        Self { config, entries, by_name, used: Arc::default() }
    }

    /// Notes that a request names its file now.
    pub fn touch(&self, clock: &dyn Clock) {
        self.used.store(clock.now().boot.since(BootTime::default()).as_secs(), Ordering::Relaxed);
    }

    /// The time of the last request that named its file.
    pub fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Every session, in the order of the configuration.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The session of this name or alias.
    pub fn named(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|index| &self.entries[*index])
    }

    /// The session that a selector means.
    ///
    /// # Errors
    /// [`Unresolved`] if it means none, or several.
    pub fn resolve(&self, selector: &Selector) -> Result<&Entry, Unresolved> {
        let Config { unusable_sessions, unusable_profiles, other_profiles, losses, .. } = &self.config;
        let unusable = match selector {
            // Names of legacy profiles are names of their sessions, too.
            Selector::Session(name) => unusable_sessions.get(name).or_else(|| match self.named(name) {
                Some(_) => None,
                None => unusable_profiles.get(name),
            }),
            Selector::Profile(name) => unusable_profiles.get(name),
            Selector::Only | Selector::StartUrl(_) => None,
        };
        if let Some(why) = unusable {
            // The missing member may be in a line that cannot be read.
            let losses = losses.iter().filter(|loss| loss.file == why.file);
            return Err(Unresolved::Unusable([why].into_iter().chain(losses).take(MOST_REASONS).cloned().collect()));
        }
        let matching: Vec<&Entry> = match selector {
            Selector::Only => self.entries.iter().collect(),
            Selector::Session(name) => self.named(name).into_iter().collect(),
            Selector::Profile(profile) => {
                self.config.profiles.get(profile).and_then(|profile| self.named(&profile.session)).into_iter().collect()
            }
            Selector::StartUrl(url) => {
                let at: Vec<&str> = self.config.sessions_at(url).map(|session| session.name.as_str()).collect();
                self.entries.iter().filter(|entry| at.contains(&entry.config.name.as_str())).collect()
            }
        };
        match matching.as_slice() {
            [entry] => Ok(entry),
            [] => {
                let mut left_out = losses.clone();
                if matches!(selector, Selector::Only | Selector::StartUrl(_)) {
                    for why in unusable_sessions.values().chain(unusable_profiles.values()) {
                        // Profiles share the reasons of their session.
                        if left_out.len() < MOST_REASONS && !left_out.contains(why) {
                            left_out.push(why.clone());
                        }
                    }
                }
                left_out.truncate(MOST_REASONS);
                let names = names(self.entries.iter());
                match selector {
                    Selector::Only if !left_out.is_empty() => Err(Unresolved::Unusable(left_out)),
                    Selector::Profile(profile) if other_profiles.contains_key(profile) => {
                        let misspelt = other_profiles.get(profile).cloned().flatten();
                        let why = misspelt.map_or(left_out, |problem| vec![problem]);
                        Err(Unresolved::NotForSso { profile: profile.clone(), names, why })
                    }
                    _ => Err(Unresolved::Unknown { names, left_out }),
                }
            }
            several => Err(Unresolved::Ambiguous(names(several.iter().copied()))),
        }
    }
}

fn names<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<String> {
    entries.map(|entry| entry.config.name.clone()).collect()
}
