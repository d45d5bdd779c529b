//! Doctor's findings: as lines for people, and as JSON for scripts.

use std::fmt::Write as _;

use serde::Serialize;
use ssoctl_protocol::text;

/// The name of something that doctor checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Check(pub(super) &'static str);

impl Check {
    pub(super) fn ok(self, message: impl Into<String>) -> Finding {
        Finding { name: self, result: Verdict::Ok, message: message.into(), remedy: None }
    }

    pub(super) fn warning(self, message: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { name: self, result: Verdict::Warning, message: message.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn problem(self, message: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { name: self, result: Verdict::Problem, message: message.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn skipped(self, message: impl Into<String>) -> Finding {
        Finding { name: self, result: Verdict::Skipped, message: message.into(), remedy: None }
    }
}

/// One line of the report, with the names of its JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    pub name: Check,
    pub result: Verdict,
    /// A fragment in lower case, never a secret.
    pub message: String,
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// It works, but not as well as it could.
    Warning,
    /// Something does not work.
    Problem,
    /// There is nothing to check here.
    Skipped,
}

/// All findings, in the order in which a person would look.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    pub checks: Vec<Finding>,
    /// Whether there is no problem. Warnings do not count.
    pub ok: bool,
}

/// Whether the text is for a terminal that shows colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    Shown,
    Plain,
}

impl Report {
    pub(super) fn new(checks: Vec<Finding>) -> Self {
        let ok = checks.iter().all(|check| check.result != Verdict::Problem);
        Self { checks, ok }
    }

    /// One line for each check, its remedy below it, and a summary.
    pub fn text(&self, colour: Colour) -> String {
        let width = self.checks.iter().map(|check| check.name.0.len()).max().unwrap_or_default();
        let mut lines = String::new();
        for Finding { name: Check(name), result, message, remedy } in &self.checks {
            let (mark, code) = mark(*result);
            let (on, off) = match colour {
                Colour::Shown => (code, "\x1b[0m"),
                Colour::Plain => ("", ""),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{on}{mark}{off}  {name:width$}  {}", text::line(message));
            if let Some(remedy) = remedy {
                let _ = writeln!(lines, "{:indent$}-> {}", "", text::line(remedy), indent = 4 + 2 + width + 2);
            }
        }
        let count = |wanted| self.checks.iter().filter(|check| check.result == wanted).count();
        let summary = match (count(Verdict::Problem), count(Verdict::Warning)) {
            (0, 0) => "all is well".to_owned(),
            (problems, warnings) => format!("{}, {}", counted(problems, "problem"), counted(warnings, "warning")),
        };
        let _ = writeln!(lines, "\n{summary}");
        lines
    }

    /// `{"checks":[{"name","result","message","remedy"}],"ok"}` on one line.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| text::in_json(&json).into_owned() + "\n")
    }
}

const fn mark(result: Verdict) -> (&'static str, &'static str) {
    match result {
        Verdict::Ok => ("ok  ", "\x1b[32m"),
        Verdict::Warning => ("warn", "\x1b[33m"),
        Verdict::Problem => ("FAIL", "\x1b[1;31m"),
        Verdict::Skipped => ("skip", "\x1b[2m"),
    }
}

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Finding {
        /// Insists on this result and these words, and that a remedy is named where one is needed.
        #[track_caller]
        pub(in crate::doctor) fn says(&self, result: Verdict, words: &str) {
            assert!(self.result == result && self.message.contains(words), "{self:?}");
            assert_eq!(self.remedy.is_some(), matches!(result, Verdict::Warning | Verdict::Problem), "{self:?}");
        }
    }

    fn report() -> Report {
        Report::new(vec![
            Check("daemon").ok("it answers"),
            Check("browser").warning("no\n\x1b[2Jopener", "install one"),
            Check("clock").problem("it is wrong", "set it"),
            Check("keyring").skipped("no bus"),
        ])
    }

    #[test]
    fn marks_are_aligned_remedies_indented_and_foreign_words_cannot_move_the_cursor() {
        let expected = "\
ok    daemon   it answers
warn  browser  no\\n\\u{1b}[2Jopener
               -> install one
FAIL  clock    it is wrong
               -> set it
skip  keyring  no bus

1 problem, 1 warning
";
        assert_eq!(report().text(Colour::Plain), expected);
        assert!(report().text(Colour::Shown).contains("\x1b[1;31mFAIL\x1b[0m  clock"));
    }

    #[test]
    fn only_problems_make_a_report_bad() {
        assert!(!report().ok);
        let fine = Report::new(report().checks.into_iter().filter(|it| it.result != Verdict::Problem).collect());
        assert!(fine.ok);
        assert!(fine.text(Colour::Plain).ends_with("\nno problems, 1 warning\n"));
        assert!(Report::new(Vec::new()).text(Colour::Plain).ends_with("all is well\n"));
    }

    #[test]
    fn scripts_get_every_member_also_where_there_is_no_remedy() {
        let json: serde_json::Value = serde_json::from_str(&report().json().unwrap()).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(
            json["checks"][0],
            serde_json::json!({"name": "daemon", "result": "ok", "message": "it answers", "remedy": null})
        );
        let results: Vec<_> = json["checks"].as_array().unwrap().iter().map(|check| &check["result"]).collect();
        assert_eq!(results, ["ok", "warning", "problem", "skipped"]);
    }
}
