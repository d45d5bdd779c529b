//! The file in which grants survive a restart of the daemon. It contains no secret.
//!
//! Boot time means nothing after a restart of the machine. So a deadline is saved with the id of the boot, and with the time that was left
//! when the file was written; in another boot, that time counts from the daemon's start on. It is an upper bound, beside the wall clock.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ssoctl_protocol::Timestamp;
use ssoctl_protocol::grant::GrantUse;
use tokio::sync::Mutex;

use super::grant::{GrantState, Uses};
use super::terms::{Deadline, Ended, Terms};
use crate::clock::{self, BootTime, Clock, Now};
use crate::machine::{MachineProblems, RESTART};
use crate::owner::{belongs, is_foreign};
use crate::regular_file::{Link, RegularFile};
use crate::replacement::Replacement;

/// The longest file that is read, in bytes.
const LONGEST_FILE: u64 = 4 << 20;

/// The subject of its problem in `status`.
const ABOUT: &str = "grants";

/// A grant in the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct SavedGrant {
    terms: Terms,
    expires_at: Timestamp,
    /// Milliseconds that were left when this was written.
    left: u64,
    /// Milliseconds from boot to the deadline, in the boot of this id.
    since_boot: u64,
    boot: Option<String>,
    ended: Option<Ended>,
    uses: u64,
    last_use: Option<GrantUse>,
    credentials_end_at: Option<Timestamp>,
}

impl SavedGrant {
    fn new(grant: GrantState, now: Now, boot: Option<&str>) -> Self {
        let GrantState { terms, deadline, ended, uses } = grant;
        Self {
            terms,
            expires_at: deadline.wall,
            left: millis(deadline.boot.since(now.boot)),
            since_boot: millis(deadline.boot.since_boot()),
            boot: boot.map(str::to_owned),
            ended,
            uses: uses.count,
            last_use: uses.last,
            credentials_end_at: uses.credentials_end.map(|end| Timestamp::from(now.wall_at(end))),
        }
    }

    fn restored(self, now: Now, boot: Option<&str>) -> GrantState {
        let is_same_boot = self.boot.is_some() && self.boot.as_deref() == boot;
        let deadline_boot = match is_same_boot {
            true => BootTime::from_boot(Duration::from_millis(self.since_boot)),
            false => now.boot + Duration::from_millis(self.left),
        };
        GrantState {
            terms: self.terms,
            deadline: Deadline { boot: deadline_boot, wall: self.expires_at },
            ended: self.ended,
            uses: Uses {
                count: self.uses,
                last: self.last_use,
                credentials_end: self.credentials_end_at.map(|end| now.boot_at(end.into())),
            },
        }
    }
}

/// The file.
pub(super) struct GrantsFile {
    /// `None`: grants are kept nowhere.
    path: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    machine: MachineProblems,
    boot: Option<String>,
    /// Held while it is written, so that an older state never replaces a newer one.
    turn: Arc<Mutex<()>>,
    /// Whether it is behind, because it could not be written.
    is_behind: AtomicBool,
}

/// The file of the grants could not be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the grants cannot be saved in {}: {}", .path.display(), .why)]
pub struct Unsaved {
    path: PathBuf,
    why: String,
}

impl GrantsFile {
    pub(super) fn new(path: Option<PathBuf>, clock: Arc<dyn Clock>, machine: MachineProblems) -> Self {
        let (boot, turn) = (clock::boot_id(), Arc::default());
        Self { path, clock, machine, boot, turn, is_behind: AtomicBool::new(false) }
    }

    /// The grants in it. If it cannot be read, there are none, and `status` says so.
    pub(super) fn read(&self) -> Vec<GrantState> {
        let Some(path) = &self.path else { return Vec::new() };
        let saved = read(path).unwrap_or_else(|why| {
            let path = path.display();
            let remedy = format!("remove {path}, {RESTART}, and make the grants anew");
            self.machine.found(ABOUT, format!("the grants in {path} cannot be read: {why}"), remedy);
            Vec::new()
        });
        let (now, boot) = (self.clock.now(), self.boot.as_deref());
        saved.into_iter().map(|grant| grant.restored(now, boot)).collect()
    }

