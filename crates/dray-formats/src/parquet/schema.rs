//! The columns of a file: what each is called, what its values mean, and how the decoder is asked to
//! hand them over.
//!
//! Everything stored as bytes is asked for as bytes that point into the unpacked pages. A small file may
//! repeat a large text a million times; so it is never written out more than once, and text that is none
//! is a problem of its row instead of the end of the reading.

use std::slice::Iter;
use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, Fields, Schema, TimeUnit};
use dray_model::value::ValueType;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor, Type};

use super::ParquetKind;
use super::scalar::{Leaf, value_type};

/// What the values of a column, or of a part of one, are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Leaf(Leaf),
    List(Box<Shape>),
    Map(Box<Shape>, Box<Shape>),
    Struct(Vec<(String, Shape)>),
}

/// A column of the table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) data_type: DataType,
    /// Where in the schema it stands, counting only columns of the table.
    pub(super) root: usize,
    /// The stored columns it is made of.
    pub(super) leaves: Vec<usize>,
}

impl Column {
    /// The type of its cells, where all are in its canonical text.
    pub(super) fn value_type(&self) -> Option<ValueType> {
        match &self.shape {
            Shape::Leaf(leaf) => value_type(*leaf, &self.data_type),
            _ => Some(ValueType::Json),
        }
    }

    /// What its values are, for whoever wants to know more than the type of its cells.
    pub(super) fn kind(&self) -> ParquetKind {
        use DataType as D;
        let Shape::Leaf(leaf) = &self.shape else { return ParquetKind::Json };
        let decimal = |precision: u8, scale: i8| ParquetKind::Decimal {
            precision: u32::from(precision).max(1),
            scale: u32::try_from(scale).unwrap_or(0),
        };
        match leaf {
            Leaf::Text | Leaf::Bytes => return ParquetKind::Text,
            Leaf::Json => return ParquetKind::Json,
            Leaf::Uuid => return ParquetKind::Uuid,
            Leaf::Interval => return ParquetKind::Unsupported,
            Leaf::Decimal(scale) => {
                return ParquetKind::Decimal { precision: 76, scale: u32::try_from(*scale).unwrap_or(0) };
            }
            Leaf::Typed => {}
        }
        match &self.data_type {
            D::Boolean => ParquetKind::Boolean,
            D::Int8 => ParquetKind::Int { bits: 8, unsigned: false },
            D::Int16 => ParquetKind::Int { bits: 16, unsigned: false },
            D::Int32 => ParquetKind::Int { bits: 32, unsigned: false },
            D::Int64 => ParquetKind::Int { bits: 64, unsigned: false },
            D::UInt8 => ParquetKind::Int { bits: 8, unsigned: true },
            D::UInt16 => ParquetKind::Int { bits: 16, unsigned: true },
            D::UInt32 => ParquetKind::Int { bits: 32, unsigned: true },
            D::UInt64 => ParquetKind::Int { bits: 64, unsigned: true },
            D::Float16 | D::Float32 => ParquetKind::Float { bits: 32 },
            D::Float64 => ParquetKind::Float { bits: 64 },
            D::Decimal32(precision, scale)
            | D::Decimal64(precision, scale)
            | D::Decimal128(precision, scale)
            | D::Decimal256(precision, scale) => decimal(*precision, *scale),
            D::Date32 | D::Date64 => ParquetKind::Date,
            D::Time32(_) | D::Time64(_) => ParquetKind::Time,
            D::Timestamp(..) => ParquetKind::DateTime,
            _ => ParquetKind::Unsupported,
        }
    }
}

/// The columns of a file and how it is read.
pub(super) fn load(footer: &[u8]) -> Result<(Vec<Column>, ArrowReaderMetadata)> {
    let stored = ParquetMetaDataReader::decode_schema(footer)?;
    let plain = SchemaDescriptor::new(Arc::new(without_meaning(stored.root_schema())?));
    let options = ParquetMetaDataOptions::new()
        .with_schema(Arc::new(plain))
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let metadata = ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options))?;
    // Programs that write Parquet from Arrow keep its schema beside, which knows a little more. It must
    // fit, or is left aside.
    let hints = metadata.file_metadata().key_value_metadata();
    let schema =
        parquet_to_arrow_schema(&stored, hints).or_else(|_| parquet_to_arrow_schema(&stored, None))?;
    let mut leaves = stored.columns().iter();
    let fields: Fields =
        schema.fields().iter().map(|field| plain_field(field, &mut leaves)).collect::<Result<_>>()?;
    let mut leaves = stored.columns().iter();
    let mut columns = Vec::new();
    for field in &fields {
        let first = stored.num_columns() - leaves.len();
        let shape = shape_of(field.data_type(), &mut leaves)?;
        let behind = stored.num_columns() - leaves.len();
        columns.push(Column {
            name: field.name().clone(),
            shape,
            data_type: field.data_type().clone(),
            root: stored.get_column_root_idx(first),
            leaves: (first..behind).collect(),
        });
    }
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    Ok((columns, ArrowReaderMetadata::try_new(Arc::new(metadata), options)?))
}

