//! Dates as people want them written: a small part of strftime.

use dray_model::value::civil_from_days;
use dray_model::{Error, Result};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const SECONDS_PER_DAY: i64 = 86_400;

/// A way to write dates and times.
#[derive(Debug, Clone)]
pub(crate) struct DateFormat {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    /// The letter behind the percent sign.
    Field(char),
}

impl DateFormat {
    /// Understands `%Y %y %m %d %e %b %B %H %I %M %S %p %j %%`.
    pub(crate) fn parse(format: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut characters = format.chars();
        while let Some(c) = characters.next() {
            if c != '%' {
                literal.push(c);
                continue;
            }
            match characters.next() {
                Some('%') => literal.push('%'),
                Some(field) if "YymdebBHIMSpj".contains(field) => {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    parts.push(Part::Field(field));
                }
                other => {
                    let field: String = other.into_iter().collect();
                    let message = format!("the date format `{format}` has `%{field}`, which is not known");
                    return Err(Error::request(message)
                        .hint("use %Y %y %m %d %e %b %B %j for dates and %H %I %M %S %p for times"));
                }
            }
        }
        parts.push(Part::Literal(literal));
        Ok(Self { parts })
    }

    /// Appends a date, given in days since 1970-01-01; its time of day is midnight.
    pub(crate) fn append_date(&self, days: i64, out: &mut String) {
        self.append(days, 0, out);
    }

    /// Appends a time, given in microseconds since 1970-01-01.
    pub(crate) fn append_datetime(&self, micros: i64, out: &mut String) {
        let seconds = micros.div_euclid(1_000_000);
        self.append(seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY), out);
    }

    fn append(&self, days: i64, second_of_day: i64, out: &mut String) {
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        let month_name =
            usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"");
        for part in &self.parts {
            let text = match part {
                Part::Literal(literal) => literal.clone(),
                Part::Field('Y') => format!("{year:04}"),
                Part::Field('y') => format!("{:02}", year.rem_euclid(100)),
                Part::Field('m') => format!("{month:02}"),
                Part::Field('d') => format!("{day:02}"),
                Part::Field('e') => format!("{day:2}"),
                Part::Field('B') => (*month_name).to_owned(),
                Part::Field('b') => month_name.chars().take(3).collect(),
                Part::Field('H') => format!("{hour:02}"),
                Part::Field('I') => format!("{:02}", (hour + 11) % 12 + 1),
                Part::Field('M') => format!("{minute:02}"),
                Part::Field('S') => format!("{second:02}"),
                Part::Field('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
                Part::Field(_) => {
                    let new_year = dray_model::value::days_from_civil(year, 1, 1).unwrap_or(days);
                    format!("{:03}", days - new_year + 1)
                }
            };
            out.push_str(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: &str, micros: i64) -> String {
        let mut out = String::new();
        DateFormat::parse(format).unwrap().append_datetime(micros, &mut out);
        out
    }

    #[test]
    fn dates_are_written_as_asked() {
        let micros = 1_709_288_430_500_000;
        assert_eq!(shown("%d.%m.%Y", micros), "01.03.2024");
        assert_eq!(shown("%e %B %Y, %I:%M %p", micros), " 1 March 2024, 10:20 AM");
        assert_eq!(shown("%y%b%d %H:%M:%S %j 100%%", micros), "24Mar01 10:20:30 061 100%");
        assert_eq!(shown("%I %p", 0), "12 AM");
        assert_eq!(shown("%d.%m.%Y %H:%M:%S", -1), "31.12.1969 23:59:59");
        assert_eq!(shown("ä", 0), "ä");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (format, directive) in [("%Q", "%Q"), ("%d %", "%"), ("%ä", "%ä")] {
            let error = DateFormat::parse(format).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the date format `{format}` has `{directive}`, which is not known")
            );
        }
    }
}
