//! Whole and decimal numbers as people write them. Decimals are exact: digits are never rounded.

use std::cmp::Ordering;

use dray_model::object::Field;
use dray_model::problem::ProblemCode;

use super::Bad;
use super::style::{DecimalMark, Style};

/// The most significant digits a decimal may have.
const MOST_DIGITS: usize = 38;

/// A 64-bit whole number. `1,234` and `12.0` are read as people mean them.
pub fn integer(text: &str, style: Style) -> Result<i64, Bad> {
    if let Ok(value) = text.parse() {
        return Ok(value);
    }
    let bad = |_| (ProblemCode::NotAnInteger, "write digits only, such as 42".to_owned());
    let canonical = decimal(text, style).map_err(bad)?;
    if canonical.contains('.') {
        return Err((ProblemCode::NotAnInteger, "it has decimals".into()));
    }
    canonical.parse().map_err(|_| {
        let code = if canonical.starts_with('-') { ProblemCode::TooSmall } else { ProblemCode::TooLarge };
        (code, format!("whole numbers lie between {} and {}", i64::MIN, i64::MAX))
    })
}

/// A decimal of a field: its range, and exactly as many decimals as the field's scale where it has one.
pub fn decimal_in(field: &Field, text: &str, style: Style) -> Result<String, Bad> {
    let mut canonical = decimal(text, style)?;
    if let Some(scale) = field.definition.scale {
        let scale = scale as usize;
        let decimals = canonical.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals > scale {
            return Err((ProblemCode::TooManyDecimals, format!("at most {scale} decimals are allowed")));
        }
        if decimals == 0 && scale > 0 {
            canonical.push('.');
        }
        canonical.extend(std::iter::repeat_n('0', scale - decimals));
    }
    within(field, &canonical)?;
    Ok(canonical)
}

