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
    Code(String),
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
    /// What takes the place of the secret that was sent: another refresh token, or the tokens for a code.
    Successor,
    /// Anything else, and everything that may not have arrived.
    Nothing,
}

/// The client's use of a secret that works once, or that one call at a time may carry.
#[derive(Debug, Default)]
pub(super) struct Usage {
    in_flight: usize,
    superseded: bool,
    refused: bool,
}

impl Usage {
    pub(super) const fn is_in_flight(&self) -> bool {
        self.in_flight > 0
    }
}

impl Service {
    /// Notes the arrival of a call.
    pub(crate) fn note_arrival(&mut self, offer: &Offer, now: SystemTime) -> Pace {
        match offer {
            Offer::Poll { client_id, device_code } => self.note_poll(client_id, device_code, now),
            Offer::Refresh(_) | Offer::Code(_) | Offer::Other => {
                self.note_use(offer);
                Pace::Kept
            }
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

    /// The secret that the call offers, if it may not be sent at will: in words that give nothing away, and its use.
    fn usage(&mut self, offer: &Offer) -> Option<(String, &mut Usage)> {
        match offer {
            Offer::Refresh(token) => {
                let index = self.refresh_token_index(token)?;
                let number = self.pruned_refresh_tokens + index + 1;
                Some((format!("refresh token {number}"), &mut self.refresh_tokens[index].usage))
            }
            Offer::Code(code) => {
                let index = self.code_index(code)?;
                let code = &mut self.codes[index];
                Some((format!("authorization code {}", code.number), &mut code.usage))
            }
            Offer::Poll { .. } | Offer::Other => None,
        }
    }

    fn note_use(&mut self, offer: &Offer) {
        let Some((secret, usage)) = self.usage(offer) else { return };
        usage.in_flight += 1;
        let misuses = [
            (usage.in_flight > 1, "in two requests at once"),
            (usage.superseded, "sent after its successor arrived"),
            (usage.refused, "sent again after InvalidGrant"),
        ];
        let misuses = misuses.iter().filter(|(happened, _)| *happened);
        let misuses: Vec<_> = misuses.map(|(_, misuse)| format!("{secret} {misuse}")).collect();
        self.violations.extend(misuses);
    }

    /// Notes the end of a call, and what reached the client, be it from the service or from a fault.
    pub(crate) fn note_end(&mut self, offer: &Offer, received: Received) {
        if let Some((_, usage)) = self.usage(offer) {
            usage.in_flight -= 1;
            usage.superseded |= received == Received::Successor;
            usage.refused |= received == Received::InvalidGrant;
        }
        if let Offer::Poll { client_id, device_code } = offer
            && received == Received::SlowDown
            && let Some(index) = self.authorization_index(client_id, device_code)
        {
            let interval = &mut self.authorizations[index].interval;
            *interval = interval.saturating_add(SLOW_DOWN_PENALTY);
        }
    }
}
