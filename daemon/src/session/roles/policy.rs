//! When to renew, to try again and to forget. Pure: times in, times out.

use std::time::{Duration, SystemTime};

use super::Subject;
use crate::portal::PortalError;

/// How long a caller waits, whatever happens on the way: longer for a list, which may have many pages.
pub const fn patience(subject: &Subject) -> Duration {
    match subject {
        Subject::Credentials(_) => Duration::from_secs(10),
        Subject::Accounts | Subject::Roles(_) => Duration::from_secs(30),
    }
}

/// How long a caller waits for a renewal although there are live credentials.
pub const RENEWAL_PATIENCE: Duration = Duration::from_secs(2);

/// The number of failures in a row after which the pause for callers grows no more: eight seconds, so that every caller that waits
/// for [`patience`] sees an attempt. Renewals without callers back off further.
pub const MOST_PAUSES: u32 = 3;

/// How long it is remembered that a person does not have a role, unless somebody signs in before.
pub const DENIAL: Duration = Duration::from_secs(60);

/// The same of a first denial, which may be the portal's mistake, or that of a role that is just being assigned.
pub const FIRST_DENIAL: Duration = Duration::from_secs(3);

/// How many roles are known at once; the one that was used least recently makes room.
pub const MOST_ROLES: usize = 256;

/// How many requests of one session begin in any second. The portal refuses from about 20 on (observed), and those of two
/// seconds can arrive in one.
pub const REQUESTS_PER_SECOND: usize = 9;

/// How many tokens are reported as rejected in one attempt: the session's own and its replacement.
pub const MOST_REJECTIONS: u32 = 2;

/// A list with more pages than this has no end.
pub const MOST_PAGES: usize = 500;

/// Role credentials live for twelve hours at most (IAM: the longest duration of a role session). A longer life is a
/// mistake, and believing it would mean handing out what AWS no longer takes.
const LONGEST_LIFE: Duration = Duration::from_secs(12 * 3600);

/// How long credentials live that expire then, by the service's clock, which shows `service_now`.
///
/// # Errors
/// [`PortalError::Unusable`] if they have expired already.
pub fn life(expiration: SystemTime, service_now: SystemTime) -> Result<Duration, PortalError> {
    match expiration.duration_since(service_now) {
        Ok(life) if !life.is_zero() => Ok(life.min(LONGEST_LIFE)),
        _ => Err(PortalError::Unusable(
            "its credentials have expired already; is this machine's clock right?".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_reckoned_by_the_services_clock_and_never_longer_than_iam_allows() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
        let hour = Duration::from_secs(3600);
        assert_eq!(life(now + hour, now), Ok(hour));
        assert_eq!(life(now + 48 * hour, now), Ok(12 * hour));
        for expired in [now, now - hour] {
            assert!(life(expired, now).is_err());
        }
    }
}
