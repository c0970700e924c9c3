//! A source whose rows are repaired before they are imported. The bytes of a row stay as they were read, so that a
//! rejected row is given back as it was sent.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, StringArray};
use dray_model::batch::TextBatch;
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::object::fold_name;
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

use super::edits::Edits;
use super::replace::{Step, Wanted, fills_empty, replaced, steps_of};

/// How many bytes longer replacements may make a row.
const MOST_GROWTH: usize = 64 << 10;

/// The source, of which `skip_rows` were left out, with these repairs.
pub fn with_edits(source: Box<dyn RowSource>, edits: &Edits, skip_rows: u64) -> Result<Box<dyn RowSource>> {
    if edits.is_empty() {
        return Ok(source);
    }
    edits.check()?;
    let header = source.header().to_vec();
    let mut cells: BTreeMap<u64, Vec<NewCell>> = BTreeMap::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for edit in &edits.cells {
        let column = match places.get(edit.column.as_str()) {
            Some(column) => *column,
            None => *places.entry(&edit.column).or_insert(column_named(&header, &edit.column)?),
        };
        let text = edit.value.clone().filter(|text| !text.is_empty());
        let row = cells.entry(edit.row).or_default();
        row.retain(|known| known.column != column);
        row.push(NewCell { column, text });
    }
    let mut wanted: Vec<Option<usize>> = Vec::with_capacity(edits.replacements.len());
    for replacement in &edits.replacements {
        let column = replacement.column.as_deref();
        wanted.push(column.map(|column| column_named(&header, column)).transpose()?);
    }
    let texts: Vec<Arc<Wanted>> =
        edits.replacements.iter().map(|replacement| Arc::new(Wanted::new(replacement))).collect();
    // Columns for which the same is said share how it is done.
    let mut known: HashMap<Vec<usize>, Arc<Vec<Step>>> = HashMap::new();
    let mut of_column: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    let general: Vec<usize> = (0..wanted.len()).filter(|&index| wanted.get(index) == Some(&None)).collect();
    for column in wanted.iter().flatten() {
        of_column.entry(Some(*column)).or_insert_with(|| {
            let is_meant = |place: &Option<usize>| place.is_none_or(|place| place == *column);
            wanted.iter().enumerate().filter(|(_, place)| is_meant(place)).map(|(index, _)| index).collect()
        });
    }
    let steps = (0..header.len())
        .map(|column| {
            let meant = of_column.get(&Some(column)).unwrap_or(&general);
            Arc::clone(known.entry(meant.clone()).or_insert_with(|| Arc::new(steps_of(meant, &texts))))
        })
        .collect();
    let told = format!("cells: {}, replacements: {}", edits.cells.len(), edits.replacements.len());
    Ok(Box::new(Edited { source, header, cells, steps, rows_before: skip_rows, told }))
}

/// The column of this name, in any spelling of it.
fn column_named(header: &[String], name: &str) -> Result<usize> {
    let folded = fold_name(name);
    header
        .iter()
        .position(|header| header == name)
        .or_else(|| header.iter().position(|header| !folded.is_empty() && fold_name(header) == folded))
        .ok_or_else(|| {
            let names: Vec<String> = header.iter().map(|name| format!("`{}`", shown(name))).collect();
            Error::request(format!("the source has no column `{}` to be edited", shown(name)))
                .hint(format!("its columns are {}", names.join(", ")))
        })
}

/// A cell of a row as it shall be.
struct NewCell {
    column: usize,
    text: Option<String>,
}

/// A source whose rows are repaired.
struct Edited {
    source: Box<dyn RowSource>,
    header: Vec<String>,
    cells: BTreeMap<u64, Vec<NewCell>>,
    /// What is done with each column.
    steps: Vec<Arc<Vec<Step>>>,
    /// Rows that were read or left out.
    rows_before: u64,
    told: String,
}

