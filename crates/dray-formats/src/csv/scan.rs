//! Splits CSV text into cells: a bitmask of the bytes that matter, and a small state machine that
//! judges each of them. Copies nothing; cells are positions in the text.
//!
//! The rules are those of RFC 4180, read leniently: a quote counts only as the first byte of a cell;
//! inside a quoted cell two quotes mean one; text behind the closing quote belongs to the cell; LF,
//! CR LF and CR alone all end a line; a line without a byte is no row.

use crate::bitmask::Needles;
use crate::cells::Cell;
use crate::csv::dialect::Dialect;

/// One row: where it lies, how many cells it really has, and the line it begins on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) cells: usize,
    pub(super) line: u64,
    /// There is text behind a closing quote, or a quote never closes.
    pub(super) has_stray_quote: bool,
}

/// What is wrong with the shape of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    /// There are cells with text beyond the last column.
    TooManyCells { row: usize },
    /// A quote opens in this column, on this line, and never closes. It was taken for an ordinary character.
    UnclosedQuote { row: usize, column: usize, line: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a cell without quotes, or behind the closing quote and text after it.
    Plain,
    /// Inside quotes.
    Quoted,
    /// Behind a quote that may be the closing one or the first of two.
    Closed,
}

/// The state machine, and what it has found since the last [`Scanner::restart`].
pub(super) struct Scanner {
    needles: Needles,
    delimiter: u8,
    columns: usize,

    /// `columns` cells for each row: missing ones are empty, surplus ones are left out.
    pub(super) cells: Vec<Cell>,
    /// The complete rows.
    pub(super) rows: Vec<Row>,
    /// What is wrong with them.
    pub(super) oddities: Vec<Oddity>,

    state: State,
    position: usize,
    row_start: usize,
    cell_start: usize,
    closed_at: usize,
    has_doubled_quotes: bool,
    cells_in_row: usize,
    surplus_has_text: bool,
    line: u64,
    row_line: u64,
    line_before_quote: u64,
    after_carriage_return: bool,
    has_stray_quote: bool,
    has_inner_quote: bool,
    /// Whether a quote in the middle of a cell makes a row odd.
    doubts_inner_quotes: bool,
    /// The rules where they are not those this machine knows by heart.
    dialect: Option<Dialect>,
    /// Whether to stop behind every row that is not as wide as the header or has a stray quote.
    stops_at_odd_rows: bool,
    has_stopped: bool,
}

impl Scanner {
    /// A scanner for rows of `columns` cells that stands at the beginning of `line`.
    pub(super) fn new(delimiter: u8, columns: usize, line: u64) -> Self {
        Self {
            needles: Needles::new(delimiter),
            delimiter,
            columns,
            cells: Vec::new(),
            rows: Vec::new(),
            oddities: Vec::new(),
            state: State::Plain,
            position: 0,
            row_start: 0,
            cell_start: 0,
            closed_at: 0,
            has_doubled_quotes: false,
            cells_in_row: 0,
            surplus_has_text: false,
            line,
            row_line: line,
            line_before_quote: line,
            after_carriage_return: false,
            has_stray_quote: false,
            has_inner_quote: false,
            doubts_inner_quotes: false,
            dialect: None,
            stops_at_odd_rows: false,
            has_stopped: false,
        }
    }

    /// A scanner by the rules of any dialect.
    pub(super) fn of_dialect(dialect: &Dialect, columns: usize, line: u64) -> Self {
        match dialect.simple_delimiter() {
            Some(delimiter) => Self::new(delimiter, columns, line),
            None => Self { dialect: Some(dialect.clone()), ..Self::new(b',', columns, line) },
        }
    }

    /// From now on [`Scanner::scan`] stops behind every odd row, for [`Scanner::take_odd_row`].
    pub(super) fn stop_at_odd_rows(&mut self) {
        self.stops_at_odd_rows = true;
        self.doubts_inner_quotes = true;
    }

    /// From now on no row is odd.
    pub(super) fn take_rows_as_they_are(&mut self) {
        self.stops_at_odd_rows = false;
    }

    /// Quotes in the middle of cells mean nothing in this file.
    pub(super) fn trust_inner_quotes(&mut self) {
        self.doubts_inner_quotes = false;
    }

    /// The odd row the last scan stopped behind, taken back from the rows found. Either
    /// [`Scanner::put_row`] or [`Scanner::end_here`] must follow.
    pub(super) fn take_odd_row(&mut self) -> Option<Row> {
        if !std::mem::take(&mut self.has_stopped) {
            return None;
        }
        let row = self.rows.pop()?;
        self.oddities.retain(|oddity| match oddity {
            Oddity::TooManyCells { row } | Oddity::UnclosedQuote { row, .. } => *row < self.rows.len(),
        });
        self.cells.truncate(self.rows.len() * self.columns);
        Some(row)
    }

    /// Goes on behind a row with these cells; `next` is where the following one begins.
    pub(super) fn put_row(&mut self, row: Row, cells: impl Iterator<Item = Cell>, text: &[u8], next: usize) {
        self.cells.extend(cells.chain(std::iter::repeat(Cell::MISSING)).take(self.columns));
        self.line = row.line + line_ends(text.get(row.start..next).unwrap_or_default());
        self.rows.push(row);
        self.go_on_at(next);
        self.after_carriage_return = next > 0 && text.get(next - 1) == Some(&b'\r');
    }

