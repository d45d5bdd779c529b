//! One `timerfd` on `CLOCK_BOOTTIME` serves all sleepers: it is set to the first deadline, fires at once after a suspend that
//! lasted past the deadline, and costs nothing while there is no sleeper.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::BootTime;
use super::sleepers::Sleepers;

pub(super) fn boot_time() -> BootTime {
    BootTime::from_boot(duration(clock_gettime(ClockId::Boottime)))
}

pub(super) fn wall_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + duration(clock_gettime(ClockId::Realtime))
}

/// A separate timer on `CLOCK_REALTIME`, which is cancelled when the clock is set (timerfd_create(2)).
pub(super) fn until_shown(time: SystemTime) -> std::io::Result<impl Future<Output = ()> + use<>> {
    // All zeros would disarm it.
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().max(Duration::from_nanos(1));
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let value = Timespec::try_from(since_epoch).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    let setting = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &setting)?;
    #[allow(deprecated, reason = "its successor is unsafe, and asks only for what an `OwnedFd` gives")]
    let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
    Ok(async move {
        // Readable is one that fired and one that was cancelled.
        let _ = timer.readable().await;
    })
}

fn duration(time: Timespec) -> Duration {
    Duration::try_from(time).unwrap_or_default()
}

pub(super) fn run(sleepers: Arc<Sleepers>) -> std::io::Result<impl Future<Output = ()>> {
    let descriptor = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    #[allow(deprecated, reason = "its successor is unsafe, and asks only for what an `OwnedFd` gives")]
    let timer = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
    Ok(async move {
        loop {
            // All zeros disarm the timer: there is no sleeper.
            let next = sleepers.wake(boot_time()).map_or(Duration::ZERO, BootTime::since_boot);
            let value = Timespec::try_from(next).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
            let setting = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            if let Err(error) = timerfd_settime(timer.get_ref(), TimerfdTimerFlags::ABSTIME, &setting) {
                tracing::error!(%error, "the timer cannot be set");
                return;
            }
            tokio::select! {
                () = sleepers.earlier.notified() => {}
                fired = timer.readable() => if let Ok(mut guard) = fired {
                    let mut expirations = [0u8; 8];
                    let _ = guard.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?));
                }
            }
        }
    })
}
