//! What callers want and are told, as values; and the questions and answers of a session that carry them.

use std::sync::Arc;
use std::time::Duration;

use ssoctld::clock::BootTime;
use ssoctld::notice::FlowView;
use ssoctld::portal::{Account, AccountId, Assignment, Keys};
use ssoctld::session::AccessToken;
use ssoctld::session::callers::{
    Forgotten, How, Login, LoginReply, Need, PortalOutcome, Question, Refusal, TokenReply,
};
use ssoctld::session::event::Event;
use ssoctld::session::roles::Subject;
use ssoctld::session::roles::callers::{RoleQuestion, RoleRefusal};
use tokio::sync::oneshot;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    Token { min_valid: Duration, wait: Duration },
    Login { need: Need, how: How },
    LoginEnd { flow: u64, wait: Duration },
    CancelLogin,
    Logout(Forgotten),
    Credentials { assignment: Assignment, min_valid: Duration },
    Accounts,
    Roles(AccountId),
}

#[derive(Debug)]
pub(crate) enum Answer {
    Token(Arc<AccessToken>, BootTime),
    SignedIn,
    Pending { started: bool, flow: FlowView },
    NoFlow,
    LoggedOut(PortalOutcome),
    Refused(Refusal),
    Credentials(Arc<Keys>, BootTime),
    Accounts(Arc<Vec<Account>>),
    Roles(Arc<Vec<String>>),
    RoleRefused(RoleRefusal),
}

/// Gives the answer once it is there.
pub(crate) type Hear = Box<dyn FnMut() -> Option<Answer>>;

impl Want {
    /// What it asks the portal for, if that is what it does.
    pub(crate) fn subject(&self) -> Option<Subject> {
        match self {
            Self::Credentials { assignment, .. } => Some(Subject::Credentials(assignment.clone())),
            Self::Accounts => Some(Subject::Accounts),
            Self::Roles(account) => Some(Subject::Roles(account.clone())),
            _ => None,
        }
    }

    /// The event that carries the question, and how to hear the answer.
    pub(crate) fn ask(self) -> (Event, Hear) {
        let asked = Event::Asked;
        match self {
            Self::Token { min_valid, wait } => channel(
                |reply| asked(Question::Token { min_valid, wait, reply: TokenReply::Caller(reply.into()) }),
                |told| told.map_or_else(Answer::Refused, |(access, expires)| Answer::Token(access, expires)),
            ),
            Self::Login { need, how } => channel(
                |reply| asked(Question::Login { need, how, reply: LoginReply::Caller(reply.into()) }),
                |told| told.map_or_else(Answer::Refused, login),
            ),
            Self::LoginEnd { flow, wait } => channel(
                |reply| asked(Question::LoginEnd { flow, wait, reply: reply.into() }),
                |told| told.map_or_else(Answer::Refused, login),
            ),
            Self::CancelLogin => channel(
                |reply| asked(Question::CancelLogin { reply: reply.into() }),
                |told| told.map_or_else(Answer::Refused, |()| Answer::NoFlow),
            ),
            Self::Logout(forgotten) => channel(
                |reply| asked(Question::Logout { forgotten, reply: reply.into() }),
                |told| told.map_or_else(Answer::Refused, Answer::LoggedOut),
            ),
            Self::Credentials { assignment, min_valid } => channel(
                |reply| Event::AskedOfRoles(RoleQuestion::Credentials { assignment, min_valid, reply: reply.into() }),
                |told| told.map_or_else(Answer::RoleRefused, |(keys, expires)| Answer::Credentials(keys, expires)),
            ),
            Self::Accounts => channel(
                |reply| Event::AskedOfRoles(RoleQuestion::Accounts { reply: reply.into() }),
                |told| told.map_or_else(Answer::RoleRefused, Answer::Accounts),
            ),
            Self::Roles(account) => channel(
                |reply| Event::AskedOfRoles(RoleQuestion::Roles { account, reply: reply.into() }),
                |told| told.map_or_else(Answer::RoleRefused, Answer::Roles),
            ),
        }
    }
}

fn login(login: Login) -> Answer {
    match login {
        Login::SignedIn(_) => Answer::SignedIn,
        Login::Pending { started, flow } => Answer::Pending { started, flow },
    }
}

fn channel<A: 'static>(
    event: impl FnOnce(oneshot::Sender<A>) -> Event,
    answer: impl Fn(A) -> Answer + 'static,
) -> (Event, Hear) {
    let (sender, mut receiver) = oneshot::channel();
    (event(sender), Box::new(move || receiver.try_recv().ok().map(&answer)))
}
