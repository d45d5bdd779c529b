//! Points in time, as they stand in JSON.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time with a resolution of one second, written as `2026-11-23T10:16:36Z` (RFC 3339, UTC).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(u64);

/// Seconds since the epoch of the last second that four digits of a year can express (9999-12-31T23:59:59Z).
const LAST: u64 = 253_402_300_799;
const SECONDS_PER_DAY: u64 = 86_400;

impl Timestamp {
    /// From seconds since the Unix epoch; what lies beyond the year 9999 is taken as its last second.
    pub const fn from_unix(seconds: u64) -> Self {
        Self(if seconds > LAST { LAST } else { seconds })
    }

    /// Seconds since the Unix epoch.
    pub const fn as_unix(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this one, zero if this one is not later.
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    /// Fractions of a second are cut off, so that an expiry is never shown later than it is. Times before the epoch
    /// become the epoch.
    fn from(time: SystemTime) -> Self {
        Self::from_unix(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_secs(time.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / SECONDS_PER_DAY);
        let second = self.0 % SECONDS_PER_DAY;
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
    }
}

/// The text is not a time of the form `2026-11-23T10:16:36Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotATimestamp;

impl fmt::Display for NotATimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a UTC time like 2026-11-23T10:16:36Z")
    }
}

impl std::error::Error for NotATimestamp {}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`, also with fractional seconds (cut off) and with the suffix `UTC` that older AWS
    /// tools wrote instead of `Z`.
    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let local = text.strip_suffix('Z').or_else(|| text.strip_suffix("UTC")).ok_or(NotATimestamp)?;
        let (local, fraction) = local.split_once('.').unwrap_or((local, "0"));
        let bytes = local.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if bytes.len() != 19
            || separators.iter().any(|&(at, separator)| bytes[at] != separator)
            || fraction.is_empty()
            || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(NotATimestamp);
        }
        let number = |from: usize, to: usize| {
            bytes[from..to].iter().try_fold(0u64, |value, byte| match byte {
                b'0'..=b'9' => Ok(value * 10 + u64::from(byte - b'0')),
                _ => Err(NotATimestamp),
            })
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if year < 1970 || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
            return Err(NotATimestamp);
        }
        let days = days_from_civil(year, month, day);
        if day == 0 || civil_from_days(days) != (year, month, day) {
            return Err(NotATimestamp);
        }
        Ok(Self::from_unix(days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Days of the proleptic Gregorian calendar are counted in years that begin on 1 March, so that the leap day is the last
/// one of its year, and in eras of 400 years, after which the calendar repeats.
const DAYS_PER_ERA: u64 = 146_097;
/// Days from 1 March of the year 0 to 1 January 1970.
const EPOCH: u64 = 719_468;

const fn civil_from_days(days_since_epoch: u64) -> (u64, u64, u64) {
    let days = days_since_epoch + EPOCH;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

const fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day.saturating_sub(1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_written_and_read() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_429_055, "2026-11-23T10:17:35Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(seconds)));
        }
    }

    #[test]
    fn every_day_up_to_the_year_9999_survives_the_round_trip_and_is_one_after_the_day_before() {
        let mut previous = (1969, 12, 31);
        for day in 0..=LAST / SECONDS_PER_DAY {
            let date = civil_from_days(day);
            assert_eq!(days_from_civil(date.0, date.1, date.2), day);
            let follows = (date.0 == previous.0 && date.1 == previous.1 && date.2 == previous.2 + 1)
                || (date.2 == 1 && date.0 == previous.0 && date.1 == previous.1 + 1)
                || (date.2 == 1 && date.1 == 1 && date.0 == previous.0 + 1);
            assert!(follows, "{date:?} after {previous:?}");
            previous = date;
        }
    }

    #[test]
    fn what_older_tools_wrote_is_read() {
        for text in ["2026-11-23T10:17:35UTC", "2026-11-23T10:17:35.123456Z"] {
            assert_eq!(text.parse(), Ok(Timestamp(1_795_429_055)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "Z",
            "2026-11-23",
            "2026-11-23T10:17:35",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:17:35.Z",
            "2026-11-23T10:17:35.1xZ",
            "2026-11-23T10:17:3éZ",
            "+026-11-23T10:17:35Z",
            "2026-11-23T10:17:35+01:00",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp), "{text}");
        }
    }
}
