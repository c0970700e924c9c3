//! Finds the delimiter of a CSV file: the one that makes its rows equally wide.

use super::scan::Scanner;

/// The delimiters looked for, the likelier first.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Enough rows to see a pattern, few enough not to be felt.
const ROWS: usize = 1000;

/// The delimiter of a text that begins with `sample`; a comma where there is only one column.
pub(crate) fn find_delimiter(sample: &[u8], complete: bool) -> u8 {
    let mut best = (0, 0, b',');
    for delimiter in CANDIDATES {
        let widths = row_widths(sample, complete, delimiter);
        let Some((agreement, width)) = agreement(&widths) else { continue };
        if (agreement, width) > (best.0, best.1) {
            best = (agreement, width, delimiter);
        }
    }
    best.2
}

fn row_widths(sample: &[u8], complete: bool, delimiter: u8) -> Vec<usize> {
    // Surplus cells are counted but not kept, so one column is enough to measure the width.
    let mut scanner = Scanner::new(delimiter, 1, 1);
    scanner.scan(sample, complete, ROWS);
    if scanner.rows.is_empty() {
        // The first row alone is longer than the sample, or a quote opens and never closes.
        scanner.scan(sample, true, 1);
    }
    scanner.rows.iter().map(|row| row.cells).collect()
}

/// How many in a thousand rows are as wide as most, and how wide that is; `None` where nothing
/// is divided.
fn agreement(widths: &[usize]) -> Option<(usize, usize)> {
    let header = *widths.first()?;
    let mut counts = std::collections::BTreeMap::new();
    for &width in widths {
        *counts.entry(width).or_insert(0) += 1;
    }
    let (&usual, &count) = counts.iter().max_by_key(|&(&width, &count)| (count, width == header, width))?;
    // A delimiter that the header does not have may still be one below a title line, with less weight.
    let doubt = if header == usual { 1 } else { 2 };
    match (usual, header) {
        (1, 1) => None,
        // Most rows break off after their first cell, but the header still tells.
        (1, _) => Some((0, header)),
        _ => Some((count * 1000 / widths.len() / doubt, usual)),
    }
}
