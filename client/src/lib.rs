//! `ssoctl`, the thin client of `ssoctld`.
//!
//! It sends requests to the daemon over a Unix socket and shows the answers, or hands them to a command. It knows nothing of
//! sessions and profiles and stores nothing; the daemon does. `tests/thinness.rs` lists the crates of ours that it may link.
//!
//! Other tools call `ssoctl token`, sometimes hundreds of times in a row. So that takes one connect, one write and one read; no file
//! is read, and no thread is started.
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`commands`] | one file for each verb, and the table of verbs |
//! | [`connection`] | requests to the daemon |
//! | [`socket`] | connecting, and who listens at a socket |
//! | [`http`] | the bytes of requests and answers, without I/O |
//! | [`aws_files`] | the AWS files that the environment names |
//! | [`differences`] | differences between the daemon's environment and this shell's |
//! | [`start`] | starting a daemon if none runs |
//! | [`service_manager`] | the commands of systemd and launchd |
//! | [`installation`] | where the programs are installed |
//! | [`role_environment`] | the variables that carry a role, and those that conflict with them |
//! | [`shell`] | how variables are set in each shell's language |
//! | [`container_endpoint`] | the address where a command renews its credentials |
//! | [`attendance`] | being a command's parent: signals and exit code |
//! | [`browser`] | opening pages with `ssoctld open-page` |
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
mod installation;
mod output;
mod render;
mod role_environment;
mod service_manager;
mod shell;
mod socket;
mod start;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use failure::Failure;

/// Runs a command line, the program's name first, and returns the exit code for the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match cli::run(arguments.into_iter().collect()) {
        Ok(code) => code,
        Err(Failure::Unwritable(error)) if error.kind() == io::ErrorKind::BrokenPipe => end_by_broken_pipe(),
        Err(failure) => {
            render::notice(&failure.to_string());
            differences::behind(&failure).iter().for_each(|difference| render::notice(difference));
            ExitCode::from(failure.exit_code() as u8)
        }
    }
}

/// Ends as a program does that does not handle SIGPIPE. Rust's runtime has ignored the signal.
fn end_by_broken_pipe() -> ExitCode {
    use signal_hook::{consts::SIGPIPE, low_level::emulate_default_handler};
    // If the signal is blocked, the exit code is the one that a shell would show.
    let _ = emulate_default_handler(SIGPIPE);
    ExitCode::from(128 + SIGPIPE as u8)
}
