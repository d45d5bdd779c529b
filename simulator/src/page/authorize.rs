//! The authorization page (RFC 6749 4.1.1): where a browser brings a client's request, and a person decides.

use super::{OWN_FORMS, escaped, page};
use crate::answer::{Answer, Body};
use crate::clock::Moment;
use crate::errors::oauth_code;
use crate::operation::Call;
use crate::settings::Approval;
use crate::state::{DEFAULT_PERSON, PendingRequest, Rejection, RequestEntry, Service};

pub(super) fn answer(service: &mut Service, call: &Call, at: Moment) -> Answer {
    match call.path.as_str() {
        "/authorize" => open(service, call, at),
        "/authorize/continue" => present(service, service.request_entry(&requested(call), at.now)),
        decision => decide(service, decision, &requested(call), at),
    }
}

pub(super) fn fail(service: &Service, call: &Call, exception: &str, at: Moment) -> Answer {
    let error = oauth_code(exception);
    let location = match call.path.as_str() {
        "/authorize" => service.error_to_recipient(&call.query, &error, at.now),
        _ => service.error_to_asker(&requested(call), &error),
    };
    let answer = match location {
        Some(location) => redirect(&location),
        None => problem(400, "This request cannot be answered", "An injected fault."),
    };
    answer.with_outcome(exception)
}

/// The name of the request that a link or a form means.
fn requested(call: &Call) -> String {
    let mut members = url::form_urlencoded::parse(&call.body);
    let in_form = members.find(|(name, _)| name == "request").map(|(_, name)| name.into_owned());
    in_form.or_else(|| call.parameter("request").map(str::to_owned)).unwrap_or_default()
}

fn open(service: &mut Service, call: &Call, at: Moment) -> Answer {
    match service.admit(&call.query, at.now) {
        Ok(request) => {
            let entry = service.open_request(request, at.now);
            present(service, entry)
        }
        Err(Rejection::Shown(why)) => problem(400, "This request cannot be answered", why),
        Err(Rejection::Redirected { location, error }) => redirect(&location).with_outcome(error),
    }
}

fn decide(service: &mut Service, path: &str, name: &str, at: Moment) -> Answer {
    let decided = match path {
        "/authorize/allow" => service.allow_request(name, DEFAULT_PERSON, at.now),
        _ => service.deny_request(name, at.now),
    };
    match (decided, service.request_entry(name, at.now)) {
        (Ok(location), _) => redirect(&location),
        (Err(_), RequestEntry::Decided(_)) => {
            problem(409, "Already decided", "This request has been decided. Start the sign-in again for a new one.")
        }
        (Err(_), entry) => present(service, entry),
    }
}

fn present(service: &Service, entry: RequestEntry) -> Answer {
    match entry {
        RequestEntry::Pending(pending) => ask(service, &pending),
        RequestEntry::Decided(location) => redirect(&location),
        RequestEntry::Expired => {
            problem(410, "Request expired", "This page is too old. Start the sign-in again to get a new one.")
        }
        RequestEntry::Unknown => problem(404, "No such request", "Start the sign-in again to get a new page."),
    }
}

/// Tells a browser to go on at the client's redirect URI.
fn redirect(location: &str) -> Answer {
    Answer::new(302, Body::Empty)
        .with_outcome("ok")
        .with_header("location", location)
        .with_header("cache-control", "no-store")
        .with_header("referrer-policy", "no-referrer")
}

fn problem(status: u16, title: &str, why: &str) -> Answer {
    page(status, title, &format!("<p role=\"alert\">{why}</p>"), OWN_FORMS)
}

fn ask(service: &Service, pending: &PendingRequest) -> Answer {
    let request = escaped(&pending.request);
    let scopes = if pending.scopes.is_empty() { "none".to_owned() } else { escaped(&pending.scopes.join(" ")) };
    let content = format!(
        r#"<p>Deny the request if you did not start it.</p>
<dl>
<dt>Application</dt><dd>{}</dd>
<dt>Person</dt><dd>{DEFAULT_PERSON}</dd>
<dt>Portal</dt><dd>{}</dd>
<dt>Scopes</dt><dd>{scopes}</dd>
<dt>Answer goes to</dt><dd>{}</dd>
</dl>
<div class="choice">
<form method="post" action="/authorize/allow"><input type="hidden" name="request" value="{request}"><button id="allow" class="primary">Allow</button></form>
<form method="post" action="/authorize/deny"><input type="hidden" name="request" value="{request}"><button id="deny">Deny</button></form>
</div>"#,
        escaped(&pending.client_name),
        escaped(&pending.start_url),
        escaped(&pending.redirect_uri),
    );
    // What the forms lead to redirects to the client, which browsers hold to this policy as well.
    let forms = format!("{OWN_FORMS} {}", origin(&pending.redirect_uri));
    let answer = page(200, "Allow this request?", &content, &forms);
    match service.settings.approval {
        // The browser looks again, for nothing on the page could tell it of the decision.
        Approval::Automatic { after } => {
            let url = format!("/authorize/continue?request={}", pending.request);
            answer.with_header("refresh", format!("{}; url={url}", after.as_secs().max(1)))
        }
        Approval::Manual | Approval::Preauthorised => answer,
    }
}

/// Scheme, host and port of a redirect URI, which always has a path.
fn origin(redirect_uri: &str) -> &str {
    let host = "http://".len();
    let end = redirect_uri[host..].find('/').map_or(redirect_uri.len(), |slash| host + slash);
    &redirect_uri[..end]
}
