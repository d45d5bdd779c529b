//! Text as a word of a POSIX shell, in commands that a person copies and that programs run.

use std::borrow::Cow;

/// The text in single quotes, within which a shell takes every character as it is (POSIX.1-2024, Shell Command Language,
/// section 2.2.2).
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The text as one word, quoted if it has to be.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}

/// The text as a positional argument: behind `--` if it would be read as an option otherwise.
pub fn argument(text: &str) -> Cow<'_, str> {
    if text.starts_with('-') { Cow::Owned(format!("-- {}", word(text))) } else { word(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_pasted_into_a_shell() {
        for (name, expected) in [
            ("corp", "corp"),
            ("a@b.c:1/2%+=,", "a@b.c:1/2%+=,"),
            ("my corp", "'my corp'"),
            ("it's", r"'it'\''s'"),
            ("größte", "'größte'"),
            ("", "''"),
            ("-x", "-- -x"),
            ("-x y", "-- '-x y'"),
        ] {
            assert_eq!(argument(name), expected);
        }
        assert_eq!((word("-x").as_ref(), quoted("corp").as_str()), ("-x", "'corp'"));
    }
}
