//! The table `[picker]`: how the list of roles behaves from which a person picks one.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickerSettings {
    /// Whether roles that were picked often and lately come first.
    pub keeps_history: bool,
    /// Names of profiles and accounts whose roles are given only after a second key.
    pub confirm: Vec<NamePattern>,
}

impl Default for PickerSettings {
    fn default() -> Self {
        Self { keeps_history: true, confirm: Vec::new() }
    }
}

impl PickerSettings {
    /// Whether picking something with one of these names has to be confirmed.
    pub fn has_to_confirm<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        names.into_iter().any(|name| self.confirm.iter().any(|pattern| pattern.matches(name)))
    }
}

/// A name in which `*` stands for any characters, or for none. Upper and lower case are the same (ASCII).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    /// `None` for an empty text.
    pub fn new(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self(text.to_ascii_lowercase()))
    }

    pub fn matches(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("prod", "prod", true),
            ("prod", "prod-admin", false),
            ("prod-*", "prod-admin", true),
            ("prod-*", "PROD-", true),
            ("prod-*", "preprod-admin", false),
            ("*prod*", "preprod-admin", true),
            ("*-prod", "eu-prod", true),
            ("*-prod", "eu-prod-2", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("**", "anything", true),
        ] {
            assert_eq!(NamePattern::new(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
        assert_eq!(NamePattern::new(" "), None);
    }
}
