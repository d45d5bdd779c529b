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
use super::proof::{self, Verdict};
use super::service_time::ServiceTime;
use super::step::{self, Offer, Step, View};
use crate::budget::Budget;
use crate::clock::BootTime;
use crate::config::normalise_start_url;
use crate::directory::Entry;
use crate::file_work::FileWork;
use crate::portal::{ErrorName, PortalError};
use crate::session::found::Reception;
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

/// Between two attempts to have a sign-in proved: twice as long after each, up to an hour.
const FIRST_DOUBT: Duration = Duration::from_secs(4);
const LONGEST_DOUBT: Duration = Duration::from_secs(3600);

/// However often a file changes, the service is asked about it this often at once, and then once in a while.
const PROOFS: Budget = Budget::new(10, Duration::from_secs(60));

/// How often a file may change under our hands before it is left alone for a moment.
const OVERTAKEN: usize = 8;

/// Whoever works on the files of a session has this. A thread that is in the middle of it keeps it, also when nobody waits
/// for the thread any more.
#[derive(Clone, Default)]
pub(super) struct Hands {
    session: Arc<Mutex<()>>,
    work: FileWork,
}

impl Hands {
    /// For one more session whose files are in this place.
    pub(super) fn new(work: &FileWork) -> Self {
        Self { session: Arc::default(), work: work.clone() }
    }
}

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
    /// Why that is not proved.
    doubt: Option<Doubt>,
    /// How often the service may be asked about what somebody puts here.
    proofs: Budget,
    /// How often in a row it has made no sense.
    garbled: u32,
    /// Whether it holds our token.
    is_published: bool,
    presence: Presence,
    trouble: Option<String>,
}

/// The service does not know a sign-in, or could not say.
struct Doubt {
    why: String,
    /// How often in a row it could not.
    failures: u32,
    /// When it is asked again; `None` if it does not know it.
    until: Option<BootTime>,
}

/// How long the service is left alone after it could not say, that many times in a row.
fn pause_after(failures: u32) -> Duration {
    FIRST_DOUBT.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_DOUBT)
}

/// Whether a file is there. That there was none from the start proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Presence {
    Unseen,
    There,
    /// It has vanished, and is missed if it has not come back by then.
    Away(BootTime),
}

