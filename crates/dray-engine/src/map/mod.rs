//! Mapping: which source column fills which stored column. Made once per source, before the first row.

mod names;
pub mod edits;
mod replace;
pub mod edited;
pub mod computed;

#[cfg(test)]
mod tests;

use dray_model::flow::FAILED_COLUMNS;
use dray_model::object::{ColumnIndex, Object, SystemColumn, fold_name};
use dray_model::{Error, Result};

pub use names::Reason;

/// Which source column fills which stored column.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The mapped columns, in source order.
    pub columns: Vec<MappedColumn>,
    /// Values every row gets, as text.
    pub statics: Vec<(ColumnIndex, String)>,
    /// Source columns that are left out, and why.
    pub ignored: Vec<IgnoredColumn>,
}

/// A source column that fills a stored column.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedColumn {
    /// Position in the source's header.
    pub source: usize,
    /// The header text.
    pub header: String,
    /// The stored column.
    pub column: ColumnIndex,
    /// Why this one.
    pub reason: Reason,
}

/// A source column that is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct IgnoredColumn {
    /// The header text.
    pub header: String,
    /// Why, for people; `None` for Dray's own columns, which nobody misses.
    pub why: Option<String>,
    /// The field it is probably meant for, as [`MappingRequest`] writes it, where no name told it.
    pub looks_like: Option<String>,
}

/// What the person says about the mapping.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MappingRequest {
    /// Source header → field, column or `field.part`; an empty field leaves the column out.
    pub columns: Vec<(String, String)>,
    /// Field → value for every row.
    pub statics: Vec<(String, String)>,
}

impl Mapping {
    /// Works out the mapping of a header onto an object: what the person says, then names in any
    /// spelling, then known synonyms, then names one typing error away.
    pub fn new(object: &Object, header: &[String], request: &MappingRequest) -> Result<Self> {
        let mut wanted: Vec<Wanted> = Vec::with_capacity(header.len());
        let explicit = explicit_columns(object, header, &request.columns)?;
        let mut statics = Vec::new();
        for (name, value) in &request.statics {
            let column = single_column(object, name)?;
            if is_read_only(object, column) {
                return Err(read_only(object, column));
            }
            statics.push((column, value.clone()));
        }
        for (source, name) in header.iter().enumerate() {
            wanted.push(match explicit.iter().find(|(explicit, _)| *explicit == source) {
                Some((_, Some(column))) => Wanted::Explicit(*column),
                Some((_, None)) => Wanted::LeftOut("left out on request".to_owned()),
                None if FAILED_COLUMNS.contains(&name.as_str()) => Wanted::Own,
                None => Wanted::Suggested(names::candidates(object, name)),
            });
        }
        let taken: Vec<ColumnIndex> = statics.iter().map(|(column, _)| *column).collect();
        let assigned = names::assign(object, header, wanted, taken)?;
        Ok(Self { columns: assigned.0, statics, ignored: assigned.1 })
    }

    /// The mapped column that fills a stored column.
    pub fn source_of(&self, column: ColumnIndex) -> Option<&MappedColumn> {
        self.columns.iter().find(|mapped| mapped.column == column)
    }

    /// All stored columns that rows bring a value for, mapped ones first.
    pub fn targets(&self) -> Vec<ColumnIndex> {
        self.columns.iter().map(|mapped| mapped.column).chain(self.statics.iter().map(|(c, _)| *c)).collect()
    }

    /// The pairs that left-out columns look like, as options of the command line.
    fn probable(&self) -> Option<String> {
        let pairs = self.ignored.iter().filter_map(|ignored| {
            ignored.looks_like.as_ref().map(|field| format!("--map '{}={field}'", ignored.header))
        });
        Some(pairs.collect::<Vec<_>>().join(" ")).filter(|pairs| !pairs.is_empty())
    }

