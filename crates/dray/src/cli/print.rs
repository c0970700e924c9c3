//! Printing: results on standard output, notes on standard error, colours only for people.

use std::io::{IsTerminal, Write};

pub(super) use dray_model::words::{counted, thousands};

/// Prints a line of the result. A reader that went away is nobody to tell.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a note for the person.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Red, where errors are shown to a person.
pub(super) fn red(text: &str) -> String {
    styled("31;1", text, std::io::stderr().is_terminal())
}

/// Bold, where notes are shown to a person.
pub(super) fn bold(text: &str) -> String {
    styled("1", text, std::io::stderr().is_terminal())
}

/// A colour in a result, where it is shown to a person.
pub(super) fn coloured(code: &str, text: &str) -> String {
    styled(code, text, std::io::stdout().is_terminal())
}

fn styled(code: &str, text: &str, to_person: bool) -> String {
    let wanted = to_person && std::env::var_os("NO_COLOR").is_none();
    if wanted { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A value on one line, in backticks, control characters shown.
pub(super) fn quoted(value: &str) -> String {
    let shown: String = value
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect();
    format!("`{shown}`")
}

/// Texts in columns, two blanks between them.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut text = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!(" {cell:<width$} "));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}
