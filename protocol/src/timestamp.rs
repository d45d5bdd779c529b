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

impl Timestamp {
    /// From seconds since the Unix epoch. A time after the year 9999 becomes the last second of that year.
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
        humantime::format_rfc3339_seconds((*self).into()).fmt(f)
    }
}

/// Why a text is not read.
const NOT_A_TIMESTAMP: &str = "not a UTC time like 2026-11-23T10:16:36Z";

impl FromStr for Timestamp {
    type Err = &'static str;

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`, also with fractional seconds (cut off) and with the suffix `UTC` that older AWS
    /// tools wrote instead of `Z`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let local = text.strip_suffix('Z').or_else(|| text.strip_suffix("UTC")).ok_or(NOT_A_TIMESTAMP)?;
        let (seconds, fraction) = local.split_once('.').unwrap_or((local, "0"));
        // humantime accepts an empty fraction, and more text between seconds and `Z`.
        let is_whole = seconds.len() == "2026-11-23T10:16:36".len();
        if !is_whole || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NOT_A_TIMESTAMP);
        }
        humantime::parse_rfc3339(&format!("{seconds}Z")).map(Self::from).map_err(|_| NOT_A_TIMESTAMP)
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

#[cfg(test)]
mod tests {
    use super::*;

    impl schemars::JsonSchema for Timestamp {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Timestamp".into()
        }

        fn inline_schema() -> bool {
            true
        }

        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({"type": "string", "format": "date-time"})
        }
    }

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
        assert_eq!(Timestamp::from_unix(u64::MAX), Timestamp(LAST));
    }

    #[test]
    fn every_day_up_to_the_year_9999_survives_the_round_trip_and_is_one_after_the_day_before() {
        let mut previous = (1969, 12, 31);
        for day in 0..=LAST / 86_400 {
            let time = Timestamp(day * 86_400);
            let text = time.to_string();
            assert_eq!(text.parse(), Ok(time));
            let [year, month, day] = [0..4, 5..7, 8..10].map(|part| text[part].parse::<u32>().unwrap());
            let follows = (year == previous.0 && month == previous.1 && day == previous.2 + 1)
                || (day == 1 && year == previous.0 && month == previous.1 + 1)
                || (day == 1 && month == 1 && year == previous.0 + 1);
            assert!(follows, "{text} after {previous:?}");
            previous = (year, month, day);
        }
    }

    #[test]
    fn timestamps_of_older_tools_are_read() {
        for text in ["2026-11-23T10:17:35UTC", "2026-11-23T10:17:35.123456Z"] {
            assert_eq!(text.parse(), Ok(Timestamp(1_795_429_055)), "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_times_are_refused() {
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
            "2026-11-23T10:17:35ZxZ",
            "2026-11-23T10:17:3éZ",
            "+026-11-23T10:17:35Z",
            "2026-11-23T10:17:35+01:00",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NOT_A_TIMESTAMP), "{text}");
        }
    }
}
