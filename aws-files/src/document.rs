//! Reads a text as lines, sections and entries. It never fails: a line that botocore would refuse becomes a [`Doubt`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::fmt;
use std::ops::Range;

use crate::{DEFAULTS, is_blank, trimmed};

pub struct Document<'a> {
    /// Each line with the characters that end it.
    pub lines: Vec<&'a str>,
    /// In the order in which they first appear, each header once, without [`DEFAULTS`].
    pub sections: Vec<Section<'a>>,
    /// The entries of [`DEFAULTS`], which every section inherits.
    pub defaults: Vec<Entry<'a>>,
    /// In the order of the lines.
    pub doubts: Vec<Doubt>,
}

/// A line for which botocore, and with it the AWS CLI, refuses the whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The line in the file, counted from 1.
    pub line: usize,
    /// The problem, and how this reader treats it.
    pub message: String,
    /// Whether this reader ignores the line. Otherwise it uses everything.
    pub is_ignored: bool,
}

pub struct Section<'a> {
    /// The text between the brackets, with its blanks.
    pub header: &'a str,
    /// The line of the first header, counted from 1.
    pub line: usize,
    /// Each key once, in the order in which they first appear, without inherited ones.
    pub entries: Vec<Entry<'a>>,
}

/// A key with its value. `Debug` does not show the value, because these files contain secrets.
pub struct Entry<'a> {
    /// In lower case.
    pub key: Cow<'a, str>,
    /// Without the blanks around it. Each line that continues the value follows a `\n`.
    pub value: Cow<'a, str>,
    /// The key's line, counted from 1.
    pub line: usize,
    /// The indices in [`Document::lines`] of the key and of the lines that continue its value.
    pub lines: Range<usize>,
}

impl Entry<'_> {
    /// Whether the value is a group of `name = value` lines, which [`nested`](crate::nested) reads.
    pub fn is_group(&self) -> bool {
        self.value.starts_with('\n')
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).field("line", &self.line).finish_non_exhaustive()
    }
}

impl<'a> Section<'a> {
    /// The section's own entry, not an inherited one.
    pub fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl<'a> Document<'a> {
    pub fn read(text: &'a str) -> Self {
        let lines = lines(text);
        let mut reader = Reader {
            sections: vec![Section { header: DEFAULTS, line: 0, entries: Vec::new() }],
            doubts: Vec::new(),
            current: Current::BeforeAnySection,
            open: None,
            empty_lines: 0,
            indices: HashMap::from([(DEFAULTS, 0)]),
            keys: HashMap::new(),
        };
        for (index, line) in lines.iter().enumerate() {
            reader.line(index, line);
        }
        let Reader { mut sections, doubts, .. } = reader;
        let defaults = sections.remove(0).entries;
        let mut document = Self { lines, sections, defaults, doubts };
        document.check_groups();
        document
    }

    /// The entries of a section and those that it inherits from [`DEFAULTS`].
    pub fn entries<'d>(&'d self, section: &'d Section<'a>) -> impl Iterator<Item = &'d Entry<'a>> {
        let inherited = self.defaults.iter().filter(|default| section.entry(&default.key).is_none());
        section.entries.iter().chain(inherited)
    }

    pub fn section(&self, header: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.header == header)
    }

    fn check_groups(&mut self) {
        // botocore never sees a default that no section inherits.
        let is_inherited = |entry: &&Entry<'_>| self.sections.iter().any(|section| section.entry(&entry.key).is_none());
        let defaults = self.defaults.iter().filter(is_inherited);
        let entries = self.sections.iter().flat_map(|section| &section.entries).chain(defaults);
        let is_malformed =
            |entry: &&Entry<'_>| entry.value.split('\n').any(|line| !line.is_empty() && !line.contains('='));
        let malformed = entries.filter(|entry| entry.is_group()).filter(is_malformed);
        let doubts: Vec<Doubt> = malformed.map(malformed_group).collect();
        self.doubts.extend(doubts);
        self.doubts.sort_by_key(|doubt| doubt.line);
    }
}

fn malformed_group(entry: &Entry<'_>) -> Doubt {
    let key = &entry.key;
    let what = format!("not all lines below {key} are \"name = value\"; begin the value on the line of its key;");
    Doubt::used(entry.line, &what)
}

impl Doubt {
    fn used(line: usize, what: &str) -> Self {
        Self { line, message: format!("{what} the AWS CLI refuses the whole file"), is_ignored: false }
    }

    fn ignored(line: usize, what: &str) -> Self {
        Self { is_ignored: true, ..Self::used(line, what) }
    }
}

/// The lines of a text, each with the characters that end it; the last one may have none.
pub fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        let (line, after) = rest.split_at(end + if rest[end..].starts_with("\r\n") { 2 } else { 1 });
        lines.push(line);
        rest = after;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

