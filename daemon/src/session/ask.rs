//! What callers want of a session, and what they are told. Pure.

use std::sync::Arc;
use std::time::Duration;

use super::flow::FlowEnd;
use super::found::Reception;
use super::{Token, policy};
use crate::clock::BootTime;
use crate::notice::FlowView;
use crate::oidc::CallError;

/// Tells one caller from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct AskId(pub u64);

/// A caller that has not been answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// What it wants.
    pub want: Want,
    /// Since when.
    pub since: BootTime,
    /// The one flow that it has joined.
    pub flow: Option<u64>,
    /// Whether that flow was opened for it.
    pub opened: bool,
    /// Whether the sign-out that it wants first was begun.
    pub left: bool,
}

/// What a caller wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// A token.
    Token {
        /// How long it must still live.
        min_valid: Duration,
        /// How long a person may take. Zero: no flow is started, only a refresh is waited for.
        wait: Duration,
    },
    /// A flow, or the one that is open already.
    Login {
        /// Whether a live token is reason enough not to ask anybody.
        need: Need,
    },
    /// The end of a flow.
    LoginEnd {
        /// Which.
        flow: u64,
        /// How long to wait before telling that it is still pending.
        wait: Duration,
    },
    /// That the open flow, if any, is given up.
    CancelLogin,
    /// That the token is forgotten and the portal session ended.
    Logout(Forgotten),
}

/// What somebody who signs out has forgotten.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Forgotten {
    /// The token. The registration stays for the next sign-in.
    Token,
    /// The registration, too, and so the whole record.
    Everything,
}

/// When `login` asks a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// In any case.
    Always,
    /// Unless there is a token that lives long enough, or one can be had without a person.
    Below {
        /// How long it must still live. Zero: any that is live.
        min_valid: Duration,
    },
    /// In any case, after the session at the portal was ended, so that the new one gets its whole length. Until the
    /// portal was told, the old token is kept.
    Fresh,
}

/// What a caller is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Here is a token.
    Token(Arc<super::AccessToken>, BootTime),
    /// There is a live token, until then.
    SignedIn(BootTime),
    /// A person is needed.
    Pending {
        /// Whether the flow was opened for this caller.
        started: bool,
        /// What to show.
        flow: FlowView,
    },
    /// No flow is open (any more).
    NoFlow,
    /// The token is forgotten.
    LoggedOut(PortalOutcome),
    /// What became of a sign-in that was found.
    Found(Reception),
    /// No.
    Refused(Refusal),
}

/// What became of the portal session of somebody who logged out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortalOutcome {
    /// It is over.
    Ended,
    /// There was no token to end it with.
    NothingToEnd,
    /// The portal could not be told.
    NotTold(CallError),
    /// The store has not answered; why, if it says. What it has is left as soon as it does, unless somebody signs in before.
    Deferred(Option<String>),
}

/// Why a caller does not get what it wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A person is needed, and the caller does not wait for one.
    SignInRequired {
        /// The flow that is open.
        flow: Option<FlowView>,
        /// When the last token expired.
        expired: Option<BootTime>,
    },
    /// Nobody signed in in time.
    WaitTimeout {
        /// The flow that is still open.
        flow: Option<FlowView>,
    },
    /// The service gives no token that lives that long.
    ValidityUnattainable {
        /// When the best one expires.
        best: BootTime,
    },
    /// The person said no.
    Denied,
    /// The flow was given up.
    Cancelled,
    /// Flows were opened too often.
    TooManyFlows {
        /// How long until the next may be opened.
        wait: Duration,
    },
    /// That flow is not known (any more).
    UnknownFlow,
    /// The service failed or refused.
    Service(CallError),
    /// The service takes too long.
    ServiceSilent,
    /// The store has not answered; why, if it says.
    StoreUnavailable(Option<String>),
    /// The daemon is stopping, or the session has left the configuration.
    ShuttingDown,
}

/// What is to be done about an ask.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is answered.
    Answer(Answer),
    /// It waits, and is to be looked at again then at the latest.
    Wait(Option<BootTime>),
    /// It waits for a refresh that has to be started.
    Refresh,
    /// It waits for the open flow, or for one that has to be opened.
    SignIn,
    /// It waits for a sign-out that has to be begun.
    Leave(Forget),
}

/// When a sign-out forgets the token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Forget {
    /// At once, whatever the portal says.
    Now,
    /// When the portal has ended the session.
    OnceTold,
}

/// The state as far as it matters to callers.
pub(super) struct Situation<'a> {
    pub(super) now: BootTime,
    /// `Some` while the store has not answered; why, if it says.
    pub(super) loading: Option<Option<&'a str>>,
    pub(super) token: Option<&'a Token>,
    /// Until when a new token waits for being stored.
    pub(super) incoming: Option<BootTime>,
    /// `None`: nothing can be refreshed.
    pub(super) refresh: Option<RefreshSituation<'a>>,
    /// The number of the open flow, and what may be shown of it.
    pub(super) flow: Option<(u64, Option<FlowView>)>,
    pub(super) ended_flows: &'a [(u64, FlowEnd)],
    /// `Some` while a sign-out is under way, with its outcome once that is known and the store has forgotten.
    pub(super) leaving: Option<Option<&'a PortalOutcome>>,
}

