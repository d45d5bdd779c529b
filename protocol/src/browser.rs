//! How a configured browser command is read. The daemon opens pages from notices and the client from `login`, and the same
//! line of the configuration has to mean the same to both.

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
