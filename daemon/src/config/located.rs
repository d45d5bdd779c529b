//! Values and problems with the lines where they stand.

use std::collections::BTreeMap;
use std::path::Path;

use ssoctl_aws_files::Doubt;

use super::{Problem, Severity};

/// The keys of a section, in lower case, with their values.
pub(super) type Entries = BTreeMap<String, Located<String>>;

/// A value and the line where its key stands, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

impl Located<String> {
    /// What is wrong with this value of an AWS file, with the likely cause where something follows it on its line.
    pub(super) fn explained(&self, wrong: String) -> String {
        if [" #", " ;", "\t#", "\t;"].iter().any(|comment| self.value.contains(comment)) {
            format!(
                "{wrong} (to the AWS CLI, what follows on the line is part of the value; give a comment its own line)"
            )
        } else {
            wrong
        }
    }
}

/// A problem in a file whose path is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineProblem {
    pub(super) severity: Severity,
    pub(super) line: usize,
    pub(super) message: String,
}

impl LineProblem {
    pub(super) fn error(line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, line, message: message.into() }
    }

    /// The problem at this place.
    pub(super) fn in_file(self, file: &Path, line: usize) -> Problem {
        Problem { severity: self.severity, file: file.to_owned(), line: Some(line), message: self.message }
    }

    pub(super) fn warning(line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, line, message: message.into() }
    }
}

impl From<&Doubt> for LineProblem {
    fn from(doubt: &Doubt) -> Self {
        let severity = if doubt.kind.is_loss() { Severity::Error } else { Severity::Warning };
        Self { severity, line: doubt.line, message: doubt.kind.to_string() }
    }
}
