//! Which of the portal's accounts and roles are meant, pure.

use std::str::FromStr;

use ssoctl_protocol::text;

use super::listing::{Listed, ListedAccount};

/// Text in which `*` stands for any characters and `?` for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(String);

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Err("expected a name, an id or a pattern") } else { Ok(Self(text.to_owned())) }
    }
}

impl Pattern {
    /// Whether the whole text is as the pattern says.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut at, mut here) = (0, 0);
        // Where the last `*` is, and how far its share of the text goes.
        let mut star: Option<(usize, usize)> = None;
        while here < text.len() {
            match (pattern.get(at), star) {
                (Some('*'), _) => {
                    star = Some((at, here));
                    at += 1;
                }
                (Some(&c), _) if c == '?' || c == text[here] => {
                    at += 1;
                    here += 1;
                }
                (_, Some((before, end))) => {
                    star = Some((before, end + 1));
                    at = before + 1;
                    here = end + 1;
                }
                (_, None) => return false,
            }
        }
        pattern[at..].iter().all(|&c| c == '*')
    }

    fn matches_account(&self, account: &ListedAccount) -> bool {
        self.matches(account.id.as_str()) || account.name.as_deref().is_some_and(|name| self.matches(name))
    }
}

/// A pattern that nothing is called by.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no {what} matches {pattern:?}; there are: {}", .there_are.join(", "))]
pub struct NoMatch {
    what: &'static str,
    pattern: String,
    there_are: Vec<String>,
}

/// The places of the accounts that one of the patterns matches, by id or by name; of all of them without a pattern.
pub(super) fn accounts(accounts: &[ListedAccount], patterns: &[Pattern]) -> Result<Vec<usize>, NoMatch> {
    for pattern in patterns {
        if !accounts.iter().any(|account| pattern.matches_account(account)) {
            let there_are = accounts.iter().map(|account| match &account.name {
                Some(name) => format!("{} ({})", account.id, text::line(name)),
                None => account.id.to_string(),
            });
            return Err(NoMatch { what: "account", pattern: pattern.0.clone(), there_are: there_are.collect() });
        }
    }
    let is_meant = |account: &ListedAccount| {
        patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches_account(account))
    };
    Ok((0..accounts.len()).filter(|&index| is_meant(&accounts[index])).collect())
}

/// Insists that each pattern matches a role of some account that was asked for its roles.
pub(super) fn check_roles(accounts: &[ListedAccount], patterns: &[Pattern]) -> Result<(), NoMatch> {
    let asked = accounts.iter().filter_map(|account| match &account.roles {
        Listed::Roles(roles) => Some(roles),
        Listed::NotAsked => None,
    });
    let mut there_are: Vec<String> = asked.flatten().map(ToString::to_string).collect();
    there_are.sort();
    there_are.dedup();
    match patterns.iter().find(|pattern| !there_are.iter().any(|role| pattern.matches(role))) {
        Some(pattern) => Err(NoMatch { what: "role", pattern: pattern.0.clone(), there_are }),
        None => Ok(()),
    }
}

/// Whether a role is meant.
pub(super) fn is_role_meant(role: &str, patterns: &[Pattern]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::listing::tests::account;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_stands_for_anything_and_a_question_mark_for_one_character() {
        for (text, matching, other) in [
            ("Admin", &["Admin"][..], &["admin", "Admin2", ""][..]),
            ("*", &["", "x", "größe"], &[]),
            ("prod-*", &["prod-", "prod-a-b"], &["prod", "my-prod-a"]),
            ("*-prod", &["-prod", "a-prod-prod"], &["a-prod-"]),
            ("a*b*c", &["abc", "aXbYbZc"], &["acb", "abcd"]),
            ("r?le", &["role", "rüle"], &["rle", "roole"]),
            ("**x", &["x", "ax"], &["xa"]),
        ] {
            assert!(matching.iter().all(|name| pattern(text).matches(name)), "{text}");
            assert!(!other.iter().any(|name| pattern(text).matches(name)), "{text}");
        }
        assert!("".parse::<Pattern>().is_err());
    }

    #[test]
    fn accounts_are_meant_by_id_or_name_and_all_of_them_without_a_pattern() {
        let listed = [
            account("111122223333", Some("Development"), &["Admin"]),
            account("444455556666", Some("Production"), &["Admin", "Read"]),
            account("777788889999", None, &[]),
        ];
        let chosen = |patterns: &[&str]| {
            accounts(&listed, &patterns.iter().map(|text| pattern(text)).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(chosen(&[]), Ok(vec![0, 1, 2]));
        assert_eq!(chosen(&["444455556666", "Dev*"]), Ok(vec![0, 1]));
        assert_eq!(chosen(&["777788889999"]), Ok(vec![2]));
        let complaint = "no account matches \"Staging\"; there are: 111122223333 (Development), 444455556666 (Production), 777788889999";
        assert_eq!(chosen(&["Dev*", "Staging"]), Err(complaint.to_owned()));
        assert_eq!(check_roles(&listed, &[pattern("R*"), pattern("Admin")]), Ok(()));
        let error = check_roles(&listed, &[pattern("Write")]).unwrap_err();
        assert_eq!(error.to_string(), "no role matches \"Write\"; there are: Admin, Read");
    }
}
