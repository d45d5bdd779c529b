//! How many connections there may be: as many as there are file descriptors for, less those that the daemon needs itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the daemon asks for. Ten thousand waiting callers fit with room to spare, and what they can make it cost stays
/// bounded. macOS gives no process more than 10,240 unless it was told to.
const WANTED: u64 = if cfg!(target_os = "macos") { 10_240 } else { 16_384 };

/// What is kept back for calls to the service, D-Bus, files and the log: a quarter, but at least what an idle daemon has
/// open, twice, and at most what a thousand sessions need that call at once.
const RESERVED: std::ops::RangeInclusive<u64> = 48..=2048;

/// Raises the limit of open files as far as it makes sense. Programs that the daemon starts inherit it.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    if limit.current.is_some_and(|current| current < raised)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit })
    {
        tracing::warn!(%error, wanted = raised, "the limit of open files could not be raised");
    }
}

/// How many connections may be open at once under the limit that holds now.
pub(super) fn connections() -> usize {
    among(getrlimit(Resource::Nofile).current.unwrap_or(WANTED))
}

fn among(descriptors: u64) -> usize {
    let descriptors = descriptors.min(WANTED);
    let connections = descriptors.saturating_sub((descriptors / 4).clamp(*RESERVED.start(), *RESERVED.end()));
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_kept_back_for_the_daemon_itself() {
        for (descriptors, connections) in [(0, 1), (48, 1), (64, 16), (1024, 768), (10_240, 8192)] {
            assert_eq!(among(descriptors), connections, "{descriptors}");
        }
        assert_eq!(among(u64::MAX), among(WANTED));
    }
}
