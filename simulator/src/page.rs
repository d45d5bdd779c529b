//! The approval page: where a person enters or confirms a user code and decides.
//!
//! Plain HTML forms, no script, nothing loaded from anywhere. Decisions are taken by POST alone, so that no link,
//! preview or prefetch can approve anything.

use crate::answer::Answer;
use crate::clock::Moment;
use crate::operation::Call;
use crate::state::{DEFAULT_PERSON, PageEntry, PendingAuthorization, Service, normalised_user_code};

pub(crate) fn answer(service: &mut Service, call: &Call, at: Moment) -> Answer {
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

const STYLE: &str = "
:root { color-scheme: light dark; --accent: #0b5cad; --line: #8a8f98; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; display: grid; place-items: center; min-height: 100vh; }
main { width: min(28rem, calc(100vw - 3rem)); padding: 2rem 0; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label, input, button { display: block; font: inherit; }
input { box-sizing: border-box; width: 100%; margin: .25rem 0 1rem; padding: .5rem; letter-spacing: .1em; }
button { padding: .5rem 1rem; border: 1px solid var(--line); border-radius: .375rem; background: none; color: inherit; cursor: pointer; }
button.primary { background: var(--accent); border-color: var(--accent); color: #fff; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.code { font-size: 2rem; letter-spacing: .1em; margin: 1rem 0; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; }
dt { opacity: .75; }
dd { margin: 0; overflow-wrap: anywhere; }
.choice { display: flex; gap: 1rem; margin-top: 1.5rem; }
footer { margin-top: 3rem; font-size: .875rem; opacity: .75; }
";

fn page(status: u16, title: &str, content: &str) -> Answer {
    let html = format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
<footer>A simulated IAM Identity Center. Nothing here reaches AWS.</footer>
</main>
</body>
</html>
"
    );
    Answer::html(status, html)
        .with_header("cache-control", "no-store")
        .with_header("referrer-policy", "no-referrer")
        .with_header("x-content-type-options", "nosniff")
        .with_header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
}

/// A page as a captive portal or a proxy sends it.
pub(crate) fn captive_portal() -> String {
    "<!doctype html>\n<html lang=\"en\"><title>Welcome</title><h1>Please accept the terms of this network</h1></html>\n"
        .to_owned()
}

/// Text as HTML shows it, in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
