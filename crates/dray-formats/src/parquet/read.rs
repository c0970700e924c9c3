//! Reads a file one row group after the other as batches of text columns. Memory is bounded by the pages
//! that a few rows lie in and by one batch.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use dray_model::batch::TextBatch;
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::value::ValueType;
use dray_model::{Error, ErrorKind, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use super::ParquetColumn;
use super::columns::{BatchText, Note};
use super::pages::{Fault, MAX_SCHEMA_DEPTH, Pages, check_schema, look_at_pages};
use super::raw::raw_rows;
use super::schema::{Column, load};
use crate::header::column_names;
use crate::json::JsonFailedRows;
use crate::options::{ReadLimits, ReadOptions};

/// What a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";
/// What a file ends with whose footer is encrypted.
const MAGIC_ENCRYPTED: &[u8; 4] = b"PARE";
/// The length of the footer and the magic behind it.
const TAIL_BYTES: u64 = 8;
/// The largest footer; in memory it takes some ten times as much.
const MAX_FOOTER_BYTES: u64 = 64 << 20;
/// What a decoded value takes at most that is not stored as bytes of a fixed length, its levels included.
const VALUE_BYTES: u64 = 24;

/// A Parquet file that is being read.
pub(super) struct ParquetSource {
    name: String,
    file: File,
    file_bytes: u64,
    detected: Vec<Detected>,
    limits: ReadLimits,
    metadata: ArrowReaderMetadata,
    /// The columns delivered, in the order of the file, and their names.
    columns: Vec<Column>,
    header: Vec<String>,
    total_rows: u64,
    next_row: u64,
    rows_to_skip: u64,
    /// The row group that comes next.
    next_group: usize,
    decoder: Option<Decoder>,
    /// Bytes of text handed on.
    unpacked: u64,
    /// What was told already.
    noted: Vec<(usize, Note)>,
}

/// A row group that is being decoded.
struct Decoder {
    reader: ParquetRecordBatchReader,
    decoded: Option<RecordBatch>,
    /// Rows of `decoded` before this one were taken.
    at: usize,
    /// Rows of the group still to be taken.
    rows_left: u64,
}

impl ParquetSource {
    /// Reads the footer.
    pub(super) fn open(
        name: &str,
        mut file: File,
        options: &ReadOptions,
        detected: Vec<Detected>,
    ) -> Result<Self> {
        let limits = options.limits.within_reason();
        let (footer, file_bytes) = read_footer(name, &mut file)?;
        check_schema(&footer).map_err(|fault| match fault {
            Fault::Damaged => damaged(name, "its footer cannot be read"),
            Fault::TooDeep => Error::new(
                ErrorKind::Limit,
                format!("the columns of `{name}` are nested more than {MAX_SCHEMA_DEPTH} deep"),
            )
            .hint("flatten them in the program that made the file"),
        })?;
        let (mut columns, metadata) = guarded(name, || load(&footer))?;
        drop(footer);
        if columns.len() > limits.max_columns {
            let message =
                format!("`{name}` has {} columns; at most {} are read", columns.len(), limits.max_columns);
            return Err(Error::new(ErrorKind::Limit, message)
                .hint("choose fewer columns in the program that made the file"));
        }
        let mut header = column_names(columns.iter().map(|column| column.name.clone()));
        if let Some(wanted) = &options.columns {
            if let Some(missing) = wanted.iter().find(|wanted| !header.contains(wanted)) {
                return Err(Error::request(format!("`{name}` has no column `{missing}`"))
                    .hint(format!("its columns are {}", header.join(", "))));
            }
            let keep: Vec<bool> = header.iter().map(|name| wanted.contains(name)).collect();
            let mut kept = keep.iter();
            columns.retain(|_| kept.next() == Some(&true));
            let mut kept = keep.iter();
            header.retain(|_| kept.next() == Some(&true));
        }
        if columns.is_empty() {
            return Err(Error::source(format!("`{name}` has no columns"))
                .hint("check that the right file was sent, and that columns were chosen"));
        }
        let total_rows = metadata.metadata().row_groups().iter().map(group_rows).fold(0, u64::saturating_add);
        Ok(Self {
            name: name.to_owned(),
            file,
            file_bytes,
            detected,
            limits,
            metadata,
            columns,
            header,
            total_rows,
            next_row: 1,
            rows_to_skip: options.skip_rows,
            next_group: 0,
            decoder: None,
            unpacked: 0,
            noted: Vec::new(),
        })
    }

    /// The columns as the file declares them.
    pub(super) fn declared(&self) -> Vec<ParquetColumn> {
        let columns = self.columns.iter().zip(&self.header);
        columns.map(|(column, name)| ParquetColumn { name: name.clone(), kind: column.kind() }).collect()
    }

    /// Goes to the next row group that has rows to deliver; false at the end.
    fn enter_group(&mut self) -> Result<bool> {
        while let Some(group) = self.metadata.metadata().row_groups().get(self.next_group) {
            let index = self.next_group;
            let rows = group_rows(group);
            self.next_group += 1;
            if self.rows_to_skip >= rows {
                self.rows_to_skip -= rows;
                self.next_row += rows;
                continue;
            }
            let batch_rows = self.rows_to_decode(index, rows)?;
            let skipped = std::mem::take(&mut self.rows_to_skip);
            self.next_row += skipped;
            let file = self.file.try_clone().map_err(|cause| cannot_read(&self.name, cause))?;
            let roots = self.columns.iter().map(|column| column.root);
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![index])
                .with_projection(mask)
                .with_batch_size(batch_rows)
                .with_offset(usize::try_from(skipped).unwrap_or(usize::MAX));
            let reader = guarded(&self.name, || builder.build())?;
            self.decoder = Some(Decoder { reader, decoded: None, at: 0, rows_left: rows - skipped });
            return Ok(true);
        }
        Ok(false)
    }

    /// How many rows of a group may be decoded at once, so that whatever its pages hold fits into memory.
    fn rows_to_decode(&mut self, group_index: usize, rows: u64) -> Result<usize> {
        let mut leaves = Vec::new();
        let wanted: Vec<usize> = self.columns.iter().flat_map(|column| column.leaves.clone()).collect();
        for leaf in wanted {
            leaves.push(self.look_at_leaf(group_index, leaf, rows)?);
        }
        let budget = self.limits.max_worker_bytes;
        let stored: u64 = leaves.iter().map(|leaf| leaf.stored_bytes).fold(0, u64::saturating_add);
        // Rows much larger than usual make smaller batches.
        let by_size = (self.limits.batch_bytes as u64).saturating_mul(rows) / stored.max(1);
        let mut batch_rows = (self.limits.rows_in_batch(self.columns.len()) as u64).min(by_size).max(1);
        loop {
            let needed = leaves.iter().map(|leaf| leaf.bytes_for(batch_rows)).fold(0, u64::saturating_add);
            if needed <= budget {
                return Ok(usize::try_from(batch_rows).unwrap_or(1));
            }
            if batch_rows == 1 {
                let message = format!(
                    "one row of `{}` may take {} MiB of memory; at most {} are given",
                    self.name,
                    needed >> 20,
                    budget >> 20
                );
                return Err(Error::new(ErrorKind::Limit, message)
                    .hint("write the file again with smaller pages, or read fewer of its columns"));
            }
            batch_rows = (batch_rows / 2).max(1);
        }
    }

    fn look_at_leaf(&mut self, group_index: usize, leaf: usize, rows: u64) -> Result<LeafNeeds> {
        let (name, file_bytes) = (&self.name, self.file_bytes);
        let group = self.metadata.metadata().row_groups().get(group_index);
        let Some(chunk) = group.and_then(|group| group.columns().get(leaf)) else {
            return Err(damaged(name, "a column is missing"));
        };
        let column = chunk.column_path().string();
        if chunk.file_path().is_some_and(|path| !path.is_empty()) {
            return Err(Error::source(format!("the column `{column}` of `{name}` lies in another file"))
                .hint("write the table into one file"));
        }
        if let codec @ (Compression::BROTLI(_) | Compression::LZO) = chunk.compression() {
            let codec = if codec == Compression::LZO { "LZO" } else { "Brotli" };
            return Err(Error::source(format!("`{name}` is packed with {codec}, which is not read"))
                .hint("write it again with Zstandard or Snappy"));
        }
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let range = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
        let range = range.and_then(|(start, size)| Some(start..start.checked_add(size)?));
        let Some(range) = range.filter(|range| range.end <= file_bytes) else {
            return Err(damaged(name, &format!("the column `{column}` lies outside the file")));
        };
        let pages = look_at_pages(&mut self.file, range).map_err(|cause| cannot_read(name, cause))?;
        let Some(pages) = pages else {
            return Err(damaged(name, &format!("the pages of the column `{column}` cannot be read")));
        };
        let descriptor = chunk.column_descr();
        let fixed = match descriptor.physical_type() {
            PhysicalType::FIXED_LEN_BYTE_ARRAY => u64::try_from(descriptor.type_length()).unwrap_or(0),
            _ => 0,
        };
        let values = u64::try_from(chunk.num_values()).unwrap_or(0);
        Ok(LeafNeeds {
            is_repeated: descriptor.max_rep_level() > 0,
            values_per_row: values.div_ceil(rows.max(1)).max(1),
            value_bytes: VALUE_BYTES + fixed + if pages.is_incremental { pages.largest() } else { 0 },
            stored_bytes: u64::try_from(chunk.uncompressed_size()).unwrap_or(0),
            pages,
        })
    }

    /// Takes up to `most_rows` rows into the batch; false where the source has ended.
    fn take_rows(&mut self, text: &mut BatchText, most_rows: usize) -> Result<bool> {
        let Some(decoder) = &mut self.decoder else {
            return self.enter_group();
        };
        let batch = match decoder.decoded.take() {
            Some(batch) => batch,
            None => {
                let next = catch_unwind(AssertUnwindSafe(|| decoder.reader.next().transpose()));
                let next = match next {
                    Ok(Ok(next)) => next,
                    broken => {
                        // A decoder that failed is not asked again.
                        (self.decoder, self.next_group) = (None, usize::MAX);
                        let error = damaged(&self.name, "its pages cannot be decoded");
                        return Err(match broken {
                            Ok(Err(cause)) => error.because(cause),
                            _ => error,
                        });
                    }
                };
                let Some(batch) = next else {
                    if decoder.rows_left > 0 {
                        return Err(damaged(&self.name, "a column has fewer values than there are rows"));
                    }
                    self.decoder = None;
                    return Ok(true);
                };
                decoder.at = 0;
                batch
            }
        };
        let taken = text.append(&self.columns, &batch, decoder.at, most_rows, &self.limits);
        decoder.at += taken;
        let Some(rows_left) = decoder.rows_left.checked_sub(taken as u64) else {
            return Err(damaged(&self.name, "a column has more values than there are rows"));
        };
        decoder.rows_left = rows_left;
        if decoder.at < batch.num_rows() {
            decoder.decoded = Some(batch);
        }
        Ok(true)
    }

    fn finish_batch(&mut self, mut text: BatchText) -> Result<TextBatch> {
        let (rows, notes) = (text.rows(), std::mem::take(&mut text.notes));
        self.unpacked = self.unpacked.saturating_add((text.bytes() + rows) as u64);
        if self.unpacked > self.limits.max_unpacked_bytes {
            let message = format!(
                "`{}` unpacks to more than {} bytes of text",
                self.name, self.limits.max_unpacked_bytes
            );
            return Err(
                Error::new(ErrorKind::Limit, message).hint("split the file, or read fewer of its columns")
            );
        }
        let (columns, faults) = text.finish()?;
        let raw = raw_rows(&self.columns, &self.header, &columns, &faults);
        let mut problems: Vec<Problem> = Vec::new();
        for noted in notes {
            if !self.noted.contains(&noted) {
                self.noted.push(noted);
                problems.push(self.told(noted));
            }
        }
        let width = self.columns.len();
        problems.extend(faults.into_iter().map(|fault| Problem {
            row_number: self.next_row + (fault.index / width) as u64,
            line: 0,
            column: self.header.get(fault.index % width).cloned(),
            field: None,
            code: fault.code,
            severity: Severity::Error,
            value: fault.value.as_deref().map(shown),
            message: fault.message,
        }));
        let first_row = self.next_row;
        self.next_row += rows as u64;
        Ok(TextBatch { first_row, lines: vec![0; rows], columns, raw, problems })
    }

    /// The problem that tells about a whole column.
    fn told(&self, (column, note): (usize, Note)) -> Problem {
        let (code, message) = match note {
            Note::Shortened => {
                (ProblemCode::TooManyDecimals, "parts of a second beyond a microsecond are left out")
            }
            Note::Encoded => (
                ProblemCode::InvalidEncoding,
                "the column holds bytes; those that are no UTF-8 text are read as base64",
            ),
            Note::NotANumber => (
                ProblemCode::NotADecimal,
                "the column has values that are \"not a number\"; they are read as empty",
            ),
        };
        Problem { column: self.header.get(column).cloned(), ..Problem::about_file(code, 0, message) }
    }
}

