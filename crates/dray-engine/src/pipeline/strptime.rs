//! Times in the formats of `strptime`: `%Y-%m-%d %H:%M:%S` and so on. What a format does not say is that of
//! 1900-01-01 00:00:00 UTC.

use dray_model::value::{civil_from_days, days_from_civil};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// A format that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    text: String,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Letter(char),
    Directive(char),
    /// `%:z`
    ColonZone,
}

/// What a text says of a time.
#[derive(Default)]
struct Parts {
    year: Option<i64>,
    century: Option<i64>,
    year_of_century: Option<i64>,
    week_year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<i64>,
    /// Days since Sunday.
    weekday: Option<i64>,
    week_from_sunday: Option<i64>,
    week_from_monday: Option<i64>,
    iso_week: Option<i64>,
    hour: Option<i64>,
    hour_of_twelve: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    /// Seconds east of UTC.
    zone: i64,
    epoch: Option<i64>,
}

impl Pattern {
    /// Checks a format.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        expand(text, &mut items, 0)?;
        Ok(Self { text: text.to_owned(), items })
    }

    /// The format as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The time of a text in microseconds since 1970; `None` where it is not of this format.
    pub fn read(&self, text: &str) -> Option<i64> {
        let mut reader = Reader { rest: text };
        let mut parts = Parts::default();
        for item in &self.items {
            match item {
                Item::Letter(letter) => {
                    reader.rest = reader.rest.strip_prefix(*letter)?;
                }
                Item::ColonZone => parts.zone = reader.zone()?,
                Item::Directive(directive) => reader.directive(*directive, &mut parts)?,
            }
        }
        if !reader.rest.is_empty() {
            return None;
        }
        parts.time()
    }
}

fn expand(text: &str, items: &mut Vec<Item>, depth: usize) -> Result<(), String> {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            items.push(Item::Letter(letter));
            continue;
        }
        let composite = match letters.next() {
            Some('c') => "%a %b %e %H:%M:%S %Y",
            Some('+') => "%a %b %e %H:%M:%S %Z %Y",
            Some('v') => "%e-%b-%Y",
            Some('r') => "%I:%M:%S %p",
            Some('F') => "%Y-%m-%d",
            Some('D' | 'x') => "%m/%d/%y",
            Some('T' | 'X') => "%H:%M:%S",
            Some('R') => "%H:%M",
            Some('%') => {
                items.push(Item::Letter('%'));
                continue;
            }
            Some('n') => {
                items.push(Item::Letter('\n'));
                continue;
            }
            Some('t') => {
                items.push(Item::Letter('\t'));
                continue;
            }
            Some(':') if letters.as_str().starts_with('z') => {
                letters.next();
                items.push(Item::ColonZone);
                continue;
            }
            Some(
                directive @ ('Y' | 'y' | 'C' | 'G' | 'g' | 'm' | 'B' | 'b' | 'h' | 'A' | 'a' | 'w' | 'u'
                | 'V' | 'U' | 'W' | 'e' | 'd' | 'j' | 'k' | 'H' | 'l' | 'I' | 'p' | 'P' | 'M'
                | 'S' | 's' | 'f' | 'Z' | 'z'),
            ) => {
                items.push(Item::Directive(directive));
                continue;
            }
            Some(other) => return Err(format!("`%{other}` is no directive of strftime")),
            None => return Err("it ends in a `%`".to_owned()),
        };
        if depth == 0 {
            expand(composite, items, 1)?;
        }
    }
    Ok(())
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// One to `most` digits, within bounds.
    fn number(&mut self, most: usize, least: i64, largest: i64) -> Option<i64> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let value = digits.parse().ok().filter(|value| (least..=largest).contains(value))?;
        self.rest = rest;
        Some(value)
    }

    /// The same, after one blank perhaps.
    fn padded(&mut self, least: i64, largest: i64) -> Option<i64> {
        self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
        self.number(2, least, largest)
    }

    fn small(&mut self, most: usize, least: i64, largest: i64) -> Option<u32> {
        u32::try_from(self.number(most, least, largest)?).ok()
    }

    /// Which of some names it is, whole or its first three letters.
    fn name(&mut self, names: &[&str]) -> Option<usize> {
        let begins =
            |name: &str| self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        for (index, name) in names.iter().enumerate() {
            for form in [name, name.get(..3)?] {
                if begins(form) {
                    self.rest = self.rest.get(form.len()..)?;
                    return Some(index);
                }
            }
        }
        None
    }

    /// `Z`, `±hh`, `±hhmm` or `±hh:mm`: seconds east of UTC.
    fn zone(&mut self) -> Option<i64> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(0);
        }
        let sign = match self.rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = self.number(2, 0, 23)?;
        let colon = self.rest.strip_prefix(':');
        self.rest = colon.unwrap_or(self.rest);
        let digits = self.rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
        let minutes = if colon.is_some() || digits { self.number(2, 0, 59)? } else { 0 };
        Some(sign * (hours * 60 + minutes) * 60)
    }

    fn directive(&mut self, directive: char, parts: &mut Parts) -> Option<()> {
        match directive {
            'Y' => parts.year = Some(self.number(4, 0, 9999)?),
            'y' => {
                let year = self.number(2, 0, 99)?;
                parts.year_of_century = Some(year);
            }
            'C' => parts.century = Some(self.number(2, 0, 99)?),
            'G' => parts.week_year = Some(self.number(4, 0, 9999)?),
            'g' => parts.week_year = Some(full_year(self.number(2, 0, 99)?)),
            'm' => parts.month = Some(self.small(2, 1, 12)?),
            'B' | 'b' | 'h' => parts.month = Some(u32::try_from(self.name(&MONTHS)?).ok()? + 1),
            'A' | 'a' => parts.weekday = Some(i64::try_from(self.name(&DAYS)?).ok()?),
            'w' => parts.weekday = Some(self.number(1, 0, 6)?),
            'u' => parts.weekday = Some(self.number(1, 1, 7)? % 7),
            'V' => parts.iso_week = Some(self.number(2, 1, 53)?),
            'U' => parts.week_from_sunday = Some(self.number(2, 0, 53)?),
            'W' => parts.week_from_monday = Some(self.number(2, 0, 53)?),
            'e' => parts.day = Some(u32::try_from(self.padded(1, 31)?).ok()?),
            'd' => parts.day = Some(self.small(2, 1, 31)?),
            'j' => parts.day_of_year = Some(self.number(3, 1, 366)?),
            'H' => parts.hour = Some(self.number(2, 0, 23)?),
            'k' => parts.hour = Some(self.padded(0, 23)?),
            'I' => parts.hour_of_twelve = Some(self.number(2, 1, 12)?),
            'l' => parts.hour_of_twelve = Some(self.padded(1, 12)?),
            'p' | 'P' => {
                let word = self.rest.get(..2)?;
                parts.afternoon = Some(match word.to_ascii_lowercase().as_str() {
                    "am" => false,
                    "pm" => true,
                    _ => return None,
                });
                self.rest = self.rest.get(2..)?;
            }
            'M' => parts.minute = self.number(2, 0, 59)?,
            'S' => parts.second = self.number(2, 0, 60)?,
            's' => {
                let minus = self.rest.strip_prefix('-');
                self.rest = minus.unwrap_or(self.rest);
                let seconds = self.number(18, 0, i64::MAX)?;
                parts.epoch = Some(if minus.is_some() { -seconds } else { seconds });
            }
            'f' => {
                let count = self.rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
                let value = self.number(9, 0, 999_999_999)?;
                let nanos = value * 10_i64.pow(9 - u32::try_from(count).ok()?);
                parts.micros = nanos / 1_000;
            }
            'z' => parts.zone = self.zone()?,
            'Z' => {
                let count = self.rest.bytes().take_while(u8::is_ascii_uppercase).count();
                let (name, rest) = self.rest.split_at_checked(count)?;
                // Names of other zones mean different things in different places.
                parts.zone = matches!(name, "UTC" | "GMT" | "Z").then_some(0)?;
                self.rest = rest;
            }
            _ => return None,
        }
        Some(())
    }
}

