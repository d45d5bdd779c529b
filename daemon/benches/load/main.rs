//! Measures the daemon's costs: `cargo bench -p ssoctld --bench load [-- PART…]`, with the parts `requests`, `parked`, `watchers`,
//! `sessions`, `idle` and `start`; all of them if none is named.
//!
//! The real `ssoctld` serves a token that it got from the simulator. Time of the processor is the daemon's own, asked of the
//! kernel, so that a busy machine changes little of it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod figures;
mod idle;
mod parked;
mod requests;
mod rivals;
mod sessions;
mod stage;
mod start;
mod watchers;

use std::process::ExitCode;

const PARTS: [&str; 6] = ["requests", "parked", "watchers", "sessions", "idle", "start"];

fn main() -> ExitCode {
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(unknown) = named.iter().find(|name| !PARTS.contains(&name.as_str())) {
        eprintln!("there is no part {unknown}; there are: {}", PARTS.join(", "));
        return ExitCode::from(2);
    }
    // Ten thousand callers take as many descriptors here.
    ssoctld::server::descriptors::raise();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for part in PARTS.into_iter().filter(|part| named.is_empty() || named.iter().any(|name| name == part)) {
        println!("\n== {part}");
        runtime.block_on(async {
            match part {
                "requests" => requests::run().await,
                "parked" => parked::run().await,
                "watchers" => watchers::run().await,
                "sessions" => sessions::run().await,
                "idle" => idle::run().await,
                _ => start::run().await,
            }
        });
    }
    ExitCode::SUCCESS
}
