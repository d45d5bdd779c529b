//! One caller that waits: what it gets, or what has to happen first.

use std::sync::Arc;
use std::time::Duration;

use super::{How, LiveToken, Login, LoginReply, Need, PortalOutcome, Question, Refusal, TokenReply};
use crate::clock::BootTime;
use crate::notice::FlowView;
use crate::session::flow::FlowEnd;
use crate::session::reply::Answers;
use crate::session::sign_in::SignIn;
use crate::session::sign_out::{ForgetWhen, SignOut};
use crate::session::store_schedule::StoreSchedule;
use crate::session::tokens::{Refresh, Tokens};
use crate::session::{AccessToken, Token, policy};

/// A caller that has not been answered.
#[derive(Debug)]
pub(in crate::session) struct Ask {
    question: Question,
    so_far: SoFar,
}

/// The history of a caller since it came.
#[derive(Clone, Copy, Debug)]
struct SoFar {
    since: BootTime,
    /// The one flow that it has joined.
    flow: Option<u64>,
    /// Whether that flow was opened for it.
    opened: bool,
    /// Whether the sign-out that it wants first was begun.
    signed_out: bool,
}

/// The result of looking at a caller.
#[derive(Debug)]
pub(in crate::session) enum Step {
    /// It has its answer, or has left.
    Answered,
    /// It waits, and is to be looked at again then at the latest.
    Wait(Option<BootTime>),
    /// It waits for a refresh, which has to be begun.
    Refresh,
    /// It waits for the open flow, or for one that has to be opened.
    SignIn,
    /// It waits for a sign-out, which has to be begun.
    SignOut(ForgetWhen),
    /// The session's roles get this answer.
    TellRoles(Result<Arc<AccessToken>, Refusal>),
    /// The person gets this page.
    OpenPage(FlowView),
}

/// Either the answer, or what has to happen first.
enum AnswerOrStep<T> {
    Answer(Result<T, Refusal>),
    Step(Step),
}

/// The session as far as it matters to callers.
pub(in crate::session) struct Situation<'a> {
    pub(in crate::session) now: BootTime,
    pub(in crate::session) tokens: &'a Tokens,
    pub(in crate::session) sign_in: &'a SignIn,
    pub(in crate::session) sign_out: &'a SignOut,
    pub(in crate::session) store: &'a StoreSchedule,
}

impl Ask {
    pub(in crate::session) const fn new(question: Question, since: BootTime) -> Self {
        Self { question, so_far: SoFar { since, flow: None, opened: false, signed_out: false } }
    }

    /// Whether it waits for a sign-out to end.
    pub(in crate::session) const fn waits_for_sign_out(&self) -> bool {
        match self.question {
            Question::Logout { .. } => true,
            Question::Login { need: Need::Fresh, .. } => self.so_far.flow.is_none(),
            _ => false,
        }
    }

    /// Whether it is the person who has clicked on a notice.
    pub(in crate::session) const fn is_of_person(&self) -> bool {
        matches!(self.question, Question::Login { reply: LoginReply::Person, .. })
    }

    /// Whether it is the session's own roles that ask.
    pub(in crate::session) const fn is_of_roles(&self) -> bool {
        matches!(self.question, Question::Token { reply: TokenReply::Roles, .. })
    }

    /// How it wants to sign in.
    pub(in crate::session) fn how(&self) -> How {
        if let Question::Login { how, .. } = &self.question { *how } else { How::default() }
    }

    pub(in crate::session) fn has_left(&self) -> bool {
        match &self.question {
            Question::Token { reply: TokenReply::Caller(reply), .. } => reply.is_over(),
            Question::Login { reply: LoginReply::Caller(reply), .. } | Question::LoginEnd { reply, .. } => {
                reply.is_over()
            }
            Question::CancelLogin { reply } => reply.is_over(),
            Question::Logout { reply, .. } => reply.is_over(),
            Question::Token { .. } | Question::Login { .. } => false,
        }
    }

