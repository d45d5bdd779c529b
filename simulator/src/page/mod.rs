//! The pages that a person sees in a browser: the approval page of the device flow, and the authorization page.
//!
//! Plain HTML forms, no script, nothing loaded from anywhere. Decisions are taken by POST alone, so that no link,
//! preview or prefetch can approve anything.

mod authorize;
mod device;

use crate::answer::Answer;
use crate::clock::Moment;
use crate::operation::{Call, Operation};
use crate::state::Service;

pub(crate) fn answer(service: &mut Service, call: &Call, at: Moment) -> Answer {
    match call.operation {
        Operation::AuthorizationPage => authorize::answer(service, call, at),
        _ => device::answer(service, call, at),
    }
}

/// What an injected exception makes of a call of the authorization page: a redirect that brings the client its code.
pub(crate) fn fail(service: &Service, call: &Call, exception: &str, at: Moment) -> Answer {
    authorize::fail(service, call, exception, at)
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

/// Where the forms of a page may lead, in the words of a content security policy: to the simulator.
const OWN_FORMS: &str = "'self'";

/// Browsers hold what follows a form's submission to `forms` as well.
fn page(status: u16, title: &str, content: &str, forms: &str) -> Answer {
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
            format!(
                "default-src 'none'; style-src 'unsafe-inline'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
            ),
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
