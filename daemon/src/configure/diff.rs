//! Shows the difference between two texts of the AWS configuration as a unified diff.

use std::fmt::Write as _;

use similar::algorithms::{Capture, Replace, myers};
use similar::group_diff_ops;
use similar::udiff::UnifiedHunkHeader;
use ssoctl_aws_files::is_secret;
use ssoctl_protocol::text;

/// How many lines of context there are around a change, as `diff -u` has them.
const CONTEXT: usize = 3;

/// The unified diff; empty if there is no difference. Values of secrets and deceptive characters are not shown.
///
/// The algorithm is called directly, because `similar::TextDiff` links all of them: 600 kB of code.
pub(super) fn diff(before: &str, after: &str, path: &str) -> String {
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (old, new) = (lines(before), lines(after));
    let mut changes = Replace::new(Capture::new());
    let Ok(()) = myers::diff(&mut changes, &old[..], 0..old.len(), &new[..], 0..new.len());
    let mut diff = String::new();
    for hunk in group_diff_ops(changes.into_inner().into_ops(), CONTEXT) {
        // Writing to a string cannot fail.
        if diff.is_empty() {
            let _ = write!(diff, "--- {path}\n+++ {path}\n");
        }
        let _ = writeln!(diff, "{}", UnifiedHunkHeader::new(&hunk));
        for change in hunk.iter().flat_map(|operation| operation.iter_changes(&old, &new)) {
            let end = if change.value().ends_with('\n') { "" } else { "\n\\ No newline at end of file" };
            let _ = writeln!(diff, "{}{}{end}", change.tag(), shown(change.value()));
        }
    }
    diff
}

fn shown(line: &str) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    let key = line.split_once(['=', ':']).map(|(key, _)| key.trim().to_lowercase());
    match key.filter(|key| is_secret(key)) {
        Some(key) => format!("{key} = (not shown)"),
        // Tabs stay, because they are part of how people lay out their files.
        None => line.split('\t').map(|word| text::line(word)).collect::<Vec<_>>().join("\t"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_has_hunks_with_context_and_without_secrets() {
        let before = "1\n2\n3\naws_secret_access_key = abc\n5\n6\x1b[2J\n7\n8\n9\n10\n11\n12\n13";
        let after = format!("{}\n14\n", before.replace("5\n", "five\n"));
        let expected = "\
--- f
+++ f
@@ -2,7 +2,7 @@
 2
 3
 aws_secret_access_key = (not shown)
-5
+five
 6\\u{1b}[2J
 7
 8
@@ -10,4 +10,5 @@
 10
 11
 12
-13
\\ No newline at end of file
+13
+14
";
        assert_eq!(diff(before, &after, "f"), expected);
    }

    #[test]
    fn a_file_can_be_created_or_emptied() {
        assert_eq!(diff("", "a\n", "f"), "--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(diff("a\n", "", "f"), "--- f\n+++ f\n@@ -1 +0,0 @@\n-a\n");
        assert_eq!(diff("a\n", "a\n", "f"), "");
    }
}
