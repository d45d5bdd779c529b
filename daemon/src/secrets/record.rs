//! The record of one session, as bytes. Pure.
//!
//! JSON with a version: a registration, the token, and with the refresh token the registration that it belongs to. Times are
//! seconds since the epoch by the service's clock as far as it is known, because a boot clock means nothing after a reboot, and
//! the machine's wall clock may be wrong. A device code is never stored: it "should come from an in-memory reference", says the
//! service's model.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use ssoctl_protocol::{Secret, secret};

use crate::clock::Now;
use crate::config::Identity;
use crate::issuer::Issuer;
use crate::token::{AccessToken, Record, Registration, Renewal, Token};

/// The version that this build writes, and the only one that it reads.
const VERSION: u32 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotARecord {
    /// Torn or foreign. The error of the parser is left out, as it could quote a secret.
    #[error("the stored record is damaged")]
    Damaged,
    #[error("the stored record has version {0}, which only another ssoctld can read")]
    OfAnotherVersion(u32),
}

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    version: u32,
    /// Tells which of two records is newer. Absent in records of earlier builds.
    #[serde(default)]
    written_at: u64,
    #[serde(flatten)]
    owner: Owner,
    registration: Option<StoredRegistration>,
    token: Option<StoredToken>,
    #[serde(default)]
    portal_caps: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owner {
    #[serde(flatten)]
    pub identity: Identity,
    /// The base address of its portal when the record was written; `None` if its endpoints could not be used.
    pub portal: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredRegistration {
    /// `None` is the issuer of the identity.
    #[serde(default)]
    issuer: Option<Issuer>,
    #[serde(default)]
    resolved: Option<String>,
    client_id: String,
    #[serde(serialize_with = "secret::expose")]
    client_secret: Secret<String>,
    issued_at: u64,
    expires_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct StoredToken {
    /// `None` is the issuer of the identity.
    #[serde(default)]
    issuer: Option<Issuer>,
    #[serde(serialize_with = "secret::expose")]
    access_token: Secret<String>,
    token_type: String,
    received_at: u64,
    expires_at: u64,
    lifetime_seconds: u64,
    capped: bool,
    #[serde(default)]
    found_in: Option<String>,
    renewal: Option<StoredRenewal>,
}

#[derive(Serialize, Deserialize)]
struct StoredRenewal {
    #[serde(serialize_with = "secret::expose")]
    refresh_token: Secret<String>,
    registration: StoredRegistration,
}

pub fn encode(owner: &Owner, kept: &Record, now: Now) -> Secret<Vec<u8>> {
    let record = StoredRecord {
        version: VERSION,
        written_at: seconds(now.wall),
        owner: owner.clone(),
        registration: kept.registration.as_ref().map(StoredRegistration::from),
        token: kept.token.as_ref().map(|token| StoredToken {
            issuer: Some(token.access.issuer.clone()),
            access_token: token.access.value.clone(),
            token_type: token.access.token_type.clone(),
            received_at: seconds(now.wall_at(token.received)),
            expires_at: seconds(now.wall_at(token.expires)),
            lifetime_seconds: token.lifetime.as_secs(),
            capped: token.capped,
            found_in: token.found_in.as_ref().map(|file| file.to_string_lossy().into_owned()),
            renewal: token.renewal.as_ref().map(|renewal| StoredRenewal {
                refresh_token: renewal.refresh_token.clone(),
                registration: StoredRegistration::from(&renewal.registration),
            }),
        }),
        portal_caps: kept.portal_caps,
    };
    // A struct of strings and numbers cannot fail to become JSON.
    Secret::new(serde_json::to_vec_pretty(&record).unwrap_or_default())
}

/// Reads the members of a record that `T` has, if this build knows its version.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, NotARecord> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    match serde_json::from_slice(bytes) {
        Ok(Versioned { version: VERSION }) => serde_json::from_slice(bytes).map_err(|_| NotARecord::Damaged),
        Ok(Versioned { version }) => Err(NotARecord::OfAnotherVersion(version)),
        Err(_) => Err(NotARecord::Damaged),
    }
}

