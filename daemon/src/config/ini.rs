//! The AWS tools' INI dialect, with line numbers.
//!
//! The values are rust-ini's. What it misreads by itself (indented keys, indented comments, a backslash at the end of
//! a line or a key, lines that are nothing) and what it does not tell (lines) is settled by [`screen`] beforehand, which follows
//! the reader of botocore, Python's `configparser`: an indented line continues a value only where it is indented more
//! than the line of its key.

use std::collections::BTreeMap;
use std::collections::btree_map;

use super::Severity;

/// A section with its keys in lower case. Repeated sections are merged, and the last of repeated keys counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// What stands between the brackets.
    pub(super) header: String,
    /// The line of the first header, counted from 1.
    pub(super) line: usize,
    pub(super) entries: Entries,
}

/// The keys of a section, in lower case, with their values.
pub(super) type Entries = BTreeMap<String, Located<String>>;

/// A value and the line where its key stands, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// A problem in a file whose path is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineProblem {
    pub(super) severity: Severity,
    pub(super) line: usize,
    pub(super) message: String,
}

impl LineProblem {
    pub(super) fn error(line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, line, message: message.into() }
    }

    pub(super) fn warning(line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, line, message: message.into() }
    }
}

/// Reads the sections in the order in which they first appear.
pub(super) fn parse(text: &str, problems: &mut Vec<LineProblem>) -> Vec<Section> {
    let screened = screen(text);
    problems.extend(screened.problems);
    let options = ini::ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        enabled_indented_mutiline_value: true,
        ..ini::ParseOption::default()
    };
    let parsed = match ini::Ini::load_from_str_opt(&screened.text, options) {
        Ok(parsed) => parsed,
        Err(error) => {
            problems.push(LineProblem::error(
                error.line,
                format!("the whole file is left out, it cannot be read: {}", error.msg),
            ));
            return Vec::new();
        }
    };

    let mut sections = screened.sections;
    for (header, properties) in &parsed {
        let Some(section) = sections.iter_mut().find(|section| Some(section.header.as_str()) == header) else {
            continue;
        };
        for (key, value) in properties {
            if let Some(entry) = section.entries.get_mut(&key.to_lowercase()) {
                entry.value = value.to_owned();
            }
        }
    }
    sections
}

/// What [`screen`] found: text that rust-ini reads as botocore reads the original, line for line, and the place of
/// every section and key, their values still empty.
#[derive(Debug, Default)]
struct Screened {
    text: String,
    sections: Vec<Section>,
    problems: Vec<LineProblem>,
}

/// Where keys belong.
#[derive(Clone, Copy)]
enum Current {
    BeforeAnySection,
    Section(usize),
    /// A section whose header cannot be read: its keys must not end up in the one before it.
    Unreadable,
}

/// The key that an indented line would continue.
#[derive(Clone, Copy)]
enum Above {
    Nothing,
    KeyIndentedBy(usize),
}

fn screen(text: &str) -> Screened {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut screened = Screened::default();
    let mut current = Current::BeforeAnySection;
    let mut above = Above::Nothing;
    for (line, text) in (1..).zip(text.split('\n')) {
        let content = text.trim();
        let indentation = text.len() - text.trim_start().len();
        if content.is_empty() || content.starts_with(['#', ';']) {
            // Kept as an empty line, so that all others keep their numbers.
        } else if matches!(above, Above::KeyIndentedBy(key) if indentation > key) {
            if matches!(current, Current::Section(_)) {
                screened.text.push(' ');
                screened.push_value(content);
            }
        } else if content.starts_with('[') {
            above = Above::Nothing;
            current = match section_header(content) {
                Some(header) => {
                    screened.text.push_str(&format!("[{header}]"));
                    Current::Section(screened.open_section(header, line))
                }
                None => {
                    screened.report(line, "this is not a [section] that can be read; it is left out with all its keys");
                    Current::Unreadable
                }
            };
        } else if let Some(key) = key_of(content) {
            above = Above::KeyIndentedBy(indentation);
            match current {
                Current::Section(section) => {
                    screened.note_key(section, key, line);
                    screened.push_value(content);
                }
                Current::BeforeAnySection => screened.report(
                    line,
                    "this line stands before any [section] and is left out; the AWS CLI refuses the whole file",
                ),
                Current::Unreadable => {}
            }
        } else {
            above = Above::Nothing;
            screened.report(
                line,
                "this line is neither a [section] nor \"key = value\" and is left out; the AWS CLI refuses the whole file",
            );
        }
        screened.text.push('\n');
    }
    screened
}

impl Screened {
    fn report(&mut self, line: usize, message: &str) {
        self.problems.push(LineProblem::error(line, message));
    }

    /// rust-ini takes a backslash at the end of a line as a continuation; with a blank behind it, it is a backslash.
    fn push_value(&mut self, content: &str) {
        self.text.push_str(content);
        if content.ends_with('\\') {
            self.text.push(' ');
        }
    }

    fn open_section(&mut self, header: &str, line: usize) -> usize {
        let known = self.sections.iter().position(|section| section.header == header);
        if let Some(index) = known {
            self.problems.push(LineProblem::warning(
                line,
                format!(
                    "[{header}] repeats the section of line {}; both are used together here, and the AWS CLI refuses the whole file",
                    self.sections[index].line
                ),
            ));
            return index;
        }
        self.sections.push(Section { header: header.to_owned(), line, entries: Entries::new() });
        self.sections.len() - 1
    }

