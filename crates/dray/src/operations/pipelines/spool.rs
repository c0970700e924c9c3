//! Rows on their way from a pipeline's file to the table of identities, in a file of their own: each row of the
//! pipeline's file is there, as an identity, as left out, or as rejected with its reason. So the import that
//! follows accounts for every row, reads them as often as it likes, and goes on where it was broken off.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::Hasher;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::StringArray;
use arrow_array::builder::StringBuilder;
use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity};
use dray_model::{Error, Result};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;
/// Bytes after which a batch ends.
const BATCH_BYTES: usize = 2 << 20;

/// What a row became.
#[derive(Debug)]
pub enum Entry<'e> {
    /// The cells of an identity.
    Cells(&'e [Option<Cow<'e, str>>]),
    /// It takes no part.
    LeftOut,
    /// It cannot be used: its bytes as read, and why.
    Rejected {
        /// As it was read.
        raw: &'e [u8],
        /// The property at fault.
        property: Option<&'e str>,
        /// What kind of fault.
        code: ProblemCode,
        /// Why.
        message: &'e str,
    },
}

/// Writes rows down.
pub struct SpoolWriter {
    path: PathBuf,
    out: BufWriter<File>,
    hash: DefaultHasher,
    columns: usize,
    first_row: u64,
    rows: usize,
    lines: Vec<u8>,
    cells: Vec<Vec<u8>>,
    raw: Vec<u8>,
    problems: Vec<u8>,
    problem_count: u32,
}

fn cannot(why: std::io::Error) -> Error {
    Error::file("the rows of a pipeline cannot be kept for the time of the import")
        .hint("free some space where the server keeps its files")
        .because(why)
        .retryable()
}

fn put_text(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        None => out.extend_from_slice(&u32::MAX.to_le_bytes()),
        Some(text) => {
            out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }
}

impl SpoolWriter {
    /// Begins the file.
    pub fn new(path: &Path, columns: usize) -> Result<Self> {
        let file = File::create(path).map_err(cannot)?;
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::with_capacity(256 << 10, file),
            hash: DefaultHasher::new(),
            columns,
            first_row: 1,
            rows: 0,
            lines: Vec::new(),
            cells: vec![Vec::new(); columns],
            raw: Vec::new(),
            problems: Vec::new(),
            problem_count: 0,
        })
    }

    /// Adds the next row, which begins on this line of its file.
    pub fn add(&mut self, line: u64, entry: &Entry<'_>) -> Result<()> {
        self.lines.extend_from_slice(&line.to_le_bytes());
        let mut raw_bytes: &[u8] = &[];
        match entry {
            Entry::Cells(cells) => {
                for (column, cell) in self.cells.iter_mut().zip(cells.iter()) {
                    put_text(cell.as_deref(), column);
                }
            }
            Entry::LeftOut => self.cells.iter_mut().for_each(|column| put_text(None, column)),
            Entry::Rejected { raw, property, code, message } => {
                raw_bytes = raw;
                self.cells.iter_mut().for_each(|column| put_text(None, column));
                let row = self.first_row + self.rows as u64;
                self.problems.extend_from_slice(&row.to_le_bytes());
                self.problems.extend_from_slice(&line.to_le_bytes());
                put_text(*property, &mut self.problems);
                put_text(Some(code.word()), &mut self.problems);
                put_text(Some(message), &mut self.problems);
                self.problem_count += 1;
            }
        }
        self.raw.extend_from_slice(&u32::try_from(raw_bytes.len()).unwrap_or(0).to_le_bytes());
        self.raw.extend_from_slice(raw_bytes);
        self.rows += 1;
        let bytes: usize = self.cells.iter().map(Vec::len).sum::<usize>() + self.raw.len();
        if self.rows >= BATCH_ROWS || bytes >= BATCH_BYTES { self.end_batch() } else { Ok(()) }
    }

    fn end_batch(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut parts: Vec<&[u8]> = vec![&self.lines];
        parts.extend(self.cells.iter().map(Vec::as_slice));
        parts.push(&self.raw);
        parts.push(&self.problems);
        let total: usize = parts.iter().map(|part| 8 + part.len()).sum();
        let mut head = Vec::with_capacity(32);
        head.extend_from_slice(&(total as u64).to_le_bytes());
        head.extend_from_slice(&self.first_row.to_le_bytes());
        head.extend_from_slice(&(self.rows as u64).to_le_bytes());
        head.extend_from_slice(&u64::from(self.problem_count).to_le_bytes());
        let mut write = |bytes: &[u8]| {
            self.hash.write(bytes);
            self.out.write_all(bytes).map_err(cannot)
        };
        write(&head)?;
        for part in parts {
            write(&(part.len() as u64).to_le_bytes())?;
            write(part)?;
        }
        self.first_row += self.rows as u64;
        (self.rows, self.problem_count) = (0, 0);
        self.lines.clear();
        self.cells.iter_mut().for_each(Vec::clear);
        self.raw.clear();
        self.problems.clear();
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self, header: Vec<String>, failed: Box<dyn FailedRowFormat>) -> Result<Spool> {
        self.end_batch()?;
        self.out.flush().map_err(cannot)?;
        let bytes = self.out.get_ref().metadata().map_err(cannot)?.len();
        Ok(Spool {
            path: self.path,
            header,
            bytes,
            rows: self.first_row - 1,
            columns: self.columns,
            hash: self.hash.finish(),
            failed: Arc::new(Mutex::new(failed)),
        })
    }
}

