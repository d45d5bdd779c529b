//! The inputs and outputs of a session's machine.

use std::sync::Arc;

use super::callers::Question;
use super::flow::{FlowEnd, FlowTarget};
use super::found::{Found, Reception};
use super::reply::Reply;
use super::roles::callers::RoleQuestion;
use super::roles::{PortalAnswer, Subject, Ticket};
use super::{AccessToken, Record, Renewal, SignInEpoch, Target, Terms};
use crate::notice::{Action, FlowKind, FlowView, Notice, Presence};
use crate::oidc::{CallError, DeviceAuthorization, Grant, Issued, Registration, ServiceClock};
use crate::portal::{PageToken, PortalError};

/// One thing that happened to a session. Where an event has a number, it is the flow's.
#[derive(Debug)]
pub enum Event {
    /// A caller came.
    Asked(Question),
    /// A caller came who wants accounts, roles or role credentials.
    AskedOfRoles(RoleQuestion),
    /// At least one caller waits no longer.
    CallersLeft,
    /// The store has been read; `Ok(None)`: it has nothing of this session.
    Loaded(Result<Option<Record>, String>),
    /// The last [`Effect::Store`] has been carried out, or has failed.
    Stored(Result<(), String>),
    /// The records are in another store now, or were lost: the store is read again.
    StoreChanged,
    /// The start URL has been asked where it leads.
    StartUrlResolved(u64, Result<FlowTarget, CallError>),
    /// RegisterClient has answered.
    Registered(u64, FlowKind, Result<Registration, CallError>),
    /// StartDeviceAuthorization has answered.
    DeviceAuthorized(u64, Result<DeviceAuthorization, CallError>),
    /// A listener for the browser is open, and this page leads to it; or why there is none.
    CallbackOpened(u64, Result<CallbackPage, String>),
    /// The browser has come back with a code, or with an error.
    CalledBack(u64, Result<Grant, CallError>),
    /// CreateToken has answered to the code of a flow.
    TokenCreated(u64, Result<Issued, CallError>),
    /// CreateToken has answered to a refresh token.
    Refreshed(SignInEpoch, Result<Issued, CallError>),
    /// The portal has answered to a question of the roles.
    PortalAnswered(Ticket, Subject, Result<PortalAnswer, PortalError>),
    /// The portal has answered to a sign-out.
    PortalSessionEnded(Result<(), CallError>),
    /// A sign-in was found that another program has made.
    Found(Found, Reply<Reception>),
    /// The portal does not know this token any more.
    EndedElsewhere(Arc<AccessToken>),
    /// The configuration has these terms now.
    TermsChanged(Terms),
    /// The person came or went.
    PresenceChanged(Presence),
    /// The person did something with the notice.
    Acted(Action),
    /// The service's clock has become known, or has changed.
    ServiceClock(ServiceClock),
    /// The machine woke up, or the network changed: what failed may work now.
    ConnectivityChanged,
    /// The daemon stops: everybody is answered, and nothing new begins.
    Stop,
    /// Some time has passed.
    Tick,
}

/// The page of a flow at the browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackPage {
    pub page: String,
    /// The port of this machine to which the page leads back.
    pub port: u16,
}

/// One thing to do outside. Each call and each access to the store leads to an event with its result. Where an effect has a number, it
/// is the flow's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Read the store.
    Load,
    /// Make this durable.
    Store(Record),
    /// Ask the start URL where it leads.
    ResolveStartUrl(u64),
    /// Call RegisterClient where the start URL leads.
    Register(u64, FlowKind, Target),
    /// Call StartDeviceAuthorization.
    AuthorizeDevice(u64, Registration),
    /// Listen for the browser, on this port or one that the system chooses. Leads to [`Event::CallbackOpened`], and then to
    /// [`Event::CalledBack`].
    OpenCallback(u64, Registration, Option<u16>),
    /// Tell the browser how the flow has ended, and listen no longer.
    EndCallback(u64, FlowEnd),
    /// Call CreateToken with the code of a flow.
    CreateToken(u64, Registration, Grant),
    /// Call CreateToken with a refresh token.
    Refresh(SignInEpoch, Renewal),
    /// Ask the portal; for a list, for this page.
    AskPortal(Ticket, Subject, Option<PageToken>, Arc<AccessToken>),
    /// End the session at the portal.
    EndPortalSession(Arc<AccessToken>),
    /// Show the person this, in the place of what was shown before.
    Show(Notice),
    /// Take back what is shown.
    Withdraw,
    /// Open the page of this flow.
    OpenPage(FlowView),
}
