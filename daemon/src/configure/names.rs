//! Templates for names of profiles, and which characters a name may have.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(String);

const PLACEHOLDERS: [&str; 4] = ["session", "account_id", "account_name", "role"];

#[derive(Clone, Copy, Debug)]
pub(super) struct NameParts<'a> {
    pub(super) session: &'a str,
    pub(super) account_id: &'a str,
    /// If there is none, or no character of it can be used, the id replaces it.
    pub(super) account_name: Option<&'a str>,
    pub(super) role: &'a str,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("{{{0}}} is not known; there are {{session}}, {{account_id}}, {{account_name}} and {{role}}")]
    Unknown(String),
    #[error("a brace is left open or was never opened")]
    Brace,
    /// Not every AWS tool can read such a name.
    #[error("{0:?} cannot be in a profile's name, which has letters, digits and characters of _-./%@:+")]
    Character(char),
    /// Command lines would take the name for an option.
    #[error("a profile's name must not be empty and not begin with \"-\"")]
    Beginning,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut rest = text;
        while !rest.is_empty() {
            let (before, placeholder) = match rest.split_once('{') {
                Some((before, after)) => (before, Some(after.split_once('}').ok_or(TemplateError::Brace)?)),
                None => (rest, None),
            };
            match before.chars().find(|&c| !is_safe(c)) {
                Some('}') => return Err(TemplateError::Brace),
                Some(c) => return Err(TemplateError::Character(c)),
                None => {}
            }
            let (placeholder, after) = placeholder.unwrap_or((PLACEHOLDERS[0], ""));
            if !PLACEHOLDERS.contains(&placeholder) {
                return Err(TemplateError::Unknown(placeholder.to_owned()));
            }
            rest = after;
        }
        if text.is_empty() || text.starts_with('-') { Err(TemplateError::Beginning) } else { Ok(Self(text.to_owned())) }
    }
}

impl Template {
    pub(super) fn name(&self, subject: NameParts<'_>) -> String {
        let account_name = subject.account_name.map(safe).filter(|name| !name.is_empty());
        let account_name = account_name.as_deref().unwrap_or(subject.account_id);
        // The values have no braces.
        self.0
            .replace("{session}", &safe(subject.session))
            .replace("{account_id}", subject.account_id)
            .replace("{account_name}", account_name)
            .replace("{role}", &safe(subject.role))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether every AWS tool reads this as part of a profile's name without quotes (AWS SDKs and Tools Reference Guide, "Format of
/// the config file"), and it has no meaning to a shell.
fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./%@:+".contains(c)
}

/// The text with one `-` for each run of unsafe characters, and none at its ends.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_safe(c) {
            safe.push(c);
        } else if !safe.ends_with('-') {
            safe.push('-');
        }
    }
    safe.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_only_characters_that_every_tool_can_read() {
        let name = |template: &str, account_name: Option<&str>| {
            let subject =
                NameParts { session: "my corp", account_id: "111122223333", account_name, role: "Power=User,x" };
            template.parse::<Template>().unwrap().name(subject)
        };
        for (template, account_name, expected) in [
            ("{account_name}-{role}", Some("Dev"), "Dev-Power-User-x"),
            ("{account_name}", Some("  Größe [x] \"y\"\n"), "Gr-e-x-y"),
            ("{account_name}", Some("日本"), "111122223333"),
            ("{account_name}", None, "111122223333"),
            ("{session}/{account_id}:{role}", None, "my-corp/111122223333:Power-User-x"),
            ("default", None, "default"),
        ] {
            assert_eq!(name(template, account_name), expected, "{template}");
        }
    }

    #[test]
    fn a_template_is_read_or_refused_with_the_reason() {
        for template in ["{account_name}-{role}", "aws.{session}/x", "default"] {
            assert_eq!(template.parse::<Template>().unwrap().to_string(), template);
        }
        for (template, error) in [
            ("{name}", TemplateError::Unknown("name".to_owned())),
            ("{role", TemplateError::Brace),
            ("role}", TemplateError::Brace),
            ("a {role}", TemplateError::Character(' ')),
            ("[{role}]", TemplateError::Character('[')),
            ("", TemplateError::Beginning),
            ("-{role}", TemplateError::Beginning),
        ] {
            assert_eq!(template.parse::<Template>(), Err(error), "{template}");
        }
    }
}
