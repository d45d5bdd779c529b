//! The reasons why `configure` changes nothing, for people and for scripts.

use std::path::PathBuf;

use ssoctl_protocol::remedy::with_remedy;
use ssoctl_protocol::{ExitCode, Problem, Timestamp, text};

use super::choice::{NoMatch, SameName};
use super::file::FileError;
use super::plan::Unchangeable;

/// `Display` is the text after `ssoctl: ` and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The daemon answered with a problem, at this time.
    #[error("{}", with_remedy(.0, *.1))]
    Problem(Box<Problem>, Timestamp),
    #[error("{}: {why}; run: ssoctl status", .socket.display())]
    Unanswered { socket: PathBuf, why: String },
    #[error("the daemon's answer cannot be used: {0}; end it, and the next call starts it again: ssoctl stop")]
    UnusableAnswer(String),
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    #[error(transparent)]
    SameName(#[from] SameName),
    #[error("{}: {why}", .path.display())]
    Refused { path: PathBuf, why: Unchangeable },
    #[error("{}: {why}", .path.display())]
    File { path: PathBuf, why: FileError },
}

impl Failure {
    /// The line for a terminal. It contains text of others, so deceptive characters are escaped.
    pub fn line(&self) -> String {
        format!("ssoctl: {}\n", text::line(&self.to_string()))
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Problem(problem, _) => problem.code.exit_code(),
            Self::Unanswered { .. } | Self::UnusableAnswer(_) => ExitCode::DaemonUnreachable,
            Self::NoMatch(_) | Self::SameName(_) => ExitCode::Usage,
            Self::Refused { .. } | Self::File { .. } => ExitCode::Other,
        }
    }
}
