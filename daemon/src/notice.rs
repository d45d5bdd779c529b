//! What is shown to the person: notices, and an open sign-in with its page. A leaf: other modules decide when and how to show them.

use crate::clock::BootTime;

/// The two ways in which a person signs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FlowKind {
    /// The device authorization grant (RFC 8628): the person compares a code on any machine.
    Device,
    /// The authorization code grant with a proof key (RFC 6749, RFC 7636): a browser on this machine comes back to the daemon.
    Browser,
}

impl FlowKind {
    /// For the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Browser => "browser",
        }
    }
}

/// The part of a flow that people and `status` see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowView {
    pub number: u64,
    /// The page on which the person signs in: of a device flow with the code filled in.
    pub page: String,
    pub way: Way,
    /// The end of the flow, if nobody signs in.
    pub expires: BootTime,
    /// Why this is a device flow although a browser was wanted.
    pub no_browser: Option<String>,
}

/// What a person needs to sign in, besides the page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    Code {
        /// The code to compare or enter.
        user_code: String,
        /// The page on which to enter it.
        verification_uri: String,
    },
    Browser {
        /// The port of this machine to which the browser comes back.
        callback_port: u16,
    },
}

impl FlowView {
    /// The code of a device flow.
    pub fn user_code(&self) -> Option<&str> {
        match &self.way {
            Way::Code { user_code, .. } => Some(user_code),
            Way::Browser { .. } => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Approve on the page of this flow, after comparing its code if it has one.
    Approve {
        flow: FlowView,
        /// The end of the token, which may have passed.
        ends: BootTime,
    },
    /// Sign in before the token ends.
    SignIn { ends: BootTime },
    /// The portal session ends, and only a new one helps.
    RenewNow { ends: BootTime },
    /// The token has ended.
    Expired { ended: BootTime },
}

/// A person's reaction to a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Sign in: opens the page of the open flow, or of a new one.
    SignIn,
    /// Renew now: signs out at the portal first, so that the new sign-in gets its whole length.
    Renew,
    /// Later: takes the notice back for a while, and never beyond the end.
    PutOff,
}

/// Whether the person is there to see a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Presence {
    /// Also if the presence is not known.
    #[default]
    Present,
    /// The screens are locked, or the machine goes to sleep.
    Away,
}

impl Notice {
    /// The end of the token, which may have passed.
    pub const fn ends(&self) -> BootTime {
        match self {
            Self::Approve { ends, .. } | Self::SignIn { ends } | Self::RenewNow { ends } => *ends,
            Self::Expired { ended } => *ended,
        }
    }

    /// This notice, if it is about that end.
    pub fn if_it_ends(self, ends: BootTime) -> Option<Self> {
        Some(self).filter(|notice| notice.ends() == ends)
    }

    /// Its kind, for the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::SignIn { .. } => "sign in",
            Self::RenewNow { .. } => "renew now",
            Self::Expired { .. } => "expired",
        }
    }

    pub const fn action(&self) -> Action {
        match self {
            Self::RenewNow { .. } => Action::Renew,
            Self::Approve { .. } | Self::SignIn { .. } | Self::Expired { .. } => Action::SignIn,
        }
    }
}
