//! Questions to a [`Timeline`] and answers to them, as data.

use tokio::sync::oneshot;

use super::*;
use crate::session::callers::{LiveToken, Login, TokenReply};

/// A question, as data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::session) enum Want {
    Token {
        min_valid: Duration,
        wait: Duration,
    },
    Login {
        need: Need,
    },
    /// In any case, at the browser.
    LoginAtBrowser,
    LoginEnd {
        flow: u64,
        wait: Duration,
    },
    CancelLogin,
    Logout(Forgotten),
}

/// An answer, as data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::session) enum Answer {
    Token(Arc<AccessToken>, BootTime),
    SignedIn(BootTime),
    Pending { started: bool, flow: FlowView },
    NoFlow,
    LoggedOut(PortalOutcome),
    Refused(Refusal),
}

impl From<LiveToken> for Answer {
    fn from((access, expires): LiveToken) -> Self {
        Self::Token(access, expires)
    }
}

impl From<Login> for Answer {
    fn from(login: Login) -> Self {
        match login {
            Login::SignedIn(expires) => Self::SignedIn(expires),
            Login::Pending { started, flow } => Self::Pending { started, flow },
        }
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::NoFlow
    }
}

impl From<PortalOutcome> for Answer {
    fn from(outcome: PortalOutcome) -> Self {
        Self::LoggedOut(outcome)
    }
}

/// Tells one caller of a [`Timeline`] from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::session) struct AskId(pub(in crate::session) u64);

/// Gives the answer once it is there.
pub(super) type Hear = Box<dyn FnMut() -> Option<Answer>>;

/// A question with a way for its answer, and how to hear it.
fn asking<T, R>(question: impl FnOnce(R) -> Question) -> (Question, Hear)
where
    T: Into<Answer> + 'static,
    R: From<oneshot::Sender<Result<T, Refusal>>>,
{
    let (sender, mut receiver) = oneshot::channel::<Result<T, Refusal>>();
    let hear = move || receiver.try_recv().ok().map(|told| told.map_or_else(Answer::Refused, Into::into));
    (question(sender.into()), Box::new(hear))
}

impl Want {
    pub(super) fn question(self) -> (Question, Hear) {
        match self {
            Self::Token { min_valid, wait } => {
                asking(|reply| Question::Token { min_valid, wait, reply: TokenReply::Caller(reply) })
            }
            Self::Login { need } => {
                asking(|reply| Question::Login { need, how: How::default(), reply: LoginReply::Caller(reply) })
            }
            Self::LoginAtBrowser => asking(|reply| {
                let how = How::at_this_browser();
                Question::Login { need: Need::Always, how, reply: LoginReply::Caller(reply) }
            }),
            Self::LoginEnd { flow, wait } => asking(|reply| Question::LoginEnd { flow, wait, reply }),
            Self::CancelLogin => asking(|reply| Question::CancelLogin { reply }),
            Self::Logout(forgotten) => asking(|reply| Question::Logout { forgotten, reply }),
        }
    }
}