/// Rows that were written down.
pub struct Spool {
    path: PathBuf,
    header: Vec<String>,
    /// Bytes of the file.
    pub bytes: u64,
    /// How many rows.
    pub rows: u64,
    columns: usize,
    /// Tells the same rows from others.
    pub hash: u64,
    failed: Arc<Mutex<Box<dyn FailedRowFormat>>>,
}

impl Spool {
    /// How rejected rows are written.
    pub fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(Shared(Arc::clone(&self.failed)))
    }

    /// Opens the rows, the first `skip_rows` left out.
    pub fn open(&self, skip_rows: u64) -> Result<Box<dyn RowSource>> {
        let file = File::open(&self.path).map_err(cannot)?;
        Ok(Box::new(SpoolSource {
            input: BufReader::with_capacity(256 << 10, file),
            header: self.header.clone(),
            columns: self.columns,
            skip_rows,
            bytes_read: 0,
            failed: Arc::clone(&self.failed),
        }))
    }
}

/// A format that several hold.
struct Shared(Arc<Mutex<Box<dyn FailedRowFormat>>>);

impl FailedRowFormat for Shared {
    fn begin(&self, out: &mut Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).begin(out);
    }

    fn row(&self, raw: &[u8], notes: [&str; 4], out: &mut Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).row(raw, notes, out);
    }
}

struct SpoolSource {
    input: BufReader<File>,
    header: Vec<String>,
    columns: usize,
    skip_rows: u64,
    bytes_read: u64,
    failed: Arc<Mutex<Box<dyn FailedRowFormat>>>,
}

/// A part of a batch, read from its beginning.
struct Part<'p>(&'p [u8]);

impl<'p> Part<'p> {
    fn bytes(&mut self, count: usize) -> Result<&'p [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn long(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes(8)?.try_into().map_err(|_| damaged())?))
    }

    fn length(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes(4)?.try_into().map_err(|_| damaged())?))
    }

    fn text(&mut self) -> Result<Option<&'p str>> {
        match self.length()? {
            u32::MAX => Ok(None),
            length => std::str::from_utf8(self.bytes(length as usize)?).map(Some).map_err(|_| damaged()),
        }
    }

    fn part(&mut self) -> Result<Self> {
        let length = usize::try_from(self.long()?).map_err(|_| damaged())?;
        Ok(Self(self.bytes(length)?))
    }
}

fn damaged() -> Error {
    Error::file("the rows that a pipeline kept for the time of the import were changed by somebody")
        .retryable()
}

impl RowSource for SpoolSource {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        loop {
            let mut head = [0; 32];
            match self.input.read_exact(&mut head) {
                Ok(()) => {}
                Err(why) if why.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(why) => return Err(cannot(why)),
            }
            let mut part = Part(&head);
            let (total, first_row, rows, problems) = (part.long()?, part.long()?, part.long()?, part.long()?);
            self.bytes_read += 32 + total;
            if self.skip_rows >= first_row + rows - 1 {
                let forward = i64::try_from(total).map_err(|_| damaged())?;
                self.input.seek_relative(forward).map_err(cannot)?;
                continue;
            }
            let mut body = vec![0; usize::try_from(total).map_err(|_| damaged())?];
            self.input.read_exact(&mut body).map_err(cannot)?;
            let rows = usize::try_from(rows).map_err(|_| damaged())?;
            let skip = usize::try_from(self.skip_rows.saturating_sub(first_row - 1)).unwrap_or(usize::MAX);
            return self.decode(&body, first_row, rows, problems, skip.min(rows)).map(Some);
        }
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    fn detected(&self) -> Vec<Detected> {
        Vec::new()
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(Shared(Arc::clone(&self.failed)))
    }
}

impl SpoolSource {
    /// The rows of a batch without the first `skip`.
    fn decode(
        &self,
        body: &[u8],
        first_row: u64,
        rows: usize,
        problems: u64,
        skip: usize,
    ) -> Result<TextBatch> {
        let mut body = Part(body);
        let mut part = body.part()?;
        let lines: Vec<u64> = (0..rows).map(|_| part.long()).collect::<Result<_>>()?;
        let mut columns: Vec<StringArray> = Vec::with_capacity(self.columns);
        for _ in 0..self.columns {
            let mut part = body.part()?;
            let mut builder = StringBuilder::with_capacity(rows, part.0.len());
            for row in 0..rows {
                let text = part.text()?;
                if row >= skip {
                    builder.append_option(text);
                }
            }
            columns.push(builder.finish());
        }
        let mut part = body.part()?;
        let mut raw = RawRows::default();
        for row in 0..rows {
            let length = part.length()? as usize;
            let bytes = part.bytes(length)?;
            if row >= skip {
                let begin = raw.bytes.len();
                raw.bytes.extend_from_slice(bytes);
                raw.ranges.push(begin..raw.bytes.len());
            }
        }
        let mut part = body.part()?;
        let first = first_row + skip as u64;
        let mut found = Vec::new();
        for _ in 0..problems {
            let (row_number, line) = (part.long()?, part.long()?);
            let property = part.text()?.map(str::to_owned);
            let code = part.text()?.and_then(ProblemCode::from_word).unwrap_or(ProblemCode::InvalidRecord);
            let message = part.text()?.unwrap_or_default().to_owned();
            if row_number >= first {
                found.push(Problem {
                    row_number,
                    line,
                    column: property,
                    field: None,
                    code,
                    severity: Severity::Error,
                    value: None,
                    message,
                });
            }
        }
        let lines = lines.into_iter().skip(skip).collect();
        Ok(TextBatch { first_row: first, lines, columns, raw, problems: found })
    }
}
