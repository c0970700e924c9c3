//! Records as columns: sheets of a workbook, and Parquet with a type for each kind.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, RecordBatch, StringArray, StructArray, Time64MicrosecondArray,
    TimestampNanosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use dray_engine::expression::value::Record;
use dray_engine::expression::{Decimal, Schema, Type, Value};
use dray_engine::pipeline::rest::append_json;
use dray_formats::{Format, OutputColumn, ParquetFile, RowWriter, WriteOptions, writer};
use dray_model::value::{ValueType, column_from_text};
use dray_model::{Error, Result};

use super::RecordWriter;

/// The most digits of a decimal that columns of decimals hold.
const MOST_DIGITS: u32 = 38;

fn text_of(value: &Value, kind: &Type) -> Option<String> {
    let mut text = String::new();
    match value {
        Value::Null => return None,
        Value::Json(json) => text.push_str(&json.to_string()),
        Value::Array(_) | Value::Object(_) | Value::Map(_) => append_json(value, kind, &mut text),
        value => {
            value.append_text(Some(kind), &mut text);
        }
    }
    Some(text)
}

fn cannot(cause: arrow_schema::ArrowError) -> Error {
    Error::request("the profiles do not fit the columns of the file").because(cause)
}

/// Writes a workbook.
pub struct SheetRecords {
    rows: Box<dyn RowWriter>,
    kinds: Vec<Type>,
    schema: SchemaRef,
}

fn cell_type(kind: &Type) -> ValueType {
    match kind {
        Type::Boolean => ValueType::Boolean,
        Type::Int(int) if !(int.unsigned && int.bit_size == 64) => ValueType::Integer,
        Type::Year => ValueType::Integer,
        Type::Int(_) | Type::Float(_) | Type::Decimal(_) => ValueType::Decimal,
        Type::DateTime => ValueType::DateTime,
        Type::Date => ValueType::Date,
        Type::Time => ValueType::Time,
        _ => ValueType::Text,
    }
}

impl SheetRecords {
    /// Writes the header.
    pub fn new(schema: &Schema, sheet: &str, out: Box<dyn Write + Send>) -> Result<Self> {
        let kinds: Vec<Type> = schema.properties.iter().map(|property| property.kind.clone()).collect();
        let columns = schema
            .properties
            .iter()
            .map(|property| OutputColumn::new(property.name.clone(), cell_type(&property.kind)));
        let fields: Vec<Field> = schema
            .properties
            .iter()
            .map(|property| Field::new(property.name.clone(), cell_type(&property.kind).arrow(), true))
            .collect();
        let options = WriteOptions { title: Some(sheet.to_owned()), ..WriteOptions::default() };
        let rows = writer(Format::Xlsx, columns.collect(), &options, out)?;
        Ok(Self { rows, kinds, schema: Arc::new(ArrowSchema::new(fields)) })
    }
}

/// The text of a cell as columns of its type take it.
fn cell_text(value: &Value, kind: &Type) -> Option<String> {
    match value {
        Value::Float(number) if !number.is_finite() => None,
        Value::Float(number) => Some(number.to_string()),
        value => dray_engine::pipeline::stored::stored_text(value, kind),
    }
}

impl RecordWriter for SheetRecords {
    fn write(&mut self, records: &[Record]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let columns = self.kinds.iter().enumerate().map(|(index, kind)| {
            let texts: Vec<Option<String>> = records
                .iter()
                .map(|record| record.get(index)?.as_ref().and_then(|value| cell_text(value, kind)))
                .collect();
            column_from_text(cell_type(kind), texts.iter().map(Option::as_deref))
        });
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect()).map_err(cannot)?;
        self.rows.write(&batch)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.rows.finish()
    }
}

/// Writes Parquet.
pub struct ParquetRecords {
    file: ParquetFile,
    schema: Schema,
    arrow: SchemaRef,
}

fn data_type(kind: &Type) -> DataType {
    match kind {
        Type::Boolean => DataType::Boolean,
        Type::Int(int) => match (int.bit_size, int.unsigned) {
            (8, false) => DataType::Int8,
            (16, false) => DataType::Int16,
            (64, false) => DataType::Int64,
            (_, false) => DataType::Int32,
            (8, true) => DataType::UInt8,
            (16, true) => DataType::UInt16,
            (64, true) => DataType::UInt64,
            (_, true) => DataType::UInt32,
        },
        Type::Float(float) if float.bit_size == 32 => DataType::Float32,
        Type::Float(_) => DataType::Float64,
        Type::Decimal(decimal) if decimal.precision <= MOST_DIGITS => DataType::Decimal128(
            u8::try_from(decimal.precision).unwrap_or(38),
            i8::try_from(decimal.scale).unwrap_or(0),
        ),
        Type::DateTime => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Type::Date => DataType::Date32,
        Type::Time => DataType::Time64(TimeUnit::Microsecond),
        Type::Year => DataType::Int32,
        Type::Uuid => DataType::FixedSizeBinary(16),
        Type::Object(schema) => DataType::Struct(fields(schema).into()),
        _ => DataType::Utf8,
    }
}

fn fields(schema: &Schema) -> Vec<Field> {
    let field = |property: &dray_engine::expression::Property| {
        Field::new(property.name.clone(), data_type(&property.kind), true)
    };
    schema.properties.iter().map(field).collect()
}

