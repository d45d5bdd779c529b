//! Names of sessions that a command adds, and names that are made for sessions without one.

use url::Url;

const MAX_CHARACTERS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a session's name must not be empty and not begin or end with a blank")]
    Blank,
    #[error("a session's name must not be longer than {MAX_CHARACTERS} characters")]
    TooLong,
    /// Terminals, paths or command lines give it another meaning.
    #[error("a session's name must not contain control characters, \"/\" or \"\\\"")]
    Character,
    /// It could be an option or a directory.
    #[error("a session's name must not begin with \"-\" or \".\"")]
    Beginning,
}

/// Checks the name of an added session. The names of sessions in the files need not follow these rules.
pub(super) fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.trim() != name {
        Err(NameError::Blank)
    } else if name.chars().count() > MAX_CHARACTERS {
        Err(NameError::TooLong)
    } else if name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
        Err(NameError::Character)
    } else if name.starts_with(['-', '.']) {
        Err(NameError::Beginning)
    } else {
        Ok(())
    }
}

/// The first label of the start URL's host, such as `corp` of `https://corp.awsapps.com/start`.
pub(super) fn derive_name(start_url: &str) -> String {
    Url::parse(start_url)
        .ok()
        .and_then(|url| url.domain()?.split('.').next().map(str::to_owned))
        .filter(|label| check_name(label).is_ok())
        .unwrap_or_else(|| "sso".to_owned())
}

/// The name if it is free, or else the first free one of `NAME-2`, `NAME-3` and so on.
pub(super) fn unique_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut unique = name.to_owned();
    let mut number = 1_u32;
    while is_taken(&unique) {
        number += 1;
        unique = format!("{name}-{number}");
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_another_meaning_are_refused() {
        for good in ["corp", "two words", "corp@eu-west-1", "ünï", "a.b"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for (bad, error) in [
            ("", NameError::Blank),
            ("  ", NameError::Blank),
            (" corp", NameError::Blank),
            (&"x".repeat(65), NameError::TooLong),
            ("a/b", NameError::Character),
            ("a\\b", NameError::Character),
            ("a\nb", NameError::Character),
            ("a\u{1b}[31m", NameError::Character),
            ("-corp", NameError::Beginning),
            ("..", NameError::Beginning),
        ] {
            assert_eq!(check_name(bad), Err(error), "{bad:?}");
        }
    }

    #[test]
    fn a_name_comes_from_the_first_label_of_the_host() {
        for (start_url, name) in [
            ("https://corp.awsapps.com/start", "corp"),
            ("https://ssoins-1.portal.eu-west-1.app.aws", "ssoins-1"),
            ("http://localhost:8080/start", "localhost"),
            ("http://127.0.0.1:8080/start", "sso"),
            ("nonsense", "sso"),
        ] {
            assert_eq!(derive_name(start_url), name, "{start_url}");
        }
    }

    #[test]
    fn a_taken_name_gets_the_first_free_number() {
        assert_eq!(unique_name("corp", |_| false), "corp");
        let taken = ["corp", "corp-2", "corp-4"];
        assert_eq!(unique_name("corp", |name| taken.contains(&name)), "corp-3");
    }
}
