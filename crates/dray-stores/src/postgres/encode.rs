//! Cells in PostgreSQL's binary form, for COPY and for arrays alike.

use arrow_array::Array;
use dray_model::value::ValueType;
use postgres::types::Type;

use crate::cells::Values;

/// Days from 1970-01-01, where our days begin, to 2000-01-01, where PostgreSQL's do.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// The server's type for values of ours.
pub(super) fn server_type(value_type: ValueType) -> Type {
    match value_type {
        ValueType::Text => Type::TEXT,
        ValueType::Integer => Type::INT8,
        ValueType::Decimal => Type::NUMERIC,
        ValueType::Boolean => Type::BOOL,
        ValueType::Date => Type::DATE,
        ValueType::DateTime => Type::TIMESTAMPTZ,
        ValueType::Time => Type::TIME,
        ValueType::Uuid => Type::UUID,
        ValueType::Json => Type::JSON,
    }
}

/// Appends the length and bytes of one cell, or the length that means null. False where the value is
/// none the server could hold (then nothing useful was appended).
pub(super) fn append_cell(value_type: ValueType, values: Values<'_>, row: usize, out: &mut Vec<u8>) -> bool {
    match values {
        Values::Text(array) if !array.is_null(row) => {
            let text = array.value(row);
            match value_type {
                ValueType::Decimal => return append_numeric(text, out),
                ValueType::Uuid => return append_uuid(text, out),
                _ => append_bytes(text.as_bytes(), out),
            }
        }
        Values::Integer(array) if !array.is_null(row) => append_bytes(&array.value(row).to_be_bytes(), out),
        Values::Boolean(array) if !array.is_null(row) => append_bytes(&[array.value(row).into()], out),
        Values::Date(array) if !array.is_null(row) => {
            append_bytes(&array.value(row).saturating_sub(EPOCH_DAYS).to_be_bytes(), out);
        }
        Values::DateTime(array) if !array.is_null(row) => {
            append_bytes(&array.value(row).saturating_sub(EPOCH_MICROS).to_be_bytes(), out);
        }
        Values::Time(array) if !array.is_null(row) => append_bytes(&array.value(row).to_be_bytes(), out),
        _ => out.extend_from_slice(&(-1_i32).to_be_bytes()),
    }
    true
}

/// Appends a length and that many bytes.
pub(super) fn append_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    // A cell is far smaller than 2 GB: limits refuse it long before it gets here.
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

fn append_uuid(text: &str, out: &mut Vec<u8>) -> bool {
    let mut bytes = [0_u8; 16];
    let mut digits = text.chars().filter(|&c| c != '-');
    for byte in &mut bytes {
        let (Some(high), Some(low)) =
            (digits.next().and_then(|c| c.to_digit(16)), digits.next().and_then(|c| c.to_digit(16)))
        else {
            return false;
        };
        *byte = u8::try_from(high * 16 + low).unwrap_or(0);
    }
    append_bytes(&bytes, out);
    digits.next().is_none()
}

/// Appends a decimal number: groups of four digits, the weight of the first, the sign, the decimals shown.
fn append_numeric(text: &str, out: &mut Vec<u8>) -> bool {
    if !crate::decimal::is_decimal(text) {
        return false;
    }
    let negative = text.starts_with('-');
    let unsigned = text.trim_start_matches('-');
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = whole.trim_start_matches('0');
    // Groups are aligned to the point: zeros complete the first group of the whole part and the last decimals.
    let padding = (4 - whole.len() % 4) % 4;
    let mut groups: Vec<i16> = Vec::with_capacity((whole.len() + decimals.len()) / 4 + 2);
    let mut group = 0_i16;
    let mut filled = padding;
    for digit in
        whole.bytes().chain(decimals.bytes()).chain(std::iter::repeat_n(b'0', (4 - decimals.len() % 4) % 4))
    {
        group = group * 10 + i16::from(digit - b'0');
        filled += 1;
        if filled == 4 {
            groups.push(group);
            (group, filled) = (0, 0);
        }
    }
    let mut weight = i16::try_from(whole.len().div_ceil(4)).unwrap_or(i16::MAX) - 1;
    let leading = groups.iter().take_while(|&&group| group == 0).count();
    groups.drain(..leading);
    weight = weight.saturating_sub(i16::try_from(leading).unwrap_or(i16::MAX));
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    let (Ok(count), Ok(scale)) = (i16::try_from(groups.len()), i16::try_from(decimals.len())) else {
        return false;
    };
    let sign: i16 = if negative && count > 0 { 0x4000 } else { 0 };
    out.extend_from_slice(&(8 + 2 * i32::from(count)).to_be_bytes());
    for number in [count, weight, sign, scale].iter().chain(&groups) {
        out.extend_from_slice(&number.to_be_bytes());
    }
    true
}