    /// Forgets everything from this row on, whose first byte is the next to be read.
    pub(super) fn go_back_to(&mut self, row: Row) {
        self.line = row.line;
        self.go_on_at(row.start);
    }

    /// Goes on at `next`, in front of which there are `lines` lines that belong to no row.
    fn go_on_at(&mut self, next: usize) {
        self.state = State::Plain;
        self.position = next;
        self.row_start = next;
        self.cell_start = next;
        self.row_line = self.line;
        self.cells_in_row = 0;
        self.surplus_has_text = false;
        self.has_doubled_quotes = false;
        self.has_stray_quote = false;
        self.has_inner_quote = false;
        self.after_carriage_return = false;
    }

    /// Ends a row in the middle of a quoted cell, and stops behind it: the quote must mean something else.
    pub(super) fn end_open_row(&mut self, text: &[u8]) {
        self.has_stray_quote = true;
        self.end_cell(text.len());
        self.end_row(text.len(), text.len());
    }

    /// The first `rows` of the rows found are all there is.
    pub(super) fn keep_rows(&mut self, rows: usize) {
        self.rows.truncate(rows);
        self.cells.truncate(rows * self.columns);
    }

    /// Everything before this position belongs to complete rows or blank lines.
    pub(super) fn consumed(&self) -> usize {
        self.row_start
    }

    /// The physical line the next row begins on.
    pub(super) fn next_line(&self) -> u64 {
        self.row_line
    }

    /// True where a quote that never closes can be taken for an ordinary character afterwards.
    pub(super) fn can_take_quotes_literally(&self) -> bool {
        !self.stops_at_odd_rows && self.dialect.is_none()
    }

    /// True where the text ended in the middle of a quoted cell.
    pub(super) fn is_inside_quotes(&self) -> bool {
        self.state == State::Quoted
    }

    /// Forgets the rows found; the text of the next scan begins where they ended.
    pub(super) fn restart(&mut self) {
        self.cells.clear();
        self.rows.clear();
        self.oddities.clear();
        self.state = State::Plain;
        self.position = 0;
        self.row_start = 0;
        self.cell_start = 0;
        self.has_doubled_quotes = false;
        self.cells_in_row = 0;
        self.surplus_has_text = false;
        self.has_stray_quote = false;
        self.has_inner_quote = false;
        self.has_stopped = false;
        self.line = self.row_line;
    }

    /// Goes on where the last call ended, until there are `max_rows` rows or the text ends.
    ///
    /// `text` must begin with the bytes of the last call; `complete` says that none will follow.
    pub(super) fn scan(&mut self, text: &[u8], complete: bool, max_rows: usize) {
        if self.dialect.is_some() {
            self.scan_records(text, complete, max_rows);
            return;
        }
        loop {
            self.scan_blocks(text, complete, max_rows);
            if !complete || self.rows.len() >= max_rows || self.has_stopped {
                return;
            }
            if self.state == State::Quoted {
                if self.stops_at_odd_rows {
                    self.end_open_row(text);
                    return;
                }
                self.take_quote_literally();
                continue;
            }
            if text.len() > self.row_start {
                self.end_cell(text.len());
                self.end_row(text.len(), text.len());
            }
            return;
        }
    }

    /// Goes back to the quote that opened the current cell and takes it for an ordinary character.
    pub(super) fn take_quote_literally(&mut self) {
        self.oddities.push(Oddity::UnclosedQuote {
            row: self.rows.len(),
            column: self.cells_in_row,
            line: self.line_before_quote,
        });
        self.state = State::Plain;
        self.position = self.cell_start + 1;
        self.line = self.line_before_quote;
    }

    fn scan_blocks(&mut self, text: &[u8], complete: bool, max_rows: usize) {
        while let Some(block) = text.get(self.position..).and_then(|rest| rest.first_chunk::<64>()) {
            let mask = self.needles.find(block);
            if !self.scan_block(text, mask, max_rows) {
                return;
            }
            self.position += 64;
        }
        // The last bytes of a text that will grow are left for the next call, which sees a whole block.
        if !complete {
            return;
        }
        let rest = text.get(self.position..).unwrap_or_default();
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(rest) {
            *to = *from;
        }
        // A zero byte may be the delimiter, so what is found behind the end does not count.
        let within = (1_u64 << (rest.len() & 63)) - 1;
        let mask = self.needles.find(&block) & within;
        if self.scan_block(text, mask, max_rows) {
            self.position = text.len();
        }
    }

