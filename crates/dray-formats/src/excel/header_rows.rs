//! The header of a sheet: which of its first rows name the columns, and what the columns are called.

use dray_model::problem::{Problem, ProblemCode, shown};
use dray_model::{Error, ErrorKind, Result};

use super::address::{Area, MAX_COLUMNS};
use super::row::SheetRow;
use crate::header::{column_names, find_header};
use crate::options::{HeaderRow, ReadOptions};

/// How many rows are looked at.
pub(super) const ROWS_LOOKED_AT: usize = 50;

/// How much of a cell is looked at.
const CELL_BYTES_LOOKED_AT: usize = 1000;

/// The header of a sheet, and where the table below it stands.
pub(super) struct Header {
    /// The names of the columns.
    pub(super) names: Vec<String>,
    /// The column of the sheet that the first name stands over, from 0.
    pub(super) first_column: u32,
    /// How many of the rows looked at stand above the first row of data.
    pub(super) rows_used: usize,
    /// Number of the header's last row; 0 where there is none.
    pub(super) last_row: u32,
    /// False where the names are made up.
    pub(super) is_there: bool,
    /// For people: `row 4`.
    pub(super) found: String,
    /// How sure that is.
    pub(super) confidence: f64,
    /// What is to be said about it.
    pub(super) problems: Vec<Problem>,
}

/// Finds the header among the first rows of a sheet. `merged` gives the merged cells of the sheet and
/// is asked only where the header has several rows.
pub(super) fn find(
    name: &str,
    rows: &[SheetRow],
    options: &ReadOptions,
    merged: impl FnOnce() -> Result<Vec<Area>>,
) -> Result<Header> {
    let (first, count, confidence) = match options.header_row {
        Some(HeaderRow::None) => (0, 0, 1.0),
        Some(HeaderRow::Row(number)) => {
            let Some(first) = rows.iter().position(|row| u64::from(row.number) == number) else {
                let message = format!("row {number} of `{name}`, where the header should be, is empty");
                return Err(Error::request(message)
                    .hint("give the number that stands beside the row in a spreadsheet program"));
            };
            (first, 1, 1.0)
        }
        None => {
            let found = find_header(&dense(rows));
            (found.first.min(rows.len()), found.count, found.confidence)
        }
    };
    let header_rows = rows.get(first..(first + count).min(rows.len())).unwrap_or_default();
    let data_rows = rows.get(first + header_rows.len()..).unwrap_or_default();
    let merged = if header_rows.len() > 1 { merged()? } else { Vec::new() };

    let table = rows.get(first..).unwrap_or_default();
    let reach = |row: &SheetRow| row.cells.last().map_or(0, |cell| cell.column + 1);
    let most = u32::try_from(options.limits.within_reason().max_columns).unwrap_or(MAX_COLUMNS);
    // A single cell far to the right is no column; it is told about when its row comes.
    let end_of_data = data_rows.iter().map(reach).filter(|&end| end <= most).max().unwrap_or(0);
    // Where nothing names the columns the first row shows how far they reach.
    let naming = if header_rows.is_empty() { table.get(..1).unwrap_or_default() } else { header_rows };
    let end = naming.iter().map(reach).max().unwrap_or(0).max(end_of_data).max(1);
    let first_column = table
        .iter()
        .filter_map(|row| row.cells.first())
        .map(|cell| cell.column)
        .min()
        .unwrap_or(0)
        .min(end - 1);
    let columns = end - first_column;
    if columns > most {
        let message = format!("the header of `{name}` has {columns} columns");
        return Err(Error::new(ErrorKind::Limit, message)
            .hint(format!("at most {most} are read; leave out those that nobody needs")));
    }
    let names = column_names((first_column..end).map(|column| joined(header_rows, &merged, column)));
    let last_row = header_rows.last().map_or(0, |row| row.number);
    let is_there = !header_rows.is_empty();
    Ok(Header {
        names,
        first_column,
        rows_used: first + header_rows.len(),
        last_row,
        is_there,
        found: match (header_rows.first(), header_rows.len()) {
            (None, _) => "none".to_owned(),
            (Some(row), 1) => format!("row {}", row.number),
            (Some(row), _) => format!("rows {} to {last_row}", row.number),
        },
        confidence,
        problems: problems(rows.get(..first).unwrap_or_default(), is_there, options),
    })
}

