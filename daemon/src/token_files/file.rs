//! The token files of the AWS CLI and SDKs: their names and their members. Pure.
//!
//! A file is a JSON object in `~/.aws/sso/cache`, named after the SHA-1 of a session's name, or of a legacy profile's start
//! URL as written. Its members are those that the AWS SDKs and Tools Reference Guide lists; others are kept as they are.
//! Times are read as botocore reads them, with any offset from UTC, with fractions, and with `UTC` or `GMT` for `Z`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use ssoctl_protocol::{Secret, Timestamp};

use crate::issuer::Issuer;
use crate::session::found::{Found, Proof};
use crate::token::{Registration, Renewal};

/// The lifetime of registrations (observed). The file has only their end.
const REGISTRATION_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// The name of the file for this key: a session's name, or a start URL as written.
pub fn name(key: &str) -> String {
    format!("{}.json", hex(&Sha1::digest(key)))
}

/// The members of a file. Those with which a token could be renewed are never written.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    pub(super) start_url: Option<String>,
    pub(super) region: Option<String>,
    #[serde(serialize_with = "expose")]
    access_token: Option<Secret<String>>,
    expires_at: Option<String>,
    #[serde(skip_serializing)]
    refresh_token: Option<Secret<String>>,
    #[serde(skip_serializing)]
    client_id: Option<String>,
    #[serde(skip_serializing)]
    client_secret: Option<Secret<String>>,
    #[serde(skip_serializing)]
    registration_expires_at: Option<String>,
    /// The [`mark`] by which we know a file that we have published.
    #[serde(rename = "publishedBySsoctl")]
    mark: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

fn expose<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

#[derive(PartialEq, Debug)]
pub enum Content {
    Absent,
    /// Not an object with members of the right kinds: perhaps a program is just writing it.
    Garbled,
    Members(Box<Members>),
}

/// The kind of sign-in that a file holds.
#[derive(PartialEq, Debug)]
#[allow(clippy::large_enum_variant, reason = "made once for a file that was read, and taken apart at once")]
pub enum Holding {
    Nothing,
    /// One that we have published.
    Published,
    /// One that another program has put there.
    Foreign(Found),
    /// One that cannot be understood, and so must not be lost.
    Unreadable(&'static str),
}

pub struct Publication<'a> {
    /// As the file's readers know it.
    pub start_url: &'a str,
    pub region: &'a str,
    pub access_token: &'a Secret<String>,
    /// By the service's clock.
    pub expires_at: Timestamp,
}

impl Content {
    /// Reads a file; `None` if there is none.
    pub fn parse(bytes: Option<&[u8]>) -> Self {
        match bytes.map(serde_json::from_slice) {
            None => Self::Absent,
            Some(Ok(members)) => Self::Members(Box::new(members)),
            Some(Err(_)) => Self::Garbled,
        }
    }

    pub(super) fn parse_secret(bytes: Option<&Secret<Vec<u8>>>) -> Self {
        Self::parse(bytes.map(|bytes| bytes.expose().as_slice()))
    }

    pub(super) fn is_published(&self) -> bool {
        matches!(self, Self::Members(members) if members.is_published())
    }

    pub(super) fn holds(&self, access_token: &Secret<String>) -> bool {
        matches!(self, Self::Members(members) if members.access_token.as_ref() == Some(access_token))
    }
}

impl Members {
    /// The kind of sign-in in this `file`. A sign-in of another program counts as one at `issuer`, and is not proved.
    pub fn holding(&self, issuer: &Issuer, file: &Path) -> Holding {
        let Some(access_token) = &self.access_token else {
            return if self.refresh_token.is_some() {
                Holding::Unreadable("it has no accessToken")
            } else {
                Holding::Nothing
            };
        };
        if self.is_published() {
            return Holding::Published;
        }
        if !self.has_fitting_secrets() {
            return Holding::Unreadable("what it holds has characters that no token and no registration has");
        }
        let Some(expires_at) = self.expires_at.as_deref().and_then(time) else {
            return Holding::Unreadable("its expiresAt is not a time");
        };
        Holding::Foreign(Found {
            access_token: access_token.clone(),
            expires_at,
            renewal: self.renewal(issuer),
            issuer: issuer.clone(),
            file: file.into(),
            proof: Proof::Missing,
        })
    }

