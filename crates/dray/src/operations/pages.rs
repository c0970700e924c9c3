//! Records page by page. A page goes on after the last record of the one before it, by what that record
//! had in the fields sorted by, and not by counting: records that come and go meanwhile shift nothing.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dray_formats::{Format, WriteOptions, writer};
use dray_model::catalog::Session;
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::query::{Filter, Operator, Query, Sort};
use dray_model::value::text_of;
use dray_model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::export::output_column;
use super::selection::Selection;

/// The most records of one page.
pub const MOST_RECORDS: u64 = 1_000;
/// A page that is larger than this ends, however many records were asked for.
const PAGE_BYTES: usize = 8 << 20;
/// Records read at a time.
const BATCH_ROWS: usize = 64;
/// The longest place to go on from.
const CURSOR_BYTES: usize = 16 << 10;
/// Up to this many records are counted.
pub const COUNTED: u64 = 10_000;

/// Some records, and where the next ones are.
#[derive(Debug)]
pub struct Page {
    /// The records as a JSON array.
    pub records: Box<RawValue>,
    /// How many they are.
    pub count: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// How many records there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The number.
    pub count: u64,
    /// What it is: `exact`, `estimate` or `at_least`.
    pub is: &'static str,
}

/// Where a page ended.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    /// The sort order it belongs to.
    s: String,
    /// What the last record had in the fields sorted by.
    v: Vec<Option<String>>,
    /// Its id.
    i: i64,
}

/// Reads one page.
pub fn page(
    session: &mut dyn Session,
    object: &Object,
    selection: &Selection,
    limit: u64,
    cursor: Option<&str>,
) -> Result<Page> {
    let id = object.system(SystemColumn::Id);
    // The id tells records apart: whatever comes after it in the order makes no difference.
    let keys =
        selection.sort.iter().position(|sort| sort.column == id).map_or(selection.sort.len(), |at| at + 1);
    let sort: Vec<Sort> = selection.sort.iter().copied().take(keys).collect();
    let order = order_text(object, &sort);
    let cursor = cursor.map(|cursor| read_cursor(cursor, &order, sort.len())).transpose()?;
    let columns: Vec<ColumnIndex> = match selection.columns.as_slice() {
        [] => (0..object.columns.len()).collect(),
        some => some.to_vec(),
    };
    let shown = columns.len();
    let read: Vec<ColumnIndex> =
        columns.iter().copied().chain(sort.iter().map(|sort| sort.column)).chain([id]).collect();
    let held = Held::default();
    let output = columns.iter().map(|&column| output_column(object, column, false)).collect();
    let mut rows = writer(Format::Json, output, &WriteOptions::default(), Box::new(held.clone()))?;
    let mut count = 0_u64;
    let mut last: Option<Cursor> = None;
    let mut has_more = false;
    for stretch in stretches(object, &sort, cursor.as_ref()) {
        let conditions: Vec<Filter> = selection.filter.iter().cloned().chain(stretch.conditions).collect();
        let query = Query {
            filter: if conditions.is_empty() { None } else { Some(Filter::And(conditions)) },
            sort: stretch.sort,
            limit: Some((limit - count).saturating_add(1)),
        };
        let done = session.read(object, &query, &read, BATCH_ROWS, &mut |batch| {
            let room = usize::try_from(limit - count).unwrap_or(usize::MAX);
            let taken = batch.num_rows().min(room);
            if taken > 0 {
                let kept = batch.slice(0, taken);
                last = Some(place(object, &sort, &order, &kept, shown, taken - 1));
                rows.write(&first_columns(&kept, shown)?)?;
                count += taken as u64;
            }
            has_more = taken < batch.num_rows();
            let is_full = has_more || held.len() >= PAGE_BYTES;
            if is_full { Err(full()) } else { Ok(()) }
        });
        match done {
            Err(error) if error.kind == ErrorKind::Interrupted => has_more = true,
            other => other?,
        }
        if has_more {
            break;
        }
    }
    rows.finish()?;
    let text = String::from_utf8(held.take())
        .map_err(|cause| Error::store("the records read are no text").because(cause))?;
    let records = RawValue::from_string(text)
        .map_err(|cause| Error::store("the records read are no JSON").because(cause))?;
    let next = match last.filter(|_| has_more) {
        Some(last) => Some(write_cursor(&last)?),
        None => None,
    };
    Ok(Page { records, count: usize::try_from(count).unwrap_or(usize::MAX), next })
}

/// One record as a JSON object.
pub fn record(session: &mut dyn Session, object: &Object, id: i64) -> Result<Option<Box<RawValue>>> {
    let condition = Filter::Compare {
        column: object.system(SystemColumn::Id),
        operator: Operator::Equal,
        values: vec![id.to_string()],
    };
    let selection = Selection { filter: Some(condition), ..Selection::default() };
    let page = page(session, object, &selection, 1, None)?;
    let records: Vec<Box<RawValue>> = serde_json::from_str(page.records.get())
        .map_err(|cause| Error::store("the record read is no JSON").because(cause))?;
    Ok(records.into_iter().next())
}

