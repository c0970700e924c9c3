//! What a function returned on its way back into records: each value is checked against the type of its
//! property, as the language of the function has values of that type. Messages begin with the path.

mod native;

use std::borrow::Cow;

use dray_engine::expression::clock::parse_rfc3339;
use dray_engine::expression::convert::convert;
use dray_engine::expression::types::{ArrayType, MOST_ELEMENTS};
use dray_engine::expression::value::Record;
use dray_engine::expression::{FailedStep, Json, Property, RepeatedMember, Schema, Type, Value};
use dray_engine::pipeline::function::{FailedRecord, Language};
use dray_model::problem::shown;

use crate::wire::{Item, Reader};

/// How deep returned values may nest.
const MOST_DEPTH: usize = 128;

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

/// Why a value is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is not what the property needs.
    Value(String),
    /// What came is not the format: the other process does not behave.
    Malformed,
}

/// How values are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taker {
    pub(crate) language: Language,
    pub(crate) preserve_json: bool,
}

impl Taker {
    /// The result for one record; `None` where it is malformed.
    pub(crate) fn take_record(
        &self,
        schema: &Schema,
        reader: &mut Reader<'_>,
    ) -> Option<Result<Record, FailedRecord>> {
        let mut rest = reader.clone();
        match reader.next()? {
            Item::Members => {}
            Item::Other(_, message) => {
                let message = message.to_owned();
                return Some(Err(FailedRecord { step: FailedStep::Transformation, message }));
            }
            _ => return None,
        }
        let mut path = String::new();
        match self.take_object(schema, reader, &mut path, 0) {
            Ok(record) => Some(Ok(record)),
            Err(Refused::Malformed) => None,
            Err(Refused::Value(message)) => {
                rest.skip()?;
                *reader = rest;
                let message = format!("{path}: {message}");
                Some(Err(FailedRecord { step: FailedStep::OutputValidation, message }))
            }
        }
    }

    /// The members of an object. On a mistake the path is left where it is.
    fn take_object(
        &self,
        schema: &Schema,
        reader: &mut Reader<'_>,
        path: &mut String,
        depth: usize,
    ) -> Result<Record, Refused> {
        let mut record: Record = vec![None; schema.properties.len()];
        let mut expected = 0;
        let length = path.len();
        while let Some(name) = member_name(reader)? {
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            // Most functions return the properties in their order.
            let in_order = schema.properties.get(expected).filter(|property| property.name == name);
            let found = in_order.map(|property| (expected, property)).or_else(|| schema.find(name));
            let Some((index, property)) = found else {
                return Err(Refused::Value("there is no such property among those it may return".to_owned()));
            };
            expected = index + 1;
            let item = reader.next().ok_or(Refused::Malformed)?;
            let value = self.take_property(property, item, reader, path, depth)?;
            if let Some(place) = record.get_mut(index) {
                *place = value;
            }
            path.truncate(length);
        }
        Ok(record)
    }

    fn take_property(
        &self,
        property: &Property,
        item: Item<'_>,
        reader: &mut Reader<'_>,
        path: &mut String,
        depth: usize,
    ) -> Result<Option<Value>, Refused> {
        if item == Item::Null && (property.kind != Type::Json || self.preserve_json) {
            return Ok(property.nullable.then_some(Value::Null));
        }
        self.take_value(&property.kind, item, reader, path, depth + 1).map(Some)
    }

    fn take_value(
        &self,
        kind: &Type,
        item: Item<'_>,
        reader: &mut Reader<'_>,
        path: &mut String,
        depth: usize,
    ) -> Result<Value, Refused> {
        if depth > MOST_DEPTH {
            return Err(Refused::Value(format!("there are more than {MOST_DEPTH} levels of values")));
        }
        if item == Item::NoUnicode {
            return Err(Refused::Value(
                "the text has half of a surrogate pair, which is no Unicode".to_owned(),
            ));
        }
        let value = match (kind, &item) {
            (Type::Json, _) if !self.preserve_json => {
                return self.take_json(item, reader, depth).map(Value::Json);
            }
            (Type::Array(array), Item::List(length)) => {
                return self.take_array(kind, array, *length, reader, path, depth);
            }
            (Type::Object(schema), Item::Members) => {
                return self.take_object(schema, reader, path, depth).map(Value::Object);
            }
            (Type::Map(element), Item::Members) => {
                return self.take_map(element, reader, path, depth);
            }
            (Type::Boolean, Item::Boolean(value)) => return Ok(Value::Boolean(*value)),
            (Type::Int(_) | Type::Year, _) => self.whole(kind, &item).map(Value::Int),
            (Type::Float(_), _) => self.float(&item).map(Value::Float),
            (Type::Boolean | Type::Array(_) | Type::Object(_) | Type::Map(_), _) => None,
            (_, item) => match self.text_of(item) {
                Some(text) => Some(self.of_text(kind, text)?),
                None => None,
            },
        };
        let value = value.ok_or_else(|| Refused::Value(self.not_of(kind, &item)))?;
        constrained(value, kind)
    }

