//! Compares the duration of whole processes: `cargo bench -p ssoctl [-- --rounds N]`.
//!
//! `ssoctl token --json` asks a real daemon that holds a token from the simulator. It is compared with `/bin/true`, which shows what
//! any process costs; with `limit`, a static program that does one round trip and nothing else; and with the agents and clients
//! that people know, if they are installed. Each round runs every command once, so that a busy machine slows all of them down
//! alike. The ratios of the medians are compared.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod contest;
mod rivals;
mod stage;

use std::process::ExitCode;

use contest::{Contest, Contestant};
use stage::{LIMIT, Stage, TAB_FOR_A_NAME, TAB_FOR_A_VERB};

const ROUNDS: usize = 1000;

/// The number of rounds of slow commands.
const LONG_ROUNDS: usize = 10;

/// The number of commands that run eight at a time.
const CROWD: usize = 400;

/// A goal of the project: a command, what it is compared with, and the largest ratio of the medians.
type Goal = (&'static str, &'static str, f64);

const GOALS: [Goal; 7] = [
    ("ssoctl", "oidc-token", 0.85),
    ("ssoctl, static", "/bin/true", 1.35),
    ("ssoctl, static", LIMIT, 1.2),
    ("ssoctl credential-process", "ssoctl", 1.1),
    ("ssoctl prompt, static", "/bin/true", 1.5),
    (TAB_FOR_A_VERB, "/bin/true", 1.5),
    (TAB_FOR_A_NAME, "/bin/true", 1.5),
];

/// The first one means two hundred times as fast.
const GOALS_OF_CREDENTIALS: [Goal; 2] = [
    ("ssoctl credential-process", "aws configure export-credentials", 0.005),
    ("400 x ssoctl credential-process", "400 x oidc-token", 1.0),
];

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
        stage.limit(),
        stage.client("ssoctl", &stage.binaries.plain),
        stage.client("ssoctl, static", &stage.binaries.linked_statically),
    ];
    contestants.push(stage.credential_process());
    contestants.push(stage.prompt());
    contestants.push(stage.tab(TAB_FOR_A_VERB, &["tok"]));
    contestants.push(stage.tab(TAB_FOR_A_NAME, &["exec", "--profile", ""]));
    let (rivals, absent) = rivals::installed(&stage);
    contestants.extend(rivals.iter().map(rivals::Rival::contestant));
    let contest = Contest::run(contestants, rounds);
    println!("{rounds} rounds; milliseconds from start to end of a process\n");
    print!("{}", contest.table(&["/bin/true", LIMIT, "oidc-token"]));
    for remark in rivals.iter().filter_map(rivals::Rival::remark) {
        println!("{remark}");
    }
    for name in absent {
        println!("not installed: {name}");
    }
    println!();
    judge(&contest, &GOALS);

    let mut contestants = vec![stage.credential_process(), stage.credential_process().crowd(CROWD)];
    let oidc_token = rivals.iter().find(|rival| rival.is_oidc_token());
    contestants.extend(oidc_token.map(|rival| rival.contestant().crowd(CROWD)));
    let of_aws = rivals::of_aws(&stage);
    if of_aws.is_none() {
        println!("not installed: the AWS CLI 2, or botocore");
    }
    contestants.extend(of_aws);
    let contest = Contest::run(contestants, LONG_ROUNDS.min(rounds));
    println!("\nCredentials of a role, and {CROWD} commands, eight at a time\n");
    print!("{}", contest.table(&["ssoctl credential-process"]));
    println!();
    judge(&contest, &GOALS_OF_CREDENTIALS);
    ExitCode::SUCCESS
}

fn judge(contest: &Contest, goals: &[Goal]) {
    for (name, base, limit) in goals {
        match contest.ratio(name, base) {
            Some(ratio) => {
                let verdict = if ratio <= *limit { "met" } else { "missed" };
                println!("{name} takes {ratio:.4} of {base}; the goal of at most {limit} is {verdict}");
            }
            None => println!("{name} cannot be compared with {base} here"),
        }
    }
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