/// A number as canonical decimal text: no blanks, no thousands marks, no leading zeros, a point, no
/// trailing zeros. A currency sign may stand before or behind it.
pub fn decimal(text: &str, style: Style) -> Result<String, Bad> {
    let bad = |why: &str| (ProblemCode::NotADecimal, why.to_owned());
    let text = text.trim().trim_matches(['$', '€', '£', '¥']).trim();
    let (negative, text) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest.trim_start().trim_start_matches(['$', '€', '£', '¥'])),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mark, group) = match style.decimal_mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => {
            let exponent: i32 = exponent.parse().map_err(|_| bad("write it as 1234.56"))?;
            (digits, exponent)
        }
        None => (text, 0),
    };
    let (whole, decimals) = text.split_once(mark).unwrap_or((text, ""));
    let whole = ungroup(whole, group).ok_or_else(|| bad("write it as 1234.56"))?;
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) || (whole.is_empty() && decimals.is_empty()) {
        return Err(bad("write it as 1234.56"));
    }
    if exponent.unsigned_abs() as usize > MOST_DIGITS || whole.len() + decimals.len() > 4 * MOST_DIGITS {
        return Err((ProblemCode::TooLarge, format!("at most {MOST_DIGITS} digits are kept")));
    }
    let (whole, decimals) = shift(whole, decimals.to_owned(), exponent);
    let whole = whole.trim_start_matches('0');
    let decimals = decimals.trim_end_matches('0');
    if whole.len() + decimals.len() > MOST_DIGITS {
        return Err((ProblemCode::TooLarge, format!("at most {MOST_DIGITS} digits are kept")));
    }
    let zero = whole.is_empty() && decimals.is_empty();
    let sign = if negative && !zero { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(if decimals.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{decimals}") })
}

/// Removes thousands marks (the group mark, blanks, apostrophes); `None` unless groups have three digits.
fn ungroup(whole: &str, group: char) -> Option<String> {
    let is_mark = |c: char| c == group || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’');
    let mut digits = String::with_capacity(whole.len());
    for (index, part) in whole.split(is_mark).enumerate() {
        if !part.bytes().all(|byte| byte.is_ascii_digit()) || (index > 0 && part.len() != 3) {
            return None;
        }
        if part.is_empty() && (index > 0 || whole.len() > part.len()) {
            return None;
        }
        digits.push_str(part);
    }
    Some(digits)
}

/// Moves the decimal point by an exponent.
fn shift(mut whole: String, mut decimals: String, exponent: i32) -> (String, String) {
    for _ in 0..exponent.unsigned_abs() {
        if exponent > 0 {
            whole.push(if decimals.is_empty() { '0' } else { decimals.remove(0) });
        } else {
            decimals.insert(0, whole.pop().unwrap_or('0'));
        }
    }
    (whole, decimals)
}

/// Judges a canonical number by the field's smallest and largest value.
pub fn within(field: &Field, canonical: &str) -> Result<(), Bad> {
    let definition = &field.definition;
    if let Some(min) = &definition.min
        && compare(canonical, min) == Ordering::Less
    {
        return Err((ProblemCode::TooSmall, format!("the smallest is {min}")));
    }
    if let Some(max) = &definition.max
        && compare(canonical, max) == Ordering::Greater
    {
        return Err((ProblemCode::TooLarge, format!("the largest is {max}")));
    }
    Ok(())
}

/// Compares two canonical numbers exactly.
fn compare(left: &str, right: &str) -> Ordering {
    let split = |text: &str| {
        let negative = text.starts_with('-');
        let (whole, decimals) = text.trim_start_matches('-').split_once('.').map_or_else(
            || (text.trim_start_matches('-').to_owned(), String::new()),
            |(whole, decimals)| (whole.to_owned(), decimals.trim_end_matches('0').to_owned()),
        );
        (negative, whole, decimals)
    };
    let ((left_negative, left_whole, left_decimals), (right_negative, right_whole, right_decimals)) =
        (split(left), split(right));
    if left_negative != right_negative {
        return if left_negative { Ordering::Less } else { Ordering::Greater };
    }
    let size = left_whole
        .len()
        .cmp(&right_whole.len())
        .then_with(|| left_whole.cmp(&right_whole))
        .then_with(|| left_decimals.cmp(&right_decimals));
    if left_negative { size.reverse() } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(text: &str) -> Option<String> {
        decimal(text, Style::default()).ok()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(point("1,234.50").as_deref(), Some("1234.5"));
        assert_eq!(point("$ 1 234").as_deref(), Some("1234"));
        assert_eq!(point("-0.00").as_deref(), Some("0"));
        assert_eq!(point("-€5").as_deref(), Some("-5"));
        assert_eq!(point(".5").as_deref(), Some("0.5"));
        assert_eq!(point("1.5e3").as_deref(), Some("1500"));
        assert_eq!(point("15e-3").as_deref(), Some("0.015"));
        assert_eq!(
            point("0.1234567890123456789012345678").as_deref(),
            Some("0.1234567890123456789012345678")
        );
        for wrong in ["", "-", "1,23,4", "abc", "1.2.3", "1e999999999", "--1", "1,", "٣"] {
            assert_eq!(point(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn comma_decimals() {
        let style = Style { decimal_mark: DecimalMark::Comma, ..Style::default() };
        assert_eq!(decimal("1.234,56 €", style).ok().as_deref(), Some("1234.56"));
        assert_eq!(decimal("12,5", style).ok().as_deref(), Some("12.5"));
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(integer("9223372036854775807", Style::default()).ok(), Some(i64::MAX));
        assert_eq!(integer("12.0", Style::default()).ok(), Some(12));
        assert_eq!(
            integer("9223372036854775808", Style::default()).err().map(|bad| bad.0),
            Some(ProblemCode::TooLarge)
        );
        assert_eq!(integer("12.5", Style::default()).err().map(|bad| bad.0), Some(ProblemCode::NotAnInteger));
    }

    #[test]
    fn numbers_compare_exactly() {
        assert_eq!(compare("10", "9.99"), Ordering::Greater);
        assert_eq!(compare("-10", "9"), Ordering::Less);
        assert_eq!(compare("-10.5", "-10.4"), Ordering::Less);
        assert_eq!(compare("1.10", "1.1"), Ordering::Equal);
    }
}
