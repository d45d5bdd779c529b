//! Errors whose text includes the remedy.

use std::fmt;
use std::io::{self, ErrorKind};

#[derive(Debug)]
struct Explained(String);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Explained {}

pub(crate) fn with_remedy(kind: ErrorKind, text: String) -> io::Error {
    io::Error::new(kind, Explained(text))
}

pub(crate) fn has_remedy(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Explained>())
}
