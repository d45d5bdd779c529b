//! Proof Key for Code Exchange (RFC 7636), with the method S256 alone.

use sha2::{Digest, Sha256};

/// The alphabet of base64url (RFC 4648 5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 7636 4.1: 43 to 128 unreserved characters.
pub(crate) fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// RFC 7636 4.2: the length and alphabet of a SHA-256 in base64url without padding.
pub(crate) fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// The challenge that belongs to this verifier.
pub(crate) fn challenge(verifier: &str) -> String {
    let digest = Sha256::digest(verifier.as_bytes());
    let mut text = String::new();
    for bytes in digest.chunks(3) {
        let word = (0..3).fold(0, |word, at| word << 8 | usize::from(bytes.get(at).copied().unwrap_or(0)));
        // One letter more than bytes: the rest would be padding.
        text.extend((0..=bytes.len()).map(|at| char::from(ALPHABET[word >> (18 - 6 * at) & 63])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let expected = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(challenge(verifier), expected);
        assert!(is_verifier(verifier) && is_challenge(expected));
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        let of_length = |length| "a".repeat(length);
        assert_eq!([42, 43, 128, 129].map(|length| is_verifier(&of_length(length))), [false, true, true, false]);
        assert!(is_verifier(&"-._~".repeat(11)));
        for reserved in ['+', '/', '=', ' ', 'é'] {
            assert!(!is_verifier(&format!("{reserved}{}", of_length(50))), "{reserved}");
        }
    }

    #[test]
    fn a_challenge_is_43_characters_of_base64url() {
        assert!(!is_challenge(&"a".repeat(42)) && !is_challenge(&"a".repeat(44)));
        assert!(!is_challenge(&format!("{}=", "a".repeat(42))));
    }
}
