//! Pages of documents in Markdown: paragraphs, lists, tables, code. Pictures and comments are left out, and of links the text stays.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::Manual;
use crate::roff::{Page, bold, escaped};

pub(crate) fn manual(
    date: &str,
    (name, section, about): (&str, u8, &str),
    markdown: &str,
    see_also: &[(&str, u8)],
) -> Manual {
    let mut page = Page::begin(name, section, date);
    page.named(about);
    page.heading("DESCRIPTION");
    add(&mut page, markdown, Depth::Sections);
    page.end(see_also)
}

/// What a heading of the second level is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    Sections,
    Subsections,
}

/// Adds a document without its title.
pub(crate) fn add(page: &mut Page, markdown: &str, depth: Depth) {
    let mut writer =
        Writer { page, depth, text: String::new(), is_item: false, head: Vec::new(), row: Vec::new(), raw: None };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        writer.take(event);
    }
}

struct Writer<'a> {
    page: &'a mut Page,
    depth: Depth,
    /// What is being read, escaped.
    text: String,
    is_item: bool,
    /// The titles of a table's columns.
    head: Vec<String>,
    row: Vec<String>,
    /// A block of code or a title, as it is.
    raw: Option<String>,
}

impl Writer<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.read(&text, escaped),
            Event::Code(code) => self.read(&code, bold),
            Event::SoftBreak | Event::HardBreak => self.text.push('\n'),
            _ => {}
        }
    }

    fn read(&mut self, text: &str, as_roff: fn(&str) -> String) {
        match &mut self.raw {
            Some(raw) => raw.push_str(text),
            None => self.text.push_str(&as_roff(text)),
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::CodeBlock(_) | Tag::Heading { .. } => self.raw = Some(String::new()),
            Tag::Strong => self.text.push_str("\\fB"),
            Tag::Emphasis => self.text.push_str("\\fI"),
            Tag::Item => self.is_item = true,
            Tag::Table(_) => self.head.clear(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong | TagEnd::Emphasis => self.text.push_str("\\fR"),
            TagEnd::Image => self.text.clear(),
            TagEnd::Heading(level) => {
                let title = self.raw.take().unwrap_or_default();
                match (level, self.depth) {
                    (HeadingLevel::H1, _) => {}
                    (HeadingLevel::H2, Depth::Sections) => self.page.heading(&title),
                    _ => self.page.subheading(&title),
                }
            }
            TagEnd::CodeBlock => {
                let code = self.raw.take().unwrap_or_default();
                self.page.verbatim(&code);
            }
            TagEnd::Paragraph if !self.is_item => {
                let text = std::mem::take(&mut self.text);
                if !text.trim().is_empty() {
                    self.page.paragraph(&text);
                }
            }
            TagEnd::Item => {
                self.is_item = false;
                let text = std::mem::take(&mut self.text);
                self.page.bullet(&text);
            }
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.text)),
            TagEnd::TableHead => self.head = std::mem::take(&mut self.row),
            TagEnd::TableRow => self.row_ends(),
            _ => {}
        }
    }

    /// The first cell is a term, and the others are its meaning, with the titles of their columns where there are several.
    fn row_ends(&mut self) {
        let row = std::mem::take(&mut self.row);
        let Some((term, cells)) = row.split_first() else { return };
        let meaning = match cells {
            [only] => only.clone(),
            several => {
                let titles = self.head.iter().skip(1);
                let named = several.iter().zip(titles).map(|(cell, title)| format!("{title}: {cell}."));
                named.collect::<Vec<_>>().join("\n")
            }
        };
        self.page.item(term, &meaning);
    }
}