/// The number of a decimal without its point.
fn unscaled(decimal: &Decimal, scale: u32) -> Option<i128> {
    let text = decimal.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let width = usize::try_from(scale).ok()?;
    let zeros = width.checked_sub(decimals.len())?;
    format!("{whole}{decimals}{}", "0".repeat(zeros)).parse().ok()
}

fn whole<T: TryFrom<i128>>(value: Option<&Value>) -> Option<T> {
    match value {
        Some(Value::Int(number)) => T::try_from(*number).ok(),
        _ => None,
    }
}

fn array_of(kind: &Type, values: &[Option<&Value>]) -> Result<ArrayRef> {
    macro_rules! whole_numbers {
        ($array:ident) => {
            Arc::new(values.iter().map(|value| whole(*value)).collect::<$array>()) as ArrayRef
        };
    }
    Ok(match kind {
        Type::Boolean => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Some(Value::Boolean(value)) => Some(*value),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        Type::Int(int) => match (int.bit_size, int.unsigned) {
            (8, false) => whole_numbers!(Int8Array),
            (16, false) => whole_numbers!(Int16Array),
            (64, false) => whole_numbers!(Int64Array),
            (_, false) => whole_numbers!(Int32Array),
            (8, true) => whole_numbers!(UInt8Array),
            (16, true) => whole_numbers!(UInt16Array),
            (64, true) => whole_numbers!(UInt64Array),
            (_, true) => whole_numbers!(UInt32Array),
        },
        Type::Year => whole_numbers!(Int32Array),
        Type::Float(float) => {
            let number = |value: &Option<&Value>| match value {
                Some(Value::Float(number)) => Some(*number),
                _ => None,
            };
            if float.bit_size == 32 {
                #[expect(clippy::cast_possible_truncation, reason = "the property is of this size")]
                let numbers = values.iter().map(|value| number(value).map(|number| number as f32));
                Arc::new(numbers.collect::<Float32Array>())
            } else {
                Arc::new(values.iter().map(number).collect::<Float64Array>())
            }
        }
        Type::Decimal(decimal) if decimal.precision <= MOST_DIGITS => {
            let number = |value: &Option<&Value>| match value {
                Some(Value::Decimal(number)) => unscaled(number, decimal.scale),
                _ => None,
            };
            let precision = u8::try_from(decimal.precision).unwrap_or(38);
            let scale = i8::try_from(decimal.scale).unwrap_or(0);
            let array = values.iter().map(number).collect::<Decimal128Array>();
            Arc::new(array.with_precision_and_scale(precision, scale).map_err(cannot)?)
        }
        Type::DateTime => {
            let mut nanos = Vec::with_capacity(values.len());
            for value in values {
                nanos.push(match value {
                    Some(Value::DateTime(value)) => Some(i64::try_from(*value).map_err(|_| {
                        Error::request("a time before 1678 or after 2262 cannot be written to Parquet")
                            .hint("leave the property out, or export CSV or JSON")
                    })?),
                    _ => None,
                });
            }
            Arc::new(TimestampNanosecondArray::from(nanos).with_timezone("UTC"))
        }
        Type::Date => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Some(Value::Date(days)) => i32::try_from(*days).ok(),
                    _ => None,
                })
                .collect::<Date32Array>(),
        ),
        Type::Time => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Some(Value::Time(nanos)) => Some(nanos / 1_000),
                    _ => None,
                })
                .collect::<Time64MicrosecondArray>(),
        ),
        Type::Uuid => {
            let mut builder = FixedSizeBinaryBuilder::with_capacity(values.len(), 16);
            for value in values {
                match value {
                    Some(Value::Uuid(bytes)) => builder.append_value(bytes).map_err(cannot)?,
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        Type::Object(schema) => {
            let mut columns = Vec::with_capacity(schema.properties.len());
            for (index, property) in schema.properties.iter().enumerate() {
                let inner: Vec<Option<&Value>> = values
                    .iter()
                    .map(|value| match value {
                        Some(Value::Object(record)) => record.get(index)?.as_ref(),
                        _ => None,
                    })
                    .collect();
                columns.push(array_of(&property.kind, &inner)?);
            }
            Arc::new(StructArray::try_new(fields(schema).into(), columns, None).map_err(cannot)?)
        }
        kind => {
            let mut builder = StringBuilder::new();
            for value in values {
                builder.append_option(value.and_then(|value| text_of(value, kind)));
            }
            Arc::new(builder.finish()) as Arc<StringArray>
        }
    })
}

impl ParquetRecords {
    /// Begins the file.
    pub fn new(schema: &Schema, out: Box<dyn Write + Send>) -> Result<Self> {
        let arrow: SchemaRef = Arc::new(ArrowSchema::new(fields(schema)));
        Ok(Self { file: ParquetFile::new(Arc::clone(&arrow), out)?, schema: schema.clone(), arrow })
    }
}

impl RecordWriter for ParquetRecords {
    fn write(&mut self, records: &[Record]) -> Result<()> {
        let mut columns = Vec::with_capacity(self.schema.properties.len());
        for (index, property) in self.schema.properties.iter().enumerate() {
            let values: Vec<Option<&Value>> =
                records.iter().map(|record| record.get(index)?.as_ref()).collect();
            columns.push(array_of(&property.kind, &values)?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.arrow), columns).map_err(cannot)?;
        self.file.write(&batch)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.file.finish()
    }
}
