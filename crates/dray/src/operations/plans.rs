//! An import in two steps: a plan that is shown to somebody, and its confirmation within an hour. What was
//! sent rests among the kept files meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::Array;
use dray_engine::map::MappingRequest;
use dray_engine::write::Change;
use dray_model::catalog::Session;
use dray_model::definition::Mode;
use dray_model::flow::{ImportStatus, RowSource};
use dray_model::ledger::Fate;
use dray_model::object::{Object, SystemColumn};
use dray_model::problem::shown;
use dray_model::query::{Filter, Operator, Query};
use dray_model::value::text_of;
use dray_model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::import::{ImportReport, ImportRequest, Rows, Watch, import};
use super::import_job::ImportJob;
use super::ledger::{fates_json, problem_json};
use super::objects::KnownObjects;
use super::quota::{Exceeded, Quota};
use crate::failed_file::FailedFile;
use crate::source::Source;

/// The kind of document that holds a plan.
const KIND: &str = "plan";

/// How long a plan can be confirmed, in microseconds.
pub const PLAN_TIME: i64 = 3600 * 1_000_000;
/// Rows shown of what was sent.
const PREVIEW_ROWS: usize = 20;
/// Changed records that are looked at again before a confirmed import.
const WATCHED_RECORDS: usize = 1_000;
/// An import of more rows, or of a larger file, is done by a worker.
const LARGE_ROWS: u64 = 50_000;
/// See [`LARGE_ROWS`].
const LARGE_BYTES: u64 = 20 << 20;

/// A plan as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Letters and digits.
    pub id: String,
    /// The object.
    pub object: String,
    /// What is to be done.
    pub job: ImportJob,
    /// The size of the file.
    pub bytes: u64,
    /// Who asked.
    pub actor: String,
    /// Microseconds since the epoch, as all times here.
    pub created_at: i64,
    /// Until when it can be confirmed.
    pub expires_at: i64,
    /// Rows the file has.
    pub rows: u64,
    /// The fates it foresaw.
    pub fates: Map<String, Value>,
    /// Records it would change, the first of them.
    pub changes: Vec<i64>,
    /// Set once it was confirmed.
    pub confirmed: Option<Confirmed>,
}

/// What a confirmed plan became.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Confirmed {
    /// The import, where it was done at once.
    pub import: Option<i64>,
    /// The job, where a worker does it.
    pub job: Option<i64>,
    /// Which request confirmed it: the same one may ask again for the answer.
    pub request: String,
}

impl Plan {
    /// The plan of this id.
    pub fn find(session: &mut dyn Session, id: &str) -> Result<Option<Self>> {
        let Some(document) = session.find_document(KIND, id)? else { return Ok(None) };
        serde_json::from_str(&document.body)
            .map(Some)
            .map_err(|cause| Error::store("a plan cannot be read").because(cause))
    }

    /// Keeps it.
    pub fn save(&self, session: &mut dyn Session, now: i64) -> Result<()> {
        let body = serde_json::to_string(self)
            .map_err(|cause| Error::store("the plan cannot be written").because(cause))?;
        session.save_document(KIND, &self.id, &body, now)
    }

    /// Marks the plan as confirmed by this request; who was faster, where somebody was. A confirmation
    /// whose process died before its import was done is taken over.
    pub fn confirm(
        &mut self,
        session: &mut dyn Session,
        request: &str,
        now: i64,
    ) -> Result<Option<Confirmed>> {
        let Some(document) = session.find_document(KIND, &self.id)? else {
            return Err(Error::request("the plan is gone").hint("send the file again"));
        };
        let known = Self::find(session, &self.id)?.and_then(|plan| plan.confirmed);
        let was_asked_by_us = known.as_ref().is_some_and(|known| known.request == request);
        if let Some(known) = known.filter(|_| !was_asked_by_us) {
            let is_done = known.import.is_some() || known.job.is_some();
            if is_done || session.lock_object(&self.object, 0).is_err() {
                return Ok(Some(known));
            }
            session.unlock_object(&self.object)?;
            let found = session.find_import_by_fingerprint(&self.object, &self.fingerprint())?;
            if let Some(import) = found.filter(|import| import.status == ImportStatus::Completed) {
                return Ok(Some(Confirmed { import: Some(import.id), ..known }));
            }
        }
        self.confirmed = Some(Confirmed { import: None, job: None, request: request.to_owned() });
        let body = serde_json::to_string(self)
            .map_err(|cause| Error::store("the plan cannot be written").because(cause))?;
        if session.replace_document(KIND, &self.id, document.version, &body, now)? {
            return Ok(None);
        }
        let known = Self::find(session, &self.id)?.and_then(|plan| plan.confirmed);
        Ok(Some(known.unwrap_or(Confirmed { import: None, job: None, request: String::new() })))
    }

