//! The sheets beside the one that is read: in which of them its table goes on, and what is said of the others.

use dray_model::problem::{Problem, ProblemCode, shown};

use super::choice::{SheetInfo, numbered};

/// The most names of sheets that are told.
const SHEETS_SHOWN: usize = 10;

/// The sheets of a workbook.
pub(super) struct Tabs {
    pub(super) sheets: Vec<SheetInfo>,
    /// The one that is read, or that the table begins on.
    pub(super) chosen: usize,
    /// Those its table goes on in.
    pub(super) continued: Vec<usize>,
}

impl Tabs {
    /// The name of the sheet that was chosen.
    pub(super) fn name(&self) -> &str {
        self.name_of(self.chosen)
    }

    fn name_of(&self, index: usize) -> &str {
        self.sheets.get(index).map_or("", |sheet| &sheet.name)
    }

    /// The sheet in which the table may go on once the last one is full: it has the name that the writer gives.
    pub(super) fn next(&self) -> Option<usize> {
        let last = self.continued.last().copied().unwrap_or(self.chosen);
        let name = numbered(self.name(), self.continued.len() + 2);
        let is_next = |sheet: &SheetInfo| sheet.name == name && sheet.visible && sheet.has_cells;
        let behind = self.sheets.iter().enumerate().skip(last + 1);
        behind.filter(|(_, sheet)| is_next(sheet)).map(|(index, _)| index).next()
    }

    /// What is said of hidden sheets, which nobody sees that there are.
    pub(super) fn hidden(&self) -> Option<Problem> {
        let hidden = self.names(|sheet| !sheet.visible);
        let message = match hidden.len() {
            0 => return None,
            1 => format!("the sheet {} is hidden and was not read", listed(&hidden)),
            _ => format!("the sheets {} are hidden and were not read", listed(&hidden)),
        };
        Some(Problem::about_file(ProblemCode::HiddenSheets, 0, message))
    }

    /// Which sheet was read although nobody named one, and which were not.
    pub(super) fn others(&self) -> Option<Problem> {
        let others = self.names(|sheet| sheet.visible && sheet.has_cells);
        let message = match others.len() {
            0 => return None,
            1 => format!("the sheet `{}` was read; there is also {}", shown(self.name()), listed(&others)),
            _ => format!("the sheet `{}` was read; there are also {}", shown(self.name()), listed(&others)),
        };
        Some(Problem::about_file(ProblemCode::OtherSheets, 0, message))
    }

    /// Where the table went on.
    pub(super) fn continuation(&self) -> Option<Problem> {
        let names: Vec<&str> = self.continued.iter().map(|&index| self.name_of(index)).collect();
        if names.is_empty() {
            return None;
        }
        let message = format!(
            "the sheet `{}` is full; its table goes on in {}, which was read too",
            shown(self.name()),
            listed(&names)
        );
        Some(Problem::about_file(ProblemCode::OtherSheets, 0, message))
    }

    /// The names of sheets that were not read.
    fn names(&self, is_meant: impl Fn(&SheetInfo) -> bool) -> Vec<&str> {
        let was_read = |index: &usize| *index == self.chosen || self.continued.contains(index);
        let sheets = self.sheets.iter().enumerate();
        sheets
            .filter(|(index, sheet)| !was_read(index) && is_meant(sheet))
            .map(|(_, sheet)| sheet.name.as_str())
            .collect()
    }
}

fn listed(names: &[&str]) -> String {
    let more = if names.len() > SHEETS_SHOWN { " and others" } else { "" };
    let names: Vec<String> =
        names.iter().take(SHEETS_SHOWN).map(|name| format!("`{}`", shown(name))).collect();
    names.join(", ") + more
}
