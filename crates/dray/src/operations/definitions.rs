//! Objects made and changed at run time: what may be changed, what stands in the way, and the table that
//! follows.

use std::collections::BTreeMap;

use dray_engine::query::canonical_value;
use dray_model::catalog::Session;
use dray_model::definition::{FieldDefinition, FieldKind, ObjectDefinition};
use dray_model::object::Object;
use dray_model::query::{Filter, Operator};
use dray_model::value::ValueType;
use dray_model::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use super::objects::{IDENTITIES, KnownObjects, MOST_OBJECTS, define};
use super::record::lock;

/// The kind of document that remembers every column a table ever had, hidden ones too.
const COLUMNS_KIND: &str = "object_columns";

/// The most fields of an object.
const MOST_FIELDS: usize = 300;
/// The most columns of its table: SQLite takes 2000, PostgreSQL 1600.
const MOST_COLUMNS: usize = 600;
/// The most choices of a field.
const MOST_CHOICES: usize = 1_000;
/// The longest label or choice, in letters.
const LABEL_LETTERS: usize = 255;
/// The longest pattern, in letters.
const PATTERN_LETTERS: usize = 500;
/// The largest definition, as JSON.
const DEFINITION_BYTES: usize = 256 << 10;

/// What came of a wish to make or change an object.
#[derive(Debug)]
pub enum Defined {
    /// This is the object now.
    Done(Box<Object>),
    /// Something that is there already stands in the way.
    Conflict(String),
    /// There is no such object or field.
    Missing(String),
}

/// Makes an object.
pub fn create(session: &mut dyn Session, definition: ObjectDefinition, now: i64) -> Result<Defined> {
    let known = KnownObjects::load(session)?;
    if definition.name == IDENTITIES {
        return Ok(Defined::Conflict(format!("the name `{IDENTITIES}` is kept for what pipelines bring")));
    }
    if let Some(taken) = known.all().iter().find(|object| object.answers_to(&definition.name)) {
        return Ok(Defined::Conflict(format!(
            "there is an object that answers to `{}` already: `{}`",
            definition.name,
            taken.name()
        )));
    }
    if known.all().len() as u64 >= MOST_OBJECTS {
        return Ok(Defined::Conflict(format!("an organization has at most {MOST_OBJECTS} objects")));
    }
    let object = checked(&known, definition)?;
    locked(session, &object, |session| put(session, None, &object, now))
}

/// Changes an object as a patch says: `label`, `description`, `aliases`, `policy`, and of `fields` those to
/// be added or changed, each with its name and what is new about it; `null` takes something back.
pub fn change(
    session: &mut dyn Session,
    name: &str,
    patch: &Map<String, Value>,
    now: i64,
) -> Result<Defined> {
    changed(session, name, now, &|definition| patched(definition, patch))
}

/// Adds one field.
pub fn add_field(
    session: &mut dyn Session,
    name: &str,
    field: &FieldDefinition,
    now: i64,
) -> Result<Defined> {
    let has = |definition: &ObjectDefinition| definition.fields.iter().any(|known| known.name == field.name);
    let known = KnownObjects::load(session)?;
    if known.named(name).is_ok_and(|object| has(&object.definition)) {
        return Ok(Defined::Conflict(format!("`{name}` has a field `{}` already", field.name)));
    }
    changed(session, name, now, &|definition| {
        let mut definition = definition.clone();
        definition.fields.push(field.clone());
        Ok(definition)
    })
}

/// Hides a field: nobody sees or fills it any more, but what is in its column stays there, and comes back
/// where the field is added again with the same type.
pub fn hide_field(session: &mut dyn Session, name: &str, field: &str, now: i64) -> Result<Defined> {
    let known = KnownObjects::load(session)?;
    if let Ok(object) = known.named(name) {
        let definition = &object.definition;
        if !definition.fields.iter().any(|known| known.name == field) {
            return Ok(Defined::Missing(format!("`{}` has no field `{}`", object.name(), shown(field))));
        }
        if let Some(user) = user_of(&object, field) {
            return Ok(Defined::Conflict(format!("`{field}` cannot be hidden: {user}")));
        }
        if definition.fields.len() == 1 {
            return Ok(Defined::Conflict(format!("`{field}` is the only field of `{}`", object.name())));
        }
    }
    changed(session, name, now, &|definition| {
        let mut definition = definition.clone();
        definition.fields.retain(|known| known.name != field);
        Ok(definition)
    })
}

/// What needs a field.
fn user_of(object: &Object, name: &str) -> Option<String> {
    let of_field = |column: usize| object.field_of(column).is_some_and(|field| field.definition.name == name);
    let policy = &object.policy;
    if let Some(rule) =
        policy.match_by.iter().find(|rule| rule.columns.iter().any(|&column| of_field(column)))
    {
        return Some(format!("imports match records by `{}`; change `policy.match` first", rule.name));
    }
    if policy.force.iter().any(|(column, _)| of_field(*column)) {
        return Some("the policy gives it a value; change `policy.force` first".to_owned());
    }
    let template = format!("{{{name}}}");
    let other = object.fields.iter().find(|field| {
        field.definition.name != name
            && field.definition.default.as_deref().is_some_and(|default| default.contains(&template))
    });
    other
        .map(|other| format!("`{0}` is made of it; change the default of `{0}` first", other.definition.name))
}