/// The same schema with everything that is stored as bytes being nothing but bytes.
fn without_meaning(stored: &Type) -> Result<Type> {
    let info = stored.get_basic_info();
    let id = info.has_id().then(|| info.id());
    match stored {
        Type::PrimitiveType { physical_type, type_length, .. } => {
            if leaf_of(info.logical_type_ref(), info.converted_type(), *physical_type, 0) == Leaf::Typed {
                return Ok(stored.clone());
            }
            Type::primitive_type_builder(info.name(), *physical_type)
                .with_repetition(info.repetition())
                .with_length(*type_length)
                .with_id(id)
                .build()
        }
        Type::GroupType { fields, .. } => {
            let fields =
                fields.iter().map(|field| without_meaning(field).map(Arc::new)).collect::<Result<_>>()?;
            let mut group = Type::group_type_builder(info.name())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_converted_type(info.converted_type())
                .with_fields(fields)
                .with_id(id);
            if info.has_repetition() {
                group = group.with_repetition(info.repetition());
            }
            group.build()
        }
    }
}

fn leaf_of(
    logical: Option<&LogicalType>,
    converted: ConvertedType,
    physical: PhysicalType,
    scale: i32,
) -> Leaf {
    let is_fixed = match physical {
        PhysicalType::BYTE_ARRAY => false,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => true,
        _ => return Leaf::Typed,
    };
    match (logical, converted) {
        (Some(LogicalType::String | LogicalType::Enum), _)
        | (None, ConvertedType::UTF8 | ConvertedType::ENUM) => Leaf::Text,
        (Some(LogicalType::Json), _) | (None, ConvertedType::JSON) => Leaf::Json,
        (Some(LogicalType::Decimal(decimal)), _) => Leaf::Decimal(decimal.scale),
        (None, ConvertedType::DECIMAL) => Leaf::Decimal(scale),
        (Some(LogicalType::Uuid), _) if is_fixed => Leaf::Uuid,
        (Some(LogicalType::Float16), _) if is_fixed => Leaf::Typed,
        (None, ConvertedType::INTERVAL) if is_fixed => Leaf::Interval,
        _ => Leaf::Bytes,
    }
}

fn leaf_of_column(column: &ColumnDescPtr) -> Leaf {
    let (logical, physical) = (column.logical_type_ref(), column.physical_type());
    // A scale is asked for only where there is one: the others have none to give.
    let scale = if column.converted_type() == ConvertedType::DECIMAL { column.type_scale() } else { 0 };
    leaf_of(logical, column.converted_type(), physical, scale)
}

fn missing_leaf() -> ParquetError {
    ParquetError::General("the schema has fewer columns than it says".into())
}

/// The field in the types this reader asks for; takes the stored columns it is made of.
fn plain_field(field: &FieldRef, leaves: &mut Iter<'_, ColumnDescPtr>) -> Result<FieldRef> {
    let data_type = plain_type(field.data_type(), leaves)?;
    Ok(Arc::new(field.as_ref().clone().with_data_type(data_type)))
}

fn plain_type(data_type: &DataType, leaves: &mut Iter<'_, ColumnDescPtr>) -> Result<DataType> {
    Ok(match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::List(plain_field(item, leaves)?),
        DataType::Map(entries, is_sorted) => DataType::Map(plain_field(entries, leaves)?, *is_sorted),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| plain_field(field, leaves)).collect::<Result<_>>()?)
        }
        DataType::Dictionary(_, value) => plain_type(value, leaves)?,
        DataType::RunEndEncoded(_, value) => plain_type(value.data_type(), leaves)?,
        _ => {
            let column = leaves.next().ok_or_else(missing_leaf)?;
            match (leaf_of_column(column), column.physical_type(), data_type) {
                // Nanoseconds would end in the year 2262.
                (Leaf::Typed, PhysicalType::INT96, DataType::Timestamp(_, zone)) => {
                    DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
                }
                (Leaf::Typed, ..) => data_type.clone(),
                (_, PhysicalType::FIXED_LEN_BYTE_ARRAY, _) => DataType::FixedSizeBinary(column.type_length()),
                _ => DataType::BinaryView,
            }
        }
    })
}

fn shape_of(data_type: &DataType, leaves: &mut Iter<'_, ColumnDescPtr>) -> Result<Shape> {
    Ok(match data_type {
        DataType::List(item) => Shape::List(Box::new(shape_of(item.data_type(), leaves)?)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let mut parts = fields.iter().map(|field| shape_of(field.data_type(), leaves));
                let mut part = || parts.next().ok_or_else(missing_leaf)?;
                Shape::Map(Box::new(part()?), Box::new(part()?))
            }
            _ => return Err(ParquetError::General("a map has no keys or no values".into())),
        },
        DataType::Struct(fields) => {
            let member = |field: &FieldRef| Ok((field.name().clone(), shape_of(field.data_type(), leaves)?));
            Shape::Struct(fields.iter().map(member).collect::<Result<_>>()?)
        }
        _ => Shape::Leaf(leaf_of_column(leaves.next().ok_or_else(missing_leaf)?)),
    })
}