/// What decoding a stored column takes.
struct LeafNeeds {
    /// Lists and maps: a row may have any number of values.
    is_repeated: bool,
    values_per_row: u64,
    /// What one value takes beside the page it lies in.
    value_bytes: u64,
    /// All values as they are stored, unpacked.
    stored_bytes: u64,
    pages: Pages,
}

impl LeafNeeds {
    /// The most memory that so many rows take.
    fn bytes_for(&self, rows: u64) -> u64 {
        // How many pages a row with lists lies in is not known; on the average it is few.
        let rows_of_pages = if self.is_repeated { rows.saturating_mul(self.values_per_row) } else { rows };
        let values = rows.saturating_mul(self.values_per_row);
        self.pages
            .dictionary
            .saturating_add(self.pages.most_bytes_of(rows_of_pages))
            .saturating_add(values.saturating_mul(self.value_bytes))
    }
}

fn group_rows(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

/// Reads the bytes of the footer; also returns how long the file is.
fn read_footer(name: &str, file: &mut File) -> Result<(Vec<u8>, u64)> {
    let cannot_read = |cause| cannot_read(name, cause);
    let file_bytes = file.seek(SeekFrom::End(0)).map_err(cannot_read)?;
    let cut_off = || {
        Error::source(format!("`{name}` is cut off: the end of the Parquet file is missing"))
            .hint("send the file again, completely")
    };
    let tail_start = file_bytes.checked_sub(TAIL_BYTES).ok_or_else(cut_off)?;
    let mut tail = [0; TAIL_BYTES as usize];
    file.seek(SeekFrom::Start(tail_start)).map_err(cannot_read)?;
    file.read_exact(&mut tail).map_err(cannot_read)?;
    let (length, magic) = tail.split_at(4);
    if magic == MAGIC_ENCRYPTED {
        return Err(Error::source(format!("`{name}` is an encrypted Parquet file, which is not read"))
            .hint("write it without encryption"));
    }
    if magic != MAGIC {
        return Err(cut_off());
    }
    let length = u64::from(u32::from_le_bytes(length.try_into().unwrap_or_default()));
    if length > MAX_FOOTER_BYTES {
        let message =
            format!("the footer of `{name}` has {length} bytes; at most {MAX_FOOTER_BYTES} are read");
        return Err(
            Error::new(ErrorKind::Limit, message).hint("write the file with fewer and larger row groups")
        );
    }
    let start =
        tail_start.checked_sub(length).ok_or_else(|| damaged(name, "its footer is larger than the file"))?;
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(cannot_read)?;
    file.by_ref().take(length).read_to_end(&mut footer).map_err(cannot_read)?;
    Ok((footer, file_bytes))
}

/// Calls the decoder, of which damaged files are known to make it panic.
fn guarded<T>(name: &str, call: impl FnOnce() -> std::result::Result<T, ParquetError>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|cause| damaged(name, "it cannot be decoded").because(cause)),
        Err(_) => Err(damaged(name, "it cannot be decoded")),
    }
}

