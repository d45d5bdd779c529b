//! Tends the files of one session: publishes its token, and offers it the sign-ins that other programs have put there. For a
//! session that does not share its token (any more), it removes what ssoctl has published before, and then ends.

use std::sync::Arc;
use std::time::Duration;

use ssoctl_protocol::Timestamp;
use ssoctl_protocol::body::TokenFiles;
use tokio::sync::watch;

use super::disk::{self, Change, Fingerprint, Reading, Work};
use super::file::{Content, Publication};
use super::proof::{self, ProofVerdict};
use super::service_time::ServiceTime;
use super::step::{self, Facts, FileStep};
use super::token_file::{FilePresence, TokenFile};
use super::{Files, is_shared};
use crate::clock::BootTime;
use crate::config::normalise_start_url;
use crate::directory::Entry;
use crate::session::Snapshot;
use crate::session::found::Reception;
use crate::token::Token;
use crate::waiting::or_never;
use crate::world::World;

/// A file that cannot be parsed is read again after this time, because a program may be writing it.
const WRITING: Duration = Duration::from_secs(1);
const READINGS: u32 = 4;

/// The pause after an error of the disk, such as a file system that is full or read-only for now.
const PAUSE: Duration = Duration::from_secs(60);

/// The pause while a session is signing out, or a file changes all the time.
const SHORT_PAUSE: Duration = Duration::from_secs(2);

/// The number of times in a row that a file may change between reading and writing it.
const OVERTAKEN: usize = 8;

pub(super) struct Keeper {
    entry: Entry,
    world: World,
    work: Work,
    service_time: watch::Receiver<ServiceTime>,
    files: Vec<TokenFile>,
    /// Whether published tokens are only removed.
    pub(super) withdraws: bool,
    /// Whether the session has had a token in this run.
    has_had_token: bool,
    /// Whether it has had one, and has none now.
    is_signed_out: bool,
}

enum NextRead {
    /// Nothing until that time, or until something changes.
    Rest(Option<BootTime>),
    /// Read it again: it has changed, or the session has.
    ReadAgain,
}

/// The part of a snapshot that matters here: the token, whether it is loading, and whether all is durable.
type Essence = (Option<Token>, bool, bool);

fn essence(snapshot: &Snapshot) -> Essence {
    (snapshot.token.clone(), snapshot.loading, snapshot.is_durable())
}

impl Keeper {
    pub(super) fn new(
        entry: Entry,
        files: Files,
        world: World,
        work: Work,
        service_time: watch::Receiver<ServiceTime>,
    ) -> Self {
        let config = &entry.config;
        let files = files.into_iter().map(|(key, path)| {
            let is_start_url = normalise_start_url(&key).is_ok_and(|url| url == config.identity.start_url);
            TokenFile::new(path, if is_start_url { key } else { config.start_url().to_owned() })
        });
        let (files, withdraws) = (files.collect(), !is_shared(&entry));
        Self { files, withdraws, entry, world, work, service_time, has_had_token: false, is_signed_out: false }
    }

