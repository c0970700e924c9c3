//! Dates and times as texts: the forms that values of records, filters and JSON may have.

use dray_model::value::{civil_from_days, days_from_civil, parse_date};

use super::value::NANOS_PER_DAY;

const NANOS_PER_MINUTE: i128 = 60_000_000_000;

/// Reads `YYYY-MM-DDThh:mm:ss[.fraction]` with a zone, `Z` or `±hh:mm`: nanoseconds since 1970.
pub fn parse_rfc3339(text: &str) -> Option<i128> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let days = reader.long_date()?;
    reader.sign(b'T')?;
    let nanos = reader.seconds(true)?;
    let zone = if reader.sign(b'Z').is_some() { 0 } else { reader.offset(true)? };
    reader.end()?;
    within_years(i128::from(days) * NANOS_PER_DAY + i128::from(nanos) - zone)
}

/// Reads ISO 8601: a year, a month, a day (also by its number in the year); then after `T` or a blank
/// hours, minutes, seconds with up to nine decimals; then a zone, without which it is UTC.
pub fn parse_iso8601(text: &str) -> Option<i128> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let days = reader.any_date()?;
    let mut nanos = 0;
    let mut zone = 0;
    if reader.sign(b'T').or_else(|| reader.sign(b' ')).is_some() {
        nanos = reader.clock()?;
        if reader.sign(b'Z').is_none() && reader.end().is_none() {
            zone = reader.offset(false)?;
        }
    }
    reader.end()?;
    within_years(i128::from(days) * NANOS_PER_DAY + i128::from(nanos) - zone)
}

/// Reads a date as mappings do: `YYYY-MM-DD`, `MM/DD/YYYY`, `MM.DD.YYYY` or the serial number of a
/// spreadsheet: days since 1970.
pub fn parse_any_date(text: &str) -> Option<i64> {
    if let Some(days) = parse_date(text) {
        return Some(days);
    }
    let bytes = text.as_bytes();
    if let [m1, m2, sign @ (b'/' | b'.'), d1, d2, second, year @ ..] = bytes
        && sign == second
        && year.len() == 4
    {
        let (month, day) = (two([*m1, *m2])?, two([*d1, *d2])?);
        let mut reader = Reader { bytes: year, at: 0 };
        return days_from_civil(reader.digits(4)?, month, day);
    }
    serial_date(text)
}

/// Days since 1970 of a spreadsheet's serial number: days since the end of 1899, with the 29 February
/// 1900 that never was left out, and the time of day dropped.
fn serial_date(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() < 3 || !digits(whole) || fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    let serial: i64 = whole.parse().ok().filter(|serial| *serial < 10_000_000 && *serial != 60)?;
    let days = days_from_civil(1899, 12, 31)? + serial - i64::from(serial > 60);
    (civil_from_days(days).0 <= 9999).then_some(days)
}

/// Reads `hh:mm:ss` with up to nine decimals; what follows is ignored. Nanoseconds since midnight.
pub fn parse_clock(text: &str) -> Option<i64> {
    Reader { bytes: text.as_bytes(), at: 0 }.seconds(false)
}

/// The value where it lies in the years 1 to 9999.
fn within_years(nanos: i128) -> Option<i128> {
    let days = i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).ok()?;
    (1..=9999).contains(&civil_from_days(days).0).then_some(nanos)
}

fn two(digits: [u8; 2]) -> Option<u32> {
    let [tens, ones] = digits;
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn sign(&mut self, sign: u8) -> Option<()> {
        if self.peek() != Some(sign) {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn end(&self) -> Option<()> {
        (self.at == self.bytes.len()).then_some(())
    }

    /// A run of digits that begins here: how many there are.
    fn run(&self) -> usize {
        self.bytes.iter().skip(self.at).take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut value = 0;
        for _ in 0..count {
            let digit = self.peek().filter(u8::is_ascii_digit)?;
            value = value * 10 + i64::from(digit - b'0');
            self.at += 1;
        }
        Some(value)
    }

    fn pair(&mut self) -> Option<u32> {
        u32::try_from(self.digits(2)?).ok()
    }

    fn long_date(&mut self) -> Option<i64> {
        let year = self.digits(4)?;
        self.sign(b'-')?;
        let month = self.pair()?;
        self.sign(b'-')?;
        days_from_civil(year, month, self.pair()?)
    }

    fn any_date(&mut self) -> Option<i64> {
        let year = self.digits(4)?;
        if self.sign(b'-').is_none() {
            return days_from_civil(year, 1, 1);
        }
        if self.run() == 3 {
            let number = self.digits(3)?;
            let days = days_from_civil(year, 1, 1)? + number - 1;
            return (number > 0 && civil_from_days(days).0 == year).then_some(days);
        }
        let month = self.pair()?;
        let day = if self.sign(b'-').is_some() { self.pair()? } else { 1 };
        days_from_civil(year, month, day)
    }

    /// `hh`, `hh:mm` or `hh:mm:ss` with decimals.
    fn clock(&mut self) -> Option<i64> {
        let begin = self.at;
        let hours = self.digits(2).filter(|hours| *hours < 24)?;
        if self.peek() != Some(b':') {
            return Some(hours * 3_600_000_000_000);
        }
        self.at += 1;
        let minutes = self.digits(2).filter(|minutes| *minutes < 60)?;
        if self.peek() != Some(b':') {
            return Some((hours * 60 + minutes) * 60_000_000_000);
        }
        self.at = begin;
        self.seconds(true)
    }

    /// `hh:mm:ss` with decimals; strictly there are one to nine of them after a point, else further ones are
    /// left alone.
    fn seconds(&mut self, strict: bool) -> Option<i64> {
        let hours = self.digits(2).filter(|hours| *hours < 24)?;
        self.sign(b':')?;
        let minutes = self.digits(2).filter(|minutes| *minutes < 60)?;
        self.sign(b':')?;
        let seconds = self.digits(2).filter(|seconds| *seconds < 60)?;
        let mut fraction = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            let count = self.run();
            if strict && !(1..=9).contains(&count) {
                return None;
            }
            let count = count.min(9);
            fraction = self.digits(count)? * 10_i64.pow(9 - u32::try_from(count).ok()?);
        }
        Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction)
    }

    /// A zone: nanoseconds east of UTC. With a colon only, or in the short forms too.
    fn offset(&mut self, long: bool) -> Option<i128> {
        let sign = match self.peek()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.at += 1;
        let hours = self.digits(2).filter(|hours| *hours < 24)?;
        let colon = self.sign(b':').is_some();
        if long && !colon {
            return None;
        }
        let minutes =
            if colon || self.run() > 0 { self.digits(2).filter(|minutes| *minutes < 60)? } else { 0 };
        Some(sign * i128::from(hours * 60 + minutes) * NANOS_PER_MINUTE)
    }
}
