//! The life of a token in virtual time: many sessions, each for thirty days of random events, held to the rules of
//! the house after every step.
//!
//! | variable | what it does |
//! |---|---|
//! | `SSOCTL_SIMULATE_SEEDS=N` | lives through the seeds 0 to N - 1 (12 without it, 1,000 with `SSOCTL_TEST=all`) |
//! | `SSOCTL_SIMULATE_SEED=S` | lives through one seed and prints its events |
//!
//! | module | what it owns |
//! |---|---|
//! | `world` | the service, the clocks, the store; `calls` and `weather`: what becomes of a call |
//! | `life` | the queue of events; `chance`, `people`, `daemon`, `roles` and `finale`: what they are |
//! | `checks` | what has to hold |
//! | `watchers` | what those are told who watch the session's events |
//! | `telling` | what is written down |

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use life::live;
use telling::Counts;

mod browser;
mod calls;
mod chance;
mod checks;
mod daemon;
mod decisions;
mod finale;
mod life;
mod people;
mod roles;
mod telling;
mod wants;
mod watchers;
mod weather;
mod world;

/// How many seeds there are in a quick run, and where all tests run.
const SEEDS: [u64; 2] = [12, 1000];

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
fn a_session_keeps_its_promises_through_a_month_of_random_events() {
    if let Some(seed) = variable("SSOCTL_SIMULATE_SEED") {
        let (outcome, lines) = live(seed, Some(Vec::new()));
        lines.iter().for_each(|line| say(line));
        assert!(outcome.is_ok(), "seed {seed} {}", outcome.err().unwrap_or_default());
        return;
    }
    let seeds = test_support::speed::number("SSOCTL_SIMULATE_SEEDS", SEEDS[0], SEEDS[1]);
    let (next, total, failures) = (AtomicU64::new(0), Mutex::new(Counts::default()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    match live(seed, None).0 {
                        Ok(counts) => total.lock().expect("no panic").add_all(&counts),
                        Err(failure) => {
                            say(&format!("seed {seed} {failure}"));
                            failures.lock().expect("no panic").push(seed);
                        }
                    }
                }
            });
        }
    });
    let total = total.into_inner().expect("no panic");
    say(&format!("{seeds} lives: {total}"));
    assert!(
        total.of("resyncs") > 0 || !failures.lock().expect("no panic").is_empty(),
        "no watcher has missed anything"
    );
    let mut failures = failures.into_inner().expect("no panic");
    failures.sort_unstable();
    let Some(seed) = failures.first() else { return };
    let (_, lines) = live(*seed, Some(Vec::new()));
    lines[lines.len().saturating_sub(LAST_LINES)..].iter().for_each(|line| say(line));
    panic!(
        "{} of {seeds} seeds failed: {failures:?}; SSOCTL_SIMULATE_SEED={seed} tells all of the first",
        failures.len()
    );
}
