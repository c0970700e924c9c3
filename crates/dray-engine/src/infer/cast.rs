//! Text columns become typed ones, strictly: a cell that does not fit its column's type stops the cast.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use dray_model::value::{UTC, ValueType};

use super::text::{boolean, date, digits_of, instant, integer, time};
use super::{DecimalSize, InferredType};
use crate::check::words::is_canonical_uuid;

/// A cell that does not fit the type of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Index of the row within the column, from 0.
    pub row: usize,
    /// The cell.
    pub value: String,
}

/// Makes the typed column of a text column, in the Arrow type of its value type. Null and empty cells are null.
pub fn cast(column: &StringArray, wanted: &InferredType) -> Result<ArrayRef, Misfit> {
    Ok(match wanted.value_type {
        ValueType::Text | ValueType::Json => Arc::new(column.clone()),
        ValueType::Integer => {
            let (values, nulls) = values(column, integer)?;
            Arc::new(Int64Array::new(values.into(), nulls))
        }
        ValueType::Decimal => Arc::new(decimals(column, wanted.decimal.unwrap_or_default())?),
        ValueType::Boolean => {
            let (values, nulls) = values(column, boolean)?;
            Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls))
        }
        ValueType::Date => {
            let (values, nulls) = values(column, date)?;
            Arc::new(Date32Array::new(values.into(), nulls))
        }
        ValueType::Time => {
            let (values, nulls) = values(column, time)?;
            Arc::new(Time64MicrosecondArray::new(values.into(), nulls))
        }
        ValueType::DateTime => {
            let (values, nulls) = values(column, instant)?;
            Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone(UTC))
        }
        ValueType::Uuid => {
            let (_, nulls) = values(column, |text| is_canonical_uuid(text).then_some(()))?;
            Arc::new(with_nulls(column, nulls))
        }
    })
}

/// Reads every cell that has text; the others are null.
fn values<T: Copy + Default>(
    column: &StringArray,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(Vec<T>, Option<NullBuffer>), Misfit> {
    let mut values = Vec::with_capacity(column.len());
    let mut some_empty = false;
    for (row, text) in column.iter().enumerate() {
        let value = match text {
            None => T::default(),
            Some("") => {
                some_empty = true;
                T::default()
            }
            Some(text) => read(text).ok_or_else(|| Misfit { row, value: text.to_owned() })?,
        };
        values.push(value);
    }
    let nulls = if some_empty { filled(column) } else { column.nulls().cloned() };
    Ok((values, nulls))
}

fn filled(column: &StringArray) -> Option<NullBuffer> {
    let has_text = |row| column.is_valid(row) && !column.value(row).is_empty();
    Some(NullBuffer::new(BooleanBuffer::collect_bool(column.len(), has_text)))
}

fn with_nulls(column: &StringArray, nulls: Option<NullBuffer>) -> StringArray {
    StringArray::new(column.offsets().clone(), column.values().clone(), nulls)
}

/// Numbers with exactly the decimals of the size. A zero has no minus.
fn decimals(column: &StringArray, size: DecimalSize) -> Result<StringArray, Misfit> {
    let scale = usize::from(size.scale);
    let most_whole = usize::from(size.precision).saturating_sub(scale);
    let mut as_written = true;
    let (digits, nulls) = values(column, |text| {
        let digits =
            digits_of(text).filter(|digits| digits.whole <= most_whole && digits.decimals <= scale)?;
        Some((digits.decimals, is_negative_zero(text)))
    })?;
    for (row, &(decimals, negative_zero)) in digits.iter().enumerate() {
        let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        as_written &= is_null || (decimals == scale && !negative_zero);
    }
    if as_written {
        return Ok(with_nulls(column, nulls));
    }
    let mut padded =
        StringBuilder::with_capacity(column.len(), column.value_data().len() + column.len() * scale);
    let mut number = String::new();
    for (row, &(decimals, negative_zero)) in digits.iter().enumerate() {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            padded.append_null();
            continue;
        }
        let text = column.value(row);
        number.clear();
        number.push_str(if negative_zero { text.trim_start_matches('-') } else { text });
        if decimals == 0 && scale > 0 {
            number.push('.');
        }
        number.extend(std::iter::repeat_n('0', scale - decimals));
        padded.append_value(&number);
    }
    Ok(padded.finish())
}

fn is_negative_zero(text: &str) -> bool {
    text.starts_with('-') && !text.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}
