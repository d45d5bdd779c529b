//! Plain tables.

use ssoctl_protocol::text;

/// The longest cell, in characters; a longer one would push all others off the screen.
const LONGEST_CELL: usize = 128;

/// A table with aligned columns. Text from elsewhere is made safe for a terminal, and an empty cell shows as `-`.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let shown =
        |text: String| if text.is_empty() { "-".to_owned() } else { text::shown(&text, LONGEST_CELL).into_owned() };
    let header = header.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(header).chain(rows.map(|row| row.map(shown))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_what_could_deceive_is_escaped() {
        let rows = [["111122223333", "Größe", ""], ["4", "a\u{1b}[2Jb", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            table(["ACCOUNT", "NAME", "EMAIL"], rows.into_iter()),
            "ACCOUNT       NAME         EMAIL\n111122223333  Größe        -\n4             a\\u{1b}[2Jb  x\n"
        );
    }
}