    /// True where a worker is to do it.
    pub fn is_large(&self) -> bool {
        self.rows > LARGE_ROWS || self.bytes > LARGE_BYTES
    }

    /// What tells the import of this plan from all others.
    pub fn fingerprint(&self) -> String {
        format!("plan {}", self.id)
    }
}

/// The first rows of what is to be imported.
#[derive(Debug, Default)]
pub struct Preview {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// Cells of the first rows, repaired where that was asked for, shortened.
    pub rows: Vec<Vec<Option<String>>>,
}

/// What came of the wish to plan.
#[derive(Debug)]
pub enum Planned {
    /// What would happen.
    Done(Box<ImportReport>, Preview),
    /// It cannot be imported; the report, where there is one, says why row by row.
    Refused(Error, Option<Box<ImportReport>>),
    /// It would pass a limit of the organization's plan.
    Exceeded(Exceeded),
}

/// Plans what a job asks for; nothing is written to any record.
pub fn plan(
    session: &mut dyn Session,
    known: &KnownObjects,
    object: &Arc<Object>,
    job: &ImportJob,
    source: &Source,
    quota: Quota,
    watch: &Watch,
) -> Result<Planned> {
    // What is wrong with the request itself is told as such, and not as the file's fault.
    let with_policy = job.policy.apply(object.as_ref().clone())?;
    session.prepare_object(object)?;
    let looked = || -> Result<Preview> { preview(source.open(0)?) };
    let preview = match looked() {
        Ok(preview) => preview,
        Err(error) if is_about_the_file(&error) => return Ok(Planned::Refused(error, None)),
        Err(error) => return Err(error),
    };
    let request = request_of(object, job, source, String::new(), None, true);
    let report = match import(session, known, request, watch) {
        Ok(report) => report,
        Err(error) if is_about_the_file(&error) => return Ok(Planned::Refused(error, None)),
        Err(error) => return Err(error),
    };
    let ledger = &report.import.ledger;
    if let Some(exceeded) = quota.exceeded(session, object, ledger.read, ledger.count(Fate::Created))? {
        return Ok(Planned::Exceeded(exceeded));
    }
    let rejected = ledger.count(Fate::Rejected);
    if with_policy.policy.mode == Mode::Atomic && rejected > 0 {
        let error = Error::request(format!(
            "{rejected} of {} rows cannot be imported, and imports into `{}` are all or nothing",
            ledger.read,
            object.name()
        ))
        .hint("repair the rows named below and send the file again");
        return Ok(Planned::Refused(error, Some(Box::new(report))));
    }
    Ok(Planned::Done(Box::new(report), preview))
}

/// The first rows of each fate as they are imported, with the cells that would change and what is wrong:
/// `{"updated": [{"row", "record", "cells": {column: text}, "changes": [{field, old, new}]}], …}`.
pub fn first_rows(report: &ImportReport, source: &Source) -> Result<Value> {
    let wanted: BTreeSet<u64> = report.first_rows.values().flatten().copied().collect();
    let cells = cells_of(source, &wanted)?;
    let mut out = Map::new();
    for (fate, rows) in &report.first_rows {
        let shown = rows.iter().map(|row| {
            let mut shown = Map::new();
            shown.insert("row".to_owned(), json!(row));
            shown.insert("cells".to_owned(), json!(cells.get(row)));
            let changes: Vec<&Change> =
                report.changes.iter().filter(|change| change.row_number == *row).collect();
            if let Some(first) = changes.first() {
                shown.insert("record".to_owned(), json!(first.record_id));
                let changes = changes
                    .iter()
                    .map(|change| json!({ "field": change.column, "old": change.old, "new": change.new }));
                shown.insert("changes".to_owned(), changes.collect());
            }
            let mut problems = report.problems.iter().filter(|problem| problem.row_number == *row).peekable();
            if problems.peek().is_some() {
                shown.insert("problems".to_owned(), problems.map(problem_json).collect());
            }
            Value::Object(shown)
        });
        out.insert(fate.word().to_owned(), shown.collect());
    }
    Ok(Value::Object(out))
}

/// The cells of these rows as the source gives them, repaired where that was asked for: row → column → text.
fn cells_of(source: &Source, wanted: &BTreeSet<u64>) -> Result<BTreeMap<u64, Map<String, Value>>> {
    let mut found = BTreeMap::new();
    let Some(&last) = wanted.last() else { return Ok(found) };
    let mut rows = source.open(0)?;
    let header = rows.header().to_vec();
    while let Some(batch) = rows.next_batch()? {
        let end = batch.first_row + batch.len() as u64;
        for &row in wanted.range(batch.first_row..end) {
            let index = usize::try_from(row - batch.first_row).unwrap_or(usize::MAX);
            let cell = |column: &arrow_array::StringArray| {
                (index < column.len() && column.is_valid(index)).then(|| shown(column.value(index)))
            };
            let cells = header.iter().zip(&batch.columns);
            found.insert(row, cells.map(|(name, column)| (name.clone(), json!(cell(column)))).collect());
        }
        if end > last {
            break;
        }
    }
    Ok(found)
}

