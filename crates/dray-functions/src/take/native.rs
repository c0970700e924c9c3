//! What the values of each language count as, and what they are called in it.

use std::collections::HashMap;
use std::sync::Arc;

use dray_engine::expression::{Json, Type};
use dray_engine::pipeline::function::Language;

use super::{MOST_DEPTH, Refused, Taker};
use crate::wire::{Item, Reader};

/// Numbers from here on have no whole number of 64 bits.
const BEYOND_INTEGERS: f64 = 18_446_744_073_709_551_616.0;

impl Taker {
    /// A whole number for a property of this type.
    pub(super) fn whole(&self, kind: &Type, item: &Item<'_>) -> Option<i128> {
        let large = matches!(kind, Type::Int(int) if int.bit_size == 64);
        match (self.language, item) {
            (Language::Python, Item::Int(number)) => Some(i128::from(*number)),
            (Language::Python, Item::Long(number)) => Some(*number),
            (Language::JavaScript, Item::Long(number)) if large => Some(*number),
            (Language::JavaScript, Item::Text(text)) if large => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                if plain { text.parse().ok() } else { None }
            }
            (Language::JavaScript, Item::Int(number)) if !large => Some(i128::from(*number)),
            (Language::JavaScript, Item::Float(number)) if !large => {
                let whole = number.fract() == 0.0 && number.abs() < BEYOND_INTEGERS;
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
                let number = *number as i128;
                whole.then_some(number)
            }
            _ => None,
        }
    }

    pub(super) fn float(&self, item: &Item<'_>) -> Option<f64> {
        match (self.language, item) {
            (_, Item::Float(number)) => Some(*number),
            (_, Item::Int(number)) => Some(f64::from(*number)),
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
            (Language::Python, Item::Long(number)) => Some(*number as f64),
            _ => None,
        }
    }

    /// A text. In Python whatever is of another type stands for its text.
    pub(super) fn text_of<'w>(&self, item: &Item<'w>) -> Option<&'w str> {
        match (self.language, item) {
            (_, Item::Text(text)) | (Language::Python, Item::Other(_, text)) => Some(text),
            _ => None,
        }
    }

    /// Any value as JSON.
    pub(super) fn take_json(
        &self,
        item: Item<'_>,
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<Json, Refused> {
        if depth > MOST_DEPTH {
            return Err(Refused::Value(format!("there are more than {MOST_DEPTH} levels of values")));
        }
        Ok(match item {
            Item::Null => Json::Null,
            Item::Boolean(value) => Json::Boolean(value),
            Item::Int(number) => Json::Number(number.to_string().into()),
            Item::Long(number) => Json::Number(number.to_string().into()),
            Item::Huge(digits) => Json::Number(digits.into()),
            // JSON has neither NaN nor infinities; JavaScript makes null of them too.
            Item::Float(number) if !number.is_finite() => Json::Null,
            Item::Float(number) => Json::Number(json_number(number, self.language).into()),
            Item::Text(text) => Json::text(text),
            Item::Other(_, digits) if self.language == Language::JavaScript => Json::Number(digits.into()),
            Item::Other(_, text) => Json::text(text),
            Item::List(length) => {
                let mut elements = Vec::new();
                for _ in 0..length {
                    let item = reader.next().ok_or(Refused::Malformed)?;
                    elements.push(self.take_json(item, reader, depth + 1)?);
                }
                Json::Array(Arc::new(elements))
            }
            Item::Members => {
                let mut members = Vec::new();
                while let Some(name) = super::member_name(reader)? {
                    let item = reader.next().ok_or(Refused::Malformed)?;
                    members.push((Arc::<str>::from(name), self.take_json(item, reader, depth + 1)?));
                }
                Json::Object(Arc::new(last_of_each(members)))
            }
            Item::NoUnicode => {
                return Err(Refused::Value(
                    "a text has half of a surrogate pair, which is no Unicode".to_owned(),
                ));
            }
            Item::TooManyDigits => {
                return Err(Refused::Value("a whole number has too many digits".to_owned()));
            }
            Item::Nothing => return Err(Refused::Malformed),
        })
    }

    /// The sentence that a value is not of the type of its property, in the words of the language.
    pub(super) fn not_of(&self, kind: &Type, item: &Item<'_>) -> String {
        if *item == Item::TooManyDigits {
            return "the whole number has too many digits".to_owned();
        }
        let (given, needed) = (self.name_of(item), self.needed(kind));
        if given == needed {
            let (Item::Float(number), Type::Int(_) | Type::Year) = (item, kind) else {
                return format!("the {given} is not one of type {kind}");
            };
            return format!("{number} is not a whole number of type {kind}");
        }
        format!("it is {given}, and must be {needed} ({kind})")
    }

    fn name_of<'w>(&self, item: &Item<'w>) -> &'w str {
        let (javascript, python) = match item {
            Item::Null => ("null", "None"),
            Item::Boolean(_) => ("Boolean", "bool"),
            Item::Long(_) => ("BigInt", "int"),
            Item::Int(_) | Item::Huge(_) | Item::TooManyDigits => ("Number", "int"),
            Item::Float(_) => ("Number", "float"),
            Item::Text(_) | Item::NoUnicode => ("String", "str"),
            Item::List(_) => ("Array", "list"),
            Item::Other(name, _) => (*name, *name),
            Item::Members | Item::Nothing => ("Object", "dict"),
        };
        if self.language == Language::Python { python } else { javascript }
    }

    fn needed(&self, kind: &Type) -> &'static str {
        let (javascript, python) = match kind {
            Type::Boolean => ("Boolean", "bool"),
            Type::Int(int) if int.bit_size == 64 => ("BigInt or String of digits", "int"),
            Type::Int(_) | Type::Year => ("Number", "int"),
            Type::Float(_) => ("Number", "float"),
            Type::Decimal(_) => ("String", "decimal.Decimal"),
            Type::DateTime => ("String", "datetime.datetime"),
            Type::Date => ("String", "datetime.date"),
            Type::Time => ("String", "datetime.time"),
            Type::Uuid => ("String", "uuid.UUID"),
            Type::Array(_) => ("Array", "list"),
            Type::Object(_) | Type::Map(_) => ("Object", "dict"),
            Type::String(_) | Type::Ip | Type::Json => ("String", "str"),
        };
        if self.language == Language::Python { python } else { javascript }
    }
}

/// The shortest digits that mean the same number. A float of Python keeps its point.
fn json_number(number: f64, language: Language) -> String {
    let size = number.abs();
    let plain = number == 0.0 || (1e-6..1e21).contains(&size);
    match (plain, language) {
        (true, Language::JavaScript) if number == 0.0 => "0".to_owned(),
        (true, Language::JavaScript) => number.to_string(),
        (true, Language::Python) if size < 1e16 => format!("{number:?}"),
        _ => format!("{number:e}"),
    }
}

/// The entries, of those with the same name only the last, in the place of the first.
pub(super) fn last_of_each<N: AsRef<str>, V>(entries: Vec<(N, V)>) -> Vec<(N, V)> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(entries.len());
    if entries.iter().all(|(name, _)| places.insert(name.as_ref().to_owned(), 0).is_none()) {
        return entries;
    }
    places.clear();
    let mut kept: Vec<(N, V)> = Vec::new();
    for (name, value) in entries {
        match places.get(name.as_ref()).and_then(|place| kept.get_mut(*place)) {
            Some(entry) => entry.1 = value,
            None => {
                places.insert(name.as_ref().to_owned(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}
