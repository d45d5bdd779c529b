//! The place of a connection among those that are served at once.

use std::sync::{Arc, Mutex};

use hyper::Request;
use tokio::sync::OwnedSemaphorePermit;

use crate::waiting::lock;

/// A place that a connection holds until it ends, or until its client watches.
pub(super) struct Place(Mutex<Option<OwnedSemaphorePermit>>);

impl Place {
    pub(super) fn new(permit: OwnedSemaphorePermit) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(permit))))
    }

    /// Gives the place back.
    pub(super) fn leave(&self) {
        lock(&self.0).take();
    }

    /// Gives the place of the request's connection back. The connection has to end with the answer.
    pub(super) fn leave_by<B>(request: &Request<B>) {
        if let Some(place) = request.extensions().get::<Arc<Self>>() {
            place.leave();
        }
    }
}
