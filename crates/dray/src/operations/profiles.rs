//! Profiles as the pipelines' API shows them: a page of those a filter lets through, or one by its id.

use std::sync::Arc;

use arrow_array::Array;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use dray_engine::expression::types::is_property_name;
use dray_engine::expression::{Record, Schema, Type, Value};
use dray_engine::pipeline::leaves::{Leaf, leaves};
use dray_engine::pipeline::rest::{append_json, append_record};
use dray_engine::pipeline::rows::Picked;
use dray_engine::pipeline::stored::{record_of, stored_text};
use dray_engine::record_filter::operator::Test;
use dray_engine::record_filter::{self, Condition};
use dray_model::catalog::Session;
use dray_model::object::{ColumnIndex, Object};
use dray_model::problem::shown;
use dray_model::query::{Filter, Operator, Query, Sort};
use dray_model::value::{ValueType, text_of};
use dray_model::{Error, ErrorKind, Result};

use super::identities::column;
use super::profile_schema::{self, KPID, SOURCE_UPDATED_AT};

/// The largest page, in bytes; a page of very large profiles has fewer of them.
const PAGE_BYTES: usize = 16 << 20;
/// Profiles counted at most.
const MOST_COUNTED: u64 = 1_000_000;
/// Profiles looked at behind a full page to count those that a filter lets through.
const LOOKED_AT: u64 = 100_000;
/// Rows read at a time.
const BATCH_ROWS: usize = 1_024;
/// The longest text of a decimal that a store is asked about.
const DECIMAL_LETTERS: usize = 100;

/// Which profiles.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Names of properties; all where it is none.
    pub properties: Option<Vec<String>>,
    /// A filter, as JSON.
    pub filter: Option<String>,
    /// The property they are sorted by; the time of their last update where it is none.
    pub order: Option<String>,
    /// The largest first.
    pub descending: bool,
    /// So many are passed over.
    pub first: u64,
    /// The most.
    pub limit: u64,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is malformed.
    Malformed(String),
    /// It names a property that there is not.
    NoProperty(String),
    /// It is to be sorted by what there is not.
    NoOrder(String),
    /// It is to be sorted by what has no order.
    NotSortable(String),
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// The profiles, a JSON array.
    pub profiles: String,
    /// The schema of their attributes, as JSON.
    pub schema: String,
    /// How many there are, about.
    pub total: u64,
}

/// What is read of each profile, and where it stands.
pub struct Reading {
    /// The object `profiles`.
    pub object: Arc<Object>,
    /// The whole schema: filters look at properties that are not shown.
    schema: Arc<Schema>,
    leaves: Vec<Leaf>,
    /// The columns that are read.
    pub columns: Vec<ColumnIndex>,
    types: Vec<ValueType>,
}

impl Reading {
    /// Everything that profiles have.
    pub fn new(session: &mut dyn Session) -> Result<Self> {
        let schema = profile_schema::load(session)?.schema;
        let now = session.time()?;
        let object = profile_schema::prepare_profiles(session, &schema, now)?;
        let leaves = leaves(&schema);
        let mut columns = vec![column(&object, KPID)?, column(&object, SOURCE_UPDATED_AT)?];
        for leaf in &leaves {
            columns.push(column(&object, &leaf.column)?);
        }
        let types = columns.iter().map(|&column| object.columns[column].value_type).collect();
        Ok(Self { object, schema, leaves, columns, types })
    }

    /// A profile of a batch of [`Reading::columns`].
    pub fn record(&self, batch: &RecordBatch, row: usize) -> Record {
        record_of(&self.schema, &self.leaves, |index, _| {
            let value_type = *self.types.get(index + 2)?;
            text_of(value_type, batch.column(index + 2).as_ref(), row).map(Into::into)
        })
    }

    /// A part of the profiles' schema, and how it is taken of a profile.
    pub fn part(&self, part: &Schema) -> Picked {
        Picked::between(&self.schema, part)
    }

    /// The column of a leaf.
    pub fn leaf_column(&self, leaf: &Leaf) -> Option<ColumnIndex> {
        let index = self.leaves.iter().position(|known| known.path == leaf.path)?;
        self.columns.get(index + 2).copied()
    }
}

