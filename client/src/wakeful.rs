//! Waits for several things at once: the daemon or a terminal, signals, the reader of the output, other threads, and the time.

use std::io::{self, Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

use crate::attendance;

/// The signals after which a terminal has to be as it was before.
pub(crate) const ENDS: [i32; 3] = [SIGTERM, SIGHUP, SIGINT];

/// What the waiting has ended with.
pub(crate) struct Woken {
    pub(crate) has_news: bool,
    /// Whether nobody reads the output any more.
    pub(crate) output_is_gone: bool,
}

pub(crate) struct Wakeful {
    /// Gets a byte with each signal, and whenever somebody rings.
    bell: UnixStream,
    ringer: UnixStream,
    /// Whether signals do again what they do without it.
    is_over: Arc<AtomicBool>,
    seen: Vec<(i32, Arc<AtomicBool>)>,
}

impl Wakeful {
    /// Catches these signals from now on. One that this process was started to ignore stays ignored, also for the command that a later `exec`
    /// starts; the end of a child is noticed in any case.
    pub(crate) fn watch_for(signals: &[i32]) -> io::Result<Self> {
        let (bell, ringer) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut seen = Vec::new();
        for signal in signals.iter().filter(|signal| **signal == SIGCHLD || !ssoctl_process::is_ignored(**signal)) {
            let is_seen = Arc::new(AtomicBool::new(false));
            attendance::until_attended(flag::register_conditional_default(*signal, Arc::clone(&is_over))?);
            flag::register(*signal, Arc::clone(&is_seen))?;
            pipe::register(*signal, ringer.try_clone()?)?;
            seen.push((*signal, is_seen));
        }
        Ok(Self { bell, ringer, is_over, seen })
    }

    /// Whether signals are caught, or do what they do without it. At first they are caught.
    pub(crate) fn catch(&self, catches: bool) {
        self.is_over.store(!catches, Ordering::Relaxed);
    }

    /// Something with which other threads end the waiting.
    pub(crate) fn ringer(&self) -> io::Result<Ringer> {
        self.ringer.try_clone().map(Ringer)
    }

    /// Whether this signal has come since the last look.
    pub(crate) fn has_come(&self, signal: i32) -> bool {
        self.seen.iter().any(|(one, is_seen)| *one == signal && is_seen.swap(false, Ordering::Relaxed))
    }

    /// Waits for something to read, a signal, the end of the output's reader, or until `due`.
    pub(crate) fn wait(
        &mut self,
        connection: Option<&impl AsFd>,
        writes: bool,
        due: Option<Instant>,
    ) -> io::Result<Woken> {
        let output = io::stdout();
        let mut all = vec![PollFd::new(&self.bell, PollFlags::IN)];
        all.extend(connection.map(|connection| PollFd::new(connection, PollFlags::IN)));
        // Without anything asked for, errors are told nevertheless.
        all.extend(writes.then(|| PollFd::new(&output, PollFlags::empty())));
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
        match poll(&mut all, left.as_ref()) {
            Err(error) if error != rustix::io::Errno::INTR => return Err(error.into()),
            _ => {}
        }
        let has = |number: usize, flags: PollFlags| all.get(number).is_some_and(|one| one.revents().intersects(flags));
        let has_news = connection.is_some() && has(1, !PollFlags::empty());
        // Nothing was asked about the output, so whatever is told means its end.
        let output_is_gone = writes && has(1 + usize::from(connection.is_some()), !PollFlags::empty());
        drop(all);
        // There is nothing to know but that something has come.
        while self.bell.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
        Ok(Woken { has_news, output_is_gone })
    }
}

impl Drop for Wakeful {
    fn drop(&mut self) {
        self.catch(false);
    }
}

/// Ends the waiting of another thread.
pub(crate) struct Ringer(UnixStream);

impl Ringer {
    pub(crate) fn ring(&self) {
        // If it fails, nobody waits any more.
        let _ = (&self.0).write_all(&[0]);
    }
}