/// What is left to be done about a file.
enum Look {
    /// Nothing until then, or until something changes.
    Enough(Option<BootTime>),
    /// What has come of this look, or of somebody else's work in the meantime.
    Again,
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
            TokenFile::new(path, if is_start_url { key } else { config.start_url().to_owned() })
        });
        let files = files.collect();
        Self { files, entry, world, hands, service_time, has_had_token: false, is_signed_out: false }
    }

    /// Works until the session ends.
    pub(super) async fn run(mut self, mut pokes: watch::Receiver<()>, report: impl Fn(Standing) + Send) {
        let mut snapshots = self.entry.session.snapshots();
        let mut surroundings = self.world.surroundings.clone();
        let mut stirrings = surroundings.borrow_and_update().stirrings;
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
                Ok(()) = surroundings.changed() => {
                    let before = std::mem::replace(&mut stirrings, surroundings.borrow_and_update().stirrings);
                    if before != stirrings {
                        self.files.iter_mut().filter_map(|file| file.doubt.as_mut()).for_each(Doubt::stirred);
                    }
                }
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
            unproved: self.files.iter().filter_map(TokenFile::unproved).collect(),
            trouble: self
                .files
                .iter()
                .find_map(|file| file.trouble.clone())
                .or_else(|| self.files.iter().find_map(TokenFile::refused)),
        }
    }

    /// Does what is to be done about a file, and tells when to look at it again though nothing changes.
    async fn tend(&mut self, index: usize) -> Option<BootTime> {
        let before = self.files[index].trouble.take();
        let again = self.try_to_tend(index).await.unwrap_or_else(|DiskError(error)| {
            self.files[index].trouble = Some(error);
            Some(self.world.clock.now().boot + PAUSE)
        });
        if let Some(trouble) = self.files[index].trouble.as_ref().filter(|trouble| before.as_ref() != Some(trouble)) {
            tracing::warn!(session = self.entry.config.name, "{trouble}");
        }
        again
    }

    async fn try_to_tend(&mut self, index: usize) -> Result<Option<BootTime>, DiskError> {
        for _ in 0..OVERTAKEN {
            if let Look::Enough(until) = self.look(index).await? {
                return Ok(until);
            }
        }
        Ok(Some(self.world.clock.now().boot + SHORT_PAUSE))
    }

    /// Reads a file and takes the one step that follows from it.
    async fn look(&mut self, index: usize) -> Result<Look, DiskError> {
        let file = &mut self.files[index];
        let path = file.path.clone();
        let Reading { bytes, fingerprint } = blocking(&self.hands, move || disk::read(&path)).await?;
        let content = Content::parse_secret(bytes.as_ref());
        drop(bytes);
        let snapshot = self.entry.session.snapshot();
        let now = self.world.clock.now();
        let token = snapshot.token.as_ref().filter(|token| token.is_live(now.boot));
        if let Some(until) = file.notice(fingerprint.is_some(), token.is_some(), now.boot) {
            if now.boot < until {
                return Ok(Look::Enough(Some(until)));
            }
            file.presence = Presence::Unseen;
            return Ok(match token {
                Some(token) if self.is_unknown_at_the_portal(token).await => {
                    self.entry.session.ended_elsewhere(Arc::clone(&token.access));
                    Look::Enough(None)
                }
                _ => Look::Again,
            });
        }
        file.garbled = if content == Content::Garbled { file.garbled + 1 } else { 0 };
        file.is_published = match (&content, token) {
            (Content::Members(members), Some(token)) => members.holds(&token.access.value),
            _ => false,
        };
        let service_time = *self.service_time.borrow();
        let offer = file.offer_of(fingerprint, now.boot);
        let view = View {
            identity: &self.entry.config.identity,
            files_issuer: self.entry.config.token_files_issuer.as_ref(),
            file: &file.path,
            is_written: file.garbled >= READINGS,
            publication: token.map(|token| Publication {
                start_url: &file.start_url,
                region: self.entry.config.region(),
                access_token: &token.access.value,
                expires_at: Timestamp::from(service_time.at(token.expires, now)),
            }),
            is_loading: snapshot.loading,
            is_durable: snapshot.is_durable(),
            is_signed_out: self.is_signed_out,
            offer,
        };
        let step = step::decide(content, &view);
        self.take(step, index, fingerprint).await
    }

    /// Takes a step with a file that was seen like this.
    async fn take(&mut self, step: Step, index: usize, seen: Fingerprint) -> Result<Look, DiskError> {
        let (session, now) = (self.entry.config.name.as_str(), self.world.clock.now().boot);
        let file = &mut self.files[index];
        let (path, shown) = (file.path.clone(), file.path.display());
        let (change, is_published) = match step {
            Step::Leave => return Ok(Look::Enough(None)),
            Step::Wait => return Ok(Look::Enough(file.doubt.as_ref().and_then(|doubt| doubt.until))),
            Step::Offer(_) if !file.proofs.wait(now).is_zero() => {
                return Ok(Look::Enough(Some(now + file.proofs.wait(now))));
            }
            Step::Offer(found) => {
                let verdict = proof::offer(&self.entry, found, &self.world).await;
                let (offer, doubt) = match verdict {
                    // It is signing out, or ends.
                    Verdict::Received(Reception::NotNow | Reception::ToBeProved) => {
                        return Ok(Look::Enough(Some(now + SHORT_PAUSE)));
                    }
                    Verdict::Received(Reception::TakenOver | Reception::Known) => (Offer::TakenOver, None),
                    Verdict::Received(Reception::OursIsBetter | Reception::Worthless) => (Offer::Declined, None),
                    Verdict::Refused(why) => (Offer::Declined, Some(Doubt { why, failures: 0, until: None })),
                    Verdict::Unproved(why) => {
                        let failures = file.doubt.as_ref().map_or(0, |doubt| doubt.failures) + 1;
                        let until = self.world.clock.now().boot + pause_after(failures);
                        (Offer::Unproved, Some(Doubt { why, failures, until: Some(until) }))
                    }
                };
                file.proofs.spend(now);
                file.offered = Some((seen, offer));
                file.doubt = doubt;
                return Ok(Look::Again);
            }
            Step::ReadAgain => return Ok(Look::Enough(Some(now + WRITING))),
            Step::SetAside(why) => {
                let (change, aside) = blocking(&self.hands, move || disk::set_aside(&path, seen)).await?;
                if change == Change::Done {
                    tracing::warn!(session, file = %shown, aside = %aside.display(), why, "set a token file aside that nobody can read");
                    file.presence = Presence::Unseen;
                }
                return Ok(Look::Again);
            }
            Step::Tell(why) => return Ok(file.leave_alone(why)),
            Step::Publish(text) => {
                tracing::debug!(session, file = %shown, "publishing the token");
                (blocking(&self.hands, move || disk::replace(&path, seen, &text)).await?, true)
            }
            Step::Remove => {
                tracing::info!(session, file = %shown, "removing its token file");
                (blocking(&self.hands, move || disk::remove(&path, seen)).await?, false)
            }
        };
        if change == Change::Overtaken {
            return Ok(Look::Again);
        }
        file.doubt = None;
        file.is_published = is_published;
        file.presence = if is_published { Presence::There } else { Presence::Unseen };
        Ok(Look::Enough(None))
    }

    /// Whether somebody has signed out elsewhere: `aws sso logout` ends the portal session and removes the files. What is
    /// not said by the portal itself is no sign of it.
    async fn is_unknown_at_the_portal(&self, token: &Token) -> bool {
        let (session, Ok(endpoints)) = (&self.entry.config.name, &self.entry.config.endpoints) else { return false };
        let answer = self.world.portal.accounts(&endpoints.portal, &token.access, None).await;
        let is_unknown = matches!(&answer, Err(PortalError::Service { name: ErrorName::Unauthorized, .. }));
        let error = answer.err().map(|error| error.to_string());
        tracing::info!(session, is_unknown, error, "a token file has vanished; asked the portal");
        is_unknown
    }
}

