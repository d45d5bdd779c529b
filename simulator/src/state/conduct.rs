//! Records the violations by clients: the service often has no error for them.
//!
//! A violation is recorded when a call arrives and when its answer leaves, with any faults in between: a client that polls too
//! fast does so even if each poll ends in a reset.

use std::time::{Duration, SystemTime};

use super::Service;
use super::device::Decision;
use crate::settings::duration_text;

/// RFC 8628 3.5: what `slow_down` adds to the interval for the rest of the flow.
const SLOW_DOWN_PENALTY: Duration = Duration::from_secs(5);

/// The way of one poll may take longer than that of the next one, which is not the client's fault.
const TRANSIT_ALLOWANCE: Duration = Duration::from_millis(50);

/// The secret that a CreateToken call offers; any other call is `Other`.
pub(crate) enum Offer {
    Poll { client_id: String, device_code: String },
    Refresh(String),
    Other,
}

/// Whether a poll kept its distance from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Kept,
    TooFast,
}

/// The part of an answer that binds the client, if it reached the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    SlowDown,
    InvalidGrant,
    /// Another refresh token than the one that was sent.
    Successor,
    /// Anything else, and everything that may not have arrived.
    Nothing,
}

/// The client's use of a refresh token.
#[derive(Debug, Default)]
pub(super) struct RefreshUse {
    in_flight: usize,
    superseded: bool,
    refused: bool,
}

impl RefreshUse {
    pub(super) const fn is_in_flight(&self) -> bool {
        self.in_flight > 0
    }
}

impl Service {
    /// Notes the arrival of a call.
    pub(crate) fn note_arrival(&mut self, offer: &Offer, now: SystemTime) -> Pace {
        match offer {
            Offer::Poll { client_id, device_code } => self.note_poll(client_id, device_code, now),
            Offer::Refresh(token) => {
                self.note_refresh(token);
                Pace::Kept
            }
            Offer::Other => Pace::Kept,
        }
    }

    fn note_poll(&mut self, client_id: &str, device_code: &str, now: SystemTime) -> Pace {
        let Some(index) = self.authorization_index(client_id, device_code) else { return Pace::Kept };
        // A client may start anew, for it cannot give a code back; it may not go on with the old code as well.
        let parallel = self.authorizations[index + 1..]
            .iter()
            .any(|newer| newer.client_id == client_id && newer.is_pending(now) && newer.polled_at.is_some());
        if parallel && self.authorizations[index].is_pending(now) {
            self.violations.push("two device authorizations of one client polled side by side".to_owned());
        }
        let authorization = &mut self.authorizations[index];
        if authorization.decision == Decision::Redeemed {
            return Pace::Kept;
        }
        let too_fast = authorization.polled_at.is_some_and(|before| {
            now.duration_since(before).unwrap_or_default() + TRANSIT_ALLOWANCE < authorization.interval
        });
        authorization.polled_at = Some(now);
        if !too_fast {
            return Pace::Kept;
        }
        let interval = duration_text::written(authorization.interval);
        self.violations.push(format!("a device code polled faster than its interval of {interval}"));
        Pace::TooFast
    }

    fn note_refresh(&mut self, refresh_token: &str) {
        let Some(index) = self.refresh_token_index(refresh_token) else { return };
        let usage = &mut self.refresh_tokens[index].usage;
        usage.in_flight += 1;
        let number = self.pruned_refresh_tokens + index + 1;
        if usage.in_flight > 1 {
            self.violations.push(format!("refresh token {number} in two requests at once"));
        }
        if usage.superseded {
            self.violations.push(format!("refresh token {number} sent after its successor arrived"));
        }
        if usage.refused {
            self.violations.push(format!("refresh token {number} sent again after InvalidGrant"));
        }
    }

    /// Notes the end of a call, and what reached the client, be it from the service or from a fault.
    pub(crate) fn note_end(&mut self, offer: &Offer, received: Received) {
        match offer {
            Offer::Poll { client_id, device_code } if received == Received::SlowDown => {
                if let Some(index) = self.authorization_index(client_id, device_code) {
                    let interval = &mut self.authorizations[index].interval;
                    *interval = interval.saturating_add(SLOW_DOWN_PENALTY);
                }
            }
            Offer::Refresh(token) => {
                let Some(index) = self.refresh_token_index(token) else { return };
                let usage = &mut self.refresh_tokens[index].usage;
                usage.in_flight -= 1;
                usage.superseded |= received == Received::Successor;
                usage.refused |= received == Received::InvalidGrant;
            }
            Offer::Poll { .. } | Offer::Other => {}
        }
    }
}
