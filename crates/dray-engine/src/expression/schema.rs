//! Schemas as JSON: read strictly (a member nobody knows, a repeated one or one of the wrong type is a
//! mistake, told with its place), and written with their members in one fixed order.

use std::fmt::Write as _;

use regex::RegexBuilder;
use unicode_normalization::UnicodeNormalization as _;

use super::decimal::Decimal;
use super::json::{Json, RepeatedMember};
use super::types::{
    ArrayType, DecimalType, FloatType, IntType, MOST_ELEMENTS, Pattern, Property, Schema, StringType, Type,
    is_property_name,
};

/// How deep types may nest.
const MOST_TYPE_DEPTH: usize = 32;
/// How long the text of a schema may be.
const MOST_SCHEMA_BYTES: usize = 4 << 20;
/// How much memory a compiled pattern may take.
const MOST_PATTERN_BYTES: usize = 1 << 20;

impl Schema {
    /// Reads a schema: a type of kind `object`. The error says where in the schema what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MOST_SCHEMA_BYTES {
            return Err(format!("the schema is longer than {MOST_SCHEMA_BYTES} bytes"));
        }
        match Type::read(&Json::parse(text, RepeatedMember::Refused)?, "the schema", 0)? {
            Type::Object(schema) => Ok(std::sync::Arc::unwrap_or_clone(schema)),
            other => Err(format!("the schema is of kind `{}`; it must be of kind `object`", other.kind())),
        }
    }

    /// The schema as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_object(self, &mut out);
        out
    }
}

impl Type {
    /// Reads a type. The error says where in it what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MOST_SCHEMA_BYTES {
            return Err(format!("the type is longer than {MOST_SCHEMA_BYTES} bytes"));
        }
        Self::read(&Json::parse(text, RepeatedMember::Refused)?, "the type", 0)
    }

    /// The type as JSON; defaults and full ranges are left out.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_type(self, &mut out);
        out
    }

    fn read(json: &Json, place: &str, depth: usize) -> Result<Self, String> {
        if depth > MOST_TYPE_DEPTH {
            return Err(format!("types nest deeper than {MOST_TYPE_DEPTH} levels"));
        }
        let members = Members::of(json, place)?;
        let kind = members.text("kind")?.ok_or_else(|| format!("{place} has no `kind`"))?;
        let allowed: &[&str] = match kind.as_str() {
            "string" => &["maxBytes", "maxLength", "pattern", "values"],
            "int" => &["bitSize", "unsigned", "minimum", "maximum"],
            "float" => &["bitSize", "real", "minimum", "maximum"],
            "decimal" => &["precision", "scale", "minimum", "maximum"],
            "array" => &["minElements", "maxElements", "uniqueElements", "elementType"],
            "object" => &["properties"],
            "map" => &["elementType"],
            "boolean" | "datetime" | "date" | "time" | "year" | "uuid" | "json" | "ip" => &[],
            _ => return Err(format!("`{kind}` in {place} is no kind of type")),
        };
        members.only("kind", allowed)?;
        Ok(match kind.as_str() {
            "string" => Self::String(read_string(&members)?),
            "int" => Self::Int(read_int(&members)?),
            "float" => Self::Float(read_float(&members)?),
            "decimal" => Self::Decimal(read_decimal(&members)?),
            "boolean" => Self::Boolean,
            "datetime" => Self::DateTime,
            "date" => Self::Date,
            "time" => Self::Time,
            "year" => Self::Year,
            "uuid" => Self::Uuid,
            "json" => Self::Json,
            "ip" => Self::Ip,
            "array" => Self::Array(read_array(&members, depth)?),
            "map" => Self::Map(Box::new(read_element(&members, depth)?)),
            _ => Self::object(read_object(&members, depth)?),
        })
    }
}

/// The members of one JSON object, and where it stands.
struct Members<'j> {
    members: &'j [(std::sync::Arc<str>, Json)],
    place: &'j str,
}

impl<'j> Members<'j> {
    fn of(json: &'j Json, place: &'j str) -> Result<Self, String> {
        match json {
            Json::Object(members) => Ok(Self { members, place }),
            other => Err(format!("{place} is {}; it must be an object", other.described())),
        }
    }

