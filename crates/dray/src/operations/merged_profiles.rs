//! Profiles as a resolution merged them, in a temporary file in the order of their ids: compared with those that
//! there are, and read by an import where they differ.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::{Error, Result};
use tempfile::TempPath;

/// Rows handed on at once.
const BATCH_ROWS: usize = 4_096;
/// Bytes of texts handed on at once, about.
const BATCH_BYTES: usize = 4 << 20;

/// The cells of a profile, in the order of the columns.
pub type Row = Vec<Option<String>>;

/// Writes profiles, one line of JSON each.
pub struct Writer {
    file: BufWriter<File>,
    path: TempPath,
    rows: u64,
}

/// Profiles that were written, and which of them are to be imported.
pub struct Merged {
    path: TempPath,
    /// The columns.
    pub header: Vec<String>,
    /// How many there are.
    pub rows: u64,
    /// A bit for each.
    wanted: Vec<u64>,
}

/// Reads profiles one after the other.
pub struct Reader {
    file: BufReader<File>,
    line: String,
    bytes: u64,
}

fn failed(cause: std::io::Error) -> Error {
    Error::file("the temporary file of merged profiles cannot be used")
        .hint("is there room in the folder for temporary files?")
        .because(cause)
}

impl Writer {
    /// A new file.
    pub fn new() -> Result<Self> {
        let (file, path) = tempfile::NamedTempFile::new().map_err(failed)?.into_parts();
        Ok(Self { file: BufWriter::new(file), path, rows: 0 })
    }

    /// Appends a profile.
    pub fn write(&mut self, row: &Row) -> Result<()> {
        serde_json::to_writer(&mut self.file, row).map_err(|cause| failed(cause.into()))?;
        self.file.write_all(b"\n").map_err(failed)?;
        self.rows += 1;
        Ok(())
    }

    /// The profiles, none of them wanted yet.
    pub fn finish(mut self, header: Vec<String>) -> Result<Merged> {
        self.file.flush().map_err(failed)?;
        let words = usize::try_from(self.rows.div_ceil(64)).unwrap_or(0);
        Ok(Merged { path: self.path, header, rows: self.rows, wanted: vec![0; words] })
    }
}

impl Merged {
    /// Reads them from the first.
    pub fn read(&self) -> Result<Reader> {
        let file = File::open(&self.path).map_err(failed)?;
        Ok(Reader { file: BufReader::new(file), line: String::new(), bytes: 0 })
    }

    /// The file's size.
    pub fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |data| data.len())
    }

    /// This one is to be imported.
    pub fn want(&mut self, row: u64) {
        let word = usize::try_from(row / 64).ok().and_then(|index| self.wanted.get_mut(index));
        if let Some(word) = word {
            *word |= 1 << (row % 64);
        }
    }

    /// How many are to be imported.
    pub fn wanted(&self) -> u64 {
        self.wanted.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Those that are to be imported, the first of them left out.
    pub fn source(&self, skip_rows: u64) -> Result<Box<dyn RowSource>> {
        let source = MergedSource {
            reader: self.read()?,
            header: self.header.clone(),
            wanted: self.wanted.clone().into(),
            next: 0,
            skip: skip_rows,
            given: skip_rows,
        };
        Ok(Box::new(source))
    }
}

impl Reader {
    /// The next profile.
    pub fn next_row(&mut self) -> Result<Option<Row>> {
        Ok(if self.advance()? { Some(self.row()?) } else { None })
    }

    /// Goes to the next line; false at the end.
    fn advance(&mut self) -> Result<bool> {
        self.line.clear();
        let bytes = self.file.read_line(&mut self.line).map_err(failed)?;
        self.bytes += bytes as u64;
        Ok(bytes > 0)
    }

    fn row(&self) -> Result<Row> {
        serde_json::from_str(&self.line).map_err(|cause| failed(cause.into()))
    }
}

/// The profiles that are to be imported, as rows.
struct MergedSource {
    reader: Reader,
    header: Vec<String>,
    wanted: Arc<[u64]>,
    /// The number of the next line, from 0.
    next: u64,
    skip: u64,
    given: u64,
}

impl MergedSource {
    fn is_wanted(&self, row: u64) -> bool {
        let word = usize::try_from(row / 64).ok().and_then(|index| self.wanted.get(index));
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}

impl RowSource for MergedSource {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        let mut columns: Vec<StringBuilder> = self.header.iter().map(|_| StringBuilder::new()).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < BATCH_ROWS && bytes < BATCH_BYTES && self.reader.advance()? {
            let row = self.next;
            self.next += 1;
            if !self.is_wanted(row) {
                continue;
            }
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            let mut cells = self.reader.row()?.into_iter();
            for column in &mut columns {
                column.append_option(cells.next().flatten());
            }
            rows += 1;
            bytes += self.reader.line.len();
        }
        if rows == 0 {
            return Ok(None);
        }
        let first_row = self.given + 1;
        self.given += rows as u64;
        Ok(Some(TextBatch {
            first_row,
            lines: (first_row..first_row + rows as u64).collect(),
            columns: columns.iter_mut().map(StringBuilder::finish).collect(),
            raw: RawRows { bytes: Vec::new(), ranges: vec![0..0; rows] },
            problems: Vec::new(),
        }))
    }

    fn bytes_read(&self) -> u64 {
        self.reader.bytes
    }

    fn detected(&self) -> Vec<Detected> {
        Vec::new()
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(NoFailedRows)
    }
}

/// Profiles have no file that a person could repair.
struct NoFailedRows;

impl FailedRowFormat for NoFailedRows {
    fn begin(&self, _out: &mut Vec<u8>) {}
    fn row(&self, _raw: &[u8], _notes: [&str; 4], _out: &mut Vec<u8>) {}
}
