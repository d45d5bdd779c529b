//! How many calls to one endpoint are under way at once.
//!
//! A daemon with very many sessions has a call to make for each of them when the machine wakes up. Each takes a connection of
//! its own and some of the service's patience, so beyond a number that no person's sessions reach they wait for their turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// A thousand calls are through within seconds, and the service sees no more than this many connections.
pub const AT_ONCE: usize = 16;

/// Whose turn it is, for each endpoint by itself: one that hangs holds up no other.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Turns {
    /// Waits for the turn of a call to this address, which lasts until what is returned is dropped. First come, first served.
    pub(super) async fn wait(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        let origin = url.origin().ascii_serialization();
        let turns = {
            let mut endpoints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(endpoints.entry(origin).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
        };
        // It is never closed.
        turns.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_up<T>(turn: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
        matches!(turn.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
    }

    #[tokio::test]
    async fn one_call_too_many_waits_until_another_one_ends_and_no_other_endpoint_waits_with_it() {
        let (turns, url) = (Turns::default(), |url: &str| Url::parse(url).unwrap());
        let (token, other) =
            (url("https://oidc.eu-west-1.amazonaws.com/token"), url("https://oidc.us-east-1.amazonaws.com"));
        let mut under_way = Vec::new();
        for _ in 0..AT_ONCE {
            under_way.push(turns.wait(&token).await);
        }
        let register = url("https://oidc.eu-west-1.amazonaws.com/client/register");
        let mut one_more = pin!(turns.wait(&register));
        assert!(!is_up(one_more.as_mut()));
        assert!(is_up(pin!(turns.wait(&other))));
        under_way.pop();
        assert!(is_up(one_more));
    }
}
