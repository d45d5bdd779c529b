//! What is shown to the person: notices, and the code of an open device flow. A leaf: it knows nothing of when they are shown, or how.

use crate::clock::BootTime;

/// What people and `status` see of a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowView {
    /// The flow's number.
    pub number: u64,
    /// The code to compare or enter.
    pub user_code: String,
    /// Where to enter it.
    pub verification_uri: String,
    /// The page with the code filled in.
    pub verification_uri_complete: String,
    /// When the code stops working.
    pub expires: BootTime,
}

/// What a notice says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Compare this code and approve.
    Approve {
        /// The flow.
        flow: FlowView,
        /// When the token ends or ended.
        ends: BootTime,
    },
    /// Sign in before the token ends.
    SignIn {
        /// When it ends.
        ends: BootTime,
    },
    /// The portal session ends, and only a new one helps.
    RenewNow {
        /// When it ends.
        ends: BootTime,
    },
    /// The token has ended.
    Expired {
        /// When it did.
        ended: BootTime,
    },
}

/// What a person does with a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Sign in: opens the page of the open flow, or of a new one.
    SignIn,
    /// Renew now: signs out at the portal first, so that the new sign-in gets its whole length.
    Renew,
    /// Later: takes the notice back for a while, and never beyond the end.
    PutOff,
}

/// Whether somebody is there to see a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Presence {
    /// As far as anybody knows.
    #[default]
    Present,
    /// The screens are locked, or the machine goes to sleep.
    Away,
}

impl Notice {
    /// When the token ends or ended.
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

    /// What kind it is, for the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::SignIn { .. } => "sign in",
            Self::RenewNow { .. } => "renew now",
            Self::Expired { .. } => "expired",
        }
    }

    /// What its action does.
    pub const fn action(&self) -> Action {
        match self {
            Self::RenewNow { .. } => Action::Renew,
            Self::Approve { .. } | Self::SignIn { .. } | Self::Expired { .. } => Action::SignIn,
        }
    }
}
