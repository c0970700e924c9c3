//! An object: a named typed table. Fields are what people see; columns are what is stored, exported
//! and matched: a composite field (an address) and a typed one (mobile, work …) have several.

use regex::{Regex, RegexBuilder};

use crate::definition::{FieldDefinition, FieldKind, Merge, Mode, ObjectDefinition, OnDuplicate};
use crate::error::{Error, Result};
use crate::value::ValueType;

/// The parts of an address, in order.
pub const ADDRESS_PARTS: [&str; 6] = ["street", "street2", "city", "state", "zip", "country"];

/// The most a pattern may need: whoever may define fields shall not be able to use up the memory.
const PATTERN_BYTES: usize = 2 << 20;

/// Index of a column in [`Object::columns`].
pub type ColumnIndex = usize;

/// A named typed table.
#[derive(Debug, Clone)]
pub struct Object {
    /// As written down; the catalog keeps it to know what a later version changes.
    pub definition: ObjectDefinition,
    /// The fields, in the order people see them.
    pub fields: Vec<Field>,
    /// The stored columns: `id`, those of the fields in order, then `created_at`, `updated_at`,
    /// `version`, `import_id`.
    pub columns: Vec<Column>,
    /// How files are imported unless the request says otherwise.
    pub policy: Policy,
}

/// A field with its constraints, ready to check values.
#[derive(Debug, Clone)]
pub struct Field {
    /// As written down.
    pub definition: FieldDefinition,
    /// The columns it is stored in.
    pub columns: std::ops::Range<ColumnIndex>,
    /// The compiled pattern; it matches the whole text.
    pub pattern: Option<Regex>,
}

/// Columns every object has beside its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemColumn {
    /// Record id: 64-bit, handed out in blocks, never used again.
    Id,
    /// When the record was created; a file may set it.
    CreatedAt,
    /// When the record was last changed.
    UpdatedAt,
    /// Counts the changes of the record, from 1.
    Version,
    /// The import that last wrote the record, null where a person did.
    ImportId,
}

/// One stored column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name in storage and in exported files.
    pub name: String,
    /// The field it belongs to, for all but system columns.
    pub field: Option<usize>,
    /// Which system column it is, if any.
    pub system: Option<SystemColumn>,
    /// The part of a composite or the type of a typed field.
    pub part: Option<String>,
    /// Type of the stored values.
    pub value_type: ValueType,
    /// Every record has a value.
    pub required: bool,
    /// No two records share a value.
    pub unique: bool,
    /// Has an index beside what `unique` gives it.
    pub indexed: bool,
    /// Equality ignores ASCII case: keys are compared lower-cased.
    pub caseless: bool,
}

/// How files are imported.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How a row is recognised as an existing record: the first rule that finds one decides.
    pub match_by: Vec<MatchRule>,
    /// What happens to a row that matches.
    pub on_duplicate: OnDuplicate,
    /// Which cells an update writes.
    pub merge: Merge,
    /// All or nothing, or every good row.
    pub mode: Mode,
    /// The most rows one import may have.
    pub max_rows: Option<u64>,
    /// The largest source, in bytes.
    pub max_bytes: Option<u64>,
    /// The most rows one import may reject before it stops.
    pub max_rejected: Option<u64>,
    /// Values new records get whatever the file says, as text.
    pub force: Vec<(ColumnIndex, String)>,
    /// Create the target of a reference that finds none.
    pub create_references: bool,
    /// A reference that finds no record is left empty with a warning; else its row is rejected.
    pub leave_references_empty: bool,
    /// Texts are taken as they are, and required fields may stay empty: the values come from records that
    /// were checked when they were made, by rules of their own.
    pub takes_values_as_they_are: bool,
}

/// One way to recognise an existing record: a field that has an equal value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchRule {
    /// The field as the person named it.
    pub name: String,
    /// A value in any of these columns equals a value in any of them on the record
    /// (a mobile number may be another record's work number).
    pub columns: Vec<ColumnIndex>,
}

impl Object {
    /// Reads an object file (TOML).
    pub fn from_toml(text: &str) -> Result<Self> {
        let definition: ObjectDefinition = toml::from_str(text)
            .map_err(|cause| Error::request("the object file cannot be read").because(cause))?;
        Self::new(definition)
    }

