//! Cells by reference: a record in the making is a list of places its cells come from, so that no value
//! is copied before it is written.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_select::interleave::interleave;
use dray_model::flow::Found;
use dray_model::object::{ColumnIndex, Object};
use dray_model::value::{ValueType, text_of};

/// Where a cell comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRef {
    /// This row of the batch.
    Incoming(usize),
    /// This row of what a lookup found.
    Found {
        /// Which lookup.
        found: usize,
        /// Its row.
        row: usize,
    },
}

/// The cells of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'b> {
    /// The object.
    pub object: &'b Object,
    /// The columns of the batch.
    pub columns: &'b [ColumnIndex],
    /// The columns lookups bring.
    pub wanted: &'b [ColumnIndex],
    /// The values of `columns`.
    pub values: &'b [ArrayRef],
}

impl Incoming<'_> {
    /// True where the batch has no value for this stored column in this row.
    pub fn is_empty(&self, column: ColumnIndex, row: usize) -> bool {
        self.columns
            .iter()
            .position(|&given| given == column)
            .is_none_or(|position| self.values[position].is_null(row))
    }

    fn locate<'c>(
        &'c self,
        cell: CellRef,
        position: usize,
        found: &'c [Found],
    ) -> Option<(&'c ArrayRef, usize)> {
        match cell {
            CellRef::Incoming(row) => Some((&self.values[position], row)),
            CellRef::Found { found: lookup, row } => {
                let index = self.wanted.iter().position(|&column| column == self.columns[position])?;
                Some((found.get(lookup)?.values.get(index)?, row))
            }
        }
    }

    /// True where the cell is null.
    pub fn is_null(&self, cell: CellRef, position: usize, found: &[Found]) -> bool {
        self.locate(cell, position, found).is_none_or(|(array, row)| array.is_null(row))
    }

    /// The canonical text of a cell.
    pub fn text(&self, cell: CellRef, position: usize, found: &[Found]) -> Option<String> {
        let (array, row) = self.locate(cell, position, found)?;
        text_of(self.object.columns[self.columns[position]].value_type, array, row)
    }

    /// True where two cells of the same column hold the same value.
    pub fn are_equal(&self, left: CellRef, right: CellRef, position: usize, found: &[Found]) -> bool {
        let value_type = self.object.columns[self.columns[position]].value_type;
        match (self.locate(left, position, found), self.locate(right, position, found)) {
            (Some((left, left_row)), Some((right, right_row))) => {
                same_value(value_type, left, left_row, right, right_row)
            }
            _ => false,
        }
    }

    /// The values of one column for several records, each taken from where its cell is.
    pub fn gather(
        &self,
        position: usize,
        cells: &[CellRef],
        found: &[Found],
    ) -> dray_model::Result<ArrayRef> {
        let mut arrays: Vec<&dyn Array> = vec![self.values[position].as_ref()];
        let mut slots: HashMap<usize, usize> = HashMap::new();
        let index = self.wanted.iter().position(|&column| column == self.columns[position]);
        let mut places = Vec::with_capacity(cells.len());
        for cell in cells {
            places.push(match (*cell, index) {
                (CellRef::Incoming(row), _) => (0, row),
                (CellRef::Found { found: lookup, row }, Some(index)) => {
                    let slot = *slots.entry(lookup).or_insert_with(|| {
                        arrays.push(found[lookup].values[index].as_ref());
                        arrays.len() - 1
                    });
                    (slot, row)
                }
                (CellRef::Found { .. }, None) => (0, 0),
            });
        }
        interleave(&arrays, &places).map_err(|why| {
            dray_model::Error::store(format!(
                "the store returned column `{}` in another type than the object says",
                self.object.columns[self.columns[position]].name
            ))
            .because(why)
        })
    }
}

/// True where both cells are null, or both hold the same value. JSON is compared by meaning.
fn same_value(
    value_type: ValueType,
    left: &ArrayRef,
    left_row: usize,
    right: &ArrayRef,
    right_row: usize,
) -> bool {
    match (left.is_null(left_row), right.is_null(right_row)) {
        (true, true) => return true,
        (false, false) => {}
        _ => return false,
    }
    match value_type {
        ValueType::Text | ValueType::Decimal | ValueType::Uuid => {
            left.as_string::<i32>().value(left_row) == right.as_string::<i32>().value(right_row)
        }
        ValueType::Json => {
            let (left, right) =
                (left.as_string::<i32>().value(left_row), right.as_string::<i32>().value(right_row));
            left == right || compact_json(left).is_some_and(|left| Some(left) == compact_json(right))
        }
        ValueType::Integer => {
            left.as_primitive::<Int64Type>().value(left_row)
                == right.as_primitive::<Int64Type>().value(right_row)
        }
        ValueType::Boolean => left.as_boolean().value(left_row) == right.as_boolean().value(right_row),
        ValueType::Date => {
            left.as_primitive::<Date32Type>().value(left_row)
                == right.as_primitive::<Date32Type>().value(right_row)
        }
        ValueType::DateTime => {
            left.as_primitive::<TimestampMicrosecondType>().value(left_row)
                == right.as_primitive::<TimestampMicrosecondType>().value(right_row)
        }
        ValueType::Time => {
            left.as_primitive::<Time64MicrosecondType>().value(left_row)
                == right.as_primitive::<Time64MicrosecondType>().value(right_row)
        }
    }
}

/// JSON without the blanks between its parts; numbers and member order stay as written.
fn compact_json(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    let mut escaped = false;
    for c in text.chars() {
        if in_string {
            out.push(c);
            (escaped, in_string) = (c == '\\' && !escaped, c != '"' || escaped);
        } else if !c.is_ascii_whitespace() {
            in_string = c == '"';
            out.push(c);
        }
    }
    Some(out)
}

/// Takes some rows of an array, or the array itself where all are taken in order.
pub fn take_rows(array: &ArrayRef, rows: &[usize]) -> dray_model::Result<ArrayRef> {
    if rows.len() == array.len() && rows.iter().enumerate().all(|(index, &row)| index == row) {
        return Ok(Arc::clone(array));
    }
    let places: Vec<(usize, usize)> = rows.iter().map(|&row| (0, row)).collect();
    interleave(&[array.as_ref()], &places)
        .map_err(|why| dray_model::Error::request("rows cannot be picked from a batch").because(why))
}
