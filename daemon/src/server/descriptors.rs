//! The limits of connections: one for each file descriptor that the daemon does not need itself, and some of these for watchers alone.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit that the daemon sets for itself: enough for ten thousand waiting callers, and a bound for what they can cost. By
/// default macOS gives a process 10,240 at most.
const WANTED: u64 = if cfg!(target_os = "macos") { 10_240 } else { 16_384 };

/// Descriptors reserved for calls to the service, D-Bus, files and the log: a quarter of all, at least twice as many as an idle
/// daemon has open, and at most as many as a thousand simultaneous calls of sessions need.
const RESERVED: std::ops::RangeInclusive<u64> = 48..=2048;

/// The largest number of watchers, and the part of all connections that they get where there are few.
const WATCHERS: (u64, u64) = (512, 4);

/// Raises the limit of open files to [`WANTED`], if the system allows it. Programs that the daemon starts inherit it.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    if limit.current.is_some_and(|current| current < raised)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit })
    {
        tracing::warn!(%error, wanted = raised, "the limit of open files could not be raised");
    }
}

/// The largest number of open connections of callers under the present limit.
pub fn connections() -> usize {
    among(getrlimit(Resource::Nofile).current.unwrap_or(WANTED)).0
}

/// The largest number of open connections of watchers under the present limit.
pub(super) fn watchers() -> usize {
    among(getrlimit(Resource::Nofile).current.unwrap_or(WANTED)).1
}

/// The connections of callers and of watchers with so many descriptors.
fn among(descriptors: u64) -> (usize, usize) {
    let descriptors = descriptors.min(WANTED);
    let all = descriptors.saturating_sub((descriptors / 4).clamp(*RESERVED.start(), *RESERVED.end()));
    let (most, part) = WATCHERS;
    let watchers = (all / part).min(most);
    let some = |connections: u64| usize::try_from(connections).unwrap_or(usize::MAX).max(1);
    (some(all - watchers), some(watchers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_kept_back_for_the_daemon_itself() {
        for (descriptors, connections) in
            [(0, (1, 1)), (48, (1, 1)), (64, (12, 4)), (1024, (576, 192)), (10_240, (7680, 512))]
        {
            assert_eq!(among(descriptors), connections, "{descriptors}");
        }
        assert_eq!(among(u64::MAX), among(WANTED));
    }
}
