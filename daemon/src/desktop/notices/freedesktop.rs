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

use notify_rust::{Notification, NotificationHandle, NotificationResponse, Timeout, Urgency, get_capabilities};

use super::super::text::{Buttons, Markup, Written};

/// The name of a click on the notice itself (specification, "Actions").
const CLICK: &str = "default";

/// The names of the two buttons on the bus.
const FIRST: &str = "act";
const SECOND: &str = "second";

/// A notice that a server has.
pub(in crate::desktop) type Shown = NotificationHandle;

/// Shows a notice, in the place of `previous` if the server still has that. Blocks.
pub(in crate::desktop) fn show<A>(written: &Written<A>, previous: Option<Shown>) -> Result<(Shown, Buttons), String> {
    let capabilities = get_capabilities().map_err(|error| error.to_string())?;
    let can = |capability: &str| capabilities.iter().any(|known| known == capability);
    let buttons = if can("actions") { Buttons::Shown } else { Buttons::Missing };
    let markup = if can("body-markup") { Markup::Rendered } else { Markup::Plain };
    let notification = compose(written, buttons, markup);
    let replaced = previous.and_then(|mut handle| {
        *handle = notification.clone();
        // If the server does not know the connection or the notice any more, it is shown anew.
        handle.update().ok().map(|()| handle)
    });
    let handle = match replaced {
        Some(handle) => handle,
        None => notification.show().map_err(|error| error.to_string())?,
    };
    Ok((handle, buttons))
}

/// Takes a notice back. It is no error if the server does not know it any more. Blocks.
pub(in crate::desktop) fn close(shown: Shown) {
    shown.close();
}

/// Waits until the person uses an action, and returns its index; `None` if the notice is not on the screen any more.
pub(in crate::desktop) async fn response(shown: &Shown) -> Option<usize> {
    let mut used = None;
    {
        let mut waiting = pin!(shown.wait_for_action_async(|response: &NotificationResponse| {
            used = match response {
                NotificationResponse::Action(name) if name == SECOND => Some(1),
                NotificationResponse::Default | NotificationResponse::Action(_) => Some(0),
                _ => None,
            }
        }));
        poll_fn(|context| catch_unwind(AssertUnwindSafe(|| waiting.as_mut().poll(context))).unwrap_or(Poll::Ready(())))
            .await;
    }
    used
}

fn compose<A>(written: &Written<A>, buttons: Buttons, markup: Markup) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("ssoctl")
        .icon("dialog-password")
        .summary(&written.title)
        .body(&written.body(buttons, markup))
        .urgency(if written.is_urgent { Urgency::Critical } else { Urgency::Normal });
    if !written.actions.is_empty() && buttons == Buttons::Shown {
        // If the click has a name, Xfce shows a second button for it; without one, a click beside the buttons dismisses the
        // notice there. It stays on the screen for a person who comes back from lunch.
        notification.action(CLICK, "").timeout(Timeout::Never);
        for ((_, label), name) in written.actions.iter().zip([FIRST, SECOND]) {
            notification.action(name, label);
        }
    }
    notification
}
