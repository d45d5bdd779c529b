//! Two ways of waiting that std does not have: for a lock whose last holder may have panicked, and for something that may not
//! be there.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex. What the daemon keeps in one is whole at every moment, so a panic has broken nothing there.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a future, if there is one; otherwise for ever.
pub(crate) async fn or_never<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
