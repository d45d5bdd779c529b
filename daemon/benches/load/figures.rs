//! The kernel's figures of a process.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A process that is watched.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Its threads, and those of its children: some agents leave the work to one.
    fn tasks(self) -> Vec<PathBuf> {
        let mut processes = vec![self.0];
        processes.extend(numbers("/proc").filter(|process| parent(*process) == Some(self.0)));
        let of = |process: u32| {
            let tasks = format!("/proc/{process}/task");
            numbers(&tasks).map(|task| PathBuf::from(format!("{tasks}/{task}"))).collect::<Vec<_>>()
        };
        processes.into_iter().flat_map(of).collect()
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

    /// The number of times that its threads have gone to sleep, and so have woken up.
    pub(crate) fn sleeps(self) -> u64 {
        let of = |task: &PathBuf| fs::read_to_string(task.join("status")).unwrap_or_default();
        self.tasks().iter().map(|task| number(&of(task), "voluntary_ctxt_switches:")).sum()
    }
}

/// The entries of a directory that are numbers; none of one that has gone meanwhile.
fn numbers(directory: &str) -> impl Iterator<Item = u32> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// proc_pid_stat(5): the parent comes second after the name, which is in brackets and may hold anything.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// A duration in microseconds, divided among so many.
pub(crate) fn each(duration: Duration, count: usize) -> String {
    format!("{:.1} µs", duration.as_secs_f64() * 1e6 / count as f64)
}
