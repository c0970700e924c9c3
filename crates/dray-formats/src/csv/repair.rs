//! Puts a row right that does not have the width of its table: looks for the reading of its bytes that
//! changes least and whose cells look like the other cells of their columns.
//!
//! A reading may take a quote for an ordinary character or as closing later, drop an empty surplus
//! cell, put together what a delimiter without quotes took apart, divide where a delimiter is missing,
//! or use another delimiter. Each costs something; what a cell of a column hardly ever looks like costs
//! more. A row that no reading fits stays as it is, with its problem.

use std::collections::HashMap;
use std::ops::Range;

use super::dialect::Dialect;
use crate::shapes::Shapes;

/// Longer rows, or rows with more delimiters, are not tried: it would take too long.
const LONGEST: usize = 64 << 10;
const MOST_DELIMITERS: usize = 300;

/// The most states one search may look at are so many divided by the length of the row: each looks at a part
/// of it, and a file may have a million rows that are odd.
const MOST_WORK: usize = 500_000;

/// Fewer states than this are no search.
const FEWEST_STATES: usize = 200;

/// What a reading costs beside the looks of its cells.
pub(super) mod cost {
    /// A quote at the beginning of a cell that does not open it.
    pub(super) const STRAY_QUOTE: f64 = 2.0;
    /// A quote inside a quoted cell that is not doubled.
    pub(super) const LONE_QUOTE: f64 = 0.4;
    /// A quote that could close the cell and does not.
    pub(super) const LATER_CLOSE: f64 = 3.0;
    /// An empty cell too many.
    pub(super) const DROP: f64 = 2.5;
    /// A delimiter that is part of the text.
    pub(super) const JOIN: f64 = 3.5;
    /// A delimiter that is missing where a quote opens or has closed ...
    pub(super) const SPLIT_AT_QUOTE: f64 = 2.0;
    /// ... or where only the columns suggest it.
    pub(super) const SPLIT: f64 = 4.0;
    /// A quote in the middle of a cell without quotes.
    pub(super) const INNER_QUOTE: f64 = 0.7;
    /// A cell missing at the end.
    pub(in crate::csv) const FILL: f64 = 2.0;
    /// Another delimiter than the rest of the file.
    pub(in crate::csv) const OTHER_DELIMITER: f64 = 6.0;
    /// With it, a delimiter that is part of the text: blanks are in any text.
    pub(super) const OTHER_JOIN: f64 = 0.7;
}

/// The delimiters a single row may have instead of the file's own.
const OTHER_DELIMITERS: [&[u8]; 5] = [b" ", b";", b"\t", b"|", b","];

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Quotes,
    Dropped,
    Filled,
    Joined,
    Split,
    OtherDelimiter,
}

impl Change {
    /// The change in words.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Quotes => "a quote that opens or closes no cell was taken as text",
            Self::Dropped => "an empty cell too many was left out",
            Self::Filled => "the cells missing at its end are empty",
            Self::Joined => "a cell with the delimiter in it was put together again",
            Self::Split => "a missing delimiter was put in where the columns suggest it",
            Self::OtherDelimiter => "it has another delimiter than the other rows",
        }
    }
}

/// A row put right.
#[derive(Debug, Clone)]
pub(super) struct Repaired {
    pub(super) cells: Vec<Vec<u8>>,
    pub(super) changes: Vec<Change>,
    /// Cells that were joined or divided, whose borders are a guess.
    guessed: Vec<usize>,
    cost: f64,
}

