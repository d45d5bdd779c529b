//! Takes over the sign-ins in token files, when the person asks: also for sessions that do not share their tokens. Nothing is
//! written here; a session's keeper does that, if it has one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use ssoctl_protocol::import::{ImportOutcome, ImportedFile};
use tokio::task::JoinHandle;

use super::disk::{self, Work};
use super::file::{self, Content, Holding};
use super::proof::{self, ProofVerdict};
use super::{is_shared, step};
use crate::directory::{Entry, View};
use crate::issuer::Issuer;
use crate::session::found::Reception;
use crate::session::policy::LOAD_PATIENCE;
use crate::world::World;

/// The longest time for all proofs together: the person waits for them.
const PROOF_PATIENCE: Duration = Duration::from_secs(10);

/// The result for a file, and its explanation for people.
type FileOutcome = (ImportOutcome, Option<String>);

struct Offering {
    verdict: JoinHandle<ProofVerdict>,
    /// Whether the file keeps secrets with which another program could renew the token, and use them up.
    keeps_secrets: bool,
}

/// Reads every file of the directory. A directory that is missing holds nothing.
pub(super) async fn import(place: &Path, directory: &View, world: &World) -> Result<Vec<ImportedFile>, String> {
    // If several sessions have a name, the first counts.
    let sessions: BTreeMap<OsString, &Entry> = directory
        .entries()
        .iter()
        .rev()
        .flat_map(|entry| entry.config.cache_keys.iter().map(move |key| (file::name(key).into(), entry)))
        .collect();
    let listed = place.to_owned();
    let paths = Work::default().run(move || disk::list(&listed)).await?;
    let mut begun = Vec::with_capacity(paths.len());
    for path in paths {
        let entry = path.file_name().and_then(|name| sessions.get(name)).copied();
        begun.push((begin(&path, entry, world).await, path, entry));
    }
    let deadline = world.clock.now().boot + PROOF_PATIENCE;
    let mut imported = Vec::with_capacity(begun.len());
    for (begun, path, entry) in begun {
        let (outcome, detail) = match begun {
            Err(outcome) => outcome,
            Ok(Offering { verdict, keeps_secrets }) => {
                let verdict = world.clock.before(deadline, verdict).await.and_then(Result::ok);
                let late = || ProofVerdict::Unproved("its issuer has not answered yet; it still may".to_owned());
                offered(verdict.unwrap_or_else(late), keeps_secrets)
            }
        };
        let (session, file) = (entry.map(|entry| entry.config.name.clone()), path.display().to_string());
        tracing::info!(session, file, ?outcome, "read a token file");
        imported.push(ImportedFile { file, session, outcome, detail });
    }
    Ok(imported)
}

fn offered(verdict: ProofVerdict, keeps_secrets: bool) -> FileOutcome {
    let outcome = match verdict {
        ProofVerdict::Refused(why) => return (ImportOutcome::Refused, Some(why)),
        ProofVerdict::Unproved(why) => return (ImportOutcome::NotProved, Some(why)),
        ProofVerdict::Received(Reception::TakenOver) => {
            let warning = "the file keeps its refresh token, which other programs may use up; sdk_cache = \"on\" \
                           prevents that";
            return (ImportOutcome::TakenOver, keeps_secrets.then(|| warning.to_owned()));
        }
        ProofVerdict::Received(Reception::Known) => ImportOutcome::Known,
        ProofVerdict::Received(Reception::OursIsBetter) => ImportOutcome::OursIsBetter,
        ProofVerdict::Received(Reception::Worthless) => ImportOutcome::Expired,
        ProofVerdict::Received(Reception::NotNow | Reception::ToBeProved) => ImportOutcome::NotNow,
    };
    (outcome, None)
}

/// Reads a file and begins to offer its sign-in; the error is an outcome that is known at once.
async fn begin(path: &Path, entry: Option<&Entry>, world: &World) -> Result<Offering, FileOutcome> {
    let read = path.to_owned();
    let reading = Work::default().run(move || disk::read(&read)).await;
    let content = reading.map(|reading| Content::parse_secret(reading.bytes.as_ref()));
    let members = match (content, entry) {
        (Ok(Content::Members(members)), _) => members,
        (Ok(Content::Absent), _) | (_, None) => return Err((ImportOutcome::NoToken, None)),
        (Ok(Content::Garbled), Some(_)) => {
            return Err((ImportOutcome::Unreadable, Some("it is not a whole token file".to_owned())));
        }
        (Err(error), Some(_)) => return Err((ImportOutcome::Unreadable, Some(error))),
    };
    let issuer = entry.and_then(|entry| entry.config.issuer_of_found(members.region.as_deref()));
    let (found, entry) = match (members.holding(issuer.as_ref().unwrap_or(&Issuer::NONE), path), entry.cloned()) {
        (Holding::Nothing, _) => return Err((ImportOutcome::NoToken, None)),
        (Holding::Published, _) => return Err((ImportOutcome::Published, None)),
        (Holding::Unreadable(why), Some(_)) => return Err((ImportOutcome::Unreadable, Some(why.to_owned()))),
        (Holding::Unreadable(_) | Holding::Foreign(_), None) => return Err((ImportOutcome::NoSession, None)),
        (Holding::Foreign(found), Some(entry)) => (found, entry),
    };
    if !step::is_of(&members, &entry.config.identity) {
        return Err((ImportOutcome::OtherPortal, None));
    }
    if issuer.is_none() {
        return Err((ImportOutcome::OtherPortal, Some(step::OTHER_ISSUER.to_owned())));
    }
    let keeps_secrets = !is_shared(&entry) && members.has_secrets();
    let world = world.clone();
    let verdict = tokio::spawn(async move {
        // A daemon that was started for this has not read its own record yet.
        let mut snapshots = entry.session.snapshots();
        let loaded = snapshots.wait_for(|snapshot| !snapshot.loading);
        let _ = world.clock.within(LOAD_PATIENCE, loaded).await;
        proof::offer(&entry, found, &world).await
    });
    Ok(Offering { verdict, keeps_secrets })
}