fn damaged(name: &str, what: &str) -> Error {
    Error::source(format!("`{name}` is damaged, or no Parquet file: {what}"))
        .hint("send the file again, or write it again with the program that made it")
}

fn cannot_read(name: &str, cause: std::io::Error) -> Error {
    Error::file(format!("reading `{name}` failed"))
        .hint("check the disk or connection the file comes from and try again")
        .because(cause)
        .retryable()
}

impl RowSource for ParquetSource {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        let most_rows = self.limits.rows_in_batch(self.columns.len());
        let mut text = BatchText::new(self.columns.len());
        while text.rows() < most_rows && text.bytes() < self.limits.batch_bytes {
            let room = most_rows - text.rows();
            if !self.take_rows(&mut text, room)? {
                break;
            }
        }
        if text.rows() == 0 {
            return Ok(None);
        }
        self.finish_batch(text).map(Some)
    }

    fn bytes_read(&self) -> u64 {
        // Columns lie one behind the other in a row group, so the place in the file says nothing; the share
        // of the rows does.
        let done = u128::from(self.next_row - 1);
        let bytes = u128::from(self.file_bytes) * done / u128::from(self.total_rows.max(1));
        u64::try_from(bytes).unwrap_or(self.file_bytes).min(self.file_bytes)
    }

    fn detected(&self) -> Vec<Detected> {
        self.detected.clone()
    }

    fn column_types(&self) -> Vec<Option<ValueType>> {
        self.columns.iter().map(Column::value_type).collect()
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(JsonFailedRows { places: Vec::new() })
    }
}
