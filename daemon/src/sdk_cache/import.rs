//! Taking over, when asked to, what the cache directory holds: also for sessions that do not share their tokens. Nothing is
//! written here; a session's keeper does that, if it has one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::disk::{self, DiskError};
use super::file::{self, Content, Holding};
use super::keeper::{Hands, blocking};
use super::step;
use crate::clock::Clock;
use crate::config;
use crate::issuer::Issuer;
use crate::session::ask::Answer;
use crate::session::found::Reception;
use crate::session::policy::LOAD_PATIENCE;
use crate::session::registry::{Entry, View};

/// A directory with more files than this is no cache.
const MOST_FILES: usize = 1000;

/// One file, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The file.
    pub path: PathBuf,
    /// The session that it belongs to by its name.
    pub session: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The session was offered what is in it.
    Offered {
        /// What the session made of it.
        reception: Reception,
        /// Whether the file keeps what a token can be renewed with, so that others may use it up.
        keeps_secrets: bool,
    },
    /// It holds what we have published ourselves.
    Published,
    /// It belongs to another portal than its session.
    OtherPortal,
    /// It holds a token, and no session has its name.
    NoSession,
    /// It holds no token: a client registration, or something else altogether.
    NoToken,
    /// It cannot be read, or not be understood.
    Unreadable(String),
}

/// Looks at every file of the directory.
///
/// # Errors
/// Why the directory cannot be read. One that is missing holds nothing.
pub(super) async fn import(place: &Path, directory: &View, clock: &dyn Clock) -> Result<Vec<Imported>, String> {
    let sessions: BTreeMap<OsString, &Entry> = directory
        .entries()
        .iter()
        .rev()
        .flat_map(|entry| entry.config.cache_keys.iter().map(move |key| (file::name(key).into(), entry)))
        .collect();
    let listed = place.to_owned();
    let paths = blocking(&Hands::default(), move || list(&listed)).await.map_err(|error| error.0)?;
    let mut imported = Vec::with_capacity(paths.len());
    for path in paths {
        let entry = path.file_name().and_then(|name| sessions.get(name)).copied();
        let outcome = look_at(path.clone(), entry, clock).await;
        let session = entry.map(|entry| entry.config.name.clone());
        tracing::info!(session, file = %path.display(), outcome = outcome.as_str(), "looked at a token file");
        imported.push(Imported { path, session, outcome });
    }
    Ok(imported)
}

impl Outcome {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Offered { reception, .. } => reception.as_str(),
            Self::Published => "published by ourselves",
            Self::OtherPortal => "of another portal",
            Self::NoSession => "of no session",
            Self::NoToken => "no token",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

pub(super) fn list(place: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let failed = |error: std::io::Error| DiskError(format!("failed to read {}: {error}", place.display()));
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries.take(MOST_FILES) {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

async fn look_at(path: PathBuf, entry: Option<&Entry>, clock: &dyn Clock) -> Outcome {
    let content = blocking(&Hands::default(), move || disk::read(&path))
        .await
        .map(|reading| Content::parse_secret(reading.bytes.as_ref()));
    let members = match (content, entry) {
        (Ok(Content::Members(members)), _) => members,
        (Ok(Content::Absent), _) | (_, None) => return Outcome::NoToken,
        (Ok(Content::Garbled), Some(_)) => return Outcome::Unreadable("it is not a whole token file".to_owned()),
        (Err(error), Some(_)) => return Outcome::Unreadable(error.0),
    };
    let Some(entry) = entry else {
        return match members.holding(&Issuer::aws("")) {
            Holding::Nothing => Outcome::NoToken,
            Holding::Published => Outcome::Published,
            Holding::Foreign(_) | Holding::Unreadable(_) => Outcome::NoSession,
        };
    };
    match (members.holding(&entry.config.identity.issuer), entry) {
        (Holding::Nothing, _) => Outcome::NoToken,
        (Holding::Published, _) => Outcome::Published,
        (Holding::Unreadable(why), _) => Outcome::Unreadable(why.to_owned()),
        (Holding::Foreign(_), entry) if !step::is_of(&members, &entry.config.identity) => Outcome::OtherPortal,
        (Holding::Foreign(found), entry) => {
            // A daemon that was started for this has not read its own record yet.
            let mut snapshots = entry.session.snapshots();
            let patience = clock.now().boot + LOAD_PATIENCE;
            tokio::select! {
                _ = snapshots.wait_for(|snapshot| !snapshot.loading) => {}
                () = clock.sleep_until(patience) => {}
            }
            let reception = match entry.session.offer(found).await {
                Answer::Found(reception) => reception,
                _ => Reception::NotNow,
            };
            let keeps_secrets = entry.config.sdk_cache == config::SdkCache::Off && members.has_secrets();
            Outcome::Offered { reception, keeps_secrets }
        }
    }
}
