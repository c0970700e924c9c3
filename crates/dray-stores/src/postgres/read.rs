//! Decodes binary rows straight into column builders.

use dray_model::value::ValueType;
use dray_model::{Error, Result};
use postgres::Row;
use postgres::types::{FromSql, Type};

use super::BoxedError;
use super::encode::{EPOCH_DAYS, EPOCH_MICROS};
use crate::cells::{BatchBuilder, ColumnBuilder, StoredColumn};
use crate::decimal;
use crate::errors::unreadable_cell;

/// A cell as the server sent it.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Self, BoxedError> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Appends a row to the batch.
pub(super) fn append_row(batch: &mut BatchBuilder, columns: &[StoredColumn], row: &Row) -> Result<()> {
    for (index, (builder, column)) in batch.columns.iter_mut().zip(columns).enumerate() {
        let cell: Option<Raw<'_>> = row.try_get(index).map_err(|cause| unreadable(column).because(cause))?;
        match cell {
            None => builder.append_null(),
            Some(Raw(bytes)) => append_cell(builder, column, bytes).ok_or_else(|| unreadable(column))?,
        }
    }
    batch.rows += 1;
    Ok(())
}

fn unreadable(column: &StoredColumn) -> Error {
    unreadable_cell(&column.name, &column.value_type, "a value of another type")
}

fn append_cell(builder: &mut ColumnBuilder, column: &StoredColumn, bytes: &[u8]) -> Option<()> {
    match builder {
        ColumnBuilder::Text(builder) => match column.value_type {
            ValueType::Decimal => {
                let mut plain = String::with_capacity(bytes.len() * 2);
                append_numeric_text(bytes, &mut plain)?;
                let mut canonical = String::with_capacity(plain.len());
                decimal::append_canonical(&plain, column.scale, &mut canonical);
                builder.append_value(&canonical);
            }
            ValueType::Uuid => builder.append_value(uuid_text(bytes.try_into().ok()?)),
            _ => builder.append_value(std::str::from_utf8(bytes).ok()?),
        },
        ColumnBuilder::Integer(builder) => builder.append_value(i64::from_be_bytes(bytes.try_into().ok()?)),
        ColumnBuilder::Boolean(builder) => builder.append_value(*bytes.first()? != 0),
        ColumnBuilder::Date(builder) => {
            builder.append_value(i32::from_be_bytes(bytes.try_into().ok()?).saturating_add(EPOCH_DAYS));
        }
        ColumnBuilder::DateTime(builder) => {
            builder.append_value(i64::from_be_bytes(bytes.try_into().ok()?).saturating_add(EPOCH_MICROS));
        }
        ColumnBuilder::Time(builder) => builder.append_value(i64::from_be_bytes(bytes.try_into().ok()?)),
    }
    Some(())
}

fn uuid_text(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Appends a numeric as the server shows it: groups of four digits around the point.
fn append_numeric_text(bytes: &[u8], out: &mut String) -> Option<()> {
    let number = |index: usize| -> Option<i16> {
        Some(i16::from_be_bytes(bytes.get(2 * index..2 * index + 2)?.try_into().ok()?))
    };
    let (count, weight, sign, scale) = (number(0)?, i32::from(number(1)?), number(2)?, number(3)?);
    match sign {
        0 => {}
        0x4000 => out.push('-'),
        _ => {
            // Not a number, or infinite: shown as the server shows it.
            out.push_str(match sign.cast_unsigned() {
                0xD000 => "Infinity",
                0xF000 => "-Infinity",
                _ => "NaN",
            });
            return Some(());
        }
    }
    let group = |position: i32| -> i16 {
        let index = weight - position;
        if index < 0 || index >= i32::from(count) {
            return 0;
        }
        usize::try_from(index + 4).ok().and_then(number).unwrap_or(0)
    };
    let digits = |value: i16| [value / 1000, value / 100 % 10, value / 10 % 10, value % 10];
    let push = |digit: i16, out: &mut String| out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    let mut begun = false;
    for position in (0..=weight).rev() {
        for digit in digits(group(position)) {
            begun |= digit != 0;
            if begun {
                push(digit, out);
            }
        }
    }
    if !begun {
        out.push('0');
    }
    if scale > 0 {
        out.push('.');
        for decimal in 0..i32::from(scale) {
            let position = -1 - decimal / 4;
            push(digits(group(position))[usize::try_from(decimal % 4).ok()?], out);
        }
    }
    Some(())
}
