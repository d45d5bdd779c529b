//! Access tokens and refresh tokens: how they are issued, refreshed, capped and revoked.

use std::time::{Duration, SystemTime};

use super::Service;
use super::conduct::{Pace, Usage};
use super::device::Decision;
use super::portal_session::SessionId;
use super::registration::Registration;
use crate::clock::later;
use crate::errors::Refusal;
use crate::random;
use crate::settings::RefreshTokens;

/// Far more than a client can have a use for, and enough to notice a client that sends an old one.
const REMEMBERED_REFRESH_TOKENS: usize = 200;

/// The shortest lifetime that `expiresIn`, whole seconds, can state.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(1);

/// The result of CreateToken.
pub(crate) struct IssuedToken {
    pub(crate) access_token: String,
    pub(crate) expires_in: Duration,
    pub(crate) refresh_token: Option<String>,
}

pub(super) struct AccessToken {
    value: String,
    session: SessionId,
    /// The number of the authorization code that it comes from.
    code: Option<usize>,
    expires_at: SystemTime,
    revoked: bool,
}

pub(super) struct RefreshToken {
    value: String,
    client_id: String,
    session: SessionId,
    /// The number of the authorization code that it comes from.
    code: Option<usize>,
    /// The reason why the token is refused: rotated or revoked.
    refused_because: Option<&'static str>,
    pub(super) usage: Usage,
}

/// Only the description tells one reason for InvalidGrant from another, as at the service.
pub(super) fn invalid_grant(why: &str) -> Refusal {
    Refusal::new("InvalidGrantException", why)
}

impl Service {
    /// The device code grant (RFC 8628 3.4 and 3.5). `pace` is what [`Service::note_arrival`] said of this poll.
    pub(crate) fn redeem(
        &mut self,
        client_id: &str,
        device_code: &str,
        pace: Pace,
        now: SystemTime,
    ) -> Result<IssuedToken, Refusal> {
        let index = self
            .authorization_index(client_id, device_code)
            .ok_or_else(|| invalid_grant("unknown device code, or one of another client"))?;
        let authorization = &self.authorizations[index];
        let session = match authorization.decision {
            Decision::Redeemed => return Err(invalid_grant("the device code has been used")),
            _ if now >= authorization.expires_at => {
                return Err(Refusal::new("ExpiredTokenException", "the device code has expired"));
            }
            _ if pace == Pace::TooFast => {
                return Err(Refusal::new("SlowDownException", "polled faster than the interval"));
            }
            Decision::Pending => {
                return Err(Refusal::new("AuthorizationPendingException", "the person has not decided yet"));
            }
            Decision::Denied => return Err(Refusal::new("AccessDeniedException", "the person denied the request")),
            Decision::Approved(session) => session,
        };
        let issued = self.issue_pair(client_id, session, None, now)?;
        self.authorizations[index].decision = Decision::Redeemed;
        Ok(issued)
    }

    /// The refresh token grant (RFC 6749 6).
    pub(crate) fn refresh(
        &mut self,
        client_id: &str,
        refresh_token: &str,
        now: SystemTime,
    ) -> Result<IssuedToken, Refusal> {
        let index = self
            .refresh_token_index(refresh_token)
            .filter(|index| self.refresh_tokens[*index].client_id == client_id)
            .ok_or_else(|| invalid_grant("unknown refresh token, or one of another client"))?;
        if let Some(why) = self.refresh_tokens[index].refused_because {
            return Err(invalid_grant(why));
        }
        let RefreshToken { session, code, .. } = self.refresh_tokens[index];
        let mut issued = self.issue(client_id, session, code, now)?;
        issued.refresh_token = match self.settings.refresh_tokens {
            RefreshTokens::Repeated => Some(refresh_token.to_owned()),
            RefreshTokens::Omitted => None,
            RefreshTokens::Rotated => {
                self.refresh_tokens[index].refused_because = Some("the refresh token has been used");
                self.issue_refresh_token(client_id, session, code)
            }
        };
        Ok(issued)
    }

    /// An access token, and a refresh token if the client has scopes.
    pub(super) fn issue_pair(
        &mut self,
        client_id: &str,
        session: SessionId,
        code: Option<usize>,
        now: SystemTime,
    ) -> Result<IssuedToken, Refusal> {
        let mut issued = self.issue(client_id, session, code, now)?;
        issued.refresh_token = self.issue_refresh_token(client_id, session, code);
        Ok(issued)
    }

