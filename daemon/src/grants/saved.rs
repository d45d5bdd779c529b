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
            left: millis(deadline.boot.since(now.boot)),
            since_boot: millis(deadline.boot.since_boot()),
            boot: boot.map(str::to_owned),
            ended,
            uses: uses.count,
            last_use: uses.last,
            credentials_end_at: uses.credentials_end.map(|end| Timestamp::from(now.wall_at(end))),
        }
    }

    pub(super) fn restored(self, now: Now, boot: Option<&str>) -> Restored {
        let is_same_boot = self.boot.is_some() && self.boot.as_deref() == boot;
        let deadline_boot = match is_same_boot {
            true => BootTime::from_boot(Duration::from_millis(self.since_boot)),
            false => now.boot + Duration::from_millis(self.left),
        };
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
        let saved = SavedGrant::new(&terms, deadline, None, Uses::default(), made, Some("first"));
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
