//! Rows on their way from a pipeline's file to the table of identities, in a file of their own: each row of the
//! pipeline's file is there, as an identity, as left out, or as rejected with its reason. So the import that
//! follows accounts for every row, reads them as often as it likes, and goes on where it was broken off.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::Hasher;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::builder::StringBuilder;
use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity};
use dray_model::{Error, Result};

/// A row that is an identity: its cells follow.
const IDENTITY: u8 = 0;
/// A row that takes no part.
const LEFT_OUT: u8 = 1;
/// A row that takes no part, though its cells follow.
const OLDER: u8 = 2;
/// A row that cannot be used: its bytes as read, and why.
const REJECTED: u8 = 3;
/// Bytes of the numbers before the rows of a block: how many bytes, the first row, how many rows.
const HEAD: usize = 24;

/// Some rows that follow each other, as they are written down. Each begins with what it is and its line.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    /// Where each row begins.
    begins: Vec<usize>,
}

/// A row that cannot be used.
#[derive(Debug)]
pub struct Rejected<'r> {
    /// As it was read.
    pub raw: &'r [u8],
    /// The property at fault.
    pub property: Option<&'r str>,
    /// What kind of fault.
    pub code: ProblemCode,
    /// Why.
    pub message: &'r str,
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_text(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        None => out.extend_from_slice(&u32::MAX.to_le_bytes()),
        Some(text) => put_bytes(text.as_bytes(), out),
    }
}

impl Block {
    /// An empty one with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), begins: Vec::new() }
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.begins.len()
    }

    fn begin(&mut self, kind: u8, line: u64) {
        self.begins.push(self.bytes.len());
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&line.to_le_bytes());
    }

    /// Adds a row that takes no part.
    pub fn leave_out(&mut self, line: u64) {
        self.begin(LEFT_OUT, line);
    }

    /// Adds a row that cannot be used.
    pub fn reject(&mut self, line: u64, rejected: &Rejected<'_>) {
        self.begin(REJECTED, line);
        put_bytes(rejected.raw, &mut self.bytes);
        put_text(rejected.property, &mut self.bytes);
        put_text(Some(rejected.code.word()), &mut self.bytes);
        put_text(Some(rejected.message), &mut self.bytes);
    }

    /// Begins an identity, whose cells are added one after the other.
    pub fn identity(&mut self, line: u64) {
        self.begin(IDENTITY, line);
    }

    /// Adds a cell to the identity begun last.
    pub fn cell(&mut self, text: Option<&str>) {
        put_text(text, &mut self.bytes);
    }

    /// An identity takes no part after all.
    pub fn is_older(&mut self, row: usize) {
        if let Some(kind) = self.begins.get(row).and_then(|begin| self.bytes.get_mut(*begin)) {
            *kind = OLDER;
        }
    }
}

/// Writes rows down.
pub struct SpoolWriter {
    path: PathBuf,
    out: File,
    hash: DefaultHasher,
    columns: usize,
    bytes: u64,
    rows: u64,
}

fn cannot(why: std::io::Error) -> Error {
    Error::file("the rows of a pipeline cannot be kept for the time of the import")
        .hint("free some space where the server keeps its files")
        .because(why)
        .retryable()
}

impl SpoolWriter {
    /// Begins the file.
    pub fn new(path: &Path, columns: usize) -> Result<Self> {
        let out = File::create(path).map_err(cannot)?;
        Ok(Self { path: path.to_owned(), out, hash: DefaultHasher::new(), columns, bytes: 0, rows: 0 })
    }

    /// Adds the next rows.
    pub fn write(&mut self, block: &Block) -> Result<()> {
        let mut head = Vec::with_capacity(HEAD);
        for number in [block.bytes.len() as u64, self.rows + 1, block.begins.len() as u64] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        for bytes in [&head, &block.bytes] {
            self.hash.write(bytes);
            self.out.write_all(bytes).map_err(cannot)?;
            self.bytes += bytes.len() as u64;
        }
        self.rows += block.begins.len() as u64;
        Ok(())
    }

