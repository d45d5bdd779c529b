//! Places in configuration files, and their problems.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    pub file: Arc<Path>,
    /// The line in the file, counted from 1.
    pub line: usize,
}

impl FileLine {
    pub(super) fn new(file: &Arc<Path>, line: usize) -> Self {
        Self { file: Arc::clone(file), line }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> Problem {
        self.problem(Severity::Error, message.into())
    }

    pub(super) fn warning(&self, message: impl Into<String>) -> Problem {
        self.problem(Severity::Warning, message.into())
    }

    fn problem(&self, severity: Severity, message: String) -> Problem {
        Problem { severity, file: self.file.to_path_buf(), line: Some(self.line), message }
    }
}

impl fmt::Display for FileLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A value and the place of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: FileLine,
}

impl Located<String> {
    /// An error in this value of an AWS file, with the likely cause where a comment follows it on its line.
    pub(super) fn aws_error(&self, mut message: String) -> Problem {
        if [" #", " ;", "\t#", "\t;"].iter().any(|comment| self.value.contains(comment)) {
            message += " (to the AWS CLI, what follows on the line is part of the value; give a comment its own line)";
        }
        self.place.error(message)
    }
}

/// An error or a doubt in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub file: PathBuf,
    /// Counted from 1; `None` if the problem is not in one line.
    pub line: Option<usize>,
    /// The problem and its remedy: a fragment in lower case.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything is used, but the person may have meant something else.
    Warning,
    /// Something is ignored.
    Error,
}
