//! Dates, times and timestamps as people write them. The order of day and month is never guessed here:
//! it is decided for the whole column beforehand (see [`super::decide`]).

use dray_model::object::Field;
use dray_model::problem::ProblemCode;
use dray_model::value::{append_date, days_from_civil, parse_date, parse_datetime, parse_time};

use super::Bad;
use super::style::{DateOrder, Style};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Days since 1970-01-01 of a date.
pub fn date(text: &str, style: Style) -> Result<i64, Bad> {
    if let Some(days) = parse_date(text) {
        return Ok(days);
    }
    // A timestamp at midnight is a date that went through a spreadsheet.
    if let Some(micros) = parse_datetime(text)
        && micros % MICROS_PER_DAY == 0
    {
        return Ok(micros / MICROS_PER_DAY);
    }
    let bad = |why: &str| (ProblemCode::NotADate, why.to_owned());
    let parts = split_date(text).ok_or_else(|| bad("write it as 2025-04-03"))?;
    let (year, month, day) = match (parts, style.date_order) {
        (Parts::YearFirst(year, month, day), _) => (year, month, day),
        (Parts::Named { year, month, day }, _) => (year, month, day),
        (Parts::YearLast { first, second, year, dotted }, order) => match order {
            Some(DateOrder::MonthFirst) if !dotted => (year, first, second),
            _ => (year, second, first),
        },
        (Parts::ShortYear { .. }, _) => return Err(bad("write the year with four digits")),
    };
    days_from_civil(i64::from(year), month, day).ok_or_else(|| {
        let order = match style.date_order {
            Some(DateOrder::MonthFirst) => "; this column is month/day/year",
            Some(DateOrder::DayFirst) => "; this column is day/month/year",
            None => "",
        };
        bad(&format!("there is no such day{order}"))
    })
}

/// Microseconds since the epoch of a timestamp; without a zone it is UTC, without a time midnight.
pub fn datetime(text: &str, style: Style) -> Result<i64, Bad> {
    if let Some(micros) = parse_datetime(text) {
        return Ok(micros);
    }
    let bad = || (ProblemCode::NotADateTime, "write it as 2025-04-03T14:30:00Z".to_owned());
    if let Ok(days) = date(text, style) {
        return Ok(days * MICROS_PER_DAY);
    }
    // The time of day begins at the last blank-separated word with a colon in it.
    let colon = text.find(':').ok_or_else(bad)?;
    let begin = text.get(..colon).and_then(|head| head.rfind([' ', 'T', ','])).ok_or_else(bad)?;
    let (day, clock) = (text.get(..begin).unwrap_or_default(), text.get(begin + 1..).unwrap_or_default());
    let days =
        date(day.trim_end_matches([',', ' ']), style).map_err(|(_, why)| (ProblemCode::NotADateTime, why))?;
    let clock = clock.trim_end_matches(" UTC").trim_end_matches('Z');
    Ok(days * MICROS_PER_DAY + time(clock).map_err(|_| bad())?)
}

/// Microseconds since midnight of `14:30`, `14:30:15.5` or `2:30 PM`.
pub fn time(text: &str) -> Result<i64, Bad> {
    let bad = || (ProblemCode::NotATime, "write it as 14:30 or 14:30:15".to_owned());
    let lower = text.trim().to_ascii_lowercase();
    let (clock, afternoon) = match lower.strip_suffix("pm").or_else(|| lower.strip_suffix("p.m.")) {
        Some(clock) => (clock.trim(), Some(true)),
        None => match lower.strip_suffix("am").or_else(|| lower.strip_suffix("a.m.")) {
            Some(clock) => (clock.trim(), Some(false)),
            None => (lower.as_str(), None),
        },
    };
    let padded = if clock.as_bytes().get(1) == Some(&b':') { format!("0{clock}") } else { clock.to_owned() };
    let micros = parse_time(&padded).ok_or_else(bad)?;
    let hour = micros / 3_600_000_000;
    match afternoon {
        None => Ok(micros),
        Some(_) if !(1..=12).contains(&hour) => Err(bad()),
        Some(true) if hour < 12 => Ok(micros + 12 * 3_600_000_000),
        Some(false) if hour == 12 => Ok(micros - 12 * 3_600_000_000),
        Some(_) => Ok(micros),
    }
}

