//! Single values as text: what each type of Parquet and Arrow is called in a cell.

use std::fmt::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, BinaryViewArray, FixedSizeBinaryArray};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use dray_model::problem::ProblemCode;
use dray_model::value::{ValueType, append_date, append_datetime, append_integer, append_time};

/// What the bytes of a column mean, where its Arrow type does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    /// The Arrow type says it.
    Typed,
    /// Text.
    Text,
    /// Text that is JSON.
    Json,
    /// Bytes of any kind.
    Bytes,
    /// A decimal of this scale, stored as bytes.
    Decimal(i32),
    /// Sixteen bytes.
    Uuid,
    /// Months, days and milliseconds.
    Interval,
}

/// What became of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It is as it was.
    Exactly,
    /// Digits beyond a microsecond were left out.
    Shortened,
    /// It is bytes, which are now base64.
    Encoded,
    /// It is "not a number", by which many programs mean that there is none.
    NotANumber,
    /// No cell can hold it; what was appended is only for a person to see.
    Unfit(ProblemCode, &'static str),
}

/// The type of the cells of a column, where all of them are in its canonical text.
pub(super) fn value_type(leaf: Leaf, data_type: &DataType) -> Option<ValueType> {
    use DataType as D;
    match leaf {
        Leaf::Text => return Some(ValueType::Text),
        Leaf::Json => return Some(ValueType::Json),
        Leaf::Decimal(_) => return Some(ValueType::Decimal),
        Leaf::Uuid => return Some(ValueType::Uuid),
        Leaf::Bytes | Leaf::Interval => return None,
        Leaf::Typed => {}
    }
    match data_type {
        D::Boolean => Some(ValueType::Boolean),
        D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::UInt8 | D::UInt16 | D::UInt32 => {
            Some(ValueType::Integer)
        }
        // Beyond what an integer holds.
        D::UInt64 => Some(ValueType::Decimal),
        D::Float16 | D::Float32 | D::Float64 => Some(ValueType::Decimal),
        D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..) => {
            Some(ValueType::Decimal)
        }
        D::Date32 | D::Date64 => Some(ValueType::Date),
        D::Time32(_) | D::Time64(_) => Some(ValueType::Time),
        // Without a zone it is left to the field what the time means.
        D::Timestamp(_, Some(_)) => Some(ValueType::DateTime),
        _ => None,
    }
}

/// True where the text is a number or truth value of JSON, so that it needs no quotes there.
pub(super) fn is_literal(leaf: Leaf, data_type: &DataType) -> bool {
    matches!(value_type(leaf, data_type), Some(ValueType::Integer | ValueType::Decimal | ValueType::Boolean))
}

/// Appends the text of a value that is not null. `array` has the type the column was declared with.
pub(super) fn append_value(
    leaf: Leaf,
    array: &dyn Array,
    row: usize,
    out: &mut Vec<u8>,
    scratch: &mut String,
) -> Said {
    match leaf {
        Leaf::Text | Leaf::Json => {
            out.extend_from_slice(bytes_of(array, row));
            return Said::Exactly;
        }
        Leaf::Bytes => return append_bytes(bytes_of(array, row), out),
        _ => {}
    }
    scratch.clear();
    let said = match leaf {
        Leaf::Decimal(scale) => append_stored_decimal(bytes_of(array, row), scale, scratch),
        Leaf::Uuid => append_uuid(bytes_of(array, row), scratch),
        Leaf::Interval => append_interval(bytes_of(array, row), scratch),
        _ => append_typed(array, row, scratch),
    };
    out.extend_from_slice(scratch.as_bytes());
    said
}

/// The bytes of a cell that is stored as bytes.
pub(super) fn bytes_of(array: &dyn Array, row: usize) -> &[u8] {
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<BinaryViewArray>() {
        return array.value(row);
    }
    any.downcast_ref::<FixedSizeBinaryArray>().map_or(&[], |array| array.value(row))
}

