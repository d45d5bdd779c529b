//! Percent-encoding (RFC 3986, section 2.1) of path segments and query values.

use std::fmt::Write;

/// Encodes everything but unreserved characters, so that the result fits into a path segment and a query value alike.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes `%XX`; `None` if an escape is cut short or the result is not UTF-8. A `+` stands for itself.
pub fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_the_round_trip() {
        for text in ["", "corp", "my session", "a/b?c=d&e#f%+", "Müller – größte", "\u{1F512}\0\n"] {
            let encoded = encode(text);
            assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#&=+ ".contains(&byte)), "{encoded}");
            assert_eq!(decode(&encoded).as_deref(), Some(text));
        }
    }

    #[test]
    fn invalid_encodings_are_refused() {
        for text in ["%", "%4", "%zz", "%FF", "%C3%28", "%+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
