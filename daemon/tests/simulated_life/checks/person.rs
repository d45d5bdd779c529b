//! The notices, and the flows that are opened unasked.

use std::time::Duration;

use ssoctld::clock::BootTime;
use ssoctld::notice::{Notice, Presence};
use ssoctld::session::Token;

use super::super::world::World;
use super::{Checks, SAME_END, Verdict, require};

/// How long a notice that is put off stays away: a promise to the person.
const LATER: Duration = Duration::from_secs(5 * 60);

/// What the person has seen in one run of the daemon.
#[derive(Default)]
pub(super) struct Person {
    screen: Option<Notice>,
    expiry: Option<Expiry>,
}

/// An end of a token, and what was done about it unasked. A token that ends later has another one, and so has one whose end
/// turned out to be later.
struct Expiry {
    ends: BootTime,
    flows: u32,
    pop_ups: u32,
    /// Whether the person was told that it came.
    told: bool,
    /// How often the person has put off what was shown.
    put_offs: u32,
    /// Until when, while that has not come to its end.
    put_off_until: Option<BootTime>,
}

impl Checks {
    pub(crate) const fn screen(&self) -> Option<&Notice> {
        self.person.screen.as_ref()
    }

    /// The session believes this of its token now.
    pub(crate) fn end_is(&mut self, token: Option<&Token>) {
        let Some(token) = token else {
            self.person.expiry = None;
            return;
        };
        match &mut self.person.expiry {
            Some(expiry) if token.expires.since(expiry.ends) <= SAME_END => expiry.ends = token.expires,
            expiry => {
                let ends = token.expires;
                *expiry = Some(Expiry { ends, flows: 0, pop_ups: 0, told: false, put_offs: 0, put_off_until: None });
            }
        }
    }

    /// A flow is opened unasked only for a live token that ends, once for the same end, and never while the person is away
    /// or does not want notices.
    pub(crate) fn opens_flow(&mut self, flow: u64, why: &str, now: Duration) -> Verdict {
        self.counts.count("flows");
        self.flow_opens(flow)?;
        if why == "asked" {
            return Ok(());
        }
        require(self.presence == Presence::Present, || "a flow was opened unasked while the person was away".into())?;
        require(self.notices_on, || "a flow was opened unasked although notices are off".into())?;
        let Some(expiry) = &mut self.person.expiry else {
            return Err("a flow was opened unasked without a token".into());
        };
        let ends = World::elapsed_at(expiry.ends);
        require(ends > now, || "a flow was opened unasked after the end".into())?;
        expiry.flows += 1;
        require(expiry.flows == 1, || format!("a flow was opened unasked again for the end at {ends:?}"))
    }

    /// Nothing is shown while the person is away or does not want it, nor before the end while it is put off; at most two
    /// pop-ups come per end, and one more for each that was put off. An update in the place of a notice that still shows is
    /// none, unless it is the first to say that the end has come.
    pub(crate) fn shows(&mut self, notice: &Notice, now: BootTime) -> Verdict {
        require(self.presence == Presence::Present, || format!("{} shown while away", notice.name()))?;
        require(self.notices_on, || format!("{} shown although notices are off", notice.name()))?;
        let is_new = self.person.screen.replace(notice.clone()).is_none();
        let Some(expiry) = &mut self.person.expiry else { return Err(format!("{} without a token", notice.name())) };
        let says_end = notice.ends() <= now;
        if let Some(until) = expiry.put_off_until.take() {
            let until = World::elapsed_at(until);
            require(says_end || until <= World::elapsed_at(now), || format!("shown, and put off until {until:?}"))?;
        }
        let is_news = says_end && !expiry.told;
        expiry.told |= says_end;
        if is_new || is_news {
            self.counts.count("notices");
            expiry.pop_ups += 1;
        }
        let (count, ends) = (expiry.pop_ups, World::elapsed_at(expiry.ends));
        require(count <= 2 + expiry.put_offs, || format!("pop-up number {count} for the end at {ends:?}"))
    }

    /// The person puts off the notice that is shown.
    pub(crate) fn puts_off(&mut self, now: BootTime) {
        self.counts.count("notices put off");
        if let Some(expiry) = &mut self.person.expiry {
            expiry.put_offs += 1;
            expiry.put_off_until = Some((now + LATER).min(expiry.ends));
        }
    }

    /// A notice that was put off must not be shown.
    pub(crate) fn is_put_off(&self) -> Verdict {
        require(self.person.screen.is_none(), || "what was put off still shows".into())
    }

    /// A notice that was put off is shown again once its time or the end of the token has come and the person is there;
    /// unless no person is needed any more, or a code is on its way that will be shown instead.
    pub(crate) fn comes_back(&self, token: Option<&Token>, has_code: bool, now: BootTime) -> Verdict {
        let due = self.person.expiry.as_ref().and_then(|expiry| Some(expiry.put_off_until?.min(expiry.ends)));
        let is_needy = token.is_some_and(|token| token.renewal.is_none() || token.capped);
        let sees = self.presence == Presence::Present && self.notices_on;
        let awaits_code = self.has_open_flow() && !has_code;
        let Some(due) = due.filter(|due| is_needy && sees && !awaits_code && *due <= now) else { return Ok(()) };
        Err(format!("put off until {:?}, and not shown again", World::elapsed_at(due)))
    }

    pub(crate) fn withdraws(&mut self) {
        self.person.screen = None;
    }

    /// A notice does not stay once a later end is served, and none says that a live token has ended.
    pub(crate) fn screen_is_true(&self, token: Option<&Token>, now: BootTime) -> Verdict {
        let Some((notice, token)) = self.person.screen.as_ref().zip(token.filter(|token| token.is_live(now))) else {
            return Ok(());
        };
        require(token.expires.since(notice.ends()) <= SAME_END, || {
            format!("{} still shows, although a later token is served", notice.name())
        })
    }
}
