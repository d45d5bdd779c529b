//! What the bytes of a terminal mean.

use std::time::{Duration, Instant};

/// After this time without further bytes, an escape byte is the key Esc. Over a slow connection, the rest of a longer sequence comes
/// later than its first byte.
const PATIENCE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Key {
    Character(char),
    Backspace,
    /// Removes the last word.
    DeleteWord,
    /// Removes all words.
    DeleteAll,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    /// Esc, Ctrl-C, Ctrl-D, Ctrl-G.
    Leave,
}

/// The index at which the last word begins, which [`Key::DeleteWord`] removes.
pub(crate) fn last_word(line: &str) -> usize {
    line.trim_end().rfind(' ').map_or(0, |blank| blank + 1)
}

/// Decodes the bytes of a terminal.
#[derive(Default)]
pub(super) struct Decoder {
    /// Those that are not a whole key yet.
    bytes: Vec<u8>,
    /// Since when they have been waiting.
    since: Option<Instant>,
}

impl Decoder {
    /// When what is there counts as a key, even if nothing follows.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + PATIENCE)
    }

    /// The keys of these bytes and of those before. Without bytes, the time is over for what is there.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        let is_over = bytes.is_empty() && self.due().is_some_and(|due| due <= Instant::now());
        let mut keys = Vec::new();
        while let Some((key, length)) = first(&self.bytes, is_over) {
            keys.extend(key);
            self.bytes.drain(..length);
        }
        self.since =
            (!self.bytes.is_empty()).then(|| self.since.filter(|_| bytes.is_empty()).unwrap_or_else(Instant::now));
        keys
    }
}

/// The first key and the number of its bytes; no key for what has no meaning here. `None` if the bytes are not a whole one.
fn first(bytes: &[u8], is_over: bool) -> Option<(Option<Key>, usize)> {
    let simple = |key| Some((Some(key), 1));
    match *bytes.first()? {
        b'\r' | b'\n' => simple(Key::Enter),
        0x03 | 0x04 | 0x07 => simple(Key::Leave),
        0x08 | 0x7f => simple(Key::Backspace),
        0x17 => simple(Key::DeleteWord),
        0x15 => simple(Key::DeleteAll),
        // Ctrl-P and Ctrl-K, Ctrl-N; Ctrl-J is Enter on terminals.
        0x10 | 0x0b => simple(Key::Up),
        0x0e => simple(Key::Down),
        0x1b => escape(bytes, is_over),
        0x00..0x20 => Some((None, 1)),
        _ => character(bytes, is_over),
    }
}

/// A sequence that begins with Esc (ECMA-48, and xterm's keys in application mode).
fn escape(bytes: &[u8], is_over: bool) -> Option<(Option<Key>, usize)> {
    let whole = |length| is_over.then_some((Some(Key::Leave), length));
    match bytes.get(1) {
        None => whole(1),
        Some(b'[') => {
            let Some(end) = bytes[2..].iter().position(|byte| (0x40..0x7f).contains(byte)) else {
                return is_over.then_some((None, bytes.len()));
            };
            let key = match (bytes[2 + end], &bytes[2..2 + end]) {
                (b'A', _) => Some(Key::Up),
                (b'B', _) => Some(Key::Down),
                (b'H', _) | (b'~', b"1" | b"7") => Some(Key::First),
                (b'F', _) | (b'~', b"4" | b"8") => Some(Key::Last),
                (b'~', b"5") => Some(Key::PageUp),
                (b'~', b"6") => Some(Key::PageDown),
                _ => None,
            };
            Some((key, 3 + end))
        }
        Some(b'O') => {
            let key = match bytes.get(2) {
                None => return is_over.then_some((None, 2)),
                Some(b'A') => Some(Key::Up),
                Some(b'B') => Some(Key::Down),
                Some(b'H') => Some(Key::First),
                Some(b'F') => Some(Key::Last),
                Some(_) => None,
            };
            Some((key, 3))
        }
        // Alt and a key, which has no meaning here; Esc twice is Esc.
        Some(0x1b) => Some((Some(Key::Leave), 2)),
        Some(_) => Some((None, 2)),
    }
}

/// A character in UTF-8.
fn character(bytes: &[u8], is_over: bool) -> Option<(Option<Key>, usize)> {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let Some(whole) = bytes.get(..length) else { return is_over.then_some((None, bytes.len())) };
    let text = std::str::from_utf8(whole).ok();
    Some((text.and_then(|text| text.chars().next()).map(Key::Character), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        Decoder::default().decode(bytes)
    }

    #[test]
    fn bytes_are_the_keys_that_terminals_send() {
        use Key::{Backspace, Character, DeleteAll, DeleteWord, Down, Enter, First, Last, Leave, PageDown, PageUp, Up};
        assert_eq!(keys("dé日\r".as_bytes()), [Character('d'), Character('é'), Character('日'), Enter]);
        assert_eq!(keys(b"\x7f\x08\x17\x15\n"), [Backspace, Backspace, DeleteWord, DeleteAll, Enter]);
        assert_eq!(keys(b"\x1b[A\x1bOA\x10\x0b\x1b[B\x1bOB\x0e"), [Up, Up, Up, Up, Down, Down, Down]);
        assert_eq!(keys(b"\x1b[5~\x1b[6~\x1b[H\x1b[1~\x1bOF\x1b[4~"), [PageUp, PageDown, First, First, Last, Last]);
        assert_eq!(keys(b"\x03\x04\x07\x1b\x1b"), [Leave; 4]);
        // Pasted text in brackets, a key with Alt, a colour's answer: no keys of ours.
        assert_eq!(keys(b"\x1b[200~ab\x1b[201~\x1bx\x1b[1;5C\x00"), [Character('a'), Character('b')]);
        assert_eq!(keys(b"\xff\xfea"), [Character('a')]);
    }

    #[test]
    fn a_key_may_come_in_parts_and_esc_is_one_when_nothing_follows() {
        let mut decoder = Decoder::default();
        for bytes in "日".as_bytes().iter().take(2) {
            assert_eq!(decoder.decode(&[*bytes]), []);
        }
        assert_eq!(decoder.decode(&"日".as_bytes()[2..]), [Key::Character('日')]);
        assert_eq!(decoder.decode(b"\x1b"), []);
        assert_eq!(decoder.decode(b"[A"), [Key::Up]);
        assert_eq!((decoder.decode(b"\x1b"), decoder.decode(b"")), (vec![], vec![]), "it is not due yet");
        assert!(decoder.due().is_some());
        decoder.since = Instant::now().checked_sub(PATIENCE);
        assert_eq!((decoder.decode(b""), decoder.due()), (vec![Key::Leave], None));
    }
}
