//! `ssoctl`, the thin client of `ssoctld`.
//!
//! It sends requests to the daemon over a Unix socket and shows the answers, or hands them to a command. It knows nothing of
//! sessions and profiles and stores nothing; the daemon does, also for the list from which a person picks a role (`picker`). `tests/thinness.rs` lists the crates of ours that it may link.
//!
//! Other tools call `ssoctl token`, sometimes hundreds of times in a row. So that takes one connect, one write and one read; no file
//! is read, and no thread is started.

mod attendance;
mod aws_files;
mod browser;
mod cli;
mod commands;
mod completion;
mod connection;
mod console_page;
mod container_endpoint;
mod differences;
mod environment;
mod failure;
mod http;
mod installation;
mod isolation;
mod next_steps;
mod output;
mod picker;
mod render;
mod role_environment;
mod service_manager;
mod shell;
mod socket;
mod start;
mod terminal;
mod wakeful;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use failure::Failure;

/// The command line with every verb; those of the daemon have no arguments here.
pub fn command() -> clap::Command {
    cli::command(None)
}

/// The script with which each shell completes the command lines of `ssoctl`, by the shell's name.
pub fn completion_scripts() -> impl Iterator<Item = (&'static str, &'static str)> {
    use commands::completion::Shell::{Bash, Fish, Powershell, Zsh};
    let shells = [("bash", Bash), ("zsh", Zsh), ("fish", Fish), ("powershell", Powershell)];
    shells.into_iter().map(|(name, shell)| (name, shell.script()))
}

/// Runs a command line, the program's name first, and returns the exit code for the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(asked) = completion::Asked::read(&arguments) {
        asked.answer();
        return ExitCode::SUCCESS;
    }
    match cli::run(arguments) {
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
