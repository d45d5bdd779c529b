//! What the log says of a session: one structured event for each decision, with everything that was considered, so that
//! "why did it not refresh at 10:40" has an answer. Never a secret: only codes, numbers and durations.

use std::time::Duration;

use super::decision::Decision;
use super::state::Event;

/// Writes down what happened.
pub(super) fn event(session: &str, event: &Event) {
    match event {
        Event::Loaded(Ok(kept)) => tracing::debug!(session, found = kept.is_some(), "the store was read"),
        Event::Loaded(Err(error)) => tracing::warn!(session, %error, "the store cannot be read"),
        Event::Stored(Err(error)) => tracing::warn!(session, %error, "the record cannot be written"),
        Event::Registered(flow, Err(error)) => tracing::warn!(session, flow, %error, "registering failed"),
        Event::DeviceAuthorized(flow, Ok(authorization)) => {
            let expires_in = authorization.expires_in.as_secs();
            let interval = authorization.interval.as_secs();
            tracing::info!(session, flow, authorization.user_code, expires_in, interval, "a person is needed");
        }
        Event::DeviceAuthorized(flow, Err(error)) => {
            tracing::warn!(session, flow, %error, "the device authorization failed");
        }
        Event::Polled(flow, Ok(issued)) => {
            let refreshable = issued.refresh_token.is_some();
            tracing::info!(session, flow, expires_in = issued.expires_in.as_secs(), refreshable, "signed in");
        }
        Event::Polled(flow, Err(error)) => tracing::debug!(session, flow, %error, "no token yet"),
        Event::Refreshed(_, Ok(issued)) => {
            let rotated = issued.refresh_token.is_some();
            tracing::info!(session, expires_in = issued.expires_in.as_secs(), rotated, "refreshed");
        }
        Event::Refreshed(_, Err(error)) => tracing::warn!(session, %error, "refreshing failed"),
        Event::StoreChanged => tracing::debug!(session, "the store has changed, and is read once more"),
        Event::PortalLeft(Ok(())) => tracing::info!(session, "the session at the portal is over"),
        Event::PortalLeft(Err(error)) => tracing::warn!(session, %error, "the portal could not be told"),
        Event::EndedElsewhere(_) => tracing::info!(session, "signed out elsewhere"),
        Event::PresenceChanged(presence) => tracing::debug!(session, ?presence, "presence"),
        Event::Acted(action) => tracing::info!(session, ?action, "the person used a notice"),
        Event::Stirred => tracing::debug!(session, "the machine woke up, or the network changed"),
        _ => {}
    }
}

/// Writes down a decision.
pub(super) fn decision(session: &str, decision: &Decision) {
    let secs = |duration: &Duration| duration.as_secs();
    match decision {
        Decision::Plan { remaining, lifetime, refreshable, capped, arrival, chosen, due_in } => tracing::info!(
            session,
            remaining = secs(remaining),
            lifetime = secs(lifetime),
            refreshable,
            capped,
            ?arrival,
            refresh_before = chosen.as_ref().map(secs),
            due_in = due_in.as_ref().map(secs),
            "decided when to refresh"
        ),
        Decision::Refresh { why, remaining, failures } => {
            tracing::info!(session, why = why.as_str(), remaining = secs(remaining), failures, "decided to refresh")
        }
        Decision::Reject { remaining, refreshable } => tracing::warn!(
            session,
            remaining = secs(remaining),
            refreshable,
            "the portal does not accept the token, which counts as expired"
        ),
        Decision::KeepOrSpend { error, refresh_token, failures, remaining, again_in } => tracing::info!(
            session,
            error,
            ?refresh_token,
            failures,
            remaining = secs(remaining),
            again_in = again_in.as_ref().map(secs),
            "decided what is left of the refresh token"
        ),
        Decision::Compare { lifetime, elapsed, moved, capped } => tracing::info!(
            session,
            lifetime = secs(lifetime),
            elapsed = elapsed.as_ref().map(secs),
            moved = moved.as_ref().map(secs),
            capped,
            "compared the new token with the one before"
        ),
        Decision::Found { reception, file, remaining, renewable } => tracing::info!(
            session,
            file = %file.display(),
            reception = reception.as_str(),
            remaining = secs(remaining),
            renewable,
            "a sign-in of another program was found"
        ),
        Decision::TakeFromStore { remaining, renewable } => tracing::warn!(
            session,
            remaining = secs(remaining),
            renewable,
            "another daemon has stored a newer token, which counts; let one daemon alone use this store"
        ),
        Decision::OpenFlow { flow, why, remaining } => {
            tracing::info!(session, flow, why = why.as_str(), remaining = secs(remaining), "decided to open a flow");
        }
        Decision::EndFlow { flow, how } => tracing::info!(session, flow, how, "the flow is over"),
    }
}