/// Judges a date by the field's first and last day.
pub fn within(field: &Field, days: i64) -> Result<(), Bad> {
    let definition = &field.definition;
    let shown = |days: i64| {
        let mut out = String::new();
        append_date(days, &mut out);
        out
    };
    if let Some(min) = definition.min.as_deref().and_then(parse_date)
        && days < min
    {
        return Err((ProblemCode::TooSmall, format!("the first day allowed is {}", shown(min))));
    }
    if let Some(max) = definition.max.as_deref().and_then(parse_date)
        && days > max
    {
        return Err((ProblemCode::TooLarge, format!("the last day allowed is {}", shown(max))));
    }
    Ok(())
}

/// What the text of a date says about the order of day and month in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldOrder {
    /// Only one order makes it a date.
    Only(DateOrder),
    /// Both orders do, and they are different days.
    Either,
    /// It is a date whose order needs no telling: ISO, with the month's name, dotted, or 3/3/2025.
    Plain,
    /// It is no date, or none in either order.
    NoDate,
}

/// What the text of a date or timestamp says about the order of day and month in its column.
pub fn told_order(text: &str) -> ToldOrder {
    // A timestamp's date stands before its clock.
    let day = match text.find(':').and_then(|colon| text.get(..colon)?.rfind([' ', 'T'])) {
        Some(end) => text.get(..end).unwrap_or(text).trim_end_matches(','),
        None => text,
    };
    let (first, second, readable) = match split_date(day) {
        Some(Parts::YearLast { first, second, dotted: false, .. }) => (first, second, true),
        Some(Parts::ShortYear { first, second, dotted: false }) => (first, second, false),
        Some(_) => return ToldOrder::Plain,
        None => return ToldOrder::NoDate,
    };
    if !(1..=31).contains(&first) || !(1..=31).contains(&second) {
        return ToldOrder::NoDate;
    }
    match (first > 12, second > 12) {
        (true, true) => ToldOrder::NoDate,
        (true, false) => ToldOrder::Only(DateOrder::DayFirst),
        (false, true) => ToldOrder::Only(DateOrder::MonthFirst),
        // Nobody need be asked about a date that is refused for its short year anyway.
        (false, false) if first == second || !readable => ToldOrder::Plain,
        (false, false) => ToldOrder::Either,
    }
}

/// The parts of a date that is not in ISO form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    /// 2025/4/3, 2025.04.03, 20250403
    YearFirst(u16, u32, u32),
    /// 3/4/2025; dots always mean day.month.year
    YearLast { first: u32, second: u32, year: u16, dotted: bool },
    /// 3 April 2025, Apr 3, 2025
    Named { year: u16, month: u32, day: u32 },
    /// 3/4/25
    ShortYear { first: u32, second: u32, dotted: bool },
}

/// Takes a date apart without deciding the order of day and month.
fn split_date(text: &str) -> Option<Parts> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = |from: usize, to: usize| text.get(from..to)?.parse().ok();
        return Some(Parts::YearFirst(text.get(..4)?.parse().ok()?, number(4, 6)?, number(6, 8)?));
    }
    let mut words = [""; 3];
    let mut count = 0;
    for word in text.split(['/', '-', '.', ' ', ',']).filter(|word| !word.is_empty()) {
        *words.get_mut(count)? = word;
        count += 1;
    }
    if count != 3 {
        return None;
    }
    let number = |word: &str| {
        (word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| word.parse::<u32>().ok())?
    };
    let year = |word: &str| (word.len() == 4).then(|| word.parse::<u16>().ok())?;
    let [first, second, third] = words;
    if let Some(month) = month_named(second) {
        let (day, year_word) = if first.len() == 4 { (third, first) } else { (first, third) };
        return Some(Parts::Named { year: year(year_word)?, month, day: number(ordinal(day))? });
    }
    if let Some(month) = month_named(first) {
        return Some(Parts::Named { year: year(third)?, month, day: number(ordinal(second))? });
    }
    let (one, two) = (number(first)?, number(second)?);
    if first.len() == 4 {
        return Some(Parts::YearFirst(year(first)?, two, number(third)?));
    }
    number(third)?;
    let dotted = text.contains('.');
    if third.len() == 2 {
        return Some(Parts::ShortYear { first: one, second: two, dotted });
    }
    Some(Parts::YearLast { first: one, second: two, year: year(third)?, dotted })
}

