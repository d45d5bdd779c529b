//! The questions of callers, their answers and refusals. Pure.
//!
//! Each kind of question has its own kind of answer. Every caller is answered by a deadline of its own, whatever happens.

mod ask;

use std::sync::Arc;
use std::time::Duration;

use super::AccessToken;
use super::reply;
use crate::clock::BootTime;
use crate::config::SignInSetting;
use crate::notice::{FlowKind, FlowView};
use crate::oidc::CallError;
pub(super) use ask::{Ask, Situation, Step};

/// A question, and where the answer goes.
#[derive(Debug)]
pub enum Question {
    Token {
        /// How long the token must still live.
        min_valid: Duration,
        /// How long a person may take. Zero: no flow is opened, only a refresh is waited for.
        wait: Duration,
        reply: TokenReply,
    },
    /// A flow is to be open.
    Login { need: Need, how: How, reply: LoginReply },
    /// The end of a flow is to be told.
    LoginEnd {
        flow: u64,
        /// How long to wait before telling that it is still pending.
        wait: Duration,
        reply: CallerReply<Login>,
    },
    /// The open flow, if any, is to be given up.
    CancelLogin { reply: CallerReply<()> },
    /// The token is to be forgotten and the portal session ended.
    Logout { forgotten: Forgotten, reply: CallerReply<PortalOutcome> },
}

/// The way back to one caller.
pub type CallerReply<T> = reply::Reply<Result<T, Refusal>>;

/// An access token, and when it expires.
pub type LiveToken = (Arc<AccessToken>, BootTime);

/// The receiver of the token.
#[derive(Debug)]
pub enum TokenReply {
    Caller(CallerReply<LiveToken>),
    /// The session's own roles.
    Roles,
}

/// The receiver of the answer about the flow.
#[derive(Debug)]
pub enum LoginReply {
    Caller(CallerReply<Login>),
    /// The person, who has clicked on a notice: the page is opened.
    Person,
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

/// How a caller wants to sign in, if a flow is opened for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct How {
    /// In this way, whatever the settings say.
    pub kind: Option<FlowKind>,
    /// Whether the person sits at a browser of this machine, and has asked to sign in.
    pub at_this_browser: bool,
    /// The port to which the browser comes back; the system chooses one if there is none.
    pub callback_port: Option<u16>,
}

impl How {
    /// As somebody who sits at a browser of this machine.
    pub(super) const fn at_this_browser() -> Self {
        Self { kind: None, at_this_browser: true, callback_port: None }
    }

    pub(super) fn kind(self, setting: SignInSetting) -> FlowKind {
        self.kind.unwrap_or(match setting {
            SignInSetting::Auto if self.at_this_browser => FlowKind::Browser,
            SignInSetting::Auto | SignInSetting::Device => FlowKind::Device,
            SignInSetting::Browser => FlowKind::Browser,
        })
    }
}

/// The part of the record that a sign-out forgets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Forgotten {
    /// The token. The registration stays for the next sign-in.
    Token,
    /// The registration, too, and so the whole record.
    Everything,
}

/// The state of a sign-in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// There is a live token, until then.
    SignedIn(BootTime),
    /// A person is needed.
    Pending {
        /// Whether the flow was opened for this caller.
        started: bool,
        flow: FlowView,
    },
}

/// The end of the portal session after a logout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortalOutcome {
    Ended,
    /// There was no token to end it with.
    NothingToEnd,
    /// The portal could not be told.
    NotTold(CallError),
    /// The store has not answered; why, if it says. The sign-out happens as soon as it does, unless somebody signs in before.
    Deferred(Option<String>),
}

/// Why a caller does not get what it asked for.
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

/// The callers that wait.
#[derive(Debug, Default)]
pub(super) struct Callers {
    waiting: Vec<Ask>,
    /// When the first of them is to be looked at again; earlier than needed where one has left.
    due: Option<BootTime>,
}

impl Callers {
    pub(super) const fn wake_at(&self) -> Option<BootTime> {
        self.due
    }

    /// One more waits, and is to be looked at again at `due` at the latest.
    pub(super) fn add(&mut self, ask: Ask, due: Option<BootTime>) {
        self.waiting.push(ask);
        self.due = self.due.into_iter().chain(due).min();
    }

    pub(super) fn any(&self, is_meant: impl Fn(&Ask) -> bool) -> bool {
        self.waiting.iter().any(is_meant)
    }

    pub(super) fn remove(&mut self, is_meant: impl Fn(&Ask) -> bool) {
        self.waiting.retain(|ask| !is_meant(ask));
        if self.waiting.is_empty() {
            self.due = None;
        }
    }

    /// Takes all of them, to look at each and to [`add`](Self::add) those that still wait.
    pub(super) fn take_all(&mut self) -> Vec<Ask> {
        self.due = None;
        std::mem::take(&mut self.waiting)
    }
}
