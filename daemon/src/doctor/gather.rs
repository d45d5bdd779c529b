//! Gathering facts: everything here looks, and nothing here judges or changes anything.

pub(super) mod bus;
pub(super) mod daemon;
pub(super) mod files;
pub(super) mod network;
pub(super) mod screen;
pub(super) mod service;

/// Runs `look` on a thread of its own, as a file system may hang; `None` if it panics.
pub(super) async fn blocking<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(look).await.ok()
}
