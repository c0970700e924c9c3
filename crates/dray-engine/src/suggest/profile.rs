//! What the sample values of a column look like. Every cell is judged by the rules of `check/`, once.

use std::collections::HashSet;

use dray_model::object::fold_name;

use super::lists::{COUNTRIES, DEGREES, SALUTATIONS, YES_AND_NO};
use super::vocabulary::{Class, vocabulary};
use super::words::fold;
use crate::check::date::{ToldOrder, datetime, told_order};
use crate::check::number::{decimal, integer};
use crate::check::style::{DateOrder, DecimalMark, Style};
use crate::check::{contact, words};

/// The most cells of a column that are looked at.
pub(super) const MOST_CELLS: usize = 50;
/// A longer cell is a text and nothing else.
const LONGEST_CELL: usize = 300;
/// No word of the lists is longer, in bytes.
const LONGEST_LISTED: usize = 60;

/// The values of one column, summed up. All shares are of the cells that have a value.
#[derive(Debug, Default)]
pub(super) struct Profile<'a> {
    /// The cells that have a value, trimmed.
    pub cells: Vec<&'a str>,
    /// How many cells were looked at, empty ones too.
    pub rows: usize,
    /// How many different values there are.
    pub distinct: usize,
    pub email: f64,
    pub phone: f64,
    /// Phone numbers that cannot be mere numbers: with a plus or with signs between groups.
    pub written_phone: f64,
    pub url: f64,
    pub date: f64,
    pub integer: f64,
    pub decimal: f64,
    /// Yes or no in words, not as 1 and 0.
    pub yes_or_no: f64,
    pub boolean: f64,
    pub salutation: f64,
    pub degree: f64,
    pub country: f64,
    pub zip: f64,
    /// Letters only, as names of people and places are.
    pub letters: f64,
    /// Several words of letters.
    pub several_words: f64,
    /// Letters and a number, as streets have.
    pub street: f64,
    /// Long, or several sentences.
    pub text: f64,
}

impl<'a> Profile<'a> {
    /// Looks at the cells of a column.
    pub(super) fn new(column: impl Iterator<Item = &'a str>) -> Self {
        let mut profile = Self::default();
        for cell in column.take(MOST_CELLS) {
            profile.rows += 1;
            let cell = cell.trim();
            if !cell.is_empty() {
                profile.add(cell);
            }
        }
        let count = profile.cells.len().max(1) as f64;
        for share in [
            &mut profile.email,
            &mut profile.phone,
            &mut profile.written_phone,
            &mut profile.url,
            &mut profile.date,
            &mut profile.integer,
            &mut profile.decimal,
            &mut profile.yes_or_no,
            &mut profile.boolean,
            &mut profile.salutation,
            &mut profile.degree,
            &mut profile.country,
            &mut profile.zip,
            &mut profile.letters,
            &mut profile.several_words,
            &mut profile.street,
            &mut profile.text,
        ] {
            *share /= count;
        }
        profile.distinct = profile.cells.iter().collect::<HashSet<_>>().len();
        profile
    }

    /// True where there is nothing to judge by.
    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The share of cells that have a value.
    pub(super) fn filled(&self) -> f64 {
        self.cells.len() as f64 / self.rows.max(1) as f64
    }

    /// The share of cells of which something holds.
    pub(super) fn share(&self, holds: impl Fn(&str) -> bool) -> f64 {
        if self.cells.is_empty() {
            return 0.0;
        }
        self.cells.iter().filter(|cell| holds(cell)).count() as f64 / self.cells.len() as f64
    }

    /// The highest share of the forms that no name, title or note has.
    pub(super) fn strange_to_text(&self) -> f64 {
        [self.email, self.written_phone, self.url, self.date, self.yes_or_no].into_iter().fold(0.0, f64::max)
    }

