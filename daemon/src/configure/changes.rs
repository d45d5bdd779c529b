//! Changes to a text by whole lines, pure: applied, and shown as a unified diff.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use ssoctl_aws_files::is_secret;
use ssoctl_protocol::text::{self, LONGEST_LINE};

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 3;

/// Lines in place of others. Those of one value do not overlap.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Changes(BTreeMap<(usize, usize), Vec<String>>);

/// A part of [`Changes`].
struct Change<'a> {
    /// What goes; empty for what is put before a line.
    old: Range<usize>,
    /// What comes, each with its line end.
    new: &'a [String],
}

impl Changes {
    /// Puts lines in place of others. What is put at one place stays in the order in which it was put there.
    pub(super) fn put(&mut self, old: Range<usize>, new: Vec<String>) {
        self.0.entry((old.start, old.end)).or_default().extend(new);
    }

    /// Takes lines away, but for those at their beginning that an earlier call has taken.
    pub(super) fn take(&mut self, old: Range<usize>) {
        let before = self.0.range(..=(old.start, usize::MAX)).next_back();
        let taken = before.map(|(&(_, end), _)| end).unwrap_or_default();
        self.put(taken.max(old.start)..old.end, Vec::new());
    }

    /// Ends the last line where something is put behind it.
    pub(super) fn end_last_line(&mut self, lines: &[&str], line_end: &str) {
        let Some(last) = lines.last().filter(|line| !line.ends_with(['\n', '\r'])) else { return };
        let index = lines.len() - 1;
        let is_followed = self.0.range((lines.len(), 0)..).next().is_some();
        let is_replaced = self.list().any(|change| change.old.contains(&index));
        if is_followed && !is_replaced {
            self.put(index..index + 1, vec![format!("{last}{line_end}")]);
        }
    }

    fn list(&self) -> impl Iterator<Item = Change<'_>> {
        self.0.iter().map(|(&(start, end), new)| Change { old: start..end, new })
    }

    /// The text with all changes.
    pub(super) fn apply(&self, lines: &[&str]) -> String {
        let mut text = String::new();
        let mut done = 0;
        for change in self.list() {
            text.extend(lines[done..change.old.start].iter().copied());
            text.extend(change.new.iter().map(String::as_str));
            done = change.old.end;
        }
        text.extend(lines[done..].iter().copied());
        text
    }

    /// A unified diff. Secrets beside the changes are left out of it, and characters that would move a cursor.
    pub(super) fn diff(&self, lines: &[&str], path: &str) -> String {
        let mut diff = String::new();
        let mut grown = 0_isize;
        let list: Vec<Change<'_>> = self.list().collect();
        let mut rest = list.as_slice();
        while let Some(first) = rest.first() {
            let mut end = first.old.end;
            let count = rest.iter().take_while(|change| {
                let is_near = change.old.start <= end + 2 * CONTEXT;
                end = if is_near { change.old.end } else { end };
                is_near
            });
            let (hunk, others) = rest.split_at(count.count());
            rest = others;
            let from = first.old.start.saturating_sub(CONTEXT);
            let to = (end + CONTEXT).min(lines.len());
            let mut body = String::new();
            let mut done = from;
            let mut added = 0;
            for change in hunk {
                lines[done..change.old.start].iter().for_each(|line| show(&mut body, ' ', line));
                lines[change.old.clone()].iter().for_each(|line| show(&mut body, '-', line));
                change.new.iter().for_each(|line| show(&mut body, '+', line));
                added += change.new.len();
                done = change.old.end;
            }
            lines[done..to].iter().for_each(|line| show(&mut body, ' ', line));
            let removed: usize = hunk.iter().map(|change| change.old.len()).sum();
            let (old, new) = (to - from, to - from - removed + added);
            let new_from = from.saturating_add_signed(grown);
            grown = grown.saturating_add_unsigned(added).saturating_sub_unsigned(removed);
            if diff.is_empty() {
                let _ = write!(diff, "--- {path}\n+++ {path}\n");
            }
            let _ = writeln!(diff, "@@ -{} +{} @@", span(from, old), span(new_from, new));
            diff.push_str(&body);
        }
        diff
    }
}

/// First line, counted from 1, and number of lines. Nothing at all comes behind the line before it.
fn span(from: usize, count: usize) -> String {
    format!("{},{count}", if count == 0 { from } else { from + 1 })
}

fn show(diff: &mut String, mark: char, line: &str) {
    let content = line.trim_end_matches(['\n', '\r']);
    let key = content.split_once(['=', ':']).map(|(key, _)| key.trim().to_lowercase());
    diff.push(mark);
    match key.filter(|key| is_secret(key)) {
        Some(key) => {
            let _ = write!(diff, "{key} = (not shown)");
        }
        None => {
            // Tabs are part of how people lay their files out.
            let words: Vec<_> = content.split('\t').map(|word| text::shown(word, LONGEST_LINE)).collect();
            diff.push_str(&words.join("\t"));
        }
    }
    diff.push('\n');
    if content.len() == line.len() {
        diff.push_str("\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use ssoctl_aws_files::lines;

    use super::*;

    fn changes(list: &[(Range<usize>, &[&str])]) -> Changes {
        let mut changes = Changes::default();
        for (old, new) in list {
            changes.put(old.clone(), new.iter().map(ToString::to_string).collect());
        }
        changes
    }

    #[test]
    fn changes_are_applied_wherever_they_were_put_first() {
        let lines = lines("1\n2\n3\n4\n");
        let changes =
            changes(&[(4..4, &["x\n"]), (1..2, &[]), (4..4, &["y\n"]), (2..2, &["new\n"]), (2..3, &["three\n"])]);
        assert_eq!(changes.apply(&lines), "1\nnew\nthree\n4\nx\ny\n");
        assert_eq!(Changes::default().apply(&lines), "1\n2\n3\n4\n");
    }

    #[test]
    fn lines_are_taken_once() {
        let lines = lines("1\n2\n3\n4\n");
        let mut changes = Changes::default();
        changes.take(0..2);
        changes.take(1..3);
        assert_eq!(changes.apply(&lines), "4\n");
    }

    #[test]
    fn a_last_line_is_ended_only_if_something_follows() {
        let lines = lines("a\nb");
        for (list, expected) in [
            (vec![(2..2, &["c\n"][..])], "a\nb\r\nc\n"),
            (vec![(0..1, &["A\n"][..])], "A\nb"),
            (vec![(1..2, &[][..]), (2..2, &["c\n"][..])], "a\nc\n"),
        ] {
            let mut changes = changes(&list);
            changes.end_last_line(&lines, "\r\n");
            assert_eq!(changes.apply(&lines), expected);
        }
    }

    #[test]
    fn a_diff_has_hunks_with_context_and_without_secrets() {
        let text = "1\n2\n3\naws_secret_access_key = abc\n5\n6\x1b[2J\n7\n8\n9\n10\n11\n12\n13";
        let lines = lines(text);
        let mut changes = changes(&[(4..5, &["five\n"]), (13..13, &["14\n"])]);
        changes.end_last_line(&lines, "\n");
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
        assert_eq!(changes.diff(&lines, "f"), expected);
    }

    #[test]
    fn a_diff_of_a_file_that_is_made_or_emptied_counts_from_nothing() {
        assert_eq!(changes(&[(0..0, &["a\n"])]).diff(&[], "f"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(changes(&[(0..1, &[])]).diff(&["a\n"], "f"), "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a\n");
        assert_eq!(Changes::default().diff(&["a\n"], "f"), "");
    }
}