    fn only(&self, first: &str, allowed: &[&str]) -> Result<(), String> {
        for (name, _) in self.members {
            if &**name == first || allowed.contains(&&**name) {
                continue;
            }
            let hint = if &**name == "elements" && allowed.contains(&"elementType") {
                "; write `elementType`"
            } else {
                ""
            };
            return Err(format!("`{name}` is not known in {}{hint}", self.place));
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&'j Json> {
        self.members.iter().find(|(member, _)| &**member == name).map(|(_, value)| value)
    }

    fn wrong(&self, name: &str, must: &str) -> String {
        format!("`{name}` in {} must be {must}", self.place)
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text.nfc().collect())),
            Some(_) => Err(self.wrong(name, "a text")),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None => Ok(false),
            Some(Json::Boolean(value)) => Ok(*value),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    fn decimal(&self, name: &str) -> Result<Option<Decimal>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Number(text)) => {
                Decimal::parse(text).map(Some).ok_or_else(|| self.wrong(name, "a smaller number"))
            }
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    fn integer(&self, name: &str, least: i128, most: i128) -> Result<Option<i128>, String> {
        let Some(number) = self.decimal(name)? else { return Ok(None) };
        let value = number.to_integer().filter(|value| (least..=most).contains(value));
        value.map(Some).ok_or_else(|| self.wrong(name, &format!("a whole number from {least} to {most}")))
    }

    fn small(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, String> {
        let value = self.integer(name, i128::from(least), i128::from(most))?;
        Ok(value.and_then(|value| u32::try_from(value).ok()))
    }

    fn bit_size(&self, sizes: &[u8]) -> Result<u8, String> {
        let size = self.small("bitSize", 0, 255)?.and_then(|size| u8::try_from(size).ok());
        size.filter(|size| sizes.contains(size)).ok_or_else(|| {
            let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
            self.wrong("bitSize", &format!("one of {}", sizes.join(", ")))
        })
    }

    fn in_order<T: PartialOrd>(&self, names: [&str; 2], low: &T, high: &T) -> Result<(), String> {
        let [low_name, high_name] = names;
        if low > high {
            return Err(format!("`{low_name}` in {} is larger than `{high_name}`", self.place));
        }
        Ok(())
    }
}

fn read_string(members: &Members<'_>) -> Result<StringType, String> {
    let pattern = match members.text("pattern")? {
        None => None,
        Some(text) => {
            let regex = RegexBuilder::new(&text).size_limit(MOST_PATTERN_BYTES).build();
            Some(Pattern(
                regex.map_err(|_| members.wrong("pattern", "a regular expression (RE2), not too large"))?,
            ))
        }
    };
    let mut values: Vec<String> = Vec::new();
    match members.get("values") {
        None => {}
        Some(Json::Array(elements)) if !elements.is_empty() => {
            for element in elements.iter() {
                let Json::Text(text) = element else {
                    return Err(members.wrong("values", "a list of texts"));
                };
                values.push(text.nfc().collect());
            }
        }
        Some(_) => return Err(members.wrong("values", "a list of one text or more")),
    }
    if pattern.is_some() && !values.is_empty() {
        return Err(format!("{} has both `pattern` and `values`; keep one", members.place));
    }
    Ok(StringType {
        max_bytes: members.small("maxBytes", 1, u32::MAX)?,
        max_length: members.small("maxLength", 1, u32::MAX)?,
        pattern,
        values: values.into(),
    })
}

fn read_int(members: &Members<'_>) -> Result<IntType, String> {
    let full = IntType::full(members.bit_size(&[8, 16, 24, 32, 64])?, members.flag("unsigned")?);
    let minimum = members.integer("minimum", full.minimum, full.maximum)?.unwrap_or(full.minimum);
    let maximum = members.integer("maximum", full.minimum, full.maximum)?.unwrap_or(full.maximum);
    members.in_order(["minimum", "maximum"], &minimum, &maximum)?;
    Ok(IntType { minimum, maximum, ..full })
}