/// The rows as all their cells, empty ones too.
fn dense(rows: &[SheetRow]) -> Vec<Vec<String>> {
    let end = rows.iter().filter_map(|row| row.cells.last()).map(|cell| cell.column as usize + 1).max();
    let as_cells = |row: &SheetRow| {
        let mut cells = vec![String::new(); end.unwrap_or(0)];
        for &cell in &row.cells {
            let text = row.text(cell);
            let text = text.get(..CELL_BYTES_LOOKED_AT).unwrap_or(text);
            if let Some(place) = cells.get_mut(cell.column as usize) {
                *place = String::from_utf8_lossy(text).into_owned();
            }
        }
        cells
    };
    rows.iter().map(as_cells).collect()
}

/// What the header says over a column: the texts of its rows with blanks between them. A text of
/// merged cells stands over all their columns, and once in each.
fn joined(header_rows: &[SheetRow], merged: &[Area], column: u32) -> String {
    let mut name = String::new();
    let mut last_area: Option<&Area> = None;
    for row in header_rows {
        let area = merged.iter().find(|area| area.contains(row.number, column));
        if area.is_some() && area == last_area {
            continue;
        }
        last_area = area;
        let (column, row_number) =
            area.map_or((column, row.number), |area| (area.first_column, area.first_row));
        let row = header_rows.iter().find(|row| row.number == row_number);
        let cell =
            row.and_then(|row| row.cells.iter().find(|cell| cell.column == column).map(|&cell| (row, cell)));
        let Some((row, cell)) = cell else { continue };
        let text = String::from_utf8_lossy(row.text(cell));
        let text = text.trim();
        if !text.is_empty() {
            name += if name.is_empty() { "" } else { " " };
            name += text;
        }
    }
    name
}

fn problems(above: &[SheetRow], is_there: bool, options: &ReadOptions) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let (Some(first), Some(last)) = (above.first(), above.last()) {
        let text = first.cells.first().map(|&cell| String::from_utf8_lossy(first.text(cell)).into_owned());
        let message = if first.number == last.number {
            format!("row {} above the header was left out", first.number)
        } else {
            format!("rows {} to {} above the header were left out", first.number, last.number)
        };
        let mut problem = Problem::about_file(ProblemCode::SkippedLines, u64::from(first.number), message);
        problem.value = text.as_deref().map(shown);
        problems.push(problem);
    }
    if !is_there && options.header_row.is_none() {
        let message = "no row names the columns; they were given numbers".to_owned();
        problems.push(Problem::about_file(ProblemCode::NoHeader, 0, message));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::row::Content;
    use super::*;

    #[test]
    fn merged_texts_stand_over_all_their_columns() {
        let row = |number: u32, cells: &[(u32, &str)]| {
            let mut row = SheetRow::default();
            row.begin(number);
            for (column, text) in cells {
                row.push(*column, Content::Text, |out| out.extend_from_slice(text.as_bytes()));
            }
            row
        };
        let rows = [
            row(1, &[(0, "Name"), (1, "Address"), (4, "Since")]),
            row(2, &[(1, "Street"), (2, " City "), (3, "Phone")]),
        ];
        let merged = ["A1:A2", "B1:C1", "E1:E2", "A7:B9"];
        let merged: Vec<Area> = merged.iter().map(|area| Area::parse(area.as_bytes()).unwrap()).collect();
        let names = |merged: &[Area]| (0..5).map(|column| joined(&rows, merged, column)).collect::<Vec<_>>();
        assert_eq!(names(&merged), ["Name", "Address Street", "Address City", "Phone", "Since"]);
        assert_eq!(names(&[]), ["Name", "Address Street", "City", "Phone", "Since"]);
    }
}
