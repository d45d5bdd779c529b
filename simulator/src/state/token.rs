//! Access tokens and refresh tokens: issued, refreshed, capped, revoked.

use std::time::{Duration, SystemTime};

use super::Service;
use super::conduct::{Pace, RefreshUse};
use super::device::Decision;
use super::portal_session::SessionId;
use super::registration::Expiry;
use crate::clock::{Moment, later};
use crate::errors::{OidcError, Refusal};
use crate::operation::Grant;
use crate::random;
use crate::settings::RefreshTokens;

/// More than a client needs, and enough to notice a client that sends an old one.
const REMEMBERED_REFRESH_TOKENS: usize = 200;

/// The shortest life that `expiresIn`, whole seconds, can state.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// What CreateToken hands out.
pub(crate) struct IssuedToken {
    pub(crate) access_token: String,
    pub(crate) expires_in: Duration,
    pub(crate) refresh_token: Option<String>,
}

pub(super) struct AccessToken {
    value: String,
    session: SessionId,
    expires_at: SystemTime,
    standing: Standing,
}

pub(super) struct RefreshToken {
    pub(super) value: String,
    client_id: String,
    session: SessionId,
    standing: Standing,
    pub(super) usage: RefreshUse,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    Good,
    /// Rotated: its successor took its place.
    Spent,
    Revoked,
}

/// Only the description tells the reasons apart, as at the real service.
fn invalid_grant(why: &str) -> Refusal {
    Refusal::new(OidcError::InvalidGrant, why)
}

impl Service {
    /// Checks that the client may call CreateToken with this grant.
    pub(crate) fn admit_client(
        &self,
        client_id: &str,
        client_secret: &str,
        grant: Grant,
        at: Moment,
    ) -> Result<(), Refusal> {
        self.authenticate(client_id, client_secret, Expiry::Enforced, at.now)?.permit(grant)
    }

    /// The device code grant (RFC 8628 3.4 and 3.5). `pace` is what [`Service::note_poll`] said of this poll.
    pub(crate) fn redeem(
        &mut self,
        client_id: &str,
        device_code: &str,
        pace: Pace,
        at: Moment,
    ) -> Result<IssuedToken, Refusal> {
        let index = self
            .authorizations
            .iter()
            .position(|known| known.device_code == device_code && known.client_id == client_id)
            .ok_or_else(|| invalid_grant("unknown device code, or one of another client"))?;
        let authorization = &self.authorizations[index];
        let is_redeemed = authorization.decision == Decision::Redeemed;
        if !is_redeemed && at.now >= authorization.expires_at {
            return Err(Refusal::new(OidcError::ExpiredToken, "the device code has expired"));
        }
        if !is_redeemed && pace == Pace::TooFast {
            return Err(Refusal::new(OidcError::SlowDown, "polled faster than the interval"));
        }
        let session = match authorization.decision {
            Decision::Pending => {
                return Err(Refusal::new(OidcError::AuthorizationPending, "the person has not decided yet"));
            }
            Decision::Denied => return Err(Refusal::new(OidcError::AccessDenied, "the person denied the request")),
            Decision::Redeemed => return Err(invalid_grant("the device code has been used")),
            Decision::Approved(session) => session,
        };
        let issued = self.issue(client_id, session, RefreshSupply::New, at)?;
        self.authorizations[index].decision = Decision::Redeemed;
        Ok(issued)
    }

    /// The refresh token grant (RFC 6749 6).
    pub(crate) fn refresh(&mut self, client_id: &str, refresh_token: &str, at: Moment) -> Result<IssuedToken, Refusal> {
        let index = self
            .refresh_tokens
            .iter()
            .position(|known| known.value == refresh_token && known.client_id == client_id)
            .ok_or_else(|| invalid_grant("unknown refresh token, or one of another client"))?;
        let token = &self.refresh_tokens[index];
        match token.standing {
            Standing::Good => {}
            Standing::Spent => return Err(invalid_grant("the refresh token has been used")),
            Standing::Revoked => return Err(invalid_grant("the refresh token has been revoked")),
        }
        let session = token.session;
        match self.settings.refresh_tokens {
            RefreshTokens::Repeated => self.issue(client_id, session, RefreshSupply::Same(refresh_token), at),
            RefreshTokens::Omitted => self.issue(client_id, session, RefreshSupply::None, at),
            RefreshTokens::Rotated => {
                let issued = self.issue(client_id, session, RefreshSupply::New, at)?;
                self.refresh_tokens[index].standing = Standing::Spent;
                Ok(issued)
            }
        }
    }