/// `3rd` → `3`.
fn ordinal(word: &str) -> &str {
    word.trim_end_matches("st").trim_end_matches("nd").trim_end_matches("rd").trim_end_matches("th")
}

fn month_named(word: &str) -> Option<u32> {
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
    if word.len() < 3 || !word.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| {
        *month == lower || month.get(..3) == Some(&lower) || lower == "sept" && *month == "september"
    })?;
    u32::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, order: Option<DateOrder>) -> Option<String> {
        let days = date(text, Style { date_order: order, ..Style::default() }).ok()?;
        let mut out = String::new();
        append_date(days, &mut out);
        Some(out)
    }

    #[test]
    fn dates() {
        let day_first = Some(DateOrder::DayFirst);
        assert_eq!(read("2024-02-29", None).as_deref(), Some("2024-02-29"));
        assert_eq!(read("3/4/2025", day_first).as_deref(), Some("2025-04-03"));
        assert_eq!(read("3/4/2025", Some(DateOrder::MonthFirst)).as_deref(), Some("2025-03-04"));
        assert_eq!(read("03.04.2025", Some(DateOrder::MonthFirst)).as_deref(), Some("2025-04-03"));
        assert_eq!(read("Apr 3rd, 2025", None).as_deref(), Some("2025-04-03"));
        assert_eq!(read("3-Apr-2025", None).as_deref(), Some("2025-04-03"));
        assert_eq!(read("20250403", None).as_deref(), Some("2025-04-03"));
        assert_eq!(read("2025-04-03 00:00:00", None).as_deref(), Some("2025-04-03"));
        for wrong in [
            "31/02/2025",
            "3/4/25",
            "2025-13-01",
            "soon",
            "2023-02-29",
            "0000-00-00",
            "1/2/3/2025",
            "Janvier 3 2025",
        ] {
            assert_eq!(read(wrong, day_first), None, "{wrong}");
        }
    }

    #[test]
    fn some_dates_tell_the_order_of_day_and_month() {
        assert_eq!(told_order("31/12/2025"), ToldOrder::Only(DateOrder::DayFirst));
        assert_eq!(told_order("12/31/25"), ToldOrder::Only(DateOrder::MonthFirst));
        assert_eq!(told_order("12-31-2025 14:30"), ToldOrder::Only(DateOrder::MonthFirst));
        assert_eq!(told_order("3/4/2025"), ToldOrder::Either);
        for plain in ["3/3/2025", "31.12.2025", "2025-12-31", "3 April 2025", "3/4/25"] {
            assert_eq!(told_order(plain), ToldOrder::Plain, "{plain}");
        }
        for none in ["31/31/2025", "12-45-6789", "soon", "1/2", "14:30"] {
            assert_eq!(told_order(none), ToldOrder::NoDate, "{none}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(time("2:30 PM").ok(), Some(52_200_000_000));
        assert_eq!(time("12:00 am").ok(), Some(0));
        assert_eq!(time("24:00").ok(), None);
        assert_eq!(
            datetime("3 April 2025, 2:30 PM", Style::default()).ok(),
            datetime("2025-04-03T14:30:00Z", Style::default()).ok()
        );
    }
}
