//! What the kernel knows of a process.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A process that is watched.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    fn tasks(self) -> Vec<PathBuf> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).expect("a running process");
        tasks.map(|task| task.expect("an entry").path()).collect()
    }

    fn status(self, name: &str) -> u64 {
        number(&fs::read_to_string(format!("/proc/{}/status", self.0)).expect("a running process"), name)
    }

    /// Time of the processor that its threads have taken so far.
    pub(crate) fn cpu(self) -> Duration {
        let nanoseconds = self.tasks().into_iter().map(|task| {
            // Threads come and go; one that has gone took hardly anything.
            let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or_default()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Memory that is resident, in KiB.
    pub(crate) fn resident(self) -> u64 {
        self.status("VmRSS:")
    }

    pub(crate) fn threads(self) -> u64 {
        self.status("Threads:")
    }

    /// How often its threads have gone to sleep, and so how often they woke up.
    pub(crate) fn sleeps(self) -> u64 {
        let of = |task: &PathBuf| fs::read_to_string(task.join("status")).unwrap_or_default();
        self.tasks().iter().map(|task| number(&of(task), "voluntary_ctxt_switches:")).sum()
    }
}

fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// A duration in microseconds, divided among so many.
pub(crate) fn each(duration: Duration, count: usize) -> String {
    format!("{:.1} µs", duration.as_secs_f64() * 1e6 / count as f64)
}