    /// Replaces the file with the grants as they are when it is its turn. If that fails, `status` says so, too.
    pub(super) async fn write(&self, grants: impl FnOnce() -> Vec<GrantState>) -> Result<(), Unsaved> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (now, boot) = (self.clock.now(), self.boot.as_deref());
        let saved: Vec<_> = grants().into_iter().map(|grant| SavedGrant::new(grant, now, boot)).collect();
        let writing = tokio::task::spawn_blocking(move || {
            let written = write(&path, &saved);
            drop(turn);
            written
        });
        let written = writing.await.unwrap_or_else(|error| Err(error.into()));
        let result = written.map_err(|error| self.unsaved(error));
        self.is_behind.store(result.is_err(), Ordering::Relaxed);
        match &result {
            Ok(()) => self.machine.solved(ABOUT),
            Err(unsaved) => {
                self.machine.found(ABOUT, unsaved.to_string(), "make room for the file, and give it to yourself")
            }
        }
        result
    }

    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    pub(super) fn unsaved(&self, why: impl ToString) -> Unsaved {
        Unsaved { path: self.path.clone().unwrap_or_default(), why: why.to_string() }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads the file; no grants if there is none.
///
/// # Errors
/// What is wrong with the file, in words.
fn read(path: &Path) -> Result<Vec<SavedGrant>, String> {
    let Some(file) = RegularFile::open(path, Link::Refused).map_err(|error| error.to_string())? else {
        return Ok(Vec::new());
    };
    if is_foreign(&file.metadata) {
        return Err(format!("it {}; move it away", belongs(&file.metadata)));
    }
    let bytes = file.read(LONGEST_FILE).map_err(|error| error.to_string())?;
    serde_json::from_slice(bytes.expose()).map_err(|error| error.to_string())
}

/// Replaces the file in one step. No file is made for no grant.
fn write(path: &Path, grants: &[SavedGrant]) -> io::Result<()> {
    if grants.is_empty() && !path.exists() {
        return Ok(());
    }
    let bytes = serde_json::to_vec_pretty(grants).map_err(io::Error::from)?;
    Replacement::private(path, &bytes)?.put_in_place()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn at(boot: u64, wall: u64) -> Now {
        Now {
            boot: BootTime::from_boot(Duration::from_secs(boot)),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200 + wall),
        }
    }

    #[test]
    fn a_deadline_keeps_its_place_in_the_same_boot_and_never_moves_back_in_another() {
        let made = at(1000, 0);
        let deadline = Deadline::after(Duration::from_secs(3600), made);
        let terms = Terms {
            name: "ci".to_owned(),
            roles: Vec::new(),
            created_at: Timestamp::from(made.wall),
            confirm: false,
            may_ask: false,
            shared: false,
            attending: None,
        };
        let saved = SavedGrant::new(GrantState::new(terms, deadline), made, Some("first"));
        for (now, boot, left) in [
            (at(1600, 600), Some("first"), 3000),
            // Set back while no daemon ran: the time since boot counts.
            (at(1600, 0), Some("first"), 3000),
            (at(4600, 0), Some("first"), 0),
            // After a restart of the machine, the wall clock counts, but not for more than was left.
            (at(60, 600), Some("second"), 3000),
            (at(60, 0), Some("second"), 3600),
            (at(60, 4000), Some("second"), 0),
            (at(60, 600), None, 3000),
        ] {
            let restored = saved.clone().restored(now, boot).deadline;
            assert_eq!(restored.left(now), Duration::from_secs(left), "{now:?} {boot:?}");
        }
        let set_back = saved.restored(at(60, 0), Some("second")).deadline;
        assert!(set_back.has_passed(Now { boot: at(3660, 0).boot, wall: SystemTime::UNIX_EPOCH }));
    }
}
