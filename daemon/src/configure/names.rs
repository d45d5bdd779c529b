//! Templates for names of profiles, and which characters a name may have.

use std::fmt;
use std::str::FromStr;

/// A text with `{session}`, `{account_id}`, `{account_name}` and `{role}` in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Session,
    AccountId,
    AccountName,
    Role,
}

/// What a profile is named after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
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
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from_brace) = rest.split_at(open);
            let close = from_brace.find('}').ok_or(TemplateError::Brace)?;
            push_text(&mut parts, before)?;
            parts.push(match &from_brace[1..close] {
                "session" => Part::Session,
                "account_id" => Part::AccountId,
                "account_name" => Part::AccountName,
                "role" => Part::Role,
                unknown => return Err(TemplateError::Unknown(unknown.to_owned())),
            });
            rest = &from_brace[close + 1..];
        }
        push_text(&mut parts, rest)?;
        match parts.first() {
            None => Err(TemplateError::Beginning),
            Some(Part::Text(text)) if text.starts_with('-') => Err(TemplateError::Beginning),
            Some(_) => Ok(Self(parts)),
        }
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), TemplateError> {
    match text.chars().find(|&c| !is_safe(c)) {
        Some('{' | '}') => Err(TemplateError::Brace),
        Some(c) => Err(TemplateError::Character(c)),
        None if text.is_empty() => Ok(()),
        None => {
            parts.push(Part::Text(text.to_owned()));
            Ok(())
        }
    }
}

impl Template {
    pub(super) fn name(&self, subject: Subject<'_>) -> String {
        let account_name = subject.account_name.map(safe).filter(|name| !name.is_empty());
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Session => safe(subject.session),
            Part::AccountId => subject.account_id.to_owned(),
            Part::AccountName => account_name.clone().unwrap_or_else(|| subject.account_id.to_owned()),
            Part::Role => safe(subject.role),
        });
        parts.collect()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Session => f.write_str("{session}"),
            Part::AccountId => f.write_str("{account_id}"),
            Part::AccountName => f.write_str("{account_name}"),
            Part::Role => f.write_str("{role}"),
        })
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
                Subject { session: "my corp", account_id: "111122223333", account_name, role: "Power=User,x" };
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
