//! The file in which grants survive a restart of the daemon. It contains no secret.
//!
//! Boot time means nothing after a restart of the machine. So a deadline is saved with the id of the boot, and with the time that was left
//! when the file was written; in another boot, that time counts from the daemon's start on. It is an upper bound, beside the wall clock.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ssoctl_protocol::Timestamp;
use ssoctl_protocol::grant::GrantUse;

use super::grant::Uses;
use super::terms::{Deadline, Ended, Terms};
use crate::clock::{BootTime, Now};
use crate::owner::{belongs, is_foreign};
use crate::regular_file::{Link, RegularFile};
use crate::replacement::Replacement;

/// The longest file that is read, in bytes.
const LONGEST_FILE: u64 = 4 << 20;

/// A grant in the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SavedGrant {
    terms: Terms,
    expires_at: Timestamp,
    /// Seconds that were left when this was written.
    left: u64,
    /// Milliseconds from boot to the deadline, in the boot of this id.
    since_boot: u64,
    boot: Option<String>,
    ended: Option<Ended>,
    uses: u64,
    last_use: Option<GrantUse>,
    credentials_end_at: Option<Timestamp>,
}

/// A grant of the file, in the present.
pub(super) struct Restored {
    pub(super) terms: Terms,
    pub(super) deadline: Deadline,
    pub(super) ended: Option<Ended>,
    pub(super) uses: Uses,
}

impl SavedGrant {
    pub(super) fn new(
        terms: &Terms,
        deadline: Deadline,
        ended: Option<Ended>,
        uses: Uses,
        now: Now,
        boot: Option<&str>,
    ) -> Self {
        Self {
            terms: terms.clone(),
            expires_at: deadline.wall,
            left: deadline.boot.since(now.boot).as_secs(),
            since_boot: u64::try_from(deadline.boot.since_boot().as_millis()).unwrap_or(u64::MAX),
            boot: boot.map(str::to_owned),
            ended,
            uses: uses.count,
            last_use: uses.last,
            credentials_end_at: uses.credentials_end.map(|end| Timestamp::from(now.wall_at(end))),
        }
    }

    pub(super) fn restored(self, now: Now, boot: Option<&str>) -> Restored {
        let is_same_boot = self.boot.is_some() && self.boot.as_deref() == boot;
        let left = now.boot + Duration::from_secs(self.left);
        // Also in the same boot no more is left than there was.
        let deadline_boot =
            if is_same_boot { BootTime::from_boot(Duration::from_millis(self.since_boot)).min(left) } else { left };
        Restored {
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

/// Reads the file; no grants if there is none.
///
/// # Errors
/// What is wrong with the file, in words.
pub(super) fn read(path: &Path) -> Result<Vec<SavedGrant>, String> {
    let Some(file) = RegularFile::open(path, Link::Refused).map_err(|error| error.to_string())? else {
        return Ok(Vec::new());
    };
    if is_foreign(&file.metadata) {
        return Err(format!("it {}; move it away", belongs(&file.metadata)));
    }
    let bytes = file.read(LONGEST_FILE).map_err(|error| error.to_string())?;
    serde_json::from_slice(bytes.expose()).map_err(|error| error.to_string())
}

/// Replaces the file in one step.
pub(super) fn write(path: &Path, grants: &[SavedGrant]) -> io::Result<()> {
    let bytes = serde_json::to_vec_pretty(grants).map_err(io::Error::from)?;
    Replacement::private(path, &bytes)?.put_in_place()
}
