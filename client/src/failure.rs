//! The failure of a command, and its exit code.

use std::fmt;
use std::io;

use ssoctl_protocol::remedy::with_remedy;
use ssoctl_protocol::{ExitCode, Problem};

use crate::environment;

/// `Display` gives the text after `ssoctl: `, with the remedy.
#[derive(Debug)]
pub(crate) enum Failure {
    Problem(Box<Problem>),
    /// No daemon answered, or its answer cannot be trusted or understood.
    Unreachable(String),
    /// The command line or a variable is wrong.
    Usage(String),
    Unwritable(io::Error),
    NobodySignedIn(String),
    /// The person was asked and has picked nothing.
    NothingPicked,
    /// The person was asked and has left.
    NothingTyped,
    NotStarted(Box<Failure>),
    NotExecuted {
        command: String,
        error: io::Error,
    },
    Other(String),
}

impl Failure {
    /// The terminal where a person was to be asked has failed.
    pub(crate) fn cannot_ask(error: io::Error) -> Self {
        Self::Other(format!("the terminal cannot be used to ask: {error}; use --no-input"))
    }

    pub(crate) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::NotStarted(failure) => failure.problem(),
            _ => None,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Problem(problem) => problem.code.exit_code(),
            Self::Unreachable(_) => ExitCode::DaemonUnreachable,
            Self::Usage(_) => ExitCode::Usage,
            Self::NobodySignedIn(_) => ExitCode::WaitTimeout,
            Self::NothingPicked | Self::NothingTyped => ExitCode::Interrupted,
            Self::NotStarted(failure) if matches!(**failure, Self::NothingPicked) => ExitCode::Interrupted,
            Self::NotStarted(_) => ExitCode::CommandNotStarted,
            Self::NotExecuted { error, .. } if error.kind() == io::ErrorKind::NotFound => ExitCode::CommandNotFound,
            Self::NotExecuted { .. } => ExitCode::CommandNotExecutable,
            Self::Unwritable(_) | Self::Other(_) => ExitCode::Other,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => f.write_str(&with_remedy(problem, environment::now())),
            Self::Unreachable(text) | Self::Usage(text) | Self::NobodySignedIn(text) | Self::Other(text) => {
                f.write_str(text)
            }
            Self::NothingPicked => f.write_str("nothing was picked"),
            Self::NothingTyped => f.write_str("nothing was saved"),
            Self::NotStarted(failure) => failure.fmt(f),
            Self::NotExecuted { command, error } if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "{command}: not found; is it installed and on PATH?")
            }
            Self::NotExecuted { command, error } => write!(f, "{command} cannot be executed: {error}"),
            Self::Unwritable(error) => write!(f, "the answer could not be written to standard output: {error}"),
        }
    }
}

impl std::error::Error for Failure {}