pub(super) enum RefreshSituation<'a> {
    Idle,
    UnderWay,
    /// The last attempt failed at `failed_at`; the next may be made at `until`.
    BackingOff {
        until: BootTime,
        failed_at: BootTime,
        error: &'a CallError,
    },
}

impl Ask {
    pub(super) const fn new(want: Want, since: BootTime) -> Self {
        Self { want, since, flow: None, opened: false, left: false }
    }

    pub(super) fn verdict(&self, at: &Situation<'_>) -> Verdict {
        match self.want {
            Want::Token { min_valid, wait } => self.token_verdict(min_valid, wait, at),
            Want::Login { need } => self.login_verdict(need, at),
            Want::LoginEnd { flow, wait } => self.login_end_verdict(flow, wait, at),
            Want::CancelLogin => Verdict::Answer(Answer::NoFlow),
            Want::Logout(_) => self.logout_verdict(at),
        }
    }

    fn token_verdict(&self, min_valid: Duration, wait: Duration, at: &Situation<'_>) -> Verdict {
        let live = at.token.filter(|token| token.is_live(at.now));
        if let Some(token) = live.filter(|token| token.remaining(at.now) >= min_valid) {
            return Verdict::Answer(Answer::Token(Arc::clone(&token.access), token.expires));
        }
        if let Some(error) = at.loading {
            return self
                .until(at, wait.max(policy::LOAD_PATIENCE), || Refusal::StoreUnavailable(error.map(str::to_owned)));
        }
        if at.incoming.is_some() {
            return Verdict::Wait(at.incoming);
        }
        if let Some(token) = live.filter(|token| cannot_be_bettered(token, min_valid, at.now)) {
            return refuse(Refusal::ValidityUnattainable { best: token.expires });
        }
        if let Some(refresh) = &at.refresh {
            return self.refresh_verdict(refresh, wait.max(policy::SILENT_PATIENCE), wait.is_zero(), at);
        }
        if wait.is_zero() {
            return refuse(Refusal::SignInRequired {
                flow: at.flow.as_ref().and_then(|(_, view)| view.clone()),
                expired: at.token.map(|token| token.expires),
            });
        }
        match self.flow {
            None if self.since + wait <= at.now => refuse(Refusal::WaitTimeout { flow: None }),
            None => self.sign_in(at, wait),
            Some(joined) => match at.end_of(joined) {
                // It was granted, and yet the token is not good enough.
                Some(FlowEnd::Granted) => refuse(live.map_or(Refusal::WaitTimeout { flow: None }, |token| {
                    Refusal::ValidityUnattainable { best: token.expires }
                })),
                Some(end) => refuse(refusal_for(end)),
                None => self.until(at, wait, || Refusal::WaitTimeout {
                    flow: at.flow.as_ref().and_then(|(_, view)| view.clone()),
                }),
            },
        }
    }

    fn refresh_verdict(
        &self,
        refresh: &RefreshSituation<'_>,
        patience: Duration,
        give_up_at_failure: bool,
        at: &Situation<'_>,
    ) -> Verdict {
        match refresh {
            RefreshSituation::Idle => Verdict::Refresh,
            RefreshSituation::UnderWay => self.until(at, patience, || Refusal::ServiceSilent),
            RefreshSituation::BackingOff { failed_at, error, .. } if give_up_at_failure && *failed_at >= self.since => {
                refuse(Refusal::Service((*error).clone()))
            }
            RefreshSituation::BackingOff { until, .. } if *until <= at.now => Verdict::Refresh,
            // The next attempt would come too late for this caller.
            RefreshSituation::BackingOff { until, error, .. } if *until >= self.since + patience => {
                refuse(Refusal::Service((*error).clone()))
            }
            RefreshSituation::BackingOff { until, .. } => Verdict::Wait(Some(*until)),
        }
    }

