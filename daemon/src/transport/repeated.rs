//! Removes secrets that a service repeats in its texts, since those are shown to people and written to logs. Pure.
//!
//! Every answer is searched, before anything is read from it, for the secrets that were sent and those that it brings itself.
//! They stay in the members that are for secrets and nowhere else. Parts of a secret count as well, as a service may cut or
//! encode what it repeats.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use ssoctl_protocol::Secret;

const REMOVED: &str = "[removed]";

/// The number of bytes by which a secret is recognised.
const PART: usize = 16;

/// A shorter secret, in bytes, could be any word.
const SHORTEST: usize = 8;

/// The members of answers that are for secrets.
const MEMBERS: [&str; 8] = [
    "accessToken",
    "refreshToken",
    "idToken",
    "clientSecret",
    "deviceCode",
    "secretAccessKey",
    "sessionToken",
    "nextToken",
];

#[derive(Default)]
pub struct Secrets(Vec<Secret<String>>);

impl Secrets {
    pub fn sent<'a>(secrets: impl IntoIterator<Item = &'a Secret<String>>) -> Self {
        Self(secrets.into_iter().cloned().collect())
    }

    /// The body without secrets outside of [`MEMBERS`].
    pub(super) fn removed_from_body(&mut self, body: Secret<Vec<u8>>) -> Secret<Vec<u8>> {
        let Ok(mut value) = serde_json::from_slice::<Value>(body.expose()) else {
            return match self.removed_from(&String::from_utf8_lossy(body.expose())) {
                Some(text) => Secret::new(text.into_bytes()),
                None => body,
            };
        };
        self.collect(&value);
        // A value that came from JSON cannot fail to become JSON again.
        if Parts::of(self).remove(&mut value) {
            Secret::new(serde_json::to_vec(&value).unwrap_or_default())
        } else {
            body
        }
    }

    /// The text without secrets; `None` if it has none.
    pub(crate) fn removed_from(&self, text: &str) -> Option<String> {
        Parts::of(self).removed_from(text)
    }

    /// Adds the secrets that an answer brings.
    fn collect(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if MEMBERS.contains(&name.as_str()) => self.0.push(text.as_str().into()),
                        _ => self.collect(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            _ => {}
        }
    }
}

/// The parts by which secrets are recognised, by their length in bytes.
struct Parts<'a>(BTreeMap<usize, HashSet<&'a [u8]>>);

impl<'a> Parts<'a> {
    fn of(secrets: &'a Secrets) -> Self {
        let mut all: BTreeMap<usize, HashSet<&[u8]>> = BTreeMap::new();
        let secrets = secrets.0.iter().map(|secret| secret.expose().as_bytes());
        for secret in secrets.filter(|secret| secret.len() >= SHORTEST) {
            let length = secret.len().min(PART);
            all.entry(length).or_default().extend(secret.windows(length));
        }
        Self(all)
    }

    fn removed_from(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let mut is_secret = vec![false; bytes.len()];
        for (length, parts) in &self.0 {
            for (at, part) in bytes.windows(*length).enumerate() {
                if parts.contains(part) {
                    is_secret[at..at + length].fill(true);
                }
            }
        }
        if !is_secret.contains(&true) {
            return None;
        }
        let mut kept = String::with_capacity(text.len());
        let mut was_secret = false;
        for (at, character) in text.char_indices() {
            if is_secret[at] && !was_secret {
                kept.push_str(REMOVED);
            } else if !is_secret[at] {
                kept.push(character);
            }
            was_secret = is_secret[at];
        }
        Some(kept)
    }

    /// Removes secrets from a value, and returns whether there were any.
    fn remove(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.removed_from(text) {
                Some(kept) => {
                    *text = kept;
                    true
                }
                None => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |found, item| self.remove(item) | found),
            Value::Object(members) => members.iter_mut().fold(false, |found, (name, value)| {
                let belongs = value.is_string() && MEMBERS.contains(&name.as_str());
                (!belongs && self.remove(value)) | found
            }),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "aoaAAAAAGabcdefghijklmnopqrstuvwxyz0123456789/+=";

    fn body(text: &str) -> String {
        let token = Secret::from(TOKEN);
        let body = Secrets::sent([&token]).removed_from_body(Secret::new(text.as_bytes().to_vec()));
        String::from_utf8(body.expose().clone()).unwrap()
    }

    #[test]
    fn a_secret_is_removed_from_every_text_in_whole_in_part_and_however_json_spells_it() {
        let escaped: String = TOKEN.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        for text in [
            format!(r#"{{"message":"no such token: {TOKEN}"}}"#),
            format!(r#"{{"message":"{escaped}"}}"#),
            format!(r#"{{"deep":[{{"words":["a","{}"]}}]}}"#, &TOKEN[..20]),
            format!(r#"{{"accountName":"{}"}}"#, &TOKEN[9..40]),
            format!("<html>{TOKEN}</html>"),
            format!(r#"{{"message":"{}"#, TOKEN.replace('/', "%2F")),
        ] {
            let shown = body(&text);
            assert!(shown.contains(REMOVED), "{text}: {shown}");
            assert!(!shown.contains(&TOKEN[9..25]) && !shown.contains(&TOKEN[..16]), "{text}: {shown}");
        }
        assert_eq!(body(r#"{"message":"the token aoaAAAAAG is bad"}"#), r#"{"message":"the token aoaAAAAAG is bad"}"#);
    }

    #[test]
    fn a_secret_stays_where_it_belongs_and_one_that_comes_is_not_repeated_elsewhere() {
        let same = format!(r#"{{"refreshToken":"{TOKEN}","expiresIn":28800.0}}"#);
        assert_eq!(body(&same), same);
        let new = body(r#"{"deviceCode":"a-device-code-of-some-length","userCode":"a-device-code-of-some-length"}"#);
        assert_eq!(new, r#"{"deviceCode":"a-device-code-of-some-length","userCode":"[removed]"}"#);
        assert!(body(&format!(r#"{{"accessToken":{{"is":"{TOKEN}"}}}}"#)).contains(REMOVED));
    }

    #[test]
    fn other_bytes_and_text_beside_a_secret_stay() {
        let token = Secret::from(TOKEN);
        let secrets = Secrets::sent([&token]);
        assert_eq!(secrets.removed_from(&format!("ä{TOKEN}ö{TOKEN}")).as_deref(), Some("ä[removed]ö[removed]"));
        assert_eq!(secrets.removed_from(""), None);
        assert_eq!(Secrets::default().removed_from(TOKEN), None);
    }
}