    /// Issues an access token that does not outlive its portal session (observed: the session cap).
    fn issue(
        &mut self,
        client_id: &str,
        session: SessionId,
        code: Option<usize>,
        now: SystemTime,
    ) -> Result<IssuedToken, Refusal> {
        let cap = self.session_cap(session, now).ok_or_else(|| invalid_grant("the portal session has ended"))?;
        let expires_at = cap.min(later(now, self.lifetime(self.registration(client_id))));
        let access_token = format!("aoaAAAAA{}", random::opaque(192));
        self.access_tokens.push(AccessToken { value: access_token.clone(), session, code, expires_at, revoked: false });
        let expires_in = expires_at.duration_since(now).unwrap_or_default();
        Ok(IssuedToken { access_token, expires_in, refresh_token: None })
    }

    fn lifetime(&self, client: Option<&Registration>) -> Duration {
        let scoped = client.is_some_and(|client| !client.scopes.is_empty());
        if scoped { self.settings.token_lifetime } else { self.settings.unscoped_token_lifetime }
    }

    /// The latest end of a token that this session gives now; `None` if it gives none.
    fn session_cap(&self, session: SessionId, now: SystemTime) -> Option<SystemTime> {
        self.live_until(session, now).filter(|ends_at| later(now, SHORTEST_LIFETIME) <= *ends_at)
    }

    /// A new refresh token, if the client has scopes.
    fn issue_refresh_token(&mut self, client_id: &str, session: SessionId, code: Option<usize>) -> Option<String> {
        self.registration(client_id).filter(|client| !client.scopes.is_empty())?;
        let value = format!("aorAAAAA{}", random::opaque(192));
        self.refresh_tokens.push(RefreshToken {
            value: value.clone(),
            client_id: client_id.to_owned(),
            session,
            code,
            refused_because: None,
            usage: Usage::default(),
        });
        Some(value)
    }

    /// The portal session behind an access token that is good at `now`.
    pub(crate) fn session_of(&self, access_token: &str, now: SystemTime) -> Option<SessionId> {
        let token = self.access_tokens.iter().find(|known| known.value == access_token)?;
        let good = !token.revoked && now < token.expires_at && self.live_until(token.session, now).is_some();
        good.then_some(token.session)
    }

    /// The end of a token that this refresh token would give now; `None` if it would be refused.
    pub(crate) fn refreshable_until(
        &self,
        client_id: &str,
        client_secret: &str,
        refresh_token: &str,
        now: SystemTime,
    ) -> Option<SystemTime> {
        let client = self.authenticate(client_id, client_secret).ok()?.unexpired(now).ok()?;
        let token = &self.refresh_tokens[self.refresh_token_index(refresh_token)?];
        let good = token.refused_because.is_none() && token.client_id == client_id;
        let cap = self.session_cap(token.session, now).filter(|_| good)?;
        Some(cap.min(later(now, self.lifetime(Some(client)))))
    }

    pub(super) fn refresh_token_index(&self, refresh_token: &str) -> Option<usize> {
        self.refresh_tokens.iter().position(|known| known.value == refresh_token)
    }

    pub(super) fn prune_tokens(&mut self, limit: SystemTime) {
        self.access_tokens.retain(|token| token.expires_at > limit);
        let surplus = self.refresh_tokens.len().saturating_sub(REMEMBERED_REFRESH_TOKENS);
        // The end of a request looks for the token that the request carries.
        let surplus = self.refresh_tokens[..surplus].iter().take_while(|token| !token.usage.is_in_flight()).count();
        self.refresh_tokens.drain(..surplus);
        self.pruned_refresh_tokens += surplus;
    }

    pub(crate) fn revoke_access_tokens(&mut self) {
        for token in &mut self.access_tokens {
            token.revoked = true;
        }
    }

    pub(crate) fn revoke_refresh_tokens(&mut self) {
        for token in &mut self.refresh_tokens {
            token.refused_because = Some("the refresh token has been revoked");
        }
    }

    /// Revokes everything that came from this authorization code.
    pub(super) fn revoke_tokens_of_code(&mut self, number: usize) {
        for token in self.access_tokens.iter_mut().filter(|token| token.code == Some(number)) {
            token.revoked = true;
        }
        for token in self.refresh_tokens.iter_mut().filter(|token| token.code == Some(number)) {
            token.refused_because = Some("the authorization code of the refresh token was used twice");
        }
    }

    pub(crate) fn issued_access_tokens(&self) -> Vec<String> {
        self.access_tokens.iter().map(|token| token.value.clone()).collect()
    }

    pub(crate) fn issued_refresh_tokens(&self) -> Vec<String> {
        self.refresh_tokens.iter().map(|token| token.value.clone()).collect()
    }
}