/// Looks for a reading of `line` (one record without its line end) with exactly as many cells as `shapes`.
/// `quotes_are_sound` says that every quote that opens closes where a cell ends.
pub(super) fn repair(
    line: &[u8],
    dialect: &Dialect,
    shapes: &Shapes,
    quotes_are_sound: bool,
) -> Option<Repaired> {
    if line.len() > LONGEST || shapes.columns.is_empty() || shapes.columns.len() > MOST_DELIMITERS {
        return None;
    }
    // Blanks are in any text, so a delimiter that is one is part of it more often.
    let join = if dialect.delimiter == b" " { cost::OTHER_JOIN } else { cost::JOIN };
    let looks = Looks::Columns(shapes);
    let is_bold = shapes.rows >= 3;
    let mut best =
        search(line, dialect, &looks, Boldness { guesses: is_bold, quotes_are_sound, base: 0.0, join });
    if is_bold && best.as_ref().is_none_or(|found| found.cost > cost::OTHER_DELIMITER) {
        for delimiter in OTHER_DELIMITERS {
            let count = memchr::memmem::find_iter(line, delimiter).count();
            if dialect.delimiter.starts_with(delimiter) || count + 1 < shapes.columns.len() {
                continue;
            }
            let other = Dialect { delimiter: delimiter.to_vec(), ..dialect.clone() };
            let join = if delimiter == b" " { cost::OTHER_JOIN } else { cost::JOIN };
            if let Some(mut found) = search(
                line,
                &other,
                &looks,
                Boldness { guesses: true, quotes_are_sound: false, base: cost::OTHER_DELIMITER, join },
            ) && best.as_ref().is_none_or(|best| found.cost < best.cost)
            {
                found.guessed = (0..found.cells.len()).collect();
                found.changes.retain(|change| *change == Change::Quotes);
                found.changes.push(Change::OtherDelimiter);
                best = Some(found);
            }
        }
    }
    best.filter(|found| is_convincing(found, shapes)).or_else(|| {
        let cautious = Boldness { guesses: false, quotes_are_sound, base: 0.0, join };
        search(line, dialect, &looks, cautious).filter(|found| is_bold && is_convincing(found, shapes))
    })
}

/// Looks for a reading of a header line that names exactly `width` columns.
pub(super) fn repair_header(line: &[u8], dialect: &Dialect, width: usize) -> Option<Vec<Vec<u8>>> {
    if line.len() > LONGEST || !(2..=MOST_DELIMITERS).contains(&width) {
        return None;
    }
    // Among the names of columns hardly any are missing, so a line of one cell has another delimiter.
    let looks = Looks::Names(width);
    let boldness = Boldness { guesses: true, quotes_are_sound: false, base: 0.0, join: cost::JOIN };
    let mut best = search(line, dialect, &looks, boldness);
    for delimiter in OTHER_DELIMITERS {
        let other = Dialect { delimiter: delimiter.to_vec(), ..dialect.clone() };
        let boldness = Boldness {
            guesses: false,
            quotes_are_sound: false,
            base: cost::OTHER_DELIMITER,
            join: cost::JOIN,
        };
        let found = search(line, &other, &looks, boldness);
        if let Some(found) = found.filter(|found| found.changes.is_empty())
            && best.as_ref().is_none_or(|best| found.cost < best.cost)
        {
            best = Some(found);
        }
    }
    best.map(|found| found.cells)
}

/// Dropping, filling and quotes leave every text where it stood; the other changes must fit in every cell.
fn is_convincing(found: &Repaired, shapes: &Shapes) -> bool {
    let is_harmless = found
        .changes
        .iter()
        .all(|change| matches!(change, Change::Quotes | Change::Dropped | Change::Filled));
    let fits = |&column: &usize| match (found.cells.get(column), shapes.columns.get(column)) {
        (Some(cell), Some(shape)) => shape.fits(cell),
        _ => true,
    };
    if is_harmless {
        // Cells that moved, or that others are missing behind, may stand in the wrong columns all the same.
        let has_moved = found.changes.contains(&Change::Dropped);
        let may_be_other = found.changes.contains(&Change::Filled);
        let misplaced = shapes.misplaced(&found.cells);
        return misplaced == 0 || !may_be_other && (!has_moved || misplaced * 4 <= found.cells.len());
    }
    shapes.rows >= 3 && found.guessed.iter().all(fits)
}

#[derive(Clone)]
struct Step {
    cost: f64,
    /// The cell taken, what it says where that is not its bytes, and the state behind it.
    cell: Option<(Range<usize>, Option<Vec<u8>>)>,
    next: State,
    change: Option<Change>,
}

/// Position of the next cell, `END` behind the last; its column; how often a delimiter was put in.
type State = (usize, usize, u8);
const END: usize = usize::MAX;

/// What the cells should look like.
enum Looks<'a> {
    /// As the other cells of their columns.
    Columns(&'a Shapes),
    /// As the names of this many columns: anything but empty.
    Names(usize),
}

