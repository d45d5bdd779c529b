//! What the answers of both APIs have in common. Pure: bytes in, values out.
//!
//! Every response member is optional in the models, so each is looked at before it is used. A decoding error never quotes
//! the answer, which may hold secrets.

use serde::Deserialize;
use ssoctl_protocol::{Secret, text};

use super::ErrorNames;

/// How much of a text of the service is worth showing.
const LONGEST_DESCRIPTION: usize = 500;

/// The answer is not what the model says: why, as a fragment about "it".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unusable(pub String);

/// Reads JSON.
///
/// # Errors
/// [`Unusable`] says what is wrong, without quoting any of it.
pub fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unusable> {
    serde_json::from_slice(body).map_err(|error| {
        // The error's own text may quote a value.
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data => "a member has the wrong type",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
        };
        Unusable(what.to_owned())
    })
}

/// A member that has to be there is not.
pub fn missing(member: &str) -> Unusable {
    Unusable(format!("it has no {member}"))
}

/// A member has a value that it cannot mean.
pub fn senseless(member: &str) -> Unusable {
    Unusable(format!("its {member} makes no sense"))
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
