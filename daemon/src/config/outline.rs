//! Where sections and keys stand in the AWS configuration, for whoever edits it.

use super::ini;
use super::section_name::{SectionKind, section_name};

/// A section of a file that has no doubtful line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// What stands between the brackets.
    pub(crate) header: String,
    /// What the header means.
    pub(crate) meaning: Meaning,
    /// The line of the header, counted from 0.
    pub(crate) line: usize,
    /// Its keys, in the order of the file.
    pub(crate) keys: Vec<Key>,
}

/// What a header means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A profile of this name.
    Profile(String),
    /// An `sso-session` of this name.
    SsoSession(String),
    /// Something else.
    Other,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// In lower case.
    pub(crate) name: String,
    /// Without the blanks around it; several lines where indented ones follow.
    pub(crate) value: String,
    /// The line where it begins, counted from 0.
    pub(crate) line: usize,
}

/// A line that could be meant in more than one way, or in none. The AWS CLI refuses such a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doubtful {
    /// Counted from 1, as people do.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// Reads the sections in the order of the file. Each stands there once, and so does each key in its section.
pub(crate) fn outline(text: &str) -> Result<Vec<Section>, Doubtful> {
    let mut problems = Vec::new();
    let sections = ini::parse(text, &mut problems);
    if let Some(problem) = problems.into_iter().min_by_key(|problem| problem.line) {
        return Err(Doubtful { line: problem.line, message: problem.message });
    }
    let outlined = sections.into_iter().map(|section| {
        let key =
            |(name, entry): (String, ini::Located<String>)| Key { name, value: entry.value, line: entry.line - 1 };
        let mut keys: Vec<Key> = section.entries.into_iter().map(key).collect();
        keys.sort_by_key(|key| key.line);
        let meaning = match section_name(&section.header) {
            Some((SectionKind::Profile, name)) => Meaning::Profile(name),
            Some((SectionKind::SsoSession, name)) => Meaning::SsoSession(name),
            Some((SectionKind::Services, _)) | None => Meaning::Other,
        };
        Section { header: section.header, meaning, line: section.line - 1, keys }
    });
    Ok(outlined.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_keys_are_found_at_their_lines() {
        let text =
            "\u{feff}# mine\r\n[profile \"two words\"]\r\nRegion = x\rs3 =\n  a = 1\n\n[sso-session s]\n[plugins]\nk=v";
        let sections = outline(text).unwrap();
        let meanings: Vec<(&Meaning, usize)> =
            sections.iter().map(|section| (&section.meaning, section.line)).collect();
        assert_eq!(
            meanings,
            [
                (&Meaning::Profile("two words".to_owned()), 1),
                (&Meaning::SsoSession("s".to_owned()), 6),
                (&Meaning::Other, 7),
            ]
        );
        let keys: Vec<(&str, &str, usize)> =
            sections[0].keys.iter().map(|key| (key.name.as_str(), key.value.trim(), key.line)).collect();
        assert_eq!(keys, [("region", "x", 2), ("s3", "a = 1", 3)]);
    }

    #[test]
    fn a_doubtful_line_is_named() {
        for (text, line) in
            [("[a]\nnonsense\n", 2), ("k = 1\n", 1), ("[a]\n[b]\n[a]\n", 3), ("[a]\nk = 1\nK = 2\n", 3), ("[a\n", 1)]
        {
            assert_eq!(outline(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