/// The year of two digits: from 69 on those of the twentieth century.
fn full_year(short: i64) -> i64 {
    if short >= 69 { 1900 + short } else { 2000 + short }
}

impl Parts {
    fn time(&self) -> Option<i64> {
        let seconds = match self.epoch {
            Some(epoch) => epoch,
            None => self.days()? * 86_400 + self.clock()? - self.zone,
        };
        seconds.checked_mul(1_000_000)?.checked_add(self.micros)
    }

    fn clock(&self) -> Option<i64> {
        let hour = match (self.hour, self.hour_of_twelve) {
            (Some(hour), _) => hour,
            (None, Some(hour)) => hour % 12 + if self.afternoon.unwrap_or(false) { 12 } else { 0 },
            (None, None) => 0,
        };
        Some(hour * 3600 + self.minute * 60 + self.second)
    }

    fn days(&self) -> Option<i64> {
        if let (Some(year), Some(week)) = (self.week_year.or(self.year), self.iso_week)
            && self.month.is_none()
        {
            // The week with the 4 January is the first.
            let fourth = days_from_civil(year, 1, 4)?;
            let monday = fourth - (fourth + 3).rem_euclid(7);
            let weekday = (self.weekday.unwrap_or(1) + 6) % 7;
            return Some(monday + (week - 1) * 7 + weekday);
        }
        let year = match (self.year, self.century, self.year_of_century) {
            (Some(year), _, _) => year,
            (None, Some(century), short) => century * 100 + short.unwrap_or(0),
            (None, None, Some(short)) => full_year(short),
            (None, None, None) => 1900,
        };
        let first = days_from_civil(year, 1, 1)?;
        if let Some(day) = self.day_of_year {
            let days = first + day - 1;
            return (civil_from_days(days).0 == year).then_some(days);
        }
        let weeks =
            self.week_from_sunday.map(|week| (week, 0)).or(self.week_from_monday.map(|week| (week, 1)));
        if let (Some((week, begins)), Some(weekday), None) = (weeks, self.weekday, self.month) {
            // Days since Sunday of the first day of the year.
            let first_weekday = (first + 4).rem_euclid(7);
            let first_begin = first + (begins - first_weekday).rem_euclid(7);
            return Some(first_begin + (week - 1) * 7 + (weekday - begins).rem_euclid(7));
        }
        days_from_civil(year, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }
}
