//! Identity resolution: identities become clusters, clusters profiles. Set-based: identities are read in order,
//! a few bytes of each are kept, changes are written in bulk, and profiles that differ from those there are go
//! through an ordinary import. Begun again at any moment it ends the same.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use dray_engine::expression::{Json, RepeatedMember, Schema, Type};
use dray_engine::map::MappingRequest;
use dray_engine::pipeline::leaves::{Leaf, leaves};
use dray_engine::pipeline::resolve::{
    Clusters, MOST_IDENTIFIERS, Merge, MergeRule, NO_PROFILE, ProfileId, stable_ids,
};
use dray_engine::pipeline::rest::parse_uuid;
use dray_engine::pipeline::stored::stored_text;
use dray_model::catalog::Session;
use dray_model::definition::{Merge as MergeMode, OnDuplicate};
use dray_model::flow::{ChangedRecords, ImportStatus, Stamp};
use dray_model::ledger::Fate;
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::query::{Filter, Operator, Query, Sort};
use dray_model::value::{ValueType, append_datetime, text_of};
use dray_model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::identities::{self, CONNECTION, PROFILE, USER_ID, column};
use super::import::{ImportRequest, Rows, Watch, import};
use super::merged_profiles::{Merged, Reader, Row, Writer};
use super::objects::{IDENTITIES, KnownObjects};
use super::policy::PolicyRequest;
use super::profile_schema::{self, KPID, PROFILES, ProfileSchema, RESOLUTION_LOCK, SOURCE_UPDATED_AT};
use super::quota::Quota;

/// The kind of job.
pub const KIND: &str = "identity_resolution";
/// The name of its imports' source, for people.
pub const SOURCE: &str = "identity resolution";

/// Where settings and times are kept.
const DOCUMENT: &str = "identity_resolution";
const SETTINGS: &str = "settings";
const LATEST: &str = "latest";
/// How long another resolution, or an import of identities, is waited for.
const LOCK_SECONDS: u64 = 60;
/// Rows read at a time.
const BATCH_ROWS: usize = 8_192;
/// Identities written at a time.
const WRITTEN_AT_ONCE: usize = 10_000;
/// From so many changed identities on, and this part of all, their indexes are made again afterwards.
const MANY_CHANGES: usize = 50_000;
const LARGE_PART: usize = 4;
/// Profiles deleted by one transaction.
const DELETED_AT_ONCE: usize = 5_000;

/// How identities are resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// After every import of a pipeline.
    pub run_on_batch_import: bool,
    /// Paths of properties that tell people apart, the strongest first.
    pub identifiers: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { run_on_batch_import: true, identifiers: Vec::new() }
    }
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// They are malformed.
    Malformed(String),
    /// They name a property that there is not.
    NoProperty(String),
    /// They name a property that cannot tell people apart.
    WrongType(String),
    /// Identities are being resolved.
    Resolving,
}

/// When identities were last resolved, microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// When it began.
    pub start: Option<i64>,
    /// When it ended; none while it goes on.
    pub end: Option<i64>,
}

/// What a resolution came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// Identities looked at.
    pub identities: u64,
    /// Profiles they are.
    pub profiles: u64,
    /// Profiles that are new.
    pub created: u64,
    /// Profiles that changed.
    pub updated: u64,
    /// Profiles that could not be written.
    pub rejected: u64,
    /// Profiles that nobody is any more.
    pub deleted: u64,
    /// The import, where there was something to write.
    pub import: Option<i64>,
}

/// The settings there are.
pub fn settings(session: &mut dyn Session) -> Result<Settings> {
    match session.find_document(DOCUMENT, SETTINGS)? {
        None => Ok(Settings::default()),
        Some(document) => serde_json::from_str(&document.body).map_err(|cause| {
            Error::store("the settings of identity resolution cannot be read").because(cause)
        }),
    }
}

