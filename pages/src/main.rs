//! `pages DIRECTORY` writes man pages and completion scripts there: `man/man1/ssoctl.1` and so on, and for each shell the file that
//! it looks for.
//!
//! `SOURCE_DATE_EPOCH` is the date of the pages, so that a package can be built twice alike; where it is not set, it is today.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use ssoctl_protocol::Timestamp;

#[allow(clippy::print_stderr, reason = "a person calls it")]
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(directory), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: pages DIRECTORY");
        return ExitCode::from(2);
    };
    match pages::write(Path::new(&directory), &date()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pages: nothing, or not all, was written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn date() -> String {
    let named = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let time = named.map_or_else(SystemTime::now, |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    Timestamp::from(time).to_string().chars().take("2026-11-27".len()).collect()
}
