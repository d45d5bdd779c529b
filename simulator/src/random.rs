//! Random identifiers, secrets and codes.

/// RFC 8628 6.1: twenty consonants, none that reads like another and none that spells a word.
const USER_CODE_LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
const TOKEN_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const KEY_ID_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A user code such as `BCDF-GHJK`.
pub(crate) fn user_code() -> String {
    let letters = characters(USER_CODE_LETTERS, 8);
    format!("{}-{}", &letters[..4], &letters[4..])
}

/// An opaque value of `length` URL-safe characters, six bits each.
pub(crate) fn opaque(length: usize) -> String {
    characters(TOKEN_CHARACTERS, length)
}

/// An access key id of the kind that temporary credentials have.
pub(crate) fn access_key_id() -> String {
    format!("ASIA{}", characters(KEY_ID_CHARACTERS, 16))
}

fn characters(alphabet: &[u8], length: usize) -> String {
    // Bytes above the largest multiple of the alphabet's length are skipped: they would favour its first letters.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        let wanted = length - text.len();
        text.extend(
            bytes
                .iter()
                .map(|byte| usize::from(*byte))
                .filter(|byte| *byte < fair)
                .take(wanted)
                .map(|byte| char::from(alphabet[byte % alphabet.len()])),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_two_groups_of_four_consonants() {
        let code = user_code();
        let (left, right) = code.split_once('-').expect("a hyphen");
        for group in [left, right] {
            assert_eq!(group.len(), 4);
            assert!(group.bytes().all(|letter| USER_CODE_LETTERS.contains(&letter)), "{code}");
        }
    }

    #[test]
    fn opaque_values_have_the_asked_length_and_differ() {
        let (one, other) = (opaque(200), opaque(200));
        assert_eq!((one.len(), other.len()), (200, 200));
        assert_ne!(one, other);
    }
}
