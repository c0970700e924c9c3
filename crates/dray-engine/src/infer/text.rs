//! The strict reading of a cell: text of a type only where a value of that type says the same. Looser
//! readings, for people's files on their way into fields, stand in [`crate::check`].

use std::ops::RangeInclusive;

use dray_model::value::{parse_date, parse_datetime, parse_time};

use crate::check::words::is_canonical_uuid;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The first and the last day a timestamp can have, since 1970-01-01: years 1 to 9999.
const DAYS: RangeInclusive<i64> = -719_162..=2_932_896;

/// The longest time that keeps all its decimals: microseconds.
const LONGEST_TIME: usize = "10:20:30.123456".len();

/// What the text of one cell is. No text is two of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A whole number of 64 bits.
    Integer(Digits),
    /// Another number.
    Decimal(Digits),
    Boolean,
    Date,
    Time,
    DateTime,
    Uuid,
    Text,
}

/// How many digits a number has before and behind the point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digits {
    /// Before the point; a zero alone is none.
    pub(super) whole: usize,
    /// Behind it.
    pub(super) decimals: usize,
}

impl Digits {
    /// Room for both numbers.
    pub(super) fn join(self, other: Self) -> Self {
        Self { whole: self.whole.max(other.whole), decimals: self.decimals.max(other.decimals) }
    }
}

/// What the text of a cell is.
pub(super) fn reading(text: &str) -> Reading {
    if let Some(number) = digits_of(text) {
        return if integer(text).is_some() { Reading::Integer(number) } else { Reading::Decimal(number) };
    }
    match text.as_bytes() {
        b"true" | b"false" => Reading::Boolean,
        [b'0'..=b'9', ..] if parse_date(text).is_some() => Reading::Date,
        [b'0'..=b'9', ..] if time(text).is_some() => Reading::Time,
        [b'0'..=b'9', ..] if instant(text).is_some() => Reading::DateTime,
        [_, ..] if is_canonical_uuid(text) => Reading::Uuid,
        _ => Reading::Text,
    }
}

/// The digits of a plain number: a minus or none, no zeros in front, a point or none, digits behind it.
#[inline]
pub(super) fn digits_of(text: &str) -> Option<Digits> {
    let number = text.as_bytes();
    let number = number.strip_prefix(b"-").unwrap_or(number);
    let whole = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let decimals = match number.get(whole) {
        None => 0,
        Some(b'.') => {
            let decimals = number.get(whole + 1..)?;
            if decimals.is_empty() || !decimals.iter().all(u8::is_ascii_digit) {
                return None;
            }
            decimals.len()
        }
        Some(_) => return None,
    };
    match number {
        [b'0', b'0'..=b'9', ..] => None,
        [b'0', ..] => Some(Digits { whole: 0, decimals }),
        _ => (whole > 0).then_some(Digits { whole, decimals }),
    }
}

/// A whole number of 64 bits in its only form.
#[inline]
pub(super) fn integer(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (negative, digits) = bytes.strip_prefix(b"-").map_or((false, bytes), |digits| (true, digits));
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Up to 18 digits fit without looking.
    if digits.len() > 18 {
        return text.parse().ok();
    }
    let mut value = 0_i64;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(if negative { -value } else { value })
}

/// `true` or `false`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Days since 1970-01-01 of `2025-04-03`.
pub(super) fn date(text: &str) -> Option<i32> {
    i32::try_from(parse_date(text)?).ok()
}

/// Microseconds since midnight of a time that has no more of them.
pub(super) fn time(text: &str) -> Option<i64> {
    if text.len() > LONGEST_TIME { None } else { parse_time(text) }
}

/// Microseconds since 1970 of a timestamp that names its zone: without one, nobody knows which moment it is.
pub(super) fn instant(text: &str) -> Option<i64> {
    let clock = text.as_bytes().get(11..)?;
    let is_zone = |byte: &u8| matches!(byte, b'Z' | b'z' | b'+' | b'-');
    let time = if clock.ends_with(b"Z") { clock.len() - 1 } else { clock.iter().position(is_zone)? };
    if clock.get(..time)?.trim_ascii_end().len() > LONGEST_TIME {
        return None;
    }
    let micros = parse_datetime(text)?;
    // In UTC it may fall into a year that no timestamp holds.
    DAYS.contains(&micros.div_euclid(MICROS_PER_DAY)).then_some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_is() {
        let number = |whole, decimals| Digits { whole, decimals };
        for (text, expected) in [
            ("0", Reading::Integer(number(0, 0))),
            ("42", Reading::Integer(number(2, 0))),
            ("-9223372036854775808", Reading::Integer(number(19, 0))),
            ("9223372036854775808", Reading::Decimal(number(19, 0))),
            ("-0", Reading::Decimal(number(0, 0))),
            ("0.50", Reading::Decimal(number(0, 2))),
            ("-12.5", Reading::Decimal(number(2, 1))),
            ("true", Reading::Boolean),
            ("2024-02-29", Reading::Date),
            ("10:20", Reading::Time),
            ("10:20:30.123456", Reading::Time),
            ("2024-02-29T10:20:30Z", Reading::DateTime),
            ("2024-02-29 10:20+02:00", Reading::DateTime),
            ("2024-02-29 10:20:30.123456 +0200", Reading::DateTime),
            ("0001-01-01T00:00:00Z", Reading::DateTime),
            ("9999-12-31T23:59:59.999999Z", Reading::DateTime),
            ("0188a5eb-8f00-7abc-8def-0123456789ab", Reading::Uuid),
            ("a188a5eb-8f00-7abc-8def-0123456789ab", Reading::Uuid),
        ] {
            assert_eq!(reading(text), expected, "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "-.5",
            ".5",
            "5.",
            "+5",
            "00",
            "00123",
            "01.5",
            "1e3",
            "1,5",
            "١",
            "TRUE",
            "yes",
            "2023-02-29",
            "3/4/2025",
            "24:00",
            "10:20:30.1234567",
            "2024-02-29T10:20:30",
            "2024-02-29T10:20:30.1234567Z",
            "9999-12-31T23:00:00-05:00",
            "0001-01-01T01:00:00+05:00",
            "0188A5EB-8F00-7ABC-8DEF-0123456789AB",
            "-5-",
            "éééééé",
            "12345678901é",
        ] {
            assert_eq!(reading(text), Reading::Text, "{text}");
        }
    }
}
