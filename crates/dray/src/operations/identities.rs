//! Identities: one record for each user of each pipeline, as its source last brought it. They rest in the
//! object `identities`, which is made when the first is needed and can be looked at like any other.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use dray_engine::expression::Schema;
use dray_engine::pipeline::leaves::leaves;
use dray_model::catalog::Session;
use dray_model::definition::{FieldDefinition, FieldKind, ObjectDefinition, OnDuplicate, PolicyDefinition};
use dray_model::flow::{ChangedRecords, Stamp};
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::query::{Filter, Operator, Query, Sort};
use dray_model::{Error, Result};
use sha2::{Digest, Sha256};

use super::objects::{IDENTITIES, KnownObjects, define};
use super::profile_schema::{self, SOURCE_UPDATED_AT};

/// The column that tells identities apart, see [`key_of`].
pub const KEY: &str = "identity_key";
/// The column with the number of the connection.
pub const CONNECTION: &str = "source_connection";
/// The column with the number of the pipeline.
pub const PIPELINE: &str = "source_pipeline";
/// The column with the id of the user at the source.
pub const USER_ID: &str = "source_user_id";
/// The column with the number of the run that last brought it.
pub const RUN: &str = "source_run";
/// The column with the profile it belongs to, as the last resolution found.
pub const PROFILE: &str = "profile_id";

/// User ids up to this many bytes stand in keys as they are: what is longer cannot be indexed everywhere.
const KEY_BYTES: usize = 500;
/// Records read or deleted at once.
const AT_ONCE: u64 = 5_000;
/// The most that a list counts exactly.
const MOST_COUNTED: u64 = 1_000_000;

/// One identity, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The id of the user at the source.
    pub user_id: String,
    /// The connection it came from.
    pub connection: i64,
    /// The pipeline that brought it.
    pub pipeline: i64,
    /// When it last changed at the source, microseconds.
    pub updated_at: Option<i64>,
}

/// Whose identities.
#[derive(Debug, Clone)]
pub enum Of {
    /// Those a connection brought.
    Connection(i64),
    /// Those of a profile, by its kpid.
    Profile(String),
}

/// What tells the identity of a user of a pipeline from all others.
pub fn key_of(pipeline: i64, user_id: &str) -> String {
    if user_id.len() <= KEY_BYTES {
        return format!("{pipeline}:{user_id}");
    }
    let digest = Sha256::digest(user_id.as_bytes());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{pipeline}#{digits}")
}

/// The object of identities for a profile schema.
pub fn identities_object(schema: &Schema) -> Result<Object> {
    Object::new(definition(schema))
}

fn definition(schema: &Schema) -> ObjectDefinition {
    let field = |name: &str, label: &str, kind: FieldKind| FieldDefinition {
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        keep_blanks: kind == FieldKind::Text,
        ..FieldDefinition::default()
    };
    let indexed = |field: FieldDefinition| FieldDefinition { indexed: true, ..field };
    let mut fields = vec![
        FieldDefinition { unique: true, ..field(KEY, "Key", FieldKind::Text) },
        field(CONNECTION, "Connection", FieldKind::Integer),
        indexed(field(PIPELINE, "Pipeline", FieldKind::Integer)),
        field(USER_ID, "User id", FieldKind::Text),
        field(RUN, "Run", FieldKind::Integer),
        field(SOURCE_UPDATED_AT, "Updated at the source", FieldKind::DateTime),
        indexed(field(PROFILE, "Profile", FieldKind::Uuid)),
    ];
    fields.extend(leaves(schema).iter().map(dray_engine::pipeline::leaves::Leaf::field));
    ObjectDefinition {
        name: IDENTITIES.to_owned(),
        label: "Identities".to_owned(),
        aliases: Vec::new(),
        description: "A user as one pipeline brought it; profiles are made of identities.".to_owned(),
        endpoints: false,
        policy: PolicyDefinition {
            match_by: vec![KEY.to_owned()],
            on_duplicate: OnDuplicate::Update,
            merge: dray_model::definition::Merge::Overwrite,
            ..PolicyDefinition::default()
        },
        fields,
    }
}

/// The object of identities, where there is one.
pub fn find(session: &mut dyn Session) -> Result<Option<Arc<Object>>> {
    let known = KnownObjects::load(session)?;
    Ok(known.all().iter().find(|object| object.name() == IDENTITIES).cloned())
}

/// The object of identities with a column for each leaf of the profile schema; columns of leaves that are
/// gone stay.
pub fn ensure(session: &mut dyn Session, now: i64) -> Result<Arc<Object>> {
    let schema = profile_schema::load(session)?.schema;
    let mut wanted = definition(&schema);
    let known = find(session)?;
    if let Some(known) = &known {
        let earlier = known.definition.fields.iter();
        let gone: Vec<FieldDefinition> =
            earlier.filter(|old| wanted.fields.iter().all(|new| new.name != old.name)).cloned().collect();
        wanted.fields.extend(gone);
        if wanted == known.definition {
            session.prepare_object(known)?;
            return Ok(Arc::clone(known));
        }
    }
    define(session, &wanted, now).map(Arc::new)
}

