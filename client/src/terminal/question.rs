//! Questions that a person answers with a line of text.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::mem;
use std::os::fd::AsFd;

use super::Keyboard;
use super::keys::{Key, last_word};

/// The longest answer, in characters.
const LONGEST: usize = 2000;
/// Removes the character before the cursor.
const RUB_OUT: &str = "\x08 \x08";

/// A terminal, and what was typed ahead.
pub(crate) struct Questions<T = File> {
    keyboard: Keyboard<T>,
    unread: VecDeque<Key>,
}

impl<T> Questions<T> {
    pub(crate) fn at(terminal: T) -> io::Result<Self> {
        Ok(Self { keyboard: Keyboard::at(terminal)?, unread: VecDeque::new() })
    }
}

impl Questions {
    /// Asks on standard error, and returns the answer without blanks around it; `None` if the person leaves, or the terminal goes.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        // Before the question, so that nothing is shown twice that is typed at once.
        let raw_mode = self.keyboard.begin()?;
        show(question);
        let answer = self.line(show);
        show("\n");
        self.keyboard.end(raw_mode);
        Ok(answer?.map(|line| line.trim().to_owned()))
    }
}

impl<T: Read + AsFd> Questions<T> {
    /// Reads a line, and shows what is typed.
    fn line(&mut self, mut show: impl FnMut(&str)) -> io::Result<Option<String>> {
        let mut line = String::new();
        let rub_out = |text: &str| RUB_OUT.repeat(text.chars().count());
        while let Some(key) = self.key()? {
            match key {
                Key::Enter => return Ok(Some(line)),
                Key::Leave => return Ok(None),
                Key::Character(character) if !character.is_control() && line.chars().count() < LONGEST => {
                    line.push(character);
                    show(character.encode_utf8(&mut [0; 4]));
                }
                Key::Backspace => show(line.pop().map_or("", |_| RUB_OUT)),
                Key::DeleteWord => {
                    let word = line.split_off(last_word(&line));
                    show(&rub_out(&word));
                }
                Key::DeleteAll => show(&rub_out(&mem::take(&mut line))),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next key; `None` if no more come.
    fn key(&mut self) -> io::Result<Option<Key>> {
        loop {
            if let Some(key) = self.unread.pop_front() {
                return Ok(Some(key));
            }
            match self.keyboard.read()? {
                Some(keys) => self.unread.extend(keys),
                None => return Ok(None),
            }
        }
    }
}

fn show(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    /// The answer to keys, and what is shown of them. The other end is closed after them.
    fn typed(keys: &[u8]) -> (Option<String>, String) {
        let (terminal, mut keyboard) = UnixStream::pair().unwrap();
        keyboard.write_all(keys).unwrap();
        drop(keyboard);
        let mut shown = String::new();
        let mut questions = Questions::at(terminal).unwrap();
        let line = questions.line(|text| shown.push_str(text));
        (line.ok().flatten(), shown)
    }

    fn line(keys: &[u8]) -> Option<String> {
        typed(keys).0
    }

    #[test]
    fn a_line_is_what_is_left_after_its_corrections() {
        assert_eq!(typed(b"corpx\x7f\r"), (Some("corp".to_owned()), "corpx\x08 \x08".to_owned()));
        assert_eq!(line(b"wrong\x15right\n").as_deref(), Some("right"));
        assert_eq!(typed(b"my corp\x17x\r"), (Some("my x".to_owned()), format!("my corp{}x", RUB_OUT.repeat(4))));
        assert_eq!(line("é日\x08ü\r".as_bytes()).as_deref(), Some("éü"));
        assert_eq!(line(b"\x7f\x08\r").as_deref(), Some(""));
    }

    #[test]
    fn keys_that_move_and_broken_text_are_no_part_of_it() {
        assert_eq!(line(b"a\x1b[Ab\x1bOAc\x1b[1;5Cd\x1bxe\x00\xff\xc2\x85f\r").as_deref(), Some("abcdef"));
        assert_eq!(line(&[&b"x".repeat(LONGEST + 5)[..], b"\r"].concat()).map(|line| line.len()), Some(LONGEST));
    }

    #[test]
    fn who_leaves_gives_no_answer_nor_does_a_terminal_that_goes() {
        for keys in [&b"corp\x03"[..], b"\x04", b"corp"] {
            assert_eq!(line(keys), None, "{keys:?}");
        }
        let (terminal, mut keyboard) = UnixStream::pair().unwrap();
        keyboard.write_all(b"corp\x1b").unwrap();
        // The keyboard is still there: Esc is known by the pause after it.
        assert_eq!(Questions::at(terminal).unwrap().line(|_| ()).unwrap(), None);
        drop(keyboard);
    }

    #[test]
    fn what_is_typed_ahead_answers_the_next_question() {
        let (terminal, mut keyboard) = UnixStream::pair().unwrap();
        keyboard.write_all(b"first\nsecond\n").unwrap();
        let mut questions = Questions::at(terminal).unwrap();
        assert_eq!(questions.line(|_| ()).unwrap().as_deref(), Some("first"));
        assert_eq!(questions.line(|_| ()).unwrap().as_deref(), Some("second"));
    }
}
