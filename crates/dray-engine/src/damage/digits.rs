//! The cells of a column that are digits only: did codes lose the zeros they began with, did long ones
//! lose the digits past the 15th?

use std::collections::BTreeMap;

use super::finding::{DamageKind, Finding, Tally};
use super::name::Name;
use super::repair::Repair;

/// The longest number looked at.
const LONGEST: usize = 32;

/// The digits a spreadsheet program keeps of a number.
const DIGITS_KEPT: usize = 15;

/// More countries than there are, with their names in a few spellings; beyond that the column is something else.
const MOST_COUNTRIES: usize = 1000;

/// Where in the source a cell stands, and the country its row names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) row_number: u64,
    pub(super) line: u64,
    pub(super) country: Option<&'a str>,
}

/// The cells of a column that are digits only.
#[derive(Debug, Default)]
pub(super) struct DigitCells {
    pub(super) count: u64,
    widths: Widths,
    /// Postal codes by country, where the source has a column of countries.
    by_country: BTreeMap<String, Widths>,
    long: LongNumbers,
}

impl DigitCells {
    #[inline]
    pub(super) fn add(&mut self, place: Place<'_>, text: &str) {
        self.count += 1;
        if text.len() > LONGEST {
            return;
        }
        self.widths.add(place, text);
        if text.len() > DIGITS_KEPT {
            self.long.add(place, text);
        }
        if let Some(country) = place.country {
            if let Some(widths) = self.by_country.get_mut(country) {
                widths.add(place, text);
            } else if self.by_country.len() <= MOST_COUNTRIES {
                self.by_country.entry(country.chars().take(60).collect()).or_default().add(place, text);
            }
        }
    }

    /// A finding where codes lost the zeros they began with; `filled` is how many cells are not empty.
    pub(super) fn judge_zeros(&self, name: &Name, filled: u64) -> Option<Finding> {
        if name.is_phone {
            // Phone numbers have no width.
            return None;
        }
        if name.is_postal && !self.by_country.is_empty() {
            return self.judge_postal_codes(name);
        }
        let others = filled - self.count;
        let width = match name.width {
            // A code that has its width from a register; a tenth may be written in another way, as ZIP+4.
            Some(width) if self.widths.are_mostly(width) && others * 10 <= filled => width,
            _ if name.is_postal => return None,
            _ if others == 0 => self.widths.evident_width()?,
            _ => return None,
        };
        let short = self.widths.shorter_than(width);
        let message = zeros_message(&short, width, name, "");
        (short.count > 0)
            .then(|| short.into_finding(DamageKind::LostZeros, message, Some(Repair::PadZeros { width })))
    }

    /// Countries differ in how many digits a postal code has, but within one a shorter code is damaged.
    fn judge_postal_codes(&self, name: &Name) -> Option<Finding> {
        if self.by_country.len() > MOST_COUNTRIES {
            return None;
        }
        let damaged = |widths: &Widths| widths.longest() >= 5 && widths.are_mostly(widths.longest());
        let mut short = Tally::default();
        let mut width = None;
        let mut one_width = true;
        for widths in self.by_country.values().filter(|widths| damaged(widths)) {
            let found = widths.shorter_than(widths.longest());
            if found.count > 0 {
                one_width &= *width.get_or_insert(widths.longest()) == widths.longest();
                short.absorb(&found);
            }
        }
        let width = width?;
        let only_damaged =
            self.by_country.values().all(|widths| damaged(widths) || widths.shorter_than(width).count == 0);
        let repair = (one_width && only_damaged).then_some(Repair::PadZeros { width });
        let hint = if repair.is_some() { "" } else { "; codes of some countries are as short by nature" };
        let message = zeros_message(&short, width, name, hint);
        Some(short.into_finding(DamageKind::LostZeros, message, repair))
    }

    /// A finding where long numbers lost their last digits.
    pub(super) fn judge_long(&self, name: &Name) -> Option<Finding> {
        self.long.judge(name)
    }
}

