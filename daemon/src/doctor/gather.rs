//! Gathering facts: everything here looks, and nothing here judges or changes anything.

pub(super) mod bus;
pub(super) mod daemon;
pub(super) mod files;
pub(super) mod network;
pub(super) mod screen;
pub(super) mod service;

/// Does what a hanging file system would block where it blocks nobody else. Nothing if it panics.
pub(super) async fn blocking<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(look).await.ok()
}
