//! The doors to the outside. Everything that the daemon does to the world goes through one of them, so that a test can
//! put something else behind each.

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::desktop::{Desktop, Surroundings};
use crate::machine::MachineProblems;
use crate::oidc::IdentityCenter;
use crate::portal::Portal;
use crate::secrets::SecretStore;

/// What stands behind the doors.
#[derive(Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The service that issues tokens.
    pub identity_center: Arc<dyn IdentityCenter>,
    /// The service that takes tokens.
    pub portal: Arc<dyn Portal>,
    /// Where secrets are kept.
    pub secrets: Arc<dyn SecretStore>,
    /// The screen, and who looks at it.
    pub desktop: Arc<dyn Desktop>,
    /// What goes on around.
    pub surroundings: watch::Receiver<Surroundings>,
    /// What is wrong with the machine.
    pub machine: MachineProblems,
}
