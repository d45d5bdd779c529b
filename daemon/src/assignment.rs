//! Accounts and roles by name. A value of these types is a valid name. A leaf, for the configuration and the portal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of an AWS account: twelve digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountId(String);

/// The name of a role, as the portal shows it: that of a permission set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RoleName(String);

/// A role in an account, whether the person has it or not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Assignment {
    pub account: AccountId,
    pub role: RoleName,
}

/// The text is no account's id, or no role's name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotAName(String);

/// IAM's limit; that of a permission set is shorter.
const LONGEST_ROLE_NAME: usize = 64;

impl AccountId {
    pub fn new(text: &str) -> Result<Self, NotAName> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAName(format!("{text:?} is not an account's id, which has twelve digits")))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoleName {
    /// IAM's rule: `[\w+=,.@-]+`, at most 64 characters.
    pub fn new(text: &str) -> Result<Self, NotAName> {
        let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        if (1..=LONGEST_ROLE_NAME).contains(&text.len()) && text.bytes().all(is_taken) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAName(format!(
                "{text:?} is not a role's name, which has up to {LONGEST_ROLE_NAME} letters, digits and characters of +=,.@_-"
            )))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        Self::new(&text)
    }
}

impl TryFrom<String> for RoleName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        Self::new(&text)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_digits_and_a_role_name_what_iam_takes_for_one() {
        assert!(AccountId::new("012345678901").is_ok());
        for text in ["", "12345678901", "1234567890123", "12345678901a", "١23456789012", "1111-2222-33"] {
            assert!(AccountId::new(text).is_err(), "{text}");
        }
        for text in ["a", "AdministratorAccess", "a+b=c,d.e@f_g-h", &"x".repeat(64)] {
            assert!(RoleName::new(text).is_ok(), "{text}");
        }
        for text in ["", "two words", "a/b", "größe", "a\n", &"x".repeat(65)] {
            assert!(RoleName::new(text).is_err(), "{text}");
        }
    }
}
