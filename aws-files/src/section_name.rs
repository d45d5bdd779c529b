//! Reads headers of the configuration file, such as `[profile "two words"]`. In the credentials file the whole header is a
//! profile's name.

use crate::words::shell_words;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionKind {
    Profile,
    SsoSession,
    Services,
}

/// The kinds by the beginnings of their headers. No blank has to follow: to botocore, `[profiles dev]` is a profile.
const KINDS: [(&str, SectionKind); 3] =
    [("profile", SectionKind::Profile), ("sso-session", SectionKind::SsoSession), ("services", SectionKind::Services)];

/// Splits a header into kind and name; `None` for sections of other kinds.
pub fn section_name(header: &str) -> Option<(SectionKind, String)> {
    if header == "default" {
        return Some((SectionKind::Profile, header.to_owned()));
    }
    let (_, kind) = KINDS.into_iter().find(|(word, _)| header.starts_with(word))?;
    let mut words = shell_words(header)?.into_iter();
    match (words.next(), words.next(), words.next()) {
        (Some(_), Some(name), None) => Some((kind, name)),
        _ => None,
    }
}

/// Whether a header looks like a section of a known kind, but [`section_name`] cannot read it.
pub fn is_malformed(header: &str) -> bool {
    let word = header.trim_start().split([' ', '\t']).next().unwrap_or_default();
    let is_meant = word == "default" || KINDS.iter().any(|(kind, _)| *kind == word);
    is_meant && section_name(header).is_none()
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
            ("profile Company-[production]/Role", SectionKind::Profile, "Company-[production]/Role"),
            ("profiles corp ", SectionKind::Profile, "corp"),
            ("sso-session corp", SectionKind::SsoSession, "corp"),
            ("services local", SectionKind::Services, "local"),
        ] {
            assert_eq!(section_name(header), Some((kind, name.to_owned())), "{header}");
        }
    }

    #[test]
    fn headers_of_other_kinds_are_distinguished_from_malformed_ones() {
        for (header, malformed) in [
            ("corp", false),
            ("preview", false),
            ("plugins", false),
            ("profiles", false),
            ("profile", true),
            ("profile two words", true),
            ("sso-session \"corp", true),
            (" profile corp", true),
            (" default ", true),
        ] {
            assert_eq!(section_name(header), None, "{header}");
            assert_eq!(is_malformed(header), malformed, "{header}");
        }
    }
}
