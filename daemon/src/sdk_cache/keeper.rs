//! Tends the files of one session: publishes its token, offers it what other programs have put there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ssoctl_protocol::Timestamp;
use tokio::sync::{Mutex, watch};

use super::Standing;
use super::disk::{self, Change, DiskError, Fingerprint, Reading};
use super::file::{Content, Publication};
use super::service_time::ServiceTime;
use super::step::{self, Offer, Step, View};
use crate::clock::BootTime;
use crate::config::normalise_start_url;
use crate::portal::{ErrorName, PortalError};
use crate::session::ask::Answer;
use crate::session::found::Reception;
use crate::session::registry::Entry;
use crate::session::{Snapshot, Token};
use crate::world::World;

/// How long a file that makes no sense has to become a whole one, and how often it is read again until then.
const WRITING: Duration = Duration::from_secs(1);
const READINGS: u32 = 4;

/// Between two attempts at something that did not work: a file system that is full, a session that is just signing out.
const PAUSE: Duration = Duration::from_secs(60);
const SHORT_PAUSE: Duration = Duration::from_secs(2);

/// How long a file has to come back before the portal is asked what its absence means: programs that replace a file by
/// removing it first take less.
const AWAY: Duration = Duration::from_secs(2);

/// How often a file may change under our hands before it is left alone for a moment.
const OVERTAKEN: usize = 8;

/// Whoever works on the files of a session has this. A thread that is in the middle of it keeps it, also when nobody waits
/// for the thread any more.
pub(super) type Hands = Arc<Mutex<()>>;

/// The files of one session.
pub(super) struct Keeper {
    entry: Entry,
    world: World,
    hands: Hands,
    service_time: watch::Receiver<ServiceTime>,
    files: Vec<TokenFile>,
    /// Whether the session has had a token in this run, and has none now because it was signed out.
    has_had_token: bool,
    is_signed_out: bool,
}

/// One file, and what is known of it.
struct TokenFile {
    path: PathBuf,
    /// The start URL that its readers know.
    start_url: String,
    /// The content that was offered to the session last, and what became of it.
    offered: Option<(Fingerprint, Offer)>,
    /// How often in a row it has made no sense.
    garbled: u32,
    /// Whether it holds our token.
    is_published: bool,
    presence: Presence,
    trouble: Option<String>,
}

/// Whether a file is there. That there was none from the start proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Presence {
    Unseen,
    There,
    /// It has vanished, and is missed if it has not come back by then.
    Away(BootTime),
}

/// What of a snapshot is of importance here.
type Essence = (Option<Token>, bool, bool);

fn essence(snapshot: &Snapshot) -> Essence {
    (snapshot.token.clone(), snapshot.loading, snapshot.is_durable())
}

impl Keeper {
    pub(super) fn new(
        entry: Entry,
        files: BTreeMap<String, PathBuf>,
        world: World,
        hands: Hands,
        service_time: watch::Receiver<ServiceTime>,
    ) -> Self {
        let config = &entry.config;
        let files = files.into_iter().map(|(key, path)| {
            let is_start_url = normalise_start_url(&key).is_ok_and(|url| url == config.identity.start_url);
            TokenFile::new(path, if is_start_url { key } else { config.start_url.clone() })
        });
        let files = files.collect();
        Self { files, entry, world, hands, service_time, has_had_token: false, is_signed_out: false }
    }

