//! When to refresh, to poll and to try again. Pure: durations in, durations out; chance comes in as a value from 0 to 1.

use std::time::{Duration, SystemTime};

use crate::oidc::{CallError, ErrorName, Registration};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// How long a caller waits for a refresh although it is not willing to wait for a person.
pub const SILENT_PATIENCE: Duration = Duration::from_secs(10);

/// How long a caller that is not willing to wait for a person waits for the store's first answer.
pub const LOAD_PATIENCE: Duration = Duration::from_secs(2);

/// How long a caller that opens a flow waits for its page.
pub const CODE_PATIENCE: Duration = Duration::from_secs(30);

/// How long the store may take to be read again before a refusal of the refresh token is believed.
pub const REFUSAL_PATIENCE: Duration = Duration::from_secs(6);

/// How long a new token waits for being stored before it is served unstored.
pub const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// A token that was received this recently is the best that the service gives: another refresh would not give a longer one.
pub const FRESH: Duration = Duration::from_secs(30);

/// How long a sign-out waits for the portal and the store. The token is forgotten at once, whatever they say.
pub const SIGN_OUT_PATIENCE: Duration = Duration::from_secs(25);

/// How many flows one session opens in a row, before they have to keep to [`FLOW_PACE`]. A person needs one.
pub const FLOWS_AT_ONCE: u32 = 30;

/// The pace of flows in the long run. Each is two or three calls to the service.
pub const FLOW_PACE: Duration = Duration::from_secs(10);

/// How long a flow waits for the browser to come back. The AWS CLI waits as long.
pub const BROWSER_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long the attempts to get a token for the code that a browser has brought may take.
pub const EXCHANGE_PATIENCE: Duration = Duration::from_secs(2 * 60);

/// How often a step of a flow is tried that leads to a page, or that uses a code which may be used once.
pub const ATTEMPTS: u32 = 3;

/// How long before its expiry a token is refreshed.
///
/// Twenty minutes for tokens of an hour and more: botocore begins at 15, the Rust and JavaScript SDKs at 5, so no SDK ever
/// has to refresh a token itself. A third of the lifetime for shorter ones. `chance` (0 to 1) makes it up to a tenth earlier, never
/// later, so that sessions that began together do not refresh together. A tenth of the lifetime always passes first: a token
/// that is due as soon as it arrives would be refreshed without end.
pub fn refresh_lead(lifetime: Duration, chosen: Option<Duration>, chance: f64) -> Duration {
    let lead = match chosen {
        Some(lead) if lead < lifetime => lead,
        _ if lifetime >= HOUR => 20 * MINUTE,
        _ => lifetime / 3,
    };
    (lead + lead.mul_f64(0.1 * chance)).min(lifetime.mul_f64(0.9))
}

/// How long before a token's end the person is told: the chosen time or 15 minutes, for tokens that hardly live longer a
/// third of their lifetime.
pub fn notice_lead(lifetime: Duration, chosen: Option<Duration>) -> Duration {
    let lead = chosen.unwrap_or(15 * MINUTE);
    if lead <= lifetime / 2 { lead } else { lifetime / 3 }
}

/// Two ends that differ by less are the same one: answers travel, and the service counts whole seconds.
pub const SAME_END: Duration = MINUTE;

/// How long to wait after the `failures`-th failure in a row (counted from 1): one, two, four … seconds, at most a
/// minute, half of it left to chance, so that many daemons do not come back at the same moment. What the service asks
/// for with `Retry-After` is a lower bound, up to an hour.
pub fn backoff(failures: u32, retry_after: Option<Duration>, chance: f64) -> Duration {
    let full = Duration::from_secs(2).saturating_mul(1 << failures.saturating_sub(1).min(5)).min(MINUTE);
    (full / 2 + (full / 2).mul_f64(chance)).max(retry_after.unwrap_or_default().min(HOUR))
}

/// How long after an attempt at CreateToken that could not be made the next one is due: the interval doubles with each
/// failure in a row (RFC 8628, section 3.5), up to a minute unless the interval itself is longer.
pub fn poll_backoff(interval: Duration, failures: u32) -> Duration {
    interval.saturating_mul(1 << failures.min(6)).min(MINUTE.max(interval))
}