fn zeros_message(short: &Tally, width: usize, name: &Name, hint: &str) -> String {
    let verb = if short.count == 1 { "has" } else { "have" };
    format!(
        "{} in `{}` {verb} fewer than the {width} digits of the others: a spreadsheet program took codes for numbers and \
         dropped the zeros they began with{hint}",
        short.cells(),
        name.header
    )
}

/// How many cells have how many digits.
#[derive(Debug, Default)]
struct Widths {
    /// By number of digits.
    cells: Vec<OneWidth>,
}

#[derive(Debug, Clone, Default)]
struct OneWidth {
    tally: Tally,
    /// Those that begin with a zero and are not zero.
    with_zero: u64,
}

impl Widths {
    #[inline]
    fn add(&mut self, place: Place<'_>, text: &str) {
        if self.cells.len() <= text.len() {
            self.cells.resize_with(text.len() + 1, OneWidth::default);
        }
        let Some(width) = self.cells.get_mut(text.len()) else { return };
        width.tally.add(place.row_number, place.line, text);
        if text.starts_with('0') {
            width.with_zero += u64::from(text.bytes().any(|byte| byte != b'0'));
        }
    }

    /// The most digits a cell has.
    fn longest(&self) -> usize {
        self.cells.len().saturating_sub(1)
    }

    fn shorter_than(&self, width: usize) -> Tally {
        let mut short = Tally::default();
        self.cells.iter().take(width).for_each(|cells| short.absorb(&cells.tally));
        short
    }

    /// True where no cell has more digits than `width`, and at most a quarter has fewer, by one or two.
    fn are_mostly(&self, width: usize) -> bool {
        let full = self.cells.get(width).map_or(0, |cells| cells.tally.count);
        self.longest() == width
            && self.shorter_than(width.saturating_sub(2)).count == 0
            && full >= 3 * self.shorter_than(width).count
    }

    /// The width of codes that show they have one: most have it, some of them begin with a zero, and none
    /// of the shorter ones does.
    fn evident_width(&self) -> Option<usize> {
        let width = self.longest();
        let full = self.cells.get(width)?;
        let short = self.shorter_than(width);
        let short_with_zero: u64 = self.cells.iter().take(width).map(|cells| cells.with_zero).sum();
        let evident =
            width >= 3 && full.with_zero > 0 && short_with_zero == 0 && full.tally.count > short.count;
        evident.then_some(width)
    }
}

/// Numbers of more than 15 digits.
#[derive(Debug, Default)]
struct LongNumbers {
    /// Numbers whose digits past the 15th are all zero, though they are not round.
    zeroed: Tally,
    /// Those of them that have a digit other than zero in the 15th place.
    to_the_last: u64,
    /// Different ones seen, to tell chance from damage.
    different: Vec<String>,
    /// Numbers that kept their digits.
    intact: u64,
}

impl LongNumbers {
    fn add(&mut self, place: Place<'_>, text: &str) {
        let (kept, lost) = text.split_at_checked(DIGITS_KEPT).unwrap_or((text, ""));
        if text.starts_with('0') || lost.bytes().any(|byte| byte != b'0') {
            self.intact += 1;
            return;
        }
        // A round number may well end in zeros.
        if kept.ends_with("00000") {
            return;
        }
        self.zeroed.add(place.row_number, place.line, text);
        self.to_the_last += u64::from(!kept.ends_with('0'));
        if self.different.len() < 3 && !self.different.iter().any(|seen| seen == text) {
            self.different.push(text.to_owned());
        }
    }

    /// Each digit is zero by chance once in ten times; three of them leave one in a thousand.
    fn judge(&self, name: &Name) -> Option<Finding> {
        let zeros: usize = self.different.iter().map(|text| text.len() - DIGITS_KEPT).sum();
        if self.intact > 0 || zeros < 3 || self.to_the_last * 2 < self.zeroed.count {
            return None;
        }
        let message = format!(
            "all digits past the 15th of {} in `{}` are 0: a spreadsheet program keeps no more of a number. They are gone; \
             take the column from the original as text",
            self.zeroed.cells(),
            name.header
        );
        Some(self.zeroed.clone().into_finding(DamageKind::LostDigits, message, None))
    }
}
