//! Finds the dialect of delimited text: the one whose rows agree in their width, whose quotes close
//! where cells end, and whose cells do not look as if another delimiter stood in them.

use std::collections::BTreeMap;

use dray_model::{Error, Result};

use super::dialect::{Dialect, Record};
use crate::options::{Escape, Quote, ReadOptions};

/// The delimiters looked for, the likelier first.
const DELIMITERS: [&[u8]; 18] = [
    b",", b";", b"\t", b"|", b", ", b"; ", b"::", b"||", b" | ", b"|~|", b"~", b"^", b"\x01", b"\x1F",
    b"\x1E", b":", b"#", b" ",
];

/// What else may stand around cells, beside `"`.
const QUOTES: [(&str, &str); 3] = [("'", "'"), ("\u{201C}", "\u{201D}"), ("\u{201E}", "\u{201C}")];

/// Enough rows to see a pattern, few enough not to be felt.
const ROWS: usize = 500;

/// No more than this is divided for one candidate.
const BYTES: usize = 256 << 10;

/// What the person said about the dialect already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) delimiter: Option<Vec<u8>>,
    /// Opening and closing quote, empty for none.
    pub(crate) quote: Option<Vec<u8>>,
    /// The escape character, or none but doubling.
    pub(crate) escape: Option<Option<u8>>,
}

impl Given {
    /// What the options say.
    pub(crate) fn new(options: &ReadOptions) -> Result<Self> {
        let delimiter = options.delimiter.as_ref().map(|delimiter| delimiter.as_bytes().to_vec());
        if let Some(delimiter) = &delimiter
            && (delimiter.is_empty() || delimiter.iter().any(|byte| matches!(byte, b'"' | b'\n' | b'\r')))
        {
            return Err(Error::request("the delimiter must have a character, and no quote or line break")
                .hint("use a comma, a semicolon, a tab or a bar"));
        }
        let quote = match options.quote {
            Some(Quote::Character(quote)) if !quote.is_ascii() || matches!(quote, b'\n' | b'\r') => {
                return Err(Error::request("the quote must be an ASCII character and no line break")
                    .hint("use a double quote, a single quote, or none"));
            }
            Some(Quote::Character(quote)) => Some(vec![quote]),
            Some(Quote::None) => Some(Vec::new()),
            None if options.strict => Some(b"\"".to_vec()),
            None => None,
        };
        let escape = match options.escape {
            Some(Escape::Character(escape)) => Some(Some(escape)),
            Some(Escape::Doubled) => Some(None),
            None if options.strict => Some(None),
            None => None,
        };
        Ok(Self { delimiter, quote, escape })
    }
}

/// A dialect and how sure it is, from 0 to 1.
#[derive(Debug, Clone)]
pub(crate) struct Sniffed {
    pub(crate) dialect: Dialect,
    pub(crate) delimiter_confidence: f64,
    pub(crate) quote_confidence: f64,
}

/// The dialect of a text that begins with `sample`; `complete` says that this is all of it.
pub(crate) fn find_dialect(sample: &[u8], complete: bool, given: &Given) -> Sniffed {
    let sample = whole_lines(sample.get(..BYTES).unwrap_or(sample), complete && sample.len() <= BYTES);
    let delimiters: Vec<Vec<u8>> = match &given.delimiter {
        Some(delimiter) => vec![delimiter.clone()],
        None => DELIMITERS
            .iter()
            .filter(|delimiter| memchr::memmem::find(sample, delimiter).is_some())
            .map(|delimiter| delimiter.to_vec())
            .collect(),
    };
    let mut quotes: Vec<(Vec<u8>, Vec<u8>)> = vec![(b"\"".to_vec(), b"\"".to_vec())];
    if let Some(quote) = &given.quote {
        quotes = vec![(quote.clone(), quote.clone())];
    } else {
        for (open, close) in QUOTES {
            if surrounds_cells(sample, open.as_bytes(), close.as_bytes(), &delimiters) {
                quotes.push((open.as_bytes().to_vec(), close.as_bytes().to_vec()));
            }
        }
    }
    let mut candidates = Vec::new();
    for delimiter in &delimiters {
        for (open, close) in &quotes {
            let dialect = Dialect {
                delimiter: delimiter.clone(),
                open: open.clone(),
                close: close.clone(),
                escape: given.escape.flatten(),
            };
            let score = Score::of(&dialect, sample);
            candidates.push((dialect, score));
        }
    }
    candidates.sort_by(|one, two| two.1.value.total_cmp(&one.1.value));
    let second = candidates
        .iter()
        .skip(1)
        .find(|(dialect, _)| candidates.first().is_some_and(|(best, _)| best.delimiter != dialect.delimiter));
    let runner_up = second.map_or(0.0, |(_, score)| score.value);
    let Some((mut dialect, mut score)) = candidates.into_iter().next().filter(|(_, score)| score.value > 0.0)
    else {
        // Nothing divides it: one column.
        let mut dialect = Dialect::standard(given.delimiter.as_deref().unwrap_or(b","));
        if let Some(quote) = &given.quote {
            (dialect.open, dialect.close) = (quote.clone(), quote.clone());
        }
        dialect.escape = given.escape.flatten();
        return Sniffed { dialect, delimiter_confidence: 0.5, quote_confidence: 0.5 };
    };
    if given.escape.is_none() && has_escaped_quotes(sample, &dialect) {
        let escaped = Dialect { escape: Some(b'\\'), ..dialect.clone() };
        let with_escape = Score::of(&escaped, sample);
        if with_escape.odd < score.odd || (with_escape.odd == score.odd && with_escape.value > score.value) {
            (dialect, score) = (escaped, with_escape);
        }
    }
    let delimiter_confidence = match given.delimiter {
        Some(_) => 1.0,
        None => (score.agreement * (1.0 - 0.5 * (runner_up / score.value).min(1.0))).clamp(0.05, 0.99),
    };
    let quote_confidence = match (&given.quote, score.quoted) {
        (Some(_), _) => 1.0,
        (None, 0) => 0.5,
        (None, _) => (1.0 - score.odd as f64 / score.rows.max(1) as f64).clamp(0.05, 0.99),
    };
    Sniffed { dialect, delimiter_confidence, quote_confidence }
}

