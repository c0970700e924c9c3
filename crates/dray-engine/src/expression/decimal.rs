//! Exact decimal numbers of any size. Nothing is rounded unless asked for, and a huge exponent costs
//! nothing: digits and the place of the point are kept apart.

use std::cmp::Ordering;
use std::fmt;

/// An exact decimal number: `digits` × 10^-`scale`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    scale: i64,
}

/// Numbers with more zeros than this are written with an exponent.
const MOST_WRITTEN_ZEROS: i64 = 400;

impl Decimal {
    /// Reads an optional sign, digits without a superfluous leading zero, optional decimals (either side
    /// of the point may be empty, not both) and an optional exponent.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (number, exponent) = match rest.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, Self::exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let superfluous_zero = whole.len() > 1 && whole.starts_with('0');
        if (whole.is_empty() && decimals.is_empty())
            || !all_digits(whole)
            || !all_digits(decimals)
            || superfluous_zero
        {
            return None;
        }
        let scale = i64::try_from(decimals.len()).ok()? - exponent;
        Some(Self::made(negative, &format!("{whole}{decimals}"), scale))
    }

    fn exponent(text: &str) -> Option<i64> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // More than a thousand million places: no number anybody means, and arithmetic stays in 64 bits.
        text.strip_prefix('+').unwrap_or(text).parse().ok().filter(|value: &i64| value.abs() <= 1_000_000_000)
    }

    fn made(negative: bool, digits: &str, scale: i64) -> Self {
        let trimmed = digits.trim_start_matches('0');
        let kept = trimmed.trim_end_matches('0');
        let dropped = i64::try_from(trimmed.len() - kept.len()).unwrap_or(0);
        if kept.is_empty() {
            return Self { negative: false, digits: String::new(), scale: 0 };
        }
        Self { negative, digits: kept.to_owned(), scale: scale - dropped }
    }

    /// The number nearest to a float in the fewest digits, or `None` for what is no number.
    pub fn from_float(value: f64) -> Option<Self> {
        if value.is_finite() { Self::parse(&format!("{value:e}")) } else { None }
    }

    /// The float nearest to this number.
    pub fn to_float(&self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        let digits = if self.digits.is_empty() { "0" } else { &self.digits };
        format!("{sign}{digits}e{}", -self.scale).parse().unwrap_or(f64::NAN)
    }

    /// The whole number this is, or `None` where it has decimals or does not fit.
    pub fn to_integer(&self) -> Option<i128> {
        if self.digits.is_empty() {
            return Some(0);
        }
        if self.scale > 0 || self.scale < -38 {
            return None;
        }
        let power = 10_i128.checked_pow(u32::try_from(-self.scale).ok()?)?;
        let value = self.digits.parse::<i128>().ok()?.checked_mul(power)?;
        Some(if self.negative { -value } else { value })
    }

    /// How many digits stand before the point.
    fn whole_digits(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX) - self.scale
    }

    /// True where the number can be written with `precision` digits, `scale` of them after the point.
    pub fn fits(&self, precision: u32, scale: u32) -> bool {
        self.digits.is_empty()
            || (self.scale <= i64::from(scale)
                && self.whole_digits() <= i64::from(precision) - i64::from(scale))
    }

    /// The number with at most `scale` decimals; halves are rounded away from zero.
    pub fn rounded(&self, scale: u32) -> Self {
        if self.scale <= i64::from(scale) {
            return self.clone();
        }
        let kept = self.whole_digits() + i64::from(scale);
        let Ok(kept) = usize::try_from(kept) else { return Self::from(0) };
        let up = self.digits.as_bytes().get(kept).is_some_and(|digit| *digit >= b'5');
        let mut digits: Vec<u8> = self.digits.bytes().take(kept).collect();
        if up {
            let nines = digits.iter().rev().take_while(|digit| **digit == b'9').count();
            let end = digits.len() - nines;
            digits.truncate(end);
            match digits.last_mut() {
                Some(digit) => *digit += 1,
                None => digits.push(b'1'),
            }
            let grown = usize::from(end == 0);
            digits.resize(kept + grown, b'0');
        }
        let digits: String = digits.into_iter().map(char::from).collect();
        Self::made(self.negative, &digits, i64::from(scale))
    }
}

impl From<i128> for Decimal {
    fn from(value: i128) -> Self {
        Self::made(value < 0, &value.unsigned_abs().to_string(), 0)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let signs = sign(self).cmp(&sign(other));
        if signs != Ordering::Equal || self.digits.is_empty() {
            return signs;
        }
        // No digits are zeros at the ends, so those before the first difference decide.
        let sizes =
            self.whole_digits().cmp(&other.whole_digits()).then_with(|| self.digits.cmp(&other.digits));
        if self.negative { sizes.reverse() } else { sizes }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The canonical text: no exponent, no superfluous zeros.
impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits.is_empty() {
            return out.write_str("0");
        }
        if self.negative {
            out.write_str("-")?;
        }
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        let whole = self.whole_digits();
        if self.scale < -MOST_WRITTEN_ZEROS || whole < -MOST_WRITTEN_ZEROS {
            return write!(out, "{}e{}", self.digits, -self.scale);
        }
        match usize::try_from(whole) {
            Err(_) | Ok(0) => write!(out, "0.{}{}", zeros(-whole), self.digits),
            Ok(whole) if whole >= self.digits.len() => write!(out, "{}{}", self.digits, zeros(-self.scale)),
            Ok(whole) => {
                let (before, after) = self.digits.split_at_checked(whole).unwrap_or((&self.digits, ""));
                write!(out, "{before}.{after}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: &str) -> Option<String> {
        Decimal::parse(number).map(|number| number.to_string())
    }

    #[test]
    fn decimal_grammar() {
        for (given, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("+5", "5"),
            ("1.36", "1.36"),
            ("1.", "1"),
            (".5", "0.5"),
            ("-.50", "-0.5"),
            ("1.5e3", "1500"),
            ("15E-4", "0.0015"),
            ("100", "100"),
            ("1e+2", "100"),
            ("0.0001", "0.0001"),
            ("1e1000000", "1e1000000"),
        ] {
            assert_eq!(text(given).as_deref(), Some(expected), "{given}");
        }
        for wrong in ["", "-", ".", "01", "1e", "1e+", "1.2.3", "1e99999999999", "a", " 1", "1_0", "٣"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn decimals_fit_round_and_compare() {
        let number = |text: &str| Decimal::parse(text).expect("a number");
        assert!(number("123.45").fits(5, 2) && !number("123.45").fits(4, 2) && !number("123.45").fits(5, 1));
        assert!(number("1000").fits(4, 0) && !number("1000").fits(3, 0));
        for (given, scale, expected) in [
            ("1.25", 1, "1.3"),
            ("-1.25", 1, "-1.3"),
            ("9.99", 1, "10"),
            ("0.04", 1, "0"),
            ("0.05", 1, "0.1"),
            ("0.5", 0, "1"),
            ("199.5", 0, "200"),
            ("0.001", 0, "0"),
        ] {
            assert_eq!(number(given).rounded(scale).to_string(), expected, "{given}");
        }
        for (less, more) in [("-2", "-1"), ("-1", "0"), ("0", "0.001"), ("9.9", "10"), ("1.05", "1.1")] {
            assert!(number(less) < number(more), "{less} < {more}");
        }
        assert_eq!(number("670.0").cmp(&number("6.7e2")), Ordering::Equal);
        assert_eq!(number("12e3").to_integer(), Some(12_000));
        assert_eq!(number("1.5").to_integer(), None);
        assert!((number("1.36").to_float() - 1.36).abs() < f64::EPSILON);
    }
}
