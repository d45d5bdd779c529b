//! The parts of a sign-in: tokens, refresh tokens and client registrations. A leaf: other modules obtain, store and use them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ssoctl_protocol::Secret;

use crate::clock::BootTime;
use crate::issuer::Issuer;

/// An access token as it is handed out. Shared, so that a snapshot for a thousand readers holds it once.
#[derive(PartialEq, Eq, Debug)]
pub struct AccessToken {
    pub value: Secret<String>,
    /// `Bearer`.
    pub token_type: String,
    /// The token is sent to no other service.
    pub issuer: Issuer,
}

/// A token and its times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub access: Arc<AccessToken>,
    pub received: BootTime,
    /// The service accepts it until then.
    pub expires: BootTime,
    /// The lifetime that the service has stated.
    pub lifetime: Duration,
    /// The means to get the next token.
    pub renewal: Option<Renewal>,
    /// Whether the portal session ends with it, so that neither a refresh nor another flow gives a later one
    /// (observed: a token inherits the end of the portal session that it was obtained in).
    pub capped: bool,
    /// The file of another program that its sign-in came from; `None` for a sign-in of our own.
    pub found_in: Option<Arc<Path>>,
}

impl Token {
    pub const fn remaining(&self, now: BootTime) -> Duration {
        self.expires.since(now)
    }

    /// Corrects times that come from a wrong wall clock: it was received by `now`, and lives no longer than it was meant to.
    pub fn limit_life(&mut self, now: BootTime) {
        self.received = self.received.min(now);
        self.expires = self.expires.min(now + self.lifetime);
    }

    /// Whether it is live, and stays so for `min_valid` at least.
    pub fn lives_for(&self, min_valid: Duration, now: BootTime) -> bool {
        self.is_live(now) && self.remaining(now) >= min_valid
    }

    /// Whether the service still accepts it.
    pub fn is_live(&self, now: BootTime) -> bool {
        now < self.expires
    }
}

/// A refresh token and the registration that it was issued to: it is worth nothing with another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewal {
    pub refresh_token: Secret<String>,
    pub registration: Registration,
}

/// The record of a session in a store, with times of the boot clock.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// The registration for the next flow.
    pub registration: Option<Registration>,
    /// The newest token.
    pub token: Option<Token>,
    /// Whether this portal is known to cap its tokens at the end of the portal session.
    pub portal_caps: bool,
}

/// What a session's start URL leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    pub issuer: Issuer,
    /// The start URL that the session's own was resolved to; `None` if that needed no resolving.
    pub resolved: Option<Arc<str>>,
}

/// A client that the service has registered. Reused until it nears its expiry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The public identifier.
    pub client_id: String,
    pub client_secret: Secret<String>,
    pub issued_at: SystemTime,
    /// The service that registered it and issues its tokens.
    pub issuer: Issuer,
    /// The start URL that the session's own was resolved to when it was registered; `None` if that needed no resolving.
    pub resolved: Option<Arc<str>>,
    /// The end of the client secret; `None` if it has no end (RFC 7591, section 3.2.1: 0).
    pub expires_at: Option<SystemTime>,
}
