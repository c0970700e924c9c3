//! The header: which rows of a table name its columns, and the names themselves: every column has one,
//! and no two are the same.

use std::collections::HashSet;

use crate::shapes::Shapes;

/// More rows than this never name columns.
const MOST_HEADER_ROWS: usize = 5;

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
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let padded = |row: &Vec<String>| {
        let mut row = row.clone();
        row.resize(columns, String::new());
        row
    };
    let width = usual_width(rows.iter().map(filled));
    // A title or a note fills a cell or two of a table that has more.
    let belongs = |row: &Vec<String>| filled(row) * 2 >= width.max(1) && (filled(row) > 1 || width <= 1);
    let first = rows.iter().position(belongs).unwrap_or(0);
    let table: Vec<Vec<String>> = rows.iter().skip(first).map(padded).collect();
    let (count, confidence) = count_header_rows(&table, columns);
    HeaderFound { first, count, confidence }
}

/// The width most rows have; where others are nearly as frequent, the one that comes first.
pub(crate) fn usual_width(widths: impl Iterator<Item = usize>) -> usize {
    let widths: Vec<usize> = widths.filter(|&width| width > 0).collect();
    let mut counts = std::collections::BTreeMap::new();
    for &width in &widths {
        *counts.entry(width).or_insert(0_usize) += 1;
    }
    let total = widths.len();
    // Lines of one cell are titles and notes where a good part of the others has more.
    let of_one = counts.get(&1).copied().unwrap_or(0);
    if (total - of_one) * 3 >= total {
        counts.remove(&1);
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let is_frequent = |width: &&usize| counts.get(*width).is_some_and(|&count| count * 10 >= most * 8);
    widths.iter().find(is_frequent).copied().unwrap_or(1)
}

/// How many of the rows name the columns, and how sure that is. A header is unlike what stands below it:
/// no digits where the column has numbers, dates or codes.
pub(crate) fn count_header_rows(rows: &[Vec<String>], width: usize) -> (usize, f64) {
    let cells = |row: &'_ [String]| row.iter().map(|cell| cell.as_bytes().to_vec()).collect::<Vec<_>>();
    let shapes_below = |index: usize| {
        let mut shapes = Shapes::new(width);
        for row in rows.iter().skip(index).filter(|row| row.len() == width) {
            shapes.learn(row.iter().map(String::as_bytes));
        }
        shapes
    };
    let Some(first) = rows.first() else { return (0, 0.5) };
    // Far enough below nothing belongs to the header any more.
    let below = if rows.len() > MOST_HEADER_ROWS + 3 { MOST_HEADER_ROWS } else { 1 };
    let shapes = shapes_below(below);
    let mut count = 0;
    let mut confidence = 0.6;
    for (index, row) in rows.iter().take(MOST_HEADER_ROWS).enumerate() {
        let here = cells(row);
        let (fit, unlike) = shapes.compare(here.iter().map(Vec::as_slice));
        let is_header = match index {
            0 if fit == 0 && unlike == 0 => is_name_like(row, &shapes),
            0 if unlike <= fit => years_in_a_row(row),
            0 => true,
            // The last row of all is data where there is any.
            _ if index + 1 == rows.len() && rows.len() > 1 => false,
            _ => row.len() == width && (row == first || unlike > fit),
        };
        if index == 0 && fit + unlike > 0 {
            confidence = (fit.abs_diff(unlike) as f64 / (fit + unlike) as f64 * 0.5 + 0.5).min(0.98);
        }
        if !is_header {
            break;
        }
        count += 1;
    }
    (count, confidence)
}

/// Where no column has a form of its own the first row names them, unless it cannot be names.
fn is_name_like(row: &[String], _shapes: &Shapes) -> bool {
    let filled: Vec<&str> = row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
    filled.iter().any(|cell| cell.chars().any(char::is_alphabetic)) || filled.is_empty()
}

/// `Country, 2019, 2020, 2021`: numbers that name columns.
fn years_in_a_row(row: &[String]) -> bool {
    let years: Vec<u32> = row
        .iter()
        .filter_map(|cell| cell.trim().parse().ok())
        .filter(|year| (1900..=2100).contains(year))
        .collect();
    let others = row.iter().filter(|cell| cell.trim().parse::<f64>().is_ok()).count();
    years.len() >= 2 && others == years.len() && years.windows(2).all(|pair| pair[0].abs_diff(pair[1]) == 1)
}
