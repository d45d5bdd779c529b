//! Where a flow signs in: what the start URL leads to, and how that is found out.

use super::{Flow, FlowEnd, Stage};
use crate::clock::{BootTime, Now};
use crate::issuer::Issuer;
use crate::oidc::{CallError, Registration};
use crate::token::Target;

/// Where a flow signs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowTarget {
    pub target: Target,
    /// Whether only a host has named the region, so that the service's word counts more. A region that is configured is not changed.
    pub may_move: bool,
}

impl FlowTarget {
    /// Whether a registration can be used there. Its region counts if the service has told it before.
    pub(super) fn fits(&self, known: &Registration) -> bool {
        let Target { issuer, resolved } = &self.target;
        known.resolved == *resolved && (known.issuer == *issuer || self.may_move && known.issuer.is_aws())
    }
}

impl Flow {
    /// The start URL has been asked where it leads.
    ///
    /// # Errors
    /// The end of the flow.
    pub fn on_resolved(&mut self, result: Result<FlowTarget, CallError>, now: Now, chance: f64) -> Result<(), FlowEnd> {
        if !matches!(self.stage, Stage::Resolving) {
            return Ok(());
        }
        match result {
            Ok(target) => {
                self.failures = 0;
                self.target = Some(target);
                self.stage = Stage::Due { at: now.boot, renew_registration: false };
                Ok(())
            }
            Err(error) => self.try_again(error, now, chance).map(drop),
        }
    }

    /// Goes on in the region that the service names instead, once, if the region may be another one.
    pub(super) fn move_to_region_of(&mut self, error: &CallError, now: BootTime) -> bool {
        let (CallError::OtherRegion { region, .. }, Some(target)) = (error, &mut self.target) else { return false };
        if !std::mem::replace(&mut target.may_move, false) {
            return false;
        }
        target.target.issuer = Issuer::aws(region);
        self.failures = 0;
        self.stage = Stage::Due { at: now, renew_registration: false };
        true
    }
}
