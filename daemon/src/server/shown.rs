//! The state of the daemon as it is shown, in answers and to watchers.

use std::sync::Arc;

use ssoctl_protocol::body::TokenFiles as Standing;
use ssoctl_protocol::grant::Grant as GrantBody;
use ssoctl_protocol::settings::Settings;
use ssoctl_protocol::{DaemonStatus, SessionStatus, Timestamp};
use tokio::sync::watch;

use super::{grants, status};
use crate::directory::{Directory, Entry};
use crate::grants::{Grant, Grants};
use crate::left_records::LeftRecords;
use crate::token_files::TokenFiles;
use crate::world::World;

/// Everything that is shown without asking anybody.
pub struct Shown {
    pub directory: watch::Receiver<Arc<Directory>>,
    pub world: World,
    pub token_files: TokenFiles,
    pub left_records: LeftRecords,
    pub grants: Arc<Grants>,
    pub started_at: Timestamp,
    pub settings: Settings,
}

impl Shown {
    pub(super) fn daemon(&self) -> DaemonStatus {
        let directory = Arc::clone(&self.directory.borrow());
        status::daemon(&directory, &self.world, self.started_at, &self.settings, self.left_records.list())
    }

    pub(super) fn session(&self, entry: &Entry, files: Option<Standing>) -> SessionStatus {
        let (snapshot, waiting) = (entry.session.snapshot(), entry.session.waiting());
        status::session(&entry.config, entry.configured_at, &snapshot, files, waiting, self.world.clock.now())
    }

    /// The state of a session's token files.
    pub(super) fn standing(&self, entry: &Entry) -> Option<Standing> {
        self.token_files.standing(&entry.config.identity)
    }

    pub(super) fn grant(&self, grant: &Grant) -> GrantBody {
        grants::view(grant, &self.grants.socket_of(&grant.terms().name), self.world.clock.now())
    }
}