    pub(in crate::session) const fn joined(&mut self, flow: u64, opened: bool) {
        self.so_far.flow = Some(flow);
        self.so_far.opened = opened;
    }

    pub(in crate::session) const fn sign_out_began(&mut self) {
        self.so_far.signed_out = true;
    }

    pub(in crate::session) fn refuse(&mut self, refusal: Refusal, answers: &mut Answers) -> Step {
        match &mut self.question {
            Question::Token { reply: TokenReply::Roles, .. } => return Step::TellRoles(Err(refusal)),
            Question::Token { reply: TokenReply::Caller(reply), .. } => reply.give(Err(refusal), answers),
            Question::Login { reply: LoginReply::Caller(reply), .. } | Question::LoginEnd { reply, .. } => {
                reply.give(Err(refusal), answers);
            }
            Question::Login { reply: LoginReply::Person, .. } => {}
            Question::CancelLogin { reply } => reply.give(Err(refusal), answers),
            Question::Logout { reply, .. } => reply.give(Err(refusal), answers),
        }
        Step::Answered
    }

    /// Answers it, or says what has to happen first.
    pub(in crate::session) fn step(&mut self, at: &Situation<'_>, answers: &mut Answers) -> Step {
        let so_far = self.so_far;
        match &mut self.question {
            Question::Token { min_valid, wait, reply } => match (so_far.token(*min_valid, *wait, at), reply) {
                (AnswerOrStep::Step(step), _) => return step,
                (AnswerOrStep::Answer(answer), TokenReply::Roles) => {
                    return Step::TellRoles(answer.map(|(access, _)| access));
                }
                (AnswerOrStep::Answer(answer), TokenReply::Caller(reply)) => reply.give(answer, answers),
            },
            Question::Login { need, reply, .. } => match (so_far.login(*need, at), reply) {
                (AnswerOrStep::Step(step), _) => return step,
                (AnswerOrStep::Answer(Ok(Login::Pending { flow, .. })), LoginReply::Person) => {
                    return Step::OpenPage(flow);
                }
                (AnswerOrStep::Answer(_), LoginReply::Person) => {}
                (AnswerOrStep::Answer(answer), LoginReply::Caller(reply)) => reply.give(answer, answers),
            },
            Question::LoginEnd { flow, wait, reply } => match so_far.login_end(*flow, *wait, at) {
                AnswerOrStep::Step(step) => return step,
                AnswerOrStep::Answer(answer) => reply.give(answer, answers),
            },
            Question::CancelLogin { reply } => reply.give(Ok(()), answers),
            Question::Logout { reply, .. } => match so_far.logout(at) {
                AnswerOrStep::Step(step) => return step,
                AnswerOrStep::Answer(answer) => reply.give(answer, answers),
            },
        }
        Step::Answered
    }
}

impl SoFar {
    fn token(self, min_valid: Duration, wait: Duration, at: &Situation<'_>) -> AnswerOrStep<LiveToken> {
        let live = at.tokens.live(at.now);
        if let Some(token) = live.filter(|token| token.lives_for(min_valid, at.now)) {
            return answer((Arc::clone(&token.access), token.expires));
        }
        if let Some(error) = at.loading() {
            let patience = wait.max(policy::LOAD_PATIENCE);
            return self.until(at, patience, || Refusal::StoreUnavailable(error.map(str::to_owned)));
        }
        if let Some(deadline) = at.tokens.unstored_until() {
            return wait_until(deadline);
        }
        if let Some(token) = live.filter(|token| cannot_be_bettered(token, min_valid, at.now)) {
            return refuse(Refusal::ValidityUnattainable { best: token.expires });
        }
        if let Some(refresh) = at.tokens.refresh() {
            return self.refresh(refresh, wait.max(policy::SILENT_PATIENCE), wait.is_zero(), at);
        }
        if wait.is_zero() {
            let expired = at.tokens.served().map(|token| token.expires);
            return refuse(Refusal::SignInRequired { flow: at.sign_in.view(), expired });
        }
        match self.flow {
            None if self.since + wait <= at.now => refuse(Refusal::WaitTimeout { flow: None }),
            None => self.sign_in(at, wait),
            Some(joined) => match at.sign_in.end_of(joined) {
                // It was granted, and yet the token is not good enough.
                Some(FlowEnd::Granted) => refuse(live.map_or(Refusal::WaitTimeout { flow: None }, |token| {
                    Refusal::ValidityUnattainable { best: token.expires }
                })),
                Some(end) => refuse(refusal_for(end)),
                None => self.until(at, wait, || Refusal::WaitTimeout { flow: at.sign_in.view() }),
            },
        }
    }