    /// Whether what goes to the service consists of visible ASCII characters (RFC 6749, appendix A; of what a header may hold
    /// the blanks are missing). Whoever prints a token must not have a terminal obey it.
    fn has_fitting_secrets(&self) -> bool {
        let fits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let secrets = [&self.access_token, &self.refresh_token, &self.client_secret];
        secrets.into_iter().flatten().all(|secret| fits(secret.expose())) && self.client_id.as_deref().is_none_or(fits)
    }

    pub fn is_published(&self) -> bool {
        let is_marked = |token| self.mark.as_ref() == Some(&mark(token));
        self.refresh_token.is_none() && self.access_token.as_ref().is_some_and(is_marked)
    }

    /// A refresh token can be used only with the whole registration that it was issued to.
    fn renewal(&self, issuer: &Issuer) -> Option<Renewal> {
        let expires_at = self.registration_expires_at.as_deref().and_then(time);
        Some(Renewal {
            refresh_token: self.refresh_token.clone()?,
            registration: Registration {
                client_id: self.client_id.clone()?,
                client_secret: self.client_secret.clone()?,
                issued_at: expires_at
                    .and_then(|expires_at| expires_at.checked_sub(REGISTRATION_LIFETIME))
                    .unwrap_or(SystemTime::UNIX_EPOCH),
                issuer: issuer.clone(),
                resolved: None,
                expires_at,
            },
        })
    }

    /// Whether it has a secret with which a token could be renewed.
    pub const fn has_secrets(&self) -> bool {
        self.refresh_token.is_some() || self.client_secret.is_some()
    }

    /// Whether it says all of this. Times may differ by two seconds, as clocks are read one after the other.
    pub fn says(&self, publication: &Publication<'_>) -> bool {
        let expires_at = self.expires_at.as_deref().and_then(time).map(Timestamp::from);
        self.start_url.as_deref() == Some(publication.start_url)
            && self.region.as_deref() == Some(publication.region)
            && self.access_token.as_ref() == Some(publication.access_token)
            && expires_at.is_some_and(|at| at.as_unix().abs_diff(publication.expires_at.as_unix()) <= 2)
    }

    /// The file's text with this publication in it.
    pub fn publish(mut self, publication: &Publication<'_>) -> Secret<Vec<u8>> {
        self.start_url = Some(publication.start_url.to_owned());
        self.region = Some(publication.region.to_owned());
        self.access_token = Some(publication.access_token.clone());
        self.expires_at = Some(publication.expires_at.to_string());
        self.mark = Some(mark(publication.access_token));
        let mut text = Vec::with_capacity(4096);
        // Strings and values that came from JSON cannot fail to become JSON again.
        let _ = serde_json::to_writer_pretty(&mut text, &self);
        text.push(b'\n');
        Secret::new(text)
    }
}

/// The mark of a file that we have published. It belongs to one token: another program that puts its own token there may keep
/// members that it does not know.
fn mark(access_token: &Secret<String>) -> String {
    hex(&Sha256::new().chain_update("published by ssoctl\0").chain_update(access_token.expose()).finalize())
}

/// A time with an offset. Without one, botocore cannot compare it with now either.
fn time(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let of_utc = ["UTC", "GMT"].into_iter().find_map(|name| text.strip_suffix(name));
    let time: Result<jiff::Timestamp, _> = match of_utc {
        Some(local) => format!("{}Z", local.trim_end()).parse(),
        None => text.parse(),
    };
    match time {
        Ok(time) => SystemTime::UNIX_EPOCH.checked_add(time.as_duration().try_into().ok()?),
        // The last day of the year 9999, which means never, is out of jiff's range.
        Err(_) => text.parse::<Timestamp>().ok().map(SystemTime::from),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
