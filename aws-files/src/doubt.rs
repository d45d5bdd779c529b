//! Lines for which botocore, and with it the AWS CLI, refuses a whole file.

use std::fmt;

/// A line that could be meant in more than one way, or in none. `Display` is a fragment that says what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: Kind,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first line begins with U+FEFF. It is read as if it did not.
    ByteOrderMark,
    /// A line before any header. It is left out.
    BeforeAnySection,
    /// A line that is neither a header nor a key with a value. It is left out.
    Nothing,
    /// A header that is none. It is left out, and so is what stands below it.
    UnreadableHeader,
    /// A header that was there before. Both sections are one.
    RepeatedSection {
        /// The header.
        header: String,
        /// Where it was first.
        first: usize,
    },
    /// A key that was there before in its section. The last one counts.
    RepeatedKey {
        /// The key.
        key: String,
        /// Where it was before.
        first: usize,
    },
    /// A key without a value but with lines below it, of which one is not `name = value`.
    OddGroup {
        /// The key.
        key: String,
    },
}

impl Kind {
    /// Whether something was left out.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::BeforeAnySection | Self::Nothing | Self::UnreadableHeader => true,
            Self::ByteOrderMark | Self::RepeatedSection { .. } | Self::RepeatedKey { .. } | Self::OddGroup { .. } => {
                false
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark => f.write_str("the file begins with a byte order mark, for which")?,
            Self::BeforeAnySection => f.write_str("this line stands before any [section] and is left out;")?,
            Self::Nothing => f.write_str("this line is neither a [section] nor \"key = value\" and is left out;")?,
            Self::UnreadableHeader => {
                f.write_str("this is not a [section] that can be read; it is left out with all its keys, and")?;
            }
            Self::RepeatedSection { header, first } => {
                write!(f, "[{header}] repeats the section of line {first}; both are used together here, and")?;
            }
            Self::RepeatedKey { key, first } => {
                write!(f, "{key} stands in this section already, at line {first}; the last one is used here, and")?;
            }
            Self::OddGroup { key } => {
                write!(f, "the lines below {key} are not all \"name = value\"; begin its value in its own line;")?;
            }
        }
        f.write_str(" the AWS CLI refuses the whole file")
    }
}
