//! One column of a scan: every cell goes to the evidence it is for, most of them by their first byte.

use arrow_array::{Array, StringArray};

use super::dates::{DateOrders, ShownDates, is_shown_date};
use super::digits::{DigitCells, Place};
use super::exponent::scientific;
use super::finding::{DamageKind, Finding, Tally};
use super::mojibake::{Mojibake, mojibake_in, next_suspicion};
use super::name::Name;
use super::notation::ScientificCells;
use super::repair::Repair;
use super::texts::Texts;
use crate::check::date::{ToldOrder, told_order};

/// The most characters a cell of a spreadsheet holds.
const LONGEST_CELL: usize = 32_767;

/// The longest text that is looked at as a number or a date.
const LONGEST_VALUE: usize = 40;

/// The rows of the batch a column belongs to.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) first_row: u64,
    pub(super) lines: &'a [u64],
    /// The countries the rows name, where the source has a column of them.
    pub(super) countries: Option<&'a StringArray>,
}

impl Rows<'_> {
    fn number_and_line(&self, row: usize) -> (u64, u64) {
        (self.first_row + row as u64, self.lines.get(row).copied().unwrap_or(0))
    }
}

/// What was seen of one column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: Name,
    filled: u64,
    digits: DigitCells,
    scientific: ScientificCells,
    /// Numbers that are measured or calculated: with decimals, a minus, or an exponent in another form.
    measured: u64,
    shown_dates: ShownDates,
    orders: DateOrders,
    texts: Texts,
    cut: Tally,
    mojibake: Tally,
    /// Those of them that can be put right.
    mojibake_whole: u64,
}

