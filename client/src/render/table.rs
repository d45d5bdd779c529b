//! Tables with aligned columns, for a terminal.

use ssoctl_protocol::text::{self, LONGEST_LINE};

/// The longest cell of all columns but the last, in characters. A longer one would push the columns behind it off the screen.
const LONGEST_CELL: usize = 128;

pub(crate) struct Cell {
    pub(super) text: String,
    /// A parameter of SGR (ECMA-48, 8.3.117).
    pub(super) colour: Option<u8>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, colour: None }
    }
}

/// Text that the service or the daemon may leave out or send empty.
pub(crate) fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
}

/// A table. Text is made safe for a terminal.
///
/// Widths are numbers of characters. That is a little off for scripts with double-width or combining characters, and needs no table
/// of the whole of Unicode.
pub(crate) fn table<const N: usize, C: Into<Cell>>(header: [&str; N], rows: impl Iterator<Item = [C; N]>) -> String {
    let header = header.map(|title| Cell::from(title.to_owned()));
    let mut rows: Vec<[Cell; N]> = std::iter::once(header).chain(rows.map(|row| row.map(Into::into))).collect();
    let mut widths = [0; N];
    for row in &mut rows {
        for (column, cell) in row.iter_mut().enumerate() {
            let longest = if column + 1 < N { LONGEST_CELL } else { LONGEST_LINE };
            cell.text = text::shown(&cell.text, longest).into_owned();
            widths[column] = widths[column].max(cell.text.chars().count());
        }
    }
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (Cell { text, colour }, width) in row.iter().zip(widths) {
            let padding = width - text.chars().count() + 2;
            line.push_str(&match colour {
                Some(colour) => format!("\x1b[{colour}m{text}\x1b[0m{:padding$}", ""),
                None => format!("{text}{:padding$}", ""),
            });
        }
        table.push_str(line.trim_end_matches(' '));
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_what_could_deceive_is_escaped() {
        let rows = [["111122223333", "Größe", "-"], ["4", "a\u{1b}[2Jb", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            table(["ACCOUNT", "NAME", "EMAIL"], rows.into_iter()),
            "ACCOUNT       NAME         EMAIL\n111122223333  Größe        -\n4             a\\u{1b}[2Jb  x\n"
        );
    }

    #[test]
    fn a_long_cell_is_cut_unless_it_is_the_last_one() {
        let long = "x".repeat(1000);
        let table = table(["A", "B"], [[long.clone(), long.clone()]].into_iter());
        assert_eq!(table.lines().nth(1).unwrap().chars().count(), 128 + 2 + 1000);
        assert_eq!(
            (or_dash(None), or_dash(Some(String::new())), or_dash(Some("x".into()))),
            ("-".into(), "-".into(), "x".into())
        );
    }
}
