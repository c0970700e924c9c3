//! Tables made of arrays, `[["id","name"],[1,"Ann"]]`: what their columns are called.

use super::parse::{Kind, Stop, Walker};
use super::records::Columns;
use super::text::append_value;
use crate::header::{column_names, count_header_rows};

/// How many arrays decide whether the first one names the columns.
pub(super) const ROWS_LOOKED_AT: usize = 50;

/// How much of a value is looked at.
const VALUE_BYTES_LOOKED_AT: usize = 1000;

/// The first arrays of a source.
pub(super) struct FirstArrays {
    rows: Vec<Vec<String>>,
    /// The first one has nothing but strings.
    may_be_header: bool,
    most_columns: usize,
}

impl FirstArrays {
    pub(super) fn new(most_columns: usize) -> Self {
        Self { rows: Vec::new(), may_be_header: true, most_columns }
    }

    /// Walks one more array. Of one that is too long for any table a value too many is kept.
    pub(super) fn add(&mut self, walker: &mut Walker<'_>, text: &[u8]) -> Result<(), Stop> {
        let is_first = self.rows.is_empty();
        let mut row = Vec::new();
        walker.elements(|value| {
            self.may_be_header &= !is_first || value.kind == Kind::Text;
            if row.len() <= self.most_columns {
                let source = text.get(value.start..value.end).unwrap_or_default();
                let mut said = Vec::new();
                if value.kind != Kind::Null {
                    append_value(source.get(..VALUE_BYTES_LOOKED_AT).unwrap_or(source), &mut said);
                }
                row.push(String::from_utf8_lossy(&said).into_owned());
            }
        })?;
        self.rows.push(row);
        Ok(())
    }

    /// The columns; and how sure it is that the first array names them, `None` where it does not.
    pub(super) fn columns(&self) -> (Columns, Option<f64>) {
        let mut columns = Columns::new();
        let width = self.rows.first().map_or(0, Vec::len);
        let (count, confidence) = count_header_rows(&self.rows, width);
        let names = self.rows.first().filter(|_| self.may_be_header && count > 0);
        let widest = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = match names {
            Some(names) => names.clone(),
            None => vec![String::new(); widest],
        };
        for name in column_names(cells.into_iter()) {
            columns.add(name.into_bytes());
        }
        (columns, names.map(|_| confidence))
    }
}