/// How well a dialect explains a sample.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    value: f64,
    agreement: f64,
    rows: usize,
    /// Rows whose quotes close in the middle of a cell, or never.
    odd: usize,
    /// Cells in quotes.
    quoted: usize,
}

impl Score {
    fn of(dialect: &Dialect, sample: &[u8]) -> Self {
        let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
        let mut runs = Runs::default();
        let (mut rows, mut odd, mut quoted, mut cells, mut suspicious) = (0, 0, 0, 0, 0);
        let mut filled: Vec<bool> = Vec::new();
        let mut first_width = 0;
        let mut at = 0;
        while at < sample.len() && rows < ROWS {
            let record = readable_record(dialect, sample, at);
            at = record.next.max(at + 1);
            let is_blank = record.cells.len() == 1 && record.cells[0].range.is_empty();
            if is_blank {
                continue;
            }
            rows += 1;
            odd += usize::from(record.has_stray_quote || record.is_open);
            *widths.entry(record.cells.len()).or_insert(0) += 1;
            runs.add(record.cells.len());
            if rows == 1 {
                first_width = record.cells.len();
            }
            if filled.len() < record.cells.len() {
                filled.resize(record.cells.len(), false);
            }
            for (cell, filled) in record.cells.iter().zip(&mut filled) {
                let text = sample.get(cell.range.clone()).unwrap_or_default();
                let is_quoted = cell.needs_rewrite
                    || cell.range.start > 0 && ends_with(sample, cell.range.start, &dialect.open);
                *filled |= !text.trim_ascii().is_empty();
                cells += 1;
                quoted += usize::from(is_quoted && !dialect.open.is_empty());
                if !is_quoted && rows > 1 && looks_divided(text, &dialect.delimiter) {
                    suspicious += 1;
                }
            }
        }
        let Some((&width, &count)) =
            widths.iter().max_by_key(|&(&width, &count)| (count, width == first_width, width))
        else {
            return Self::default();
        };
        let (width, count) = match runs.table(rows) {
            // A small table with as many lines of notes around it.
            Some(table) if width == 1 && first_width == 1 => table,
            // Where most rows break off after their first cell the header still tells.
            _ if width == 1 => (first_width, 1.min(rows / 2)),
            _ => (width, count),
        };
        if width <= 1 {
            return Self { rows, odd, quoted, ..Self::default() };
        }
        let agreement = count as f64 / rows as f64;
        let mut value = agreement;
        // A delimiter that the first line does not have may still be one below a title, with less weight.
        if first_width != width {
            value *= if first_width == 1 { 0.6 } else { 0.8 };
        }
        value *= 1.0 - 0.5 * odd as f64 / rows as f64;
        value *= 1.0 - 0.7 * suspicious as f64 / cells.max(1) as f64;
        let empty_columns = filled.iter().take(width).filter(|&&filled| !filled).count();
        value *= 1.0 - 0.5 * empty_columns as f64 / width as f64;
        // More columns that agree are better evidence, and so are cells in quotes that close.
        value *= 1.0 - 0.4 / width as f64;
        value *= if quoted > 0 && odd == 0 { 1.0 } else { 0.97 };
        value *= match dialect.delimiter.as_slice() {
            b"," | b";" | b"\t" | b"|" => 1.0,
            b" " | b":" | b"#" => 0.6,
            long if long.len() > 1 => 1.01,
            _ => 0.9,
        };
        // A quote other than the usual one must earn its place.
        if dialect.open != b"\"" && !dialect.open.is_empty() {
            value *= if quoted * 20 >= rows { 0.985 } else { 0.5 };
        }
        Self { value, agreement, rows, odd, quoted }
    }
}