    fn refresh<T>(
        self,
        refresh: &Refresh,
        patience: Duration,
        give_up_at_failure: bool,
        at: &Situation<'_>,
    ) -> AnswerOrStep<T> {
        match refresh {
            Refresh::Idle { .. } => AnswerOrStep::Step(Step::Refresh),
            Refresh::UnderWay { .. } | Refresh::Refused { .. } => self.until(at, patience, || Refusal::ServiceSilent),
            Refresh::BackingOff { failed_at, error, .. } if give_up_at_failure && *failed_at >= self.since => {
                refuse(Refusal::Service(error.clone()))
            }
            Refresh::BackingOff { until, .. } if *until <= at.now => AnswerOrStep::Step(Step::Refresh),
            // The next attempt would come too late for this caller.
            Refresh::BackingOff { until, error, .. } if *until >= self.since + patience => {
                refuse(Refusal::Service(error.clone()))
            }
            Refresh::BackingOff { until, .. } => wait_until(*until),
        }
    }

    fn login(self, need: Need, at: &Situation<'_>) -> AnswerOrStep<Login> {
        if let Some(joined) = self.flow {
            return match (at.sign_in.end_of(joined), at.sign_in.view()) {
                (Some(FlowEnd::Granted), _) => match at.tokens.live(at.now) {
                    Some(token) => answer(Login::SignedIn(token.expires)),
                    None => refuse(Refusal::WaitTimeout { flow: None }),
                },
                (Some(end), _) => refuse(refusal_for(end)),
                (None, Some(flow)) => answer(Login::Pending { started: self.opened, flow }),
                (None, None) => self.until(at, policy::CODE_PATIENCE, || Refusal::ServiceSilent),
            };
        }
        if let Need::Below { min_valid } = need {
            let live = at.tokens.live(at.now);
            if let Some(token) = live.filter(|token| token.lives_for(min_valid, at.now)) {
                return answer(Login::SignedIn(token.expires));
            }
            if let Some(deadline) = at.tokens.unstored_until() {
                return wait_until(deadline);
            }
            if let Some(token) = live.filter(|token| cannot_be_bettered(token, min_valid, at.now)) {
                return refuse(Refusal::ValidityUnattainable { best: token.expires });
            }
            if at.loading().is_some() && at.now < self.since + policy::LOAD_PATIENCE {
                return wait_until(self.since + policy::LOAD_PATIENCE);
            }
            if let Some(refresh) = at.tokens.refresh() {
                let verdict = self.refresh(refresh, policy::SILENT_PATIENCE, true, at);
                // If the service does not renew silently, the person is asked after all.
                if !matches!(verdict, AnswerOrStep::Answer(_)) {
                    return verdict;
                }
            }
        }
        if need == Need::Fresh {
            match at.sign_out_outcome() {
                None if at.sign_out.is_under_way() => {}
                None if !self.signed_out => return AnswerOrStep::Step(Step::SignOut(ForgetWhen::OncePortalWasTold)),
                Some(PortalOutcome::NotTold(error)) => return refuse(Refusal::Service(error.clone())),
                Some(_) => return AnswerOrStep::Step(Step::SignIn),
                None => {}
            }
        }
        self.sign_in(at, policy::CODE_PATIENCE)
    }