/// Identities, the newest first, and how many there are.
pub fn list(session: &mut dyn Session, of: &Of, first: u64, limit: u64) -> Result<(Vec<Identity>, u64)> {
    let Some(object) = find(session)? else { return Ok((Vec::new(), 0)) };
    session.prepare_object(&object)?;
    let filter = match of {
        Of::Connection(connection) => equal(&object, CONNECTION, &connection.to_string())?,
        Of::Profile(kpid) => equal(&object, PROFILE, kpid)?,
    };
    let total = session.count_records(&object, Some(&filter), MOST_COUNTED)?;
    let names = [USER_ID, CONNECTION, PIPELINE, SOURCE_UPDATED_AT];
    let columns: Vec<ColumnIndex> = names.iter().map(|name| column(&object, name)).collect::<Result<_>>()?;
    let query = Query {
        filter: Some(filter),
        sort: vec![Sort { column: column(&object, SOURCE_UPDATED_AT)?, descending: true }],
        limit: Some(first.saturating_add(limit)),
    };
    let mut passed = 0;
    let mut found = Vec::new();
    session.read(&object, &query, &columns, 1_000, &mut |batch| {
        let rows = batch.num_rows();
        for row in 0..rows {
            if passed < first {
                passed += 1;
                continue;
            }
            let numbers = |index: usize| batch.column(index).as_primitive::<Int64Type>();
            let texts = batch.column(0).as_string::<i32>();
            let times = batch.column(3).as_primitive::<TimestampMicrosecondType>();
            let number = |index: usize| numbers(index).is_valid(row).then(|| numbers(index).value(row));
            found.push(Identity {
                user_id: if texts.is_valid(row) { texts.value(row).to_owned() } else { String::new() },
                connection: number(1).unwrap_or(0),
                pipeline: number(2).unwrap_or(0),
                updated_at: times.is_valid(row).then(|| times.value(row)),
            });
        }
        Ok(())
    })?;
    Ok((found, total))
}

/// Deletes what a pipeline brought; returns how many identities there were.
pub fn delete_of_pipeline(session: &mut dyn Session, pipeline: i64) -> Result<u64> {
    delete(session, PIPELINE, pipeline)
}

/// Deletes what a connection brought; returns how many identities there were.
pub fn delete_of_connection(session: &mut dyn Session, connection: i64) -> Result<u64> {
    delete(session, CONNECTION, connection)
}

fn delete(session: &mut dyn Session, name: &str, number: i64) -> Result<u64> {
    let Some(object) = find(session)? else { return Ok(0) };
    session.prepare_object(&object)?;
    let query = Query {
        filter: Some(equal(&object, name, &number.to_string())?),
        sort: Vec::new(),
        limit: Some(AT_ONCE),
    };
    let mut deleted = 0;
    loop {
        let mut ids = Vec::new();
        session.read(&object, &query, &[object.system(SystemColumn::Id)], 1_000, &mut |batch| {
            ids.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
            Ok(())
        })?;
        if ids.is_empty() {
            return Ok(deleted);
        }
        deleted += session.delete_records(&object, &ids)?;
    }
}

/// Empties the columns of these leaves, named by their paths, in every identity of a pipeline; returns how
/// many were changed.
pub fn clear_leaves(session: &mut dyn Session, pipeline: i64, paths: &[String], now: i64) -> Result<u64> {
    let Some(object) = find(session)? else { return Ok(0) };
    session.prepare_object(&object)?;
    let names = paths.iter().map(|path| path.replace('.', "_").to_lowercase());
    let columns: Vec<ColumnIndex> = names.filter_map(|name| object.column(&name)).collect();
    if columns.is_empty() {
        return Ok(0);
    }
    let has_value = |&column: &ColumnIndex| Filter::Compare {
        column,
        operator: Operator::IsNotEmpty,
        values: Vec::new(),
    };
    let query = Query {
        filter: Some(Filter::And(vec![
            equal(&object, PIPELINE, &pipeline.to_string())?,
            Filter::Or(columns.iter().map(has_value).collect()),
        ])),
        sort: Vec::new(),
        limit: Some(AT_ONCE),
    };
    let read = [object.system(SystemColumn::Id), object.system(SystemColumn::Version)];
    let mut changed = 0;
    loop {
        let (mut ids, mut versions) = (Vec::new(), Vec::new());
        session.read(&object, &query, &read, 1_000, &mut |batch: RecordBatch| {
            ids.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
            versions.extend_from_slice(batch.column(1).as_primitive::<Int64Type>().values());
            Ok(())
        })?;
        if ids.is_empty() {
            return Ok(changed);
        }
        let empty = |&column: &ColumnIndex| -> ArrayRef {
            new_null_array(&object.columns[column].value_type.arrow(), ids.len())
        };
        let records = ChangedRecords {
            values: columns.iter().map(empty).collect(),
            ids,
            expected_versions: versions,
            columns: columns.clone(),
            stamp: Stamp::Change { now, import_id: None },
        };
        changed += session.update(&object, &records)?;
    }
}

/// The column of this name, which the object of identities has.
pub fn column(object: &Object, name: &str) -> Result<ColumnIndex> {
    object.column(name).ok_or_else(|| {
        Error::store(format!("`{}` has no column `{name}`", object.name()))
            .hint("add the field again, or let a pipeline run, which adds it")
    })
}

/// Records in whose column this stands.
pub fn equal(object: &Object, name: &str, value: &str) -> Result<Filter> {
    let column = column(object, name)?;
    Ok(Filter::Compare { column, operator: Operator::Equal, values: vec![value.to_owned()] })
}