fn append_typed(array: &dyn Array, row: usize, out: &mut String) -> Said {
    fn value<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
        array.as_primitive::<T>().value(row)
    }
    use DataType as D;
    use TimeUnit as U;
    match array.data_type() {
        D::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        D::Int8 => append_integer(value::<Int8Type>(array, row).into(), out),
        D::Int16 => append_integer(value::<Int16Type>(array, row).into(), out),
        D::Int32 => append_integer(value::<Int32Type>(array, row).into(), out),
        D::Int64 => append_integer(value::<Int64Type>(array, row), out),
        D::UInt8 => append_integer(value::<UInt8Type>(array, row).into(), out),
        D::UInt16 => append_integer(value::<UInt16Type>(array, row).into(), out),
        D::UInt32 => append_integer(value::<UInt32Type>(array, row).into(), out),
        D::UInt64 => append_shown(value::<UInt64Type>(array, row), out),
        D::Float16 => return append_float16(value::<Float16Type>(array, row).to_f32(), out),
        D::Float32 => {
            let number = value::<Float32Type>(array, row);
            return append_float(number, f64::from(number), out);
        }
        D::Float64 => {
            let number = value::<Float64Type>(array, row);
            return append_float(number, number, out);
        }
        D::Decimal32(_, scale) => append_decimal(value::<Decimal32Type>(array, row), (*scale).into(), out),
        D::Decimal64(_, scale) => append_decimal(value::<Decimal64Type>(array, row), (*scale).into(), out),
        D::Decimal128(_, scale) => append_decimal(value::<Decimal128Type>(array, row), (*scale).into(), out),
        D::Decimal256(_, scale) => append_decimal(value::<Decimal256Type>(array, row), (*scale).into(), out),
        D::Date32 => return append_day(value::<Date32Type>(array, row).into(), out),
        D::Date64 => return append_day(value::<Date64Type>(array, row).div_euclid(86_400_000), out),
        D::Time32(U::Second) => {
            return append_clock(i64::from(value::<Time32SecondType>(array, row)), 1, out);
        }
        D::Time32(_) => {
            return append_clock(i64::from(value::<Time32MillisecondType>(array, row)), 1000, out);
        }
        D::Time64(U::Nanosecond) => {
            return append_clock(value::<Time64NanosecondType>(array, row), 1_000_000_000, out);
        }
        D::Time64(_) => return append_clock(value::<Time64MicrosecondType>(array, row), 1_000_000, out),
        D::Timestamp(unit, zone) => {
            let count = match unit {
                U::Second => value::<TimestampSecondType>(array, row),
                U::Millisecond => value::<TimestampMillisecondType>(array, row),
                U::Microsecond => value::<TimestampMicrosecondType>(array, row),
                U::Nanosecond => value::<TimestampNanosecondType>(array, row),
            };
            return append_moment(count, per_second(*unit), zone.is_some(), out);
        }
        D::Duration(unit) => {
            let count = match unit {
                U::Second => value::<DurationSecondType>(array, row),
                U::Millisecond => value::<DurationMillisecondType>(array, row),
                U::Microsecond => value::<DurationMicrosecondType>(array, row),
                U::Nanosecond => value::<DurationNanosecondType>(array, row),
            };
            append_duration(count, per_second(*unit), out);
        }
        _ => {}
    }
    Said::Exactly
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn append_shown(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// The shortest text that is read as the same number.
fn append_float<T: std::fmt::Display + std::fmt::LowerExp>(number: T, size: f64, out: &mut String) -> Said {
    if size.is_nan() {
        out.push_str("NaN");
        return Said::NotANumber;
    }
    if size.is_infinite() {
        append_shown(number, out);
        return Said::Unfit(ProblemCode::NotADecimal, "no number is infinite");
    }
    let size = size.abs();
    if size == 0.0 {
        out.push('0');
    } else if (1e-38..1e38).contains(&size) {
        append_shown(number, out);
    } else {
        // Hundreds of zeros would help nobody.
        let _ = write!(out, "{number:e}");
    }
    Said::Exactly
}

/// A 16-bit number is written with as few digits as tell it from its neighbours.
fn append_float16(number: f32, out: &mut String) -> Said {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    if number.fract() == 0.0 {
        return append_float(number, f64::from(number), out);
    }
    let half = Half::from_f32(number);
    for digits in 0..5 {
        let shorter: f32 = format!("{number:.digits$e}").parse().unwrap_or(number);
        if Half::from_f32(shorter) == half {
            return append_float(shorter, f64::from(shorter), out);
        }
    }
    append_float(number, f64::from(number), out)
}

/// The digits of a whole number with the point put in.
fn append_decimal(unscaled: impl std::fmt::Display, scale: i32, out: &mut String) {
    let begin = out.len();
    append_shown(unscaled, out);
    let Some(scale) = usize::try_from(scale).ok().filter(|scale| *scale > 0) else {
        if !out.ends_with('0') || out.len() - begin > 1 {
            out.extend(std::iter::repeat_n('0', scale.unsigned_abs() as usize));
        }
        return;
    };
    let digits_begin = begin + usize::from(out.get(begin..).unwrap_or_default().starts_with('-'));
    let digits = out.len() - digits_begin;
    if digits <= scale {
        let zeros = "0".repeat(scale + 1 - digits);
        out.insert_str(digits_begin, &zeros);
    }
    let point = out.len() - scale;
    out.insert(point, '.');
}

/// A decimal as the bytes of a whole number, the highest first.
fn append_stored_decimal(bytes: &[u8], scale: i32, out: &mut String) -> Said {
    let Some(first) = bytes.first() else {
        append_decimal(0, scale, out);
        return Said::Exactly;
    };
    let sign = if *first >= 0x80 { 0xFF } else { 0 };
    let mut wide = [sign; 32];
    let Some(place) = 32_usize.checked_sub(bytes.len()).and_then(|begin| wide.get_mut(begin..)) else {
        return Said::Unfit(ProblemCode::NotADecimal, "the number has more than 76 digits");
    };
    place.copy_from_slice(bytes);
    let number = i256::from_be_bytes(wide);
    match number.to_i128() {
        Some(number) => append_decimal(number, scale, out),
        None => append_decimal(number, scale, out),
    }
    Said::Exactly
}

fn append_day(days: i64, out: &mut String) -> Said {
    append_date(days, out);
    if is_in_calendar(days) { Said::Exactly } else { OUT_OF_CALENDAR }
}

const OUT_OF_CALENDAR: Said = Said::Unfit(ProblemCode::NotADate, "the year must be between 1 and 9999");

/// The days from 0001-01-01 to 9999-12-31.
fn is_in_calendar(days: i64) -> bool {
    (-719_162..=2_932_896).contains(&days)
}

fn append_clock(count: i64, per_second: i64, out: &mut String) -> Said {
    if !(0..86_400 * per_second).contains(&count) {
        append_shown(count, out);
        return Said::Unfit(ProblemCode::NotATime, "a day has 24 hours");
    }
    let (micros, said) = micros(count, per_second);
    append_time(micros, out);
    said
}

/// A count of parts of a second in microseconds.
fn micros(count: i64, per_second: i64) -> (i64, Said) {
    if per_second > 1_000_000 {
        let said = if count % 1000 == 0 { Said::Exactly } else { Said::Shortened };
        return (count.div_euclid(1000), said);
    }
    (count.saturating_mul(1_000_000 / per_second), Said::Exactly)
}

fn append_moment(count: i64, per_second: i64, is_zoned: bool, out: &mut String) -> Said {
    if !is_in_calendar(count.div_euclid(per_second * 86_400)) {
        append_shown(count, out);
        return Said::Unfit(ProblemCode::NotADateTime, "the year must be between 1 and 9999");
    }
    let (micros, said) = micros(count, per_second);
    append_datetime(micros, out);
    if !is_zoned {
        out.pop();
    }
    said
}

/// ISO 8601: `PT36H30M1.5S`.
fn append_duration(count: i64, per_second: i64, out: &mut String) {
    if count < 0 {
        out.push('-');
    }
    let per_second = per_second.unsigned_abs();
    let count = count.unsigned_abs();
    out.push_str("PT");
    append_clock_parts(count / per_second, count % per_second, per_second, out);
    if out.ends_with('T') {
        out.push_str("0S");
    }
}

fn append_clock_parts(seconds: u64, fraction: u64, per_second: u64, out: &mut String) {
    for (count, letter) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
        if count > 0 {
            let _ = write!(out, "{count}{letter}");
        }
    }
    let seconds = seconds % 60;
    if fraction > 0 {
        let width = per_second.ilog10() as usize;
        let decimals = format!("{fraction:0width$}");
        let _ = write!(out, "{seconds}.{}S", decimals.trim_end_matches('0'));
    } else if seconds > 0 {
        let _ = write!(out, "{seconds}S");
    }
}

