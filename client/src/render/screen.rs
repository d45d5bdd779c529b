//! Fits text into a terminal.

/// Fewer columns are not worth fitting into.
const FEWEST: usize = 20;

/// What the parts of a broken line begin with.
const INDENT: &str = "    ";

/// The lines of a text as they fit into so many columns and rows: longer ones are broken, and what is too much is left out and counted. Escape
/// sequences that set colours take no room.
pub(crate) fn fitted(text: &str, columns: usize, rows: usize) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().flat_map(|line| broken(line, columns.max(FEWEST))).collect();
    let rows = rows.max(2);
    if lines.len() > rows {
        let left_out = lines.len() - (rows - 1);
        lines.truncate(rows - 1);
        lines.push(format!("… {left_out} more lines"));
    }
    lines
}

/// A line in parts of at most so many characters, broken at blanks where there are any.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut rest, mut indent) = (line, "");
    while let Some(cut) = cut(rest, columns - indent.len()) {
        let (part, next) = rest.split_at(cut);
        parts.push(format!("{indent}{}", part.trim_end_matches(' ')));
        (rest, indent) = (next.trim_start_matches(' '), INDENT);
    }
    parts.push(format!("{indent}{rest}"));
    parts
}

/// Where a line has to be broken; `None` if it fits.
fn cut(line: &str, columns: usize) -> Option<usize> {
    let (mut width, mut blank, mut is_escape) = (0, None, false);
    for (at, character) in line.char_indices() {
        if is_escape || character == '\x1b' {
            is_escape = character != 'm';
            continue;
        }
        if character == ' ' {
            blank = Some(at);
        }
        width += 1;
        if width > columns {
            // A blank at the beginning leaves nothing before it.
            return Some(blank.filter(|blank| !line[..*blank].trim_end_matches(' ').is_empty()).unwrap_or(at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_blanks_and_words_that_are_too_long_anywhere() {
        for (line, expected) in [
            ("", vec![""]),
            ("corp  signed in", vec!["corp  signed in"]),
            ("corp          signed in   in 59 min", vec!["corp          signed", "    in   in 59 min"]),
            ("confirm code ABCD-EFGH: https://d/", vec!["confirm code", "    ABCD-EFGH:", "    https://d/"]),
            ("https://device.example/start", vec!["https://device.examp", "    le/start"]),
            ("größte größte größte", vec!["größte größte größte"]),
        ] {
            assert_eq!(broken(line, 20), expected);
        }
    }

    #[test]
    fn colours_take_no_room() {
        let line = "corp          \x1b[32msigned in\x1b[0m";
        assert_eq!(broken(line, 23), [line]);
        assert_eq!(broken(line, 22), ["corp          \x1b[32msigned", "    in\x1b[0m"]);
    }

    #[test]
    fn lines_for_which_there_is_no_row_are_counted() {
        let text = "a\nb\nc\nd\n";
        assert_eq!(fitted(text, 80, 4), ["a", "b", "c", "d"]);
        assert_eq!(fitted(text, 80, 3), ["a", "b", "… 2 more lines"]);
        assert_eq!(fitted(text, 0, 0), ["a", "… 3 more lines"]);
    }
}
