//! `quiet_hours`: the time of each day when nothing is shown.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;

/// Two local times of the day. If `to` is before `from`, midnight is between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuietHours {
    pub from: Time,
    pub to: Time,
}

/// The text fits after `must be `.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("two different times of the day, such as \"20:00-08:00\"")]
pub struct NotQuietHours;

impl FromStr for QuietHours {
    type Err = NotQuietHours;

    fn from_str(text: &str) -> Result<Self, NotQuietHours> {
        let (from, to) = text.split_once('-').ok_or(NotQuietHours)?;
        let (from, to) = (time_of_day(from).ok_or(NotQuietHours)?, time_of_day(to).ok_or(NotQuietHours)?);
        if from == to { Err(NotQuietHours) } else { Ok(Self { from, to }) }
    }
}

/// Reads `8:00`, `08:00` or `23:59`, with blanks around it.
fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hour) || !is_number(minute) || minute.len() != 2 || hour.len() > 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.hour(), from.minute(), to.hour(), to.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_times_of_the_day_are_quiet_hours() {
        for (text, read) in
            [("20:00-08:00", "20:00-08:00"), (" 9:05 - 17:30 ", "09:05-17:30"), ("00:00-23:59", "00:00-23:59")]
        {
            assert_eq!(text.parse::<QuietHours>().unwrap().to_string(), read);
        }
    }

    #[test]
    fn other_texts_are_not_quiet_hours() {
        for text in [
            "",
            "20:00",
            "20:00-",
            "-08:00",
            "20-8",
            "20:0-08:00",
            "24:00-08:00",
            "20:60-08:00",
            "20:00-20:00",
            "+1:00-08:00",
            "20:00-08:00-09:00",
            "20:00:00-08:00",
            "22:00–08:00",
            "020:00-08:00",
            "8pm-8am",
        ] {
            assert_eq!(text.parse::<QuietHours>(), Err(NotQuietHours), "{text}");
        }
    }
}