/// Records that a plan would change.
pub fn changed_records(report: &ImportReport) -> Vec<i64> {
    let mut ids: Vec<i64> =
        report.changes.iter().map(|change| change.record_id).filter(|&id| id > 0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(WATCHED_RECORDS);
    ids
}

/// An import as a confirmed plan did it.
#[derive(Debug)]
pub struct Executed {
    /// What it came to.
    pub report: ImportReport,
    /// Fates whose number differs from the plan's: fate → planned and now.
    pub differences: Map<String, Value>,
    /// Records the plan would have changed that somebody changed between plan and confirmation.
    pub changed_since: Vec<i64>,
}

/// Does what was planned. The same plan is done once, however often this is called.
pub fn execute(
    session: &mut dyn Session,
    known: &KnownObjects,
    plan: &Plan,
    source: &Source,
    failed: Option<FailedFile>,
    watch: &Watch,
) -> Result<Executed> {
    let object = known.named(&plan.object)?;
    session.prepare_object(&object)?;
    let changed_since = changed_since(session, &object, plan)?;
    let request = request_of(&object, &plan.job, source, plan.fingerprint(), failed, false);
    let report = import(session, known, request, watch)?;
    let mut differences = Map::new();
    for (fate, now) in fates_json(&report.import.ledger) {
        let planned = plan.fates.get(&fate).cloned().unwrap_or(Value::Null);
        if planned != now {
            differences.insert(fate, json!({ "planned": planned, "now": now }));
        }
    }
    // Where the import was done before, it is what changed the records.
    let changed_since = if report.was_complete { Vec::new() } else { changed_since };
    Ok(Executed { report, differences, changed_since })
}

/// True where the import took effect.
pub fn has_effect(report: &ImportReport) -> bool {
    report.import.status == ImportStatus::Completed
}

fn request_of<'r>(
    object: &Arc<Object>,
    job: &ImportJob,
    source: &'r Source,
    fingerprint: String,
    failed: Option<FailedFile>,
    is_plan: bool,
) -> ImportRequest<'r> {
    ImportRequest {
        object: Arc::clone(object),
        policy: job.policy.clone(),
        rows: Rows::File(source),
        source_name: job.source_name.clone(),
        source_bytes: Some(source.bytes),
        resume: !fingerprint.is_empty(),
        fingerprint,
        mapping: MappingRequest { columns: job.columns.clone(), statics: job.statics.clone() },
        date_order: job.date_order(),
        failed,
        plan: is_plan,
        quota: job.quota(),
    }
}

/// Errors that say something about what was sent and not about this server.
fn is_about_the_file(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Request | ErrorKind::Source | ErrorKind::Limit)
}

fn preview(mut source: Box<dyn RowSource>) -> Result<Preview> {
    let mut preview = Preview { columns: source.header().to_vec(), rows: Vec::new() };
    while preview.rows.len() < PREVIEW_ROWS {
        let Some(batch) = source.next_batch()? else { break };
        for row in 0..batch.len().min(PREVIEW_ROWS - preview.rows.len()) {
            let cell = |column: &arrow_array::StringArray| {
                (row < column.len() && column.is_valid(row)).then(|| shown(column.value(row)))
            };
            preview.rows.push(batch.columns.iter().map(cell).collect());
        }
    }
    Ok(preview)
}

/// Records the plan would have changed that were written since.
fn changed_since(session: &mut dyn Session, object: &Object, plan: &Plan) -> Result<Vec<i64>> {
    if plan.changes.is_empty() {
        return Ok(Vec::new());
    }
    let id = object.system(SystemColumn::Id);
    let updated_at = object.system(SystemColumn::UpdatedAt);
    let filter = Filter::And(vec![
        Filter::Compare {
            column: id,
            operator: Operator::In,
            values: plan.changes.iter().map(i64::to_string).collect(),
        },
        Filter::Compare {
            column: updated_at,
            operator: Operator::GreaterOrEqual,
            values: vec![super::ledger::time(plan.created_at)],
        },
    ]);
    let query = Query { filter: Some(filter), ..Query::default() };
    let value_type = object.columns[id].value_type;
    let mut found = Vec::new();
    session.read(object, &query, &[id], 1_000, &mut |batch| {
        let ids = (0..batch.num_rows()).filter_map(|row| text_of(value_type, batch.column(0).as_ref(), row));
        found.extend(ids.filter_map(|id| id.parse::<i64>().ok()));
        Ok(())
    })?;
    Ok(found)
}