impl Looks<'_> {
    fn width(&self) -> usize {
        match self {
            Self::Columns(shapes) => shapes.columns.len(),
            Self::Names(width) => *width,
        }
    }

    fn surprise(&self, column: usize, cell: &[u8]) -> f64 {
        match self {
            Self::Columns(shapes) => shapes.columns.get(column).map_or(0.0, |shape| shape.surprise(cell)),
            Self::Names(_) if cell.trim_ascii().is_empty() => 3.0,
            Self::Names(_) => 0.1,
        }
    }

    /// A name says nothing about where it might be divided.
    fn divide_text(&self) -> bool {
        matches!(self, Self::Columns(_))
    }
}

struct Search<'a> {
    line: &'a [u8],
    dialect: &'a Dialect,
    looks: &'a Looks<'a>,
    join_cost: f64,
    most_splits: u8,
    most_joins: usize,
    quotes_are_sound: bool,
    /// The most states to look at.
    most_states: usize,
    known: HashMap<State, Option<Step>>,
}

/// What a search may do, and what it costs.
#[derive(Clone, Copy)]
struct Boldness {
    /// Whether cells may be joined and divided.
    guesses: bool,
    /// Whether quotes mean what they always mean.
    quotes_are_sound: bool,
    /// What the whole reading costs beside its steps.
    base: f64,
    /// What it costs to take a delimiter for text.
    join: f64,
}

fn search(line: &[u8], dialect: &Dialect, looks: &Looks<'_>, boldness: Boldness) -> Option<Repaired> {
    let delimiters = memchr::memmem::find_iter(line, &dialect.delimiter).take(MOST_DELIMITERS + 1).count();
    let width = looks.width();
    if delimiters > MOST_DELIMITERS {
        return None;
    }
    let missing = width.saturating_sub(delimiters + 1);
    let is_other = boldness.base > 0.0;
    let mut search = Search {
        line,
        dialect,
        looks,
        join_cost: boldness.join,
        // A row with far too few cells has lost more than a delimiter or two.
        most_splits: if is_other || !boldness.guesses || missing > 3 || line.len() > 8192 { 0 } else { 2 },
        most_joins: if !boldness.guesses {
            0
        } else if is_other || dialect.delimiter == b" " {
            24
        } else {
            4
        },
        quotes_are_sound: boldness.quotes_are_sound,
        most_states: (MOST_WORK / line.len().max(1)).max(FEWEST_STATES),
        known: HashMap::new(),
    };
    let start = (0, 0, 0);
    let cost = search.best(start)?;
    let (mut cells, mut changes, mut state) = (Vec::with_capacity(width), Vec::new(), start);
    let mut guessed = Vec::new();
    while let Some(Some(step)) = search.known.get(&state) {
        if let Some((range, said)) = &step.cell {
            let bytes = || line.get(range.clone()).unwrap_or_default().to_vec();
            cells.push(said.clone().unwrap_or_else(bytes));
        }
        changes.extend(step.change);
        match step.change {
            Some(Change::Joined) => guessed.push(cells.len() - 1),
            Some(Change::Split) => guessed.extend([cells.len() - 1, cells.len()]),
            _ => {}
        }
        if step.next == state {
            break;
        }
        state = step.next;
    }
    cells.resize(width, Vec::new());
    changes.sort_unstable();
    changes.dedup();
    Some(Repaired { cells, changes, guessed, cost: cost + boldness.base })
}

