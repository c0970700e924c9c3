//! The columns of a file to be written, in Parquet's own types: decimals as numbers, UUIDs as sixteen
//! bytes. Other types are already what Parquet stores.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Decimal128Array, FixedSizeBinaryArray, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use dray_model::problem::shown;
use dray_model::value::ValueType;
use dray_model::{Error, Result};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::{Type, TypePtr};

use crate::write::OutputColumn;

/// The most digits of a decimal that is stored as a number.
const MOST_DIGITS: u8 = 38;

/// The Arrow types the columns are stored from.
pub(super) fn arrow_schema(columns: &[OutputColumn]) -> Result<SchemaRef> {
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        let data_type = match (column.value_type, column.decimal) {
            (ValueType::Decimal, Some((digits, scale))) => {
                let scale_fits = i8::try_from(scale).ok().filter(|_| scale <= digits);
                let Some(scale) = scale_fits.filter(|_| (1..=MOST_DIGITS).contains(&digits)) else {
                    let message = format!(
                        "the column `{}` cannot have {digits} digits, {scale} of them decimals",
                        column.name
                    );
                    return Err(Error::request(message).hint(format!(
                        "a decimal has 1 to {MOST_DIGITS} digits, and no more decimals than digits"
                    )));
                };
                DataType::Decimal128(digits, scale)
            }
            (ValueType::Uuid, _) => DataType::FixedSizeBinary(16),
            (value_type, _) => value_type.arrow(),
        };
        fields.push(Field::new(&column.name, data_type, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The schema that stands in the file.
pub(super) fn parquet_schema(columns: &[OutputColumn], arrow: &Schema) -> ParquetResult<TypePtr> {
    let converted = ArrowSchemaConverter::new().convert(arrow)?;
    let mut fields = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(converted.root_schema().get_fields()) {
        let optional = |physical| {
            Type::primitive_type_builder(&column.name, physical).with_repetition(Repetition::OPTIONAL)
        };
        fields.push(match column.value_type {
            ValueType::Uuid => Arc::new(
                optional(PhysicalType::FIXED_LEN_BYTE_ARRAY)
                    .with_length(16)
                    .with_logical_type(Some(LogicalType::Uuid))
                    .build()?,
            ),
            ValueType::Json => Arc::new(
                optional(PhysicalType::BYTE_ARRAY)
                    .with_logical_type(Some(LogicalType::Json))
                    .with_converted_type(ConvertedType::JSON)
                    .build()?,
            ),
            _ => Arc::clone(field),
        });
    }
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?))
}

/// The values of a column as they are stored. `rows_before` is how many rows were written already.
pub(super) fn stored(column: &OutputColumn, array: &ArrayRef, rows_before: u64) -> Result<ArrayRef> {
    let refused = |row: usize, text: &str, why: &str| {
        let row_number = rows_before + row as u64 + 1;
        let (name, text) = (&column.name, shown(text));
        Error::request(format!("`{text}` in row {row_number} of the column `{name}` {why}"))
    };
    match (column.value_type, column.decimal) {
        (ValueType::Decimal, Some((digits, scale))) => {
            let texts = array.as_string::<i32>();
            let mut numbers = Vec::with_capacity(texts.len());
            for (row, text) in texts.iter().enumerate() {
                let number = text.map(|text| {
                    unscaled(text, digits, scale).ok_or_else(|| {
                        refused(row, text, &format!("is no number of {digits} digits with {scale} decimals"))
                            .hint("give the column more digits or decimals; nothing is rounded")
                    })
                });
                numbers.push(number.transpose()?);
            }
            let numbers = Decimal128Array::from(numbers)
                .with_precision_and_scale(digits, i8::try_from(scale).unwrap_or_default())
                .map_err(|cause| Error::request("the decimals cannot be stored").because(cause))?;
            Ok(Arc::new(numbers))
        }
        (ValueType::Uuid, _) => {
            let texts: &StringArray = array.as_string::<i32>();
            let mut bytes = Vec::with_capacity(texts.len());
            for (row, text) in texts.iter().enumerate() {
                let uuid = text.map(|text| uuid_bytes(text).ok_or_else(|| refused(row, text, "is no UUID")));
                bytes.push(uuid.transpose()?);
            }
            let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.into_iter(), 16)
                .map_err(|cause| Error::request("the UUIDs cannot be stored").because(cause))?;
            Ok(Arc::new(array))
        }
        _ => Ok(Arc::clone(array)),
    }
}

/// The number without its point: `-1.5` with a scale of 2 is -150. `None` where it does not fit exactly.
fn unscaled(text: &str, digits: u8, scale: u8) -> Option<i128> {
    let (is_negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let decimals = decimals.trim_end_matches('0');
    let missing = usize::from(scale).checked_sub(decimals.len())?;
    let mut unscaled = 0_i128;
    let zeros = std::iter::repeat_n(b'0', missing);
    for digit in whole.bytes().chain(decimals.bytes()).chain(zeros) {
        if !digit.is_ascii_digit() {
            return None;
        }
        unscaled = unscaled.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let fits = !whole.is_empty() && unscaled < 10_i128.pow(u32::from(digits));
    fits.then_some(if is_negative { -unscaled } else { unscaled })
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut rest = text.as_bytes();
    for (index, byte) in bytes.iter_mut().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            rest = rest.strip_prefix(b"-")?;
        }
        let (pair, behind) = rest.split_first_chunk::<2>()?;
        let digit = |index: usize| char::from(*pair.get(index)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        rest = behind;
    }
    rest.is_empty().then_some(bytes)
}