fn read_float(members: &Members<'_>) -> Result<FloatType, String> {
    let bit_size = members.bit_size(&[32, 64])?;
    let bound = |name| -> Result<Option<f64>, String> {
        let Some(number) = members.decimal(name)? else { return Ok(None) };
        let value = number.to_float();
        let most = if bit_size == 32 { f64::from(f32::MAX) } else { f64::MAX };
        if value.abs() <= most {
            Ok(Some(value))
        } else {
            Err(members.wrong(name, "inside the size's range"))
        }
    };
    let (minimum, maximum) = (bound("minimum")?, bound("maximum")?);
    if let (Some(minimum), Some(maximum)) = (&minimum, &maximum) {
        members.in_order(["minimum", "maximum"], minimum, maximum)?;
    }
    Ok(FloatType { bit_size, real: members.flag("real")?, minimum, maximum })
}

fn read_decimal(members: &Members<'_>) -> Result<DecimalType, String> {
    let precision = members
        .small("precision", 1, 76)?
        .ok_or_else(|| members.wrong("precision", "a number from 1 to 76"))?;
    let scale = members.small("scale", 0, 37)?.unwrap_or(0);
    members.in_order(["scale", "precision"], &scale, &precision)?;
    let bound = |name| -> Result<Option<Decimal>, String> {
        match members.decimal(name)? {
            Some(number) if !number.fits(precision, scale) => {
                Err(members.wrong(name, "a number of this precision and scale"))
            }
            other => Ok(other),
        }
    };
    let (minimum, maximum) = (bound("minimum")?, bound("maximum")?);
    if let (Some(minimum), Some(maximum)) = (&minimum, &maximum) {
        members.in_order(["minimum", "maximum"], minimum, maximum)?;
    }
    Ok(DecimalType { precision, scale, minimum, maximum })
}

fn read_element(members: &Members<'_>, depth: usize) -> Result<Type, String> {
    let json = members.get("elementType").ok_or_else(|| format!("{} has no `elementType`", members.place))?;
    Type::read(json, &format!("the element type of {}", members.place), depth + 1)
}

fn read_array(members: &Members<'_>, depth: usize) -> Result<ArrayType, String> {
    let element = read_element(members, depth)?;
    let min_elements = members.small("minElements", 0, MOST_ELEMENTS)?.unwrap_or(0);
    let max_elements = members.small("maxElements", 0, MOST_ELEMENTS)?.unwrap_or(MOST_ELEMENTS);
    members.in_order(["minElements", "maxElements"], &min_elements, &max_elements)?;
    let unique = members.flag("uniqueElements")?;
    if unique && matches!(element, Type::Json | Type::Array(_) | Type::Map(_) | Type::Object(_)) {
        return Err(format!(
            "`uniqueElements` in {} cannot be used with elements of kind `{}`",
            members.place,
            element.kind()
        ));
    }
    Ok(ArrayType { element: Box::new(element), min_elements, max_elements, unique })
}

fn read_object(members: &Members<'_>, depth: usize) -> Result<Schema, String> {
    let Some(Json::Array(elements)) = members.get("properties") else {
        return Err(members.wrong("properties", "a list of properties"));
    };
    if elements.is_empty() {
        return Err(members.wrong("properties", "a list of one property or more"));
    }
    let mut schema = Schema::default();
    let mut known = std::collections::HashSet::new();
    for (index, element) in elements.iter().enumerate() {
        let property = read_property(element, members.place, index + 1, depth)?;
        if !known.insert(property.name.clone()) {
            return Err(format!("the property `{}` occurs twice in {}", property.name, members.place));
        }
        schema.properties.push(property);
    }
    Ok(schema)
}

