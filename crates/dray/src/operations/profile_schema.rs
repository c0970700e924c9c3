//! The profile schema: which properties a profile has. What identities bring is shaped by it, and each of its
//! leaves has a column in the object `profiles`. An organization that never said one has that of its object.

use std::collections::BTreeMap;
use std::sync::Arc;

use dray_engine::expression::types::StringType;
use dray_engine::expression::{Property, Schema, Type};
use dray_engine::pipeline::leaves::{Leaf, leaves};
use dray_engine::pipeline::rules;
use dray_model::catalog::Session;
use dray_model::definition::{FieldDefinition, FieldKind};
use dray_model::object::{Column, Object};
use dray_model::value::ValueType;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::definitions::{self, Defined};
use super::objects::KnownObjects;

/// The object that holds the profiles.
pub const PROFILES: &str = "profiles";
/// Its column with the stable id of a profile.
pub const KPID: &str = "kpid";
/// Its column, and that of identities, with the time of the last change at the source.
pub const SOURCE_UPDATED_AT: &str = "source_updated_at";

/// Where the schema is kept.
const KIND: &str = "profile_schema";
const KEY: &str = "current";
/// The lock that keeps two changes apart.
const LOCK: &str = "profile_schema";
/// The lock that an identity resolution holds.
pub const RESOLUTION_LOCK: &str = "identity_resolution";

/// Names of columns that only identities have, beside those of [`rules::RESERVED`].
const OF_IDENTITIES: [&str; 6] =
    ["identity_key", "source_connection", "source_pipeline", "source_user_id", "source_run", "profile_id"];
/// The longest name of a column.
const COLUMN_LETTERS: usize = 40;
/// The most leaves.
const MOST_LEAVES: usize = 250;
/// The most digits of a decimal column without a scale of its own.
const DECIMAL_DIGITS: (u32, u32) = (38, 10);

/// The schema of an organization's profiles.
#[derive(Debug, Clone)]
pub struct ProfileSchema {
    /// The properties.
    pub schema: Arc<Schema>,
    /// Paths whose values are taken from one connection first.
    pub primary_sources: BTreeMap<String, i64>,
    /// When it was last changed: beginning and end, microseconds.
    pub altered: Option<(i64, i64)>,
}

/// As it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    schema: String,
    #[serde(default)]
    primary_sources: BTreeMap<String, i64>,
    #[serde(default)]
    altered: Option<(i64, i64)>,
}

/// A change as it is asked for.
#[derive(Debug, Clone)]
pub struct Change {
    /// The properties there shall be.
    pub schema: Schema,
    /// Paths whose values are taken from one connection first.
    pub primary_sources: BTreeMap<String, i64>,
    /// New path → the path it had; none where it had none.
    pub renamed: BTreeMap<String, Option<String>>,
}

/// What stands in the way of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The schema cannot be one of profiles, whatever there is now.
    Malformed(String),
    /// It cannot follow the one there is.
    Impossible(String),
    /// Something else is being done; it may work later.
    Busy(String),
}

/// The schema there is.
pub fn load(session: &mut dyn Session) -> Result<ProfileSchema> {
    if let Some(document) = session.find_document(KIND, KEY)? {
        let broken = |why: String| Error::store("the profile schema cannot be read").hint(why);
        let kept: Kept = serde_json::from_str(&document.body).map_err(|why| broken(why.to_string()))?;
        let schema = Schema::parse(&kept.schema).map_err(broken)?;
        return Ok(ProfileSchema {
            schema: Arc::new(schema),
            primary_sources: kept.primary_sources,
            altered: kept.altered,
        });
    }
    let profiles = KnownObjects::load(session)?.named(PROFILES)?;
    Ok(ProfileSchema {
        schema: Arc::new(schema_of(&profiles)),
        primary_sources: BTreeMap::new(),
        altered: None,
    })
}

/// The object `profiles` with everything the schema needs; columns that are missing are added.
pub fn prepare_profiles(session: &mut dyn Session, schema: &Schema, now: i64) -> Result<Arc<Object>> {
    let profiles = KnownObjects::load(session)?.named(PROFILES)?;
    let fields = missing_fields(&profiles, schema);
    if !fields.is_empty() {
        match add_fields(session, &fields, now)? {
            Defined::Done(object) => return Ok(Arc::new(*object)),
            Defined::Conflict(why) | Defined::Missing(why) => return Err(Error::store(why).retryable()),
        }
    }
    session.prepare_object(&profiles)?;
    Ok(profiles)
}