/// The longest run of rows, one behind the other, of the same width above 1.
#[derive(Debug, Default)]
struct Runs {
    current: (usize, usize),
    longest: (usize, usize),
}

impl Runs {
    fn add(&mut self, width: usize) {
        self.current = if width == self.current.0 { (width, self.current.1 + 1) } else { (width, 1) };
        if width > 1 && self.current.1 > self.longest.1 {
            self.longest = self.current;
        }
    }

    /// Width and length of a run that can be a table among so many rows: a header with rows, not just two
    /// sentences that have a comma each.
    fn table(&self, rows: usize) -> Option<(usize, usize)> {
        let (width, count) = self.longest;
        let is_table = count >= 3 || (count == 2 && width >= 3);
        (is_table && count * 4 >= rows).then_some((width, count))
    }
}

/// The record at `at`; where a quote swallows many lines, only the first of them.
pub(crate) fn readable_record(dialect: &Dialect, text: &[u8], at: usize) -> Record {
    let record = dialect.record(text, at);
    if !record.is_open && !record.has_stray_quote {
        return record;
    }
    let line = text.get(at..).unwrap_or_default();
    let length = memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len());
    if at + length >= record.end {
        return record;
    }
    let line_text = text.get(..at + length).unwrap_or_default();
    let mut alone = dialect.record(line_text, at);
    alone.has_stray_quote = true;
    alone.next = at + length + super::dialect::line_end_length(text, at + length);
    alone
}

fn ends_with(text: &[u8], at: usize, what: &[u8]) -> bool {
    !what.is_empty() && text.get(..at).is_some_and(|before| before.ends_with(what))
}

/// True where a character stands in the cell that hardly ever stands in text but often between cells.
fn looks_divided(cell: &[u8], delimiter: &[u8]) -> bool {
    cell.iter().any(|byte| matches!(byte, b';' | b'\t' | b'|') && !delimiter.contains(byte))
}

/// True where cells begin and end with these quotes more than once in a while.
fn surrounds_cells(sample: &[u8], open: &[u8], close: &[u8], delimiters: &[Vec<u8>]) -> bool {
    let Some(&first) = open.first() else { return false };
    if memchr::memchr(first, sample).is_none() {
        return false;
    }
    let begins_cell = |at: usize| {
        at == 0
            || matches!(sample.get(at - 1), Some(b'\n' | b'\r'))
            || delimiters.iter().any(|delimiter| ends_with(sample, at, delimiter))
    };
    let ends_cell = |at: usize| {
        let rest = sample.get(at..).unwrap_or_default();
        rest.is_empty()
            || matches!(rest.first(), Some(b'\n' | b'\r'))
            || delimiters.iter().any(|delimiter| rest.starts_with(delimiter))
    };
    let opens = memchr::memmem::find_iter(sample, open).take(5000).filter(|&at| begins_cell(at)).count();
    let closes =
        memchr::memmem::find_iter(sample, close).take(5000).filter(|&at| ends_cell(at + close.len())).count();
    opens > 1 && closes > 1
}

fn has_escaped_quotes(sample: &[u8], dialect: &Dialect) -> bool {
    if dialect.open.is_empty() {
        let escaped: Vec<u8> = [b"\\", dialect.delimiter.as_slice()].concat();
        return memchr::memmem::find(sample, &escaped).is_some();
    }
    let escaped: Vec<u8> = [b"\\", dialect.close.as_slice()].concat();
    memchr::memmem::find(sample, &escaped).is_some()
}

/// The sample up to its last line end, unless it is all there is.
fn whole_lines(sample: &[u8], complete: bool) -> &[u8] {
    if complete {
        return sample;
    }
    match memchr::memrchr2(b'\n', b'\r', sample) {
        Some(end) if end > 0 => sample.get(..=end).unwrap_or(sample),
        _ => sample,
    }
}
