//! The cells of a column that are neither numbers nor dates: what kind of text are they? The first
//! thousand tell.

use crate::check::date::{ToldOrder, told_order};

/// How many are looked at closely.
const MOST_LOOKED_AT: u64 = 1000;

/// The longest code.
const LONGEST_CODE: usize = 40;

/// The texts of a column.
#[derive(Debug, Default)]
pub(super) struct Texts {
    count: u64,
    looked_at: u64,
    codes: u64,
    dates: u64,
    words_and_numbers: u64,
    first: Option<String>,
    differ: bool,
}

impl Texts {
    #[inline]
    pub(super) fn add(&mut self, text: &str) {
        self.count += 1;
        if self.looked_at < MOST_LOOKED_AT {
            self.look_at(text);
        }
    }

    fn look_at(&mut self, text: &str) {
        self.looked_at += 1;
        if text.len() > LONGEST_CODE {
            return;
        }
        if told_order(text) != ToldOrder::NoDate {
            self.dates += 1;
            return;
        }
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        let is_word = text.starts_with(char::is_alphanumeric) && !text.contains(char::is_whitespace);
        self.codes += u64::from(has_digit && is_word);
        self.words_and_numbers += u64::from(word_and_number(text).is_some());
        match &self.first {
            None => self.first = Some(text.to_owned()),
            Some(first) => self.differ |= first != text,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// True where at least half are codes: one word with a digit in it. A word such as `TBD` or `n/a`
    /// beside numbers or dates makes no column of codes.
    pub(super) fn are_codes(&self) -> bool {
        self.codes * 2 >= self.looked_at && self.dates * 10 <= self.looked_at && self.differ
    }

    /// True where some are a word and a number, such as `Kit-03`.
    pub(super) fn have_words_and_numbers(&self) -> bool {
        self.words_and_numbers > 0
    }
}

/// The word and the number of `Sep-1`, `1-Sep` or `01. Sep`, and whether the number stands first.
pub(super) fn word_and_number(text: &str) -> Option<(&str, bool)> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let ends_in_number = is_digit(text.as_bytes().first()) || is_digit(text.as_bytes().last());
    if text.len() > 9 || !ends_in_number {
        return None;
    }
    let (first, second) = text.split_once(". ").or_else(|| text.split_once('-'))?;
    let is_number =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_word =
        |part: &str| part.chars().all(char::is_alphabetic) && (3..=5).contains(&part.chars().count());
    if is_number(first) && is_word(second) {
        return Some((second, true));
    }
    (is_word(first) && is_number(second)).then_some((first, false))
}
