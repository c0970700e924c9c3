//! Long numbers in scientific notation, as a spreadsheet program shows them: `1.23E+11`.

/// A number as a spreadsheet program writes it where it has too many digits to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scientific<'t> {
    negative: bool,
    whole: &'t str,
    decimals: &'t str,
    exponent: i32,
}

/// Takes a cell apart: a digit, decimals or none, `E`, a sign and the exponent. Programs other than
/// spreadsheets leave out the plus or write a small `e`.
pub(super) fn scientific(text: &str) -> Option<Scientific<'_>> {
    let (mantissa, exponent) = text.split_once('E')?;
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, decimals) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let sized = whole.len() == 1 && decimals.len() <= 30 && (2..=4).contains(&exponent.len());
    if !sized || !exponent.starts_with(['+', '-']) || !digits(whole) || !digits(decimals) {
        return None;
    }
    if !digits(exponent.get(1..)?) || (decimals.is_empty() && mantissa.len() > 1) {
        return None;
    }
    Some(Scientific { negative, whole, decimals, exponent: exponent.parse().ok()? })
}

impl Scientific<'_> {
    /// The whole number it is, where all digits of it are there.
    pub(super) fn written_out(self) -> Option<String> {
        let exponent = usize::try_from(self.exponent).ok()?;
        let sign = if self.negative { "-" } else { "" };
        (exponent > 0 && self.decimals.len() == exponent && self.whole != "0")
            .then(|| format!("{sign}{}{}", self.whole, self.decimals))
    }

    /// True where a code with too many digits to show is written so: 6 to 21 digits.
    pub(super) fn may_be_a_code(self) -> bool {
        (5..=20).contains(&self.exponent) && !self.negative
    }
}