fn changed(
    session: &mut dyn Session,
    name: &str,
    now: i64,
    change: &dyn Fn(&ObjectDefinition) -> Result<ObjectDefinition>,
) -> Result<Defined> {
    let known = KnownObjects::load(session)?;
    let Ok(before) = known.named(name) else {
        return Ok(Defined::Missing(format!("there is no object `{}`", shown(name))));
    };
    locked(session, &before, |session| {
        // Read again now that nobody else changes it.
        let known = KnownObjects::load(session)?;
        let before = known.named(before.name())?;
        let object = checked(&known, change(&before.definition)?)?;
        put(session, Some(&before), &object, now)
    })
}

/// Does something while no import and no other change of the object goes on.
fn locked(
    session: &mut dyn Session,
    object: &Object,
    work: impl FnOnce(&mut dyn Session) -> Result<Defined>,
) -> Result<Defined> {
    if !lock(session, object)? {
        return Ok(Defined::Conflict(format!(
            "an import into `{}` is running: try again when it has ended",
            object.name()
        )));
    }
    let done = work(session);
    let unlocked = session.unlock_object(object.name());
    done.and_then(|done| unlocked.map(|()| done))
}

/// Brings the table up to the definition, where nothing stands in the way.
fn put(session: &mut dyn Session, before: Option<&Object>, object: &Object, now: i64) -> Result<Defined> {
    if let Some(before) = before {
        session.prepare_object(before)?;
        if let Some(why) = empty_cells(session, before, object)? {
            return Ok(Defined::Conflict(why));
        }
    }
    let mut columns = all_columns(session, object.name())?;
    for column in before.iter().flat_map(|before| &before.columns) {
        columns.insert(column.name.clone(), column.value_type);
    }
    for column in &object.columns {
        let had = columns.insert(column.name.clone(), column.value_type);
        if had.is_some_and(|had| had != column.value_type) {
            return Ok(Defined::Conflict(format!(
                "the column `{}` of `{}` holds values of another type, hidden ones perhaps: a type is not \
                 changed; give the field another name",
                column.name,
                object.name()
            )));
        }
    }
    match define(session, &object.definition, now) {
        Ok(object) => {
            let body = serde_json::to_string(&columns)
                .map_err(|cause| Error::store("the columns cannot be written").because(cause))?;
            session.save_document(COLUMNS_KIND, object.name(), &body, now)?;
            Ok(Defined::Done(Box::new(object)))
        }
        Err(error) if error.kind == ErrorKind::Request => Ok(Defined::Conflict(match &error.hint {
            Some(hint) => format!("{}: {hint}", error.message),
            None => error.message,
        })),
        Err(error) => Err(error),
    }
}

/// Every column the object's table ever had, as far as that was written down.
fn all_columns(session: &mut dyn Session, object: &str) -> Result<BTreeMap<String, ValueType>> {
    let Some(document) = session.find_document(COLUMNS_KIND, object)? else { return Ok(BTreeMap::new()) };
    serde_json::from_str(&document.body)
        .map_err(|cause| Error::store("the columns of an object cannot be read").because(cause))
}

/// A field that becomes required, but not every record has a value in it.
fn empty_cells(session: &mut dyn Session, before: &Object, object: &Object) -> Result<Option<String>> {
    for field in &object.fields {
        let definition = &field.definition;
        let name = &definition.name;
        if !definition.required || before.field(name).is_some_and(|known| known.definition.required) {
            continue;
        }
        let known: Vec<usize> =
            field.columns.clone().filter_map(|column| before.column(&object.columns[column].name)).collect();
        let is_empty =
            |column: usize| Filter::Compare { column, operator: Operator::IsEmpty, values: Vec::new() };
        let empty = Filter::And(known.into_iter().map(is_empty).collect());
        let records = session.count_records(before, Some(&empty), 10_000)?;
        if records > 0 {
            let many = if records == 10_000 { " or more" } else { "" };
            return Ok(Some(format!(
                "`{name}` cannot be required: {records}{many} records have no value in it; fill them first"
            )));
        }
    }
    Ok(None)
}

