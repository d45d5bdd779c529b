//! Notification Center, through notify-rust. Reviewed against its documentation, and not run by the project's tests.
//!
//! It delivers clicks only where the program's main thread runs Cocoa's event loop, which a daemon has not, and nothing that
//! was shown can be taken back. So a notice says what to type, and no click is awaited.

use notify_rust::Notification;

use super::super::text::{Buttons, Markup, Written};

/// A notice that was handed over.
pub(super) struct Shown;

/// What became of a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(dead_code, reason = "the other platforms' answers")]
pub(super) enum Response {
    /// Its action was used.
    Used,
    /// Its second button was.
    UsedSecond,
    /// It is not on the screen any more.
    Gone,
}

/// Shows a notice beside those before. Blocks.
pub(super) fn show(written: &Written, _: Option<Shown>) -> Result<(Shown, Buttons), String> {
    let mut notification = Notification::new();
    notification.summary(&written.title).body(&written.body(Buttons::Missing, Markup::Shown));
    // Dropping the handle delivers the notice.
    notification.show().map(drop).map_err(|error| error.to_string())?;
    Ok((Shown, Buttons::Missing))
}

/// What was shown stays.
pub(super) fn close(_: Shown) -> Result<((), Buttons), String> {
    Ok(((), Buttons::Missing))
}

/// Nobody will ever tell.
pub(super) async fn response(_: &Shown) -> Response {
    std::future::pending().await
}