    /// Judges the bytes of one block; false where enough rows were found.
    #[inline]
    fn scan_block(&mut self, text: &[u8], mut mask: u64, max_rows: usize) -> bool {
        while mask != 0 {
            let at = self.position + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let byte = text[at];
            match self.state {
                State::Plain => {
                    if byte == self.delimiter {
                        self.push_cell(Cell::new(self.cell_start, at));
                        self.cell_start = at + 1;
                        continue;
                    }
                    if byte == b'"' {
                        if at == self.cell_start {
                            self.state = State::Quoted;
                            self.line_before_quote = self.line;
                        } else {
                            self.has_inner_quote = true;
                        }
                        continue;
                    }
                }
                State::Quoted => {
                    match byte {
                        b'"' => {
                            self.state = State::Closed;
                            self.closed_at = at;
                        }
                        b'\n' if at > 0 && text[at - 1] == b'\r' => {}
                        b'\n' | b'\r' => self.line += 1,
                        _ => {}
                    }
                    continue;
                }
                State::Closed => {
                    if byte == b'"' {
                        if at == self.closed_at + 1 {
                            self.state = State::Quoted;
                            self.has_doubled_quotes = true;
                        }
                        continue;
                    }
                    if byte == self.delimiter {
                        self.end_cell(at);
                        continue;
                    }
                }
            }
            if !self.line_end(text, at, byte) {
                continue;
            }
            if self.rows.len() >= max_rows || self.has_stopped {
                return false;
            }
        }
        true
    }

    /// The same as [`Scanner::scan_blocks`] by the rules of any dialect.
    fn scan_records(&mut self, text: &[u8], complete: bool, max_rows: usize) {
        let Some(dialect) = self.dialect.clone() else { return };
        while self.row_start < text.len() && self.rows.len() < max_rows && !self.has_stopped {
            let start = self.row_start;
            let record = dialect.record(text, start);
            // What reaches the end of a text that will grow may go on in it; so may a line end.
            self.state = if record.is_open { State::Quoted } else { State::Plain };
            if !complete && record.next + 1 >= text.len() {
                return;
            }
            self.line = self.row_line + line_ends(text.get(start..record.next).unwrap_or_default());
            if record.end == start {
                self.row_start = record.next.max(start + 1);
                self.cell_start = self.row_start;
                self.row_line = self.line;
                continue;
            }
            self.has_stray_quote = record.has_stray_quote || record.is_open;
            for token in &record.cells {
                let cell = Cell::new(token.range.start, token.range.end);
                self.push_cell(if token.needs_rewrite { cell.rewritten() } else { cell });
            }
            self.state = State::Plain;
            self.end_row(record.end, record.next);
            self.position = self.row_start;
        }
    }

    /// A line feed or carriage return outside quotes; true where it ended a row.
    #[inline]
    fn line_end(&mut self, text: &[u8], at: usize, byte: u8) -> bool {
        let is_blank = at == self.row_start;
        if is_blank {
            let completes_crlf =
                byte == b'\n' && if at == 0 { self.after_carriage_return } else { text[at - 1] == b'\r' };
            self.line += u64::from(!completes_crlf);
            self.row_line = self.line;
            self.row_start = at + 1;
            self.cell_start = at + 1;
        } else {
            self.end_cell(at);
            self.line += 1;
            self.end_row(at, at + 1);
        }
        self.after_carriage_return = byte == b'\r';
        !is_blank
    }

    fn end_cell(&mut self, at: usize) {
        let cell = match self.state {
            State::Closed if self.closed_at + 1 == at && !self.has_doubled_quotes => {
                Cell::new(self.cell_start + 1, self.closed_at)
            }
            State::Closed => {
                self.has_stray_quote |= self.closed_at + 1 != at;
                Cell::new(self.cell_start, at).rewritten()
            }
            State::Plain | State::Quoted => Cell::new(self.cell_start, at),
        };
        self.push_cell(cell);
        self.state = State::Plain;
        self.has_doubled_quotes = false;
        self.cell_start = at + 1;
    }

    #[inline]
    fn push_cell(&mut self, cell: Cell) {
        if self.cells_in_row < self.columns {
            self.cells.push(cell);
        } else {
            self.surplus_has_text |= cell.len() > 0;
        }
        self.cells_in_row += 1;
    }

    #[inline]
    fn end_row(&mut self, end: usize, next: usize) {
        for _ in self.cells_in_row..self.columns {
            self.cells.push(Cell::MISSING);
        }
        if self.surplus_has_text {
            self.oddities.push(Oddity::TooManyCells { row: self.rows.len() });
            self.surplus_has_text = false;
        }
        let has_stray_quote = std::mem::take(&mut self.has_stray_quote);
        let has_inner_quote = std::mem::take(&mut self.has_inner_quote);
        let is_odd = has_stray_quote
            || self.cells_in_row != self.columns
            || (has_inner_quote && self.doubts_inner_quotes);
        self.has_stopped = is_odd && self.stops_at_odd_rows;
        let (start, cells, line) = (self.row_start, self.cells_in_row, self.row_line);
        self.rows.push(Row { start, end, cells, line, has_stray_quote });
        self.cells_in_row = 0;
        self.row_start = next;
        self.cell_start = next;
        self.row_line = self.line;
    }
}

/// How many lines end in the text; CR LF counts once.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let mut count = 0;
    for at in memchr::memchr2_iter(b'\n', b'\r', text) {
        count += u64::from(!(text[at] == b'\n' && at > 0 && text[at - 1] == b'\r'));
    }
    count
}
