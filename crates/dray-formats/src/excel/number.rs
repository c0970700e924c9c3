//! Numbers as a spreadsheet program shows them: a sheet stores 0.30000000000000004, people see 0.3.

/// The digits a spreadsheet program keeps.
const SIGNIFICANT_DIGITS: usize = 15;

/// Appends a number that is stored as text; returns false (and appends nothing) where it is none.
///
/// Whole numbers keep every digit that is stored. Others keep 15 significant digits.
pub(super) fn append_stored(stored: &[u8], out: &mut Vec<u8>) -> bool {
    let text = stored.trim_ascii();
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let point = memchr::memchr(b'.', digits).unwrap_or(digits.len());
    let whole = digits.get(..point).unwrap_or_default();
    let decimals = digits.get(point + 1..).unwrap_or_default();
    let are_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if !are_digits(whole) || !are_digits(decimals) {
        return append_parsed(text, out);
    }
    if whole.is_empty() && decimals.is_empty() {
        return false;
    }
    let (whole, decimals) = (without_leading_zeros(whole), without_trailing_zeros(decimals));
    let significant = match whole.len() {
        0 => without_leading_zeros(decimals).len(),
        count => count + decimals.len(),
    };
    if significant > SIGNIFICANT_DIGITS && !decimals.is_empty() {
        return append_parsed(text, out);
    }
    if significant == 0 {
        out.push(b'0');
        return true;
    }
    append_plain(negative, whole, decimals, out);
    true
}

/// Appends a number with 15 significant digits; one that is beyond 10^21 or below 10^-19 has an exponent.
pub(super) fn append_number(value: f64, out: &mut Vec<u8>) {
    if value == 0.0 {
        out.push(b'0');
        return;
    }
    let scientific = format!("{:.*e}", SIGNIFICANT_DIGITS - 1, value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let digits = without_trailing_zeros(&digits);
    let negative = value < 0.0;
    match exponent {
        0..21 => {
            let mut whole = digits.to_vec();
            let count = exponent.unsigned_abs() as usize + 1;
            let decimals = if whole.len() > count { whole.split_off(count) } else { Vec::new() };
            whole.resize(count, b'0');
            append_plain(negative, &whole, &decimals, out);
        }
        -19..0 => {
            let mut decimals = vec![b'0'; exponent.unsigned_abs() as usize - 1];
            decimals.extend_from_slice(digits);
            append_plain(negative, b"", &decimals, out);
        }
        _ => {
            let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, &[]));
            append_plain(negative, first, rest, out);
            out.extend_from_slice(format!("E{exponent:+}").as_bytes());
        }
    }
}

fn append_parsed(text: &[u8], out: &mut Vec<u8>) -> bool {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    match parsed {
        Some(value) if value.is_finite() => {
            append_number(value, out);
            true
        }
        _ => false,
    }
}

fn append_plain(negative: bool, whole: &[u8], decimals: &[u8], out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if !decimals.is_empty() {
        out.push(b'.');
        out.extend_from_slice(decimals);
    }
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &str) -> Option<String> {
        let mut out = Vec::new();
        append_stored(text.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_are_written_as_people_see_them() {
        for (text, seen) in [
            ("0.30000000000000004", "0.3"),
            ("1.1000000000000001", "1.1"),
            ("12.50", "12.5"),
            ("42", "42"),
            ("42.0", "42"),
            ("-0", "0"),
            ("0.000", "0"),
            ("007", "7"),
            (".5", "0.5"),
            ("-12.", "-12"),
            ("123456789012345", "123456789012345"),
            ("12345678901234567890", "12345678901234567890"),
            ("1.2345678901234568E+19", "12345678901234600000"),
            ("1E3", "1000"),
            ("1.5E21", "1.5E+21"),
            ("2.5E-3", "0.0025"),
            ("1e-7", "0.0000001"),
            ("-1e-30", "-1E-30"),
            ("99999999999999.999999", "100000000000000"),
            ("9.9999999999999999E20", "1E+21"),
            ("0.1234567890123456789", "0.123456789012346"),
            (" 7 ", "7"),
        ] {
            assert_eq!(stored(text).as_deref(), Some(seen), "{text}");
        }
        for text in ["", "-", ".", "abc", "1e999", "NaN", "inf", "1,5", "--1"] {
            assert_eq!(stored(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn fifteen_digits_come_back(value in -1e15..1e15_f64) {
            let mut out = Vec::new();
            append_number(value, &mut out);
            let back: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
            proptest::prop_assert!((back - value).abs() <= value.abs() * 1e-14);
            let mut again = Vec::new();
            proptest::prop_assert!(append_stored(&out, &mut again));
            proptest::prop_assert_eq!(out, again);
        }
    }
}
