//! Reading answers, for the wire formats of both APIs. Pure.
//!
//! Every response member is optional in the models, so each is checked before it is used. A decoding error never quotes
//! the answer, which may hold secrets.

use serde::Deserialize;
use serde_json::Value;
use ssoctl_protocol::{Secret, text};

use super::ErrorNames;

/// The longest text of the service that is shown, in characters.
const LONGEST_DESCRIPTION: usize = 500;

/// The answer is not what the model says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unusable {
    /// A fragment about the answer, "it".
    pub reason: String,
    /// Whether the answer is whole JSON. Then it is the service's own, and not a captive portal's or half of one.
    pub is_json: bool,
}

pub fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unusable> {
    serde_json::from_slice(body).map_err(|error| {
        // The error's own text may quote a value.
        let (reason, is_json) = match error.classify() {
            serde_json::error::Category::Eof => ("it ends too early", false),
            serde_json::error::Category::Data => ("a member has the wrong type", true),
            // serde_json gives up at numbers that no double can hold, which are JSON all the same.
            _ if error.to_string().starts_with("number out of range") => ("it has a number that is too large", true),
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => ("it is not JSON", false),
        };
        Unusable { reason: reason.to_owned(), is_json }
    })
}

pub fn missing(member: &str) -> Unusable {
    Unusable { reason: format!("it has no {member}"), is_json: true }
}

pub fn senseless(member: &str) -> Unusable {
    Unusable { reason: format!("its {member} makes no sense"), is_json: true }
}

/// A member that should be a number and is none, or is out of range. Only numbers are shown: anything else may be a secret in
/// the wrong place.
pub fn senseless_number(value: &Value, member: &str) -> Unusable {
    let is = match value {
        Value::Number(number) => number.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Null => "null".to_owned(),
    };
    Unusable { reason: format!("its {member} is {is}, which makes no sense"), is_json: true }
}

/// A number that is not negative, in any spelling of JSON: `28800`, `28800.0` or `2.88e4`. A fraction is cut off.
pub fn natural(value: &Value) -> Option<u64> {
    // Beyond this, doubles have gaps of more than one. No lifetime is that long.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let whole = |number: f64| (0.0..=LARGEST).contains(&number).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole))
}

/// A text that must not be missing or empty.
pub fn text(value: Option<String>, member: &str) -> Result<String, Unusable> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| missing(member))
}

/// A secret that must not be missing or empty.
pub fn secret_text(value: Option<Secret<String>>, member: &str) -> Result<Secret<String>, Unusable> {
    value.filter(|value| !value.expose().is_empty()).ok_or_else(|| missing(member))
}

/// The first of these spellings that is the name of an error.
pub fn recognise<N: ErrorNames>(spellings: &[Option<&str>]) -> Option<N> {
    spellings.iter().flatten().find_map(|spelling| N::find(bare_name(spelling)))
}

/// The description of an error without a known name: what it calls itself, and what it says.
pub fn in_words(spellings: &[Option<&str>], said: &str) -> String {
    let called = spellings.iter().flatten().map(|spelling| bare_name(spelling)).find(|name| !name.is_empty());
    let parts = [called, Some(said)].into_iter().flatten().filter(|part| !part.is_empty());
    presentable(&parts.collect::<Vec<_>>().join(": "))
}

/// `com.amazonaws.ssooidc#InvalidGrantException:http://…` is `InvalidGrantException`.
fn bare_name(spelling: &str) -> &str {
    let spelling = spelling.split(':').next().unwrap_or(spelling);
    spelling.rsplit('#').next().unwrap_or(spelling).trim()
}

/// A text of a service as it is shown to people: without control characters, and cut.
pub fn presentable(said: &str) -> String {
    text::shown(said.trim(), LONGEST_DESCRIPTION).into_owned()
}
