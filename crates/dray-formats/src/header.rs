//! Column names: every column has one, and no two are the same.

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
