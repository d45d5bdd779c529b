//! Names of sections in the AWS configuration: `[profile "two words"]`.

/// The kinds of sections that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionKind {
    Profile,
    SsoSession,
    Services,
}

/// Splits a header into kind and name; nothing for sections of other kinds. `default` needs no word before it.
pub(super) fn section_name(header: &str) -> Option<(SectionKind, String)> {
    if header == "default" {
        return Some((SectionKind::Profile, header.to_owned()));
    }
    let mut words = shell_words(header)?.into_iter();
    let kind = match words.next()?.as_str() {
        "profile" => SectionKind::Profile,
        "sso-session" => SectionKind::SsoSession,
        "services" => SectionKind::Services,
        _ => return None,
    };
    match (words.next(), words.next()) {
        (Some(name), None) => Some((kind, name)),
        _ => None,
    }
}

/// Whether a header is meant to be a section of a known kind although [`section_name`] cannot read it.
pub(super) fn is_malformed(header: &str) -> bool {
    let word = header.split([' ', '\t']).next().unwrap_or_default();
    matches!(word, "profile" | "sso-session" | "services") && section_name(header).is_none()
}

/// Splits as a POSIX shell would, which is how botocore reads these headers and a `credential_process`. Nothing where a quote stays open.
pub(crate) fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
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
    use super::*;

    #[test]
    fn headers_are_split_as_a_shell_would() {
        for (header, kind, name) in [
            ("default", SectionKind::Profile, "default"),
            ("profile default", SectionKind::Profile, "default"),
            ("profile corp", SectionKind::Profile, "corp"),
            ("profile  \tcorp", SectionKind::Profile, "corp"),
            ("profile \"two words\"", SectionKind::Profile, "two words"),
            ("profile 'it is'", SectionKind::Profile, "it is"),
            ("profile two\\ words", SectionKind::Profile, "two words"),
            ("profile \"a\\\"b\\c\"", SectionKind::Profile, "a\"b\\c"),
            ("profile team/admin", SectionKind::Profile, "team/admin"),
            ("sso-session corp", SectionKind::SsoSession, "corp"),
            ("services local", SectionKind::Services, "local"),
        ] {
            assert_eq!(section_name(header), Some((kind, name.to_owned())), "{header}");
        }
    }

    #[test]
    fn other_headers_are_no_sections_and_broken_ones_are_told_apart() {
        for (header, malformed) in [
            ("corp", false),
            ("preview", false),
            ("plugins", false),
            ("profile", true),
            ("profile two words", true),
            ("sso-session \"corp", true),
            ("profiles corp", false),
        ] {
            assert_eq!(section_name(header), None, "{header}");
            assert_eq!(is_malformed(header), malformed, "{header}");
        }
    }
}