    /// Checks a definition and works out what it means.
    pub fn new(definition: ObjectDefinition) -> Result<Self> {
        let mut columns = vec![system_column("id", SystemColumn::Id, ValueType::Integer)];
        let mut fields = Vec::with_capacity(definition.fields.len());
        check_name(&definition.name)?;
        for (index, written) in definition.fields.iter().enumerate() {
            check_name(&written.name)?;
            let first = columns.len();
            for part in parts_of(written) {
                columns.push(field_column(written, index, part));
            }
            let pattern = match &written.pattern {
                None => None,
                Some(pattern) => Some(
                    RegexBuilder::new(&format!("^(?:{pattern})$"))
                        .size_limit(PATTERN_BYTES)
                        .dfa_size_limit(PATTERN_BYTES)
                        .build()
                        .map_err(|cause| {
                            Error::request(format!(
                                "the pattern of field `{}` is not a regular expression, or too large a one",
                                written.name
                            ))
                            .because(cause)
                        })?,
                ),
            };
            if written.kind == FieldKind::Reference && written.target.is_none() {
                return Err(Error::request(format!(
                    "reference field `{}` names no target object",
                    written.name
                )));
            }
            if written.kind == FieldKind::Choice && written.choices.is_empty() {
                return Err(Error::request(format!("choice field `{}` has no choices", written.name)));
            }
            if let Some(shape) = written.shape.filter(|_| written.kind != FieldKind::Json) {
                return Err(Error::request(format!(
                    "field `{}` is of type {} and cannot have the shape `{}`",
                    written.name,
                    written.kind.word(),
                    shape.word()
                ))
                .hint("only fields of type json have a shape"));
            }
            check_schemes(written)?;
            fields.push(Field { definition: written.clone(), columns: first..columns.len(), pattern });
        }
        columns.push(system_column("created_at", SystemColumn::CreatedAt, ValueType::DateTime));
        columns.push(system_column("updated_at", SystemColumn::UpdatedAt, ValueType::DateTime));
        columns.push(system_column("version", SystemColumn::Version, ValueType::Integer));
        columns.push(system_column("import_id", SystemColumn::ImportId, ValueType::Integer));
        for (index, column) in columns.iter().enumerate() {
            if columns.iter().take(index).any(|earlier| earlier.name == column.name) {
                return Err(Error::request(format!(
                    "object `{}` has two columns `{}`",
                    definition.name, column.name
                )));
            }
        }
        let written = definition.policy.clone();
        let mut object = Self {
            definition,
            fields,
            columns,
            policy: Policy {
                match_by: Vec::new(),
                on_duplicate: written.on_duplicate,
                merge: written.merge,
                mode: written.mode,
                max_rows: written.max_rows,
                max_bytes: written.max_bytes,
                max_rejected: written.max_rejected,
                force: Vec::new(),
                create_references: false,
                leave_references_empty: false,
                takes_values_as_they_are: false,
            },
        };
        for rule in &written.match_by {
            let rule = object.match_rule(rule)?;
            object.policy.match_by.push(rule);
        }
        for (name, value) in &written.force {
            let column = object.column(name).ok_or_else(|| object.unknown_field(name))?;
            object.policy.force.push((column, value.clone()));
        }
        Ok(object)
    }

    /// Name in storage, URLs and on the command line.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// True where the object answers to this name.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name() == name || self.definition.aliases.iter().any(|alias| alias == name)
    }

    /// The column of exactly this name.
    pub fn column(&self, name: &str) -> Option<ColumnIndex> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The index of a system column.
    pub fn system(&self, system: SystemColumn) -> ColumnIndex {
        self.columns.iter().position(|column| column.system == Some(system)).unwrap_or_default()
    }

    /// The field of exactly this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.definition.name == name)
    }

    /// The name of a stored column for people: that of its field, with the part where it is one of several.
    pub fn label_of_column(&self, column: &Column) -> String {
        let field = column.field.and_then(|field| self.fields.get(field));
        let label = self.label_of(field.map_or(&column.name, |field| &field.definition.name));
        match &column.part {
            Some(part) => format!("{label}: {}", part.replace('_', " ")),
            None => label,
        }
    }

    /// The name of a field for people: its label, or its name with blanks.
    pub fn label_of(&self, field: &str) -> String {
        let label = self.field(field).map(|field| field.definition.label.trim());
        if let Some(label) = label.filter(|label| !label.is_empty()) {
            return label.to_owned();
        }
        let text = field.replace('_', " ");
        let mut letters = text.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    }

    /// The field a column belongs to, for all but system columns.
    pub fn field_of(&self, column: ColumnIndex) -> Option<&Field> {
        self.columns.get(column)?.field.and_then(|field| self.fields.get(field))
    }

    /// The columns a name stands for, however it is spelled: a column (`phone_work`, `First Name`),
    /// a field with all its columns (`phone`), or `field.part` (`address.city`).
    pub fn find_columns(&self, name: &str) -> Option<Vec<ColumnIndex>> {
        let folded = fold_name(name);
        if let Some(column) = self.columns.iter().position(|column| fold_name(&column.name) == folded) {
            return Some(vec![column]);
        }
        let field = self.fields.iter().find(|field| fold_name(&field.definition.name) == folded)?;
        Some(field.columns.clone().collect())
    }

    /// Reads a match rule as a person writes it: the name of a field or column.
    pub fn match_rule(&self, name: &str) -> Result<MatchRule> {
        let columns = self.find_columns(name).ok_or_else(|| self.unknown_field(name))?;
        Ok(MatchRule { name: name.trim().to_owned(), columns })
    }

    /// The error for a name that is no field of this object.
    pub fn unknown_field(&self, name: &str) -> Error {
        let names: Vec<&str> = self.fields.iter().map(|field| field.definition.name.as_str()).collect();
        Error::request(format!("object `{}` has no field `{}`", self.name(), name.trim()))
            .hint(format!("its fields are: {}", names.join(", ")))
    }

    /// The column that names a record to people, looked up and filled where a reference is a name.
    pub fn naming_column(&self) -> Option<ColumnIndex> {
        let field = self.fields.iter().find(|field| field.definition.names_record)?;
        Some(field.columns.start)
    }

    /// The columns a reference's text may be looked up in, in order: `id`, unique columns, the name
    /// where it has an index.
    pub fn lookup_columns(&self) -> Vec<ColumnIndex> {
        let mut found = vec![self.system(SystemColumn::Id)];
        found.extend((0..self.columns.len()).filter(|&index| self.columns[index].unique && index > 0));
        let naming = self.naming_column().filter(|&name| self.columns[name].indexed);
        found.extend(naming.filter(|name| !found.contains(name)));
        found
    }
}