impl Doubt {
    /// What failed may work now.
    fn stirred(&mut self) {
        self.until = self.until.map(|_| BootTime::default());
    }
}

impl TokenFile {
    const fn new(path: PathBuf, start_url: String) -> Self {
        Self {
            path,
            start_url,
            offered: None,
            doubt: None,
            proofs: PROOFS,
            garbled: 0,
            is_published: false,
            presence: Presence::Unseen,
            trouble: None,
        }
    }

    /// What became of this content. One that is not proved is offered again when its time has come.
    fn offer_of(&mut self, fingerprint: Fingerprint, now: BootTime) -> Offer {
        match self.offered {
            Some((offered, offer)) if offered == fingerprint => match &self.doubt {
                Some(Doubt { until: Some(until), .. }) if *until <= now => Offer::NotMade,
                _ => offer,
            },
            _ => {
                self.doubt = None;
                Offer::NotMade
            }
        }
    }

    /// That it holds a sign-in which is not proved yet, and why.
    fn unproved(&self) -> Option<(PathBuf, String)> {
        let doubt = self.doubt.as_ref().filter(|doubt| doubt.until.is_some())?;
        Some((self.path.clone(), doubt.why.clone()))
    }

    /// That it holds a sign-in which the service does not know.
    fn refused(&self) -> Option<String> {
        let Doubt { why, .. } = self.doubt.as_ref().filter(|doubt| doubt.until.is_none())?;
        Some(format!("{} holds a sign-in that is not good: {why}", self.path.display()))
    }

    /// Takes in whether it is there. If it has vanished although there is a token to be in it, returns until when it may
    /// come back.
    fn notice(&mut self, is_there: bool, has_token: bool, now: BootTime) -> Option<BootTime> {
        self.presence = match self.presence {
            _ if is_there => Presence::There,
            _ if !has_token => Presence::Unseen,
            Presence::There => {
                self.is_published = false;
                Presence::Away(now + AWAY)
            }
            unchanged => unchanged,
        };
        match self.presence {
            Presence::Away(until) => Some(until),
            Presence::Unseen | Presence::There => None,
        }
    }

    fn leave_alone(&mut self, why: &str) -> Look {
        let shown = self.path.display();
        self.trouble = Some(format!("{shown} is left alone, because {why}; remove it, and a new one is written"));
        Look::Enough(None)
    }
}

/// Does what blocks (a full disk, a network file system), for each session one piece of work after the other.
pub(super) async fn blocking<T: Send + 'static>(
    hands: &Hands,
    work: impl FnOnce() -> Result<T, DiskError> + Send + 'static,
) -> Result<T, DiskError> {
    let at_work = Arc::clone(&hands.session).lock_owned().await;
    let work = move || {
        let result = work();
        drop(at_work);
        result
    };
    let failed = || Err(DiskError("a token file could not be tended".to_owned()));
    hands.work.run(work).await.unwrap_or_else(failed)
}
