//! What tells the follower that something may have changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ssoctl_protocol::body::{MachineProblem, TokenFiles};
use tokio::sync::watch;

use crate::clock::{BootTime, Clock};
use crate::config::Identity;
use crate::desktop::Surroundings;
use crate::oidc::ServiceClock;
use crate::server::shown::Shown;
use crate::session::{Session, Snapshot};

/// Those who wait for a session are looked at no more often than this, if nothing else changes.
const WAITING_PACE: Duration = Duration::from_secs(1);

/// What tells of changes of a session.
pub(super) struct Changes {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    waiting: watch::Receiver<()>,
}

impl Changes {
    /// Changes from now on.
    pub(super) fn of(session: &Session) -> Self {
        let mut snapshots = session.snapshots();
        snapshots.mark_unchanged();
        Self { snapshots, waiting: session.waiting_changes() }
    }

    /// Whether they are the changes of this session.
    pub(super) fn are_of(&self, session: &Session) -> bool {
        self.snapshots.same_channel(&session.snapshots())
    }

    /// Forgets a change that was told and not yet returned, since the session is looked at now.
    pub(super) fn are_seen(&mut self) {
        self.waiting.mark_unchanged();
    }

    /// Waits for a change. Those who wait come and go unnoticed for a moment after `now`, since they may be thousands.
    pub(super) async fn next(&mut self, clock: Arc<dyn Clock>, now: BootTime) {
        let waiting = async {
            if self.waiting.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            clock.sleep_until(now + WAITING_PACE).await;
        };
        tokio::select! {
            // A session that has ended leaves its last snapshot.
            Ok(()) = self.snapshots.changed() => {}
            () = waiting => {}
        }
    }
}

/// What tells of changes beside directory and sessions. Each is looked at anew when it tells.
pub(super) struct Causes {
    pub(super) token_files: watch::Receiver<BTreeMap<Identity, TokenFiles>>,
    pub(super) grants: [watch::Receiver<()>; 2],
    pub(super) daemon: Troubles,
}

/// What tells of changes in the state of the daemon itself.
pub(super) struct Troubles {
    machine: watch::Receiver<BTreeMap<String, MachineProblem>>,
    left_records: watch::Receiver<()>,
    service_clock: watch::Receiver<ServiceClock>,
    pub(super) surroundings: watch::Receiver<Surroundings>,
    store: watch::Receiver<()>,
}

impl Causes {
    pub(super) fn of(shown: &Shown) -> Self {
        let world = &shown.world;
        Self {
            token_files: shown.token_files.changes(),
            grants: [shown.grants.changes(), shown.grants.uses()],
            daemon: Troubles {
                machine: world.machine.changes(),
                left_records: shown.left_records.changes(),
                service_clock: world.identity_center.service_clock(),
                surroundings: world.surroundings.clone(),
                store: world.secrets.changes(),
            },
        }
    }
}

impl Troubles {
    /// Waits until one of them tells. Those that are gone tell nothing any more.
    pub(super) async fn changed(&mut self) {
        tokio::select! {
            Ok(()) = self.machine.changed() => {}
            Ok(()) = self.left_records.changed() => {}
            Ok(()) = self.service_clock.changed() => {}
            Ok(()) = self.surroundings.changed() => {}
            Ok(()) = self.store.changed() => {}
            else => std::future::pending().await,
        }
    }
}