    /// A file without any column of the object, or without a required one, is refused as a whole.
    pub fn check_required(&self, object: &Object, header: &[String]) -> Result<()> {
        let targets = self.targets();
        let seen = header.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if self.columns.is_empty() {
            return Err(Error::request(format!("no column of the source fits a field of `{}`", object.name()))
                .hint(match self.probable() {
                    Some(pairs) => format!("the source has the columns {seen}; these look right: {pairs}"),
                    None => format!(
                        "the source has the columns {seen}; name the pairs yourself with --map 'COLUMN=FIELD', or \
                         the delimiter with --delimiter if this is one column that should be several"
                    ),
                }));
        }
        if object.policy.on_duplicate == dray_model::definition::OnDuplicate::Update {
            return Ok(());
        }
        for field in &object.fields {
            let definition = &field.definition;
            let filled = field.columns.clone().any(|column| targets.contains(&column));
            if definition.required && definition.default.is_none() && !filled {
                return Err(Error::request(format!(
                    "field `{}` of `{}` is required and no column of the source fills it",
                    definition.name,
                    object.name()
                ))
                .hint(format!(
                    "the source has the columns {seen}; add --map 'COLUMN={name}', or --set {name}=VALUE for one value \
                     in every row{probable}",
                    name = definition.name,
                    probable = self.probable().map_or(String::new(), |pairs| format!("; these look right: {pairs}"))
                )));
            }
        }
        Ok(())
    }
}

/// What is wanted for one source column before conflicts are settled.
enum Wanted {
    /// The person named it.
    Explicit(ColumnIndex),
    /// Columns it may be, best first.
    Suggested(Vec<(ColumnIndex, Reason)>),
    /// The person left it out.
    LeftOut(String),
    /// One of the columns Dray adds to failed rows.
    Own,
}

/// The single column a name stands for; a field with several columns stands for its default one.
pub fn single_column(object: &Object, name: &str) -> Result<ColumnIndex> {
    let columns = object.find_columns(name).ok_or_else(|| object.unknown_field(name))?;
    match columns.as_slice() {
        [column] => Ok(*column),
        _ => default_part(object, columns[0]).ok_or_else(|| {
            let names: Vec<&str> =
                columns.iter().map(|&column| object.columns[column].name.as_str()).collect();
            Error::request(format!("field `{}` has several parts", name.trim()))
                .hint(format!("name one of them: {}", names.join(", ")))
        }),
    }
}

/// The column an untyped value of a typed field goes to.
fn default_part(object: &Object, column: ColumnIndex) -> Option<ColumnIndex> {
    let field = object.field_of(column)?;
    if field.definition.types.is_empty() {
        return None;
    }
    let wanted = field.definition.default_type.as_deref().map(fold_name);
    field
        .columns
        .clone()
        .find(|&column| object.columns[column].part.as_deref().map(fold_name) == wanted)
        .or(Some(field.columns.start))
}

fn explicit_columns(
    object: &Object,
    header: &[String],
    pairs: &[(String, String)],
) -> Result<Vec<(usize, Option<ColumnIndex>)>> {
    let mut explicit = Vec::with_capacity(pairs.len());
    for (name, field) in pairs {
        let source = header
            .iter()
            .position(|header| header == name)
            .or_else(|| header.iter().position(|header| fold_name(header) == fold_name(name)))
            .ok_or_else(|| {
                Error::request(format!("the source has no column `{name}`")).hint(format!(
                    "its columns are {}",
                    header.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                ))
            })?;
        if field.trim().is_empty() {
            explicit.push((source, None));
            continue;
        }
        let column = single_column(object, field)?;
        if is_read_only(object, column) {
            return Err(read_only(object, column));
        }
        explicit.push((source, Some(column)));
    }
    Ok(explicit)
}

/// Dray keeps these itself; a file may show them (an export does) but not set them.
fn is_read_only(object: &Object, column: ColumnIndex) -> bool {
    matches!(
        object.columns[column].system,
        Some(SystemColumn::UpdatedAt | SystemColumn::Version | SystemColumn::ImportId)
    )
}

fn read_only(object: &Object, column: ColumnIndex) -> Error {
    Error::request(format!("`{}` is kept by Dray and cannot be imported", object.columns[column].name))
}
