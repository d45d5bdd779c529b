//! Servers of the Desktop Notifications Specification, through notify-rust.
//!
//! GNOME lets only the connection that showed a notice replace or close it, and sends signals to that connection alone.
//! notify-rust opens a connection for each notice that is shown and keeps it in the handle. So a notice is replaced through
//! its handle, and its handle is where the person's response comes from; it subscribes to that after showing and panics if
//! it cannot, which is contained here.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use notify_rust::{
    Notification, NotificationHandle, NotificationResponse, Timeout, Urgency as Level, get_capabilities,
};

use super::super::text::{Buttons, Markup, Urgency, Written};

/// What a click on the notice itself is called (specification, "Actions").
const CLICK: &str = "default";

/// What the button is called on the bus.
const BUTTON: &str = "act";

/// What the second button is called on the bus.
const SECOND: &str = "second";

/// A notice that a server has.
pub(super) struct Shown {
    handle: NotificationHandle,
    buttons: Buttons,
}

/// What became of a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Response {
    /// Its action was used.
    Used,
    /// Its second button was.
    UsedSecond,
    /// It is not on the screen any more, as far as anybody will tell.
    Gone,
}

/// Shows a notice, in the place of `previous` if the server still has it. Blocks.
pub(super) fn show(written: &Written, previous: Option<Shown>) -> Result<(Shown, Buttons), String> {
    let capabilities = get_capabilities().map_err(|error| error.to_string())?;
    let can = |capability: &str| capabilities.iter().any(|known| known == capability);
    let buttons = if can("actions") { Buttons::Drawn } else { Buttons::Missing };
    let markup = if can("body-markup") { Markup::Rendered } else { Markup::Shown };
    let notification = compose(written, buttons, markup);
    let replaced = previous.and_then(|Shown { mut handle, .. }| {
        *handle = notification.clone();
        // A connection or a notice that the server does not know any more is not worth a word: it is shown anew.
        handle.update().ok().map(|()| handle)
    });
    let handle = match replaced {
        Some(handle) => handle,
        None => notification.show().map_err(|error| error.to_string())?,
    };
    Ok((Shown { handle, buttons }, buttons))
}

/// Takes a notice back. Blocks.
pub(super) fn close(shown: Shown) -> Result<((), Buttons), String> {
    // A server that does not know it any more says so, and all is well.
    shown.handle.close();
    Ok(((), shown.buttons))
}

/// Waits for what the person does.
pub(super) async fn response(shown: &Shown) -> Response {
    let mut response = Response::Gone;
    {
        let mut waiting = pin!(shown.handle.wait_for_action_async(|said: &NotificationResponse| {
            match said {
                NotificationResponse::Action(name) if name == SECOND => response = Response::UsedSecond,
                NotificationResponse::Default | NotificationResponse::Action(_) => response = Response::Used,
                _ => {}
            }
        }));
        poll_fn(|context| catch_unwind(AssertUnwindSafe(|| waiting.as_mut().poll(context))).unwrap_or(Poll::Ready(())))
            .await;
    }
    response
}

fn compose(written: &Written, buttons: Buttons, markup: Markup) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("ssoctl")
        .icon("dialog-password")
        .summary(&written.title)
        .body(&written.body(buttons, markup))
        .urgency(match written.urgency {
            Urgency::Normal => Level::Normal,
            Urgency::Critical => Level::Critical,
        });
    if let (Some((_, label)), Buttons::Drawn) = (written.action, buttons) {
        // A click that has a name gets a second button from Xfce; without one, a click beside the button dismisses there.
        // Whoever comes back from lunch should still find something to click on.
        notification.action(CLICK, "").action(BUTTON, label).timeout(Timeout::Never);
        if let Some((_, label)) = written.second {
            notification.action(SECOND, label);
        }
    }
    notification
}
