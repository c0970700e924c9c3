//! The types a stored cell can have, how each travels in an Arrow batch, and its one canonical text
//! form (exports, journals and comparisons all use it).

use std::fmt::Write as _;

use arrow_array::types::{Date32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, cast::AsArray,
};
use arrow_schema::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// The type of a stored column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// UTF-8 text without NUL. Arrow `Utf8`.
    Text,
    /// 64-bit integer. Arrow `Int64`.
    Integer,
    /// Exact decimal number as canonical text (`-12.50`). Arrow `Utf8`.
    Decimal,
    /// Arrow `Boolean`.
    Boolean,
    /// Days since 1970-01-01. Arrow `Date32`.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z. Arrow `Timestamp(Microsecond, UTC)`.
    DateTime,
    /// Microseconds since midnight. Arrow `Time64(Microsecond)`.
    Time,
    /// Lower-case hyphenated text, 36 characters. Arrow `Utf8`.
    Uuid,
    /// Compact JSON text, member order kept. Arrow `Utf8`.
    Json,
}

impl ValueType {
    /// The Arrow type such a column has in a batch of checked values.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text | Self::Decimal | Self::Uuid | Self::Json => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
        }
    }

    /// True where the Arrow column holds UTF-8 text.
    pub fn is_text(self) -> bool {
        self.arrow() == DataType::Utf8
    }
}

/// The time zone every timestamp column carries.
pub const UTC: &str = "UTC";

/// Makes the Arrow array that timestamps travel in, from microseconds since the epoch.
pub fn timestamps(values: Vec<Option<i64>>) -> ArrayRef {
    std::sync::Arc::new(TimestampMicrosecondArray::from(values).with_timezone(UTC))
}

/// Appends the canonical text of one cell; returns false (and appends nothing) where it is null.
///
/// `array` must have the Arrow type of `value_type`.
pub fn append_text(value_type: ValueType, array: &dyn Array, row: usize, out: &mut String) -> bool {
    if array.is_null(row) {
        return false;
    }
    match value_type {
        ValueType::Text | ValueType::Decimal | ValueType::Uuid | ValueType::Json => {
            out.push_str(array.as_string::<i32>().value(row));
        }
        ValueType::Integer => append_integer(array.as_primitive::<Int64Type>().value(row), out),
        ValueType::Boolean => {
            out.push_str(if array.as_boolean().value(row) { "true" } else { "false" });
        }
        ValueType::Date => append_date(i64::from(array.as_primitive::<Date32Type>().value(row)), out),
        ValueType::DateTime => {
            append_datetime(array.as_primitive::<TimestampMicrosecondType>().value(row), out);
        }
        ValueType::Time => append_time(array.as_primitive::<Time64MicrosecondType>().value(row), out),
    }
    true
}

/// The canonical text of one cell, or `None` where it is null.
pub fn text_of(value_type: ValueType, array: &dyn Array, row: usize) -> Option<String> {
    let mut out = String::new();
    append_text(value_type, array, row, &mut out).then_some(out)
}