/// Keeps new settings.
pub fn save_settings(
    session: &mut dyn Session,
    settings: &Settings,
    now: i64,
) -> Result<std::result::Result<(), Refusal>> {
    let schema = profile_schema::load(session)?.schema;
    if let Err(refusal) = check(settings, &schema) {
        return Ok(Err(refusal));
    }
    match session.lock_object(RESOLUTION_LOCK, 0) {
        Err(error) if error.retryable => return Ok(Err(Refusal::Resolving)),
        other => other?,
    }
    let body = serde_json::to_string(settings)
        .map_err(|cause| Error::request("the settings cannot be written down").because(cause));
    let saved = body.and_then(|body| session.save_document(DOCUMENT, SETTINGS, &body, now));
    let unlocked = session.unlock_object(RESOLUTION_LOCK);
    saved.and(unlocked).map(Ok)
}

/// Looks whether settings can be used with a schema.
fn check(settings: &Settings, schema: &Schema) -> std::result::Result<(), Refusal> {
    let identifiers = &settings.identifiers;
    if identifiers.len() > MOST_IDENTIFIERS {
        return Err(Refusal::Malformed(format!("there are at most {MOST_IDENTIFIERS} identifiers")));
    }
    for (index, path) in identifiers.iter().enumerate() {
        let shown = dray_model::problem::shown(path);
        if !path.split('.').all(dray_engine::expression::types::is_property_name) {
            return Err(Refusal::Malformed(format!("the identifier `{shown}` is no path of a property")));
        }
        if identifiers.iter().take(index).any(|earlier| earlier == path) {
            return Err(Refusal::Malformed(format!("the identifier `{shown}` is named twice")));
        }
    }
    for path in identifiers {
        let shown = dray_model::problem::shown(path);
        let Some(property) = schema.at_path(path) else {
            return Err(Refusal::NoProperty(format!("profiles have no property `{shown}`")));
        };
        let fits = match &property.kind {
            Type::String(_) | Type::Int(_) | Type::Uuid | Type::Ip => true,
            Type::Decimal(decimal) => decimal.scale == 0,
            _ => false,
        };
        if !fits {
            return Err(Refusal::WrongType(format!(
                "`{shown}` is of type {}, and an identifier is a string, int, uuid, ip or a decimal without decimals",
                property.kind
            )));
        }
    }
    Ok(())
}

/// When identities were last resolved.
pub fn latest(session: &mut dyn Session) -> Result<Latest> {
    let document = session.find_document(DOCUMENT, LATEST)?;
    Ok(document.and_then(|document| serde_json::from_str(&document.body).ok()).unwrap_or_default())
}

/// Remembers when a resolution began and ended.
pub fn save_latest(session: &mut dyn Session, latest: Latest) -> Result<()> {
    let body = serde_json::to_string(&latest)
        .map_err(|cause| Error::store("the times of a resolution cannot be written down").because(cause))?;
    session.save_document(DOCUMENT, LATEST, &body, latest.end.or(latest.start).unwrap_or(0))
}

/// Resolves the identities of an organization. `fingerprint` names the attempt's imports, so that one that was
/// cut off is found again.
pub fn resolve(session: &mut dyn Session, fingerprint: &str, watch: &Watch) -> Result<Resolved> {
    session.lock_object(RESOLUTION_LOCK, LOCK_SECONDS)?;
    let done = resolve_locked(session, fingerprint, watch);
    let unlocked = session.unlock_object(RESOLUTION_LOCK);
    done.and_then(|done| unlocked.map(|()| done))
}

fn resolve_locked(session: &mut dyn Session, fingerprint: &str, watch: &Watch) -> Result<Resolved> {
    let now = session.time()?;
    let started = Latest { start: Some(now), end: None };
    save_latest(session, started)?;
    let done = resolve_all(session, fingerprint, now, watch);
    // Also where it failed: it goes on no longer.
    let ended = session.time().and_then(|end| save_latest(session, Latest { end: Some(end), ..started }));
    done.and_then(|done| ended.map(|()| done))
}

