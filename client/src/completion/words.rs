//! Words as the shells write them. Pure.

use crate::shell::quoted_for_powershell;

/// A bash command line up to the cursor, and what bash replaces.
pub(super) struct BashLine {
    /// The beginning of the last word that bash keeps, such as `--profile=`, without quotes.
    kept: String,
    /// The quote that is open where bash inserts.
    quote: Option<char>,
    /// The kind of completion, bash's `COMP_TYPE`.
    kind: String,
}

impl BashLine {
    /// The line, and its words without quotes, the last one as far as it is typed. `current` is what bash replaces, as it stands in the line.
    pub(super) fn read(line: &str, current: &str, kind: &str) -> (Self, Vec<String>) {
        let (words, start) = split(line);
        let typed = words.last().map_or("", String::as_str);
        let (kept, quote) = match line[start..].strip_suffix(current) {
            Some(head) => read_word(head),
            None => (typed.strip_suffix(current).unwrap_or_default().to_owned(), None),
        };
        (Self { kept, quote, kind: kind.to_owned() }, words)
    }

    /// Whether bash shows what it is given: `?`, `!` and `@` of readline. At other times it may insert it.
    pub(super) fn is_listing(&self) -> bool {
        ["63", "33", "64"].contains(&self.kind.as_str())
    }

    /// A value as bash inserts it in place of what it replaces. `None` if the value goes on otherwise than what is kept.
    pub(super) fn inserted(&self, value: &str) -> Option<String> {
        let rest = value.strip_prefix(&self.kept)?;
        Some(match self.quote {
            Some('\'') => rest.replace('\'', r"'\''"),
            Some(_) => in_double_quotes(rest),
            None => escaped(rest),
        })
    }
}

/// A value and its meaning in a list, where values that differ keep differing before the meanings begin.
pub(super) fn bash_listing(inserted: &str, help: &str) -> String {
    if help.is_empty() { inserted.to_owned() } else { format!("{inserted}  ({help})") }
}

/// Within double quotes, `!` would still mean the history in an interactive shell.
fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        match character {
            '$' | '`' | '"' | '\\' => quoted.extend(['\\', character]),
            '!' => quoted.push_str("\"'!'\""),
            _ => quoted.push(character),
        }
    }
    quoted
}

fn escaped(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        if !(character.is_alphanumeric() || "-_./:@%+=,".contains(character)) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// A value as PowerShell inserts it.
pub(super) fn in_powershell(value: &str) -> String {
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:+=".contains(&byte)) {
        return value.to_owned();
    }
    quoted_for_powershell(value)
}

/// A word without its quotes, of which the last may be open.
pub(super) fn unquoted(word: &str) -> String {
    read_word(word).0
}

/// The words of a line without quotes, and the place at which the last one begins. A blank at the end begins an empty one.
fn split(line: &str) -> (Vec<String>, usize) {
    let (mut words, mut start, mut state) = (Vec::new(), None, Reading::default());
    for (place, character) in line.char_indices() {
        if state.is_plain() && character.is_whitespace() {
            if start.take().is_some() {
                words.push(std::mem::take(&mut state.word));
            }
            continue;
        }
        start.get_or_insert(place);
        state.take(character);
    }
    words.push(state.word);
    (words, start.unwrap_or(line.len()))
}

fn read_word(text: &str) -> (String, Option<char>) {
    let mut state = Reading::default();
    text.chars().for_each(|character| state.take(character));
    (state.word, state.quote)
}

/// A word that is being read, by the rules of POSIX (Shell Command Language, section 2.2). Nothing is expanded.
#[derive(Default)]
struct Reading {
    word: String,
    quote: Option<char>,
    is_escaped: bool,
}

impl Reading {
    const fn is_plain(&self) -> bool {
        self.quote.is_none() && !self.is_escaped
    }

