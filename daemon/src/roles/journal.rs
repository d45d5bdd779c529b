//! What the log says of role credentials: one structured event for each decision. Never a secret.

use super::decision::Decision;

/// Writes down a decision.
pub(super) fn decision(session: &str, decision: &Decision) {
    match decision {
        Decision::Fetch { subject, why, remaining, failures } => tracing::info!(
            session, %subject, why = why.as_str(), remaining = remaining.as_secs(), failures, "decided to ask the portal"
        ),
        Decision::Plan { subject, life, due_in } => tracing::info!(
            session, %subject, life = life.as_secs(), due_in = due_in.as_secs(), "decided when to renew if used"
        ),
        Decision::Listed { subject, items, pages } => {
            tracing::info!(session, %subject, items, pages, "the portal has listed all");
        }
        Decision::Pause { subject, error, failures, remaining, again_in } => tracing::warn!(
            session,
            %subject,
            error,
            failures,
            remaining = remaining.as_secs(),
            again_in = again_in.as_secs(),
            "asking the portal failed"
        ),
        Decision::Throttle { subject, pause } => {
            tracing::warn!(session, %subject, pause = pause.as_secs(), "the portal asks for fewer requests");
        }
        Decision::Deny { subject, remembered } => {
            tracing::info!(session, %subject, remembered = remembered.as_secs(), "the person does not have this role");
        }
        Decision::Reject { subject, rejections } => {
            tracing::warn!(session, %subject, rejections, "the portal does not accept the token");
        }
        Decision::Forget { roles } => {
            tracing::info!(session, roles, "role credentials of another sign-in are forgotten")
        }
        Decision::Evict { subject } => tracing::info!(session, %subject, "made room for another role"),
    }
}
