//! Reading answers, for the wire formats of both APIs. Pure.
//!
//! Every response member is optional in the models, so each is checked when it is read. A decoding error never quotes the
//! answer, which may hold secrets.

use serde_json::error::Category;
use serde_json::{Map, Value};
use ssoctl_protocol::{Secret, text};

use super::ErrorNames;

/// The longest text of the service that is shown, in characters.
const LONGEST_DESCRIPTION: usize = 500;

/// The answer does not follow the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unusable {
    /// Continues a sentence whose subject is the answer.
    pub reason: String,
    /// Whether the answer is whole JSON. Then it is the service's own, and not a captive portal's or half of one.
    pub is_json: bool,
}

impl Unusable {
    fn in_json(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_json: true }
    }

    pub fn senseless(member: &str) -> Self {
        Self::in_json(format!("its {member} makes no sense"))
    }
}

/// The members of a JSON object. `null` counts as missing.
#[derive(Default)]
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    pub fn of(body: &[u8]) -> Result<Self, Unusable> {
        let value = serde_json::from_slice(body).map_err(|error| {
            // The error's own text may quote a value.
            let (reason, is_json) = match error.classify() {
                Category::Eof => ("it ends too early", false),
                // serde_json gives up at numbers that no double can hold, which are valid JSON.
                _ if error.to_string().starts_with("number out of range") => {
                    ("it has a number that is too large", true)
                }
                _ => ("it is not JSON", false),
            };
            Unusable { reason: reason.to_owned(), is_json }
        })?;
        Self::in_object(value)
    }

    fn in_object(value: Value) -> Result<Self, Unusable> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(wrong_type()),
        }
    }

    fn take(&mut self, member: &str) -> Option<Value> {
        self.0.remove(member).filter(|value| !value.is_null())
    }

    fn require(&mut self, member: &str) -> Result<Value, Unusable> {
        self.take(member).ok_or_else(|| missing(member))
    }

    /// A text; `None` if it is missing or empty.
    pub fn optional_text(&mut self, member: &str) -> Result<Option<String>, Unusable> {
        match self.take(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => Err(wrong_type()),
        }
    }

    /// A text that must not be missing or empty.
    pub fn text(&mut self, member: &str) -> Result<String, Unusable> {
        self.optional_text(member)?.ok_or_else(|| missing(member))
    }

    pub fn secret(&mut self, member: &str) -> Result<Secret<String>, Unusable> {
        self.text(member).map(Secret::new)
    }

    /// A number that is not negative; `None` if it is missing or something else. See [`natural`].
    pub fn optional_natural(&mut self, member: &str) -> Option<u64> {
        natural(&self.take(member)?)
    }

    /// Reads a number that is not negative. The error shows a number only: anything else may be a secret in the wrong place.
    pub fn natural<T>(&mut self, member: &str, read: impl FnOnce(u64) -> Option<T>) -> Result<T, Unusable> {
        let value = self.require(member)?;
        natural(&value).and_then(read).ok_or_else(|| {
            let is = match value {
                Value::Number(number) => number.to_string(),
                Value::String(_) => "a string".to_owned(),
                Value::Bool(_) => "a boolean".to_owned(),
                Value::Array(_) => "an array".to_owned(),
                Value::Object(_) | Value::Null => "an object".to_owned(),
            };
            Unusable::in_json(format!("its {member} is {is}, which makes no sense"))
        })
    }

    pub fn object(&mut self, member: &str) -> Result<Self, Unusable> {
        self.require(member).and_then(Self::in_object)
    }

    /// Applies `read` to each object of a list.
    pub fn list<T>(&mut self, member: &str, read: impl Fn(Self) -> Result<T, Unusable>) -> Result<Vec<T>, Unusable> {
        match self.require(member)? {
            Value::Array(items) => items.into_iter().map(|item| read(Self::in_object(item)?)).collect(),
            _ => Err(wrong_type()),
        }
    }
}

fn missing(member: &str) -> Unusable {
    Unusable::in_json(format!("it has no {member}"))
}

fn wrong_type() -> Unusable {
    Unusable::in_json("a member has the wrong type")
}

/// A number in any spelling of JSON: `28800`, `28800.0` or `2.88e4`. A fraction is cut off.
fn natural(value: &Value) -> Option<u64> {
    // Beyond this, doubles have gaps of more than one. No lifetime is that long.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let whole = |number: f64| (0.0..=LARGEST).contains(&number).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole))
}

/// The first of these spellings that is the name of an error.
pub fn recognise<N: ErrorNames>(spellings: &[Option<&str>]) -> Option<N> {
    spellings.iter().flatten().find_map(|spelling| N::find(bare_name(spelling)))
}

/// The description of an error without a known name: its own name and text.
pub fn in_words(spellings: &[Option<&str>], said: &str) -> String {
    let called = spellings.iter().flatten().map(|spelling| bare_name(spelling)).find(|name| !name.is_empty());
    let parts = [called, Some(said)].into_iter().flatten().filter(|part| !part.is_empty());
    presentable(&parts.collect::<Vec<_>>().join(": "))
}

/// `com.amazonaws.ssooidc#InvalidGrantException:http://…` is `InvalidGrantException`.
pub fn bare_name(spelling: &str) -> &str {
    let spelling = spelling.split(':').next().unwrap_or(spelling);
    spelling.rsplit('#').next().unwrap_or(spelling).trim()
}

/// A text of a service as it is shown to people: without control characters, and cut.
pub fn presentable(said: &str) -> String {
    text::shown(said.trim(), LONGEST_DESCRIPTION).into_owned()
}
