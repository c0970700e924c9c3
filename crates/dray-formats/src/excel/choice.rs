//! Which sheet of a workbook is read.

use dray_model::{Error, Result};

/// A sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SheetInfo {
    /// The name on its tab.
    pub(super) name: String,
    /// False where people do not see the tab.
    pub(super) visible: bool,
    /// False for charts and the like, which have no cells.
    pub(super) has_cells: bool,
}

/// The sheets that are looked at in turn: the wanted one, or all visible ones. Indexes into `sheets`.
pub(super) fn candidates(file: &str, sheets: &[SheetInfo], wanted: Option<&str>) -> Result<Vec<usize>> {
    let Some(wanted) = wanted else {
        let visible = |sheet: &SheetInfo| sheet.visible && sheet.has_cells;
        let indexes = (0..sheets.len()).filter(|&index| sheets.get(index).is_some_and(visible));
        return Ok(indexes.collect());
    };
    let by_name = sheets.iter().position(|sheet| sheet.name == wanted);
    let by_caseless_name =
        || sheets.iter().position(|sheet| sheet.name.to_lowercase() == wanted.trim().to_lowercase());
    let by_number = || {
        let number: usize = wanted.trim().parse().ok()?;
        number.checked_sub(1).filter(|&index| index < sheets.len())
    };
    match by_name.or_else(by_caseless_name).or_else(by_number) {
        Some(index) if sheets.get(index).is_some_and(|sheet| !sheet.has_cells) => {
            Err(Error::request(format!("the sheet `{wanted}` of `{file}` is a chart and has no cells"))
                .hint(list(sheets)))
        }
        Some(index) => Ok(vec![index]),
        None => Err(Error::request(format!("`{file}` has no sheet `{wanted}`")).hint(list(sheets))),
    }
}

/// How many rows a cover page has at most.
const COVER_ROWS: u32 = 20;

/// What the first rows of a sheet look like. A title, a date and a note make a cover page; it has no two rows
/// that have cells side by side.
#[derive(Debug, Default)]
pub(super) struct Glance {
    rows: u32,
    wide_rows: u32,
}

impl Glance {
    /// Looks at one more row; false where no more are needed.
    pub(super) fn look(&mut self, cells: usize) -> bool {
        self.rows += 1;
        self.wide_rows += u32::from(cells > 1);
        !self.is_table()
    }

    fn is_table(&self) -> bool {
        self.wide_rows > 1 || self.rows > COVER_ROWS
    }
}

/// The first of the candidates that holds a table; where none clearly does, the first with a cell.
pub(super) fn choose(
    candidates: &[usize],
    mut glance: impl FnMut(usize) -> Result<Glance>,
) -> Result<Option<usize>> {
    let mut first = None;
    for &index in candidates {
        match glance(index) {
            Ok(seen) if seen.is_table() => return Ok(Some(index)),
            Ok(seen) if seen.rows > 0 => first = first.or(Some(index)),
            Ok(_) => {}
            // What is behind a sheet that can be read does not have to be.
            Err(_) if first.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(first)
}

/// The longest name of a sheet, in the units of UTF-16.
pub(super) const MAX_SHEET_NAME_UNITS: usize = 31;

/// What a sheet is called that has no title.
pub(super) const FIRST_SHEET: &str = "Sheet 1";

/// The name of the sheet in which a table goes on whose first sheet is full: `Contacts 2`, `Sheet 2`.
pub(super) fn numbered(first: &str, number: usize) -> String {
    let base = if first == FIRST_SHEET { "Sheet" } else { first };
    let number = format!(" {number}");
    cut(base, MAX_SHEET_NAME_UNITS - number.len()) + &number
}

/// The beginning of a name, without what may not stand at the end of one.
pub(super) fn cut(text: &str, units: usize) -> String {
    let mut left = units;
    let fits = |letter: &char| {
        let fits = letter.len_utf16() <= left;
        left = left.saturating_sub(letter.len_utf16());
        fits
    };
    let cut: String = text.chars().take_while(fits).collect();
    cut.trim_end().trim_end_matches('\'').to_owned()
}

/// What is said where no sheet that was looked at has cells.
pub(super) fn no_cells(file: &str, sheets: &[SheetInfo], wanted: Option<&str>) -> Error {
    match wanted {
        Some(wanted) => {
            Error::source(format!("the sheet `{wanted}` of `{file}` is empty")).hint(list(sheets))
        }
        None => Error::source(format!("`{file}` is empty"))
            .hint(format!("no visible sheet has a cell with a value; {}", list(sheets))),
    }
}

/// The most sheets a message names.
const SHEETS_SHOWN: usize = 20;

fn list(sheets: &[SheetInfo]) -> String {
    let mut names: Vec<String> = sheets
        .iter()
        .take(SHEETS_SHOWN)
        .enumerate()
        .map(|(index, sheet)| {
            let hidden = if sheet.visible { "" } else { " (hidden)" };
            format!("{} `{}`{hidden}", index + 1, sheet.name)
        })
        .collect();
    if sheets.len() > SHEETS_SHOWN {
        names.push(format!("and {} more", sheets.len() - SHEETS_SHOWN));
    }
    format!("its sheets are {}", names.join(", "))
}
