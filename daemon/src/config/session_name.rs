//! Names of sessions that a command adds, and names that are made for sessions without one.

use url::Url;

const MAX_CHARACTERS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a session's name has at most {MAX_CHARACTERS} characters, no control characters, \"/\" or \"\\\", no blank at its beginning or end, \
     and does not begin with \"-\" or \".\""
)]
pub struct NameError;

/// Checks the name of an added session: terminals, paths and command lines must not give it another meaning. The names of sessions
/// in the files need not follow these rules.
pub(super) fn check_name(name: &str) -> Result<(), NameError> {
    let is_good = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_CHARACTERS
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
        && !name.starts_with(['-', '.']);
    if is_good { Ok(()) } else { Err(NameError) }
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
        let long = "x".repeat(65);
        for bad in ["", "  ", " corp", &long, "a/b", "a\\b", "a\nb", "a\u{1b}[31m", "-corp", ".."] {
            assert_eq!(check_name(bad), Err(NameError), "{bad:?}");
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
