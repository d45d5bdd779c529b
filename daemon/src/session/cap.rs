//! Whether the portal session caps the token: a token ends with the portal session that it was obtained in, however early it is
//! renewed (observed). A capped token is renewed for longer only by a new portal session.

use std::time::Duration;

use super::{Token, policy};
use crate::clock::BootTime;

const MINUTE: Duration = Duration::from_secs(60);

/// The knowledge about this portal.
#[derive(Debug, Default)]
pub(super) struct Cap {
    /// Whether this portal caps its tokens, as far as was ever seen. Kept in the record.
    portal_caps: bool,
    /// Whether the cap of the served token was seen twice, so that another refresh would tell nothing new.
    is_certain: bool,
}

/// The result of comparing a new token with the one before.
pub(super) struct Comparison {
    pub(super) capped: bool,
    /// Whether that is known for sure.
    pub(super) is_certain: bool,
}

impl Cap {
    pub(super) const fn portal_caps(&self) -> bool {
        self.portal_caps
    }

    pub(super) const fn is_certain(&self) -> bool {
        self.is_certain
    }

    /// The stored record says whether the portal caps.
    pub(super) const fn recorded(&mut self, portal_caps: bool) {
        self.portal_caps |= portal_caps;
    }

    /// Another token is served, or none: whether its cap is certain.
    pub(super) const fn set_certain(&mut self, is_certain: bool) {
        self.is_certain = is_certain;
        self.portal_caps |= is_certain;
    }

    /// The whole record is forgotten.
    pub(super) const fn forget(&mut self) {
        self.portal_caps = false;
    }

    /// Compares `new` with the live token before it, and logs what it shows.
    ///
    /// A token that is renewed `elapsed` after the one before was received should end that much later. One whose end `moved` by less
    /// than a quarter of it is cut by something. A service that begins to give shorter lives looks the same, once: only a second refresh
    /// makes sure. No person is asked to sign in for that.
    pub(super) fn compare(&self, previous: Option<&Token>, new: &Token, now: BootTime, session: &str) -> Comparison {
        let elapsed = previous.map(|previous| now.since(previous.received));
        let moved = previous.map(|previous| new.expires.since(previous.expires));
        let mut comparison = Comparison { capped: false, is_certain: false };
        if let (Some(previous), Some(elapsed), Some(moved)) = (previous, elapsed, moved) {
            let can_tell = can_tell(previous.lifetime, elapsed);
            // One that moved along for a minute and more, as a person who has chosen early renewals may have it, is not cut.
            let moved_along = elapsed >= MINUTE && moved >= elapsed * 3 / 4;
            let is_cut =
                if can_tell { moved < elapsed / 4 } else { previous.capped && moved <= elapsed && !moved_along };
            // The end of a portal session does not move. A token that ends earlier than the one before is cut by something else.
            comparison.capped = is_cut && previous.expires.since(new.expires) <= policy::SAME_END;
            let is_second_look = previous.capped && (self.is_certain || can_tell);
            comparison.is_certain = comparison.capped && (is_second_look || new.renewal.is_none());
        }
        tracing::info!(
            session,
            lifetime = new.lifetime.as_secs(),
            elapsed = elapsed.map(|elapsed| elapsed.as_secs()),
            moved = moved.map(|moved| moved.as_secs()),
            capped = comparison.capped,
            "compared the new token with the one before"
        );
        comparison
    }
}

/// Whether two tokens that came `elapsed` apart show how the portal treats their ends. Too soon after each other they do not, and
/// what was known stays.
fn can_tell(previous_lifetime: Duration, elapsed: Duration) -> bool {
    elapsed >= Duration::from_secs(4) && elapsed >= (previous_lifetime / 4).min(10 * MINUTE)
}
