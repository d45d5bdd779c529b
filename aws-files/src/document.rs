//! Lines, sections and entries of a text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::fmt;
use std::ops::Range;

use crate::doubt::{Doubt, Kind};
use crate::{DEFAULTS, is_blank, trimmed};

/// A text that was read.
pub struct Document<'a> {
    /// Its lines, each with the characters that end it.
    pub lines: Vec<&'a str>,
    /// Its sections in the order in which they first appear, without [`DEFAULTS`]. Each header is there once.
    pub sections: Vec<Section<'a>>,
    /// What every section has that does not have it itself.
    pub defaults: Vec<Entry<'a>>,
    /// Why botocore would refuse the text, in the order of the lines.
    pub doubts: Vec<Doubt>,
}

/// A section with its own entries, in the order in which they first appear. Each key is there once.
pub struct Section<'a> {
    /// What stands between the brackets, blanks included.
    pub header: &'a str,
    /// The line of the first header, counted from 1.
    pub line: usize,
    /// Without those of [`DEFAULTS`].
    pub entries: Vec<Entry<'a>>,
}

/// A key with its value. `Debug` does not show the value, as people keep keys in these files.
pub struct Entry<'a> {
    /// In lower case.
    pub key: Cow<'a, str>,
    /// Without the blanks around it. Lines that continue it follow a `\n` each.
    pub value: Cow<'a, str>,
    /// The key's line, counted from 1.
    pub line: usize,
    /// The places in [`Document::lines`] of the key and of what continues its value.
    pub lines: Range<usize>,
}

impl Entry<'_> {
    /// Whether the value is a group of members on lines of their own, which [`nested`](crate::nested) reads.
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
    /// The section's own entry of this key.
    pub fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl<'a> Document<'a> {
    /// Reads a text. It never fails: what cannot be read is left out with a [`Doubt`].
    pub fn read(text: &'a str) -> Self {
        let mut reader = Reader::new(lines(text));
        for place in 0..reader.document.lines.len() {
            reader.line(place);
        }
        reader.finish()
    }

    /// The entries of a section and of [`DEFAULTS`], as botocore has them.
    pub fn entries<'d>(&'d self, section: &'d Section<'a>) -> impl Iterator<Item = &'d Entry<'a>> {
        let inherited = self.defaults.iter().filter(|default| section.entry(&default.key).is_none());
        section.entries.iter().chain(inherited)
    }

    /// The section with this header.
    pub fn section(&self, header: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.header == header)
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

/// Where keys belong.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Current {
    BeforeAnySection,
    Defaults,
    /// A place among the sections.
    Section(usize),
    /// A section whose header cannot be read: its keys must not end up in the one before it.
    Unreadable,
}

/// The value that a line would continue if it is indented more than its key.
#[derive(Clone, Copy)]
struct Open {
    /// A place among the entries; nothing for a value that is left out.
    entry: Option<usize>,
    indentation: usize,
}

struct Reader<'a> {
    document: Document<'a>,
    current: Current,
    open: Option<Open>,
    /// Empty lines since the last line of the open value: they belong to it if it goes on.
    empty: usize,
    headers: HashMap<&'a str, usize>,
    keys: HashMap<(Current, Cow<'a, str>), usize>,
}

impl<'a> Reader<'a> {
    fn new(lines: Vec<&'a str>) -> Self {
        let document = Document { lines, sections: Vec::new(), defaults: Vec::new(), doubts: Vec::new() };
        Self {
            document,
            current: Current::BeforeAnySection,
            open: None,
            empty: 0,
            headers: HashMap::new(),
            keys: HashMap::new(),
        }
    }

