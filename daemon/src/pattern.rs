//! Patterns of names, of accounts, roles and profiles.

use std::str::FromStr;

/// A text in which `*` stands for any characters and `?` for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(pub(crate) String);

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Err("expected a name, an id or a pattern") } else { Ok(Self(text.to_owned())) }
    }
}

impl Pattern {
    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Whether the pattern so far matches the text before each index.
        let mut matches = vec![false; text.len() + 1];
        matches[0] = true;
        for part in self.0.chars() {
            if part == '*' {
                let first = matches.iter().position(|&it| it).unwrap_or(matches.len());
                matches[first..].fill(true);
            } else {
                for index in (1..matches.len()).rev() {
                    matches[index] = matches[index - 1] && (part == '?' || part == text[index - 1]);
                }
                matches[0] = false;
            }
        }
        matches[text.len()]
    }
}

/// Whether one of the patterns matches one of the names. Without patterns, everything is chosen.
pub(crate) fn is_chosen<'a>(mut names: impl Iterator<Item = &'a str>, patterns: &[Pattern]) -> bool {
    patterns.is_empty() || names.any(|name| patterns.iter().any(|pattern| pattern.matches(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_a_question_mark_for_one_character() {
        for (text, matching, other) in [
            ("Admin", &["Admin"][..], &["admin", "Admin2", ""][..]),
            ("*", &["", "x", "größe"], &[]),
            ("prod-*", &["prod-", "prod-a-b"], &["prod", "my-prod-a"]),
            ("*-prod", &["-prod", "a-prod-prod"], &["a-prod-"]),
            ("a*b*c", &["abc", "aXbYbZc"], &["acb", "abcd"]),
            ("*prod*", &["prod", "preprod-admin"], &["prd"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("r?le", &["role", "rüle"], &["rle", "roole"]),
            ("**x", &["x", "ax"], &["xa"]),
            ("**", &["", "anything"], &[]),
        ] {
            assert!(matching.iter().all(|name| text.parse::<Pattern>().unwrap().matches(name)), "{text}");
            assert!(!other.iter().any(|name| text.parse::<Pattern>().unwrap().matches(name)), "{text}");
        }
        assert!("".parse::<Pattern>().is_err());
    }
}
