//! The output of `ssoctl doctor --json`.

use std::process::Command;

use serde_json::Value;

use test_support::Stage;

/// A report, and the exit code that went with it.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    /// Runs `ssoctl doctor --json`, and insists that its exit code says what the report says.
    #[track_caller]
    pub(crate) fn on(stage: &Stage) -> Self {
        Self::in_shell(stage, &[])
    }

    /// The same in a shell with these variables.
    #[track_caller]
    pub(crate) fn in_shell(stage: &Stage, variables: &[(&str, &str)]) -> Self {
        let mut command = stage.ssoctl(["doctor", "--json"]);
        command.envs(variables.iter().copied());
        Self::by(stage, command)
    }

    /// The same by a command that becomes `ssoctl doctor --json`.
    #[track_caller]
    pub(crate) fn by(stage: &Stage, command: Command) -> Self {
        let outcome = stage.finish(command);
        let report = outcome.json();
        let code = if report["ok"].as_bool().expect("a verdict") { 0 } else { 1 };
        outcome.exits(code);
        Self(report)
    }

    /// The checks of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.checks().iter().filter(move |check| check["name"] == name)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.checks().iter().filter_map(|check| check["name"].as_str()).collect();
        names.dedup();
        names
    }

    /// The names of the checks that found a problem.
    pub(crate) fn problems(&self) -> Vec<&str> {
        let problems = self.checks().iter().filter(|check| check["result"] == "problem");
        problems.filter_map(|problem| problem["name"].as_str()).collect()
    }

    fn checks(&self) -> &Vec<Value> {
        self.0["checks"].as_array().expect("checks")
    }

    /// Insists that nothing is a problem.
    #[track_caller]
    pub(crate) fn is_well(&self) {
        assert_eq!(self.0["ok"], true, "{self:#?}");
    }

    /// Insists on this result and these words in its message, and that a remedy is named where one is needed.
    #[track_caller]
    pub(crate) fn finds(&self, name: &str, result: &str, words: &str) -> &Self {
        let mut found = self.all(name);
        let is_it = |check: &&Value| {
            check["result"] == result && check["message"].as_str().is_some_and(|message| message.contains(words))
        };
        let check = found.find(is_it).unwrap_or_else(|| panic!("no {result} {name} with {words:?} in {self:#?}"));
        assert_eq!(check["remedy"].is_string(), matches!(result, "warning" | "problem"), "{check}");
        self
    }

    /// Insists that this is the only kind of problem.
    #[track_caller]
    pub(crate) fn only(&self, name: &str) {
        let problems = self.checks().iter().filter(|check| check["result"] == "problem");
        assert!(problems.clone().all(|problem| problem["name"] == name), "{self:#?}");
        assert!(problems.count() > 0, "{self:#?}");
    }
}