/// A page of profiles.
pub fn list(session: &mut dyn Session, asked: &Asked) -> Result<std::result::Result<Page, Refusal>> {
    let reading = Reading::new(session)?;
    let shown_schema = match shown_schema(&reading.schema, asked.properties.as_deref()) {
        Ok(schema) => schema,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let sort = match sort_of(&reading, asked) {
        Ok(sort) => sort,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let filter = match asked.filter.as_deref().map(|text| read_filter(text, &reading.schema)).transpose() {
        Ok(filter) => filter,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (condition, is_exact) = match &filter {
        None => (None, true),
        Some(filter) => condition_of(&reading, filter),
    };
    let has_id = is_not_empty(column(&reading.object, KPID)?);
    let query = Query {
        filter: Some(Filter::And(std::iter::once(has_id).chain(condition).collect())),
        sort: vec![sort],
        limit: is_exact.then(|| asked.first.saturating_add(asked.limit)),
    };
    let mut found = Found { passed: 0, shown: 0, behind: 0, profiles: "[".to_owned(), is_whole: true };
    let done = session.read(&reading.object, &query, &reading.columns, BATCH_ROWS, &mut |batch| {
        found.take(&reading, &batch, asked, filter.as_ref().filter(|_| !is_exact), &shown_schema)
    });
    match done {
        Err(error) if error.kind == ErrorKind::Interrupted => found.is_whole = false,
        other => other?,
    }
    found.profiles.push(']');
    let total = if is_exact {
        session.count_records(&reading.object, query.filter.as_ref(), MOST_COUNTED)?
    } else {
        found.passed + found.shown + u64::from(!found.is_whole)
    };
    Ok(Ok(Page { profiles: found.profiles, schema: shown_schema.to_json(), total }))
}

/// The attributes of one profile, as JSON.
pub fn attributes(session: &mut dyn Session, kpid: &str) -> Result<Option<String>> {
    let reading = Reading::new(session)?;
    let condition = Filter::Compare {
        column: column(&reading.object, KPID)?,
        operator: Operator::Equal,
        values: vec![kpid.to_lowercase()],
    };
    let query = Query { filter: Some(condition), limit: Some(1), ..Query::default() };
    let mut found = None;
    session.read(&reading.object, &query, &reading.columns, 1, &mut |batch| {
        if batch.num_rows() > 0 {
            let mut out = String::new();
            append_record(&reading.record(&batch, 0), &reading.schema, &mut out);
            found = Some(out);
        }
        Ok(())
    })?;
    Ok(found)
}

struct Found {
    /// Let through, but not shown: those before the page and those behind it.
    passed: u64,
    shown: u64,
    /// Looked at behind the page.
    behind: u64,
    profiles: String,
    is_whole: bool,
}

impl Found {
    fn take(
        &mut self,
        reading: &Reading,
        batch: &RecordBatch,
        asked: &Asked,
        filter: Option<&record_filter::Filter>,
        shown_schema: &Schema,
    ) -> Result<()> {
        for row in 0..batch.num_rows() {
            let is_full = self.shown >= asked.limit || self.profiles.len() >= PAGE_BYTES;
            self.behind += u64::from(is_full);
            if is_full && (filter.is_none() || self.behind > LOOKED_AT) {
                return Err(Error::new(ErrorKind::Interrupted, "the page is full"));
            }
            let is_before = self.passed < asked.first && !is_full;
            if filter.is_none() && is_before {
                self.passed += 1;
                continue;
            }
            let record = reading.record(batch, row);
            if filter.is_some_and(|filter| !filter.matches(&record)) {
                continue;
            }
            if is_before || is_full {
                self.passed += 1;
                continue;
            }
            self.append(reading, batch, row, record, shown_schema);
        }
        Ok(())
    }

    fn append(&mut self, reading: &Reading, batch: &RecordBatch, row: usize, record: Record, shown: &Schema) {
        let out = &mut self.profiles;
        if self.shown > 0 {
            out.push(',');
        }
        self.shown += 1;
        out.push_str("{\"kpid\":");
        let kpid = text_of(ValueType::Uuid, batch.column(0).as_ref(), row).unwrap_or_default();
        append_json(&Value::text(kpid), &Type::string(), out);
        out.push_str(",\"updatedAt\":");
        let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        let time = times.is_valid(row).then(|| times.value(row));
        append_json(&time_value(time), &Type::DateTime, out);
        out.push_str(",\"attributes\":");
        let shown_record: Record = reading
            .schema
            .properties
            .iter()
            .zip(record)
            .filter(|(property, _)| shown.find(&property.name).is_some())
            .map(|(_, value)| value)
            .collect();
        append_record(&shown_record, shown, out);
        out.push('}');
    }
}

/// A time of a column.
pub fn time_value(micros: Option<i64>) -> Value {
    micros.map_or(Value::Null, |micros| Value::DateTime(i128::from(micros) * 1_000))
}

/// The properties that are asked for, in the schema's order.
fn shown_schema(schema: &Schema, names: Option<&[String]>) -> std::result::Result<Schema, Refusal> {
    let Some(names) = names else { return Ok(schema.clone()) };
    for name in names {
        if !is_property_name(name) {
            return Err(Refusal::Malformed(format!("`{}` is not the name of a property", shown(name))));
        }
        if schema.find(name).is_none() {
            return Err(Refusal::NoProperty(format!("profiles have no property `{}`", shown(name))));
        }
    }
    let properties = schema.properties.iter().filter(|property| names.contains(&property.name));
    Ok(Schema { properties: properties.cloned().collect() })
}

fn sort_of(reading: &Reading, asked: &Asked) -> std::result::Result<Sort, Refusal> {
    let descending = asked.descending;
    let Some(name) = asked.order.as_deref() else {
        return Ok(Sort { column: reading.columns.get(1).copied().unwrap_or_default(), descending });
    };
    let missing = || Refusal::NoOrder(format!("profiles have no property `{}` to sort by", shown(name)));
    let (_, property) = reading.schema.find(name).ok_or_else(missing)?;
    if matches!(property.kind, Type::Json | Type::Array(_) | Type::Object(_) | Type::Map(_)) {
        let kind = property.kind.kind();
        return Err(Refusal::NotSortable(format!("`{name}` is of kind {kind}, which has no order")));
    }
    let leaf = reading.leaves.iter().find(|leaf| leaf.path == name).ok_or_else(missing)?;
    let column = reading.leaf_column(leaf).ok_or_else(missing)?;
    Ok(Sort { column, descending })
}

fn read_filter(text: &str, schema: &Schema) -> std::result::Result<record_filter::Filter, Refusal> {
    unknown_property(text, schema)?;
    let filter =
        record_filter::Filter::parse(text, schema).map_err(|error| Refusal::Malformed(error.to_string()))?;
    for condition in &filter.conditions {
        let kind = schema.at_path(&condition.input).map(|property| &property.kind);
        let name = condition.operator.name;
        if matches!(kind, Some(Type::Json)) {
            return Err(Refusal::Malformed(format!(
                "`{}` is JSON, which is not filtered on",
                condition.input
            )));
        }
        if matches!(kind, Some(Type::Object(_))) && condition.operator.test == Test::Empty {
            return Err(Refusal::Malformed(format!(
                "`{name}` cannot be asked of the object `{}`",
                condition.input
            )));
        }
    }
    Ok(filter)
}

/// A path that there is not is another mistake than a malformed filter.
fn unknown_property(text: &str, schema: &Schema) -> std::result::Result<(), Refusal> {
    let Ok(filter) = serde_json::from_str::<serde_json::Value>(text) else { return Ok(()) };
    let conditions = filter.get("conditions").and_then(serde_json::Value::as_array);
    for condition in conditions.into_iter().flatten() {
        let Some(path) = condition.get("property").and_then(serde_json::Value::as_str) else { continue };
        let names: Vec<&str> = path.split('.').collect();
        let is_within_leaf = (1..names.len()).any(|count| {
            let above = names.get(..count).map(|names| names.join(".")).unwrap_or_default();
            schema.at_path(&above).is_some_and(|property| !matches!(property.kind, Type::Object(_)))
        });
        let is_path = names.iter().all(|name| is_property_name(name));
        if is_path && !is_within_leaf && schema.at_path(path).is_none() {
            return Err(Refusal::NoProperty(format!("profiles have no property `{}`", shown(path))));
        }
    }
    Ok(())
}

/// What a store can be asked of a filter, and whether that is all of it. A store never leaves out what the
/// filter lets through; where it lets through more, the filter is applied to what comes.
fn condition_of(reading: &Reading, filter: &record_filter::Filter) -> (Option<Filter>, bool) {
    let parts: Vec<Option<(Filter, bool)>> =
        filter.conditions.iter().map(|condition| part_of(reading, condition)).collect();
    let is_exact = parts.iter().all(|part| part.as_ref().is_some_and(|(_, is_exact)| *is_exact));
    let known = || parts.iter().flatten().map(|(filter, _)| filter.clone()).collect::<Vec<_>>();
    if filter.all {
        return (Some(Filter::And(known())), is_exact);
    }
    let is_whole = parts.iter().all(Option::is_some);
    (is_whole.then(|| Filter::Or(known())), is_exact)
}

/// One condition as a store understands it, and whether it is the same.
fn part_of(reading: &Reading, condition: &Condition) -> Option<(Filter, bool)> {
    let Condition { operator, values, input, .. } = condition;
    let within = |leaf: &&Leaf| {
        leaf.path == *input
            || leaf.path.strip_prefix(input.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    let columns: Vec<(ColumnIndex, &Leaf)> = reading
        .leaves
        .iter()
        .filter(within)
        .filter_map(|leaf| Some((reading.leaf_column(leaf)?, leaf)))
        .collect();
    let is_there = Filter::Or(columns.iter().map(|(column, _)| is_not_empty(*column)).collect());
    let (is_missing, opposite) = (Filter::Not(Box::new(is_there.clone())), operator.opposite);
    if operator.test == Test::Exists {
        return Some((if opposite { is_missing } else { is_there }, true));
    }
    let &[(column, leaf)] = columns.as_slice() else { return None };
    let kind = &leaf.property.kind;
    if operator.test == Test::Empty {
        // No column holds an empty text.
        let of_text = matches!(kind, Type::String(_));
        return of_text.then_some((if opposite { is_there } else { is_missing }, true));
    }
    let is_caseless = reading.object.columns.get(column)?.caseless;
    let is_text = matches!(kind, Type::String(_));
    match kind {
        Type::String(_) | Type::Boolean | Type::Int(_) | Type::Year | Type::Date | Type::Uuid | Type::Ip => {}
        Type::DateTime | Type::Time if values.iter().all(in_microseconds) => {}
        // Others are kept as texts, which sort in another way.
        Type::Decimal(_) if reading.object.columns.get(column)?.value_type == ValueType::Decimal => {}
        _ => return None,
    }
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        let text = stored_text(value, kind)?;
        if matches!(kind, Type::Decimal(_)) && (text.len() > DECIMAL_LETTERS || text.contains('e')) {
            return None;
        }
        texts.push(text);
    }
    let compare = |operator, values| Filter::Compare { column, operator, values };
    let exact = |filter| Some((filter, !is_caseless));
    // A store that finds too much has to find too much: of the opposite it would find too little.
    let negated = |asked, denied, texts| match (opposite, is_caseless) {
        (false, _) => exact(compare(asked, texts)),
        (true, false) => exact(compare(denied, texts)),
        (true, true) => None,
    };
    let ordered = |operator, texts| if is_caseless { None } else { exact(compare(operator, texts)) };
    match operator.test {
        Test::Is => negated(Operator::Equal, Operator::NotEqual, texts),
        Test::OneOf => negated(Operator::In, Operator::NotIn, texts),
        Test::LessThan | Test::Before => ordered(Operator::Less, texts),
        Test::LessThanOrEqual | Test::OnOrBefore => ordered(Operator::LessOrEqual, texts),
        Test::GreaterThan | Test::After => ordered(Operator::Greater, texts),
        Test::GreaterThanOrEqual | Test::OnOrAfter => ordered(Operator::GreaterOrEqual, texts),
        Test::Between if opposite => ordered(Operator::Between, texts)
            .map(|(filter, is_exact)| (Filter::Not(Box::new(filter)), is_exact)),
        Test::Between => ordered(Operator::Between, texts),
        // The store's texts have no case.
        Test::Contains if is_text && !opposite => Some((compare(Operator::Contains, texts), false)),
        Test::StartsWith if is_text => Some((compare(Operator::StartsWith, texts), false)),
        Test::EndsWith if is_text => Some((compare(Operator::EndsWith, texts), false)),
        Test::True => exact(compare(Operator::Equal, vec!["true".to_owned()])),
        Test::False => exact(compare(Operator::Equal, vec!["false".to_owned()])),
        _ => None,
    }
}

/// Columns hold no finer times.
fn in_microseconds(value: &Value) -> bool {
    match value {
        Value::DateTime(nanos) => nanos % 1_000 == 0,
        Value::Time(nanos) => nanos % 1_000 == 0,
        _ => true,
    }
}

fn is_not_empty(column: ColumnIndex) -> Filter {
    Filter::Compare { column, operator: Operator::IsNotEmpty, values: Vec::new() }
}
