//! A source whose cells are repaired on the way: rows keep the bytes they were read from, and warnings at
//! the end say how many cells of which column were changed.

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, StringArray};
use dray_model::Result;
use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, shown};
use dray_model::value::ValueType;

use super::finding::Tally;
use super::repair::Repair;

/// Repairs columns of a source, by position in its header, on the way. A column may have several repairs;
/// they are made one after the other.
pub fn repaired(source: Box<dyn RowSource>, repairs: &[(usize, Repair)]) -> Box<dyn RowSource> {
    let repairs = repairs
        .iter()
        .filter(|(column, _)| *column < source.header().len())
        .map(|&(column, repair)| ColumnRepair { column, repair, repaired: Tally::default() })
        .collect();
    Box::new(RepairedSource { source, repairs, told: false, next_row: 1 })
}

struct RepairedSource {
    source: Box<dyn RowSource>,
    repairs: Vec<ColumnRepair>,
    /// True after the warnings were given.
    told: bool,
    next_row: u64,
}

struct ColumnRepair {
    column: usize,
    repair: Repair,
    repaired: Tally,
}

impl ColumnRepair {
    fn apply(&mut self, batch: &mut TextBatch) {
        let Some(cells) = batch.columns.get(self.column) else { return };
        if !self.repair.may_apply(cells.value_data()) {
            return;
        }
        // Most batches need nothing; they are handed on as they are.
        let Some(first) = (0..cells.len()).find(|&row| self.repaired_cell(cells, row).is_some()) else {
            return;
        };
        let mut said = StringBuilder::with_capacity(cells.len(), cells.value_data().len());
        (0..first).for_each(|row| said.append_option(cells.is_valid(row).then(|| cells.value(row))));
        for row in first..cells.len() {
            match self.repaired_cell(cells, row) {
                Some(text) => {
                    let line = batch.lines.get(row).copied().unwrap_or(0);
                    self.repaired.add(batch.first_row + row as u64, line, cells.value(row));
                    said.append_value(text);
                }
                None => said.append_option(cells.is_valid(row).then(|| cells.value(row))),
            }
        }
        batch.columns[self.column] = said.finish();
    }

    fn repaired_cell(&self, cells: &StringArray, row: usize) -> Option<String> {
        if cells.is_valid(row) { self.repair.apply(cells.value(row)) } else { None }
    }

    fn warning(&self, header: &[String]) -> Option<Problem> {
        let first = self.repaired.examples.first()?;
        let column = header.get(self.column)?;
        let was = if self.repaired.count == 1 { "was" } else { "were" };
        Some(Problem {
            column: Some(column.clone()),
            value: Some(shown(&first.value)),
            message: format!(
                "{} {was} repaired, the first in row {}: {}",
                self.repaired.cells(),
                first.row_number,
                self.repair.sentence()
            ),
            ..Problem::about_file(ProblemCode::DamagedText, 0, "")
        })
    }
}

impl RowSource for RepairedSource {
    fn header(&self) -> &[String] {
        self.source.header()
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        if let Some(mut batch) = self.source.next_batch()? {
            self.next_row = batch.first_row + batch.len() as u64;
            self.repairs.iter_mut().for_each(|repair| repair.apply(&mut batch));
            return Ok(Some(batch));
        }
        let header = self.source.header();
        let problems: Vec<Problem> =
            self.repairs.iter().filter_map(|repair| repair.warning(header)).collect();
        if self.told || problems.is_empty() {
            return Ok(None);
        }
        self.told = true;
        Ok(Some(TextBatch {
            first_row: self.next_row,
            lines: Vec::new(),
            columns: vec![StringArray::new_null(0); header.len()],
            raw: RawRows::default(),
            problems,
        }))
    }

    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    fn detected(&self) -> Vec<Detected> {
        self.source.detected()
    }

    fn has_header(&self) -> bool {
        self.source.has_header()
    }

    fn column_types(&self) -> Vec<Option<ValueType>> {
        let mut types = self.source.column_types();
        // What was repaired is text again.
        for repair in &self.repairs {
            if let Some(given) = types.get_mut(repair.column) {
                *given = None;
            }
        }
        types
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        self.source.failed_rows()
    }
}