fn resolve_all(session: &mut dyn Session, fingerprint: &str, now: i64, watch: &Watch) -> Result<Resolved> {
    settle_earlier(session, fingerprint, now)?;
    let known = profile_schema::load(session)?;
    let object = identities::ensure(session, now)?;
    let profiles = profile_schema::prepare_profiles(session, &known.schema, now)?;
    let leaves = leaves(&known.schema);
    session.lock_object(IDENTITIES, LOCK_SECONDS)?;
    let merged = read_and_link(session, &object, &known, &leaves, watch);
    let unlocked = session.unlock_object(IDENTITIES);
    let (identities, mut merged) = merged.and_then(|merged| unlocked.map(|()| merged))?;
    let orphans = compare(session, &profiles, &mut merged, watch)?;
    let mut resolved = Resolved { identities, profiles: merged.rows, ..Resolved::default() };
    if merged.wanted() > 0 {
        write_profiles(session, &profiles, &merged, fingerprint, watch, &mut resolved)?;
    }
    if !orphans.is_empty() {
        session.lock_object(PROFILES, LOCK_SECONDS)?;
        let mut deleted = Ok(0);
        for ids in orphans.chunks(DELETED_AT_ONCE) {
            deleted = deleted.and_then(|count| Ok(count + session.delete_records(&profiles, ids)?));
        }
        let unlocked = session.unlock_object(PROFILES);
        resolved.deleted = deleted.and_then(|count| unlocked.map(|()| count))?;
    }
    Ok(resolved)
}

/// An import of an attempt that died is not running any more.
fn settle_earlier(session: &mut dyn Session, fingerprint: &str, now: i64) -> Result<()> {
    let Some(mut import) = session.find_import_by_fingerprint(PROFILES, fingerprint)? else { return Ok(()) };
    if import.status == ImportStatus::Running {
        import.status = ImportStatus::Interrupted;
        import.finished_at = Some(now);
        import.message = Some("the process that did it ended; another resolution did the rest".to_owned());
        session.save_import(&import)?;
    }
    Ok(())
}

/// Finds out which identities belong together, writes it down with them, and merges them into profiles.
fn read_and_link(
    session: &mut dyn Session,
    object: &Object,
    known: &ProfileSchema,
    leaves: &[Leaf],
    watch: &Watch,
) -> Result<(u64, Merged)> {
    let identifiers = settings(session)?.identifiers;
    let (ids, earlier) = read_ids(session, object)?;
    watch.total.store(ids.len() as u64, Ordering::Relaxed);
    let mut clusters = Clusters::new(u32::try_from(ids.len()).map_err(|cause| {
        Error::store(format!("{} identities are more than can be resolved", ids.len())).because(cause)
    })?);
    join_same_users(session, object, &ids, &mut clusters, watch)?;
    for path in &identifiers {
        // A property that is gone tells nobody apart.
        let Some(leaf) = leaves.iter().find(|leaf| leaf.path == *path) else { continue };
        join_same_values(session, object, &leaf.column, &ids, &mut clusters, watch)?;
    }
    let roots = clusters.roots();
    let chosen = stable_ids(&roots, &earlier, &mut new_id);
    drop(roots);
    link(session, object, &ids, &earlier, &chosen, watch)?;
    let count = ids.len() as u64;
    drop((ids, earlier, chosen));
    merge(session, object, known, leaves, watch).map(|merged| (count, merged))
}

