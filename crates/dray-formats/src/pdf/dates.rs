//! Dates and times as a person wants to see them: the few directives of strftime that calendars need.

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

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A format that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateFormat(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Directive(char),
}

impl DateFormat {
    /// Understands a format such as `%d.%m.%Y`.
    pub(super) fn new(format: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = format;
        while let Some((text, behind)) = rest.split_once('%') {
            parts.push(Part::Text(text.to_owned()));
            let directive = behind.chars().next();
            match directive {
                Some(directive) if "YmdHMSybBejp%I".contains(directive) => {
                    parts.push(Part::Directive(directive));
                }
                _ => {
                    let shown = directive.map_or("%".to_owned(), |directive| format!("%{directive}"));
                    return Err(Error::request(format!(
                        "the date format has `{shown}`, which means nothing"
                    ))
                    .hint("use %Y %y %m %b %B %d %e %j %H %I %M %S %p, and %% for a percent sign"));
                }
            }
            rest = behind.get(directive.map_or(0, char::len_utf8)..).unwrap_or_default();
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Appends a day.
    pub(super) fn append_date(&self, days: i64, out: &mut String) {
        self.append_datetime(days.saturating_mul(MICROS_PER_DAY), out);
    }

    /// Appends a moment.
    pub(super) fn append_datetime(&self, micros: i64, out: &mut String) {
        let days = micros.div_euclid(MICROS_PER_DAY);
        let seconds = micros.rem_euclid(MICROS_PER_DAY) / MICROS_PER_SECOND;
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let month_name = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
        for part in &self.0 {
            let text = match part {
                Part::Text(text) => text.clone(),
                Part::Directive('Y') => format!("{year:04}"),
                Part::Directive('y') => format!("{:02}", year.rem_euclid(100)),
                Part::Directive('m') => format!("{month:02}"),
                Part::Directive('d') => format!("{day:02}"),
                Part::Directive('e') => day.to_string(),
                Part::Directive('b') => month_name.chars().take(3).collect(),
                Part::Directive('B') => month_name.to_owned(),
                Part::Directive('j') => {
                    let before: u32 =
                        (1..month).map(|month| dray_model::value::days_in_month(year, month)).sum();
                    format!("{:03}", before + day)
                }
                Part::Directive('H') => format!("{hour:02}"),
                Part::Directive('I') => format!("{:02}", (hour + 11) % 12 + 1),
                Part::Directive('M') => format!("{minute:02}"),
                Part::Directive('S') => format!("{second:02}"),
                Part::Directive('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
                Part::Directive(_) => "%".to_owned(),
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
        DateFormat::new(format).unwrap().append_datetime(micros, &mut out);
        out
    }

    #[test]
    fn dates_are_written_as_asked() {
        let micros = 1_709_288_430_500_000;
        assert_eq!(shown("%d.%m.%Y", micros), "01.03.2024");
        assert_eq!(shown("%e %B %Y, %I:%M %p", micros), "1 March 2024, 10:20 AM");
        assert_eq!(shown("%y%b%d %H:%M:%S %j 100%%", micros), "24Mar01 10:20:30 061 100%");
        assert_eq!(shown("%I %p", 0), "12 AM");
        assert_eq!(shown("%d.%m.%Y %H:%M:%S", -1), "31.12.1969 23:59:59");
        assert_eq!(shown("ä", 0), "ä");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (format, directive) in [("%Q", "%Q"), ("%d %", "%"), ("%ä", "%ä")] {
            let error = DateFormat::new(format).unwrap_err();
            assert_eq!(error.to_string(), format!("the date format has `{directive}`, which means nothing"));
        }
    }
}
