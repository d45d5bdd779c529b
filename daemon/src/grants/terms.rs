//! What a grant is for, and until when. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ssoctl_protocol::Timestamp;
use ssoctl_protocol::grant::GrantEndReason;

use super::attending::Attending;
use crate::assignment::Assignment;
use crate::clock::{BootTime, Now};

/// The longest name of a grant. The path of its socket has to fit into a socket address.
const LONGEST_NAME: usize = 32;

/// The terms of a grant, which never change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    pub name: String,
    /// At least one. Where a request names none, the first one counts.
    pub roles: Vec<Role>,
    pub created_at: Timestamp,
    /// Whether the desktop asks each time before credentials are given.
    pub confirm: bool,
    /// Whether a caller may have a sign-in opened.
    pub may_ask: bool,
    /// Whether processes of other users may connect.
    pub shared: bool,
    /// The process with which the grant ends.
    pub attending: Option<Attending>,
}

/// A role that is granted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Role {
    /// The profile that named it.
    pub profile: Option<String>,
    /// The session's name when the grant was made.
    pub session: String,
    /// The [key](crate::config::Identity::key) of the session's identity: another session that gets its name is not meant.
    pub identity: String,
    /// The start URL of the session, as configured.
    pub start_url: String,
    #[serde(flatten)]
    pub assignment: Assignment,
    /// The region of the profile.
    pub region: Option<String>,
}

/// The deadline on both clocks. It has passed when either shows it: setting the wall clock back gains nothing, and neither does a
/// restart of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadline {
    pub boot: BootTime,
    pub wall: Timestamp,
}

impl Deadline {
    pub fn after(life: Duration, now: Now) -> Self {
        Self { boot: now.boot + life, wall: Timestamp::from(now.wall + life) }
    }

    pub fn has_passed(self, now: Now) -> bool {
        now.boot >= self.boot || Timestamp::from(now.wall) >= self.wall
    }

    /// The time until it passes, if the wall clock is not set until then.
    pub fn left(self, now: Now) -> Duration {
        self.boot.since(now.boot).min(self.wall.duration_since(Timestamp::from(now.wall)))
    }
}

/// The end of a grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ended {
    pub at: Timestamp,
    pub reason: GrantEndReason,
}

/// Whether this can be the name of a grant. It is also the name of a directory.
pub fn is_name(text: &str) -> bool {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= LONGEST_NAME
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(is_taken)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn now() -> Now {
        let boot = BootTime::from_boot(Duration::from_secs(1000));
        Now { boot, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200) }
    }

    #[test]
    fn a_deadline_passes_on_the_clock_that_shows_it_first() {
        let hour = Duration::from_secs(3600);
        let deadline = Deadline::after(hour, now());
        let later = |boot: u64, wall: u64| Now {
            boot: now().boot + Duration::from_secs(boot),
            wall: now().wall + Duration::from_secs(wall),
        };
        for (boot, wall, has_passed, left) in [
            (0, 0, false, 3600),
            (3599, 3599, false, 1),
            (3600, 0, true, 0),
            (0, 3600, true, 0),
            (10, 3000, false, 600),
        ] {
            let now = later(boot, wall);
            assert_eq!(deadline.has_passed(now), has_passed, "{boot} {wall}");
            assert_eq!(deadline.left(now), Duration::from_secs(left), "{boot} {wall}");
        }
        let set_back = Now { wall: now().wall - 100 * hour, ..later(3600, 0) };
        assert!(deadline.has_passed(set_back));
    }

    #[test]
    fn a_name_of_a_grant_is_the_name_of_a_directory_and_of_nothing_else() {
        for name in ["ci", "a", "7", "build-host.2_x", &"x".repeat(32)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", ".ci", "-ci", "a/b", "a b", "größe", "a\n", &"x".repeat(33)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