impl Search<'_> {
    /// The least cost from this state to the end of the row.
    fn best(&mut self, state: State) -> Option<f64> {
        if let Some(known) = self.known.get(&state) {
            return known.as_ref().map(|step| step.cost);
        }
        let (at, column, splits) = state;
        let width = self.looks.width();
        if column == width {
            let is_end = at == END;
            if is_end {
                self.known.insert(state, Some(Step { cost: 0.0, cell: None, next: state, change: None }));
                return Some(0.0);
            }
            // Behind the last column only empty cells may follow.
            let (end, next) = self.plain(at);
            let step = if end == at { self.drop_cell((next, column, splits)) } else { None };
            return self.remember(state, step);
        }
        if at == END {
            let cost: f64 =
                (column..width).map(|column| cost::FILL + self.looks.surprise(column, b"").min(4.0)).sum();
            let step = Step { cost, cell: None, next: state, change: Some(Change::Filled) };
            return self.remember(state, Some(step));
        }
        if self.known.len() > self.most_states {
            return None;
        }
        // Cycles are impossible: every step moves the position or the column on.
        self.known.insert(state, None);
        let mut best: Option<Step> = None;
        let opens_quote = self.dialect.opens(self.line, at);
        if !(opens_quote && self.quotes_are_sound) {
            self.try_plain(state, &mut best);
        }
        if opens_quote {
            self.try_quoted(state, &mut best);
        }
        if splits < self.most_splits {
            self.try_splits(state, &mut best);
        }
        self.remember(state, best)
    }

    fn remember(&mut self, state: State, step: Option<Step>) -> Option<f64> {
        let cost = step.as_ref().map(|step| step.cost);
        self.known.insert(state, step);
        cost
    }

    /// Where a cell without quotes ends, and where the next one begins.
    fn plain(&self, at: usize) -> (usize, usize) {
        let rest = self.line.get(at..).unwrap_or_default();
        match memchr::memmem::find(rest, &self.dialect.delimiter) {
            Some(length) => (at + length, at + length + self.dialect.delimiter.len()),
            None => (self.line.len(), END),
        }
    }

    fn drop_cell(&mut self, next: State) -> Option<Step> {
        let rest = self.best(next)?;
        Some(Step { cost: rest + cost::DROP, cell: None, next, change: Some(Change::Dropped) })
    }

    fn offer(
        &mut self,
        best: &mut Option<Step>,
        column: usize,
        cost: f64,
        cell: (Range<usize>, Option<Vec<u8>>),
        next: State,
        change: Option<Change>,
    ) {
        let text = cell.1.as_deref().unwrap_or_else(|| self.line.get(cell.0.clone()).unwrap_or_default());
        // A quote too many says nothing about the rest of the cell.
        let text = text.strip_prefix(self.dialect.open.as_slice()).unwrap_or(text);
        let looks = self.looks.surprise(column, text);
        let so_far = cost + looks;
        if best.as_ref().is_some_and(|best| best.cost <= so_far) {
            return;
        }
        let Some(rest) = self.best(next) else { return };
        let cost = so_far + rest;
        if best.as_ref().is_none_or(|best| cost < best.cost) {
            *best = Some(Step { cost, cell: Some(cell), next, change });
        }
    }

    fn try_plain(&mut self, state: State, best: &mut Option<Step>) {
        let (at, column, splits) = state;
        let (mut end, mut next) = self.plain(at);
        let stray = self.dialect.opens(self.line, at);
        let (first_cost, first_change) =
            if stray { (cost::STRAY_QUOTE, Some(Change::Quotes)) } else { (0.0, None) };
        let is_empty = end == at;
        for joins in 0..=self.most_joins {
            // Only quotes hold a line break together.
            if memchr::memchr2(b'\n', b'\r', self.line.get(at..end).unwrap_or_default()).is_some() {
                break;
            }
            let change = if joins > 0 { Some(Change::Joined) } else { first_change };
            let cost = if joins > 0 { joins as f64 * self.join_cost } else { first_cost };
            let cost = cost + self.inner_quotes(at..end);
            self.offer(best, column, cost, (at..end, None), (next, column + 1, splits), change);
            if next == END || stray {
                break;
            }
            let (further, behind) = self.plain(next);
            // Nobody joins what has no text.
            if further == next {
                break;
            }
            (end, next) = (further, behind);
        }
        if is_empty {
            let (_, next) = self.plain(at);
            if next != END
                && let Some(step) = self.drop_cell((next, column, splits))
                && best.as_ref().is_none_or(|best| step.cost < best.cost)
            {
                *best = Some(step);
            }
        }
    }

    /// Readings in which the quote at the beginning opens the cell and a later one closes it.
    fn try_quoted(&mut self, state: State, best: &mut Option<Step>) {
        let (at, column, splits) = state;
        let inside = at + self.dialect.open.len();
        let close_length = self.dialect.close.len();
        let closes: Vec<usize> =
            memchr::memmem::find_iter(self.line.get(inside..).unwrap_or_default(), &self.dialect.close)
                .map(|found| inside + found)
                .filter(|&close| {
                    let behind = self.behind_blanks(close + close_length);
                    behind == self.line.len() || self.dialect.is_delimiter(self.line, behind)
                })
                .take(12)
                .collect();
        for (index, &close) in closes.iter().enumerate() {
            let behind = self.behind_blanks(close + close_length);
            let next = if behind == self.line.len() { END } else { behind + self.dialect.delimiter.len() };
            let (said, lone) = self.inside_quotes(inside..close);
            let cost = lone.min(4) as f64 * cost::LONE_QUOTE + index as f64 * cost::LATER_CLOSE;
            let change = (lone > 0 || index > 0).then_some(Change::Quotes);
            self.offer(best, column, cost, (inside..close, said), (next, column + 1, splits), change);
        }
        if splits >= self.most_splits {
            return;
        }
        // A cell that ends in quotes and the next one begins at once.
        let all: Vec<usize> =
            memchr::memmem::find_iter(self.line.get(inside..).unwrap_or_default(), &self.dialect.close)
                .map(|found| inside + found)
                .take(12)
                .collect();
        for &close in &all {
            let behind = close + close_length;
            if behind >= self.line.len() || self.dialect.is_delimiter(self.line, behind) {
                continue;
            }
            let (said, lone) = self.inside_quotes(inside..close);
            let cost = cost::SPLIT_AT_QUOTE + lone.min(4) as f64 * cost::LONE_QUOTE;
            let next = (behind, column + 1, splits + 1);
            self.offer(best, column, cost, (inside..close, said), next, Some(Change::Split));
        }
    }

    /// What the quotes in a cell without quotes cost: they may be meant otherwise.
    fn inner_quotes(&self, range: Range<usize>) -> f64 {
        let text = self.line.get(range.start + 1..range.end).unwrap_or_default();
        if self.dialect.open.is_empty() {
            return 0.0;
        }
        memchr::memmem::find_iter(text, &self.dialect.open).take(3).count() as f64 * cost::INNER_QUOTE
    }

    /// The first position from `at` on where no blank stands, unless the blank is a delimiter.
    fn behind_blanks(&self, at: usize) -> usize {
        let mut behind = at;
        while self.line.get(behind) == Some(&b' ') && !self.dialect.is_delimiter(self.line, behind) {
            behind += 1;
        }
        behind
    }

    /// What stands inside quotes says, where it is not its bytes, and how many quotes in it stand alone.
    fn inside_quotes(&self, range: Range<usize>) -> (Option<Vec<u8>>, usize) {
        let text = self.line.get(range).unwrap_or_default();
        let close = &self.dialect.close;
        let is_escape = |byte: u8| Some(byte) == self.dialect.escape;
        if memchr::memmem::find(text, close).is_none() && !text.iter().any(|&byte| is_escape(byte)) {
            return (None, 0);
        }
        let (mut said, mut lone, mut rest) = (Vec::with_capacity(text.len()), 0, text);
        while let Some(&byte) = rest.first() {
            if is_escape(byte)
                && let Some(&next) = rest.get(1)
            {
                said.push(next);
                rest = rest.get(2..).unwrap_or_default();
            } else if let Some(behind) = rest.strip_prefix(close.as_slice()) {
                said.extend_from_slice(close);
                match behind.strip_prefix(close.as_slice()) {
                    Some(after_both) => rest = after_both,
                    None => {
                        lone += 1;
                        rest = behind;
                    }
                }
            } else {
                said.push(byte);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
        (Some(said), lone)
    }

    /// Readings in which the cell ends before its delimiter, because one is missing.
    fn try_splits(&mut self, state: State, best: &mut Option<Step>) {
        let (at, column, splits) = state;
        if self.dialect.opens(self.line, at) {
            return;
        }
        let (end, _) = self.plain(at);
        let text = self.line.get(at..end).unwrap_or_default();
        for length in 1..text.len() {
            // Within a character there is no border, and in a long text only a quote shows one.
            let is_border = text.get(length).is_some_and(|&byte| byte & 0xC0 != 0x80);
            let opens_quote = self.dialect.opens(self.line, at + length);
            if !is_border || !opens_quote && (length > 64 || !self.looks.divide_text()) {
                continue;
            }
            let next = (at + length, column + 1, splits + 1);
            let cost = if opens_quote { cost::SPLIT_AT_QUOTE } else { cost::SPLIT };
            let cost = cost + self.inner_quotes(at..at + length);
            self.offer(best, column, cost, (at..at + length, None), next, Some(Change::Split));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_blanks_between_its_names_is_read() {
        let line = b"DATE TIME Qty \"Product\" \"URL\" Comments";
        let cells = repair_header(line, &Dialect::standard(b","), 6).unwrap();
        assert_eq!(cells.concat(), b"DATETIMEQtyProductURLComments");
    }
}
