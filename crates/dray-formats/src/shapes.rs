//! What the cells of a column look like: which kinds of characters follow each other, and how often.
//! By this a reader tells a header from data, and a row that was put right from one that was not.

use std::collections::HashMap;

/// A column whose cells have more patterns than this is free text.
const MOST_PATTERNS: usize = 256;

/// The look of one column.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnShape {
    empty: u32,
    filled: u32,
    /// Cells by kinds of characters and how many of each: `99/99/9999`.
    exact: HashMap<u64, u32>,
    /// Cells by kinds of characters alone: `9/9/9`.
    loose: HashMap<u64, u32>,
    with_digits: u32,
}

/// The kinds of characters a pattern tells apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digit,
    Upper,
    Lower,
    Blank,
    Other(u8),
}

fn kind(byte: u8) -> Kind {
    match byte {
        b'0'..=b'9' => Kind::Digit,
        b'A'..=b'Z' => Kind::Upper,
        // Letters beyond ASCII as a rule.
        b'a'..=b'z' | 0x80.. => Kind::Lower,
        b' ' | b'\t' | b'\n' | b'\r' => Kind::Blank,
        other => Kind::Other(other),
    }
}

/// One step of a hash that tells patterns apart; two different patterns practically never meet.
fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}

struct Pattern {
    exact: u64,
    loose: u64,
    has_digit: bool,
}

fn pattern(cell: &[u8]) -> Pattern {
    let (mut exact, mut loose, mut has_digit) = (1, 1, false);
    let mut previous: Option<Kind> = None;
    let mut previous_loose = 0;
    for &byte in cell {
        let kind = kind(byte);
        has_digit |= kind == Kind::Digit;
        let (exact_code, loose_code) = match kind {
            Kind::Digit => (1, 1),
            Kind::Upper => (2, 2),
            Kind::Lower => (3, 2),
            Kind::Blank => (4, 0),
            Kind::Other(byte) => (u64::from(byte) + 256, u64::from(byte) + 256),
        };
        // Digits count one by one; letters and blanks only as a stretch.
        if kind == Kind::Digit || previous != Some(kind) {
            exact = mix(exact, exact_code);
        }
        if loose_code != 0 && previous_loose != loose_code {
            loose = mix(loose, loose_code);
            previous_loose = loose_code;
        }
        previous = Some(kind);
    }
    Pattern { exact, loose, has_digit }
}

impl ColumnShape {
    /// Learns one more cell.
    pub(crate) fn learn(&mut self, cell: &[u8]) {
        let cell = cell.trim_ascii();
        if cell.is_empty() {
            self.empty += 1;
            return;
        }
        self.filled += 1;
        let pattern = pattern(cell);
        self.with_digits += u32::from(pattern.has_digit);
        for (counts, hash) in [(&mut self.exact, pattern.exact), (&mut self.loose, pattern.loose)] {
            if counts.len() < MOST_PATTERNS || counts.contains_key(&hash) {
                *counts.entry(hash).or_insert(0) += 1;
            }
        }
    }

    /// How surprising the cell is in this column: 0 not at all, from about 5 on it does not belong there.
    pub(crate) fn surprise(&self, cell: &[u8]) -> f64 {
        let cell = cell.trim_ascii();
        let (empty, filled) = (f64::from(self.empty), f64::from(self.filled));
        if cell.is_empty() {
            return -((empty + 0.2) / (empty + filled + 0.4)).ln();
        }
        let pattern = pattern(cell);
        let share = |counts: &HashMap<u64, u32>, hash| {
            f64::from(counts.get(&hash).copied().unwrap_or(0)) / filled.max(1.0)
        };
        // A column that keeps bringing new patterns will bring more.
        let new = self.loose.len() as f64 / (filled + 1.0);
        let mut likelihood =
            0.5 * share(&self.exact, pattern.exact) + 0.3 * share(&self.loose, pattern.loose) + 0.2 * new;
        if self.is_free_text() {
            likelihood = likelihood.max(0.2);
        }
        likelihood *= (filled + 0.2) / (empty + filled + 0.4);
        -likelihood.max(1e-9).ln()
    }

    /// True where a cell like this one was seen, or where anything may stand.
    pub(crate) fn fits(&self, cell: &[u8]) -> bool {
        let cell = cell.trim_ascii();
        if cell.is_empty() {
            return self.empty > 0 || self.filled == 0;
        }
        let pattern = pattern(cell);
        // Words may be any words; digits where hardly any are do not belong there.
        let may_be_new = !self.has_form() && (!pattern.has_digit || self.with_digits * 20 >= self.filled);
        may_be_new || self.loose.contains_key(&pattern.loose)
    }

    /// True where cells like this one are no exception.
    fn is_common(&self, cell: &[u8]) -> bool {
        let count = self.loose.get(&pattern(cell.trim_ascii()).loose).copied().unwrap_or(0);
        count * 20 >= self.filled
    }

    /// True where the cells have no common form.
    pub(crate) fn is_free_text(&self) -> bool {
        self.loose.len() > 3.max(self.filled as usize / 8)
    }

    /// True where nearly all cells have digits in one of a few forms: numbers, dates, codes.
    pub(crate) fn has_form(&self) -> bool {
        self.filled > 0 && self.with_digits * 10 >= self.filled * 9 && !self.is_free_text()
    }
}

/// The looks of all columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shapes {
    pub(crate) columns: Vec<ColumnShape>,
    /// How many rows were learned.
    pub(crate) rows: usize,
}

impl Shapes {
    /// Looks at nothing yet.
    pub(crate) fn new(columns: usize) -> Self {
        Self { columns: vec![ColumnShape::default(); columns], rows: 0 }
    }

    /// Learns a row; cells beyond the columns are passed over, missing ones count as empty.
    pub(crate) fn learn<'a>(&mut self, mut cells: impl Iterator<Item = &'a [u8]>) {
        self.rows += 1;
        for column in &mut self.columns {
            column.learn(cells.next().unwrap_or_default());
        }
    }

    /// In how many columns with a form a cell stands that does not belong there.
    pub(crate) fn misplaced(&self, cells: &[Vec<u8>]) -> usize {
        let is_misplaced = |(cell, column): &(&Vec<u8>, &ColumnShape)| {
            !cell.trim_ascii().is_empty() && column.has_form() && !column.fits(cell)
        };
        cells.iter().zip(&self.columns).filter(is_misplaced).count()
    }

    /// Of the columns with a form, in how many the row's cell fits, and in how many it has no digit at
    /// all, as a name would.
    pub(crate) fn compare<'a>(&self, cells: impl Iterator<Item = &'a [u8]>) -> (usize, usize) {
        let (mut fit, mut unlike) = (0, 0);
        for (column, cell) in self.columns.iter().zip(cells) {
            if !column.has_form() || cell.trim_ascii().is_empty() {
                continue;
            }
            let has_digit = cell.iter().any(u8::is_ascii_digit);
            fit += usize::from(has_digit && column.is_common(cell));
            unlike += usize::from(!has_digit);
        }
        (fit, unlike)
    }
}
