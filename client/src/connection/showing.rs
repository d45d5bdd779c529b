//! What a person is told of requests that take long.

use std::cell::RefCell;

use ssoctl_process::Progress;

use crate::environment;

#[derive(Default)]
pub(super) struct Showing(RefCell<Option<(String, Progress)>>);

impl Showing {
    /// The time counts from the first one on. Where that is long ago, it is drawn at once.
    pub(super) fn set(&self, what: String) {
        let mut showing = self.0.borrow_mut();
        let begin = || Progress::begin(environment::variable("TERM").as_deref());
        let progress = showing.take().map_or_else(begin, |(_, progress)| progress);
        *showing = Some((what, progress));
        drop(showing);
        self.draw();
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.borrow().is_some()
    }

    pub(super) fn draw(&self) {
        if let Some((what, progress)) = &mut *self.0.borrow_mut() {
            progress.show(what);
        }
    }

    pub(super) fn clear(&self) {
        if let Some((_, progress)) = &mut *self.0.borrow_mut() {
            progress.clear();
        }
    }
}
