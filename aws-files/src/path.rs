//! Expands paths from environment variables.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Replaces `$NAME`, `${NAME}` and a leading `~` in a path, as botocore does (Python's `os.path.expandvars`, then `expanduser`).
/// A variable that is not set stays as written, and so does `~name`: this does not read the user database.
pub fn expanded(path: &str, home: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let path = PathBuf::from(with_variables(path, variable));
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

/// The absolute path that a variable names, relative to the current directory. The shell normally replaces `~`; where it did
/// not, this does. A `$` stays as it is.
pub fn absolute(value: &OsStr, home: Option<&Path>) -> OsString {
    let path = match value.to_str() {
        Some(text) => expanded(text, home, |_| None),
        None => PathBuf::from(value),
    };
    std::path::absolute(path).map_or_else(|_| value.to_owned(), PathBuf::into_os_string)
}

fn with_variables(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, reference) = rest.split_at(dollar);
        expanded.push_str(before);
        let (name, length) = reference_in(reference);
        match name.and_then(&variable) {
            Some(value) => expanded.push_str(&value),
            None => expanded.push_str(&reference[..length]),
        }
        rest = &reference[length..];
    }
    expanded + rest
}

/// The variable's name in a text that begins with `$`, and the length of the whole reference.
fn reference_in(text: &str) -> (Option<&str>, usize) {
    if let Some(braced) = text.strip_prefix("${") {
        return match braced.find('}') {
            Some(end) => (Some(&braced[..end]), end + 3),
            None => (None, 1),
        };
    }
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = text.bytes().skip(1).take_while(is_part).count();
    ((length > 0).then(|| &text[1..=length]), 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_the_home_directory_are_replaced() {
        let variable = |name: &str| match name {
            "HOME" => Some("/home/me".to_owned()),
            "A_1" => Some("~".to_owned()),
            "B" => Some("$HOME".to_owned()),
            _ => None,
        };
        for (path, expected) in [
            ("$HOME/aws", "/home/me/aws"),
            ("${HOME}/aws", "/home/me/aws"),
            ("~/aws", "/home/me/aws"),
            ("~", "/home/me"),
            ("$A_1/aws", "/home/me/aws"),
            ("/x/$B$B", "/x/$HOME$HOME"),
            ("/x/$NONE/${NONE}/$/${HOME", "/x/$NONE/${NONE}/$/${HOME"),
            ("~other/aws", "~other/aws"),
            ("/x/~", "/x/~"),
            ("/x/$é", "/x/$é"),
        ] {
            assert_eq!(expanded(path, Some(Path::new("/home/me")), variable), Path::new(expected), "{path}");
        }
        assert_eq!(expanded("~/aws", None, |_| None), Path::new("~/aws"));
    }
}
