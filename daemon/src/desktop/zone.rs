//! The local time zone, as the C library finds it (tzset(3)): by `TZ`, else by `/etc/localtime`.
//!
//! Nothing is remembered between two looks, because the person may travel.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::regular_file::{Link, RegularFile};

/// What stands for the machine's zone: a file, or a link to one.
const LOCAL: &str = "/etc/localtime";

/// Where zones lie by name: on Linux and macOS, on NixOS, on macOS.
const DIRECTORIES: [&str; 3] = ["/usr/share/zoneinfo", "/etc/zoneinfo", "/var/db/timezone/zoneinfo"];

/// No zone is longer; something else is in its place.
const LONGEST: u64 = 1 << 20;

/// Where the local zone is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalZone {
    place: Place,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    /// One of these files, the first that is there.
    Files(Vec<PathBuf>),
    /// A name like `Europe/Berlin`, or a rule as POSIX has them, like `CET-1CEST,M3.5.0,M10.5.0/3`.
    Named(String),
}

impl LocalZone {
    /// The zone where the variable `TZ` has this value.
    pub fn from_variable(tz: Option<&str>) -> Self {
        let place = match tz.map(|tz| tz.strip_prefix(':').unwrap_or(tz)).filter(|tz| !tz.is_empty()) {
            None => Place::Files(vec![LOCAL.into()]),
            Some(path) if path.starts_with('/') => Place::Files(vec![path.into()]),
            Some(name) => Place::Named(name.to_owned()),
        };
        Self { place }
    }

    /// The files to watch for changes: the person may travel.
    pub(super) fn files(&self) -> &[PathBuf] {
        match &self.place {
            Place::Files(files) => files,
            // A process keeps its variables.
            Place::Named(_) => &[],
        }
    }

    /// Reads it; UTC where there is none, as in the C library.
    pub(super) fn read(&self) -> TimeZone {
        let found = match &self.place {
            Place::Files(files) => files.iter().find_map(|file| zone_in(file)),
            Place::Named(name) => named(name),
        };
        found.unwrap_or_else(|| {
            tracing::warn!(place = ?self.place, "the local time zone is not known; quiet hours are in UTC");
            TimeZone::UTC
        })
    }
}

fn named(name: &str) -> Option<TimeZone> {
    let is_plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
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
    fn what_names_nothing_is_greenwich() {
        for tz in ["Nowhere/At_All", "../../etc/passwd", "/etc/passwd", "/", "/nowhere"] {
            assert_eq!(summer(tz), 0, "{tz}");
        }
    }

    #[test]
    fn the_machines_own_zone_is_the_one_that_is_watched() {
        assert_eq!(LocalZone::from_variable(None).files(), [PathBuf::from(LOCAL)]);
        assert_eq!(LocalZone::from_variable(Some("")).files(), [PathBuf::from(LOCAL)]);
        assert_eq!(LocalZone::from_variable(Some("/my/zone")).files(), [PathBuf::from("/my/zone")]);
        assert!(LocalZone::from_variable(Some("Europe/Berlin")).files().is_empty());
    }
}