    fn login_verdict(&self, need: Need, at: &Situation<'_>) -> Verdict {
        if let Some(joined) = self.flow {
            return match (at.end_of(joined), &at.flow) {
                (Some(FlowEnd::Granted), _) => match at.token.filter(|token| token.is_live(at.now)) {
                    Some(token) => Verdict::Answer(Answer::SignedIn(token.expires)),
                    None => refuse(Refusal::WaitTimeout { flow: None }),
                },
                (Some(end), _) => refuse(refusal_for(end)),
                (None, Some((_, Some(flow)))) => {
                    Verdict::Answer(Answer::Pending { started: self.opened, flow: flow.clone() })
                }
                (None, _) => self.until(at, policy::CODE_PATIENCE, || Refusal::ServiceSilent),
            };
        }
        if let Need::Below { min_valid } = need {
            let live = at.token.filter(|token| token.is_live(at.now));
            if let Some(token) = live.filter(|token| token.remaining(at.now) >= min_valid) {
                return Verdict::Answer(Answer::SignedIn(token.expires));
            }
            if at.incoming.is_some() {
                return Verdict::Wait(at.incoming);
            }
            if let Some(token) = live.filter(|token| cannot_be_bettered(token, min_valid, at.now)) {
                return refuse(Refusal::ValidityUnattainable { best: token.expires });
            }
            if at.loading.is_some() && at.now < self.since + policy::LOAD_PATIENCE {
                return Verdict::Wait(Some(self.since + policy::LOAD_PATIENCE));
            }
            if let Some(refresh) = &at.refresh {
                let verdict = self.refresh_verdict(refresh, policy::SILENT_PATIENCE, true, at);
                // Where the service does not renew silently, the person is asked after all.
                if !matches!(verdict, Verdict::Answer(_)) {
                    return verdict;
                }
            }
        }
        if need == Need::Fresh {
            match at.leaving {
                None if !self.left => return Verdict::Leave(Forget::OnceTold),
                Some(Some(PortalOutcome::NotTold(error))) => return refuse(Refusal::Service(error.clone())),
                Some(Some(_)) => return Verdict::SignIn,
                None | Some(None) => {}
            }
        }
        self.sign_in(at, policy::CODE_PATIENCE)
    }

    fn login_end_verdict(&self, flow: u64, wait: Duration, at: &Situation<'_>) -> Verdict {
        match (at.end_of(flow), &at.flow) {
            (Some(FlowEnd::Granted), _) => match at.token {
                Some(token) => Verdict::Answer(Answer::SignedIn(token.expires)),
                None => refuse(Refusal::UnknownFlow),
            },
            (Some(end), _) => refuse(refusal_for(end)),
            (None, Some((open, view))) if *open == flow => match view {
                Some(view) if self.since + wait <= at.now => {
                    Verdict::Answer(Answer::Pending { started: false, flow: view.clone() })
                }
                // Its token is there and is being stored.
                None if at.incoming.is_some() => Verdict::Wait(at.incoming),
                // There is nothing to show yet, nor again, so the end of `wait` changes nothing.
                None => self.until(at, wait.max(policy::CODE_PATIENCE), || Refusal::ServiceSilent),
                Some(_) => Verdict::Wait(Some(self.since + wait)),
            },
            _ => refuse(Refusal::UnknownFlow),
        }
    }

    fn logout_verdict(&self, at: &Situation<'_>) -> Verdict {
        match (at.loading, at.leaving) {
            (Some(error), _) if self.since + policy::LOAD_PATIENCE <= at.now => {
                Verdict::Answer(Answer::LoggedOut(PortalOutcome::Deferred(error.map(str::to_owned))))
            }
            (Some(_), _) => Verdict::Wait(Some(self.since + policy::LOAD_PATIENCE)),
            // It was begun before the store answered, and somebody has signed in since.
            (None, None) if self.left => Verdict::Answer(Answer::LoggedOut(PortalOutcome::NothingToEnd)),
            (None, None) => Verdict::Leave(Forget::Now),
            (None, Some(None)) => Verdict::Wait(None),
            (None, Some(Some(outcome))) => Verdict::Answer(Answer::LoggedOut(outcome.clone())),
        }
    }

    /// A flow that began before a sign-out has reached the portal would inherit the session that is being ended.
    fn sign_in(&self, at: &Situation<'_>, patience: Duration) -> Verdict {
        if at.leaving.is_some() { self.until(at, patience, || Refusal::ServiceSilent) } else { Verdict::SignIn }
    }

    /// Waits until `patience` has passed since the ask was made, and then refuses.
    fn until(&self, at: &Situation<'_>, patience: Duration, refusal: impl FnOnce() -> Refusal) -> Verdict {
        let deadline = self.since + patience;
        if deadline <= at.now { refuse(refusal()) } else { Verdict::Wait(Some(deadline)) }
    }
}

impl Situation<'_> {
    fn end_of(&self, flow: u64) -> Option<&FlowEnd> {
        self.ended_flows.iter().find(|(number, _)| *number == flow).map(|(_, end)| end)
    }
}

const fn refuse(refusal: Refusal) -> Verdict {
    Verdict::Answer(Answer::Refused(refusal))
}

/// Whether neither a refresh nor a flow gives a token that lives for `min_valid`, as far as this one shows.
fn cannot_be_bettered(token: &Token, min_valid: Duration, now: BootTime) -> bool {
    min_valid > token.lifetime || token.capped || now.since(token.received) < policy::FRESH
}

fn refusal_for(end: &FlowEnd) -> Refusal {
    match end {
        FlowEnd::Granted | FlowEnd::Expired => Refusal::WaitTimeout { flow: None },
        FlowEnd::Denied => Refusal::Denied,
        FlowEnd::Cancelled => Refusal::Cancelled,
        FlowEnd::Failed(error) => Refusal::Service(error.clone()),
    }
}
