//! Writes typed columns in row groups of a bounded size. The columns of some batches are encoded at once,
//! on as many threads as help.

use std::collections::HashSet;
use std::io::Write;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use dray_model::{Error, Result};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::typed::{arrow_schema, parquet_schema, stored};
use crate::write::{OutputColumn, RowWriter, check_columns};

/// Rows are encoded when there are this many ...
const BLOCK_ROWS: usize = 32 << 10;
/// ... or this many bytes of them.
const BLOCK_BYTES: usize = 16 << 20;

/// A row group ends when it has this many rows; readers share the work by row groups ...
const GROUP_ROWS: usize = 128 << 10;
/// ... or takes this many bytes of memory, as it is kept until it is complete.
const GROUP_BYTES: usize = 24 << 20;

/// More threads than this have nothing to do in an ordinary table.
const MOST_THREADS: usize = 4;

/// Looked at to decide whether the values of a column repeat.
const SAMPLE_ROWS: usize = 8192;

/// A Parquet file that is being written.
pub(super) struct ParquetWriter {
    columns: Vec<OutputColumn>,
    schema: SchemaRef,
    stage: Stage,
    /// Batches not yet encoded, each as its columns.
    waiting: Vec<Vec<ArrayRef>>,
    waiting_rows: usize,
    waiting_bytes: usize,
    rows: u64,
}

/// How far the file is.
enum Stage {
    /// How the columns are encoded is decided by the first rows.
    Unbegun(Box<dyn Write + Send>),
    Begun(Box<Begun>),
    /// An error ended it.
    Broken,
}

struct Begun {
    file: SerializedFileWriter<Box<dyn Write + Send>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// The columns of the row group that is being written.
    group: Vec<ArrowColumnWriter>,
    group_rows: usize,
    groups: usize,
    threads: usize,
}

impl ParquetWriter {
    pub(super) fn new(columns: Vec<OutputColumn>, out: Box<dyn Write + Send>) -> Result<Self> {
        if columns.is_empty() {
            return Err(Error::request("a Parquet file needs a column").hint("choose the fields to write"));
        }
        let schema = arrow_schema(&columns)?;
        Ok(Self {
            columns,
            schema,
            stage: Stage::Unbegun(out),
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            rows: 0,
        })
    }

    /// Encodes the waiting batches.
    fn encode(&mut self, is_last: bool) -> Result<()> {
        let begun = match std::mem::replace(&mut self.stage, Stage::Broken) {
            Stage::Unbegun(out) => Box::new(self.begin(out).map_err(cannot_write)?),
            Stage::Begun(begun) => begun,
            Stage::Broken => return Err(Error::file("the file could not be written before")),
        };
        let waiting = std::mem::take(&mut self.waiting);
        let rows = std::mem::take(&mut self.waiting_rows);
        self.waiting_bytes = 0;
        let mut begun = begun;
        begun.encode(&waiting, rows, is_last).map_err(cannot_write)?;
        self.stage = Stage::Begun(begun);
        Ok(())
    }

