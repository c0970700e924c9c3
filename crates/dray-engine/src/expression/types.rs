//! The types of properties: kinds with their constraints, and schemas made of them.

use std::fmt;
use std::sync::Arc;

use regex::Regex;

use super::decimal::Decimal;

/// A text pattern of a type; matches anywhere in a text.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// What a string may be. Lengths count only where there are neither values nor a pattern.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StringType {
    /// The most bytes.
    pub max_bytes: Option<u32>,
    /// The most characters.
    pub max_length: Option<u32>,
    /// What it must match.
    pub pattern: Option<Pattern>,
    /// The only texts allowed; empty where all are.
    pub values: Arc<[String]>,
}

/// The size and range of a whole number.
#[derive(Debug, Clone, PartialEq)]
pub struct IntType {
    /// 8, 16, 24, 32 or 64.
    pub bit_size: u8,
    /// True where it is never negative.
    pub unsigned: bool,
    /// The smallest value.
    pub minimum: i128,
    /// The largest value.
    pub maximum: i128,
}

impl IntType {
    /// All numbers of a size.
    pub fn full(bit_size: u8, unsigned: bool) -> Self {
        let (minimum, maximum) = if unsigned {
            (0, (1_i128 << bit_size.min(64)) - 1)
        } else {
            let half = 1_i128 << (bit_size.clamp(1, 64) - 1);
            (-half, half - 1)
        };
        Self { bit_size, unsigned, minimum, maximum }
    }
}

/// The size and range of a float.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatType {
    /// 32 or 64.
    pub bit_size: u8,
    /// True where NaN and the infinities are not allowed.
    pub real: bool,
    /// The smallest value, where there is one.
    pub minimum: Option<f64>,
    /// The largest value, where there is one.
    pub maximum: Option<f64>,
}

/// The digits and range of a decimal.
#[derive(Debug, Clone, PartialEq)]
pub struct DecimalType {
    /// How many digits, 1 to 76.
    pub precision: u32,
    /// How many of them after the point, 0 to 37.
    pub scale: u32,
    /// The smallest value, where there is one.
    pub minimum: Option<Decimal>,
    /// The largest value, where there is one.
    pub maximum: Option<Decimal>,
}

/// An array's elements and how many there may be.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayType {
    /// The type of each element.
    pub element: Box<Type>,
    /// The fewest elements.
    pub min_elements: u32,
    /// The most elements.
    pub max_elements: u32,
    /// True where no two may be equal.
    pub unique: bool,
}

/// The most elements an array can have.
pub const MOST_ELEMENTS: u32 = i32::MAX as u32;

/// The type of a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Text.
    String(StringType),
    /// True or false.
    Boolean,
    /// A whole number.
    Int(IntType),
    /// A float.
    Float(FloatType),
    /// An exact decimal number.
    Decimal(DecimalType),
    /// A point in time.
    DateTime,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A year, 1 to 9999.
    Year,
    /// A UUID.
    Uuid,
    /// Any JSON value.
    Json,
    /// An IP address.
    Ip,
    /// Many values of one type.
    Array(ArrayType),
    /// Named properties.
    Object(Arc<Schema>),
    /// Values of one type under any text.
    Map(Box<Type>),
}

impl StringType {
    /// True where every text is of this type.
    pub fn is_any(&self) -> bool {
        self.max_bytes.is_none()
            && self.max_length.is_none()
            && self.pattern.is_none()
            && self.values.is_empty()
    }
}

impl Type {
    /// Text without constraints.
    pub fn string() -> Self {
        Self::String(StringType::default())
    }

    /// A signed whole number of a size.
    pub fn int(bit_size: u8) -> Self {
        Self::Int(IntType::full(bit_size, false))
    }

    /// A float of a size.
    pub fn float(bit_size: u8) -> Self {
        Self::Float(FloatType { bit_size, real: false, minimum: None, maximum: None })
    }

    /// A decimal of a precision and scale.
    pub fn decimal(precision: u32, scale: u32) -> Self {
        Self::Decimal(DecimalType { precision, scale, minimum: None, maximum: None })
    }

    /// An array without limits.
    pub fn array(element: Self) -> Self {
        Self::Array(ArrayType {
            element: Box::new(element),
            min_elements: 0,
            max_elements: MOST_ELEMENTS,
            unique: false,
        })
    }

    /// An object of a schema. Types are copied for each part of an expression, so large ones are shared.
    pub fn object(schema: Schema) -> Self {
        Self::Object(Arc::new(schema))
    }

    /// The name of its kind, as schemas spell it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Boolean => "boolean",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Decimal(_) => "decimal",
            Self::DateTime => "datetime",
            Self::Date => "date",
            Self::Time => "time",
            Self::Year => "year",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Ip => "ip",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Map(_) => "map",
        }
    }
}

/// The type with its size, for messages: `int(32)`, `array(string)`.
impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) if int.unsigned => write!(out, "unsigned int({})", int.bit_size),
            Self::Int(int) => write!(out, "int({})", int.bit_size),
            Self::Float(float) => write!(out, "float({})", float.bit_size),
            Self::Decimal(decimal) => write!(out, "decimal({}, {})", decimal.precision, decimal.scale),
            Self::Array(array) => write!(out, "array({})", array.element.kind()),
            Self::Map(element) => write!(out, "map({})", element.kind()),
            other => out.write_str(other.kind()),
        }
    }
}

/// One property of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// What user interfaces show in an empty field.
    pub prefilled: String,
    /// Its type.
    pub kind: Type,
    /// True where a record cannot be created without it.
    pub create_required: bool,
    /// True where a record cannot be changed without it.
    pub update_required: bool,
    /// True where a record may lack it.
    pub read_optional: bool,
    /// True where it may be null.
    pub nullable: bool,
    /// What it is, for people.
    pub description: String,
}

impl Property {
    /// A property of which nothing but name and type is said.
    pub fn new(name: impl Into<String>, kind: Type) -> Self {
        Self {
            name: name.into(),
            prefilled: String::new(),
            kind,
            create_required: false,
            update_required: false,
            read_optional: false,
            nullable: false,
            description: String::new(),
        }
    }
}

/// Properties in their order; no name occurs twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// The properties.
    pub properties: Vec<Property>,
}

impl Schema {
    /// Where a property stands, and the property.
    pub fn find(&self, name: &str) -> Option<(usize, &Property)> {
        self.properties.iter().enumerate().find(|(_, property)| property.name == name)
    }

    /// The property at a dotted path through objects.
    pub fn at_path(&self, path: &str) -> Option<&Property> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let (_, property) = self.find(first)?;
        match (rest, &property.kind) {
            (None, _) => Some(property),
            (Some(rest), Type::Object(schema)) => schema.at_path(rest),
            (Some(_), _) => None,
        }
    }
}

/// True for the name of a property: a letter or `_`, then letters, digits and `_`, all ASCII.
pub fn is_property_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
