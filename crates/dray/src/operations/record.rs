//! One record made, changed or deleted by a program or a page: an import of one row, so that no rule
//! exists twice, under the same lock that imports take.

use std::sync::Arc;

use bytes::Bytes;
use dray_engine::fates::{Stretch, stretches};
use dray_engine::map::MappingRequest;
use dray_engine::query::nearest_field;
use dray_formats::{Format, ReadOptions};
use dray_model::catalog::Session;
use dray_model::definition::{Merge, OnDuplicate};
use dray_model::flow::ImportStatus;
use dray_model::ledger::Fate;
use dray_model::object::{Object, SystemColumn};
use dray_model::problem::Problem;
use dray_model::{Error, Result};
use serde_json::{Map, Value};

use super::import::{ImportReport, ImportRequest, Rows, Watch, import};
use super::objects::KnownObjects;
use super::outcomes::{ImportNote, save_note};
use super::policy::PolicyRequest;
use super::quota::{Exceeded, Quota};

/// The source's name of an import of one record, by which lists of imports leave them out.
pub const SOURCE: &str = "record";

/// How long somebody waits for an import of the same object to end.
const LOCK_SECONDS: u64 = 10;

/// A record to make or to change.
#[derive(Debug)]
pub struct RecordWrite {
    /// The object.
    pub object: Arc<Object>,
    /// The record to change; a new one where there is none.
    pub id: Option<i64>,
    /// Field → value, as the request has them.
    pub members: Map<String, Value>,
    /// The version the record must still have.
    pub expected_version: Option<i64>,
    /// Tells whether the same request was carried out before; empty where nobody can tell.
    pub fingerprint: String,
    /// What the organization may have.
    pub quota: Quota,
    /// Who asks.
    pub actor: String,
}

/// What became of it.
#[derive(Debug)]
pub enum Written {
    /// It was written, or was so already.
    Done {
        /// The record's id.
        id: i64,
        /// The import that wrote it.
        import: i64,
    },
    /// The organization may have no more.
    Exceeded(Exceeded),
    /// The values are not those the fields ask for.
    Refused(Vec<Problem>),
    /// There is no such record.
    Missing,
    /// The record has another version.
    Outdated(i64),
    /// An import of the object is running.
    Busy,
}

/// Makes or changes a record.
pub fn write(session: &mut dyn Session, known: &KnownObjects, write: RecordWrite) -> Result<Written> {
    let object = Arc::clone(&write.object);
    session.prepare_object(&object)?;
    if !lock(session, &object)? {
        return Ok(Written::Busy);
    }
    let written = write_locked(session, known, write);
    let unlocked = session.unlock_object(object.name());
    written.and_then(|written| unlocked.map(|()| written))
}

/// Deletes a record; as [`write`], `Refused` and `Done` without an import apart.
pub fn delete(
    session: &mut dyn Session,
    object: &Object,
    id: i64,
    expected_version: Option<i64>,
) -> Result<Written> {
    session.prepare_object(object)?;
    if !lock(session, object)? {
        return Ok(Written::Busy);
    }
    let deleted = (|| {
        let Some(version) = version_of(session, object, id)? else { return Ok(Written::Missing) };
        if expected_version.is_some_and(|expected| expected != version) {
            return Ok(Written::Outdated(version));
        }
        session.delete_records(object, &[id])?;
        Ok(Written::Done { id, import: 0 })
    })();
    let unlocked = session.unlock_object(object.name());
    deleted.and_then(|deleted| unlocked.map(|()| deleted))
}

/// Takes the object's lock; false where an import has it.
pub fn lock(session: &mut dyn Session, object: &Object) -> Result<bool> {
    match session.lock_object(object.name(), LOCK_SECONDS) {
        Ok(()) => Ok(true),
        Err(error) if error.retryable => Ok(false),
        Err(error) => Err(error),
    }
}

fn version_of(session: &mut dyn Session, object: &Object, id: i64) -> Result<Option<i64>> {
    let column = object.system(SystemColumn::Id);
    let found = session.find(object, column, &[&id.to_string()], &[column])?;
    Ok(found.versions.first().copied())
}

