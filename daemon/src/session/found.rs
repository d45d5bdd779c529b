//! A sign-in that another program has made, and whether it is better than ours. Pure.
//!
//! Token, refresh token and registration are taken over together or not at all. A token file does not say how long its token
//! lived from the start, so the lifetime that the service usually gives is assumed (observed). It does not say either
//! which scopes the client registered, so the token is taken for one of the session that the file is named after. The file's registration
//! renews this token and nothing else: flows use a registration of our own, because the service may refuse the device flow with the AWS CLI's.
//!
//! | ours | the one that was found | what happens |
//! |---|---|---|
//! | the same access token | without a refresh token, or ours has one, too | nothing: it is known |
//! | any | has expired, and cannot be renewed | nothing: it is worthless |
//! | none, or an expired one that cannot be renewed | any other | it is taken over |
//! | can be renewed | cannot | nothing: ours is better |
//! | cannot | can, and is live | it is taken over |
//! | otherwise | | the one that expires later counts |
//!
//! A file proves nothing. A token is taken over only after its issuer has said that it knows it; until then ours stays.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use ssoctl_protocol::Secret;

use super::{AccessToken, Renewal, Token};
use crate::clock::{BootTime, Now};
use crate::issuer::Issuer;

/// The lifetime of a token that comes with a refresh token (observed).
const USUAL_LIFETIME: Duration = Duration::from_secs(3600);

/// No token or registration lives longer from now on, whatever the file says: portal sessions and registrations of AWS do not.
const LONGEST_LIFE: Duration = Duration::from_secs(90 * 86_400);

/// A sign-in that was found in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub access_token: Secret<String>,
    /// By this machine's wall clock: the program that wrote the file added the lifetime to that.
    pub expires_at: SystemTime,
    pub renewal: Option<Renewal>,
    /// The issuer that the AWS configuration gives for the file's session.
    pub issuer: Issuer,
    pub file: Arc<Path>,
    pub proof: Proof,
}

/// Whether the issuer has said that it knows a sign-in that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    Missing,
    Given,
}

/// A sign-in that its issuer does not know, so that it is not asked about it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The [`fingerprint`](Found::fingerprint).
    pub fingerprint: [u8; 32],
    pub why: String,
}

/// The decision about a sign-in that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reception {
    TakenOver,
    Known,
    OursIsBetter,
    /// It has expired and cannot be renewed.
    Worthless,
    /// It would be taken over if its issuer knows it, which has to be asked first.
    ToBeProved,
    /// The store has not answered, or a sign-out is under way.
    NotNow,
}

impl Reception {
    /// For the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TakenOver => "taken over",
            Self::Known => "known",
            Self::OursIsBetter => "ours is better",
            Self::Worthless => "worthless",
            Self::ToBeProved => "to be proved",
            Self::NotNow => "not now",
        }
    }
}

impl Found {
    /// A hash that tells it from others without holding its secrets.
    pub fn fingerprint(&self) -> [u8; 32] {
        let renewal = self.renewal.as_ref();
        let refresh_token = renewal.map_or("", |renewal| renewal.refresh_token.expose());
        let client_id = renewal.map_or("", |renewal| renewal.registration.client_id.as_str());
        let parts = [self.access_token.expose(), refresh_token, client_id];
        parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part).chain_update("\0")).finalize().into()
    }

    /// The token in the terms of the boot clock.
    pub(super) fn into_token(self, now: Now) -> Token {
        let expires = now.boot_at(self.expires_at.min(now.wall + LONGEST_LIFE));
        let usual = if self.renewal.is_some() { USUAL_LIFETIME } else { Duration::ZERO };
        let renewal = self.renewal.map(|mut renewal| {
            let expires_at = &mut renewal.registration.expires_at;
            *expires_at = expires_at.map(|at| at.min(now.wall + LONGEST_LIFE));
            renewal
        });
        Token {
            access: Arc::new(AccessToken {
                value: self.access_token,
                token_type: "Bearer".to_owned(),
                issuer: self.issuer,
            }),
            received: now.boot,
            expires,
            lifetime: expires.since(now.boot).max(usual),
            renewal,
            capped: false,
            found_in: Some(self.file),
        }
    }
}

