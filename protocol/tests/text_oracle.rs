//! The deceptive characters, against Python's tables of Unicode.

use std::process::Command;

use ssoctl_protocol::text::{is_deceptive, shown};

/// One line for each character that is assigned: code point, category, and whether its name says that it is invisible.
const CHARACTERS: &str = r#"
import sys, unicodedata
invisible = ("VARIATION SELECTOR", "WORD JOINER", "GRAPHEME JOINER", "INVISIBLE", "ZERO WIDTH", "VOWEL INHERENT")
for code in range(sys.maxunicode + 1):
    character = chr(code)
    category = unicodedata.category(character)
    if category not in ("Cn", "Cs"):
        name = unicodedata.name(character, "")
        bidi = unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        filler = "HANGUL" in name and "FILLER" in name
        hidden = bidi or filler or any(word in name for word in invisible)
        print(f"{code:x} {category} {int(hidden)} {name}")
"#;

#[test]
fn every_character_that_controls_reorders_or_hides_text_is_escaped_and_no_other() {
    let Some(python) = test_support::speed::python_with("unicodedata") else { return };
    let output = Command::new(python).args(["-c", CHARACTERS]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut escaped, mut kept) = (0, 0);
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let code = u32::from_str_radix(word(), 16).unwrap();
        let character = char::from_u32(code).unwrap();
        let (category, is_hidden) = (word(), word() == "1");
        let expected = match character {
            // They choose between the two forms of an emoji, both of which are seen.
            '\u{fe0e}' | '\u{fe0f}' => false,
            _ => is_hidden || matches!(category, "Cc" | "Cf" | "Zl" | "Zp"),
        };
        assert_eq!(is_deceptive(character), expected, "{line}");
        let written = shown(character.encode_utf8(&mut [0; 4]), 100).into_owned();
        assert_eq!(written.is_ascii() && written.starts_with('\\') && written.len() > 1, expected, "{line}");
        if expected { escaped += 1 } else { kept += 1 }
    }
    assert!(escaped > 400 && kept > 100_000, "{escaped} escaped, {kept} kept");
}
