//! Columns as both drivers see them: typed views of the arrays they write, builders of those they read.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use dray_model::Result;
use dray_model::object::{ColumnIndex, Object};
use dray_model::value::{UTC, ValueType};

use crate::errors;

/// What a driver must know of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredColumn {
    /// Name in the table.
    pub(crate) name: String,
    /// Type of its values.
    pub(crate) value_type: ValueType,
    /// Decimals a decimal is written with.
    pub(crate) scale: Option<u32>,
}

impl StoredColumn {
    /// A column of one of Dray's own tables.
    pub(crate) fn new(name: &str, value_type: ValueType) -> Self {
        Self { name: name.to_owned(), value_type, scale: None }
    }

    /// A column of an object.
    pub(crate) fn of(object: &Object, index: ColumnIndex) -> Self {
        let column = &object.columns[index];
        let scale = object.field_of(index).and_then(|field| field.definition.scale);
        Self { name: column.name.clone(), value_type: column.value_type, scale }
    }
}

/// A column array seen through its type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    /// Text, decimals, UUIDs and JSON.
    Text(&'a StringArray),
    Integer(&'a Int64Array),
    Boolean(&'a BooleanArray),
    Date(&'a Date32Array),
    DateTime(&'a TimestampMicrosecondArray),
    Time(&'a Time64MicrosecondArray),
}

impl<'a> Values<'a> {
    /// Sees `array` as values of `column`; an error where it is of another type.
    pub(crate) fn of(column: &StoredColumn, array: &'a ArrayRef) -> Result<Self> {
        let array = array.as_any();
        let values = match column.value_type {
            ValueType::Text | ValueType::Decimal | ValueType::Uuid | ValueType::Json => {
                array.downcast_ref().map(Self::Text)
            }
            ValueType::Integer => array.downcast_ref().map(Self::Integer),
            ValueType::Boolean => array.downcast_ref().map(Self::Boolean),
            ValueType::Date => array.downcast_ref().map(Self::Date),
            ValueType::DateTime => array.downcast_ref().map(Self::DateTime),
            ValueType::Time => array.downcast_ref().map(Self::Time),
        };
        values.ok_or_else(|| errors::wrong_array(&column.name, &column.value_type))
    }

    /// Sees all columns of a batch.
    pub(crate) fn of_all(columns: &[StoredColumn], arrays: &'a [ArrayRef]) -> Result<Vec<Self>> {
        columns.iter().zip(arrays).map(|(column, array)| Self::of(column, array)).collect()
    }
}

/// A batch with so much text is handed on, however few rows it has.
const MOST_TEXT_BYTES: usize = 2 << 20;
/// After how many rows the text is counted.
const LOOK_ROWS: usize = 8;

/// Builds one column of a batch that is read.
#[derive(Debug)]
pub(crate) enum ColumnBuilder {
    /// Text, decimals, UUIDs and JSON.
    Text(StringBuilder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    DateTime(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
}

impl ColumnBuilder {
    fn new(value_type: ValueType) -> Self {
        match value_type {
            ValueType::Text | ValueType::Decimal | ValueType::Uuid | ValueType::Json => {
                Self::Text(StringBuilder::new())
            }
            ValueType::Integer => Self::Integer(Int64Builder::new()),
            ValueType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ValueType::Date => Self::Date(Date32Builder::new()),
            ValueType::DateTime => Self::DateTime(TimestampMicrosecondBuilder::new().with_timezone(UTC)),
            ValueType::Time => Self::Time(Time64MicrosecondBuilder::new()),
        }
    }

    /// Appends an empty cell.
    pub(crate) fn append_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::DateTime(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            // Finishing takes the time zone along; the next batch needs it again.
            Self::DateTime(builder) => Arc::new(builder.finish().with_timezone(UTC)),
            Self::Time(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The columns of a batch that is read, and how many rows it has so far.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    /// One builder for each column asked for.
    pub(crate) columns: Vec<ColumnBuilder>,
    /// Rows appended since the last batch.
    pub(crate) rows: usize,
}

impl BatchBuilder {
    /// A builder of batches with these columns.
    pub(crate) fn new(columns: &[StoredColumn]) -> Self {
        let columns = columns.iter().map(|column| ColumnBuilder::new(column.value_type)).collect();
        Self { columns, rows: 0 }
    }

    /// True where the batch has enough rows, or long ones: memory does not grow with the length of cells.
    pub(crate) fn is_full(&self, most_rows: usize) -> bool {
        self.rows >= most_rows
            || (self.rows.is_multiple_of(LOOK_ROWS) && self.text_bytes() >= MOST_TEXT_BYTES)
    }

    fn text_bytes(&self) -> usize {
        let bytes = |column: &ColumnBuilder| match column {
            ColumnBuilder::Text(builder) => builder.values_slice().len(),
            _ => 0,
        };
        self.columns.iter().map(bytes).sum()
    }

    /// Hands the rows so far on, and begins anew.
    pub(crate) fn finish(&mut self) -> ReadBatch {
        let rows = std::mem::take(&mut self.rows);
        ReadBatch { columns: self.columns.iter_mut().map(ColumnBuilder::finish).collect(), rows }
    }
}

/// Rows read, column by column.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    /// One array for each column asked for.
    pub(crate) columns: Vec<ArrayRef>,
    /// How many rows.
    pub(crate) rows: usize,
}

/// True where `text` is a UUID in its hyphenated form.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
