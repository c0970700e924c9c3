//! The header: which rows of a table name its columns, and the names themselves: every column has one,
//! and no two are the same.

use std::collections::HashSet;

/// Trims the names, gives nameless columns their number and tells equal names apart:
/// `name`, `name (2)`, `column 3`.
pub(crate) fn column_names(cells: impl Iterator<Item = String>) -> Vec<String> {
    let mut names = Vec::new();
    let mut taken = HashSet::new();
    for (index, cell) in cells.enumerate() {
        let trimmed = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let base = if trimmed.is_empty() { format!("column {}", index + 1) } else { trimmed.to_owned() };
        let mut name = base.clone();
        let mut count = 1;
        while !taken.insert(name.clone()) {
            count += 1;
            name = format!("{base} ({count})");
        }
        names.push(name);
    }
    names
}

/// Where the names of the columns stand among the first rows of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeaderFound {
    /// Index of the first header row; rows above it are a title or notes.
    pub(crate) first: usize,
    /// How many rows name the columns; 0 where none does.
    pub(crate) count: usize,
    /// From 0 to 1.
    pub(crate) confidence: f64,
}

/// Finds the header among the first rows of a table, each given as its cells (empty ones as empty text).
pub(crate) fn find_header(rows: &[Vec<String>]) -> HeaderFound {
    let filled = |row: &Vec<String>| row.iter().filter(|cell| !cell.trim().is_empty()).count();
    let widest = rows.iter().map(filled).max().unwrap_or(0);
    let first = rows.iter().position(|row| filled(row) * 2 > widest).unwrap_or(0);
    HeaderFound { first, count: 1, confidence: 0.5 }
}
