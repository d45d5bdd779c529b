//! How long whole processes take, side by side: `cargo bench -p ssoctl [-- --rounds N]`.
//!
//! `ssoctl token --json` asks a real daemon that holds a token, which it got from the simulator. Beside it run
//! `/bin/true`, which is what a process costs at all, and the agents and clients that people know, where they are
//! installed. Each round runs every command once, so that a busy machine slows all of them alike; what is compared is
//! the ratio of their medians.

#![allow(missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod contest;
mod rivals;
mod stage;

use std::process::ExitCode;

use contest::{Contest, Contestant};
use stage::Stage;

const ROUNDS: usize = 1000;

/// The goals of the project: a command, what it is compared with, and the largest ratio of the medians.
const GOALS: [(&str, &str, f64); 2] = [("ssoctl", "oidc-token", 0.85), ("ssoctl, static", "/bin/true", 1.35)];

fn main() -> ExitCode {
    let rounds = match rounds(std::env::args().skip(1)) {
        Ok(rounds) => rounds,
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::from(2);
        }
    };
    let stage = Stage::set();
    let mut contestants = vec![
        Contestant::new("/bin/true", "true", &[]),
        stage.client("ssoctl", &stage.binaries.plain),
        stage.client("ssoctl, static", &stage.binaries.linked_statically),
    ];
    let (rivals, absent) = rivals::installed(&stage);
    contestants.extend(rivals.iter().map(rivals::Rival::contestant));
    let contest = Contest::run(contestants, rounds);
    println!("{rounds} rounds; milliseconds from start to end of a process\n");
    print!("{}", contest.table(&["/bin/true", "oidc-token"]));
    for remark in rivals.iter().filter_map(rivals::Rival::remark) {
        println!("{remark}");
    }
    for name in absent {
        println!("not installed: {name}");
    }
    println!();
    for (name, base, limit) in GOALS {
        match contest.ratio(name, base) {
            Some(ratio) => {
                let verdict = if ratio <= limit { "met" } else { "missed" };
                println!("{name} takes {ratio:.2} of {base}; the goal of at most {limit} is {verdict}");
            }
            None => println!("{name} cannot be compared with {base} here"),
        }
    }
    ExitCode::SUCCESS
}

/// Reads `--rounds N`; cargo adds `--bench`.
fn rounds(mut arguments: impl Iterator<Item = String>) -> Result<usize, String> {
    let mut rounds = ROUNDS;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--rounds" => {
                let count = arguments.next().and_then(|count| count.parse().ok()).filter(|count| *count > 0);
                rounds = count.ok_or("--rounds takes a number")?;
            }
            other => return Err(format!("{other} is not known; usage: cargo bench -p ssoctl [-- --rounds N]")),
        }
    }
    Ok(rounds)
}