/// Compares a token that was found with ours: the table in the module's documentation.
pub(super) fn compare(ours: Option<&Token>, found: &Token, now: BootTime) -> Reception {
    let is_refreshable = |token: &Token| token.renewal.is_some();
    let is_worthless = |token: &Token| !token.is_live(now) && !is_refreshable(token);
    let Some(ours) = ours.filter(|ours| !is_worthless(ours)) else {
        return if is_worthless(found) { Reception::Worthless } else { Reception::TakenOver };
    };
    if ours.access.value == found.access.value {
        return if is_refreshable(found) && !is_refreshable(ours) { Reception::TakenOver } else { Reception::Known };
    }
    let is_better = match (is_refreshable(ours), is_refreshable(found)) {
        _ if is_worthless(found) => return Reception::Worthless,
        (true, false) => false,
        (false, true) if found.is_live(now) => true,
        _ => found.expires > ours.expires,
    };
    if is_better { Reception::TakenOver } else { Reception::OursIsBetter }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::Registration;

    const NOW: BootTime = BootTime::from_boot(Duration::from_secs(1_000_000));
    const HOUR: Duration = Duration::from_secs(3600);

    fn renewal() -> Renewal {
        let registration = Registration {
            client_id: "id".into(),
            client_secret: "cs".into(),
            issued_at: SystemTime::UNIX_EPOCH,
            issuer: Issuer::aws("eu-west-1"),
            resolved: None,
            expires_at: None,
        };
        Renewal { refresh_token: "rt".into(), registration }
    }

    /// A token that ends that many hours from now, written as `a+1r`: access token `a`, one hour, refreshable.
    fn token(text: &str) -> Token {
        let (text, refreshable) = text.strip_suffix('r').map_or((text, false), |text| (text, true));
        let (value, hours) = text.split_at(1);
        let hours: i32 = hours.parse().unwrap();
        let distance = HOUR * hours.unsigned_abs();
        Token {
            access: Arc::new(AccessToken {
                value: value.into(),
                token_type: "Bearer".into(),
                issuer: Issuer::aws("eu-west-1"),
            }),
            received: NOW - HOUR,
            expires: if hours < 0 { NOW - distance } else { NOW + distance },
            lifetime: HOUR,
            renewal: refreshable.then(renewal),
            capped: false,
            found_in: None,
        }
    }

    #[test]
    fn a_refreshable_token_is_kept_and_otherwise_the_later_end_counts() {
        use Reception::{Known, OursIsBetter, TakenOver, Worthless};
        for (ours, found, expected) in [
            ("", "b+1", TakenOver),
            ("", "b+1r", TakenOver),
            ("", "b-1r", TakenOver),
            ("", "b-1", Worthless),
            ("a-2", "b-1", Worthless),
            ("a-2", "b+1", TakenOver),
            ("a-2", "b-1r", TakenOver),
            ("a+1r", "b-1", Worthless),
            ("a+1r", "a+1r", Known),
            ("a+1", "a+1", Known),
            ("a+1r", "a+1", Known),
            ("a+1", "a+1r", TakenOver),
            ("a+1r", "b+8", OursIsBetter),
            ("a-1r", "b+8", OursIsBetter),
            ("a+8", "b+1r", TakenOver),
            ("a+8", "b-1r", OursIsBetter),
            ("a+1r", "b+2r", TakenOver),
            ("a+2r", "b+1r", OursIsBetter),
            ("a+1r", "b+1r", OursIsBetter),
            ("a-2r", "b-1r", TakenOver),
            ("a+1", "b+2", TakenOver),
            ("a+2", "b+1", OursIsBetter),
        ] {
            let ours_token = (!ours.is_empty()).then(|| token(ours));
            assert_eq!(compare(ours_token.as_ref(), &token(found), NOW), expected, "{ours:?} {found}");
        }
    }

    #[test]
    fn a_token_that_is_refreshable_is_taken_to_have_lived_an_hour() {
        let now = Now { boot: NOW, wall: SystemTime::UNIX_EPOCH + HOUR };
        let found = |minutes: u64, renewal| Found {
            access_token: "a".into(),
            expires_at: now.wall + Duration::from_secs(60 * minutes),
            renewal,
            issuer: Issuer::aws("eu-west-1"),
            file: Path::new("/cache/a.json").into(),
            proof: Proof::Given,
        };
        let lifetime = |found: Found| found.into_token(now).lifetime;
        assert_eq!(lifetime(found(10, Some(renewal()))), HOUR);
        assert_eq!(lifetime(found(10, None)), HOUR / 6);
        assert_eq!(lifetime(found(480, None)), 8 * HOUR);
    }

    #[test]
    fn no_life_beyond_ninety_days_is_believed() {
        let now = Now { boot: NOW, wall: SystemTime::UNIX_EPOCH + HOUR };
        let day = 24 * HOUR;
        let mut renewal = renewal();
        renewal.registration.expires_at = Some(now.wall + 2_911_748 * day);
        for (days, believed) in [(89, 89), (90, 90), (91, 90), (2_911_748, 90)] {
            let found = Found {
                access_token: "a".into(),
                expires_at: now.wall + days * day,
                renewal: Some(renewal.clone()),
                issuer: Issuer::aws("eu-west-1"),
                file: Path::new("/cache/a.json").into(),
                proof: Proof::Given,
            };
            let token = found.into_token(now);
            assert_eq!((token.remaining(now.boot), token.lifetime), (believed * day, believed * day), "{days} days");
            let registration = token.renewal.unwrap().registration;
            assert_eq!(registration.expires_at, Some(now.wall + 90 * day));
        }
    }
}
