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
