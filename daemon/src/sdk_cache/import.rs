//! Taking over, when asked to, what the cache directory holds: also for sessions that do not share their tokens. Nothing is
//! written here; a session's keeper does that, if it has one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::disk::{self, DiskError};
use super::file::{self, Content, Holding};
use super::keeper::{Hands, blocking};
use super::proof::{self, Verdict};
use super::step;
use crate::config;
use crate::directory::{Entry, View};
use crate::issuer::Issuer;
use crate::session::policy::LOAD_PATIENCE;
use crate::world::World;

/// A directory with more files than this is no cache.
const MOST_FILES: usize = 1000;

/// How long the issuers of what was found may take together to say whether they know it: whoever imports waits for them.
const PROOF_PATIENCE: Duration = Duration::from_secs(10);

/// What was seen in a file.
enum Look {
    /// All that there is to be done.
    Done(Outcome),
    /// A sign-in that is being proved and offered.
    Offered { offering: JoinHandle<Verdict>, keeps_secrets: bool },
}

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
        /// What its issuer and the session made of it.
        verdict: Verdict,
        /// Whether the file keeps what a token can be renewed with, so that others may use it up.
        keeps_secrets: bool,
    },
    /// It holds what we have published ourselves.
    Published,
    /// It belongs to another portal than its session, or to another issuer. Why, for people, if that is not plain.
    OtherPortal(Option<String>),
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
pub(super) async fn import(place: &Path, directory: &View, world: &World) -> Result<Vec<Imported>, String> {
    let sessions: BTreeMap<OsString, &Entry> = directory
        .entries()
        .iter()
        .rev()
        .flat_map(|entry| entry.config.cache_keys.iter().map(move |key| (file::name(key).into(), entry)))
        .collect();
    let listed = place.to_owned();
    let paths = blocking(&Hands::default(), move || list(&listed)).await.map_err(|error| error.0)?;
    let mut looked_at = Vec::with_capacity(paths.len());
    for path in paths {
        let entry = path.file_name().and_then(|name| sessions.get(name)).copied();
        looked_at.push((look_at(&path, entry, world).await, path, entry));
    }
    let deadline = world.clock.now().boot + PROOF_PATIENCE;
    let mut imported = Vec::with_capacity(looked_at.len());
    for (look, path, entry) in looked_at {
        let outcome = match look {
            Look::Done(outcome) => outcome,
            Look::Offered { mut offering, keeps_secrets } => {
                let verdict = tokio::select! {
                    verdict = &mut offering => verdict.ok(),
                    () = world.clock.sleep_until(deadline) => None,
                };
                let verdict = verdict
                    .unwrap_or_else(|| Verdict::Unproved("its issuer has not answered yet; it still may".to_owned()));
                Outcome::Offered { verdict, keeps_secrets }
            }
        };
        let session = entry.map(|entry| entry.config.name.clone());
        tracing::info!(session, file = %path.display(), outcome = outcome.as_str(), "looked at a token file");
        imported.push(Imported { path, session, outcome });
    }
    Ok(imported)
}

impl Outcome {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Offered { verdict, .. } => verdict.as_str(),
            Self::Published => "published by ourselves",
            Self::OtherPortal(_) => "of another portal",
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

async fn look_at(path: &Path, entry: Option<&Entry>, world: &World) -> Look {
    let read = path.to_owned();
    let content = blocking(&Hands::default(), move || disk::read(&read))
        .await
        .map(|reading| Content::parse_secret(reading.bytes.as_ref()));
    let members = match (content, entry) {
        (Ok(Content::Members(members)), _) => members,
        (Ok(Content::Absent), _) | (_, None) => return Look::Done(Outcome::NoToken),
        (Ok(Content::Garbled), Some(_)) => {
            return Look::Done(Outcome::Unreadable("it is not a whole token file".to_owned()));
        }
        (Err(error), Some(_)) => return Look::Done(Outcome::Unreadable(error.0)),
    };
    let issuer = entry.map_or_else(|| Issuer::aws(""), |entry| entry.config.identity.issuer.clone());
    let found = match members.holding(&issuer, path) {
        Holding::Nothing => return Look::Done(Outcome::NoToken),
        Holding::Published => return Look::Done(Outcome::Published),
        Holding::Unreadable(why) if entry.is_some() => return Look::Done(Outcome::Unreadable(why.to_owned())),
        Holding::Unreadable(_) => return Look::Done(Outcome::NoSession),
        Holding::Foreign(found) => found,
    };
    let Some(entry) = entry.cloned() else { return Look::Done(Outcome::NoSession) };
    if !step::is_of(&members, &entry.config.identity) {
        return Look::Done(Outcome::OtherPortal(None));
    }
    if entry.config.token_files_issuer.as_ref() != Some(&entry.config.identity.issuer) {
        return Look::Done(Outcome::OtherPortal(Some(step::OTHER_ISSUER.to_owned())));
    }
    let keeps_secrets = entry.config.sdk_cache == config::SdkCache::Off && members.has_secrets();
    let world = world.clone();
    let offering = tokio::spawn(async move {
        // A daemon that was started for this has not read its own record yet.
        let mut snapshots = entry.session.snapshots();
        let patience = world.clock.now().boot + LOAD_PATIENCE;
        tokio::select! {
            _ = snapshots.wait_for(|snapshot| !snapshot.loading) => {}
            () = world.clock.sleep_until(patience) => {}
        }
        proof::offer(&entry, found, &world).await
    });
    Look::Offered { offering, keeps_secrets }
}
