//! An object as it is written down: one TOML file each in `objects/`, the same shape as JSON in the
//! catalog. [`crate::object::Object`] is what it means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A whole object file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectDefinition {
    /// Name in storage, in URLs and on the command line: snake_case, plural.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Other names the object answers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// One sentence on what a record of this object is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Each record has an endpoint that others send to, with tokens of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub endpoints: bool,
    /// How files are imported into this object unless the request says otherwise.
    #[serde(default)]
    pub policy: PolicyDefinition,
    /// The fields, in the order people see them.
    #[serde(rename = "field", alias = "fields")]
    pub fields: Vec<FieldDefinition>,
}

/// The import policy of an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyDefinition {
    /// Fields that tell whether a row is an existing record: the first that finds one decides.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub match_by: Vec<String>,
    /// What happens to a row that matches: skip, update or create.
    pub on_duplicate: OnDuplicate,
    /// Which cells an update writes.
    pub merge: Merge,
    /// All or nothing, or every good row.
    pub mode: Mode,
    /// The most rows one import may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// The largest source, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// The most rows one import may reject before it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rejected: Option<u64>,
    /// Values new records get whatever the file says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub force: BTreeMap<String, String>,
}

/// What happens to a row that matches an existing record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDuplicate {
    /// The row is counted as a duplicate and nothing is written.
    #[default]
    Skip,
    /// The record is updated by the merge mode.
    Update,
    /// A new record is created all the same.
    Create,
}

impl OnDuplicate {
    /// The word used in files, on the command line and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Update => "update",
            Self::Create => "create",
        }
    }
}

/// Which cells of a matched record an update writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Only cells that are empty on the record.
    FillEmpty,
    /// Every mapped cell, empty ones included.
    Overwrite,
    /// Every mapped cell that has a value in the row.
    #[default]
    PreferImport,
}

impl Merge {
    /// The word used in files, on the command line and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::FillEmpty => "fill_empty",
            Self::Overwrite => "overwrite",
            Self::PreferImport => "prefer_import",
        }
    }
}

/// Whether one bad row stops the whole import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One transaction: all rows or none.
    Atomic,
    /// Good rows are written, bad rows are rejected.
    #[default]
    Partial,
}

impl Mode {
    /// The word used in files, on the command line and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Partial => "partial",
        }
    }
}

/// A field as written down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldDefinition {
    /// Name in storage and files: snake_case.
    pub name: String,
    /// Name for people; made from the name where it is left out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What a value is.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// Every record has a value.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// No two records have the same value.
    #[serde(skip_serializing_if = "is_false")]
    pub unique: bool,
    /// Looked up often: gets an index.
    #[serde(skip_serializing_if = "is_false")]
    pub indexed: bool,
    /// Equality ignores the case of ASCII letters (always so for e-mail).
    #[serde(skip_serializing_if = "is_false")]
    pub caseless: bool,
    /// Longest text, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// A regular expression the whole text must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Smallest value, as canonical text of the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Largest value, as canonical text of the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Decimals a decimal may have; more are a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// The values a choice may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Other spellings of a choice: spelling → choice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub choice_synonyms: BTreeMap<String, String>,
    /// The value a new record gets where the row has none; `{field}` stands for another text field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What JSON must look like, beyond being JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<JsonShape>,
    /// Schemes that a web address may have beside http and https; what follows one is not looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schemes: Vec<String>,
    /// The object a reference points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The field a text is looked up in, and filled with, where a reference's target must be created.
    #[serde(skip_serializing_if = "is_false")]
    pub names_record: bool,
    /// A list of values.
    #[serde(skip_serializing_if = "is_false")]
    pub multiple: bool,
    /// Named values of one field, one each: `Mobile`, `Work` …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// The type an untyped value gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_type: Option<String>,
    /// Text keeps its leading and trailing blanks.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_blanks: bool,
    /// Other headers this field is known by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Headers of the parts of a composite or typed field: part → headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub part_synonyms: BTreeMap<String, Vec<String>>,
}

/// What a value of a field is to people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the field types of the design, section 5")]
pub enum FieldKind {
    #[default]
    Text,
    Email,
    Phone,
    Url,
    Integer,
    Decimal,
    Boolean,
    Date,
    DateTime,
    Time,
    Uuid,
    Json,
    Choice,
    Reference,
    Expression,
    /// street, street2, city, state, zip, country.
    Address,
}

impl FieldKind {
    /// The word used in files, messages and pages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Time => "time",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Choice => "choice",
            Self::Reference => "reference",
            Self::Expression => "expression",
            Self::Address => "address",
        }
    }
}

/// What the JSON of a field must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonShape {
    /// An array of objects with a text `key` and a text `value`; the value is a template of the expression language.
    KeyValueList,
}

impl JsonShape {
    /// The word used in files and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::KeyValueList => "key_value_list",
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
