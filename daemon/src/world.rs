//! The interfaces to everything outside. The daemon acts on the outside only through them, so that a test can replace each.

use std::sync::Arc;

use tokio::sync::watch;

use crate::audit::Audit;
use crate::clock::Clock;
use crate::desktop::{Desktop, Surroundings};
use crate::machine::MachineProblems;
use crate::oidc::IdentityCenter;
use crate::portal::Portal;
use crate::secrets::SecretStore;

#[derive(Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    /// The service that issues tokens.
    pub identity_center: Arc<dyn IdentityCenter>,
    /// The service that accepts tokens.
    pub portal: Arc<dyn Portal>,
    pub secrets: Arc<dyn SecretStore>,
    /// Notices and pages for the person.
    pub desktop: Arc<dyn Desktop>,
    /// Presence of the person, quiet hours, changes of the network.
    pub surroundings: watch::Receiver<Surroundings>,
    pub machine: MachineProblems,
    /// Who got what.
    pub audit: Arc<Audit>,
}
