//! `ssoctl`, the thin client of `ssoctld`.
//!
//! It asks the daemon over its Unix socket and shows the answer, or hands it to the command that it starts. It knows nothing
//! of sessions and profiles, resolves no names and keeps nothing; all of that is the daemon's. Of our crates it depends on
//! `ssoctl-protocol` alone, and `tests/thinness.rs` proves it.
//!
//! `ssoctl token` is called by other tools, sometimes hundreds of times in a row. Its way through this crate is one
//! connect, one write and one read; nothing is read from files, and no thread is started.
//!
//! | module | what it owns |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`commands`] | one file per verb |
//! | [`connection`] | one request over the socket, and whose socket it is |
//! | [`http`] | the bytes of requests and answers, without I/O |
//! | [`aws_files`] | the AWS files that the environment names |
//! | [`differences`] | what the daemon has and this shell has not, and the other way round |
//! | [`start`] | starting a daemon where none runs |
//! | [`role_environment`] | the variables that carry a role, and those in their way |
//! | [`shell`] | how variables are set in each shell's language |
//! | [`container_endpoint`] | the address where one command renews its credentials |
//! | [`attendance`] | staying a command's parent: signals and exit code |
//! | [`browser`] | handing pages to `ssoctld open-page`: where a person approves, and the console |
//! | [`output`] | standard output |
//! | [`render`] | what a person reads |
//! | [`failure`] | why a command failed, and its exit code |
//! | [`environment`] | the one place that reads the environment and the clock |

mod attendance;
mod aws_files;
mod browser;
mod cli;
mod commands;
mod connection;
mod container_endpoint;
mod differences;
mod environment;
mod failure;
mod http;
mod output;
mod render;
mod role_environment;
mod shell;
mod start;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use failure::Failure;

/// Runs a command line, the program's name first, and returns the exit code for the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let outcome = match cli::Cli::try_parse_from(&arguments) {
        Ok(cli) => commands::run(cli),
        Err(answer) => {
            if answer.use_stderr() && cli::verb(&arguments).is_some_and(|verb| verb == "env") {
                commands::env::unreadable(&arguments, ssoctl_protocol::ExitCode::Usage);
            }
            cli::answer(&answer, cli::usage_code(&arguments))
        }
    };
    match outcome {
        Ok(code) => code,
        Err(Failure::Unwritable(error)) if error.kind() == io::ErrorKind::BrokenPipe => end_like_a_filter(),
        Err(failure) => {
            render::notice(&failure.to_string());
            differences::after(&failure).iter().for_each(|difference| render::notice(difference));
            ExitCode::from(failure.exit_code() as u8)
        }
    }
}

/// Whoever reads the output has seen enough: ends as a program does that knows nothing of SIGPIPE, which Rust has ignored.
fn end_like_a_filter() -> ExitCode {
    use signal_hook::{consts::SIGPIPE, low_level::emulate_default_handler};
    // If the signal is blocked, the exit code is the one that a shell would show.
    let _ = emulate_default_handler(SIGPIPE);
    ExitCode::from(128 + SIGPIPE as u8)
}
