//! A keeper's knowledge of one file. Pure.

use std::path::PathBuf;
use std::time::Duration;

use ssoctl_protocol::body::UnprovedFile;

use super::disk::Fingerprint;
use super::proof::ProofVerdict;
use super::step::Offer;
use crate::budget::Budget;
use crate::clock::BootTime;
use crate::session::found::Reception;

/// If a file is missing for this long, the portal is asked whether the person has signed out: programs that replace a file by
/// removing it first take less.
const AWAY: Duration = Duration::from_secs(2);

/// The pause after an attempt at a proof that failed: twice as long after each further one, up to an hour.
const FIRST_PROOF_PAUSE: Duration = Duration::from_secs(4);
const LONGEST_PROOF_PAUSE: Duration = Duration::from_secs(3600);

/// Limits the questions to the service about a file that changes again and again: ten at once, then one a minute.
const PROOFS: Budget = Budget::new(10, Duration::from_secs(60));

pub(super) struct TokenFile {
    pub(super) path: PathBuf,
    /// The start URL that the file's readers know.
    pub(super) start_url: String,
    /// The content that was offered to the session last.
    pub(super) offered: Option<Offered>,
    pub(super) proofs: Budget,
    /// The number of times in a row that the file could not be parsed.
    pub(super) garbled: u32,
    /// Whether it holds our token.
    pub(super) is_published: bool,
    pub(super) presence: FilePresence,
    pub(super) trouble: Option<String>,
}

pub(super) struct Offered {
    pub(super) fingerprint: Fingerprint,
    pub(super) offer: Offer,
    /// The reason why it is refused or not proved.
    pub(super) why: Option<String>,
    /// The number of attempts at a proof that failed in a row.
    pub(super) failures: u32,
    /// The time of the next offer, if it is not proved.
    pub(super) again_at: Option<BootTime>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FilePresence {
    /// It has never been there: its absence means nothing.
    Unseen,
    There,
    /// It has vanished, and is missing if it has not come back by then.
    Away(BootTime),
}

impl TokenFile {
    pub(super) const fn new(path: PathBuf, start_url: String) -> Self {
        Self {
            path,
            start_url,
            offered: None,
            proofs: PROOFS,
            garbled: 0,
            is_published: false,
            presence: FilePresence::Unseen,
            trouble: None,
        }
    }

    /// The last result for this content. Content that is not proved is offered again at its time.
    pub(super) fn offer_of(&mut self, fingerprint: Fingerprint, now: BootTime) -> Offer {
        match &self.offered {
            Some(offered) if offered.fingerprint != fingerprint => self.offered = None,
            Some(offered) if offered.again_at.is_none_or(|again_at| again_at > now) => return offered.offer,
            _ => {}
        }
        Offer::NotMade
    }

    pub(super) fn note_verdict(&mut self, fingerprint: Fingerprint, verdict: ProofVerdict, now: BootTime) {
        let failures = self.offered.as_ref().map_or(0, |offered| offered.failures);
        let (offer, why, failures) = match verdict {
            ProofVerdict::Received(Reception::TakenOver | Reception::Known) => (Offer::TakenOver, None, 0),
            ProofVerdict::Received(_) => (Offer::Declined, None, 0),
            ProofVerdict::Refused(why) => (Offer::Declined, Some(why), 0),
            ProofVerdict::Unproved(why) => (Offer::Unproved, Some(why), failures + 1),
        };
        let pause = FIRST_PROOF_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PROOF_PAUSE);
        let again_at = (offer == Offer::Unproved).then(|| now + pause);
        self.offered = Some(Offered { fingerprint, offer, why, failures, again_at });
    }

    /// The file and why, if it holds a sign-in that is not proved yet.
    pub(super) fn unproved(&self) -> Option<UnprovedFile> {
        let offered = self.offered.as_ref().filter(|offered| offered.again_at.is_some())?;
        Some(UnprovedFile { file: self.path.display().to_string(), why: offered.why.clone()? })
    }

    /// The problem, if it holds a sign-in that the service rejects.
    pub(super) fn refused(&self) -> Option<String> {
        let why = self.offered.as_ref().filter(|offered| offered.again_at.is_none())?.why.as_ref()?;
        Some(format!("{} holds a sign-in that its issuer rejects: {why}", self.path.display()))
    }

    /// Notes whether the file is there. If it has vanished although there is a token to be in it, returns until when it may
    /// come back.
    pub(super) fn note_presence(&mut self, is_there: bool, has_token: bool, now: BootTime) -> Option<BootTime> {
        self.presence = match self.presence {
            _ if is_there => FilePresence::There,
            _ if !has_token => FilePresence::Unseen,
            FilePresence::There => {
                self.is_published = false;
                FilePresence::Away(now + AWAY)
            }
            unchanged => unchanged,
        };
        match self.presence {
            FilePresence::Away(until) => Some(until),
            FilePresence::Unseen | FilePresence::There => None,
        }
    }
}