/// A new random UUID (version 4).
fn new_id() -> ProfileId {
    let mut id: ProfileId = rand::random();
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

fn stop_where_asked(watch: &Watch) -> Result<()> {
    if watch.stop.load(Ordering::Relaxed) {
        return Err(Error::new(ErrorKind::Interrupted, "the resolution was stopped"));
    }
    Ok(())
}

/// The numbers of all identities in order, and the profile each had.
fn read_ids(session: &mut dyn Session, object: &Object) -> Result<(Vec<i64>, Vec<ProfileId>)> {
    let (mut ids, mut earlier) = (Vec::new(), Vec::new());
    let columns = [object.system(SystemColumn::Id), column(object, PROFILE)?];
    session.read(object, &Query::default(), &columns, BATCH_ROWS, &mut |batch| {
        ids.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
        let profiles = batch.column(1).as_string::<i32>();
        earlier.extend(profiles.iter().map(|id| id.and_then(parse_uuid).unwrap_or(NO_PROFILE)));
        Ok(())
    })?;
    Ok((ids, earlier))
}

fn index_of(ids: &[i64], id: i64) -> Option<u32> {
    ids.binary_search(&id).ok().and_then(|index| u32::try_from(index).ok())
}

/// The same user of the same connection, whichever pipelines brought it.
fn join_same_users(
    session: &mut dyn Session,
    object: &Object,
    ids: &[i64],
    clusters: &mut Clusters,
    watch: &Watch,
) -> Result<()> {
    let sorted = [column(object, CONNECTION)?, column(object, USER_ID)?];
    let sort = sorted.map(|column| Sort { column, descending: false }).to_vec();
    let columns = [object.system(SystemColumn::Id), sorted[0], sorted[1]];
    let mut before: (Option<i64>, String, Option<u32>) = (None, String::new(), None);
    session.read(object, &Query { sort, ..Query::default() }, &columns, BATCH_ROWS, &mut |batch| {
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        let connections = batch.column(1).as_primitive::<Int64Type>();
        let users = batch.column(2).as_string::<i32>();
        for row in 0..batch.num_rows() {
            if connections.is_null(row) || users.is_null(row) {
                continue;
            }
            let Some(index) = index_of(ids, numbers.value(row)) else { continue };
            let (connection, user) = (connections.value(row), users.value(row));
            match before.2 {
                Some(first) if before.0 == Some(connection) && before.1 == user => {
                    clusters.join(first, index);
                }
                _ => {
                    before.0 = Some(connection);
                    user.clone_into(&mut before.1);
                    before.2 = Some(index);
                }
            }
        }
        stop_where_asked(watch)
    })
}

/// The same value of an identifier.
fn join_same_values(
    session: &mut dyn Session,
    object: &Object,
    name: &str,
    ids: &[i64],
    clusters: &mut Clusters,
    watch: &Watch,
) -> Result<()> {
    let Some(sorted) = object.column(name) else { return Ok(()) };
    let query = Query {
        filter: Some(has_value(sorted)),
        sort: vec![Sort { column: sorted, descending: false }],
        limit: None,
    };
    let value_type = object.columns[sorted].value_type;
    let columns = [object.system(SystemColumn::Id), sorted];
    let mut same = clusters.next_identifier();
    let mut text = String::new();
    session.read(object, &query, &columns, BATCH_ROWS, &mut |batch| {
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let Some(index) = index_of(ids, numbers.value(row)) else { continue };
            text.clear();
            dray_model::value::append_text(value_type, batch.column(1).as_ref(), row, &mut text);
            same.add(&text, index);
        }
        stop_where_asked(watch)
    })
}

fn has_value(column: ColumnIndex) -> Filter {
    Filter::Compare { column, operator: Operator::IsNotEmpty, values: Vec::new() }
}

/// Writes the profile of each identity with it, where it changed. The identities' own history does not
/// notice: version, time and import stay.
fn link(
    session: &mut dyn Session,
    object: &Object,
    ids: &[i64],
    earlier: &[ProfileId],
    chosen: &[ProfileId],
    watch: &Watch,
) -> Result<()> {
    let pairs = || earlier.iter().zip(chosen).enumerate().filter(|(_, (before, after))| before != after);
    let count = pairs().count();
    if count == 0 {
        return Ok(());
    }
    let many = count >= MANY_CHANGES && count * LARGE_PART >= ids.len();
    if many {
        session.suspend_indexes(object, &[])?;
    }
    let mut changed = pairs().map(|(index, (_, after))| (ids[index], *after)).peekable();
    while changed.peek().is_some() {
        let some: Vec<(i64, ProfileId)> = changed.by_ref().take(WRITTEN_AT_ONCE).collect();
        link_some(session, object, &some)?;
        stop_where_asked(watch)?;
    }
    if many { session.prepare_object(object) } else { Ok(()) }
}

