//! Whether the page is also shown as a QR code, for a phone.

use std::io::{self, IsTerminal};

use ssoctl_protocol::PendingLogin;
use ssoctl_protocol::text::{LONGEST_CODE, shown};

use crate::render::{self, Drawing};
use crate::{browser, environment};

/// The lines on the screen below the code: what it is for, the waiting, and the counter.
const LINES_BELOW: usize = 3;

/// Shows the page's address as a QR code to a person who has asked for one.
pub(super) fn show(session: &str, login: &PendingLogin) {
    match drawing(session, login) {
        Ok((drawing, code)) => render::qr_code(&drawing, &code),
        Err(why) => render::notice(&format!("no QR code is shown, because {why}")),
    }
}

/// Shows it, if it can be shown, to a person who cannot open the page on this machine.
pub(super) fn offer(session: &str, login: &PendingLogin) {
    if browser::is_seen() || environment::variable("NO_COLOR").is_some() {
        return;
    }
    if let Ok((drawing, code)) = drawing(session, login) {
        render::qr_code(&drawing, &code);
    }
}

/// The drawing, and the user code that its page has to show; or why there is none.
fn drawing(session: &str, login: &PendingLogin) -> Result<(Drawing, String), String> {
    let page = &login.verification_uri_complete;
    let Some(code) = &login.user_code else {
        return Err(
            "the browser has to come back to this machine; for a page that opens anywhere: --flow device".into()
        );
    };
    let drawing = render::drawn(page).ok_or("the page's address is too long for one")?;
    if !io::stderr().is_terminal() || !environment::terminal_has_escapes() {
        return Err("standard error is no terminal with colours".into());
    }
    let (columns, rows) = environment::terminal_size(io::stderr());
    let (needed_columns, needed_rows) = (drawing.columns, drawing.lines.len() + LINES_BELOW);
    if usize::from(columns) < needed_columns || usize::from(rows) < needed_rows {
        return Err(format!(
            "the terminal has {columns} columns and {rows} rows, and it needs {needed_columns} and {needed_rows}"
        ));
    }
    // A phone opens what it reads here, so the page is judged as one that is opened on this machine.
    browser::judge(page, session)?;
    Ok((drawing, shown(code, LONGEST_CODE).into_owned()))
}