    fn line(&mut self, place: usize) {
        let mut line = self.document.lines[place];
        if place == 0
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            self.doubt(place, Kind::ByteOrderMark);
            line = rest;
        }
        let content = trimmed(line);
        if content.is_empty() {
            self.empty += 1;
        } else if content.starts_with(['#', ';']) {
            // A comment, which neither ends a value nor is part of it.
        } else {
            let indentation = line.chars().take_while(|&c| is_blank(c)).count();
            match self.open {
                Some(open) if indentation > open.indentation => self.continuation(open, content, place),
                _ => self.header_or_key(content, indentation, place),
            }
            self.empty = 0;
        }
    }

    fn continuation(&mut self, open: Open, content: &'a str, place: usize) {
        let Some(index) = open.entry else { return };
        let empty = self.empty;
        let entry = &mut self.entries()[index];
        let value = entry.value.to_mut();
        value.extend(std::iter::repeat_n('\n', empty + 1));
        value.push_str(content);
        entry.lines.end = place + 1;
    }

    fn header_or_key(&mut self, content: &'a str, indentation: usize, place: usize) {
        self.open = None;
        if let Some(header) = header(content) {
            self.current = self.section(header, place);
        } else if let Some((key, value)) = key_and_value(content) {
            let entry = match self.current {
                Current::BeforeAnySection => {
                    self.doubt(place, Kind::BeforeAnySection);
                    None
                }
                Current::Unreadable => None,
                Current::Defaults | Current::Section(_) => Some(self.entry(key, value, place)),
            };
            self.open = Some(Open { entry, indentation });
        } else if content.starts_with('[') {
            self.doubt(place, Kind::UnreadableHeader);
            self.current = Current::Unreadable;
        } else {
            self.doubt(place, Kind::Nothing);
        }
    }

    fn section(&mut self, header: &'a str, place: usize) -> Current {
        if header == DEFAULTS {
            return Current::Defaults;
        }
        let sections = &mut self.document.sections;
        let known = match self.headers.entry(header) {
            Place::Vacant(vacant) => {
                vacant.insert(sections.len());
                sections.push(Section { header, line: place + 1, entries: Vec::new() });
                return Current::Section(sections.len() - 1);
            }
            Place::Occupied(known) => *known.get(),
        };
        let first = sections[known].line;
        self.doubt(place, Kind::RepeatedSection { header: header.to_owned(), first });
        Current::Section(known)
    }

    /// Notes an entry; of repeated ones, the last counts. Returns its place among those of its section.
    fn entry(&mut self, key: &'a str, value: &'a str, place: usize) -> usize {
        let key = if key.chars().any(char::is_uppercase) { Cow::Owned(key.to_lowercase()) } else { Cow::Borrowed(key) };
        let entry = Entry { key: key.clone(), value: Cow::Borrowed(value), line: place + 1, lines: place..place + 1 };
        let count = self.entries().len();
        match self.keys.entry((self.current, key)) {
            Place::Vacant(vacant) => {
                vacant.insert(count);
                self.entries().push(entry);
                count
            }
            Place::Occupied(known) => {
                let known = *known.get();
                let first = self.entries()[known].line;
                self.doubt(place, Kind::RepeatedKey { key: entry.key.clone().into_owned(), first });
                self.entries()[known] = entry;
                known
            }
        }
    }

    /// The entries of the current section.
    fn entries(&mut self) -> &mut Vec<Entry<'a>> {
        match self.current {
            Current::Section(index) => &mut self.document.sections[index].entries,
            Current::BeforeAnySection | Current::Defaults | Current::Unreadable => &mut self.document.defaults,
        }
    }

    fn doubt(&mut self, place: usize, kind: Kind) {
        self.document.doubts.push(Doubt { line: place + 1, kind });
    }

    fn finish(mut self) -> Document<'a> {
        let sections = &self.document.sections;
        // What no section inherits, nobody reads.
        let is_inherited = |entry: &&Entry<'_>| sections.iter().any(|section| section.entry(&entry.key).is_none());
        let defaults = self.document.defaults.iter().filter(is_inherited);
        let entries = sections.iter().flat_map(|section| &section.entries).chain(defaults);
        let groups = entries.filter(|entry| entry.is_group());
        let odd = |entry: &&Entry<'_>| entry.value.split('\n').any(|line| !line.is_empty() && !line.contains('='));
        let odd = groups.filter(odd).map(|entry| {
            let kind = Kind::OddGroup { key: entry.key.clone().into_owned() };
            Doubt { line: entry.line, kind }
        });
        let odd: Vec<Doubt> = odd.collect();
        self.document.doubts.extend(odd);
        self.document.doubts.sort_by_key(|doubt| doubt.line);
        self.document
    }
}

/// What stands between the first bracket and the last one.
fn header(content: &str) -> Option<&str> {
    let (header, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    (!header.is_empty()).then_some(header)
}

/// What stands before and behind the first delimiter.
fn key_and_value(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(['=', ':'])?;
    let key = key.trim_end_matches(is_blank);
    (!key.is_empty()).then(|| (key, trimmed(value)))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