    /// A value of a kind that is handed over as text.
    fn of_text(&self, kind: &Type, text: &str) -> Result<Value, Refused> {
        let cannot = |what: &str| Refused::Value(format!("`{}` cannot be read as {what}", shown(text)));
        let python = self.language == Language::Python;
        Ok(match kind {
            Type::DateTime if python => {
                // Without a zone; with a blank where ISO 8601 has a T.
                let with_zone = format!("{}Z", text.replacen(' ', "T", 1));
                Value::DateTime(
                    parse_rfc3339(&with_zone).ok_or_else(|| cannot("a datetime.datetime without a zone"))?,
                )
            }
            Type::Time => {
                let nanos = parse_rfc3339(&format!("1970-01-01T{text}Z"))
                    .filter(|nanos| (0..NANOS_PER_DAY).contains(nanos))
                    .ok_or_else(|| cannot("a time (hh:mm:ss)"))?;
                Value::Time(i64::try_from(nanos).unwrap_or(0))
            }
            Type::Date => {
                let nanos = parse_rfc3339(&format!("{text}T00:00:00Z"))
                    .ok_or_else(|| cannot("a date (YYYY-MM-DD)"))?;
                Value::Date(i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).unwrap_or(0))
            }
            Type::Json => {
                let json = Json::parse(text, RepeatedMember::LastCounts)
                    .map_err(|why| Refused::Value(format!("the text is not valid JSON: {why}")))?;
                Value::Json(json)
            }
            _ if text.is_empty() && !matches!(kind, Type::String(_)) => return Err(cannot(kind.kind())),
            _ => Value::Text(text.to_owned()),
        })
    }

    fn take_array(
        &self,
        kind: &Type,
        array: &ArrayType,
        length: usize,
        reader: &mut Reader<'_>,
        path: &mut String,
        depth: usize,
    ) -> Result<Value, Refused> {
        let mut elements = Vec::new();
        let before = path.len();
        for index in 0..length {
            let item = reader.next().ok_or(Refused::Malformed)?;
            path.push_str(&format!("[{index}]"));
            elements.push(self.take_element(&array.element, item, reader, path, depth)?);
            path.truncate(before);
        }
        let elements = Value::Array(elements);
        if array.min_elements == 0 && array.max_elements == MOST_ELEMENTS && !array.unique {
            return Ok(elements);
        }
        constrained(elements, kind)
    }

    fn take_map(
        &self,
        element: &Type,
        reader: &mut Reader<'_>,
        path: &mut String,
        depth: usize,
    ) -> Result<Value, Refused> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        let before = path.len();
        while let Some(name) = member_name(reader)? {
            path.push('.');
            path.push_str(name);
            let item = reader.next().ok_or(Refused::Malformed)?;
            entries.push((name.to_owned(), self.take_element(element, item, reader, path, depth)?));
            path.truncate(before);
        }
        Ok(Value::Map(native::last_of_each(entries)))
    }

    fn take_element(
        &self,
        kind: &Type,
        item: Item<'_>,
        reader: &mut Reader<'_>,
        path: &mut String,
        depth: usize,
    ) -> Result<Value, Refused> {
        if item == Item::Null && (*kind != Type::Json || self.preserve_json) {
            return Err(Refused::Value(self.not_of(kind, &item)));
        }
        self.take_value(kind, item, reader, path, depth + 1)
    }
}

/// The name of the next member, `None` at the end.
fn member_name<'w>(reader: &mut Reader<'w>) -> Result<Option<&'w str>, Refused> {
    match reader.next().ok_or(Refused::Malformed)? {
        Item::Nothing => Ok(None),
        Item::Text(name) => Ok(Some(name)),
        Item::NoUnicode => Err(Refused::Value("the name of a property is no Unicode".to_owned())),
        _ => Err(Refused::Malformed),
    }
}

/// The value where it keeps the constraints of its type.
fn constrained(value: Value, kind: &Type) -> Result<Value, Refused> {
    if matches!(&value, Value::DateTime(_) | Value::Date(_) | Value::Time(_) | Value::Json(_)) {
        return Ok(value);
    }
    let empty = matches!(&value, Value::Text(text) if text.is_empty());
    match convert(Cow::Owned(value), Some(kind), kind) {
        Ok(value) if empty && value.is_null() => {
            Err(Refused::Value("the text is empty, which is not allowed here".to_owned()))
        }
        Ok(value) => Ok(value.into_owned()),
        Err(failure) => Err(Refused::Value(failure.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_oneof, proptest};
    use proptest::strategy::{Just, Strategy};

    use super::*;

    fn schema() -> Schema {
        let inner =
            Schema { properties: vec![Property::new("a", Type::Json), Property::new("b", Type::Uuid)] };
        let kinds = [
            Type::string(),
            Type::int(64),
            Type::float(32),
            Type::decimal(5, 2),
            Type::DateTime,
            Type::Json,
            Type::array(Type::object(inner.clone())),
            Type::object(inner),
            Type::Map(Box::new(Type::Time)),
        ];
        let names = 'a'..='z';
        let properties = names.zip(kinds).map(|(name, kind)| Property::new(name.to_string(), kind)).collect();
        Schema { properties }
    }

    /// Bytes that are often values.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"{".to_vec()),
            Just(b"0".to_vec()),
            Just(b"N".to_vec()),
            Just(b"[\x01\0\0\0".to_vec()),
            Just(b"l\x02\0\0\0\x01\0\x02\0".to_vec()),
            Just(b"g\0\0\0\0\0\0\xf0\x7f".to_vec()),
            Just(b")\x02z\x01xz\x012".to_vec()),
            (b'a'..b'k').prop_map(|name| vec![b'z', 1, name]),
            any::<i32>().prop_map(|number| [&b"i"[..], &number.to_le_bytes()].concat()),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| [b"{".to_vec(), pieces.concat()].concat())
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_result_or_malformed(bytes in bytes(), python in any::<bool>(), preserve_json in any::<bool>()) {
            let language = if python { Language::Python } else { Language::JavaScript };
            let mut reader = Reader::new(&bytes);
            let schema = schema();
            match (Taker { language, preserve_json }).take_record(&schema, &mut reader) {
                Some(Ok(record)) => assert_eq!(record.len(), schema.properties.len()),
                Some(Err(failed)) => assert!(!failed.message.is_empty()),
                None => {}
            }
            assert!(reader.at() <= bytes.len());
        }
    }
}
