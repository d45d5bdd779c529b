//! Has a sign-in that was found proved before its session takes it over. Whoever can write to the token files can put anything
//! there, so a file proves nothing: the service that has issued the sign-in does.
//!
//! | what was found | is proved by | is refused by |
//! |---|---|---|
//! | a live access token | ListAccounts: an answer, or ForbiddenException | UnauthorizedException |
//! | an expired one with a refresh token | CreateToken: a new token, which is then taken over | the errors by which a refresh token is spent |
//!
//! Everything else proves nothing, and the service is asked again later. A refresh token is used only where the session has no
//! live sign-in, as it may be used up by that. The service that is asked is the issuer that the AWS configuration file names.

use std::time::Duration;

use crate::directory::Entry;
use crate::oidc::Grant;
use crate::portal::{PortalError, PortalErrorName};
use crate::session::found::{Found, Proof, Reception, Refused};
use crate::session::policy::{RefreshTokenFate, fate_of_refresh_token};
use crate::token::{AccessToken, Renewal};
use crate::world::World;

/// A proved sign-in is offered this many times to a session that cannot decide yet, with the pause below in between.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// The result for a sign-in that was found. The texts are for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProofVerdict {
    Received(Reception),
    /// Its issuer does not know it.
    Refused(String),
    /// Its issuer could not say.
    Unproved(String),
}

/// Offers a sign-in to the session, and has it proved if the session would take it over. This goes on when the caller has gone:
/// otherwise a token that has come meanwhile would be lost.
pub(super) async fn offer(entry: &Entry, found: Found, world: &World) -> ProofVerdict {
    let (entry, world) = (entry.clone(), world.clone());
    let offering = tokio::spawn(async move {
        // One offer at a time, since a refresh token must not be in two requests at once.
        let mut refused = entry.session.lock_offers().await;
        match ask_session(&entry, found.clone(), &world).await {
            Reception::ToBeProved => {}
            reception => return ProofVerdict::Received(reception),
        }
        let (file, fingerprint) = (found.file.clone(), found.fingerprint());
        if let Some(known) = refused.as_ref().filter(|refused| refused.fingerprint == fingerprint) {
            return ProofVerdict::Refused(known.why.clone());
        }
        let verdict = match prove(&entry, found, &world).await {
            Ok(proved) => ProofVerdict::Received(ask_session(&entry, proved, &world).await),
            Err(verdict) => verdict,
        };
        let (session, file) = (&entry.config.name, file.display());
        match &verdict {
            ProofVerdict::Received(reception) => {
                tracing::info!(session, %file, reception = reception.as_str(), "a sign-in that was found is proved");
            }
            ProofVerdict::Refused(why) => {
                tracing::warn!(session, %file, why, "a sign-in that was found is refused by its issuer");
                *refused = Some(Refused { fingerprint, why: why.clone() });
            }
            ProofVerdict::Unproved(why) => {
                tracing::warn!(session, %file, why, "a sign-in that was found is not proved yet");
            }
        }
        verdict
    });
    offering.await.unwrap_or_else(|_| ProofVerdict::Unproved("the attempt was broken off".to_owned()))
}

/// Offers a sign-in to the session. One that is proved is offered until the session can decide (the person may just be signing
/// out), since the new refresh token is stored nowhere else.
async fn ask_session(entry: &Entry, found: Found, world: &World) -> Reception {
    let attempts = match found.proof {
        Proof::Missing => 1,
        Proof::Given => ATTEMPTS,
    };
    for attempt in 1..=attempts {
        match entry.session.offer(found.clone()).await {
            Reception::NotNow if attempt < attempts && !entry.session.has_stopped() => {
                world.clock.sleep_until(world.clock.now().boot + PAUSE).await;
            }
            reception => return reception,
        }
    }
    Reception::NotNow
}

/// The sign-in that was found, or the one that it was refreshed to, once its issuer has said that it knows it.
async fn prove(entry: &Entry, found: Found, world: &World) -> Result<Found, ProofVerdict> {
    let endpoints = entry.config.endpoints.of(&found.issuer, None);
    let endpoints = endpoints.map_err(|error| ProofVerdict::Unproved(error.to_string()))?;
    let now = world.clock.now();
    if let Some(Renewal { refresh_token, registration }) =
        found.renewal.clone().filter(|_| found.expires_at <= now.wall)
    {
        let grant = Grant::RefreshToken(refresh_token.clone());
        let answer = world.identity_center.create_token(&endpoints.oidc, &registration, &grant).await;
        let issued = answer.map_err(|error| match fate_of_refresh_token(&error) {
            RefreshTokenFate::Kept => ProofVerdict::Unproved(error.to_string()),
            RefreshTokenFate::Spent | RefreshTokenFate::SpentWithItsRegistration => {
                ProofVerdict::Refused(error.to_string())
            }
        })?;
        let refresh_token = issued.refresh_token.unwrap_or(refresh_token);
        return Ok(Found {
            access_token: issued.access_token,
            expires_at: now.wall + issued.expires_in,
            renewal: Some(Renewal { refresh_token, registration }),
            proof: Proof::Given,
            ..found
        });
    }
    let token = AccessToken {
        value: found.access_token.clone(),
        token_type: "Bearer".to_owned(),
        issuer: found.issuer.clone(),
    };
    match world.portal.accounts(&endpoints.portal, &token, None).await {
        Ok(_) | Err(PortalError::Service { name: PortalErrorName::Forbidden, .. }) => {
            Ok(Found { proof: Proof::Given, ..found })
        }
        Err(error) if error.is_unauthorized() => Err(ProofVerdict::Refused(error.to_string())),
        Err(error) => Err(ProofVerdict::Unproved(error.to_string())),
    }
}
