//! Draws a QR code (ISO/IEC 18004) with half blocks, two modules in each character. It names its colours, so that it is black on white on
//! terminals of every colour.

use qrcodegen::{QrCode, QrCodeEcc};

/// The margin that readers need, in modules.
const QUIET_ZONE: i32 = 4;

/// Black and white of the palette's colour cube, which themes leave alone.
const BLACK: u8 = 16;
const WHITE: u8 = 231;

/// A drawn QR code.
pub(crate) struct Drawing {
    pub(crate) lines: Vec<String>,
    /// The width of each line.
    pub(crate) columns: usize,
}

/// Draws a text as a QR code; `None` if it is too long for one.
pub(crate) fn drawn(text: &str) -> Option<Drawing> {
    // Nothing damages a code on a screen, and a small one fits more terminals.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let modules = -QUIET_ZONE..code.size() + QUIET_ZONE;
    let colour = |column, row| if code.get_module(column, row) { BLACK } else { WHITE };
    let line = |row| -> String {
        let cells = modules.clone().map(|column| cell(colour(column, row), colour(column, row + 1)));
        cells.chain(["\x1b[0m".to_owned()]).collect()
    };
    Some(Drawing { lines: modules.clone().step_by(2).map(line).collect(), columns: modules.len() })
}

/// The upper and the lower module of a character. Where they are alike there is no glyph, which could leave a gap. The upper half block leaves
/// one above itself in common fonts, and then readers find no code.
fn cell(upper: u8, lower: u8) -> String {
    if upper == lower { format!("\x1b[48;5;{lower}m ") } else { format!("\x1b[38;5;{lower};48;5;{upper}m▄") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules of a drawing, true where it is black.
    fn modules(drawing: &Drawing) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in &drawing.lines {
            let (mut upper, mut lower) = (Vec::new(), Vec::new());
            for cell in line.strip_suffix("\x1b[0m").unwrap().split("\x1b[").skip(1) {
                let (colours, glyph) = cell.split_once('m').unwrap();
                let background = colours.rsplit(';').next().unwrap() == "16";
                upper.push(background);
                lower.push(if glyph == "▄" { colours.starts_with("38;5;16;") } else { background });
            }
            rows.extend([upper, lower]);
        }
        rows
    }

    #[test]
    fn each_module_is_half_a_character_within_a_white_margin() {
        let page = "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH";
        let (drawing, code) = (drawn(page).unwrap(), QrCode::encode_text(page, QrCodeEcc::Low).unwrap());
        let rows = modules(&drawing);
        assert_eq!((drawing.columns, drawing.lines.len(), rows.len()), (41, 21, 42));
        for (row, y) in rows.iter().zip(-QUIET_ZONE..) {
            assert_eq!(row.len(), drawing.columns);
            for (is_black, x) in row.iter().zip(-QUIET_ZONE..) {
                assert_eq!(*is_black, code.get_module(x, y), "column {x}, row {y}");
            }
        }
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert!(drawn(&"x".repeat(2953)).is_some() && drawn(&"x".repeat(2954)).is_none());
    }
}