impl Column {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            filled: 0,
            digits: DigitCells::default(),
            scientific: ScientificCells::default(),
            measured: 0,
            shown_dates: ShownDates::default(),
            orders: DateOrders::default(),
            texts: Texts::default(),
            cut: Tally::default(),
            mojibake: Tally::default(),
            mojibake_whole: 0,
        }
    }

    /// Looks at the cells of a batch.
    pub(super) fn look(&mut self, cells: &StringArray, rows: Rows<'_>) {
        for (row, text) in cells.iter().enumerate() {
            let Some(text) = text else { continue };
            match text.as_bytes().first() {
                Some(b'0'..=b'9') => self.look_at_number(text, row, rows),
                Some(b'-') => self.look_at_negative(text, row, rows),
                Some(_) => self.look_at_text(text, row, rows),
                None => continue,
            }
            self.filled += 1;
        }
        self.look_for_mojibake(cells, rows);
    }

    #[inline]
    fn look_at_number(&mut self, text: &str, row: usize, rows: Rows<'_>) {
        let (row_number, line) = rows.number_and_line(row);
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let country = rows.countries.filter(|_| self.name.is_postal);
            let country =
                country.map(|countries| if countries.is_valid(row) { countries.value(row) } else { "" });
            return self.digits.add(Place { row_number, line, country }, text);
        }
        if text.len() > LONGEST_VALUE {
            return self.look_at_text(text, row, rows);
        }
        let third = text.as_bytes().get(1..3).unwrap_or_default();
        if third.contains(&b'/') || third.contains(&b'-') {
            let told = told_order(text);
            if told != ToldOrder::NoDate {
                return self.orders.add(told, row_number, line, text);
            }
        }
        if is_number(text) {
            self.add_number(text, row_number, line);
        } else if is_shown_date(text) {
            self.shown_dates.add(row_number, line, text);
        } else {
            self.texts.add(text);
        }
    }

    fn look_at_negative(&mut self, text: &str, row: usize, rows: Rows<'_>) {
        let (row_number, line) = rows.number_and_line(row);
        if is_number(text) {
            self.add_number(text, row_number, line);
        } else {
            self.look_at_text(text, row, rows);
        }
    }

    fn add_number(&mut self, text: &str, row_number: u64, line: u64) {
        match scientific(text) {
            Some(found) => self.scientific.add(found, row_number, line, text),
            None => self.measured += 1,
        }
    }

    #[inline]
    fn look_at_text(&mut self, text: &str, row: usize, rows: Rows<'_>) {
        let (row_number, line) = rows.number_and_line(row);
        if text.len() >= LONGEST_CELL && text.encode_utf16().count() == LONGEST_CELL {
            self.cut.add(row_number, line, text);
        }
        if is_shown_date(text) {
            self.shown_dates.add(row_number, line, text);
        } else {
            self.texts.add(text);
        }
    }

    fn look_for_mojibake(&mut self, cells: &StringArray, rows: Rows<'_>) {
        let offsets = cells.value_offsets();
        let (Some(&begin), Some(&end)) = (offsets.first(), offsets.last()) else { return };
        let position = |offset: i32| usize::try_from(offset).unwrap_or(0);
        let text = cells.value_data().get(..position(end)).unwrap_or_default();
        let mut at = position(begin);
        if text.get(at..).is_none_or(<[u8]>::is_ascii) {
            return;
        }
        while let Some(found) = next_suspicion(text, at) {
            // The last offset at or before the place is where its cell begins.
            let row = offsets.partition_point(|&offset| position(offset) <= found) - 1;
            let (row_number, line) = rows.number_and_line(row);
            let cell = if cells.is_valid(row) { cells.value(row) } else { "" };
            let damage = mojibake_in(cell);
            if damage != Mojibake::Absent {
                self.mojibake.add(row_number, line, cell);
                self.mojibake_whole += u64::from(damage != Mojibake::Part);
            }
            at = offsets.get(row + 1).map_or(text.len(), |&offset| position(offset));
        }
    }

    /// What is wrong with the column.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let (name, whole_numbers) = (&self.name, self.digits.count);
        let found = [
            self.digits.judge_zeros(name, self.filled),
            self.scientific.judge(name, whole_numbers, self.measured, &self.texts),
            self.digits.judge_long(name),
            self.shown_dates.judge(name, whole_numbers, &self.texts),
            self.orders.judge(name, self.filled),
            self.judge_cut(),
            self.judge_mojibake(),
        ];
        found.into_iter().flatten().collect()
    }

    fn judge_cut(&self) -> Option<Finding> {
        let verb = if self.cut.count == 1 { "has" } else { "have" };
        let message = format!(
            "{} in `{}` {verb} exactly 32,767 characters, the most a cell of a spreadsheet holds: the rest of the text is \
             cut off; take the column from the original",
            self.cut.cells(),
            self.name.header
        );
        (self.cut.count > 0).then(|| self.cut.clone().into_finding(DamageKind::CutText, message, None))
    }

    fn judge_mojibake(&self) -> Option<Finding> {
        let rest = match self.mojibake_whole {
            0 => "none can be put right exactly; export the data again and save it as UTF-8".to_owned(),
            whole if whole == self.mojibake.count => "all can be put right exactly".to_owned(),
            whole => format!("{whole} of them can be put right exactly, the others hold sound letters, too"),
        };
        let verb = if self.mojibake.count == 1 { "holds" } else { "hold" };
        let message = format!(
            "{} in `{}` {verb} letters such as é as two or three signs such as Ã©, because a program read the text in the \
             wrong encoding: {rest}",
            self.mojibake.cells(),
            self.name.header
        );
        let repair = (self.mojibake_whole > 0).then_some(Repair::FixMojibake);
        (self.mojibake.count > 0)
            .then(|| self.mojibake.clone().into_finding(DamageKind::Mojibake, message, repair))
    }
}

/// True for numbers with decimals, a minus, thousands marks or an exponent.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mut before = b' ';
    for byte in digits.bytes() {
        let fits = match byte {
            b'0'..=b'9' => true,
            b'.' | b',' | b'e' | b'E' => before.is_ascii_digit(),
            b'+' | b'-' => matches!(before, b'e' | b'E'),
            _ => false,
        };
        if !fits {
            return false;
        }
        before = byte;
    }
    before.is_ascii_digit()
}