#[derive(Clone, Copy)]
enum Current {
    BeforeAnySection,
    /// An index of `Reader::sections`.
    Section(usize),
    /// The header cannot be read: its keys must not end up in the section before it.
    Unreadable,
}

/// A value that a line continues if it is indented more than the value's key.
#[derive(Clone, Copy)]
struct OpenValue {
    /// The indices of section and entry; `None` for a value that is ignored.
    entry: Option<(usize, usize)>,
    indentation: usize,
}

struct Reader<'a> {
    /// The first one is [`DEFAULTS`].
    sections: Vec<Section<'a>>,
    doubts: Vec<Doubt>,
    current: Current,
    open: Option<OpenValue>,
    /// Since the last line of the open value. They belong to it if another line continues it.
    empty_lines: usize,
    indices: HashMap<&'a str, usize>,
    keys: HashMap<(usize, Cow<'a, str>), usize>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, index: usize, mut line: &'a str) {
        if index == 0
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            self.doubts.push(Doubt::used(1, "the file begins with a byte order mark;"));
            line = rest;
        }
        let content = trimmed(line);
        if content.is_empty() {
            self.empty_lines += 1;
        } else if content.starts_with(['#', ';']) {
            // A comment neither ends a value nor belongs to it.
        } else {
            let indentation = line.chars().take_while(|&c| is_blank(c)).count();
            match self.open {
                Some(open) if indentation > open.indentation => self.continuation(open, content, index),
                _ => self.header_or_key(content, indentation, index),
            }
            self.empty_lines = 0;
        }
    }

    fn continuation(&mut self, open: OpenValue, content: &str, index: usize) {
        let Some((section, entry)) = open.entry else { return };
        let entry = &mut self.sections[section].entries[entry];
        let value = entry.value.to_mut();
        value.extend(std::iter::repeat_n('\n', self.empty_lines + 1));
        value.push_str(content);
        entry.lines.end = index + 1;
    }

    fn header_or_key(&mut self, content: &'a str, indentation: usize, index: usize) {
        self.open = None;
        let line = index + 1;
        if let Some(header) = header(content) {
            self.current = Current::Section(self.section(header, line));
        } else if let Some((key, value)) = key_and_value(content) {
            let entry = match self.current {
                Current::Section(section) => Some((section, self.entry(section, key, value, index))),
                Current::BeforeAnySection => {
                    self.doubts.push(Doubt::ignored(line, "this line is before any [section] and is ignored;"));
                    None
                }
                Current::Unreadable => None,
            };
            self.open = Some(OpenValue { entry, indentation });
        } else if content.starts_with('[') {
            let what = "this [section] cannot be read and is ignored with all its keys;";
            self.doubts.push(Doubt::ignored(line, what));
            self.current = Current::Unreadable;
        } else {
            let what = "this line is neither a [section] nor \"key = value\" and is ignored;";
            self.doubts.push(Doubt::ignored(line, what));
        }
    }

    /// The index of the section with this header. Sections of one header are one.
    fn section(&mut self, header: &'a str, line: usize) -> usize {
        match self.indices.entry(header) {
            Slot::Occupied(known) => {
                let index = *known.get();
                if header != DEFAULTS {
                    let first = self.sections[index].line;
                    let what =
                        format!("[{header}] repeats the section of line {first}; ssoctl uses both together, but");
                    self.doubts.push(Doubt::used(line, &what));
                }
                index
            }
            Slot::Vacant(new) => {
                new.insert(self.sections.len());
                self.sections.push(Section { header, line, entries: Vec::new() });
                self.sections.len() - 1
            }
        }
    }

    /// Adds an entry and returns its index in the section. Of a repeated key, the last value counts.
    fn entry(&mut self, section: usize, key: &'a str, value: &'a str, index: usize) -> usize {
        let key = if key.chars().any(char::is_uppercase) { Cow::Owned(key.to_lowercase()) } else { Cow::Borrowed(key) };
        let line = index + 1;
        let entry = Entry { key: key.clone(), value: Cow::Borrowed(value), line, lines: index..line };
        let entries = &mut self.sections[section].entries;
        match self.keys.entry((section, key)) {
            Slot::Occupied(known) => {
                let known = *known.get();
                let (key, first) = (&entry.key, entries[known].line);
                let what = format!("{key} is in this section already (line {first}); ssoctl uses the last one, but");
                self.doubts.push(Doubt::used(line, &what));
                entries[known] = entry;
                known
            }
            Slot::Vacant(new) => {
                new.insert(entries.len());
                entries.push(entry);
                entries.len() - 1
            }
        }
    }
}

/// The text between the first bracket and the last one.
fn header(content: &str) -> Option<&str> {
    let (header, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    (!header.is_empty()).then_some(header)
}

/// The texts before and after the first delimiter.
fn key_and_value(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(['=', ':'])?;
    let key = key.trim_end_matches(is_blank);
    (!key.is_empty()).then(|| (key, trimmed(value)))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
