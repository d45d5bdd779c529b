//! The texts for the person: notices, and the code of an open device flow. A leaf: other modules decide when and how to show them.

use crate::clock::BootTime;

/// The part of a flow that people and `status` see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowView {
    pub number: u64,
    /// The code to compare or enter.
    pub user_code: String,
    /// The page on which to enter the code.
    pub verification_uri: String,
    /// The page with the code filled in.
    pub verification_uri_complete: String,
    /// The end of the code.
    pub expires: BootTime,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Compare this code and approve.
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
