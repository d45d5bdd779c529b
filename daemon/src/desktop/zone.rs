//! The local time zone, as the C library finds it (tzset(3)): by `TZ`, else by `/etc/localtime`.
//!
//! Nothing is remembered between two readings, because the person may travel.

use std::path::{Component, Path, PathBuf};

use jiff::tz::TimeZone;

use crate::regular_file::{Link, RegularFile};

/// The file of the machine's zone, or a link to it.
const LOCAL: &str = "/etc/localtime";

/// The directories of zones by name: on Linux and macOS, on NixOS, on macOS.
const DIRECTORIES: [&str; 3] = ["/usr/share/zoneinfo", "/etc/zoneinfo", "/var/db/timezone/zoneinfo"];

/// The longest file that is read, in bytes. No zone is longer.
const LONGEST: u64 = 1 << 20;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LocalZone {
    File(PathBuf),
    /// A name like `Europe/Berlin`, or a rule as in POSIX, like `CET-1CEST,M3.5.0,M10.5.0/3`.
    Named(String),
}

impl LocalZone {
    pub fn from_variable(tz: Option<&str>) -> Self {
        match tz.map(|tz| tz.strip_prefix(':').unwrap_or(tz)).filter(|tz| !tz.is_empty()) {
            None => Self::File(LOCAL.into()),
            Some(path) if path.starts_with('/') => Self::File(path.into()),
            Some(name) => Self::Named(name.to_owned()),
        }
    }

    /// The file that changes when the person travels. A process keeps its variables.
    pub(super) const fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) => Some(file),
            Self::Named(_) => None,
        }
    }

    /// Reads the zone; UTC if there is none, as in the C library.
    pub(super) fn read(&self) -> TimeZone {
        let found = match self {
            Self::File(file) => zone_in(file),
            Self::Named(name) => named(name),
        };
        found.unwrap_or_else(|| {
            tracing::warn!(zone = ?self, "the local time zone is not known; quiet hours are in UTC");
            TimeZone::UTC
        })
    }
}

fn named(name: &str) -> Option<TimeZone> {
    let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let mut files = DIRECTORIES.iter().filter(|_| is_plain).map(|directory| Path::new(directory).join(name));
    files.find_map(|file| zone_in(&file)).or_else(|| TimeZone::posix(name).ok())
}

fn zone_in(file: &Path) -> Option<TimeZone> {
    let bytes = RegularFile::open(file, Link::Followed).ok()??.read(LONGEST).ok()?;
    TimeZone::tzif("local", bytes.expose()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hours east of Greenwich in July 2026.
    fn summer(tz: &str) -> i32 {
        let july = "2026-07-01T00:00:00Z".parse().unwrap();
        LocalZone::from_variable(Some(tz)).read().to_offset(july).seconds() / 3600
    }

    #[test]
    fn a_rule_needs_no_file() {
        assert_eq!(summer("CET-1CEST,M3.5.0,M10.5.0/3"), 2);
        assert_eq!(summer(":EST5"), -5);
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        for tz in ["Nowhere/At_All", "../../etc/passwd", "/etc/passwd", "/", "/nowhere"] {
            assert_eq!(summer(tz), 0, "{tz}");
        }
    }

    #[test]
    fn the_machines_own_zone_is_the_one_that_is_watched() {
        for (tz, file) in [
            (None, Some(LOCAL)),
            (Some(""), Some(LOCAL)),
            (Some("/my/zone"), Some("/my/zone")),
            (Some("Europe/Berlin"), None),
        ] {
            assert_eq!(LocalZone::from_variable(tz).file().map(PathBuf::as_path), file.map(Path::new), "{tz:?}");
        }
    }
}
