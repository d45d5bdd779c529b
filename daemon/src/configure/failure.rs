//! Why `configure` did nothing, for a person and for scripts.

use std::path::PathBuf;

use ssoctl_protocol::{ErrorCode, ExitCode, Problem, shell, text};

use super::choice::{NoMatch, SameName};
use super::file::FileError;
use super::plan::Refusal;

/// Why nothing was done. `Display` is the text after `ssoctl: ` and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The daemon answered with a problem.
    #[error("{}", with_remedy(.0))]
    Problem(Box<Problem>),
    #[error("{}: {why}; run: ssoctl status", .socket.display())]
    Unanswered { socket: PathBuf, why: String },
    #[error("the daemon's answer cannot be used: {0}; end it, and the next call starts it again: ssoctl stop")]
    UnusableAnswer(String),
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    #[error(transparent)]
    SameName(#[from] SameName),
    /// The file cannot be added to.
    #[error("{}: {why}", .path.display())]
    Refused { path: PathBuf, why: Refusal },
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
            Self::Problem(problem) => problem.code.exit_code(),
            Self::Unanswered { .. } | Self::UnusableAnswer(_) => ExitCode::DaemonUnreachable,
            Self::NoMatch(_) | Self::SameName(_) => ExitCode::Usage,
            Self::Refused { .. } | Self::File { .. } => ExitCode::Other,
        }
    }
}

fn with_remedy(problem: &Problem) -> String {
    let detail = &problem.detail;
    match (&problem.code, &problem.session) {
        (ErrorCode::SignInRequired, Some(session)) => {
            format!("{detail}; run: ssoctl login {}", shell::argument(session))
        }
        (ErrorCode::UnknownSession, _) if !problem.sessions.is_empty() => {
            format!("{detail}; the sessions are: {}", problem.sessions.join(", "))
        }
        (ErrorCode::ServiceUnavailable | ErrorCode::StoreUnavailable | ErrorCode::ShuttingDown, _) => {
            format!("{detail}; nothing was changed, try again")
        }
        _ => detail.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_comes_with_its_remedy() {
        let problem = |code: ErrorCode| Problem::new(code, "it is so").of_session("my corp");
        for (problem, expected, code) in [
            (problem(ErrorCode::SignInRequired), "it is so; run: ssoctl login 'my corp'", 3),
            (
                problem(ErrorCode::UnknownSession).with_choices(vec!["a".to_owned(), "b".to_owned()]),
                "it is so; the sessions are: a, b",
                6,
            ),
            (problem(ErrorCode::ServiceUnavailable), "it is so; nothing was changed, try again", 1),
            (problem(ErrorCode::ServiceRefused), "it is so", 7),
        ] {
            let failure = Failure::Problem(Box::new(problem));
            assert_eq!((failure.to_string().as_str(), failure.exit_code() as u8), (expected, code));
        }
    }
}