/// How many records a filter finds: counted up to [`COUNTED`].
pub fn total(session: &mut dyn Session, object: &Object, filter: Option<&Filter>) -> Result<Total> {
    let counted = session.count_records(object, filter, COUNTED)?;
    if counted < COUNTED {
        return Ok(Total { count: counted, is: "exact" });
    }
    Ok(match filter {
        Some(_) => Total { count: counted, is: "at_least" },
        None => Total { count: session.estimated_records(object)?, is: "estimate" },
    })
}

/// What ends the reading of a page that is full.
fn full() -> Error {
    Error::new(ErrorKind::Interrupted, "the page is full")
}

fn first_columns(batch: &RecordBatch, count: usize) -> Result<RecordBatch> {
    let columns: Vec<usize> = (0..count).collect();
    batch.project(&columns).map_err(|cause| Error::store("the columns read do not fit").because(cause))
}

fn order_text(object: &Object, sort: &[Sort]) -> String {
    let key = |sort: &Sort| {
        let direction = if sort.descending { "desc" } else { "asc" };
        format!("{}:{direction}", object.columns[sort.column].name)
    };
    sort.iter().map(key).collect::<Vec<_>>().join(",")
}

/// The place of a row of a batch, whose columns behind the first `shown` are those sorted by and the id.
fn place(
    object: &Object,
    sort: &[Sort],
    order: &str,
    batch: &RecordBatch,
    shown: usize,
    row: usize,
) -> Cursor {
    let cell = |index: usize, column: ColumnIndex| {
        text_of(object.columns[column].value_type, batch.column(index).as_ref(), row)
    };
    let values = sort.iter().enumerate().map(|(key, sort)| cell(shown + key, sort.column)).collect();
    let id = cell(shown + sort.len(), object.system(SystemColumn::Id));
    Cursor { s: order.to_owned(), v: values, i: id.and_then(|id| id.parse().ok()).unwrap_or(0) }
}

fn write_cursor(cursor: &Cursor) -> Result<String> {
    let text = serde_json::to_string(cursor)
        .map_err(|cause| Error::request("the page's end cannot be written").because(cause))?;
    if text.len() > CURSOR_BYTES {
        return Err(Error::request("the texts sorted by are too long to go on page by page")
            .hint("sort by another field, or export the records"));
    }
    Ok(URL_SAFE_NO_PAD.encode(text))
}

fn read_cursor(text: &str, order: &str, keys: usize) -> Result<Cursor> {
    let wrong = || Error::request("the cursor is none that this server gave").hint("begin without a cursor");
    if text.len() > CURSOR_BYTES * 2 {
        return Err(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if cursor.s != order || cursor.v.len() != keys {
        return Err(Error::request("the cursor belongs to another sort order")
            .hint("sort as before, or begin without a cursor"));
    }
    Ok(cursor)
}

/// Records that are read together, in their order.
struct Stretch {
    conditions: Vec<Filter>,
    sort: Vec<Sort>,
}

/// The records of an order from a place on: those that have a value in the first field sorted by, and behind
/// them those that have none. Each by itself is read in the order of an index, where there is one, and begins
/// in it where the page does.
fn stretches(object: &Object, sort: &[Sort], cursor: Option<&Cursor>) -> Vec<Stretch> {
    let place = cursor.map(|cursor| after(object, sort, cursor));
    let id = object.system(SystemColumn::Id);
    let Some((first, rest)) = sort.split_first().filter(|(first, _)| first.column != id) else {
        return vec![Stretch { conditions: place.into_iter().collect(), sort: sort.to_vec() }];
    };
    let is = |operator, values| Filter::Compare { column: first.column, operator, values };
    let mut empty = Stretch { conditions: vec![is(Operator::IsEmpty, Vec::new())], sort: rest.to_vec() };
    let mut filled = Stretch { conditions: vec![is(Operator::IsNotEmpty, Vec::new())], sort: sort.to_vec() };
    match cursor.and_then(|cursor| cursor.v.first()) {
        Some(Some(value)) => {
            let from = if first.descending { Operator::LessOrEqual } else { Operator::GreaterOrEqual };
            filled.conditions.push(is(from, vec![value.clone()]));
            filled.conditions.extend(place);
        }
        Some(None) => {
            empty.conditions.extend(place);
            return vec![empty];
        }
        None => {}
    }
    vec![filled, empty]
}

/// The condition that a record comes after this place. Empty cells come last in either direction.
fn after(object: &Object, sort: &[Sort], cursor: &Cursor) -> Filter {
    let compare = |column, operator, values: Vec<String>| Filter::Compare { column, operator, values };
    let id = object.system(SystemColumn::Id);
    let mut behind = compare(id, Operator::Greater, vec![cursor.i.to_string()]);
    for (sort, value) in sort.iter().zip(&cursor.v).rev() {
        let column = sort.column;
        let later = if sort.descending { Operator::Less } else { Operator::Greater };
        if column == id {
            behind = compare(id, later, vec![cursor.i.to_string()]);
            continue;
        }
        let is_empty = compare(column, Operator::IsEmpty, Vec::new());
        behind = match value {
            None => Filter::And(vec![is_empty, behind]),
            Some(value) => {
                let same = compare(column, Operator::Between, vec![value.clone(), value.clone()]);
                let past = compare(column, later, vec![value.clone()]);
                Filter::Or(vec![past, is_empty, Filter::And(vec![same, behind])])
            }
        };
    }
    behind
}

/// Bytes held in memory.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<u8>>>);

impl Held {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
