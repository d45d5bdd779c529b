//! The report for a person.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ssoctl_protocol::text;

use super::plan::{Fate, SectionOutcome};

#[derive(Debug)]
pub struct Summary {
    /// For standard output.
    pub output: String,
    /// For standard error.
    pub remarks: String,
}

impl Summary {
    pub(super) fn done(
        path: &Path,
        outcomes: &[SectionOutcome],
        backup: Option<PathBuf>,
        region: Option<&str>,
    ) -> Self {
        let mut output = lines(outcomes, |_| true);
        let _ = write!(output, "{}: {}", path.display(), counts(outcomes));
        if let Some(backup) = backup {
            let _ = write!(output, "; backup: {}", backup.display());
        }
        output.push('\n');
        Self { output, remarks: missing_region(outcomes, region).to_owned() }
    }

    pub(super) fn intended(path: &Path, outcomes: &[SectionOutcome], diff: String, region: Option<&str>) -> Self {
        let mut remarks = lines(outcomes, |fate| matches!(fate, Fate::Left(_)));
        let _ = writeln!(remarks, "{}: {} (--dry-run, nothing is changed)", path.display(), counts(outcomes));
        remarks.push_str(missing_region(outcomes, region));
        Self { output: diff, remarks }
    }
}

/// Most AWS tools fail without a region, which the portal does not know.
fn missing_region(outcomes: &[SectionOutcome], region: Option<&str>) -> &'static str {
    let is_new_profile =
        |outcome: &SectionOutcome| outcome.fate == Fate::Added && !outcome.name.starts_with("sso-session ");
    match region.is_none() && outcomes.iter().any(is_new_profile) {
        true => "The added profiles have no region; ssoctl configure --region REGION gives them one.\n",
        false => "",
    }
}

fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Added => "added",
        Fate::Changed => "changed",
        Fate::Unchanged => "unchanged",
        Fate::Removed => "removed",
        Fate::Left(_) => "left alone",
    }
}

/// A line for each section that was not left unchanged, if `is_shown`.
fn lines(outcomes: &[SectionOutcome], is_shown: impl Fn(&Fate) -> bool) -> String {
    let mut lines = String::new();
    for SectionOutcome { name, fate } in outcomes.iter().filter(|outcome| is_shown(&outcome.fate)) {
        let name = text::line(name);
        // Writing to a string cannot fail.
        let _ = match fate {
            Fate::Unchanged => Ok(()),
            Fate::Left(reason) => writeln!(lines, "{:10}  {name}: {}", word(fate), text::line(&reason.to_string())),
            _ => writeln!(lines, "{:10}  {name}", word(fate)),
        };
    }
    lines
}

fn counts(outcomes: &[SectionOutcome]) -> String {
    let counted = ["added", "changed", "removed", "unchanged", "left alone"].into_iter().filter_map(|what| {
        let count = outcomes.iter().filter(|outcome| word(&outcome.fate) == what).count();
        (count > 0).then(|| format!("{count} {what}"))
    });
    let counted: Vec<String> = counted.collect();
    if counted.is_empty() { "the portal lists no such role".to_owned() } else { counted.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Reason;
    use super::*;

    const NO_REGION: &str = "The added profiles have no region; ssoctl configure --region REGION gives them one.\n";

    fn outcomes() -> Vec<SectionOutcome> {
        [
            ("sso-session corp", Fate::Added),
            ("dev-Admin", Fate::Added),
            ("dev-Read", Fate::Unchanged),
            ("prod\x1b[2J", Fate::Left(Reason::NotListed)),
            ("old", Fate::Removed),
        ]
        .map(|(name, fate)| SectionOutcome { name: name.to_owned(), fate })
        .into()
    }

    #[test]
    fn each_section_has_a_line_unless_it_is_unchanged() {
        let report = Summary::done(
            Path::new("/h/config"),
            &outcomes(),
            Some("/h/config.ssoctl-backup".into()),
            Some("eu-west-1"),
        );
        let expected = "\
added       sso-session corp
added       dev-Admin
left alone  prod\\u{1b}[2J: the portal does not list its role any more; --prune removes it
removed     old
/h/config: 2 added, 1 removed, 1 unchanged, 1 left alone; backup: /h/config.ssoctl-backup
";
        assert_eq!((report.output.as_str(), report.remarks.as_str()), (expected, ""));
        let without_region = Summary::done(Path::new("/h/config"), &outcomes(), None, None);
        assert_eq!(without_region.remarks, NO_REGION);
        let session_alone = Summary::done(Path::new("/h/config"), &outcomes()[..1], None, None);
        assert_eq!(session_alone.remarks, "");
    }

    #[test]
    fn a_dry_run_prints_only_the_difference() {
        let report = Summary::intended(Path::new("/h/config"), &outcomes(), "DIFF\n".to_owned(), None);
        assert_eq!(report.output, "DIFF\n");
        let expected = "\
left alone  prod\\u{1b}[2J: the portal does not list its role any more; --prune removes it
/h/config: 2 added, 1 removed, 1 unchanged, 1 left alone (--dry-run, nothing is changed)
";
        assert_eq!(report.remarks, format!("{expected}{NO_REGION}"));
        let nothing = Summary::intended(Path::new("/h/config"), &[], String::new(), None);
        assert_eq!(nothing.remarks, "/h/config: the portal lists no such role (--dry-run, nothing is changed)\n");
    }
}
