//! What the answers of both APIs have in common. Pure: bytes in, values out.
//!
//! Every response member is optional in the models, so each is looked at before it is used. A decoding error never quotes
//! the answer, which may hold secrets.

use serde::Deserialize;
use serde_json::Value;
use ssoctl_protocol::{Secret, text};

use super::ErrorNames;

/// How much of a text of the service is worth showing.
const LONGEST_DESCRIPTION: usize = 500;

/// The answer is not what the model says: why, as a fragment about "it".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unusable {
    /// Why.
    pub reason: String,
    /// Whether it was read to its end as JSON: the service's own answer then, and not a captive portal's or half of one.
    pub is_json: bool,
}

/// Reads JSON.
///
/// # Errors
/// [`Unusable`] says what is wrong, without quoting any of it.
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

/// A member that has to be there is not.
pub fn missing(member: &str) -> Unusable {
    Unusable { reason: format!("it has no {member}"), is_json: true }
}

/// A member has a value that it cannot mean.
pub fn senseless(member: &str) -> Unusable {
    Unusable { reason: format!("its {member} makes no sense"), is_json: true }
}

/// A member that has to be a number and is something else, or one that it cannot be. Only numbers are shown: anything else may
/// be a secret in the wrong place.
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

/// A number that is not negative, as JSON may write it: `28800`, `28800.0` or `2.88e4`. A fraction is cut off.
pub fn natural(value: &Value) -> Option<u64> {
    // Beyond this, doubles have gaps of more than one, and nothing that is counted here is that long.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let whole = |number: f64| (0.0..=LARGEST).contains(&number).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole))
}

/// A text that has to be there.
///
/// # Errors
/// [`missing`] also if it is empty.
pub fn text(value: Option<String>, member: &str) -> Result<String, Unusable> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| missing(member))
}

/// A secret that has to be there.
///
/// # Errors
/// [`missing`] also if it is empty.
pub fn secret_text(value: Option<Secret<String>>, member: &str) -> Result<Secret<String>, Unusable> {
    value.filter(|value| !value.expose().is_empty()).ok_or_else(|| missing(member))
}

/// The name of an error that spells itself in these ways: the first that the model has counts.
pub fn recognise<N: ErrorNames>(spellings: &[Option<&str>]) -> Option<N> {
    spellings.iter().flatten().find_map(|spelling| N::find(bare_name(spelling)))
}

/// What an error without a known name calls itself, and what it says.
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

/// What a service says is shown to people: with nothing in it that deceives, and not at any length.
pub fn presentable(said: &str) -> String {
    text::shown(said.trim(), LONGEST_DESCRIPTION).into_owned()
}