    fn take(&mut self, character: char) {
        if std::mem::take(&mut self.is_escaped) {
            if self.quote == Some('"') && !"$`\"\\".contains(character) {
                self.word.push('\\');
            }
            return self.word.push(character);
        }
        match (self.quote, character) {
            (Some(quote), _) if quote == character => self.quote = None,
            (Some('\''), _) => self.word.push(character),
            (_, '\\') => self.is_escaped = true,
            (None, '\'' | '"') => self.quote = Some(character),
            _ => self.word.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_bash_reads_it() {
        for (line, words) in [
            ("ssoctl ", &["ssoctl", ""][..]),
            ("ssoctl tok", &["ssoctl", "tok"]),
            (r"ssoctl --session 'my corp' a\ b", &["ssoctl", "--session", "my corp", "a b"]),
            ("ssoctl \"my co", &["ssoctl", "my co"]),
            (r#"ssoctl "a\"b\c" 'it'\''s'"#, &["ssoctl", r#"a"b\c"#, "it's"]),
            ("ssoctl ''  ", &["ssoctl", "", ""]),
        ] {
            assert_eq!(split(line).0, words, "{line}");
        }
    }

    #[test]
    fn what_is_inserted_is_one_word_in_which_nothing_is_expanded() {
        let inserted = |line: &str, current: &str, value: &str| BashLine::read(line, current, "9").0.inserted(value);
        let hostile = "a$(x)`y`\"'!\\ *";
        assert_eq!(inserted("ssoctl a", "a", hostile).unwrap(), r#"a\$\(x\)\`y\`\"\'\!\\\ \*"#);
        assert_eq!(inserted("ssoctl \"a", "a", hostile).unwrap(), r#"a\$(x)\`y\`\"'"'!'"\\ *"#);
        assert_eq!(inserted("ssoctl 'a", "a", hostile).unwrap(), r#"a$(x)`y`"'\''!\ *"#);
        assert_eq!(inserted("ssoctl --profile=a", "a", "--profile=a b").unwrap(), r"a\ b");
        assert_eq!(inserted("ssoctl a:b", "b", "a:bc").unwrap(), "bc");
        assert_eq!(inserted("ssoctl --account=Prod:x", "x", "111122223333"), None);
        assert_eq!(inserted("ssoctl größ", "größ", "größte").unwrap(), "größte");
    }

    /// A line of random words that shells have uses for.
    fn odd(random: &mut fastrand::Rng) -> String {
        let characters: Vec<char> = "ab$`'\"\\!*?[]{}()<>|&;#~=:@%^+,. \u{fc}\u{4e16}\u{2019}".chars().collect();
        (0..random.usize(1..12)).map(|_| characters[random.usize(..characters.len())]).collect()
    }

    #[test]
    fn bash_reads_back_what_is_inserted() {
        if !test_support::speed::has_programs(&["bash"]) {
            return;
        }
        let mut random = fastrand::Rng::with_seed(20);
        let (mut script, mut expected) = (String::new(), String::new());
        for _ in 0..2000 {
            let value = odd(&mut random);
            for (line, close) in [("ssoctl ", ""), ("ssoctl \"", "\""), ("ssoctl '", "'")] {
                let inserted = BashLine::read(line, "", "9").0.inserted(&value).unwrap();
                let word = format!("{}{inserted}{close}", line.trim_start_matches("ssoctl "));
                // What bash reads is read alike here, when the next word is completed.
                assert_eq!(unquoted(&word), value, "{word}");
                script.push_str(&format!("printf '%s\\n' {word}\n"));
                expected.push_str(&format!("{value}\n"));
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &script).unwrap();
        let read = std::process::Command::new("bash").arg("--norc").arg(file.path()).current_dir("/").output();
        let read = read.expect("bash runs");
        assert_eq!((String::from_utf8_lossy(&read.stdout).as_ref(), read.stderr), (expected.as_str(), vec![]));
    }

    #[test]
    fn powershell_gets_one_word_in_which_nothing_is_expanded() {
        for (value, expected) in
            [("corp-1", "corp-1"), ("a $(b)", "'a $(b)'"), ("it\u{2019}s", "'it\u{2019}\u{2019}s'")]
        {
            assert_eq!(in_powershell(value), expected);
        }
    }
}
