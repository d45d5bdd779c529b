//! Reads the AWS tools' files, `~/.aws/config` and `~/.aws/credentials`: from a text to sections and keys with their lines. It does
//! no I/O and has no dependency, because the client links it, too.
//!
//! The rules are botocore's: Python's `configparser.RawConfigParser`, and then `botocore.configloader`. Where those refuse the
//! whole text, this reader reads the rest of it, and a [`Doubt`] names the line.

mod document;
mod path;
mod section_name;
mod words;

pub use document::{Document, Doubt, Entry, Section, lines};
pub use path::{absolute, expanded};
pub use section_name::{SectionKind, is_malformed, section_name};
pub use words::shell_words;

/// The section whose entries every other section inherits. It is not among the sections.
pub const DEFAULTS: &str = "DEFAULT";

/// A member of a group of indented `name = value` lines, such as `endpoint_url` of `s3`.
pub fn nested<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    let members = value.strip_prefix('\n')?.split('\n').filter_map(|line| line.split_once('='));
    members.filter(|(name, _)| trimmed(name) == key).map(|(_, value)| trimmed(value)).next_back()
}

/// Whether the value of this key is a secret.
pub fn is_secret(key: &str) -> bool {
    matches!(key, "aws_secret_access_key" | "aws_session_token" | "aws_security_token")
}

/// Python's `str.isspace`.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// Python's `str.strip`.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}
