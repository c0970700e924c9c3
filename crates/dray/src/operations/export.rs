//! Records on their way out: which columns, under which names, from the store to a writer.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arrow_array::RecordBatch;
use dray_formats::{Format, OutputColumn, RowWriter, WriteOptions, writer};
use dray_model::flow::Store;
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::query::Query;
use dray_model::{Error, ErrorKind, Result};

/// Records in one batch.
const BATCH_ROWS: usize = 8192;

/// Which records go out, and how they are written.
pub struct Export {
    /// The object.
    pub object: Arc<Object>,
    /// Which records.
    pub query: Query,
    /// Which columns.
    pub columns: Vec<ColumnIndex>,
    /// Under which names.
    pub output: Vec<OutputColumn>,
    /// As what.
    pub format: Format,
    /// How.
    pub options: WriteOptions,
}

impl Export {
    /// Writes the records of one consistent snapshot; returns how many there were. `should_stop` is asked
    /// before every batch, with the number of records read so far.
    pub fn write(
        self,
        store: &mut dyn Store,
        out: Box<dyn Write + Send>,
        should_stop: &dyn Fn(u64) -> bool,
    ) -> Result<u64> {
        store.prepare_object(&self.object)?;
        let rows = writer(self.format, self.output, &self.options, out)?;
        copy_records(store, &self.object, &self.query, &self.columns, rows, should_stop)
    }
}

/// Reads on this thread and writes on another, so that both are busy.
fn copy_records(
    store: &mut dyn Store,
    object: &Object,
    query: &Query,
    columns: &[ColumnIndex],
    mut rows: Box<dyn RowWriter>,
    should_stop: &dyn Fn(u64) -> bool,
) -> Result<u64> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<RecordBatch>(1);
        let writing = scope.spawn(move || {
            for batch in receiver {
                rows.write(&batch)?;
            }
            Ok(rows)
        });
        let mut count = 0_u64;
        let mut writer_ended = false;
        let read = store.read(object, query, columns, BATCH_ROWS, &mut |batch| {
            if should_stop(count) {
                return Err(Error::new(
                    ErrorKind::Interrupted,
                    "the export was stopped; no file was written",
                ));
            }
            count += batch.num_rows() as u64;
            writer_ended = sender.send(batch).is_err();
            if writer_ended { Err(Error::file("the writer has ended")) } else { Ok(()) }
        });
        drop(sender);
        let written = writing.join().unwrap_or_else(|_| {
            Err(Error::file("the writer failed").hint("this is a defect in Dray: please report it"))
        });
        // Where the writer ended first its own error says why.
        if !writer_ended {
            read?;
        }
        written.and_then(RowWriter::finish).map(|()| count)
    })
}

/// A column of the file, with what its format may make of the field's definition.
pub fn output_column(object: &Object, index: ColumnIndex, labels: bool) -> OutputColumn {
    let column = &object.columns[index];
    let mut output = OutputColumn::new(column.name.clone(), column.value_type);
    let Some(field) = object.field_of(index) else { return output };
    let definition = &field.definition;
    if labels && !definition.label.is_empty() {
        let part = column.part.as_deref().map_or(String::new(), |part| format!(" {part}"));
        output.name = format!("{}{part}", definition.label);
    }
    if !definition.multiple {
        output.choices = definition.choices.clone();
    }
    let scale = definition.scale.and_then(|scale| u8::try_from(scale).ok());
    output.decimal = scale.filter(|&scale| scale <= 38).map(|scale| (38, scale));
    output
}

/// What an export writes unless told otherwise: what an import can take back, and when it changed.
pub fn exported_columns(object: &Object) -> Vec<ColumnIndex> {
    let hidden = [SystemColumn::Version, SystemColumn::ImportId];
    (0..object.columns.len())
        .filter(|&column| object.columns[column].system.is_none_or(|system| !hidden.contains(&system)))
        .collect()
}
