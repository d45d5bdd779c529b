//! The life of a token in virtual time: many sessions, each for thirty days of random events, held to the rules of
//! the house after every step.
//!
//! | variable | what it does |
//! |---|---|
//! | `SSOCTL_SIMULATE_SEEDS=N` | lives through the seeds 0 to N - 1 (100 without it) |
//! | `SSOCTL_SIMULATE_SEED=S` | lives through one seed and prints its events |
//!
//! | module | what it owns |
//! |---|---|
//! | `world` | the service, the network, the clocks, the store |
//! | `driver` | the queue of events, the person and the callers |
//! | `checks` | what has to hold |

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use driver::Report;

#[path = "simulated_life/checks.rs"]
mod checks;
#[path = "simulated_life/driver.rs"]
mod driver;
#[path = "simulated_life/world.rs"]
mod world;

/// How many seeds the test run lives through. They take half a minute; anybody with more time names more.
const SEEDS: u64 = 100;

/// How much of the story before a failure is told.
const LAST_LINES: usize = 60;

#[expect(clippy::disallowed_methods, reason = "a test has no other edge")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn say(text: &str) {
    // Whoever has closed standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[test]
fn a_session_keeps_its_promises_through_a_month_of_whatever_happens() {
    if let Some(seed) = variable("SSOCTL_SIMULATE_SEED") {
        let (outcome, lines) = driver::live(seed, Some(Vec::new()));
        lines.iter().for_each(|line| say(line));
        assert!(outcome.is_ok(), "seed {seed} {}", outcome.err().unwrap_or_default());
        return;
    }
    let seeds = variable("SSOCTL_SIMULATE_SEEDS").unwrap_or(SEEDS);
    let (next, total, failures) = (AtomicU64::new(0), Mutex::new(Report::default()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    match driver::live(seed, None).0 {
                        Ok(report) => total.lock().expect("no panic").add(&report),
                        Err(failure) => failures.lock().expect("no panic").push((seed, failure)),
                    }
                }
            });
        }
    });
    say(&format!("{seeds} lives: {}", total.into_inner().expect("no panic")));
    let mut failures = failures.into_inner().expect("no panic");
    failures.sort();
    let Some((seed, failure)) = failures.first() else { return };
    let (_, lines) = driver::live(*seed, Some(Vec::new()));
    lines[lines.len().saturating_sub(LAST_LINES)..].iter().for_each(|line| say(line));
    let others: Vec<String> = failures.iter().map(|(seed, failure)| format!("seed {seed} {failure}")).collect();
    say(&others[..others.len().min(40)].join("\n"));
    panic!("seed {seed} {failure} ({} of {seeds} failed); SSOCTL_SIMULATE_SEED={seed} tells all of it", failures.len());
}