impl Column {
    /// True for the columns Dray keeps beside the fields.
    pub fn is_system(&self) -> bool {
        self.system.is_some()
    }
}

/// A name with case, blanks, dashes, dots and underscores removed: `First Name` = `first_name`.
pub fn fold_name(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The normalized form two keys are compared in.
pub fn key_of(caseless: bool, text: &str) -> std::borrow::Cow<'_, str> {
    if caseless && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

fn check_name(name: &str) -> Result<()> {
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 40
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if valid {
        return Ok(());
    }
    Err(Error::request(format!("`{name}` is not a name an object or field can have"))
        .hint("use up to 40 lower-case letters, digits and underscores, beginning with a letter"))
}

/// Only web addresses have schemes.
fn check_schemes(written: &FieldDefinition) -> Result<()> {
    let Some(first) = written.schemes.first() else { return Ok(()) };
    if written.kind != FieldKind::Url {
        return Err(Error::request(format!(
            "field `{}` is of type {} and cannot have the scheme `{first}`",
            written.name,
            written.kind.word()
        ))
        .hint("only fields of type url have schemes"));
    }
    let is_scheme = |scheme: &String| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.len() <= 40
            && scheme
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))
    };
    match written.schemes.iter().find(|scheme| !is_scheme(scheme)) {
        None => Ok(()),
        Some(wrong) => {
            let shown: String = wrong.chars().take(100).collect();
            Err(Error::request(format!("`{shown}` is not a scheme that field `{}` can have", written.name))
                .hint("use up to 40 letters, digits, `+`, `-` and `.`, beginning with a letter, without the colon"))
        }
    }
}

fn parts_of(written: &FieldDefinition) -> Vec<Option<String>> {
    if written.kind == FieldKind::Address {
        return ADDRESS_PARTS.iter().map(|part| Some((*part).to_owned())).collect();
    }
    if written.types.is_empty() {
        return vec![None];
    }
    written.types.iter().map(|name| Some(name.to_ascii_lowercase())).collect()
}

fn field_column(written: &FieldDefinition, field: usize, part: Option<String>) -> Column {
    let value_type = match written.kind {
        _ if written.multiple => ValueType::Json,
        FieldKind::Integer | FieldKind::Reference => ValueType::Integer,
        FieldKind::Decimal => ValueType::Decimal,
        FieldKind::Boolean => ValueType::Boolean,
        FieldKind::Date => ValueType::Date,
        FieldKind::DateTime => ValueType::DateTime,
        FieldKind::Time => ValueType::Time,
        FieldKind::Uuid => ValueType::Uuid,
        FieldKind::Json => ValueType::Json,
        _ => ValueType::Text,
    };
    let name = match &part {
        Some(part) => format!("{}_{part}", written.name),
        None => written.name.clone(),
    };
    Column {
        name,
        field: Some(field),
        system: None,
        part,
        value_type,
        required: written.required,
        unique: written.unique,
        indexed: written.indexed || written.kind == FieldKind::Reference,
        caseless: written.caseless || written.kind == FieldKind::Email,
    }
}

fn system_column(name: &str, system: SystemColumn, value_type: ValueType) -> Column {
    Column {
        name: name.to_owned(),
        field: None,
        system: Some(system),
        part: None,
        value_type,
        required: !matches!(system, SystemColumn::ImportId),
        unique: system == SystemColumn::Id,
        indexed: false,
        caseless: false,
    }
}
