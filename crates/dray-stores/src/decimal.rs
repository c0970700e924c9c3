//! Exact decimal numbers as text: the canonical form, and a key that orders them byte by byte.

/// Appends `text`, a plain decimal number, with exactly `scale` decimals, or without trailing zeros
/// where there is no scale. Digits that are not zero are never dropped, and what is no plain number
/// (`NaN`, written by someone else) stays as it is.
pub(crate) fn append_canonical(text: &str, scale: Option<u32>, out: &mut String) {
    if !is_decimal(text) {
        out.push_str(text);
        return;
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals = decimals.trim_end_matches('0');
    out.push_str(whole);
    let width = scale.map_or(0, |scale| scale as usize).max(decimals.len());
    if width > 0 {
        out.push('.');
        out.push_str(decimals);
        out.extend(std::iter::repeat_n('0', width - decimals.len()));
    }
}

/// True where `text` is a plain decimal number: an optional minus, digits, optionally a point and digits.
pub(crate) fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(decimals)
}

/// Bytes that compare as the numbers do, however many digits they have; `None` where `text` is no number.
///
/// Sign, then how many digits stand before the point, then the digits; all inverted for negative numbers.
pub(crate) fn sort_key(text: &str) -> Option<Vec<u8>> {
    if !is_decimal(text) {
        return None;
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = whole.trim_start_matches('0');
    let decimals = decimals.trim_end_matches('0');
    let leading_zeros = decimals.bytes().take_while(|&byte| byte == b'0').count();
    if whole.is_empty() && decimals.is_empty() {
        return Some(vec![1]);
    }
    let (exponent, digits) = if whole.is_empty() {
        (-i64::try_from(leading_zeros).ok()?, decimals.trim_start_matches('0').to_owned())
    } else {
        (i64::try_from(whole.len()).ok()?, format!("{whole}{decimals}"))
    };
    let biased = u32::try_from(exponent + (1 << 30)).ok()?;
    let mut key = Vec::with_capacity(6 + digits.len());
    key.push(if negative { 0 } else { 2 });
    key.extend_from_slice(&biased.to_be_bytes());
    key.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    if negative {
        for byte in key.iter_mut().skip(1) {
            *byte = !*byte;
        }
        // A longer run of digits is the smaller number here, so the end must sort after every digit.
        key.push(u8::MAX);
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_has_the_decimals_of_the_scale() {
        let canonical = |text: &str, scale| {
            let mut out = String::new();
            append_canonical(text, scale, &mut out);
            out
        };
        assert_eq!(canonical("10.5", Some(2)), "10.50");
        assert_eq!(canonical("10", Some(2)), "10.00");
        assert_eq!(canonical("10.500", None), "10.5");
        assert_eq!(canonical("-10.000", None), "-10");
        assert_eq!(canonical("0.123", Some(2)), "0.123");
        assert_eq!(canonical("100", None), "100");
    }

    #[test]
    fn keys_order_as_numbers_do() {
        let ordered = [
            "-1000000000000000000000000000",
            "-10.5",
            "-10.49",
            "-10",
            "-9",
            "-1",
            "-0.5",
            "-0.05",
            "0",
            "0.0001",
            "0.05",
            "0.5",
            "0.51",
            "1",
            "9",
            "10",
            "10.49",
            "10.5",
            "99999999999999999999",
        ];
        for pair in ordered.windows(2) {
            assert!(sort_key(pair[0]) < sort_key(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(sort_key("10.50"), sort_key("10.5"));
        assert_eq!(sort_key("-0.00"), sort_key("0"));
        assert_eq!(sort_key("ten"), None);
    }
}
