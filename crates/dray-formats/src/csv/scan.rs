//! Splits CSV text into cells: a bitmask of the bytes that matter, and a small state machine that
//! judges each of them. Copies nothing; cells are positions in the text.
//!
//! The rules are those of RFC 4180, read leniently: a quote counts only as the first byte of a cell;
//! inside a quoted cell two quotes mean one; text behind the closing quote belongs to the cell; LF,
//! CR LF and CR alone all end a line; a line without a byte is no row.

use crate::bitmask::Needles;
use crate::cells::Cell;

/// One row: where it lies, how many cells it really has, and the line it begins on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) cells: usize,
    pub(super) line: u64,
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
        }
    }

    /// Everything before this position belongs to complete rows or blank lines.
    pub(super) fn consumed(&self) -> usize {
        self.row_start
    }

    /// The physical line the next row begins on.
    pub(super) fn next_line(&self) -> u64 {
        self.row_line
    }

    /// True where the text ended in the middle of a quoted cell.
    pub(super) fn is_inside_quotes(&self) -> bool {
        self.state == State::Quoted
    }

    /// Goes on with rows of this many columns.
    pub(super) fn change_columns(&mut self, columns: usize) {
        self.columns = columns;
        self.restart();
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
        self.line = self.row_line;
    }

    /// Goes on where the last call ended, until there are `max_rows` rows or the text ends.
    ///
    /// `text` must begin with the bytes of the last call; `complete` says that none will follow.
    pub(super) fn scan(&mut self, text: &[u8], complete: bool, max_rows: usize) {
        loop {
            self.scan_blocks(text, complete, max_rows);
            if !complete || self.rows.len() >= max_rows {
                return;
            }
            if self.state == State::Quoted {
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
            if self.rows.len() >= max_rows {
                return false;
            }
        }
        true
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
            State::Closed => Cell::new(self.cell_start, at).rewritten(),
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
        self.rows.push(Row { start: self.row_start, end, cells: self.cells_in_row, line: self.row_line });
        self.cells_in_row = 0;
        self.row_start = next;
        self.cell_start = next;
        self.row_line = self.line;
    }
}

/// Appends what a quoted cell says: quotes taken off, doubled ones halved.
pub(super) fn append_unquoted(source: &[u8], out: &mut Vec<u8>) {
    let Some(mut rest) = source.strip_prefix(b"\"") else {
        out.extend_from_slice(source);
        return;
    };
    while let Some(at) = memchr::memchr(b'"', rest) {
        let (before, behind) = rest.split_at(at);
        out.extend_from_slice(before);
        let behind = behind.get(1..).unwrap_or_default();
        match behind.strip_prefix(b"\"") {
            Some(after_both) => {
                out.push(b'"');
                rest = after_both;
            }
            None => {
                out.extend_from_slice(behind);
                return;
            }
        }
    }
    out.extend_from_slice(rest);
}
