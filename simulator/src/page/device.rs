//! The approval page of the device flow: where a person enters or confirms a user code and decides.

use super::{OWN_FORMS, escaped};
use crate::answer::Answer;
use crate::clock::Moment;
use crate::operation::Call;
use crate::state::{DEFAULT_PERSON, PageEntry, PendingAuthorization, Service, normalised_user_code};

pub(super) fn answer(service: &mut Service, call: &Call, at: Moment) -> Answer {
    if call.path == "/device" {
        return ask(service, call.parameter("user_code").unwrap_or_default().trim(), at);
    }
    let code = url::form_urlencoded::parse(&call.body).find(|(name, _)| name == "user_code");
    let code = code.map(|(_, code)| code.into_owned()).unwrap_or_default();
    decide(service, &call.path, &code, at)
}

fn ask(service: &Service, code: &str, at: Moment) -> Answer {
    if code.is_empty() {
        return page(200, "Enter the code", &entry_form(""));
    }
    match service.page_entry(code, at.now) {
        PageEntry::Pending(pending) => page(200, "Allow this request?", &confirmation(&pending)),
        other => refusal(&other, code),
    }
}

fn decide(service: &mut Service, path: &str, code: &str, at: Moment) -> Answer {
    let entry = service.page_entry(code, at.now);
    let PageEntry::Pending(pending) = entry else { return refusal(&entry, code) };
    let (decided, title, result) = if path == "/device/approve" {
        (service.approve(code, DEFAULT_PERSON, at.now), "Request approved", "is signed in")
    } else {
        (service.deny(code, at.now), "Request denied", "has been refused")
    };
    if decided.is_err() {
        return refusal(&PageEntry::Unknown, code);
    }
    let client = escaped(&pending.client_name);
    page(200, title, &format!("<p><strong>{client}</strong> {result}. You can close this window.</p>"))
}

fn page(status: u16, title: &str, content: &str) -> Answer {
    super::page(status, title, content, OWN_FORMS)
}

/// The page for a code that is not pending.
fn refusal(entry: &PageEntry, code: &str) -> Answer {
    let typed = escaped(&normalised_user_code(code));
    let again = entry_form(code);
    match entry {
        PageEntry::Expired => page(
            410,
            "Code expired",
            "<p role=\"alert\">This code is too old. Start the sign-in again to get a new one.</p>",
        ),
        PageEntry::Decided => page(
            409,
            "Already decided",
            "<p role=\"alert\">This code has been used. Start the sign-in again to get a new one.</p>",
        ),
        PageEntry::Unknown | PageEntry::Pending(_) => page(
            404,
            "Wrong code",
            &format!(
                "<p role=\"alert\">There is no request with the code <code>{typed}</code>. Check it and try again.</p>{again}"
            ),
        ),
    }
}

fn entry_form(code: &str) -> String {
    format!(
        r#"<form method="get" action="/device">
<label for="user_code">Code shown by the application</label>
<input id="user_code" name="user_code" value="{}" required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="16" placeholder="ABCD-EFGH">
<button class="primary">Continue</button>
</form>"#,
        escaped(code)
    )
}

fn confirmation(pending: &PendingAuthorization) -> String {
    let code = escaped(&pending.user_code);
    let scopes = if pending.scopes.is_empty() { "none".to_owned() } else { escaped(&pending.scopes.join(" ")) };
    format!(
        r#"<p>Compare the code with the one that the application shows. Deny the request if you did not start it.</p>
<p class="code"><code id="code">{code}</code></p>
<dl>
<dt>Application</dt><dd>{}</dd>
<dt>Portal</dt><dd>{}</dd>
<dt>Scopes</dt><dd>{scopes}</dd>
</dl>
<div class="choice">
<form method="post" action="/device/approve"><input type="hidden" name="user_code" value="{code}"><button id="approve" class="primary" aria-describedby="code">Confirm and allow</button></form>
<form method="post" action="/device/deny"><input type="hidden" name="user_code" value="{code}"><button id="deny" aria-describedby="code">Deny</button></form>
</div>"#,
        escaped(&pending.client_name),
        escaped(&pending.start_url),
    )
}
