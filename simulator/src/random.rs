//! Random identifiers, secrets and codes.

/// RFC 8628 6.1: twenty consonants, so that none looks like another and no code spells a word.
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
    // A whole word of random bytes for each character: the remainder then favours none of them measurably.
    let mut words = vec![[0; size_of::<usize>()]; length];
    getrandom::fill(words.as_flattened_mut()).expect("the operating system gives random bytes");
    words.into_iter().map(|word| char::from(alphabet[usize::from_ne_bytes(word) % alphabet.len()])).collect()
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
