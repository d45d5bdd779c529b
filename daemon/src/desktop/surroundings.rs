//! What goes on around the daemon: the person, sleep, and the network.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Environment, Surroundings};
use crate::clock::Clock;

/// Starts to look around. Where nothing can be seen, nothing changes and the person counts as present. Has to be called within a
/// tokio runtime.
#[cfg(target_os = "linux")]
pub fn observe(environment: Environment, clock: Arc<dyn Clock>) -> watch::Receiver<Surroundings> {
    use super::environment::SystemBus;
    use super::network::Routes;
    use super::presence;
    use crate::notice::Presence;

    let (tell, surroundings) = watch::channel(Surroundings::default());
    let tell = Arc::new(tell);
    match Routes::open() {
        Ok(routes) => {
            let tell = Arc::clone(&tell);
            tokio::spawn(async move {
                let error = routes.follow(clock, tell).await;
                tracing::warn!(%error, "changes of the network go unnoticed from now on");
            });
        }
        Err(error) => tracing::warn!(%error, "changes of the network go unnoticed"),
    }
    if environment.system_bus == SystemBus::There {
        tokio::spawn(async move {
            let Err(error) = presence::follow(&tell).await;
            tracing::info!(%error, "nobody tells whether the screen is locked; the person counts as present");
            tell.send_modify(|surroundings| surroundings.presence = Presence::Present);
        });
    }
    surroundings
}

/// Nothing is looked at here: nothing changes, and the person counts as present.
#[cfg(not(target_os = "linux"))]
pub fn observe(_: Environment, _: Arc<dyn Clock>) -> watch::Receiver<Surroundings> {
    super::still()
}