    /// Ends the file.
    pub fn finish(self, header: Vec<String>, failed: Box<dyn FailedRowFormat>) -> Spool {
        Spool {
            path: self.path,
            header,
            bytes: self.bytes,
            rows: self.rows,
            columns: self.columns,
            hash: self.hash.finish(),
            failed: Arc::new(Mutex::new(failed)),
        }
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
            body: Vec::new(),
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
    /// The block that is read.
    body: Vec<u8>,
    failed: Arc<Mutex<Box<dyn FailedRowFormat>>>,
}

/// A part of a block, read from its beginning.
struct Part<'p>(&'p [u8]);

impl<'p> Part<'p> {
    fn bytes(&mut self, count: usize) -> Result<&'p [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8> {
        self.bytes(1)?.first().copied().ok_or_else(damaged)
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
            let mut head = [0; HEAD];
            match self.input.read_exact(&mut head) {
                Ok(()) => {}
                Err(why) if why.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(why) => return Err(cannot(why)),
            }
            let mut part = Part(&head);
            let (bytes, first_row, rows) = (part.long()?, part.long()?, part.long()?);
            self.bytes_read += HEAD as u64 + bytes;
            if self.skip_rows >= first_row + rows - 1 {
                let forward = i64::try_from(bytes).map_err(|_| damaged())?;
                self.input.seek_relative(forward).map_err(cannot)?;
                continue;
            }
            self.body.resize(usize::try_from(bytes).map_err(|_| damaged())?, 0);
            self.input.read_exact(&mut self.body).map_err(cannot)?;
            let rows = usize::try_from(rows).map_err(|_| damaged())?;
            let skip = usize::try_from(self.skip_rows.saturating_sub(first_row - 1)).unwrap_or(usize::MAX);
            return decode(&self.body, self.columns, first_row, rows, skip.min(rows)).map(Some);
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

/// The rows of a block without the first `skip`.
fn decode(body: &[u8], columns: usize, first_row: u64, rows: usize, skip: usize) -> Result<TextBatch> {
    let bytes = body.len() / columns.max(1);
    let mut cells: Vec<StringBuilder> =
        (0..columns).map(|_| StringBuilder::with_capacity(rows, bytes)).collect();
    let mut batch = TextBatch {
        first_row: first_row + skip as u64,
        lines: Vec::with_capacity(rows - skip),
        columns: Vec::new(),
        raw: RawRows::default(),
        problems: Vec::new(),
    };
    let mut body = Part(body);
    for row in 0..rows {
        let is_taken = row >= skip;
        let (kind, line) = (body.byte()?, body.long()?);
        let mut raw: &[u8] = &[];
        match kind {
            IDENTITY | OLDER => {
                for column in &mut cells {
                    let text = body.text()?;
                    if is_taken {
                        column.append_option(text.filter(|_| kind == IDENTITY));
                    }
                }
            }
            LEFT_OUT => {}
            REJECTED => {
                let length = body.length()? as usize;
                raw = body.bytes(length)?;
                let (property, code, message) = (body.text()?, body.text()?, body.text()?);
                if is_taken {
                    batch.problems.push(Problem {
                        row_number: first_row + row as u64,
                        line,
                        column: property.map(str::to_owned),
                        field: None,
                        code: code.and_then(ProblemCode::from_word).unwrap_or(ProblemCode::InvalidRecord),
                        severity: Severity::Error,
                        value: None,
                        message: message.unwrap_or_default().to_owned(),
                    });
                }
            }
            _ => return Err(damaged()),
        }
        if is_taken {
            if matches!(kind, LEFT_OUT | REJECTED) {
                cells.iter_mut().for_each(StringBuilder::append_null);
            }
            let begin = batch.raw.bytes.len();
            batch.raw.bytes.extend_from_slice(raw);
            batch.raw.ranges.push(begin..batch.raw.bytes.len());
            batch.lines.push(line);
        }
    }
    batch.columns = cells.iter_mut().map(StringBuilder::finish).collect();
    Ok(batch)
}