    fn note_key(&mut self, section: usize, key: &str, line: usize) {
        let key = key.to_lowercase();
        match self.sections[section].entries.entry(key) {
            btree_map::Entry::Vacant(entry) => {
                entry.insert(Located { value: String::new(), line });
            }
            btree_map::Entry::Occupied(mut entry) => {
                self.problems.push(LineProblem::warning(
                    line,
                    format!(
                        "{} stands in this section already, at line {}; the last one is used here, and the AWS CLI refuses the whole file",
                        entry.key(),
                        entry.get().line
                    ),
                ));
                entry.get_mut().line = line;
            }
        }
    }
}

/// What stands between the brackets. rust-ini ends it at the first `]` and botocore at the last one, so there must not
/// be two.
fn section_header(content: &str) -> Option<&str> {
    let (header, rest) = content.strip_prefix('[')?.split_once(']')?;
    let header = header.trim();
    (!header.is_empty() && !rest.contains(']')).then_some(header)
}

/// What stands before the first delimiter. rust-ini overlooks one that follows a backslash, and would lose the next key.
fn key_of(content: &str) -> Option<&str> {
    let (key, _) = content.split_once(['=', ':'])?;
    let key = (!key.ends_with('\\')).then_some(key)?.trim_end();
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Section>, Vec<LineProblem>) {
        let mut problems = Vec::new();
        let sections = parse(text, &mut problems);
        (sections, problems)
    }

    fn value<'a>(sections: &'a [Section], header: &str, key: &str) -> (&'a str, usize) {
        let entry = sections
            .iter()
            .find(|section| section.header == header)
            .and_then(|section| section.entries.get(key))
            .unwrap_or_else(|| panic!("no {key} in {header}: {sections:?}"));
        (&entry.value, entry.line)
    }

    #[test]
    fn values_keep_hashes_quotes_backslashes_and_delimiters() {
        let (sections, problems) = read(concat!(
            "[a]\n",
            "url = https://corp.awsapps.com/start#/\n",
            "quoted = \"x y\" 'z'\n",
            "backslash = C:\\new\\\n",
            "colon: a=b ; c\n",
            "EMPTY =\n",
            "last = 1"
        ));
        assert_eq!(problems, []);
        assert_eq!(value(&sections, "a", "url"), ("https://corp.awsapps.com/start#/", 2));
        assert_eq!(value(&sections, "a", "quoted"), ("\"x y\" 'z'", 3));
        assert_eq!(value(&sections, "a", "backslash"), ("C:\\new\\", 4));
        assert_eq!(value(&sections, "a", "colon"), ("a=b ; c", 5));
        assert_eq!(value(&sections, "a", "empty"), ("", 6));
        assert_eq!(value(&sections, "a", "last"), ("1", 7));
    }

    #[test]
    fn an_indented_line_continues_a_value_only_below_a_key_that_is_indented_less() {
        let (sections, problems) = read(concat!(
            "[a]\n",
            "  one = 1\n",
            "  two = 2\n",
            "  # three = 3\n",
            "sso =\n",
            "\n",
            "  endpoint_url = http://127.0.0.1\n",
            "    # comment\n",
            "  more = x\n",
            "next = 4\n"
        ));
        assert_eq!(problems, []);
        assert_eq!(value(&sections, "a", "one"), ("1", 2));
        assert_eq!(value(&sections, "a", "two"), ("2", 3));
        let (nested, line) = value(&sections, "a", "sso");
        let lines: Vec<&str> = nested.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["endpoint_url = http://127.0.0.1", "more = x"]);
        assert_eq!(line, 5);
        assert_eq!(value(&sections, "a", "next"), ("4", 10));
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
        let (sections, problems) = read("\u{feff}[a]\r\nkey = 1\r\n\r\n[b]\r\nkey = 2\r\n");
        assert_eq!(problems, []);
        assert_eq!(value(&sections, "a", "key"), ("1", 2));
        assert_eq!(value(&sections, "b", "key"), ("2", 5));
    }

    #[test]
    fn repeated_sections_and_keys_are_merged_with_a_warning() {
        let (sections, problems) = read("[a]\nk = 1\nl = 1\n[b]\n[a]\nK = 2\nm = 3\nm = 4\n");
        assert_eq!(sections.len(), 2);
        assert_eq!(value(&sections, "a", "k"), ("2", 6));
        assert_eq!(value(&sections, "a", "l"), ("1", 3));
        assert_eq!(value(&sections, "a", "m"), ("4", 8));
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [5, 6, 8]);
        assert!(problems.iter().all(|problem| problem.severity == Severity::Warning));
    }

    #[test]
    fn a_line_that_is_nothing_is_reported_and_takes_nothing_else_down() {
        let (sections, problems) = read("early = 1\n[a]\nk = 1\ngarbage\n= 5\nback\\= 6\nl = 2\n[b]\nm = 3\n");
        assert_eq!(value(&sections, "a", "k"), ("1", 3));
        assert_eq!(value(&sections, "a", "l"), ("2", 7));
        assert_eq!(value(&sections, "b", "m"), ("3", 9));
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 4, 5, 6]);
        assert!(problems[0].message.contains("before any [section]"));
        assert!(problems.iter().all(|problem| problem.severity == Severity::Error));
    }

    #[test]
    fn keys_below_a_header_that_cannot_be_read_are_left_out_with_it() {
        for header in ["[broken", "[]", "[b]c]"] {
            let (sections, problems) = read(&format!("[a]\nk = 1\n{header}\nk = 2\n  more\n[c]\nk = 3\n"));
            assert_eq!(sections.len(), 2, "{header}");
            assert_eq!(value(&sections, "a", "k"), ("1", 2), "{header}");
            assert_eq!(value(&sections, "c", "k"), ("3", 7), "{header}");
            let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
            assert_eq!(lines, [3], "{header}");
        }
    }
}