/// ISO 8601: `P1Y2M3DT4H`.
fn append_interval(bytes: &[u8], out: &mut String) -> Said {
    let part = |index: usize| {
        let bytes = bytes.get(index * 4..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    let (months, days, millis) = (part(0), part(1), u64::from(part(2)));
    out.push('P');
    for (count, letter) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if count > 0 {
            let _ = write!(out, "{count}{letter}");
        }
    }
    if millis > 0 {
        out.push('T');
        append_clock_parts(millis / 1000, millis % 1000, 1000, out);
    }
    if out.ends_with('P') {
        out.push_str("T0S");
    }
    Said::Exactly
}

fn append_uuid(bytes: &[u8], out: &mut String) -> Said {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
    Said::Exactly
}

/// Bytes that are text stay text; others become base64.
fn append_bytes(bytes: &[u8], out: &mut Vec<u8>) -> Said {
    if std::str::from_utf8(bytes).is_ok() {
        out.extend_from_slice(bytes);
        return Said::Exactly;
    }
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        if let Some(place) = bits.get_mut(1..=group.len()) {
            place.copy_from_slice(group);
        }
        let bits = u32::from_be_bytes(bits);
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index)) as usize & 63];
            out.push(if index <= group.len() { letter } else { b'=' });
        }
    }
    Said::Encoded
}