impl Edited {
    /// Replaces texts in all columns for which something is said.
    fn replace(&self, batch: &mut TextBatch) {
        // How much longer each row has become, and whether it is one without any value: that stays one.
        let mut grown = vec![0_usize; batch.len()];
        let mut is_bare: Option<Vec<bool>> = None;
        for (index, steps) in self.steps.iter().enumerate() {
            let Some(column) = batch.columns.get(index).filter(|_| !steps.is_empty()) else { continue };
            let fills = fills_empty(steps);
            if fills && is_bare.is_none() {
                let bare = |row: usize| batch.columns.iter().all(|cells| cells.is_null(row));
                is_bare = Some((0..batch.len()).map(bare).collect());
            }
            let mut builder = StringBuilder::with_capacity(column.len(), column.value_data().len());
            for (row, grown) in grown.iter_mut().enumerate() {
                let cell = column.is_valid(row).then(|| column.value(row));
                let is_bare = is_bare.as_ref().and_then(|bare| bare.get(row)).is_some_and(|bare| *bare);
                if cell.is_none() && (!fills || is_bare) {
                    builder.append_null();
                    continue;
                }
                let text = cell.unwrap_or_default();
                let room = MOST_GROWTH.saturating_sub(*grown);
                match replaced(steps, text, room) {
                    Some(made) => {
                        *grown += made.len().saturating_sub(text.len());
                        builder.append_option((!made.is_empty()).then_some(made));
                    }
                    None => {
                        builder.append_option(cell);
                        batch.problems.push(Problem {
                            row_number: batch.first_row + row as u64,
                            line: batch.lines.get(row).copied().unwrap_or(0),
                            column: self.header.get(index).cloned(),
                            field: None,
                            code: ProblemCode::CellTooLarge,
                            severity: Severity::Error,
                            value: cell.map(shown),
                            message: format!(
                                "the cell is larger than the limit: replacements make the row more than \
                                 {MOST_GROWTH} bytes longer"
                            ),
                        });
                    }
                }
            }
            let made = builder.finish();
            if let Some(column) = batch.columns.get_mut(index) {
                *column = made;
            }
        }
        batch.problems.sort_by_key(|problem| problem.row_number);
    }

    /// Puts the new cells in.
    fn edit(&self, batch: &mut TextBatch) {
        let end = batch.first_row + batch.len() as u64;
        let mut of_column: BTreeMap<usize, BTreeMap<usize, Option<&str>>> = BTreeMap::new();
        for (row_number, cells) in self.cells.range(batch.first_row..end) {
            let row = usize::try_from(row_number - batch.first_row).unwrap_or(usize::MAX);
            for cell in cells {
                of_column.entry(cell.column).or_default().insert(row, cell.text.as_deref());
            }
            // What was wrong with a cell alone went with it; what is wrong with its row did not.
            batch.problems.retain(|problem| {
                let is_cell = |cell: &NewCell| {
                    self.header.get(cell.column).is_some_and(|name| problem.column.as_ref() == Some(name))
                };
                problem.row_number != *row_number
                    || !is_about_cell(problem.code)
                    || !cells.iter().any(is_cell)
            });
        }
        for (index, new) in of_column {
            let Some(column) = batch.columns.get_mut(index) else { continue };
            let cells = (0..column.len()).map(|row| match new.get(&row) {
                Some(text) => *text,
                None => column.is_valid(row).then(|| column.value(row)),
            });
            let made: StringArray = cells.collect();
            *column = made;
        }
    }

    /// Edits of rows that the source turns out not to have are refused.
    fn check_end(&self) -> Result<()> {
        match self.cells.last_key_value() {
            Some((row, _)) if *row > self.rows_before => Err(Error::request(format!(
                "row {row} cannot be edited: the source has {} rows",
                self.rows_before
            ))
            .hint("rows are counted from 1, without the header")),
            _ => Ok(()),
        }
    }
}

/// True for what a reader finds wrong with one cell and not with its row.
fn is_about_cell(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::CellError
            | ProblemCode::CellTooLarge
            | ProblemCode::InvalidEncoding
            | ProblemCode::InvalidCharacter
    )
}

impl RowSource for Edited {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        let Some(mut batch) = self.source.next_batch()? else {
            self.check_end()?;
            return Ok(None);
        };
        if !batch.is_empty() {
            self.rows_before = batch.first_row + batch.len() as u64 - 1;
            self.replace(&mut batch);
            self.edit(&mut batch);
        }
        Ok(Some(batch))
    }

    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    fn detected(&self) -> Vec<Detected> {
        let mut detected = self.source.detected();
        detected.push(Detected::certain("edits", self.told.clone()));
        detected
    }

    fn has_header(&self) -> bool {
        self.source.has_header()
    }

    /// A column in which something may be changed holds what people wrote, and no longer what the source gave it.
    fn column_types(&self) -> Vec<Option<ValueType>> {
        let is_changed = |index: usize| {
            self.steps.get(index).is_some_and(|steps| !steps.is_empty())
                || self.cells.values().flatten().any(|cell| cell.column == index)
        };
        let types = self.source.column_types().into_iter().enumerate();
        types.map(|(index, given)| given.filter(|_| !is_changed(index))).collect()
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        self.source.failed_rows()
    }
}