fn link_some(session: &mut dyn Session, object: &Object, some: &[(i64, ProfileId)]) -> Result<()> {
    let profile = column(object, PROFILE)?;
    let keys: Vec<String> = some.iter().map(|(id, _)| id.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = session.find(object, object.system(SystemColumn::Id), &keys, &[profile])?;
    let text = |id: &i64| {
        let index = some.binary_search_by_key(id, |(id, _)| *id).ok()?;
        some.get(index).and_then(|(_, chosen)| stored_text(&uuid(*chosen), &Type::Uuid))
    };
    let texts: StringArray = found.ids.iter().map(text).collect();
    let values: ArrayRef = Arc::new(texts);
    let records = ChangedRecords {
        ids: found.ids,
        expected_versions: found.versions.clone(),
        columns: vec![profile],
        values: vec![values],
        stamp: Stamp::Restore {
            versions: found.versions,
            updated_at: found.updated_at,
            import_ids: found.import_ids,
        },
    };
    session.update(object, &records).map(|_| ())
}

fn uuid(id: ProfileId) -> dray_engine::expression::Value {
    dray_engine::expression::Value::Uuid(id)
}

/// Merges the identities of each profile, in the order of the profiles' ids.
fn merge(
    session: &mut dyn Session,
    object: &Object,
    known: &ProfileSchema,
    leaves: &[Leaf],
    watch: &Watch,
) -> Result<Merged> {
    let rules = leaves.iter().map(|leaf| MergeRule {
        is_array: matches!(leaf.property.kind, Type::Array(_)),
        primary: known.primary_sources.get(&leaf.path).copied(),
    });
    let mut profile = Merge::new(rules.collect());
    let by_profile = column(object, PROFILE)?;
    let by_time = column(object, SOURCE_UPDATED_AT)?;
    let query = Query {
        filter: Some(has_value(by_profile)),
        sort: vec![
            Sort { column: by_profile, descending: false },
            Sort { column: by_time, descending: true },
        ],
        limit: None,
    };
    let mut columns = vec![object.system(SystemColumn::Id), by_profile, column(object, CONNECTION)?, by_time];
    for leaf in leaves {
        columns.push(column(object, &leaf.column)?);
    }
    let types: Vec<ValueType> = columns.iter().map(|&column| object.columns[column].value_type).collect();
    let mut writer = Writer::new()?;
    let mut current = String::new();
    let mut updated_at: Option<i64> = None;
    session.read(object, &query, &columns, BATCH_ROWS, &mut |batch: RecordBatch| {
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let profiles = batch.column(1).as_string::<i32>();
        let connections = batch.column(2).as_primitive::<Int64Type>();
        let times = batch.column(3).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            if profiles.value(row) != current {
                if !current.is_empty() {
                    writer.write(&cells(&current, updated_at, &mut profile))?;
                }
                profiles.value(row).clone_into(&mut current);
                // The newest comes first.
                updated_at = times.is_valid(row).then(|| times.value(row));
            }
            let connection = if connections.is_valid(row) { connections.value(row) } else { 0 };
            profile.add(ids.value(row), connection, |leaf| {
                text_of(*types.get(leaf + 4)?, batch.column(leaf + 4).as_ref(), row).map(Into::into)
            });
        }
        stop_where_asked(watch)
    })?;
    if !current.is_empty() {
        writer.write(&cells(&current, updated_at, &mut profile))?;
    }
    let own = [KPID, SOURCE_UPDATED_AT].map(str::to_owned).into_iter();
    writer.finish(own.chain(leaves.iter().map(|leaf| leaf.column.clone())).collect())
}

fn cells(id: &str, updated_at: Option<i64>, profile: &mut Merge) -> Row {
    let time = updated_at.map(|micros| {
        let mut text = String::new();
        append_datetime(micros, &mut text);
        text
    });
    [Some(id.to_owned()), time].into_iter().chain(profile.finish()).collect()
}

