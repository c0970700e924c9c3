//! The time a record was last updated, as a column says it (spec section 6.2).

use crate::expression::clock::parse_iso8601;
use crate::expression::{Json, Type, Value};
use dray_model::value::{civil_from_days, days_from_civil};

use super::strptime::Pattern;

const MICROS_PER_DAY: i64 = 86_400_000_000;
const MICROS_PER_MINUTE: i64 = 60_000_000;
/// How far the clocks of others may be ahead.
const AHEAD: i64 = 5 * MICROS_PER_MINUTE;
/// The most characters of a format.
const MOST_FORMAT: usize = 64;
/// The earliest year a record can have been updated.
const FIRST_YEAR: i64 = 1900;

/// How the texts of a column say a time.
#[derive(Debug, Clone, PartialEq)]
pub enum TimeFormat {
    /// `ISO8601`.
    Iso8601,
    /// `Excel`: days since the end of 1899.
    Excel,
    /// As `strptime` reads it.
    Pattern(Pattern),
}

impl TimeFormat {
    /// Reads the name of a format; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "ISO8601" => Ok(Self::Iso8601),
            "Excel" => Ok(Self::Excel),
            _ if text.chars().count() > MOST_FORMAT => {
                Err(format!("it is longer than {MOST_FORMAT} characters"))
            }
            _ if text.contains('\0') => Err("it holds the character NUL".to_owned()),
            _ if text.contains('%') => Pattern::parse(text).map(Self::Pattern),
            _ => Err("it must be `ISO8601`, `Excel` or a format of strftime such as `%Y-%m-%d %H:%M:%S`"
                .to_owned()),
        }
    }
}

/// True for the kinds a column of update times may have.
pub fn can_tell_time(kind: &Type) -> bool {
    matches!(kind, Type::String(_) | Type::Json | Type::DateTime | Type::Date)
}

/// True for those of them that need a format.
pub fn needs_format(kind: &Type) -> bool {
    matches!(kind, Type::String(_) | Type::Json)
}

/// The time of a value in microseconds since 1970, `None` where it has none: null, or an empty text.
/// `now` is the time it may not pass by more than five minutes.
pub fn update_time(
    value: Option<&Value>,
    format: Option<&TimeFormat>,
    now: i64,
) -> Result<Option<i64>, String> {
    let text = match value {
        None | Some(Value::Null | Value::Json(Json::Null)) => return Ok(None),
        Some(Value::DateTime(nanos)) => {
            return checked(i64::try_from(nanos.div_euclid(1_000)).unwrap_or(i64::MAX), now).map(Some);
        }
        Some(Value::Date(days)) => return checked(days.saturating_mul(MICROS_PER_DAY), now).map(Some),
        Some(Value::Text(text)) => text.as_str(),
        Some(Value::Json(Json::Text(text))) => text,
        Some(_) => return Err("is no text".to_owned()),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let time = match format {
        None | Some(TimeFormat::Iso8601) => parse_iso8601(text)
            .and_then(|nanos| i64::try_from(nanos.div_euclid(1_000)).ok())
            .ok_or_else(|| format!("is not a time of ISO 8601: `{}`", shown(text))),
        Some(TimeFormat::Excel) => {
            excel(text).ok_or_else(|| format!("is not a date of a spreadsheet: `{}`", shown(text)))
        }
        Some(TimeFormat::Pattern(pattern)) => pattern
            .read(text)
            .ok_or_else(|| format!("is not of the format `{}`: `{}`", pattern.text(), shown(text))),
    }?;
    checked(time, now).map(Some)
}

/// The time where it lies between 1900 and five minutes from now.
pub fn checked(time: i64, now: i64) -> Result<i64, String> {
    if time > now.saturating_add(AHEAD) {
        return Err("lies in the future".to_owned());
    }
    let (year, _, _) = civil_from_days(time.div_euclid(MICROS_PER_DAY));
    if year < FIRST_YEAR {
        return Err(format!("lies before the year {FIRST_YEAR}"));
    }
    Ok(time)
}

/// Days since 1899-12-31, of which the 60th never was, with the time of day behind the point, to the second.
fn excel(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() < 3 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let serial: i64 = whole.parse().ok().filter(|serial| *serial < 10_000_000 && *serial != 60)?;
    let days = days_from_civil(1899, 12, 31)? + serial - i64::from(serial > 60);
    let part: f64 = format!("0.{fraction}").parse().ok()?;
    // A second that a fraction says is rarely exact: what is within a hundredth of one, is one.
    #[expect(clippy::cast_possible_truncation, reason = "at most the seconds of a day")]
    let seconds = (part * 86_400.0 + 0.01).floor() as i64;
    Some(days * MICROS_PER_DAY + seconds * 1_000_000)
}

fn shown(text: &str) -> String {
    dray_model::problem::shown(text)
}