    fn begin(&self, out: Box<dyn Write + Send>) -> ParquetResult<Begun> {
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("dray version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_statistics_enabled(EnabledStatistics::Chunk);
        for (index, column) in self.columns.iter().enumerate() {
            let values = self.waiting.iter().filter_map(|batch| batch.get(index));
            if !repeats(values) {
                let path = ColumnPath::new(vec![column.name.clone()]);
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
        let schema = parquet_schema(&self.columns, &self.schema)?;
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
        let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&self.schema));
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let schema = Arc::clone(&self.schema);
        Ok(Begun { file, factory, schema, group: Vec::new(), group_rows: 0, groups: 0, threads })
    }
}

impl Begun {
    /// Encodes batches and ends the row group where it is large enough or the last.
    fn encode(&mut self, batches: &[Vec<ArrayRef>], rows: usize, is_last: bool) -> ParquetResult<()> {
        if self.group.is_empty() && rows > 0 {
            self.group = self.factory.create_column_writers(self.groups)?;
        }
        self.group_rows += rows;
        let memory: usize = self.group.iter().map(ArrowColumnWriter::memory_size).sum();
        let ends = is_last || self.group_rows >= GROUP_ROWS || memory >= GROUP_BYTES;
        let encoded = self.encode_columns(batches, ends)?;
        if !ends || encoded.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for chunk in encoded {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.groups += 1;
        self.group_rows = 0;
        Ok(())
    }

    /// Encodes every column of the batches; where the row group ends, returns the finished columns.
    fn encode_columns(
        &mut self,
        batches: &[Vec<ArrayRef>],
        ends: bool,
    ) -> ParquetResult<Vec<ArrowColumnChunk>> {
        let count = self.group.len();
        let columns = Mutex::new(std::mem::take(&mut self.group).into_iter().enumerate());
        let results = Mutex::new(Vec::with_capacity(count));
        let work = || {
            loop {
                let next = columns.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((index, writer)) = next else { return };
                let result = encode_column(writer, &self.schema, index, batches, ends);
                results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(count) {
                scope.spawn(work);
            }
            work();
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        let mut chunks = Vec::new();
        for (_, result) in results {
            match result? {
                Encoded::Open(writer) => self.group.push(*writer),
                Encoded::Finished(chunk) => chunks.push(*chunk),
            }
        }
        Ok(chunks)
    }
}

/// A column of a row group behind a block of rows.
enum Encoded {
    Open(Box<ArrowColumnWriter>),
    Finished(Box<ArrowColumnChunk>),
}

fn encode_column(
    mut writer: ArrowColumnWriter,
    schema: &SchemaRef,
    index: usize,
    batches: &[Vec<ArrayRef>],
    ends: bool,
) -> ParquetResult<Encoded> {
    let field = schema.field(index);
    for array in batches.iter().filter_map(|batch| batch.get(index)) {
        for leaf in compute_leaves(field, array)? {
            writer.write(&leaf)?;
        }
    }
    Ok(if ends { Encoded::Finished(Box::new(writer.close()?)) } else { Encoded::Open(Box::new(writer)) })
}

/// True where less than half of the first values are different: only then is a dictionary of them smaller
/// than the values, and worth the time of making it.
fn repeats<'a>(arrays: impl Iterator<Item = &'a ArrayRef>) -> bool {
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let mut seen_numbers: HashSet<i64> = HashSet::new();
    let mut looked_at = 0;
    for array in arrays {
        for row in 0..array.len() {
            if looked_at == SAMPLE_ROWS {
                break;
            }
            if array.is_null(row) {
                continue;
            }
            looked_at += 1;
            match array.data_type() {
                DataType::Utf8 => {
                    seen.insert(array.as_string::<i32>().value(row).as_bytes());
                }
                DataType::FixedSizeBinary(_) => {
                    seen.insert(array.as_fixed_size_binary().value(row));
                }
                data_type => {
                    let number = match data_type {
                        DataType::Int64 => array.as_primitive::<Int64Type>().value(row),
                        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).into(),
                        DataType::Time64(_) => array.as_primitive::<Time64MicrosecondType>().value(row),
                        DataType::Timestamp(..) => {
                            array.as_primitive::<TimestampMicrosecondType>().value(row)
                        }
                        _ => 0,
                    };
                    seen_numbers.insert(number);
                }
            }
        }
    }
    (seen.len() + seen_numbers.len()) * 2 <= looked_at || looked_at == 0
}

fn cannot_write(cause: ParquetError) -> Error {
    Error::file("writing the file failed")
        .hint("check that there is room on the disk and the receiver still listens")
        .because(cause)
}

impl RowWriter for ParquetWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check_columns(&self.columns, batch)?;
        let columns = self.columns.iter().zip(batch.columns());
        let arrays =
            columns.map(|(column, array)| stored(column, array, self.rows)).collect::<Result<_>>()?;
        self.waiting.push(arrays);
        self.rows += batch.num_rows() as u64;
        self.waiting_rows += batch.num_rows();
        self.waiting_bytes += batch.get_array_memory_size();
        if self.waiting_rows >= BLOCK_ROWS || self.waiting_bytes >= BLOCK_BYTES {
            self.encode(false)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.encode(true)?;
        let Stage::Begun(mut begun) = self.stage else {
            return Err(Error::file("the file could not be written before"));
        };
        begun.file.finish().map_err(cannot_write)?;
        begun.file.inner_mut().flush().map_err(|cause| cannot_write(cause.into()))
    }
}
