//! The AWS configuration as lines and sections, pure: where a section is, whether it is ours, and how it is changed without
//! touching anything around it.

use std::collections::HashMap;

use ssoctl_aws_files::{self as aws_files, Doubt, Entry, Section, SectionKind, section_name};

use super::changes::Changes;

/// What stands in the line before each section that is ours. Without it a section is a person's, and is left alone.
pub(super) const MARK: &str = "# written by ssoctl configure";

/// A file's text, line by line.
pub(super) struct Document<'a> {
    pub(super) lines: Vec<&'a str>,
    pub(super) sections: Vec<Section<'a>>,
    /// What every section has that does not have it itself.
    pub(super) defaults: Vec<Entry<'a>>,
    by_name: HashMap<(SectionKind, String), Vec<usize>>,
    /// What ends its lines.
    pub(super) line_end: &'static str,
}

/// A member that a section should have.
pub(super) type Member = (&'static str, String);

impl<'a> Document<'a> {
    /// Reads a text, unless botocore would refuse it.
    pub(super) fn read(text: &'a str) -> Result<Self, Doubt> {
        let aws_files::Document { lines, sections, defaults, doubts } = aws_files::Document::read(text);
        if let Some(doubt) = doubts.into_iter().next() {
            return Err(doubt);
        }
        let line_end = match lines.first() {
            Some(first) if first.ends_with("\r\n") => "\r\n",
            Some(first) if first.ends_with('\r') => "\r",
            _ => "\n",
        };
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, section) in sections.iter().enumerate() {
            if let Some(name) = section_name(section.header) {
                by_name.entry(name).or_default().push(index);
            }
        }
        Ok(Self { lines, sections, defaults, by_name, line_end })
    }

    /// The sections of this kind and name; two if a person has written `[default]` and `[profile default]`.
    pub(super) fn find(&self, kind: SectionKind, name: &str) -> &[usize] {
        self.by_name.get(&(kind, name.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }

    /// The name of a profile.
    pub(super) fn profile_name(&self, section: usize) -> Option<String> {
        let (kind, name) = section_name(self.sections[section].header)?;
        (kind == SectionKind::Profile).then_some(name)
    }

    /// Whether a section is ours.
    pub(super) fn is_marked(&self, section: usize) -> bool {
        let header = self.header_place(section);
        header.checked_sub(1).is_some_and(|before| self.lines[before].trim() == MARK)
    }

    /// The value of a key.
    pub(super) fn value(&self, section: usize, key: &str) -> Option<&str> {
        self.sections[section].entry(key).map(|entry| &*entry.value).filter(|value| !value.is_empty())
    }

    fn header_place(&self, section: usize) -> usize {
        self.sections[section].line - 1
    }

    /// Gives a section these members, and takes those keys away. Members that it has already stay as they are written, and
    /// so does everything else in it.
    pub(super) fn update(&self, section: usize, members: &[Member], without: &[&str], changes: &mut Changes) {
        let entries = &self.sections[section].entries;
        // A header that is indented more than the key before it would continue that key's value, too.
        let first = entries.first().map(|entry| entry.lines.start).or_else(|| self.header_after(section));
        let mut indentation = first.map(|line| self.indentation(line)).unwrap_or_default();
        let mut place = self.header_place(section) + 1;
        for (name, value) in members {
            match entries.iter().find(|entry| entry.key == *name) {
                Some(entry) => {
                    // A line that is indented more than the key before it would continue that key's value.
                    indentation = self.indentation(entry.lines.start);
                    place = entry.lines.end;
                    if entry.value != *value {
                        let line = format!("{indentation}{name} = {value}{}", self.line_end);
                        changes.put(entry.lines.clone(), vec![line]);
                    }
                }
                None => changes.put(place..place, vec![format!("{indentation}{name} = {value}{}", self.line_end)]),
            }
        }
        for entry in entries.iter().filter(|entry| without.contains(&&*entry.key)) {
            changes.put(entry.lines.clone(), Vec::new());
        }
    }

    /// Takes a section away that is ours, with its mark and one of the empty lines around it.
    pub(super) fn remove(&self, section: usize, changes: &mut Changes) {
        let header = self.header_place(section);
        let end = self.sections[section].entries.iter().map(|entry| entry.lines.end).max().unwrap_or(header + 1);
        let start = header.saturating_sub(1);
        let is_blank = |line: usize| self.lines[line].trim().is_empty();
        let is_blank_behind = end < self.lines.len() && is_blank(end);
        let old = if start > 0 && is_blank(start - 1) && (end == self.lines.len() || is_blank_behind) {
            start - 1..end
        } else if start == 0 && is_blank_behind {
            start..end + 1
        } else {
            start..end
        };
        changes.take(old);
    }

    /// Puts sections at the end, each behind an empty line and our mark.
    pub(super) fn append(&self, sections: &[(String, Vec<Member>)], changes: &mut Changes) {
        let mut new = Vec::new();
        let mut is_apart = self.lines.last().is_none_or(|last| last.trim().is_empty());
        for (header, members) in sections {
            if !std::mem::replace(&mut is_apart, false) {
                new.push(self.line_end.to_owned());
            }
            new.push(format!("{MARK}{}", self.line_end));
            new.push(format!("[{header}]{}", self.line_end));
            new.extend(members.iter().map(|(name, value)| format!("{name} = {value}{}", self.line_end)));
        }
        if !new.is_empty() {
            changes.put(self.lines.len()..self.lines.len(), new);
        }
    }

    /// The header that follows a section without entries.
    fn header_after(&self, section: usize) -> Option<usize> {
        let is_header = |line: &usize| self.lines[*line].trim_start().starts_with('[');
        (self.header_place(section) + 1..self.lines.len()).find(is_header)
    }

    fn indentation(&self, line: usize) -> &'a str {
        let line = self.lines[line];
        &line[..line.len() - line.trim_start().len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, change: impl Fn(&Document<'_>, &mut Changes)) -> String {
        let document = Document::read(text).unwrap();
        let mut changes = Changes::default();
        change(&document, &mut changes);
        changes.end_last_line(&document.lines, document.line_end);
        changes.apply(&document.lines)
    }

    fn added(text: &str) -> String {
        let members = || vec![("region", "x".to_owned())];
        changed(text, |document, changes| {
            document.append(&[("profile a".to_owned(), members()), ("profile b".to_owned(), members())], changes);
        })
    }

    #[test]
    fn sections_are_added_behind_an_empty_line_with_the_files_own_line_ends() {
        let new = "# written by ssoctl configure\n[profile a]\nregion = x\n\n# written by ssoctl configure\n[profile b]\nregion = x\n";
        for (before, between) in [("", ""), ("\n", ""), ("[c]\nk = 1\n", "\n"), ("[c]\nk = 1", "\n\n"), ("# c\n\n", "")]
        {
            assert_eq!(added(before), format!("{before}{between}{new}"), "{before:?}");
        }
        assert_eq!(added("[c]\r\n"), format!("[c]\r\n\r\n{}", new.replace('\n', "\r\n")));
        assert_eq!(added("[c]\rk=1"), format!("[c]\rk=1\r\r{}", new.replace('\n', "\r")));
    }

    #[test]
    fn what_was_added_can_be_removed_without_a_trace() {
        for before in ["", "[c]\nk = 1\n", "# c\r\n[c]\r\n"] {
            let text = added(before);
            let after = changed(&text, |document, changes| {
                for section in (0..document.sections.len()).filter(|&section| document.is_marked(section)) {
                    document.remove(section, changes);
                }
            });
            assert_eq!(after, before);
        }
    }

    #[test]
    fn a_section_is_removed_with_its_mark_and_what_is_around_it_stays() {
        let ours = format!("{MARK}\n[profile a]\nregion = x\n");
        for (text, expected) in [
            (format!("{ours}\n[b]\nk = 1\n"), "[b]\nk = 1\n"),
            (format!("[b]\n\n{ours}# about c\n[c]\n"), "[b]\n\n# about c\n[c]\n"),
            (format!("[b]\nk = 1\n{ours}[c]\n"), "[b]\nk = 1\n[c]\n"),
            (format!("[b]\n\n{ours}  y = 2\n\n  # inside\n  z = 3\n\n[c]\n"), "[b]\n\n[c]\n"),
        ] {
            let after = changed(&text, |document, changes| {
                let section = document.find(SectionKind::Profile, "a")[0];
                assert!(document.is_marked(section));
                document.remove(section, changes);
            });
            assert_eq!(after, expected, "{text:?}");
        }
    }

    #[test]
    fn a_section_is_updated_key_by_key_and_keeps_everything_else() {
        for (text, expected) in [
            ("[a]\none = 1\ntwo = 2\n", "[a]\none = 1\ntwo = 2\n"),
            ("[a]\n", "[a]\none = 1\ntwo = 2\n"),
            ("[a]\n# c\n  [b]\n", "[a]\n  one = 1\n  two = 2\n# c\n  [b]\n"),
            ("[a]\nONE=1\n# c\nmine = 3\n", "[a]\nONE=1\ntwo = 2\n# c\nmine = 3\n"),
            ("[a]\n  two = 0\n  mine = 3", "[a]\n  one = 1\n  two = 2\n  mine = 3"),
            ("[a]\nold = 9\nmine = 3\n\ntwo = 2\n\n[b]\n", "[a]\none = 1\nmine = 3\n\ntwo = 2\n\n[b]\n"),
            ("[a]\none = 0\n  more\n# c\n\n[b]\none = 0\n", "[a]\none = 1\ntwo = 2\n# c\n\n[b]\none = 0\n"),
            ("[a]\r\nold = 9\r\n", "[a]\r\none = 1\r\ntwo = 2\r\n"),
        ] {
            let after = changed(text, |document, changes| {
                document.update(0, &[("one", "1".to_owned()), ("two", "2".to_owned())], &["old"], changes);
            });
            assert_eq!(after, expected, "{text:?}");
        }
    }

    #[test]
    fn only_the_mark_right_before_its_header_makes_a_section_ours() {
        let text = format!("{MARK}\n\n[a]\nk = 1\n  {MARK}  \r\n[b]\n{MARK} (not)\n[c]\n");
        let document = Document::read(&text).unwrap();
        let marked: Vec<bool> = (0..3).map(|section| document.is_marked(section)).collect();
        assert_eq!(marked, [false, true, false]);
    }
}