    /// Works until the session ends.
    pub(super) async fn run(mut self, mut pokes: watch::Receiver<()>, report: impl Fn(Standing) + Send) {
        let mut snapshots = self.entry.session.snapshots();
        loop {
            let known = essence(&snapshots.borrow_and_update());
            self.note(&known);
            pokes.mark_unchanged();
            self.service_time.mark_unchanged();
            let mut again = None;
            for index in 0..self.files.len() {
                let at = self.tend(index).await;
                again = [again, at].into_iter().flatten().min();
            }
            report(self.standing());
            let rest = async {
                match again {
                    Some(at) => self.world.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = snapshots.wait_for(|snapshot| essence(snapshot) != known) => if changed.is_err() { return },
                Ok(()) = pokes.changed() => {}
                Ok(()) = self.service_time.changed() => {}
                () = rest => {}
            }
        }
    }

    fn note(&mut self, (token, loading, _): &Essence) {
        if token.is_some() {
            self.has_had_token = true;
            self.is_signed_out = false;
        } else if self.has_had_token && !loading {
            self.is_signed_out = true;
        }
    }

    fn standing(&self) -> Standing {
        Standing {
            files: self.files.iter().filter(|file| file.is_published).map(|file| file.path.clone()).collect(),
            trouble: self.files.iter().find_map(|file| file.trouble.clone()),
        }
    }

    /// Does what is to be done about a file, and tells when to look at it again though nothing changes.
    async fn tend(&mut self, index: usize) -> Option<BootTime> {
        let name = self.entry.config.name.clone();
        let before = self.files[index].trouble.take();
        let again = match self.try_to_tend(index).await {
            Ok(again) => again,
            Err((DiskError(error), again)) => {
                self.files[index].trouble = Some(error);
                again
            }
        };
        if let Some(trouble) = self.files[index].trouble.as_ref().filter(|trouble| before.as_ref() != Some(trouble)) {
            tracing::warn!(session = name, "{trouble}");
        }
        again
    }

    async fn try_to_tend(&mut self, index: usize) -> Result<Option<BootTime>, (DiskError, Option<BootTime>)> {
        let name = self.entry.config.name.as_str();
        for _ in 0..OVERTAKEN {
            let file = &mut self.files[index];
            let path = file.path.clone();
            let Reading { bytes, fingerprint } = blocking(&self.hands, move || disk::read(&path))
                .await
                .map_err(|error| (error, Some(self.world.clock.now().boot + PAUSE)))?;
            let content = Content::parse_secret(bytes.as_ref());
            drop(bytes);
            let snapshot = self.entry.session.snapshot();
            let now = self.world.clock.now();
            let token = snapshot.token.as_ref().filter(|token| token.is_live(now.boot));
            match (fingerprint, token, file.presence) {
                (Some(_), ..) => file.presence = Presence::There,
                (None, None, _) => file.presence = Presence::Unseen,
                (None, Some(_), Presence::Unseen) => {}
                (None, Some(_), Presence::There) => {
                    file.presence = Presence::Away(now.boot + AWAY);
                    file.is_published = false;
                    return Ok(Some(now.boot + AWAY));
                }
                (None, Some(_), Presence::Away(until)) if now.boot < until => return Ok(Some(until)),
                (None, Some(token), Presence::Away(_)) => {
                    file.presence = Presence::Unseen;
                    if self.is_unknown_at_the_portal(token).await {
                        self.entry.session.ended_elsewhere(Arc::clone(&token.access));
                        return Ok(None);
                    }
                    continue;
                }
            }
            let service_time = *self.service_time.borrow();
            let publication = || {
                token.map(|token| Publication {
                    start_url: &file.start_url,
                    region: self.entry.config.region(),
                    access_token: &token.access.value,
                    expires_at: Timestamp::from(service_time.at(token.expires, now)),
                })
            };
            file.garbled = if content == Content::Garbled { file.garbled + 1 } else { 0 };
            let view = View {
                identity: &self.entry.config.identity,
                publication: publication(),
                is_loading: snapshot.loading,
                is_durable: snapshot.is_durable(),
                is_signed_out: self.is_signed_out,
                offer: file.offer_of(fingerprint),
            };
            file.is_published = match (&content, token) {
                (Content::Members(members), Some(token)) => members.holds(&token.access.value),
                _ => false,
            };
            let changed = match step::decide(content, view) {
                Step::Leave => return Ok(None),
                Step::Offer(found) => {
                    let offer = match self.entry.session.offer(found).await {
                        Answer::Found(Reception::TakenOver | Reception::Known) => Offer::TakenOver,
                        Answer::Found(Reception::OursIsBetter | Reception::Worthless) => Offer::Declined,
                        // It is signing out, or ends.
                        _ => return Ok(Some(now.boot + SHORT_PAUSE)),
                    };
                    self.files[index].offered = Some((fingerprint, offer));
                    continue;
                }
                Step::ReadAgain if file.garbled < READINGS => return Ok(Some(now.boot + WRITING)),
                Step::ReadAgain => {
                    file.complain("it is not a whole token file");
                    return Ok(None);
                }
                Step::Tell(why) => {
                    file.complain(why);
                    return Ok(None);
                }
                Step::Publish(members) => {
                    let Some(publication) = publication() else { return Ok(None) };
                    tracing::debug!(session = name, file = %file.path.display(), expires_at = %publication.expires_at, "publishing the token");
                    let (path, text) = (file.path.clone(), members.publish(&publication));
                    blocking(&self.hands, move || disk::replace(&path, fingerprint, &text)).await
                }
                Step::Remove => {
                    tracing::info!(session = name, file = %file.path.display(), "removing its token file");
                    let path = file.path.clone();
                    blocking(&self.hands, move || disk::remove(&path, fingerprint)).await
                }
            };
            match changed {
                Ok(Change::Done) => {
                    let file = &mut self.files[index];
                    file.is_published = token.is_some();
                    file.presence = if file.is_published { Presence::There } else { Presence::Unseen };
                    return Ok(None);
                }
                Ok(Change::Overtaken) => {}
                Err(error) => return Err((error, Some(now.boot + PAUSE))),
            }
        }
        Ok(Some(self.world.clock.now().boot + SHORT_PAUSE))
    }

    /// Whether somebody has signed out elsewhere: `aws sso logout` ends the portal session and removes the files. What is
    /// not said by the portal itself is no sign of it.
    async fn is_unknown_at_the_portal(&self, token: &Token) -> bool {
        let (session, Ok(endpoints)) = (&self.entry.config.name, &self.entry.config.endpoints) else { return false };
        let answer = self.world.portal.accounts(&endpoints.portal, &token.access.value, None).await;
        let is_unknown = matches!(&answer, Err(PortalError::Service { name: ErrorName::Unauthorized, .. }));
        let error = answer.err().map(|error| error.to_string());
        tracing::info!(session, is_unknown, error, "a token file has vanished; asked the portal");
        is_unknown
    }
}

impl TokenFile {
    const fn new(path: PathBuf, start_url: String) -> Self {
        Self {
            path,
            start_url,
            offered: None,
            garbled: 0,
            is_published: false,
            presence: Presence::Unseen,
            trouble: None,
        }
    }

    fn offer_of(&self, fingerprint: Fingerprint) -> Offer {
        match self.offered {
            Some((offered, offer)) if offered == fingerprint => offer,
            _ => Offer::NotMade,
        }
    }

    fn complain(&mut self, why: &str) {
        let shown = self.path.display();
        self.trouble = Some(format!("{shown} is left alone, because {why}; remove it, and a new one is written"));
    }
}

/// Runs what blocks (a full disk, a network file system) where it keeps nobody waiting, one piece of work after the other.
pub(super) async fn blocking<T: Send + 'static>(
    hands: &Hands,
    work: impl FnOnce() -> Result<T, DiskError> + Send + 'static,
) -> Result<T, DiskError> {
    let at_work = Arc::clone(hands).lock_owned().await;
    let work = move || {
        let result = work();
        drop(at_work);
        result
    };
    let failed = |_| Err(DiskError("a token file could not be tended".to_owned()));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(failed)
}