/// Reads a record. Its times are read by the wall clock of `now`, even if that is wrong: only a session that knows the service's
/// clock can correct them.
pub fn decode(bytes: &[u8], now: Now) -> Result<Record, NotARecord> {
    let record: StoredRecord = read(bytes)?;
    let usual = record.owner.identity.issuer;
    let registration = record.registration.map(|registration| registration.of(usual.as_ref())).transpose()?;
    let token = record.token.map(|token| token.of(usual.as_ref(), now)).transpose()?;
    Ok(Record { portal_caps: record.portal_caps, registration, token })
}

pub fn owner(bytes: &[u8]) -> Result<Owner, NotARecord> {
    read(bytes)
}

/// The time at which a record was written, in seconds since the epoch; 0 if that is not known.
pub fn written_at(bytes: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Written {
        #[serde(default)]
        written_at: u64,
    }
    serde_json::from_slice(bytes).map_or(0, |written: Written| written.written_at)
}

impl From<&Registration> for StoredRegistration {
    fn from(registration: &Registration) -> Self {
        Self {
            issuer: Some(registration.issuer.clone()),
            resolved: registration.resolved.as_deref().map(str::to_owned),
            client_id: registration.client_id.clone(),
            client_secret: registration.client_secret.clone(),
            issued_at: seconds(registration.issued_at),
            expires_at: registration.expires_at.map(seconds),
        }
    }
}

impl StoredRegistration {
    /// `usual` is the issuer of the identity.
    fn of(self, usual: Option<&Issuer>) -> Result<Registration, NotARecord> {
        Ok(Registration {
            client_id: self.client_id,
            client_secret: self.client_secret,
            issued_at: time(self.issued_at),
            issuer: issuer(self.issuer, usual)?,
            resolved: self.resolved.map(Arc::from),
            expires_at: self.expires_at.map(time),
        })
    }
}

impl StoredToken {
    /// `usual` is the issuer of the identity.
    fn of(self, usual: Option<&Issuer>, now: Now) -> Result<Token, NotARecord> {
        let renewal = self.renewal.map(|StoredRenewal { refresh_token, registration }| {
            Ok(Renewal { refresh_token, registration: registration.of(usual)? })
        });
        Ok(Token {
            access: Arc::new(AccessToken {
                value: self.access_token,
                token_type: self.token_type,
                issuer: issuer(self.issuer, usual)?,
            }),
            received: now.boot_at(time(self.received_at)),
            expires: now.boot_at(time(self.expires_at)),
            lifetime: Duration::from_secs(self.lifetime_seconds),
            renewal: renewal.transpose()?,
            capped: self.capped,
            found_in: self.found_in.map(|file| Path::new(&file).into()),
        })
    }
}

