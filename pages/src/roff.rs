//! A page in roff's `man` macros, written part by part.

use std::fmt::Write;

use ssoctl_protocol::VERSION;

use crate::Manual;

pub(crate) struct Page {
    name: String,
    section: u8,
    text: String,
    /// Whether a heading is the last thing that was written. A paragraph begins with it.
    is_at_heading: bool,
}

impl Page {
    pub(crate) fn begin(name: &str, section: u8, date: &str) -> Self {
        let title = escaped(&name.to_uppercase());
        let text = format!(".TH {title} {section} {date} \"ssoctl {VERSION}\" ssoctl\n");
        Self { name: name.to_owned(), section, text, is_at_heading: false }
    }

    pub(crate) fn named(&mut self, about: &str) {
        self.heading("NAME");
        let line = format!("{} \\- {}\n", escaped(&self.name), escaped(about));
        self.text.push_str(&line);
    }

    pub(crate) fn heading(&mut self, title: &str) {
        self.is_at_heading = true;
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, ".SH \"{}\"", in_quotes(&title.to_uppercase()));
    }

    pub(crate) fn subheading(&mut self, title: &str) {
        self.is_at_heading = true;
        let _ = writeln!(self.text, ".SS \"{}\"", in_quotes(title));
    }

    /// A paragraph of text that is escaped already.
    pub(crate) fn paragraph(&mut self, text: &str) {
        self.new_paragraph();
        self.lines(text);
    }

    /// A term and what it means, both escaped already.
    pub(crate) fn item(&mut self, term: &str, meaning: &str) {
        self.is_at_heading = false;
        self.text.push_str(".TP\n");
        self.lines(term);
        self.lines(if meaning.trim().is_empty() { "\\&" } else { meaning });
    }

    pub(crate) fn bullet(&mut self, text: &str) {
        self.is_at_heading = false;
        self.text.push_str(".IP \\(bu 2\n");
        self.lines(text);
    }

    /// Lines that stay as they are.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.new_paragraph();
        self.text.push_str(".RS 4\n.nf\n");
        for line in text.trim_end().lines() {
            let line = escaped(line);
            self.text.push_str(if line.is_empty() { "\\&" } else { &line });
            self.text.push('\n');
        }
        self.text.push_str(".fi\n.RE\n");
    }

    fn new_paragraph(&mut self) {
        if !std::mem::take(&mut self.is_at_heading) {
            self.text.push_str(".PP\n");
        }
    }

    /// Roff of somebody else.
    pub(crate) fn raw(&mut self, roff: &str) {
        self.is_at_heading = false;
        self.text.push_str(roff);
    }

    pub(crate) fn end(mut self, see_also: &[(&str, u8)]) -> Manual {
        self.heading("SEE ALSO");
        let pages: Vec<String> =
            see_also.iter().map(|(name, section)| format!("\\fB{}\\fR({section})", escaped(name))).collect();
        self.lines(&pages.join(",\n"));
        let Self { name, section, text, .. } = self;
        Manual { name, section, text }
    }

    fn lines(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            // A dot would begin a request.
            if line.starts_with('.') {
                self.text.push_str("\\&");
            }
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

/// Text in which every character is shown as it is, for copying, too.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for (place, character) in text.chars().enumerate() {
        match character {
            '\\' => safe.push_str("\\e"),
            '-' => safe.push_str("\\-"),
            '\'' => safe.push_str("\\(aq"),
            '`' => safe.push_str("\\(ga"),
            '^' => safe.push_str("\\(ha"),
            '~' => safe.push_str("\\(ti"),
            '.' if place == 0 => safe.push_str("\\&."),
            other => safe.push(other),
        }
    }
    safe
}

/// Bold text, whose words are not divided at the end of a line.
pub(crate) fn bold(text: &str) -> String {
    let words: Vec<String> = text.split(' ').map(|word| format!("\\%{}", escaped(word))).collect();
    format!("\\fB{}\\fR", words.join(" "))
}

/// Text with code between backquotes.
pub(crate) fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(place, part)| if place % 2 == 1 { bold(part) } else { escaped(part) }).collect()
}

pub(crate) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text))
}

fn in_quotes(text: &str) -> String {
    escaped(text).replace('"', "\\(dq")
}