/// The definition with what a patch says.
fn patched(definition: &ObjectDefinition, patch: &Map<String, Value>) -> Result<ObjectDefinition> {
    let cannot = |why: serde_json::Error| Error::request(format!("the definition cannot be read: {why}"));
    let whole = serde_json::to_value(definition).map_err(cannot)?;
    let Value::Object(mut whole) = whole else { return Err(Error::request("the definition is no object")) };
    for (name, value) in patch {
        match (name.as_str(), value) {
            ("name", Value::String(name)) if *name == definition.name => {}
            ("name", _) => return Err(Error::request("the name of an object stays").hint("change its label")),
            ("label" | "description" | "aliases", value) => put_member(&mut whole, name, value),
            ("policy", Value::Object(changes)) => {
                let policy = whole.entry("policy").or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(policy) = policy {
                    changes.iter().for_each(|(name, value)| put_member(policy, name, value));
                }
            }
            ("fields" | "field", Value::Array(changes)) => {
                if let Some(Value::Array(fields)) = whole.get_mut("field") {
                    changes.iter().try_for_each(|change| put_field(fields, change))?;
                }
            }
            (other, _) => {
                return Err(Error::request(format!("`{}` cannot be changed so", shown(other))).hint(
                    "a patch has `label`, `description`, `aliases` (a list), `policy` (an object) and `fields` (a list)",
                ));
            }
        }
    }
    serde_json::from_value(Value::Object(whole)).map_err(cannot)
}

/// Adds a field, or changes what a patch says about a known one.
fn put_field(fields: &mut Vec<Value>, change: &Value) -> Result<()> {
    let (Value::Object(members), Some(name)) = (change, change.get("name").and_then(Value::as_str)) else {
        return Err(Error::request("each of `fields` is an object with a `name`"));
    };
    let known = fields.iter_mut().find(|field| field.get("name").and_then(Value::as_str) == Some(name));
    match known {
        Some(Value::Object(field)) => members.iter().for_each(|(name, value)| put_member(field, name, value)),
        _ => fields.push(change.clone()),
    }
    Ok(())
}

fn put_member(members: &mut Map<String, Value>, name: &str, value: &Value) {
    if value.is_null() {
        members.shift_remove(name);
    } else {
        members.insert(name.to_owned(), value.clone());
    }
}

/// The object of a definition that is within the limits and speaks only of what is there.
fn checked(known: &KnownObjects, definition: ObjectDefinition) -> Result<Object> {
    let bytes = serde_json::to_string(&definition).map_or(usize::MAX, |text| text.len());
    if bytes > DEFINITION_BYTES {
        return Err(Error::request(format!(
            "the definition has {bytes} bytes, at most are {DEFINITION_BYTES}"
        )));
    }
    if definition.fields.is_empty() || definition.fields.len() > MOST_FIELDS {
        return Err(Error::request(format!("an object has 1 to {MOST_FIELDS} fields")));
    }
    check_label("the label of the object", &definition.label)?;
    for alias in &definition.aliases {
        let is_taken =
            known.all().iter().any(|other| other.name() != definition.name && other.answers_to(alias));
        if is_taken || alias.is_empty() || alias.chars().count() > LABEL_LETTERS {
            return Err(Error::request(format!("`{}` cannot be an alias", shown(alias))).hint("it is taken"));
        }
    }
    for field in &definition.fields {
        check_field(known, &definition.name, field)?;
    }
    let object = Object::new(definition)?;
    if object.columns.len() > MOST_COLUMNS {
        return Err(Error::request(format!("the fields of an object have at most {MOST_COLUMNS} columns")));
    }
    for field in &object.fields {
        for limit in [&field.definition.min, &field.definition.max].into_iter().flatten() {
            canonical_value(&object, field.columns.start, limit)?;
        }
    }
    Ok(object)
}

fn check_field(known: &KnownObjects, object: &str, field: &FieldDefinition) -> Result<()> {
    let name = &field.name;
    check_label(&format!("the label of `{}`", shown(name)), &field.label)?;
    let words = field.choices.iter().chain(&field.types).chain(&field.synonyms);
    if field.choices.len() > MOST_CHOICES || words.clone().any(|word| word.chars().count() > LABEL_LETTERS) {
        return Err(Error::request(format!(
            "`{name}` has more than {MOST_CHOICES} choices, or one of more than {LABEL_LETTERS} letters"
        )));
    }
    if words.clone().any(|word| word.trim().is_empty() || word.contains('\0')) {
        return Err(Error::request(format!("`{name}` has an empty choice, type or synonym")));
    }
    if field.pattern.as_deref().is_some_and(|pattern| pattern.chars().count() > PATTERN_LETTERS) {
        return Err(Error::request(format!(
            "the pattern of `{name}` has more than {PATTERN_LETTERS} letters"
        )));
    }
    if let Some(target) = &field.target
        && (field.kind == FieldKind::Reference || !target.is_empty())
        && target != object
        && known.named(target).is_err()
    {
        return Err(Error::request(format!(
            "`{name}` refers to `{}`, and there is no such object",
            shown(target)
        )));
    }
    let folded: Vec<String> = field.types.iter().map(|word| word.to_ascii_lowercase()).collect();
    let is_plain = |word: &String| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !folded.iter().all(is_plain) {
        return Err(Error::request(format!("the types of `{name}` must be plain words: Mobile, Work …")));
    }
    Ok(())
}

fn check_label(what: &str, label: &str) -> Result<()> {
    if label.chars().count() > LABEL_LETTERS || label.chars().any(char::is_control) {
        return Err(Error::request(format!("{what} has more than {LABEL_LETTERS} letters, or odd ones")));
    }
    Ok(())
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