fn read_property(json: &Json, owner: &str, number: usize, depth: usize) -> Result<Property, String> {
    let place = format!("property {number} of {owner}");
    let members = Members::of(json, &place)?;
    let name = members.text("name")?.ok_or_else(|| format!("{place} has no `name`"))?;
    if !is_property_name(&name) {
        return Err(format!(
            "`{name}` is not the name of a property; use letters, digits and _, and no digit first"
        ));
    }
    let known =
        ["prefilled", "type", "createRequired", "updateRequired", "readOptional", "nullable", "description"];
    members.only("name", &known)?;
    let kind = members.get("type").ok_or_else(|| format!("the property `{name}` has no `type`"))?;
    Ok(Property {
        kind: Type::read(kind, &format!("the property `{name}`"), depth + 1)?,
        prefilled: members.text("prefilled")?.unwrap_or_default(),
        create_required: members.flag("createRequired")?,
        update_required: members.flag("updateRequired")?,
        read_optional: members.flag("readOptional")?,
        nullable: members.flag("nullable")?,
        description: members.text("description")?.unwrap_or_default(),
        name,
    })
}

fn write_object(schema: &Schema, out: &mut String) {
    out.push_str("{\"kind\":\"object\",\"properties\":[");
    for (index, property) in schema.properties.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let _ = write!(out, "{{\"name\":{}", Json::text(&property.name));
        if !property.prefilled.is_empty() {
            let _ = write!(out, ",\"prefilled\":{}", Json::text(&property.prefilled));
        }
        out.push_str(",\"type\":");
        write_type(&property.kind, out);
        for (flag, name) in [
            (property.create_required, "createRequired"),
            (property.update_required, "updateRequired"),
            (property.read_optional, "readOptional"),
            (property.nullable, "nullable"),
        ] {
            if flag {
                let _ = write!(out, ",\"{name}\":true");
            }
        }
        let _ = write!(out, ",\"description\":{}}}", Json::text(&property.description));
    }
    out.push_str("]}");
}

fn write_type(kind: &Type, out: &mut String) {
    if let Type::Object(schema) = kind {
        return write_object(schema, out);
    }
    let _ = write!(out, "{{\"kind\":\"{}\"", kind.kind());
    match kind {
        Type::String(string) => {
            write_member("maxBytes", string.max_bytes.as_ref(), out);
            write_member("maxLength", string.max_length.as_ref(), out);
            write_member(
                "pattern",
                string.pattern.as_ref().map(|pattern| Json::text(pattern.0.as_str())).as_ref(),
                out,
            );
            if !string.values.is_empty() {
                let values: Vec<Json> = string.values.iter().map(|value| Json::text(value)).collect();
                write_member("values", Some(&Json::Array(values.into())), out);
            }
        }
        Type::Int(int) => {
            let full = IntType::full(int.bit_size, int.unsigned);
            write_member("bitSize", Some(&int.bit_size), out);
            write_member("unsigned", int.unsigned.then_some(&true), out);
            write_member("minimum", Some(&int.minimum).filter(|value| **value != full.minimum), out);
            write_member("maximum", Some(&int.maximum).filter(|value| **value != full.maximum), out);
        }
        Type::Float(float) => {
            write_member("bitSize", Some(&float.bit_size), out);
            write_member("real", float.real.then_some(&true), out);
            write_member("minimum", float.minimum.as_ref(), out);
            write_member("maximum", float.maximum.as_ref(), out);
        }
        Type::Decimal(decimal) => {
            write_member("minimum", decimal.minimum.as_ref(), out);
            write_member("maximum", decimal.maximum.as_ref(), out);
            write_member("precision", Some(&decimal.precision), out);
            write_member("scale", Some(&decimal.scale).filter(|scale| **scale > 0), out);
        }
        Type::Array(array) => {
            write_member("minElements", Some(&array.min_elements).filter(|count| **count > 0), out);
            write_member(
                "maxElements",
                Some(&array.max_elements).filter(|count| **count < MOST_ELEMENTS),
                out,
            );
            write_member("uniqueElements", array.unique.then_some(&true), out);
            out.push_str(",\"elementType\":");
            write_type(&array.element, out);
        }
        Type::Map(element) => {
            out.push_str(",\"elementType\":");
            write_type(element, out);
        }
        _ => {}
    }
    out.push('}');
}

fn write_member(name: &str, value: Option<&impl std::fmt::Display>, out: &mut String) {
    if let Some(value) = value {
        let _ = write!(out, ",\"{name}\":{value}");
    }
}
