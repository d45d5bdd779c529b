//! The limit of calls to one endpoint at once. A daemon with very many sessions makes a call for each of them when the machine
//! wakes up, and each takes a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::waiting::lock;

/// Simultaneous calls to one endpoint. More than a person's sessions make; a thousand calls are done within seconds.
pub const AT_ONCE: usize = 16;

/// One semaphore for each endpoint, so that one that hangs delays no other.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Turns {
    /// Waits until a call to this address may begin. The permit has to be kept until the call ends.
    pub(super) async fn wait(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        let origin = url.origin().ascii_serialization();
        let turns = {
            let mut endpoints = lock(&self.0);
            Arc::clone(endpoints.entry(origin).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
        };
        // The semaphore is never closed.
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
