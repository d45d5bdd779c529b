//! Whether the page is also shown as a QR code, for a phone.

use std::io::{self, IsTerminal};

use ssoctl_protocol::PendingLogin;
use ssoctl_protocol::text::{LONGEST_CODE, shown};

use crate::render::{self, Drawing};
use crate::{browser, environment};

/// The lines on the screen below the code: what it is for, the waiting, and the counter.
const LINES_BELOW: usize = 3;

/// Shows the page's address as a QR code to a person who has asked for one.
pub(super) fn show(login: &PendingLogin) {
    match drawing(login) {
        Ok((drawing, code)) => render::qr_code(&drawing, &code),
        Err(why) => render::notice(&format!("no QR code is shown, because {why}")),
    }
}

/// Shows it, if it can be shown, to a person who cannot open the page on this machine.
pub(super) fn offer(login: &PendingLogin) {
    if browser::is_seen() || environment::variable("NO_COLOR").is_some() {
        return;
    }
    if let Ok((drawing, code)) = drawing(login) {
        render::qr_code(&drawing, &code);
    }
}

/// The drawing, and the user code that its page has to show; or why there is none.
fn drawing(login: &PendingLogin) -> Result<(Drawing, String), String> {
    let page = &login.verification_uri_complete;
    let Some(code) = &login.user_code else {
        return Err(
            "the browser has to come back to this machine; for a page that opens anywhere: --flow device".into()
        );
    };
    if !is_page(page) {
        return Err("the page's address is not https:// and a host".into());
    }
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
    Ok((drawing, shown(code, LONGEST_CODE).into_owned()))
}

/// Whether an address leads to a page that nobody on the way can change; phones do more with a code than open pages. What is in front of an
/// `@` only makes one host look like another. A simulator is on this machine.
fn is_page(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let is_this_machine = || {
        let ends_there = |rest: &str| rest.is_empty() || rest.starts_with(':');
        ["127.0.0.1", "[::1]", "localhost"].iter().any(|own| host.strip_prefix(own).is_some_and(ends_there))
    };
    let is_safe = scheme == "https" || scheme == "http" && is_this_machine();
    is_safe && !host.is_empty() && !host.contains('@') && address.chars().all(|one| one.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_addresses_of_web_pages_become_codes() {
        for page in [
            "tel:0900",
            "WIFI:S:x;;",
            "HTTPS://device.example",
            "",
            "https://",
            "http://device.example",
            "http://localhost.example",
            "http://127.0.0.1:80@device.example/",
            "https://device.sso.eu-west-1.amazonaws.com@device.example/",
            "https://device.example/\u{202e}",
        ] {
            let login = json!({ "verification_uri_complete": page, "user_code": "ABCD-EFGH", "expires_at": "2026-11-23T11:16:00Z" });
            let why = drawing(&serde_json::from_value(login).unwrap()).err();
            assert_eq!(why.as_deref(), Some("the page's address is not https:// and a host"), "{page}");
        }
        assert!(["https://device.example", "http://127.0.0.1:8080/device", "http://[::1]/"].into_iter().all(is_page));
    }
}