    fn login_end(self, flow: u64, wait: Duration, at: &Situation<'_>) -> AnswerOrStep<Login> {
        if let Some(end) = at.sign_in.end_of(flow) {
            return match (end, at.tokens.served()) {
                (FlowEnd::Granted, Some(token)) => answer(Login::SignedIn(token.expires)),
                (FlowEnd::Granted, None) => refuse(Refusal::UnknownFlow),
                (end, _) => refuse(refusal_for(end)),
            };
        }
        if at.sign_in.open_number() != Some(flow) {
            return refuse(Refusal::UnknownFlow);
        }
        match (at.sign_in.view(), at.tokens.unstored_until()) {
            (Some(flow), _) if self.since + wait <= at.now => answer(Login::Pending { started: false, flow }),
            (Some(_), _) => wait_until(self.since + wait),
            // Its token is there and is being stored.
            (None, Some(deadline)) => wait_until(deadline),
            // There is nothing to show yet, nor again, so the end of `wait` changes nothing.
            (None, None) => self.until(at, wait.max(policy::CODE_PATIENCE), || Refusal::ServiceSilent),
        }
    }

    fn logout(self, at: &Situation<'_>) -> AnswerOrStep<PortalOutcome> {
        let deadline = self.since + policy::LOAD_PATIENCE;
        match (at.loading(), at.sign_out_outcome()) {
            (Some(error), _) if deadline <= at.now => answer(PortalOutcome::Deferred(error.map(str::to_owned))),
            (Some(_), _) => wait_until(deadline),
            (None, Some(outcome)) => answer(outcome.clone()),
            (None, None) if at.sign_out.is_under_way() => AnswerOrStep::Step(Step::Wait(None)),
            // It was begun before the store answered, and somebody has signed in since.
            (None, None) if self.signed_out => answer(PortalOutcome::NothingToEnd),
            (None, None) => AnswerOrStep::Step(Step::SignOut(ForgetWhen::AtOnce)),
        }
    }

    /// A flow that began before a sign-out has reached the portal would inherit the session that is being ended.
    fn sign_in<T>(self, at: &Situation<'_>, patience: Duration) -> AnswerOrStep<T> {
        if at.sign_out.is_under_way() {
            self.until(at, patience, || Refusal::ServiceSilent)
        } else {
            AnswerOrStep::Step(Step::SignIn)
        }
    }

    /// Waits until `patience` has passed since the question came, and then refuses.
    fn until<T>(self, at: &Situation<'_>, patience: Duration, refusal: impl FnOnce() -> Refusal) -> AnswerOrStep<T> {
        let deadline = self.since + patience;
        if deadline <= at.now { refuse(refusal()) } else { wait_until(deadline) }
    }
}

impl<'a> Situation<'a> {
    /// `Some` while the store has not answered; why, if it says.
    fn loading(&self) -> Option<Option<&'a str>> {
        (!self.store.is_loaded()).then(|| self.store.error())
    }

    /// The outcome of the sign-out that is under way, once it is known and the store has forgotten.
    fn sign_out_outcome(&self) -> Option<&'a PortalOutcome> {
        self.sign_out.outcome(!self.store.is_unsaved() || self.store.is_failing(), self.now)
    }
}

const fn answer<T>(answer: T) -> AnswerOrStep<T> {
    AnswerOrStep::Answer(Ok(answer))
}

const fn refuse<T>(refusal: Refusal) -> AnswerOrStep<T> {
    AnswerOrStep::Answer(Err(refusal))
}

const fn wait_until<T>(deadline: BootTime) -> AnswerOrStep<T> {
    AnswerOrStep::Step(Step::Wait(Some(deadline)))
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
