//! The table `[picker]`: how the list of roles behaves from which a person picks one.

use crate::pattern::Pattern;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickerSettings {
    /// Whether roles that were picked often and lately come first.
    pub keeps_history: bool,
    /// Names of profiles, and names or ids of accounts, whose roles are given only after a second key. In lower case.
    pub confirm: Vec<Pattern>,
}

impl Default for PickerSettings {
    fn default() -> Self {
        Self { keeps_history: true, confirm: Vec::new() }
    }
}

impl PickerSettings {
    /// Reads a member of `confirm`; `None` if it is empty. Upper and lower case are the same (ASCII).
    pub fn pattern(text: &str) -> Option<Pattern> {
        text.to_ascii_lowercase().parse().ok().filter(|_| !text.trim().is_empty())
    }

    /// Whether picking something with one of these names has to be confirmed.
    pub fn has_to_confirm<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let is_meant = |name: &str| self.confirm.iter().any(|pattern| pattern.matches(name));
        names.into_iter().any(|name| is_meant(&name.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_upper_and_lower_case() {
        for (pattern, name, expected) in [
            ("prod", "prod", true),
            ("prod", "prod-admin", false),
            ("prod-*", "PROD-", true),
            ("PROD-*", "prod-admin", true),
            ("prod-*", "preprod-admin", false),
        ] {
            let confirm = PickerSettings::pattern(pattern).into_iter().collect();
            let settings = PickerSettings { confirm, ..PickerSettings::default() };
            assert_eq!(settings.has_to_confirm([name]), expected, "{pattern} {name}");
        }
        assert_eq!(PickerSettings::pattern(" "), None);
    }
}
