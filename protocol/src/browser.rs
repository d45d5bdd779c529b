//! How a page is opened. The daemon opens pages from notices and the client from `login`, and the same line of the
//! configuration has to mean the same to both, and so has the lack of one.

/// The commands that open a page in the desktop's browser, in the order in which they are tried. The address comes last.
pub const OPENERS: &[&[&str]] = if cfg!(target_os = "macos") { &[&["open"]] } else { &[&["xdg-open"]] };

/// The same in the Windows Subsystem for Linux, where the browser is that of Windows.
pub const OPENERS_WITHIN_WINDOWS: &[&[&str]] =
    &[&["wslview"], &["rundll32.exe", "url.dll,FileProtocolHandler"], &["xdg-open"]];

/// The words of a command, with `url` wherever `place` stands, or at the end if it stands nowhere. Empty if the command has
/// no words.
///
/// Words are separated by white space; `'` and `"` quote, and nothing else has a meaning: no shell reads it.
pub fn command_line(command: &str, place: &str, url: &str) -> Vec<String> {
    let mut words = split(command);
    if !words.is_empty() && !command.contains(place) {
        words.push(place.to_owned());
    }
    words.into_iter().map(|word| word.replace(place, url)).collect()
}

fn split(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}