/// Builds a typed column from canonical texts (the inverse of [`text_of`]). Texts that are not
/// canonical for the type become null: they come from Dray's own journal, never from people.
pub fn column_from_text<'a>(value_type: ValueType, texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    use std::sync::Arc;
    match value_type {
        ValueType::Text | ValueType::Decimal | ValueType::Uuid | ValueType::Json => {
            Arc::new(texts.collect::<StringArray>())
        }
        ValueType::Integer => Arc::new(texts.map(|t| t?.parse().ok()).collect::<Int64Array>()),
        ValueType::Boolean => Arc::new(texts.map(|t| t.map(|t| t == "true")).collect::<BooleanArray>()),
        ValueType::Date => Arc::new(
            texts.map(|t| parse_date(t?).and_then(|days| i32::try_from(days).ok())).collect::<Date32Array>(),
        ),
        ValueType::DateTime => timestamps(texts.map(|t| parse_datetime(t?)).collect()),
        ValueType::Time => Arc::new(texts.map(|t| parse_time(t?)).collect::<Time64MicrosecondArray>()),
    }
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Days since 1970-01-01 of a proleptic Gregorian date, or `None` where there is no such day.
/// Years 1 to 9999, as both stores and every format can hold them.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day == 0
        || day > days_in_month(year, month)
    {
        return None;
    }
    // Howard Hinnant's civil calendar arithmetic: years begin in March so the leap day comes last.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year =
        (153 * (i64::from(month) + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The number of days the month has.
pub fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Year, month and day of days since 1970-01-01 (the inverse of [`days_from_civil`]).
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = u32::try_from(day_of_year - (153 * month_index + 2) / 5 + 1).unwrap_or(1);
    let month = u32::try_from(if month_index < 10 { month_index + 3 } else { month_index - 9 }).unwrap_or(1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn append_digits(value: i64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut at) = (value.unsigned_abs(), 20);
    while rest > 0 || at > 20 - width {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

/// Appends an integer in decimal.
pub fn append_integer(value: i64, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    append_digits(value, 1, out);
}

/// Appends `YYYY-MM-DD`.
pub fn append_date(days: i64, out: &mut String) {
    let (year, month, day) = civil_from_days(days);
    if !(0..=9999).contains(&year) {
        let _ = write!(out, "{year}");
    } else {
        append_digits(year, 4, out);
    }
    out.push('-');
    append_digits(i64::from(month), 2, out);
    out.push('-');
    append_digits(i64::from(day), 2, out);
}

/// Appends `HH:MM:SS`, with up to six decimals of a second where there are any.
pub fn append_time(micros: i64, out: &mut String) {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    append_digits(seconds / 3600, 2, out);
    out.push(':');
    append_digits(seconds / 60 % 60, 2, out);
    out.push(':');
    append_digits(seconds % 60, 2, out);
    let mut fraction = micros.rem_euclid(MICROS_PER_SECOND);
    if fraction > 0 {
        let mut width = 6;
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        out.push('.');
        append_digits(fraction, width, out);
    }
}

/// Appends `YYYY-MM-DDTHH:MM:SSZ`, with decimals of a second where there are any.
pub fn append_datetime(micros: i64, out: &mut String) {
    append_date(micros.div_euclid(MICROS_PER_DAY), out);
    out.push('T');
    append_time(micros.rem_euclid(MICROS_PER_DAY), out);
    out.push('Z');
}

fn digits(text: &[u8]) -> Option<i64> {
    let mut value = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    (!text.is_empty() && text.len() <= 9).then_some(value)
}

/// Days since the epoch of `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    days_from_civil(
        digits(&text[..4])?,
        u32::try_from(digits(&text[5..7])?).ok()?,
        u32::try_from(digits(&text[8..])?).ok()?,
    )
}

/// Microseconds since midnight of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.ffffff`. `24:00` is not a time.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    if text.len() < 5 || text[2] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(&text[..2])?, digits(&text[3..5])?);
    let mut seconds = 0;
    let mut fraction = 0;
    if text.len() > 5 {
        if text.len() < 8 || text[5] != b':' {
            return None;
        }
        seconds = digits(&text[6..8])?;
        if text.len() > 8 {
            let decimals = &text[9..];
            if text[8] != b'.' || decimals.is_empty() || decimals.len() > 9 {
                return None;
            }
            let kept = &decimals[..decimals.len().min(6)];
            fraction = digits(kept)? * 10_i64.pow(6 - u32::try_from(kept.len()).ok()?);
            digits(decimals)?;
        }
    }
    (hours < 24 && minutes < 60 && seconds < 60)
        .then_some(((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + fraction)
}

/// Microseconds since the epoch of an ISO 8601 timestamp: date, `T` or a space, time, and `Z`, an
/// offset (`+02:00`, `+0200`, `+02`) or nothing, which means UTC.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 16 || !text.is_ascii() || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    // Most timestamps end in Z, which saves looking for the zone.
    let zone_at = if bytes.ends_with(b"Z") {
        rest.len() - 1
    } else {
        rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len())
    };
    let (time, zone) = (rest.get(..zone_at)?.trim_end(), rest.get(zone_at..)?);
    let local = parse_date(date)? * MICROS_PER_DAY + parse_time(time)?;
    Some(local - parse_offset(zone)? * 60 * MICROS_PER_SECOND)
}

/// Minutes east of UTC of `Z`, `+HH:MM`, `+HHMM`, `+HH` or nothing.
fn parse_offset(zone: &str) -> Option<i64> {
    let bytes = zone.as_bytes();
    let (hours, minutes) = match bytes.len() {
        0 => return Some(0),
        1 => return matches!(bytes[0], b'Z' | b'z').then_some(0),
        3 => (digits(&bytes[1..3])?, 0),
        5 => (digits(&bytes[1..3])?, digits(&bytes[3..5])?),
        6 if bytes[3] == b':' => (digits(&bytes[1..3])?, digits(&bytes[4..6])?),
        _ => return None,
    };
    let sign = if bytes[0] == b'-' { -1 } else { 1 };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_calendar_comes_back() {
        for days in -719_162..2_932_896 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), Some(days), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn timestamps_are_read_and_written() {
        let read = |text: &str| {
            parse_datetime(text).map(|micros| {
                let mut out = String::new();
                append_datetime(micros, &mut out);
                out
            })
        };
        assert_eq!(read("2024-02-29T23:59:59Z").as_deref(), Some("2024-02-29T23:59:59Z"));
        assert_eq!(read("2024-03-01 09:12").as_deref(), Some("2024-03-01T09:12:00Z"));
        assert_eq!(read("2024-03-01T09:12:33.120+02:00").as_deref(), Some("2024-03-01T07:12:33.12Z"));
        assert_eq!(read("1969-12-31T23:59:59.999999Z").as_deref(), Some("1969-12-31T23:59:59.999999Z"));
        for wrong in
            ["2024-03-01T09:12+02:00Z", "2024-03-01T09:12zZ", "2024-03-01T09:12ZZ", "2024-03-01T0000Z"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read("2023-02-29T00:00:00Z"), None);
        assert_eq!(read("2024-03-01T25:00:00Z"), None);
        assert_eq!(read("2024-03-01Tゼ9:12:33"), None);
    }
}
