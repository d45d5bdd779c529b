//! Splits a header or a command into words.

/// Splits as a POSIX shell does: botocore reads headers and `credential_process` like that (Python's `shlex.split`). `None` if a
/// quote is not closed.
pub fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == quote => break,
                        '\\' if quote == '"' => match chars.next()? {
                            c @ ('"' | '\\') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::shell_words;

    #[test]
    fn words_are_split_at_every_blank_and_joined_by_quotes() {
        for (text, words) in [
            ("", Some(&[][..])),
            ("a  b\tc\r\nd", Some(&["a", "b", "c", "d"])),
            ("'a b'\"c d\" '' e\\ f", Some(&["a bc d", "", "e f"])),
            ("\"a\\\"b\\c\\\\\"", Some(&["a\"b\\c\\"])),
            ("'a", None),
            ("\"a", None),
            ("a\\", None),
        ] {
            let expected = words.map(|words| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
            assert_eq!(shell_words(text), expected, "{text:?}");
        }
    }
}
