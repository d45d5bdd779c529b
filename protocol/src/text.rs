//! Durations in words, and foreign text made safe to show: names from the portal and from files, codes and messages of the service.
//!
//! Foreign text may move the cursor of a terminal, reorder or hide other text, or be endless. Tables, notices, logs, diffs and
//! messages show it through [`shown`]; JSON has the same characters in JSON's own escapes ([`in_json`]).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

/// The longest line that is shown of any text, in characters.
pub const LONGEST_LINE: usize = 4096;

/// The longest user code that is shown, in characters. Those of AWS have nine.
pub const LONGEST_CODE: usize = 64;

/// The text on one line of at most `longest` characters. Control characters, and those that reorder or hide text, are
/// shown as escapes such as `\u{1b}`; what is cut off is marked with `…`.
pub fn shown(text: &str, longest: usize) -> Cow<'_, str> {
    // Bytes are at least as many as characters.
    if text.len() <= longest && !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    // The text is cut here if it turns out to be too long.
    let mut safe = String::with_capacity(text.len().min(longest) + 16);
    let (mut length, mut cut) = (0, 0);
    for character in text.chars() {
        let begin = safe.len();
        let count = if is_deceptive(character) {
            // Writing to a `String` cannot fail.
            let _ = write!(safe, "{}", character.escape_default());
            safe.len() - begin
        } else {
            safe.push(character);
            1
        };
        length += count;
        if length < longest {
            cut = safe.len();
        } else if length > longest {
            safe.truncate(cut);
            safe.push('…');
            break;
        }
    }
    Cow::Owned(safe)
}

/// The text on one line of at most [`LONGEST_LINE`] characters; see [`shown`].
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, LONGEST_LINE)
}

/// A JSON document with every deceptive character in JSON's own escapes (`\u009b`), which changes how it looks and not
/// what it says (RFC 8259, section 7). Outside of strings it has none.
pub fn in_json(document: &str) -> Cow<'_, str> {
    if !document.chars().any(is_deceptive_in_json) {
        return Cow::Borrowed(document);
    }
    let mut safe = String::with_capacity(document.len() + 64);
    for character in document.chars() {
        if is_deceptive_in_json(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// A duration in its two largest units: `45 s`, `12 min`, `1 h 5 min`, `3 d 4 h`. Seconds are shown below ten minutes only:
/// `9 min 32 s`. Smaller units are cut off.
pub fn duration_in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two_units = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 => two_units(seconds / 60, "min", seconds % 60, "s"),
        600..3600 => format!("{} min", seconds / 60),
        3600..86_400 => two_units(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two_units(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

/// Line breaks and tabs in a JSON document stand between its parts: in strings they are escaped already.
fn is_deceptive_in_json(character: char) -> bool {
    !matches!(character, '\n' | '\r' | '\t') && is_deceptive(character)
}

/// Whether a character controls, reorders or hides text instead of showing something: Unicode's categories Cc, Cf, Zl and
/// Zp, and letters and marks that are invisible by definition (`Default_Ignorable_Code_Point`), but for the two variation
/// selectors that choose between the forms of an emoji.
pub const fn is_deceptive(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(character,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceptive_characters_are_shown_as_escapes_and_others_as_they_are() {
        assert!(matches!(shown("größte 会社 ⚠\u{fe0f}", 100), Cow::Borrowed(_)));
        assert_eq!(shown("a\x1b[2Jb\r\n\u{202e}c\u{9b}", 100), r"a\u{1b}[2Jb\r\n\u{202e}c\u{9b}");
        assert_eq!(shown("\u{61c}\u{2060}\u{ad}\u{e0041}", 100), r"\u{61c}\u{2060}\u{ad}\u{e0041}");
    }

    #[test]
    fn long_text_is_cut() {
        for (text, longest, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("äöü", 3, "äöü"),
            ("äöüx", 3, "äö…"),
            ("a\x1b", 7, r"a\u{1b}"),
            ("a\x1b", 6, "a…"),
            ("a\x1bb", 7, "a…"),
        ] {
            assert_eq!(shown(text, longest), expected, "{text:?} in {longest}");
        }
        let long = "x\u{202e}".repeat(300_000);
        assert_eq!(shown(&long, 64).chars().count(), 64);
    }

    #[test]
    fn a_json_document_has_the_same_meaning_with_escapes() {
        let text = "\u{9b}2J \u{7f} \u{202e} \u{e0041} größte";
        let document = serde_json::to_string_pretty(&serde_json::json!({ "name": text })).unwrap();
        let safe = in_json(&document);
        assert_eq!(safe, "{\n  \"name\": \"\\u009b2J \\u007f \\u202e \\udb40\\udc41 größte\"\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap()["name"], text);
    }

    #[test]
    fn a_duration_is_shown_in_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (572, "9 min 32 s"),
            (720, "12 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (3900, "1 h 5 min"),
            (86_400, "1 d"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(duration_in_words(Duration::from_secs(seconds)), text);
        }
    }
}
