//! Values that become numbers: whole, floats, decimals, years.

use super::super::decimal::Decimal;
use super::super::json::Json;
use super::super::types::{DecimalType, FloatType, IntType, Type};
use super::super::value::Value;
use super::{Failure, not_convertible};

/// Floats beyond this have no whole number of 64 bits.
const BEYOND_INTEGERS: f64 = 9_223_372_036_854_775_808.0;

pub(super) fn to_int(value: &Value, to: &Type, int: &IntType) -> Result<Value, Failure> {
    let not_a_number = |text: &str| Failure::NotANumber(text.to_owned(), to.to_string());
    let number = match value {
        Value::Int(number) => *number,
        Value::Boolean(value) => i128::from(*value),
        Value::Text(text) => whole(text).ok_or_else(|| not_a_number(text))?,
        Value::Json(Json::Number(text)) => json_whole(text).ok_or_else(|| not_a_number(text))?,
        Value::Float(float) => {
            // Rust rounds halves away from zero.
            let rounded = float.round();
            if !(-BEYOND_INTEGERS..BEYOND_INTEGERS).contains(&rounded) {
                return Err(not_a_number(&text_of(value)));
            }
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
            let whole = rounded as i128;
            whole
        }
        Value::Decimal(number) => number.to_integer().ok_or_else(|| not_a_number(&number.to_string()))?,
        other => return Err(not_convertible(other, to)),
    };
    if number < int.minimum {
        return Err(Failure::Below(int.minimum.to_string()));
    }
    if number > int.maximum {
        return Err(Failure::Above(int.maximum.to_string()));
    }
    Ok(Value::Int(number))
}

/// Digits with an optional sign.
fn whole(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Digits, with or without exactly `.0`.
fn json_whole(text: &str) -> Option<i128> {
    whole(text.strip_suffix(".0").unwrap_or(text))
}

pub(super) fn to_float(value: &Value, to: &Type, float: &FloatType) -> Result<Value, Failure> {
    let not_a_number = |text: &str| Failure::NotANumber(text.to_owned(), to.to_string());
    let number = match value {
        Value::Float(number) => *number,
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
        Value::Int(number) => *number as f64,
        Value::Decimal(number) => number.to_float(),
        Value::Text(text) => float_of(text).ok_or_else(|| not_a_number(text))?,
        Value::Json(Json::Number(text)) => float_of(text).ok_or_else(|| not_a_number(text))?,
        other => return Err(not_convertible(other, to)),
    };
    let number = if float.bit_size == 32 {
        #[expect(clippy::cast_possible_truncation, reason = "the nearest small float is meant")]
        let single = number as f32;
        if single.is_infinite() && number.is_finite() {
            return Err(not_a_number(&text_of(value)));
        }
        f64::from(single)
    } else {
        number
    };
    if float.real && !number.is_finite() {
        return Err(not_a_number(&text_of(value)));
    }
    if let Some(minimum) = float.minimum.filter(|minimum| number < *minimum || number.is_nan()) {
        return Err(Failure::Below(minimum.to_string()));
    }
    if let Some(maximum) = float.maximum.filter(|maximum| number > *maximum || number.is_nan()) {
        return Err(Failure::Above(maximum.to_string()));
    }
    Ok(Value::Float(number))
}

/// Decimal or hexadecimal digits, or a word for NaN and the infinities.
fn float_of(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(hexadecimal) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let value = hexadecimal_float(hexadecimal)?;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    let value: f64 = text.parse().ok()?;
    // A number too large for a float is not the infinity it rounds to.
    let has_digits = unsigned.bytes().any(|byte| byte.is_ascii_digit());
    (!value.is_infinite() || !has_digits).then_some(value)
}

/// `1.8p3`: hexadecimal digits and a power of two.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (digits, power) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars() {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let mut place = 1.0 / 16.0;
    for digit in fraction.chars() {
        value += f64::from(digit.to_digit(16)?) * place;
        place /= 16.0;
    }
    let power: i32 = power.parse().ok()?;
    let value = value * 2.0_f64.powi(power);
    value.is_finite().then_some(value)
}

pub(super) fn to_decimal(value: &Value, to: &Type, decimal: &DecimalType) -> Result<Value, Failure> {
    let not_a_number = |text: &str| Failure::NotANumber(text.to_owned(), to.to_string());
    let parsed = |text: &str| Decimal::parse(text).ok_or_else(|| not_a_number(text));
    let number = match value {
        Value::Decimal(number) => number.clone(),
        Value::Int(number) => Decimal::from(*number),
        Value::Text(text) => parsed(text)?,
        Value::Json(Json::Number(text)) => parsed(text)?,
        // A float has binary decimals nobody wrote; those beyond the scale are rounded away.
        Value::Float(float) => {
            Decimal::from_float(*float).ok_or_else(|| not_a_number(&text_of(value)))?.rounded(decimal.scale)
        }
        other => return Err(not_convertible(other, to)),
    };
    if !number.fits(decimal.precision, decimal.scale) {
        return Err(not_a_number(&number.to_string()));
    }
    if let Some(minimum) = decimal.minimum.as_ref().filter(|minimum| number < **minimum) {
        return Err(Failure::Below(minimum.to_string()));
    }
    if let Some(maximum) = decimal.maximum.as_ref().filter(|maximum| number > **maximum) {
        return Err(Failure::Above(maximum.to_string()));
    }
    Ok(Value::Decimal(number))
}

pub(super) fn to_year(value: &Value) -> Result<Value, Failure> {
    let not_a_number = |text: &str| Failure::NotANumber(text.to_owned(), "year".to_owned());
    let year = match value {
        Value::Int(year) => *year,
        Value::Text(text) => {
            let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || (text.len() > 1 && text.starts_with('0')) {
                return Err(not_a_number(text));
            }
            text.parse().map_err(|_| not_a_number(text))?
        }
        Value::Json(Json::Number(text)) => json_whole(text).ok_or_else(|| not_a_number(text))?,
        other => return Err(not_convertible(other, "year")),
    };
    if (1..=9999).contains(&year) { Ok(Value::Int(year)) } else { Err(Failure::YearOutside) }
}

fn text_of(value: &Value) -> String {
    let mut out = String::new();
    value.append_text(None, &mut out);
    out
}