    fn add(&mut self, cell: &'a str) {
        self.cells.push(cell);
        if cell.len() > LONGEST_CELL {
            self.text += 1.0;
            return;
        }
        let digits = cell.bytes().filter(u8::is_ascii_digit).count();
        let letters = cell.chars().filter(|c| c.is_alphabetic()).count();
        let blanks = cell.split_whitespace().count() - 1;
        let point = Style::default();
        let comma = Style { decimal_mark: DecimalMark::Comma, ..point };
        // The cheap question stands before the dear one.
        let is_email = cell.contains('@') && contact::email(cell).is_ok();
        let is_date = digits >= 3 && is_date(cell);
        let is_integer = letters == 0 && integer(cell, point).is_ok();
        let is_decimal = digits > 0
            && letters == 0
            && (is_integer || decimal(cell, point).is_ok() || decimal(cell, comma).is_ok());
        let is_phone = digits >= 5
            && letters <= 4
            && !is_date
            && cell.matches('.').count() != 1
            && contact::phone(cell).is_ok();
        let is_url = cell.contains('.') && letters > 0 && !is_email && contact::url(cell, &[]).is_ok();
        // Lists of words are asked only where a cell can be one.
        let folded = if letters > 0 && cell.len() <= LONGEST_LISTED { fold(cell) } else { String::new() };
        let is_listed = |list: &HashSet<String>| !folded.is_empty() && list.contains(folded.as_str());
        let is_boolean = words::boolean(cell).is_ok() || is_listed(&YES_AND_NO);
        let count = |holds: bool| if holds { 1.0 } else { 0.0 };
        self.email += count(is_email);
        self.phone += count(is_phone);
        self.written_phone +=
            count(is_phone && (cell.starts_with('+') || !is_integer && digits >= 6 && !is_decimal));
        self.url += count(is_url);
        self.date += count(is_date);
        self.integer += count(is_integer);
        self.decimal += count(is_decimal);
        self.boolean += count(is_boolean);
        // ON is Ontario more often than a switch.
        self.yes_or_no += count(is_boolean && letters >= 2 && !["on", "off"].contains(&folded.as_str()));
        self.salutation += count(is_listed(&SALUTATIONS));
        self.degree += count(is_listed(&DEGREES));
        self.country += count(is_listed(&COUNTRIES));
        self.zip += count((3..=10).contains(&cell.len()) && digits >= 2 && letters <= 5 && is_code(cell));
        let only_letters = letters > 0
            && cell
                .chars()
                .all(|c| c.is_alphabetic() || c.is_whitespace() || "-.'’,&".contains(c) || is_mark(c));
        self.letters += count(only_letters && !is_url);
        self.several_words += count(only_letters && blanks >= 1);
        self.street += count(letters >= 3 && digits > 0 && blanks >= 1 && !is_email && !is_url && !is_date);
        self.text += count(cell.len() > 80);
    }
}

fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// A date or timestamp of the years 1600 to 2199 in any form, also one that is refused later for its short year.
fn is_date(cell: &str) -> bool {
    /// From 1600-01-01 to 2200-01-01, in microseconds since 1970: eight digits are a telephone number too.
    const LIKELY: std::ops::Range<i64> = -135_140 * 86_400_000_000..84_006 * 86_400_000_000;
    if told_order(cell) == ToldOrder::NoDate {
        return false;
    }
    let orders = [DateOrder::DayFirst, DateOrder::MonthFirst].map(Some);
    let is_whole = orders.into_iter().any(|date_order| {
        datetime(cell, Style { date_order, ..Style::default() }).is_ok_and(|micros| LIKELY.contains(&micros))
    });
    let is_short = || {
        let parts: Vec<&str> = cell.split(['/', '.', '-']).collect();
        parts.len() == 3 && parts.iter().all(|part| (1..=2).contains(&part.len()))
    };
    is_whole || is_short()
}

fn is_code(cell: &str) -> bool {
    cell.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ' || c == '-')
}

/// The share of cells whose web address is on a host with this word in it.
pub(super) fn host_share(profile: &Profile<'_>, word: &str) -> f64 {
    profile.share(|cell| {
        let lower = cell.get(..cell.len().min(LONGEST_CELL)).unwrap_or_default().to_lowercase();
        let after = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
        after.split('/').next().is_some_and(|host| fold_name(host).contains(word))
    })
}

/// The share of cells that are words for which of several values something is: `Work`, `privat`.
pub(super) fn kind_of_values(profile: &Profile<'_>) -> Option<&'static str> {
    let kind = |cell: &str| {
        let senses = vocabulary().senses(&fold(cell))?;
        senses.iter().find(|sense| sense.concept.class == Class::Kind).map(|sense| sense.concept.name)
    };
    let first = kind(profile.cells.first()?)?;
    profile.cells.iter().all(|cell| cell.len() < 40 && kind(cell) == Some(first)).then_some(first)
}