fn write_locked(session: &mut dyn Session, known: &KnownObjects, write: RecordWrite) -> Result<Written> {
    let RecordWrite { object, id, members, expected_version, fingerprint, quota, actor } = write;
    let mut record = flat_record(&object, members)?;
    if let Some(id) = id {
        let Some(version) = version_of(session, &object, id)? else { return Ok(Written::Missing) };
        if expected_version.is_some_and(|expected| expected != version) {
            return Ok(Written::Outdated(version));
        }
        if record.is_empty() {
            return Ok(Written::Done { id, import: 0 });
        }
        record.insert("id".to_owned(), Value::from(id));
    } else if is_empty(&record) {
        return Err(Error::request("the record is empty").hint("give at least one field a value"));
    }
    let policy = PolicyRequest {
        match_by: if id.is_some() { vec!["id".to_owned()] } else { Vec::new() },
        on_duplicate: Some(if id.is_some() { OnDuplicate::Update } else { OnDuplicate::Create }),
        merge: Some(Merge::Overwrite),
        ..PolicyRequest::default()
    };
    let row =
        Row { object: Arc::clone(&object), record, policy, source: SOURCE.to_owned(), fingerprint, quota };
    let report = match import_row(session, known, row, actor)? {
        Ok(report) => report,
        Err(written) => return Ok(written),
    };
    let written = match id {
        Some(id) => Some(id),
        None => written_record(session, report.import.id)?.map(|(id, _)| id),
    };
    match written {
        Some(id) if report.import.ledger.count(Fate::Conflicted) > 0 => {
            Ok(version_of(session, &object, id)?.map_or(Written::Missing, Written::Outdated))
        }
        Some(id) => Ok(Written::Done { id, import: report.import.id }),
        None => Err(Error::store(format!("import {} wrote no record", report.import.id))),
    }
}

/// A record that somebody else sends, which may be there already.
#[derive(Debug)]
pub struct Received {
    /// The object.
    pub object: Arc<Object>,
    /// Field → value.
    pub members: Map<String, Value>,
    /// The fields that tell whether it is there; those of the object's policy where there are none.
    pub match_by: Vec<String>,
    /// Tells whether it was written before.
    pub fingerprint: String,
    /// Where it comes from, for people.
    pub source: String,
    /// What the organization may have.
    pub quota: Quota,
    /// Who asks.
    pub actor: String,
}

/// Makes a record, or changes the one that is there already; also the word for what became of it.
pub fn receive(
    session: &mut dyn Session,
    known: &KnownObjects,
    received: Received,
) -> Result<(Written, &'static str)> {
    let object = Arc::clone(&received.object);
    session.prepare_object(&object)?;
    if !lock(session, &object)? {
        return Ok((Written::Busy, ""));
    }
    let written = receive_locked(session, known, received);
    let unlocked = session.unlock_object(object.name());
    written.and_then(|written| unlocked.map(|()| written))
}

fn receive_locked(
    session: &mut dyn Session,
    known: &KnownObjects,
    received: Received,
) -> Result<(Written, &'static str)> {
    let Received { object, members, match_by, fingerprint, source, quota, actor } = received;
    let record = flat_record(&object, members)?;
    if is_empty(&record) {
        return Err(Error::request("the record is empty").hint("give at least one field a value"));
    }
    let policy =
        PolicyRequest { match_by, on_duplicate: Some(OnDuplicate::Update), ..PolicyRequest::default() };
    let row = Row { object, record, policy, source, fingerprint, quota };
    let report = match import_row(session, known, row, actor)? {
        Ok(report) => report,
        Err(written) => return Ok((written, "")),
    };
    match written_record(session, report.import.id)? {
        Some((_, Fate::Conflicted)) => Ok((Written::Busy, "")),
        Some((id, fate)) => Ok((Written::Done { id, import: report.import.id }, fate.word())),
        None => Err(Error::store(format!("import {} wrote no record", report.import.id))),
    }
}

