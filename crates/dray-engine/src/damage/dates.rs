//! Dates where there should be none (`SEPT1` became `1-Sep`), and dates with day and month in two orders.

use super::finding::{DamageKind, Finding, MOST_EXAMPLES, Tally};
use super::name::Name;
use super::texts::{Texts, word_and_number};
use crate::check::date::ToldOrder;
use crate::check::style::DateOrder;

/// True for text as a spreadsheet program shows a date without a year, or without a day: `1-Sep`, `Sep-01`,
/// `01. Mrz`, `01-sept`.
pub(super) fn is_shown_date(text: &str) -> bool {
    const CAPITALIZED: &[&str] = &[
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mrz", "Mär",
        "Mai", "Okt", "Dez",
    ];
    // Written so behind the day only; before a number such a word is rather a code.
    const SMALL: &[&str] = &[
        "janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc", "ene",
        "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "dic", "gen", "mag", "giu", "lug", "set",
        "ott", "jan", "mrt", "apr", "mei", "aug", "okt", "dec",
    ];
    match word_and_number(text) {
        Some((word, number_first)) => CAPITALIZED.contains(&word) || (number_first && SMALL.contains(&word)),
        None => false,
    }
}

/// The dates without a year of a column.
#[derive(Debug, Default)]
pub(super) struct ShownDates {
    found: Tally,
}

impl ShownDates {
    pub(super) fn add(&mut self, row_number: u64, line: u64, text: &str) {
        self.found.add(row_number, line, text);
    }

    /// A finding where the column is one of names or codes: other cells are, or its name says so.
    pub(super) fn judge(&self, name: &Name, whole_numbers: u64, texts: &Texts) -> Option<Finding> {
        let others = whole_numbers + texts.count();
        let among_codes = if texts.count() > 0 { texts.are_codes() } else { whole_numbers > 0 };
        let is_column_of_codes = name.is_identifier || (among_codes && others >= self.found.count);
        if self.found.count == 0 || name.is_date || !is_column_of_codes || texts.have_words_and_numbers() {
            return None;
        }
        let message = format!(
            "{} in `{}` became dates: a spreadsheet program takes text such as SEPT1 or 2-3 for a day of the year. What \
             stood there is gone; take the column from the original as text",
            self.found.cells(),
            name.header
        );
        Some(self.found.clone().into_finding(DamageKind::TextBecameDate, message, None))
    }
}

/// The dates of a column, by what they tell about the order of day and month.
#[derive(Debug, Default)]
pub(super) struct DateOrders {
    day_first: Tally,
    month_first: Tally,
    either: u64,
    plain: u64,
}

impl DateOrders {
    #[inline]
    pub(super) fn add(&mut self, told: ToldOrder, row_number: u64, line: u64, text: &str) {
        match told {
            ToldOrder::Only(DateOrder::DayFirst) => self.day_first.add(row_number, line, text),
            ToldOrder::Only(DateOrder::MonthFirst) => self.month_first.add(row_number, line, text),
            ToldOrder::Either => self.either += 1,
            ToldOrder::Plain => self.plain += 1,
            ToldOrder::NoDate => {}
        }
    }

    /// A finding where some dates have only the day first and others only the month; `filled` is how many
    /// cells of the column are not empty.
    pub(super) fn judge(&self, name: &Name, filled: u64) -> Option<Finding> {
        let (day, month) = (self.day_first.count, self.month_first.count);
        let dates = day + month + self.either + self.plain;
        if day == 0 || month == 0 || dates * 10 < filled * 9 {
            return None;
        }
        let (fewer, more) = if day <= month {
            (&self.day_first, &self.month_first)
        } else {
            (&self.month_first, &self.day_first)
        };
        let either = match self.either {
            0 => String::new(),
            either => format!(", and {either} can be read both ways"),
        };
        let message = format!(
            "dates in `{}` have two orders: {day} can only be day/month and {month} only month/day{either}: the rows were put together from \
             two sources, or a spreadsheet program turned some of the dates round. Nobody can tell which; take the column \
             from the original, as 2025-04-03",
            name.header
        );
        let mut found = Tally { count: fewer.count, examples: Vec::new() };
        // One of the other order shows what is meant.
        found.examples.extend(fewer.examples.iter().take(MOST_EXAMPLES - 1).cloned());
        found.examples.extend(more.examples.first().cloned());
        Some(found.into_finding(DamageKind::MixedDateOrder, message, None))
    }
}