/// Marks the merged profiles that differ from those there are; returns the profiles that nobody is any more.
/// Both come in the order of their ids.
fn compare(
    session: &mut dyn Session,
    profiles: &Object,
    merged: &mut Merged,
    watch: &Watch,
) -> Result<Vec<i64>> {
    let by_id = column(profiles, KPID)?;
    let mut columns = vec![profiles.system(SystemColumn::Id)];
    for name in &merged.header {
        columns.push(column(profiles, name)?);
    }
    let types: Vec<ValueType> =
        columns.iter().skip(1).map(|&column| profiles.columns[column].value_type).collect();
    let query = Query {
        filter: Some(has_value(by_id)),
        sort: vec![Sort { column: by_id, descending: false }],
        limit: None,
    };
    let mut ahead = Ahead { reader: merged.read()?, row: None, number: 0 };
    ahead.advance()?;
    let mut orphans = Vec::new();
    session.read(profiles, &query, &columns, BATCH_ROWS, &mut |batch: RecordBatch| {
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let known = batch.column(1).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let id = known.value(row);
            // Those before it are new.
            while ahead.id().is_some_and(|merged| merged < id) {
                merged.want(ahead.number - 1);
                ahead.advance()?;
            }
            if ahead.id() != Some(id) {
                orphans.push(ids.value(row));
                continue;
            }
            let wanted = ahead.row.as_deref().unwrap_or_default();
            let differs = wanted.iter().zip(&types).enumerate().skip(1).any(|(index, (cell, value_type))| {
                let stored = text_of(*value_type, batch.column(index + 1).as_ref(), row);
                !is_same(cell.as_deref(), stored.as_deref(), *value_type)
            });
            if differs {
                merged.want(ahead.number - 1);
            }
            ahead.advance()?;
        }
        stop_where_asked(watch)
    })?;
    while ahead.row.is_some() {
        merged.want(ahead.number - 1);
        ahead.advance()?;
    }
    Ok(orphans)
}

/// The next of the merged profiles.
struct Ahead {
    reader: Reader,
    row: Option<Row>,
    /// How many were read.
    number: u64,
}

impl Ahead {
    fn advance(&mut self) -> Result<()> {
        self.row = self.reader.next_row()?;
        self.number += 1;
        Ok(())
    }

    fn id(&self) -> Option<&str> {
        self.row.as_ref()?.first()?.as_deref()
    }
}

fn is_same(one: Option<&str>, other: Option<&str>, value_type: ValueType) -> bool {
    // An empty text is kept as none.
    let (one, other) = (one.filter(|text| !text.is_empty()), other.filter(|text| !text.is_empty()));
    if one == other {
        return true;
    }
    let json = |text| Json::parse(text, RepeatedMember::LastCounts).ok();
    match (one, other) {
        (Some(one), Some(other)) if value_type == ValueType::Json => {
            json(one).is_some_and(|one| Some(one) == json(other))
        }
        _ => false,
    }
}

/// Imports the profiles that differ.
fn write_profiles(
    session: &mut dyn Session,
    profiles: &Arc<Object>,
    merged: &Merged,
    fingerprint: &str,
    watch: &Watch,
    resolved: &mut Resolved,
) -> Result<()> {
    let known = KnownObjects::load(session)?;
    let mut object = profiles.as_ref().clone();
    // Limits, fixed values and defaults are for what people bring.
    let policy = &mut object.policy;
    (policy.max_rows, policy.max_bytes, policy.max_rejected) = (None, None, None);
    policy.force.clear();
    for field in &mut object.fields {
        field.definition.default = None;
    }
    let open = |skip_rows| merged.source(skip_rows);
    let request = ImportRequest {
        object: Arc::new(object),
        policy: PolicyRequest {
            match_by: vec![KPID.to_owned()],
            on_duplicate: Some(OnDuplicate::Update),
            merge: Some(MergeMode::Overwrite),
            takes_values_as_they_are: true,
            ..PolicyRequest::default()
        },
        rows: Rows::Made(&open),
        source_name: SOURCE.to_owned(),
        source_bytes: Some(merged.bytes()),
        fingerprint: fingerprint.to_owned(),
        mapping: MappingRequest {
            columns: merged.header.iter().map(|name| (name.clone(), name.clone())).collect(),
            statics: Vec::new(),
        },
        date_order: None,
        failed: None,
        resume: false,
        plan: false,
        quota: Quota::default(),
    };
    let report = import(session, &known, request, watch)?;
    let ledger = &report.import.ledger;
    resolved.created = ledger.count(Fate::Created);
    resolved.updated = ledger.count(Fate::Updated);
    resolved.rejected = ledger.count(Fate::Rejected);
    resolved.import = Some(report.import.id);
    match report.import.status {
        ImportStatus::Completed => Ok(()),
        ImportStatus::Failed => Err(Error::request(format!(
            "the profiles were not written: {}",
            report.import.message.unwrap_or_else(|| "the import into `profiles` failed".to_owned())
        ))),
        _ => Err(Error::new(ErrorKind::Interrupted, "the resolution was stopped")),
    }
}
