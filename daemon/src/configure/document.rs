//! The AWS configuration as lines and sections: where a section is, whether this program has written it, and how to change it
//! without touching anything around it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use ssoctl_aws_files::{self as aws_files, Doubt, Entry, Section, SectionKind, section_name};

/// The line before each section that `configure` has written. A section without it belongs to a person.
pub(super) const MARK: &str = "# written by ssoctl configure";

/// A key and the value that a section should have.
pub(super) type Member = (&'static str, String);

pub(super) struct Document<'a> {
    lines: Vec<&'a str>,
    /// Each line as it is to be: empty for a removed one, several lines where some were added.
    edited: Vec<Cow<'a, str>>,
    /// The text to be added at the end.
    appended: String,
    pub(super) sections: Vec<Section<'a>>,
    /// The entries of `[DEFAULT]`, which every section inherits.
    pub(super) defaults: Vec<Entry<'a>>,
    by_name: HashMap<(SectionKind, String), Vec<usize>>,
    /// As in the first line.
    line_end: &'static str,
}

impl<'a> Document<'a> {
    /// Reads a text that botocore would not refuse.
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
        let edited = lines.iter().map(|line| Cow::Borrowed(*line)).collect();
        Ok(Self { lines, edited, appended: String::new(), sections, defaults, by_name, line_end })
    }

    /// The indices of the sections of this kind and name; two if a person has written `[default]` and `[profile default]`.
    pub(super) fn find(&self, kind: SectionKind, name: &str) -> &[usize] {
        self.by_name.get(&(kind, name.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn profile_name(&self, section: usize) -> Option<String> {
        let (kind, name) = section_name(self.sections[section].header)?;
        (kind == SectionKind::Profile).then_some(name)
    }

    /// Whether `configure` has written a section.
    pub(super) fn is_marked(&self, section: usize) -> bool {
        let header = self.header_index(section);
        header.checked_sub(1).is_some_and(|before| self.lines[before].trim() == MARK)
    }

    /// The value of a section's own key, unless it is empty.
    pub(super) fn value(&self, section: usize, key: &str) -> Option<&str> {
        self.sections[section].entry(key).map(|entry| &*entry.value).filter(|value| !value.is_empty())
    }

    /// Gives a section these members, and removes the keys `without`. Members that it has already stay as they are written, and
    /// so does everything else in it.
    pub(super) fn update(&mut self, section: usize, members: &[Member], without: &[&str]) {
        let header = self.header_index(section);
        let entries = &self.sections[section].entries;
        // A line that is indented more than the key before it would continue that key's value, and so would the next header.
        let first = entries.first().map(|entry| entry.lines.start).or_else(|| self.header_after(header));
        let mut indentation = first.map(|line| self.indentation(line)).unwrap_or_default();
        let mut previous = header;
        for (name, value) in members {
            let entry = self.sections[section].entry(name).map(|entry| (entry.lines.clone(), entry.value == *value));
            if let Some((lines, _)) = &entry {
                indentation = self.indentation(lines.start);
                previous = lines.end - 1;
            }
            let line = format!("{indentation}{name} = {value}{}", self.line_end);
            match entry {
                Some((_, true)) => {}
                Some((lines, false)) => self.replace(lines, line),
                None => self.insert_after(previous, &line),
            }
        }
        let removed = self.sections[section].entries.iter().filter(|entry| without.contains(&&*entry.key));
        for lines in removed.map(|entry| entry.lines.clone()).collect::<Vec<_>>() {
            self.replace(lines, String::new());
        }
    }

    /// Removes a marked section with its mark and one of the empty lines around it.
    pub(super) fn remove(&mut self, section: usize) {
        let header = self.header_index(section);
        let end = self.sections[section].entries.iter().map(|entry| entry.lines.end).max().unwrap_or(header + 1);
        let start = header.saturating_sub(1);
        let is_empty = |line: usize| self.lines[line].trim().is_empty();
        let is_empty_after = end < self.lines.len() && is_empty(end);
        let lines = if start > 0 && is_empty(start - 1) && (end == self.lines.len() || is_empty_after) {
            start - 1..end
        } else if start == 0 && is_empty_after {
            start..end + 1
        } else {
            start..end
        };
        self.replace(lines, String::new());
    }

    /// Adds a section at the end, after an empty line and the mark.
    pub(super) fn append(&mut self, header: &str, members: &[Member]) {
        let end = self.line_end;
        let is_apart = self.appended.is_empty() && self.lines.last().is_none_or(|last| last.trim().is_empty());
        let gap = if is_apart { "" } else { end };
        self.appended += &format!("{gap}{MARK}{end}[{header}]{end}");
        self.appended.extend(members.iter().map(|(name, value)| format!("{name} = {value}{end}")));
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.edited.concat();
        if !self.appended.is_empty() && !text.is_empty() && !text.ends_with(['\n', '\r']) {
            text += self.line_end;
        }
        text + &self.appended
    }

    fn replace(&mut self, lines: Range<usize>, text: String) {
        let first = lines.start;
        self.edited[lines].fill(Cow::Borrowed(""));
        self.edited[first] = text.into();
    }

    fn insert_after(&mut self, line: usize, text: &str) {
        let edited = self.edited[line].to_mut();
        if !edited.is_empty() && !edited.ends_with(['\n', '\r']) {
            edited.push_str(self.line_end);
        }
        edited.push_str(text);
    }

    fn header_index(&self, section: usize) -> usize {
        self.sections[section].line - 1
    }

    fn header_after(&self, header: usize) -> Option<usize> {
        (header + 1..self.lines.len()).find(|&line| self.lines[line].trim_start().starts_with('['))
    }

    fn indentation(&self, line: usize) -> &'a str {
        let line = self.lines[line];
        &line[..line.len() - line.trim_start().len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, change: impl Fn(&mut Document<'_>)) -> String {
        let mut document = Document::read(text).unwrap();
        change(&mut document);
        document.text()
    }

    fn added(text: &str) -> String {
        let members = [("region", "x".to_owned())];
        changed(text, |document| ["profile a", "profile b"].iter().for_each(|header| document.append(header, &members)))
    }

    #[test]
    fn sections_are_added_after_an_empty_line_with_the_line_ends_of_the_file() {
        let new = "# written by ssoctl configure\n[profile a]\nregion = x\n\n# written by ssoctl configure\n[profile b]\nregion = x\n";
        for (before, between) in [("", ""), ("\n", ""), ("[c]\nk = 1\n", "\n"), ("[c]\nk = 1", "\n\n"), ("# c\n\n", "")]
        {
            assert_eq!(added(before), format!("{before}{between}{new}"), "{before:?}");
        }
        assert_eq!(added("[c]\r\n"), format!("[c]\r\n\r\n{}", new.replace('\n', "\r\n")));
        assert_eq!(added("[c]\rk=1"), format!("[c]\rk=1\r\r{}", new.replace('\n', "\r")));
    }

    #[test]
    fn added_sections_can_be_removed_without_a_trace() {
        for before in ["", "[c]\nk = 1\n", "# c\r\n[c]\r\n"] {
            let text = added(before);
            let after = changed(&text, |document| {
                let marked: Vec<usize> = (0..document.sections.len()).filter(|&it| document.is_marked(it)).collect();
                marked.into_iter().for_each(|section| document.remove(section));
            });
            assert_eq!(after, before);
        }
    }

    #[test]
    fn a_section_is_removed_with_its_mark_and_nothing_else() {
        let ours = format!("{MARK}\n[profile a]\nregion = x\n");
        for (text, expected) in [
            (format!("{ours}\n[b]\nk = 1\n"), "[b]\nk = 1\n"),
            (format!("[b]\n\n{ours}# about c\n[c]\n"), "[b]\n\n# about c\n[c]\n"),
            (format!("[b]\nk = 1\n{ours}[c]\n"), "[b]\nk = 1\n[c]\n"),
            (format!("[b]\n\n{ours}  y = 2\n\n  # inside\n  z = 3\n\n[c]\n"), "[b]\n\n[c]\n"),
        ] {
            let after = changed(&text, |document| {
                let section = document.find(SectionKind::Profile, "a")[0];
                assert!(document.is_marked(section));
                document.remove(section);
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
            ("[a]\none = 1", "[a]\none = 1\ntwo = 2\n"),
        ] {
            let after = changed(text, |document| {
                document.update(0, &[("one", "1".to_owned()), ("two", "2".to_owned())], &["old"]);
            });
            assert_eq!(after, expected, "{text:?}");
        }
    }

    #[test]
    fn a_section_is_marked_only_by_the_line_right_before_its_header() {
        let text = format!("{MARK}\n\n[a]\nk = 1\n  {MARK}  \r\n[b]\n{MARK} (not)\n[c]\n");
        let document = Document::read(&text).unwrap();
        let marked: Vec<bool> = (0..3).map(|section| document.is_marked(section)).collect();
        assert_eq!(marked, [false, true, false]);
    }
}