/// What a change would do, a sentence of SQL for each column; nothing is changed.
pub fn preview(
    session: &mut dyn Session,
    change: &Change,
) -> Result<std::result::Result<Vec<String>, Refusal>> {
    let before = load(session)?;
    let profiles = KnownObjects::load(session)?.named(PROFILES)?;
    if let Err(refusal) = permitted(&before, change).and_then(|()| fits(&profiles, &change.schema)) {
        return Ok(Err(refusal));
    }
    let sentence = |field: &FieldDefinition| {
        let column = &field.name;
        [PROFILES, super::objects::IDENTITIES]
            .map(|table| format!("ALTER TABLE \"{table}\" ADD COLUMN \"{column}\" {};", sql_type(field.kind)))
    };
    Ok(Ok(missing_fields(&profiles, &change.schema).iter().flat_map(sentence).collect()))
}

/// Makes a change. Columns of properties that are gone stay in the tables, with what is in them.
pub fn save(
    session: &mut dyn Session,
    change: &Change,
    now: i64,
) -> Result<std::result::Result<(), Refusal>> {
    for lock in [LOCK, RESOLUTION_LOCK] {
        if let Err(error) = session.lock_object(lock, 0) {
            if !error.retryable {
                return Err(error);
            }
            session.unlock_object(LOCK)?;
            return Ok(Err(Refusal::Busy(
                "the profile schema is being changed, or identities are being resolved: try again later"
                    .to_owned(),
            )));
        }
    }
    let done = save_locked(session, change, now);
    let unlocked = session.unlock_object(RESOLUTION_LOCK).and_then(|()| session.unlock_object(LOCK));
    done.and_then(|done| unlocked.map(|()| done))
}

fn save_locked(
    session: &mut dyn Session,
    change: &Change,
    now: i64,
) -> Result<std::result::Result<(), Refusal>> {
    let before = load(session)?;
    let profiles = KnownObjects::load(session)?.named(PROFILES)?;
    if let Err(refusal) = permitted(&before, change).and_then(|()| fits(&profiles, &change.schema)) {
        return Ok(Err(refusal));
    }
    let fields = missing_fields(&profiles, &change.schema);
    if !fields.is_empty() {
        match add_fields(session, &fields, now) {
            Ok(Defined::Done(_)) => {}
            Ok(Defined::Conflict(why)) if why.contains("is running") => return Ok(Err(Refusal::Busy(why))),
            Ok(Defined::Conflict(why) | Defined::Missing(why)) => return Ok(Err(Refusal::Impossible(why))),
            Err(error) if error.kind == dray_model::ErrorKind::Request => {
                return Ok(Err(Refusal::Impossible(error.message)));
            }
            Err(error) => return Err(error),
        }
    }
    let ended = session.time()?.max(now);
    let kept = Kept {
        schema: change.schema.to_json(),
        primary_sources: change.primary_sources.clone(),
        altered: Some((now, ended)),
    };
    let body = serde_json::to_string(&kept)
        .map_err(|cause| Error::request("the schema cannot be written down").because(cause))?;
    session.save_document(KIND, KEY, &body, now)?;
    Ok(Ok(()))
}

fn add_fields(session: &mut dyn Session, fields: &[FieldDefinition], now: i64) -> Result<Defined> {
    let fields = serde_json::to_value(fields)
        .map_err(|cause| Error::request("the fields cannot be written down").because(cause))?;
    let Value::Object(patch) = json!({ "fields": fields }) else { return Err(Error::request("no patch")) };
    let patch: Map<String, Value> = patch;
    definitions::change(session, PROFILES, &patch, now)
}

/// Fields of the object `profiles` that a schema needs and that are not there.
fn missing_fields(profiles: &Object, schema: &Schema) -> Vec<FieldDefinition> {
    let own = [
        FieldDefinition {
            name: KPID.to_owned(),
            label: "Profile id".to_owned(),
            kind: FieldKind::Uuid,
            unique: true,
            ..FieldDefinition::default()
        },
        FieldDefinition {
            name: SOURCE_UPDATED_AT.to_owned(),
            label: "Updated at the source".to_owned(),
            kind: FieldKind::DateTime,
            ..FieldDefinition::default()
        },
    ];
    let of_leaves = leaves(schema).into_iter().map(|leaf| {
        let max_length = match &leaf.property.kind {
            Type::String(string) => string.max_length.map(|length| length as usize),
            _ => None,
        };
        FieldDefinition { max_length, ..leaf.field() }
    });
    own.into_iter().chain(of_leaves).filter(|field| profiles.column(&field.name).is_none()).collect()
}

/// The schema that an object stands for, where nobody said another.
fn schema_of(object: &Object) -> Schema {
    let reserved = || rules::RESERVED.iter().chain(&OF_IDENTITIES);
    let named = |column: &&Column| !reserved().any(|name| *name == column.name);
    let property = |column: &Column| Property {
        read_optional: true,
        ..Property::new(column.name.clone(), type_of(object, column))
    };
    Schema { properties: object.columns.iter().filter(named).map(property).collect() }
}

