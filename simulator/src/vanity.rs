//! Start URLs of one's own: paths that lead to a start URL of AWS, as a company's web server has them.

use crate::answer::{Answer, Body};
use crate::operation::{Call, Operation};
use crate::settings::Settings;

/// The operation at a path that leads elsewhere, and its method.
pub(crate) fn at(settings: &Settings, path: &str) -> Option<(Operation, &'static str)> {
    settings.vanity_urls.iter().any(|known| known.path == path).then_some((Operation::VanityUrl, "GET"))
}

pub(crate) fn answer(settings: &Settings, call: &Call) -> Answer {
    let Some(found) = settings.vanity_urls.iter().find(|known| known.path == call.path) else {
        return Answer::new(404, Body::Empty);
    };
    match found.head_status {
        Some(status) if call.is_head => Answer::new(status, Body::Empty),
        _ if found.target.is_empty() => Answer::new(found.status, Body::Empty),
        _ => Answer::new(found.status, Body::Empty).with_header("location", &found.target),
    }
}