/// A secret without an issuer cannot be sent anywhere.
fn issuer(stored: Option<Issuer>, usual: Option<&Issuer>) -> Result<Issuer, NotARecord> {
    stored.or_else(|| usual.cloned()).ok_or(NotARecord::Damaged)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::BootTime;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now(boot: Duration, wall: u64) -> Now {
        Now { boot: BootTime::from_boot(boot), wall: time(wall) }
    }

    fn owner_of_records() -> Owner {
        let scopes = ["sso:account:access".to_owned()];
        let identity =
            Identity::new(Some("corp"), "https://corp.awsapps.com/start", Some("eu-west-1"), &scopes).unwrap();
        Owner { identity, portal: Some("https://portal.sso.eu-west-1.amazonaws.com/".to_owned()) }
    }

    fn kept(at: Now) -> Record {
        let registration = Registration {
            client_id: "id".into(),
            client_secret: "cs".into(),
            issued_at: at.wall,
            issuer: Issuer::aws("eu-west-1"),
            resolved: None,
            expires_at: Some(at.wall + 90 * 24 * HOUR),
        };
        Record {
            registration: Some(registration.clone()),
            token: Some(Token {
                access: Arc::new(AccessToken {
                    value: "at".into(),
                    token_type: "Bearer".into(),
                    issuer: Issuer::aws("eu-west-1"),
                }),
                received: at.boot,
                expires: at.boot + HOUR,
                lifetime: HOUR,
                renewal: Some(Renewal { refresh_token: "rt".into(), registration }),
                capped: false,
                found_in: Some(Path::new("/cache/a.json").into()),
            }),
            portal_caps: true,
        }
    }

    #[test]
    fn a_record_read_after_a_reboot_means_the_same_points_in_time() {
        let before = now(50 * HOUR, 1_800_000_000);
        let bytes = encode(&owner_of_records(), &kept(before), before);
        let after = now(Duration::from_secs(60), 1_800_000_600);
        let token = decode(bytes.expose(), after).unwrap().token.unwrap();
        assert_eq!(token.remaining(after.boot), HOUR - Duration::from_secs(600));
        assert_eq!(owner(bytes.expose()), Ok(owner_of_records()));
        let same = decode(bytes.expose(), before).unwrap();
        assert_eq!(same, kept(before));
    }

    #[test]
    fn times_after_a_clock_was_set_back_are_read_unchanged() {
        let before = now(50 * HOUR, 1_800_000_000);
        let bytes = encode(&owner_of_records(), &kept(before), before);
        let yesterday = now(50 * HOUR, 1_800_000_000 - 86_400);
        let token = decode(bytes.expose(), yesterday).unwrap().token.unwrap();
        assert_eq!(token.remaining(yesterday.boot), 25 * HOUR);
        assert_eq!(token.received.since(yesterday.boot), 24 * HOUR);
    }

    #[test]
    fn every_torn_record_is_recognised_and_a_newer_one_is_distinguished() {
        let at = now(50 * HOUR, 1_800_000_000);
        let bytes = encode(&owner_of_records(), &kept(at), at);
        for length in 0..bytes.expose().len() {
            assert_eq!(decode(&bytes.expose()[..length], at), Err(NotARecord::Damaged), "{length} bytes");
        }
        for version in [1, 3] {
            let text = format!(r#"{{"version":{version},"everything":"else"}}"#);
            assert_eq!(decode(text.as_bytes(), at), Err(NotARecord::OfAnotherVersion(version)));
            assert_eq!(owner(text.as_bytes()), Err(NotARecord::OfAnotherVersion(version)));
        }
    }

    #[test]
    fn members_that_a_later_version_adds_are_tolerated_within_the_version() {
        let at = now(50 * HOUR, 1_800_000_000);
        let text =
            br#"{"version":2,"name":null,"start_url":"u","region":"r","scopes":[],"issuer":"aws:r","registration":null,"token":null,"more":1}"#;
        assert_eq!(decode(text, at), Ok(Record::default()));
    }

    #[test]
    fn each_secret_has_the_issuer_that_it_was_stored_with_or_else_that_of_the_identity() {
        let at = now(50 * HOUR, 1_800_000_000);
        let identity = Identity::new(Some("corp"), "https://sso.corp.example", None, &[]).unwrap();
        let owner = Owner { identity, portal: None };
        let mut record = kept(at);
        let registration = record.registration.as_mut().expect("a registration");
        registration.issuer = Issuer::aws("us-east-1");
        registration.resolved = Some("https://ssoins-1.portal.us-east-1.app.aws".into());
        let bytes = encode(&owner, &record, at);
        assert_eq!(
            decode(bytes.expose(), at).as_ref(),
            Ok(&record),
            "the sign-in in one region, the next one in another"
        );

        let without = |owner: &Owner| {
            let bytes = encode(owner, &kept(at), at);
            let mut text: serde_json::Value = serde_json::from_slice(bytes.expose()).unwrap();
            for pointer in ["/registration", "/token", "/token/renewal/registration"] {
                text.pointer_mut(pointer).and_then(|it| it.as_object_mut()).expect(pointer).remove("issuer");
            }
            decode(text.to_string().as_bytes(), at)
        };
        assert_eq!(without(&owner_of_records()), Ok(kept(at)), "a record of an earlier version");
        assert_eq!(without(&owner), Err(NotARecord::Damaged), "nobody knows where these secrets may be sent");
    }

    #[test]
    fn of_two_records_it_can_be_told_which_one_is_newer() {
        let at = |wall| now(50 * HOUR, wall);
        let written = |wall| written_at(encode(&owner_of_records(), &kept(at(wall)), at(wall)).expose());
        assert_eq!((written(1_800_000_000), written(1_800_000_001)), (1_800_000_000, 1_800_000_001));
        assert_eq!((written_at(br#"{"version":2}"#), written_at(b"torn")), (0, 0));
    }
}
