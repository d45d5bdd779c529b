//! Standard output: answers, for programs and people.

use std::io::Write as _;

use ssoctl_protocol::text;

use crate::failure::Failure;

/// Fails if standard output is closed, before a verb hands it on to another program.
pub(crate) fn check() -> Result<(), Failure> {
    ssoctl_process::standard_output().map(drop).map_err(Failure::Unwritable)
}

/// Writes an answer in one go.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    ssoctl_process::standard_output().and_then(|mut output| output.write_all(bytes)).map_err(Failure::Unwritable)
}

pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{}\n", text::line(text)).as_bytes())
}

pub(crate) fn json(document: &[u8]) -> Result<(), Failure> {
    let document = str::from_utf8(document.trim_ascii())
        .map_err(|_| Failure::Unreachable("the daemon's answer is not UTF-8".to_owned()))?;
    write(format!("{}\n", text::in_json(document)).as_bytes())
}