fn type_of(object: &Object, column: &Column) -> Type {
    let field = column.field.and_then(|field| object.fields.get(field)).map(|field| &field.definition);
    match column.value_type {
        ValueType::Text => Type::String(StringType {
            max_length: field
                .and_then(|field| field.max_length)
                .and_then(|length| u32::try_from(length).ok())
                .filter(|length| *length > 0),
            ..StringType::default()
        }),
        ValueType::Integer => Type::int(64),
        ValueType::Decimal => {
            let (precision, scale) = DECIMAL_DIGITS;
            Type::decimal(precision, field.and_then(|field| field.scale).unwrap_or(scale).min(37))
        }
        ValueType::Boolean => Type::Boolean,
        ValueType::Date => Type::Date,
        ValueType::DateTime => Type::DateTime,
        ValueType::Time => Type::Time,
        ValueType::Uuid => Type::Uuid,
        ValueType::Json => Type::Json,
    }
}

/// Looks whether a schema can be one of profiles.
pub fn check(schema: &Schema) -> std::result::Result<(), String> {
    if schema.properties.is_empty() {
        return Err("the schema has no properties".to_owned());
    }
    rules::check_profile_schema(schema)?;
    rules::check_profile_types(schema)?;
    let leaves = leaves(schema);
    if leaves.len() > MOST_LEAVES {
        return Err(format!("the schema has {} properties, at most are {MOST_LEAVES}", leaves.len()));
    }
    for Leaf { path, column, .. } in &leaves {
        if OF_IDENTITIES.contains(&column.as_str()) {
            return Err(format!(
                "`{path}` cannot be the name of a property: every identity has a `{column}`"
            ));
        }
        if column.len() > COLUMN_LETTERS {
            return Err(format!("`{path}` is too long: a path has at most {COLUMN_LETTERS} letters"));
        }
    }
    Ok(())
}

/// Looks whether a change is one that can be made.
fn permitted(before: &ProfileSchema, change: &Change) -> std::result::Result<(), Refusal> {
    check(&change.schema).map_err(Refusal::Malformed)?;
    for path in change.primary_sources.keys() {
        let Some(property) = change.schema.at_path(path) else {
            return Err(Refusal::Malformed(format!("primarySources names `{path}`, which is no property")));
        };
        if matches!(property.kind, Type::Object(_) | Type::Array(_)) {
            let kind = property.kind.kind();
            return Err(Refusal::Malformed(format!(
                "`{path}` is of kind {kind}, which can have no primary source"
            )));
        }
    }
    for (path, old) in &change.renamed {
        if change.schema.at_path(path).is_none() {
            return Err(Refusal::Malformed(format!("rePaths names `{path}`, which is no property")));
        }
        if let Some(old) = old.as_ref().filter(|old| *old != path) {
            return Err(Refusal::Impossible(format!(
                "`{old}` cannot become `{path}`: add `{path}`, import into it, and leave `{old}` out"
            )));
        }
    }
    // A schema that nobody said is a guess, which may be told more precisely.
    let known = if before.altered.is_some() { leaves(&before.schema) } else { Vec::new() };
    for leaf in leaves(&change.schema) {
        let Some(earlier) = known.iter().find(|earlier| earlier.column == leaf.column) else { continue };
        if !is_stored_alike(&earlier.property.kind, &leaf.property.kind) {
            return Err(Refusal::Impossible(format!(
                "`{}` is of type {} and cannot become {}: give the new property another name",
                leaf.path, earlier.property.kind, leaf.property.kind
            )));
        }
    }
    Ok(())
}

/// Looks whether the columns there are can hold what a schema says.
fn fits(profiles: &Object, schema: &Schema) -> std::result::Result<(), Refusal> {
    for leaf in leaves(schema) {
        let Some(column) = profiles.column(&leaf.column).and_then(|index| profiles.columns.get(index)) else {
            continue;
        };
        if column.value_type != value_type(leaf.field().kind) {
            return Err(Refusal::Impossible(format!(
                "the column `{}` of the profiles cannot hold values of type {}: give `{}` another name",
                leaf.column, leaf.property.kind, leaf.path
            )));
        }
    }
    Ok(())
}

fn value_type(kind: FieldKind) -> ValueType {
    match kind {
        FieldKind::Integer | FieldKind::Reference => ValueType::Integer,
        FieldKind::Decimal => ValueType::Decimal,
        FieldKind::Boolean => ValueType::Boolean,
        FieldKind::Date => ValueType::Date,
        FieldKind::DateTime => ValueType::DateTime,
        FieldKind::Time => ValueType::Time,
        FieldKind::Uuid => ValueType::Uuid,
        FieldKind::Json => ValueType::Json,
        _ => ValueType::Text,
    }
}