/// How much `slow_down` adds to the interval for the rest of the flow (RFC 8628, section 3.5).
pub const SLOW_DOWN: Duration = Duration::from_secs(5);

/// The fate of a refresh token after an attempt that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefreshTokenFate {
    /// It may work next time.
    Kept,
    /// It will not work again.
    Spent,
    /// Neither it nor the registration that it belongs to will work again.
    SpentWithItsRegistration,
}

/// Decides what an error means for the refresh token that was used. The table stands in `tokens/refreshing.rs`.
pub const fn fate_of_refresh_token(error: &CallError) -> RefreshTokenFate {
    match error.name() {
        Some(
            ErrorName::InvalidGrant
            | ErrorName::ExpiredToken
            | ErrorName::AccessDenied
            | ErrorName::UnsupportedGrantType
            | ErrorName::InvalidScope,
        ) => RefreshTokenFate::Spent,
        Some(ErrorName::InvalidClient | ErrorName::UnauthorizedClient) => RefreshTokenFate::SpentWithItsRegistration,
        _ => RefreshTokenFate::Kept,
    }
}

/// Whether a registration can begin another flow: it has to outlive it by far, because the refresh token that comes out
/// of it works only with it. StartDeviceAuthorization may not fail on an expired one, so nobody else would notice.
pub fn is_usable(registration: &Registration, now: SystemTime) -> bool {
    registration.expires_at.is_none_or(|expires_at| {
        let lifetime = expires_at.duration_since(registration.issued_at).unwrap_or_default();
        let margin = (lifetime / 10).min(DAY);
        expires_at.duration_since(now).is_ok_and(|left| left > margin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mins(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_token_of_an_hour_and_more_is_refreshed_twenty_minutes_early_and_a_shorter_one_at_a_third() {
        for (lifetime, chosen, lead) in [
            (mins(60), None, mins(20)),
            (mins(480), None, mins(20)),
            (mins(59), None, mins(59) / 3),
            (mins(3), None, mins(1)),
            (mins(60), Some(mins(30)), mins(30)),
            (mins(10), Some(mins(30)), mins(10) / 3),
        ] {
            assert_eq!(refresh_lead(lifetime, chosen, 0.0), lead, "{lifetime:?} {chosen:?}");
            let early = refresh_lead(lifetime, chosen, 1.0);
            assert!(early >= lead && early <= lead.mul_f64(1.11) && early <= lifetime, "{lifetime:?} {chosen:?}");
        }
    }

    #[test]
    fn retries_begin_within_seconds_and_are_at_most_a_minute_apart() {
        assert!(backoff(1, None, 1.0) <= Duration::from_secs(2));
        for failures in 1..200 {
            for chance in [0.0, 0.5, 1.0] {
                let pause = backoff(failures, None, chance);
                assert!(pause >= Duration::from_secs(1) && pause <= MINUTE, "{failures} {chance} {pause:?}");
            }
        }
        assert_eq!(backoff(1, Some(mins(5)), 0.0), mins(5));
        assert_eq!(backoff(1, Some(mins(600)), 0.0), HOUR);
    }

    #[test]
    fn polling_slows_down_while_the_service_cannot_be_reached() {
        let second = Duration::from_secs(1);
        let pauses: Vec<u64> = (0..9).map(|failures| poll_backoff(second, failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(poll_backoff(mins(2), 3), mins(2), "never faster than the interval");
    }

    #[test]
    fn a_registration_is_used_until_it_nears_its_expiry() {
        let issued_at = SystemTime::UNIX_EPOCH + 1000 * DAY;
        let registration = |lifetime| Registration {
            client_id: "id".into(),
            client_secret: "secret".into(),
            issued_at,
            issuer: crate::issuer::Issuer::aws("eu-west-1"),
            resolved: None,
            expires_at: Some(issued_at + lifetime),
        };
        let ninety = registration(90 * DAY);
        assert!(is_usable(&ninety, issued_at + 88 * DAY));
        assert!(!is_usable(&ninety, issued_at + 89 * DAY));
        assert!(!is_usable(&ninety, issued_at + 91 * DAY));
        let short = registration(mins(10));
        assert!(is_usable(&short, issued_at + mins(8)));
        assert!(!is_usable(&short, issued_at + mins(9)));
        assert!(is_usable(&Registration { expires_at: None, ..ninety }, issued_at + 4000 * DAY));
    }
}
