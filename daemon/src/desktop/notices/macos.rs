//! Notification Center, through notify-rust. Reviewed against its documentation, and not run by the project's tests.
//!
//! It delivers clicks only where the program's main thread runs Cocoa's event loop, which a daemon has not, and nothing that
//! was shown can be taken back. So a notice says what to type, and no click is awaited.

use notify_rust::Notification;

use super::super::text::{Buttons, Markup, Written};

pub(in crate::desktop) struct Shown;

/// Shows a notice beside those before. Blocks.
pub(in crate::desktop) fn show<A>(written: &Written<A>, _: Option<Shown>) -> Result<(Shown, Buttons), String> {
    let mut notification = Notification::new();
    notification.summary(&written.title).body(&written.body(Buttons::Missing, Markup::Plain));
    // Dropping the handle delivers the notice.
    notification.show().map(drop).map_err(|error| error.to_string())?;
    Ok((Shown, Buttons::Missing))
}

pub(in crate::desktop) fn close(_: Shown) {}

pub(in crate::desktop) async fn response(_: &Shown) -> Option<usize> {
    std::future::pending().await
}