/// True where values of one type are values of the other but for limits that may change.
fn is_stored_alike(before: &Type, after: &Type) -> bool {
    match (before, after) {
        (Type::String(_), Type::String(_)) => true,
        (Type::Int(before), Type::Int(after)) => {
            (before.bit_size, before.unsigned) == (after.bit_size, after.unsigned)
        }
        (Type::Float(before), Type::Float(after)) => before.bit_size == after.bit_size,
        (Type::Decimal(before), Type::Decimal(after)) => {
            (before.precision, before.scale) == (after.precision, after.scale)
        }
        (Type::Array(before), Type::Array(after)) => is_stored_alike(&before.element, &after.element),
        (Type::Map(before), Type::Map(after)) => is_stored_alike(before, after),
        (before, after) => before == after,
    }
}

fn sql_type(kind: FieldKind) -> &'static str {
    match value_type(kind) {
        ValueType::Text => "text",
        ValueType::Integer => "bigint",
        ValueType::Decimal => "numeric",
        ValueType::Boolean => "boolean",
        ValueType::Date => "date",
        ValueType::DateTime => "timestamptz",
        ValueType::Time => "time",
        ValueType::Uuid => "uuid",
        ValueType::Json => "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(properties: &str) -> Schema {
        Schema::parse(&format!("{{\"kind\":\"object\",\"properties\":[{properties}]}}")).expect("a schema")
    }

    fn refused(properties: &str) -> Option<String> {
        check(&schema(properties)).err()
    }

    #[test]
    fn the_object_that_ships_is_a_profile_schema() {
        let object = dray_model::starter::starter_object(PROFILES).expect("profiles");
        let made = schema_of(&object);
        assert_eq!(check(&made), Ok(()));
        assert!(missing_fields(&object, &made).is_empty());
        let names: Vec<&str> = made.properties.iter().map(|property| property.name.as_str()).collect();
        assert_eq!(names, ["external_id", "email", "phone", "first_name", "last_name", "attributes"]);
        assert!(matches!(&made.properties[1].kind, Type::String(string) if string.max_length == Some(254)));
    }

    #[test]
    fn what_profiles_cannot_have_is_refused() {
        let text = |name: &str| {
            format!("{{\"name\":\"{name}\",\"readOptional\":true,\"type\":{{\"kind\":\"string\"}}}}")
        };
        let of = |kind: &str| format!("{{\"name\":\"a\",\"readOptional\":true,\"type\":{kind}}}");
        assert_eq!(refused(&format!("{},{}", text("a"), text("b"))), None);
        for (properties, why) in [
            (text("_a"), "begins with `_`"),
            (text("KPID"), "the tables use it"),
            (text("Profile_id"), "every identity has"),
            (text(&"a".repeat(41)), "too long"),
            (format!("{},{}", text("a"), text("A")), "the same column"),
            (r#"{"name":"a","type":{"kind":"string"}}"#.to_owned(), "must have `readOptional`"),
            (of(r#"{"kind":"string","values":["x"]}"#), "cannot have `values`"),
            (of(r#"{"kind":"string","pattern":"x"}"#), "cannot have `values`"),
            (
                of(r#"{"kind":"array","minElements":1,"elementType":{"kind":"string"}}"#),
                "limits of its elements",
            ),
            (
                of(r#"{"kind":"array","elementType":{"kind":"map","elementType":{"kind":"string"}}}"#),
                "only single values",
            ),
        ] {
            let told = refused(&properties).unwrap_or_default();
            assert!(told.contains(why), "{properties}: {told}");
        }
        let inner = format!("{{\"kind\":\"object\",\"properties\":[{}]}}", text("b"));
        let told = refused(&format!("{},{}", of(&inner), text("a_b"))).unwrap_or_default();
        assert!(told.contains("the same column `a_b`"), "{told}");
    }

    #[test]
    fn kinds_stay() {
        let before = ProfileSchema {
            schema: Arc::new(schema(
                r#"{"name":"a","readOptional":true,"type":{"kind":"string","maxLength":5}}"#,
            )),
            primary_sources: BTreeMap::new(),
            altered: Some((1, 2)),
        };
        let change = |properties: &str| Change {
            schema: schema(properties),
            primary_sources: BTreeMap::new(),
            renamed: BTreeMap::new(),
        };
        let longer = change(r#"{"name":"A","readOptional":true,"type":{"kind":"string"}}"#);
        assert_eq!(permitted(&before, &longer), Ok(()));
        let other = change(r#"{"name":"a","readOptional":true,"type":{"kind":"int","bitSize":32}}"#);
        assert!(matches!(permitted(&before, &other), Err(Refusal::Impossible(_))));
    }
}