/// One row to be imported.
struct Row {
    object: Arc<Object>,
    record: Map<String, Value>,
    policy: PolicyRequest,
    source: String,
    fingerprint: String,
    quota: Quota,
}

/// Imports one row; what it came to where it was not written.
fn import_row(
    session: &mut dyn Session,
    known: &KnownObjects,
    row: Row,
    actor: String,
) -> Result<std::result::Result<ImportReport, Written>> {
    let Row { object, record, policy, source, fingerprint, quota } = row;
    let columns = record.keys().map(|name| (name.clone(), name.clone())).collect();
    let request = ImportRequest {
        object,
        policy,
        rows: Rows::Bytes(
            Bytes::from(Value::Array(vec![Value::Object(record)]).to_string()),
            ReadOptions { format: Some(Format::Json), ..ReadOptions::default() },
        ),
        source_name: source,
        source_bytes: None,
        resume: !fingerprint.is_empty(),
        fingerprint,
        mapping: MappingRequest { columns, statics: Vec::new() },
        date_order: None,
        failed: None,
        plan: false,
        quota,
    };
    let report = import(session, known, request, &Watch::default())?;
    if let Some(exceeded) = report.exceeded {
        return Ok(Err(Written::Exceeded(exceeded)));
    }
    if report.import.status == ImportStatus::Failed || report.import.ledger.count(Fate::Rejected) > 0 {
        return Ok(Err(Written::Refused(report.problems)));
    }
    let now = session.time()?;
    save_note(session, report.import.id, &ImportNote { actor, ..ImportNote::default() }, now)?;
    Ok(Ok(report))
}

/// The record that the only row of an import was about, and what became of that row.
fn written_record(session: &mut dyn Session, import_id: i64) -> Result<Option<(i64, Fate)>> {
    let mut found = None;
    session.read_fates(import_id, &mut |part| {
        let of_row = |stretch: &Stretch| Some((stretch.first_record?, stretch.fate?));
        found = stretches(&part).iter().find_map(of_row).or(found);
        Ok(())
    })?;
    Ok(found)
}

fn is_empty(record: &Map<String, Value>) -> bool {
    record.values().all(|value| value.is_null() || value.as_str().is_some_and(str::is_empty))
}

/// A record whose members are stored columns or whole fields; composite fields may come as objects:
/// `{"address": {"city": …}}`. What Dray keeps itself cannot be set.
pub fn flat_record(object: &Object, members: Map<String, Value>) -> Result<Map<String, Value>> {
    for name in members.keys() {
        let columns = object.find_columns(name).unwrap_or_default();
        if columns.iter().any(|&column| object.columns[column].is_system()) {
            return Err(Error::request(format!("`{}` is kept by Dray and cannot be set", name.trim()))
                .hint("leave it out of the body"));
        }
    }
    flat_members(object, members, |name| unknown_field(object, name))
}

/// The members of a record with the parts of composite fields as members of their own:
/// `{"address": {"city": …}}` becomes `{"address_city": …}`.
pub fn flat_members<E>(
    object: &Object,
    members: Map<String, Value>,
    unknown: impl Fn(&str) -> E,
) -> std::result::Result<Map<String, Value>, E> {
    let mut flat = Map::new();
    for (name, value) in members {
        let columns = object.find_columns(&name).ok_or_else(|| unknown(&name))?;
        match value {
            Value::Object(parts) if columns.len() > 1 => {
                for (part, value) in parts {
                    let joined = format!("{name}_{part}");
                    if object.find_columns(&joined).is_none() {
                        return Err(unknown(&joined));
                    }
                    flat.insert(joined, value);
                }
            }
            value => {
                flat.insert(name, value);
            }
        }
    }
    Ok(flat)
}

fn unknown_field(object: &Object, name: &str) -> Error {
    let shown: String = name.chars().take(100).collect();
    let error = object.unknown_field(&shown);
    match nearest_field(object, name) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error,
    }
}
