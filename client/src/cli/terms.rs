//! How good an answer has to be, and how long it may take: the same for every verb that needs somebody to be signed in.

use std::time::Duration;

use clap::Args;

/// For verbs that print, or hand on, something that ends.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    #[command(flatten)]
    pub(crate) validity: Validity,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// How long it must live.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Validity {
    /// How long the token or the credentials must still live, such as 90s, 5m, 1h, or a number of seconds
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0", hide_default_value = true)]
    pub(crate) min_valid: Duration,
}

/// How long a person may take.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// How long to wait for a person to sign in; default: not at all
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0", hide_default_value = true)]
    pub(crate) wait: Duration,
}

/// Reads `5m`, `1h 30m` or a plain number of seconds. Fractions of a second count as a whole one, as the local API
/// speaks in seconds and asking for less than was meant would be wrong.
fn duration(text: &str) -> Result<Duration, String> {
    let given = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| "expected one like 90s, 5m or 1h 30m, or a number of seconds")?,
    };
    Ok(Duration::from_secs(given.as_secs().saturating_add(u64::from(given.subsec_nanos() > 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them_and_rounded_up_to_seconds() {
        for (text, seconds) in [("0", 0), ("90", 90), ("5m", 300), ("1h 30m", 5400), ("1500ms", 2), ("1ns", 1)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "-5", "5 parsecs", "1.5"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
