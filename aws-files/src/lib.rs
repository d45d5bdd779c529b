//! The one reader of the AWS tools' files, `~/.aws/config` and `~/.aws/credentials`: text in, sections and keys with their lines
//! out. It does no I/O and has no dependency, so that the client can link it, too.
//!
//! The rules are botocore's: Python's `configparser.RawConfigParser`, and then `botocore.configloader`. Where those refuse a text
//! as a whole, the rest of it is read here all the same, and a [`Doubt`] names the line.

mod document;
mod doubt;
mod path;
mod section_name;
mod words;

pub use document::{Document, Entry, Section, lines};
pub use doubt::{Doubt, Kind};
pub use path::{Home, absolute, expanded};
pub use section_name::{SectionKind, is_malformed, section_name};
pub use words::shell_words;

/// The section whose entries every other section has, unless it has them itself. It is not among the sections.
pub const DEFAULTS: &str = "DEFAULT";

/// A member of a value that consists of indented `key = value` lines, such as `endpoint_url` of `s3`.
pub fn nested<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    let members = value.strip_prefix('\n')?.split('\n').filter_map(|line| line.split_once('='));
    members.filter(|(name, _)| trimmed(name) == key).map(|(_, value)| trimmed(value)).next_back()
}

/// Whether a key's value is a secret, wherever it stands.
pub fn is_secret(key: &str) -> bool {
    matches!(key, "aws_secret_access_key" | "aws_session_token" | "aws_security_token")
}

/// What Python's `str.isspace` is true for.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// As Python's `str.strip` does it.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}
