//! Runs commands in turns, and compares their times.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds that are run before any that counts, so that every file is in memory.
const WARM_UP: usize = 20;

/// The directories where programs are searched for, whatever the caller's PATH is.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

pub(crate) struct Contestant {
    name: String,
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    expected: Ending,
}

/// The expected end of a command, so that no error path is measured by mistake.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    /// It may fail after all the work that is measured.
    Any,
}

impl Contestant {
    pub(crate) fn new(name: &str, program: impl AsRef<Path>, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.as_ref().into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            variables: Vec::new(),
            expected: Ending::Success,
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, variable: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((variable.into(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn ending(mut self, expected: Ending) -> Self {
        self.expected = expected;
        self
    }

    /// This command `times` times, eight at a time, as `xargs -P 8` runs it.
    pub(crate) fn crowd(self, times: usize) -> Self {
        let script = format!("seq {times} | xargs -P 8 -I _ \"$@\"");
        let mut arguments: Vec<OsString> = vec!["-c".into(), script.into(), "sh".into(), self.program];
        arguments.extend(self.arguments);
        Self { name: format!("{times} x {}", self.name), program: "/bin/sh".into(), arguments, ..self }
    }

    /// Whether it ends as expected.
    pub(crate) fn works(&self) -> bool {
        self.attempt().is_ok()
    }

    fn run(&self) -> Duration {
        self.attempt().unwrap_or_else(|how| panic!("{} does not work: {how}", self.name))
    }

    /// The duration, or the unexpected end.
    fn attempt(&self) -> Result<Duration, String> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", PATH)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begin = Instant::now();
        let status = command.status();
        let time = begin.elapsed();
        let succeeded = status.as_ref().is_ok_and(|status| status.success() || self.expected == Ending::Any);
        if succeeded { Ok(time) } else { Err(format!("{status:?}")) }
    }
}

/// The sorted times of all contestants.
pub(crate) struct Contest(Vec<(String, Vec<Duration>)>);

impl Contest {
    pub(crate) fn run(contestants: Vec<Contestant>, rounds: usize) -> Self {
        let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(rounds); contestants.len()];
        let warm_up = WARM_UP.min(rounds);
        for round in 0..warm_up + rounds {
            // Each round begins with another command, so that no command always follows the same one.
            for turn in 0..contestants.len() {
                let place = (round + turn) % contestants.len();
                let time = contestants[place].run();
                if round >= warm_up {
                    times[place].push(time);
                }
            }
        }
        times.iter_mut().for_each(|times| times.sort_unstable());
        Self(contestants.into_iter().map(|contestant| contestant.name).zip(times).collect())
    }

    /// The ratio of two medians, if both commands took part.
    pub(crate) fn ratio(&self, name: &str, base: &str) -> Option<f64> {
        let median = |name| self.0.iter().find(|(other, _)| other == name).map(|(_, times)| quantile(times, 0.5));
        Some(median(name)?.as_secs_f64() / median(base)?.as_secs_f64())
    }

    /// A row for each command, with its ratio to each of the bases that took part.
    pub(crate) fn table(&self, bases: &[&str]) -> String {
        let bases: Vec<&str> = bases.iter().copied().filter(|base| self.ratio(base, base).is_some()).collect();
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut table = format!("{:width$}  {:>7}  {:>7}  {:>7}", "", "min", "median", "p95");
        for base in &bases {
            // Writing to a `String` cannot fail.
            let _ = write!(table, "  {:>13}", format!("of {base}"));
        }
        table.push('\n');
        for (name, times) in &self.0 {
            let milliseconds = |share| quantile(times, share).as_secs_f64() * 1000.0;
            let (min, median, p95) = (milliseconds(0.0), milliseconds(0.5), milliseconds(0.95));
            let _ = write!(table, "{name:width$}  {min:7.3}  {median:7.3}  {p95:7.3}");
            for ratio in bases.iter().filter_map(|base| self.ratio(name, base)) {
                let _ = write!(table, "  {ratio:13.2}");
            }
            table.push('\n');
        }
        table
    }
}

/// The quantile of sorted times.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small index"
)]
fn quantile(times: &[Duration], share: f64) -> Duration {
    times[((times.len() - 1) as f64 * share).round() as usize]
}