    /// Works until the session ends, or, where it only removes files, until that is done.
    pub(super) async fn run(mut self, mut rereads: watch::Receiver<()>, report: impl Fn(Option<TokenFiles>) + Send) {
        let mut snapshots = self.entry.session.snapshots();
        let mut surroundings = self.world.surroundings.clone();
        let mut changes = surroundings.borrow_and_update().changes;
        loop {
            let known = essence(&snapshots.borrow_and_update());
            self.note(&known);
            rereads.mark_unchanged();
            self.service_time.mark_unchanged();
            let mut again = None;
            for index in 0..self.files.len() {
                let at = self.tend(index).await;
                again = [again, at].into_iter().flatten().min();
            }
            if self.withdraws && again.is_none() {
                return report(None);
            }
            report(Some(self.standing()));
            let rest = or_never(again.map(|at| self.world.clock.sleep_until(at)));
            tokio::select! {
                changed = snapshots.wait_for(|snapshot| essence(snapshot) != known) => if changed.is_err() { return },
                Ok(()) = rereads.changed() => {}
                Ok(()) = self.service_time.changed() => {}
                Ok(()) = surroundings.changed() => {
                    let before = std::mem::replace(&mut changes, surroundings.borrow_and_update().changes);
                    if before != changes {
                        // A proof that failed may work now.
                        let times = self.files.iter_mut().filter_map(|file| file.offered.as_mut()?.again_at.as_mut());
                        times.for_each(|again_at| *again_at = BootTime::default());
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

    fn standing(&self) -> TokenFiles {
        let published = self.files.iter().filter(|file| file.is_published);
        let trouble = self.files.iter().find_map(|file| file.trouble.clone());
        TokenFiles {
            published: published.map(|file| file.path.display().to_string()).collect(),
            unproved: self.files.iter().filter_map(TokenFile::unproved).collect(),
            error: trouble.or_else(|| self.files.iter().find_map(TokenFile::refused)),
        }
    }

    /// Carries out the step for a file, and returns the time to read it again even if nothing changes.
    async fn tend(&mut self, index: usize) -> Option<BootTime> {
        let before = self.files[index].trouble.take();
        let mut again = Ok(Some(self.world.clock.now().boot + SHORT_PAUSE));
        for _ in 0..OVERTAKEN {
            match self.read(index).await {
                Ok(NextRead::ReadAgain) => {}
                Ok(NextRead::Rest(until)) => {
                    again = Ok(until);
                    break;
                }
                Err(error) => {
                    again = Err(error);
                    break;
                }
            }
        }
        let file = &mut self.files[index];
        let again = again.unwrap_or_else(|error| {
            file.trouble = Some(error);
            Some(self.world.clock.now().boot + PAUSE)
        });
        if let Some(trouble) = file.trouble.as_ref().filter(|trouble| before.as_ref() != Some(trouble)) {
            tracing::warn!(session = self.entry.config.name, "{trouble}");
        }
        again
    }

    /// Reads a file and takes the one step that follows from it.
    async fn read(&mut self, index: usize) -> Result<NextRead, String> {
        let file = &mut self.files[index];
        let path = file.path.clone();
        let Reading { bytes, fingerprint } = self.work.run(move || disk::read(&path)).await?;
        let content = Content::parse_secret(bytes.as_ref());
        drop(bytes);
        if self.withdraws {
            return if content.is_published() {
                self.carry_out(FileStep::Remove, index, fingerprint).await
            } else {
                Ok(NextRead::Rest(None))
            };
        }
        let snapshot = self.entry.session.snapshot();
        let now = self.world.clock.now();
        let token = snapshot.token.as_ref().filter(|token| token.is_live(now.boot));
        if let Some(until) = file.note_presence(fingerprint.is_some(), token.is_some(), now.boot) {
            if now.boot < until {
                return Ok(NextRead::Rest(Some(until)));
            }
            file.presence = FilePresence::Unseen;
            return Ok(match token {
                Some(token) if self.is_unknown_at_the_portal(token).await => {
                    self.entry.session.ended_elsewhere(Arc::clone(&token.access));
                    NextRead::Rest(None)
                }
                _ => NextRead::ReadAgain,
            });
        }
        file.garbled = if content == Content::Garbled { file.garbled + 1 } else { 0 };
        file.is_published = token.is_some_and(|token| content.holds(&token.access.value));
        let service_time = *self.service_time.borrow();
        let offer = file.offer_of(fingerprint, now.boot);
        let region = self.entry.config.region_at(snapshot.target.as_ref()).unwrap_or_default();
        let facts = Facts {
            session: &self.entry.config,
            file: &file.path,
            is_written: file.garbled >= READINGS,
            publication: token.map(|token| Publication {
                start_url: &file.start_url,
                region: &region,
                access_token: &token.access.value,
                expires_at: Timestamp::from(service_time.at(token.expires, now)),
            }),
            is_loading: snapshot.loading,
            is_durable: snapshot.is_durable(),
            is_signed_out: self.is_signed_out,
            offer,
        };
        let step = step::decide(content, &facts);
        self.carry_out(step, index, fingerprint).await
    }

    /// Carries out a step with a file that had this fingerprint when it was read.
    async fn carry_out(&mut self, step: FileStep, index: usize, read: Fingerprint) -> Result<NextRead, String> {
        let (session, now) = (self.entry.config.name.as_str(), self.world.clock.now().boot);
        let file = &mut self.files[index];
        let (path, shown) = (file.path.clone(), file.path.display());
        let (change, is_published) = match step {
            FileStep::Leave => return Ok(NextRead::Rest(None)),
            FileStep::Wait => return Ok(NextRead::Rest(file.offered.as_ref().and_then(|offered| offered.again_at))),
            FileStep::Offer(_) if !file.proofs.wait(now).is_zero() => {
                return Ok(NextRead::Rest(Some(now + file.proofs.wait(now))));
            }
            FileStep::Offer(found) => {
                let verdict = proof::offer(&self.entry, found, &self.world).await;
                if let ProofVerdict::Received(Reception::NotNow | Reception::ToBeProved) = verdict {
                    return Ok(NextRead::Rest(Some(now + SHORT_PAUSE)));
                }
                file.proofs.spend(now);
                file.note_verdict(read, verdict, self.world.clock.now().boot);
                return Ok(NextRead::ReadAgain);
            }
            FileStep::ReadAgain => return Ok(NextRead::Rest(Some(now + WRITING))),
            FileStep::SetAside(why) => {
                let (change, aside) = self.work.run(move || disk::set_aside(&path, read)).await?;
                if change == Change::Done {
                    tracing::warn!(session, file = %shown, aside = %aside.display(), why, "set a malformed token file aside");
                    file.presence = FilePresence::Unseen;
                }
                return Ok(NextRead::ReadAgain);
            }
            FileStep::Tell(why) => {
                file.trouble =
                    Some(format!("{shown} is left alone, because {why}; remove it, and a new one is written"));
                return Ok(NextRead::Rest(None));
            }
            FileStep::Publish(text) => {
                tracing::debug!(session, file = %shown, "publishing the token");
                (self.work.run(move || disk::replace(&path, read, &text)).await?, true)
            }
            FileStep::Remove => {
                tracing::info!(session, file = %shown, "removing its token file");
                (self.work.run(move || disk::remove(&path, read)).await?, false)
            }
        };
        if change == Change::Overtaken {
            return Ok(NextRead::ReadAgain);
        }
        file.offered.iter_mut().for_each(|offered| offered.why = None);
        file.is_published = is_published;
        file.presence = if is_published { FilePresence::There } else { FilePresence::Unseen };
        Ok(NextRead::Rest(None))
    }

    /// Whether the person has signed out elsewhere: `aws sso logout` ends the portal session and removes the files. Only the
    /// portal's own word counts.
    async fn is_unknown_at_the_portal(&self, token: &Token) -> bool {
        let config = &self.entry.config;
        let (session, Ok(endpoints)) = (&config.name, config.endpoints.of(&token.access.issuer, None)) else {
            return false;
        };
        let error = self.world.portal.accounts(&endpoints.portal, &token.access, None).await.err();
        let is_unknown = error.as_ref().is_some_and(|error| error.is_unauthorized());
        let error = error.map(|error| error.to_string());
        tracing::info!(session, is_unknown, error, "a token file has vanished; asked the portal");
        is_unknown
    }
}