    /// A token that does not outlive its portal session (observed: the session cap).
    fn issue(
        &mut self,
        client_id: &str,
        session: SessionId,
        supply: RefreshSupply<'_>,
        at: Moment,
    ) -> Result<IssuedToken, Refusal> {
        let cap = self.capped_at(session, at.now).ok_or_else(|| invalid_grant("the portal session has ended"))?;
        let scoped = self.registration(client_id).is_some_and(|client| !client.scopes.is_empty());
        let lifetime = if scoped { self.settings.token_lifetime } else { self.settings.unscoped_token_lifetime };
        let expires_at = cap.min(later(at.now, lifetime));
        let access_token = format!("aoaAAAAA{}", random::opaque(192));
        self.access_tokens.push(AccessToken {
            value: access_token.clone(),
            session,
            expires_at,
            standing: Standing::Good,
        });
        let refresh_token = match supply {
            RefreshSupply::New if scoped => Some(self.issue_refresh_token(client_id, session)),
            RefreshSupply::New | RefreshSupply::None => None,
            RefreshSupply::Same(token) => Some(token.to_owned()),
        };
        let expires_in = expires_at.duration_since(at.now).unwrap_or_default();
        Ok(IssuedToken { access_token, expires_in, refresh_token })
    }

    /// When a token that this session gives now ends at the latest; `None` if it gives none.
    fn capped_at(&self, session: SessionId, now: SystemTime) -> Option<SystemTime> {
        self.live_until(session, now).filter(|ends_at| later(now, SHORTEST_LIFE) <= *ends_at)
    }

    fn issue_refresh_token(&mut self, client_id: &str, session: SessionId) -> String {
        let value = format!("aorAAAAA{}", random::opaque(192));
        self.refresh_tokens.push(RefreshToken {
            value: value.clone(),
            client_id: client_id.to_owned(),
            session,
            standing: Standing::Good,
            usage: RefreshUse::default(),
        });
        value
    }

    /// The portal session behind an access token that is good at `now`.
    pub(super) fn session_of(&self, access_token: &str, now: SystemTime) -> Option<SessionId> {
        let token = self.access_tokens.iter().find(|known| known.value == access_token)?;
        let good = token.standing == Standing::Good && now < token.expires_at;
        (good && self.live_until(token.session, now).is_some()).then_some(token.session)
    }

    /// When a token that this refresh token gives now would end; `None` if it would be refused.
    pub(crate) fn refreshable_until(
        &self,
        client_id: &str,
        client_secret: &str,
        refresh_token: &str,
        now: SystemTime,
    ) -> Option<SystemTime> {
        let client = self.authenticate(client_id, client_secret, Expiry::Enforced, now).ok()?;
        let token = self.refresh_tokens.iter().find(|known| known.value == refresh_token)?;
        let good = token.standing == Standing::Good && token.client_id == client_id;
        let lifetime =
            if client.scopes.is_empty() { self.settings.unscoped_token_lifetime } else { self.settings.token_lifetime };
        self.capped_at(token.session, now).filter(|_| good).map(|cap| cap.min(later(now, lifetime)))
    }

    pub(super) fn prune_tokens(&mut self, long_dead: SystemTime) {
        self.access_tokens.retain(|token| token.expires_at > long_dead);
        let surplus = self.refresh_tokens.len().saturating_sub(REMEMBERED_REFRESH_TOKENS);
        // A token that is in a request is still needed when the request ends.
        let surplus = self.refresh_tokens[..surplus].iter().take_while(|token| !token.usage.is_in_flight()).count();
        self.refresh_tokens.drain(..surplus);
        self.pruned_refresh_tokens += surplus;
    }

    pub(crate) fn is_signed_in(&self, access_token: &str, now: SystemTime) -> bool {
        self.session_of(access_token, now).is_some()
    }

    /// Ends the portal session behind this token, and with it all of that session's tokens; false for a bad token.
    pub(crate) fn log_out(&mut self, access_token: &str, now: SystemTime) -> bool {
        let session = self.session_of(access_token, now);
        if let Some(session) = session {
            self.end_session(session);
        }
        session.is_some()
    }

    pub(crate) fn revoke_access_tokens(&mut self) {
        for token in &mut self.access_tokens {
            token.standing = Standing::Revoked;
        }
    }

    pub(crate) fn revoke_refresh_tokens(&mut self) {
        for token in &mut self.refresh_tokens {
            token.standing = Standing::Revoked;
        }
    }

    /// In the order of issue.
    pub(crate) fn issued_access_tokens(&self) -> Vec<String> {
        self.access_tokens.iter().map(|token| token.value.clone()).collect()
    }

    /// In the order of issue.
    pub(crate) fn issued_refresh_tokens(&self) -> Vec<String> {
        self.refresh_tokens.iter().map(|token| token.value.clone()).collect()
    }
}

/// The refresh token that goes with an access token.
enum RefreshSupply<'a> {
    New,
    Same(&'a str),
    None,
}
