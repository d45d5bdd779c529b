//! What a check found.

use serde::Serialize;

/// One line of the report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How it stands.
    pub result: Verdict,
    /// What was found: a fragment in lower case, never a secret.
    pub message: String,
    /// What to do about it; `null` where there is nothing to do.
    pub remedy: Option<String>,
}

/// How a thing stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and not as well as it could.
    Warning,
    /// Something does not work.
    Problem,
    /// There is nothing to look at here.
    Skipped,
}

impl Finding {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, result: Verdict::Ok, message: message.into(), remedy: None }
    }

    pub(super) fn warning(name: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, result: Verdict::Warning, message: message.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn problem(name: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, result: Verdict::Problem, message: message.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn skipped(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, result: Verdict::Skipped, message: message.into(), remedy: None }
    }
}
