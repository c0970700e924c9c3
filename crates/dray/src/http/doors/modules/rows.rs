//! The rows of a request, or the file that stands for them, with everything that is said about them: what
//! validating and importing have in common.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use dray_engine::map::MappingRequest;
use dray_formats::ReadOptions;
use dray_model::catalog::Session;
use dray_model::definition::{Merge, OnDuplicate};
use dray_model::object::Object;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::mapping::{ColumnMapping, Mapped, columns_of_rows, missing, resolve, worth_a_warning};
use super::names::{stored, unknown_field};
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::operations::import::{ImportRequest, Rows};
use crate::operations::looked_through;
use crate::operations::policy::PolicyRequest;
use crate::operations::quota::Quota;
use crate::operations::reading::ReadRequest;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::limits::Plan;
use crate::source::Source;

/// The most different members of all rows.
const MOST_MEMBERS: usize = 4_096;
/// The most entries of a mapping, match fields or static values.
const MOST_ENTRIES: usize = 4_096;
/// The longest name of a file that is taken.
const NAME_LETTERS: usize = 200;

/// Rows with what is said about them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowsBody {
    /// The rows: header → value.
    #[schema(value_type = Option<Vec<Object>>)]
    pub(super) rows: Option<SeenRows>,
    /// In their place, the file that `parse` was sent.
    pub(super) file_id: Option<String>,
    /// Which column fills which field. Columns that are not named are left out.
    pub(super) column_mapping: Vec<ColumnMapping>,
    /// What happens to rows that match a record: skip (default), update or create.
    #[schema(value_type = Option<String>)]
    pub(super) duplicate_strategy: Option<OnDuplicate>,
    /// Fields that tell whether a row is a record.
    pub(super) duplicate_match_fields: Option<Vec<String>>,
    /// What an update writes: prefer_import (default), fill_empty or overwrite.
    #[schema(value_type = Option<String>)]
    pub(super) merge_mode: Option<Merge>,
    /// A language model had a part in the mapping.
    pub(super) ai_mapping_used: Option<bool>,
    /// Taken and without effect: no row goes in that the table cannot hold.
    #[expect(dead_code, reason = "a member clients may send; checks are never skipped")]
    skip_validation: Option<bool>,
    /// Makes the records that references name and nobody finds.
    pub(super) create_missing_references: Option<bool>,
    /// Field → value for every row.
    #[schema(value_type = Option<Object>)]
    pub(super) static_values: Option<BTreeMap<String, Value>>,
    /// The name of the file the rows come from, for the history.
    pub(super) file_name: Option<String>,
    /// Its type, for the history.
    pub(super) file_type: Option<String>,
}

/// What was seen of `rows` in passing: how many there are and which members they have. The rows themselves are
/// read from the body by the engine.
#[derive(Debug, Default)]
pub(super) struct SeenRows {
    pub(super) count: u64,
    pub(super) members: Vec<String>,
    known: HashSet<String>,
}

impl<'de> Deserialize<'de> for SeenRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All(SeenRows);
        impl<'de> Visitor<'de> for All {
            type Value = SeenRows;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an array of rows")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<SeenRows, A::Error> {
                while rows.next_element_seed(One(&mut self.0))?.is_some() {
                    self.0.count += 1;
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_seq(All(Self::default()))
    }
}

/// One row, or whatever stands in its place.
struct One<'s>(&'s mut SeenRows);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a row: an object of header and value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key_seed(Name(self.0))?.is_some() {
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    // What is no row is counted here, and told with its number where it is read.

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _text: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _number: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _number: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _number: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _boolean: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The name of a member.
struct Name<'s>(&'s mut SeenRows);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a header")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        if !self.0.known.contains(name) {
            if self.0.members.len() == MOST_MEMBERS {
                return Err(E::custom(format_args!(
                    "the rows have more than {MOST_MEMBERS} different members"
                )));
            }
            self.0.known.insert(name.to_owned());
            self.0.members.push(name.to_owned());
        }
        Ok(())
    }
}

/// A request worked out: nothing in it is wrong any more but, perhaps, the data.
pub(super) struct Prepared {
    pub(super) object: Arc<Object>,
    pub(super) policy: PolicyRequest,
    pub(super) mapped: Mapped,
    pub(super) read: ReadRequest,
    pub(super) only_columns: Option<Vec<String>>,
    pub(super) total_rows: u64,
    pub(super) source_name: String,
    pub(super) file_type: String,
    /// The file that stands for the rows; none where they are in the body.
    pub(super) file: Option<StoredFile>,
    /// Fields without which nothing can be created.
    pub(super) missing: Vec<String>,
    /// Fields that are not mapped though a record is known by them.
    pub(super) warnings: Vec<String>,
}

/// Works out a request.
pub(super) fn prepare(
    app: &App,
    session: &mut dyn Session,
    organization: &str,
    plan: &Plan,
    object: &Arc<Object>,
    body: &RowsBody,
) -> Answer<Prepared> {
    let statics = body.static_values.clone().unwrap_or_default();
    let match_fields = body.duplicate_match_fields.clone().unwrap_or_default();
    if body.column_mapping.len().max(statics.len()).max(match_fields.len()) > MOST_ENTRIES {
        return Err(Failure::validation(format!(
            "columnMapping, staticValues and duplicateMatchFields have at most {MOST_ENTRIES} entries"
        )));
    }
    let on_duplicate = body.duplicate_strategy.unwrap_or(OnDuplicate::Skip);
    let mut match_by = Vec::new();
    for name in &match_fields {
        if object.find_columns(stored(name)).is_none() {
            return Err(unknown_field(object, name));
        }
        match_by.push(stored(name).to_owned());
    }
    let create_references = body.create_missing_references == Some(true);
    let policy = PolicyRequest {
        match_by,
        on_duplicate: Some(on_duplicate),
        merge: Some(body.merge_mode.unwrap_or(Merge::PreferImport)),
        create_references,
        leave_references_empty: !create_references,
        max_rows: plan.rows_per_import,
        ..PolicyRequest::default()
    };
    let shown = |text: &Option<String>, default: &str| -> String {
        let text = text.as_deref().unwrap_or(default);
        text.chars().filter(|letter| !letter.is_control()).take(NAME_LETTERS).collect()
    };
    let mut prepared = match (&body.rows, &body.file_id) {
        (Some(_), Some(_)) => {
            return Err(Failure::validation("the request has rows and a fileId: send one of them"));
        }
        (None, None) => {
            return Err(Failure::validation(
                "the request has no rows: send rows, or the fileId that parse gave",
            ));
        }
        (Some(rows), None) => {
            let columns = columns_of_rows(&rows.members, &body.column_mapping);
            let mut mapped = resolve(object, &columns, &body.column_mapping, &statics)?;
            mapped.columns.retain(|(_, field)| !field.is_empty());
            Prepared {
                only_columns: Some(mapped.columns.iter().map(|(name, _)| name.clone()).collect()),
                read: ReadRequest {
                    format: Some("json".to_owned()),
                    records: Some("rows".to_owned()),
                    ..ReadRequest::default()
                },
                total_rows: rows.count,
                source_name: shown(&body.file_name, "rows.json"),
                file_type: shown(&body.file_type, "json"),
                file: None,
                object: Arc::clone(object),
                policy,
                mapped,
                missing: Vec::new(),
                warnings: Vec::new(),
            }
        }
        (None, Some(id)) => {
            let (file, found) = find_file(app, session, organization, id)?;
            Prepared {
                mapped: resolve(object, &found.columns, &body.column_mapping, &statics)?,
                only_columns: None,
                read: ReadRequest::default(),
                total_rows: found.total_rows,
                source_name: file.name.clone(),
                file_type: found.file_type,
                file: Some(file),
                object: Arc::clone(object),
                policy,
                missing: Vec::new(),
                warnings: Vec::new(),
            }
        }
    };
    let filled = &prepared.mapped.filled;
    prepared.missing = missing(object, filled, on_duplicate);
    prepared.warnings = worth_a_warning(object, filled);
    Ok(prepared)
}

fn find_file(
    app: &App,
    session: &mut dyn Session,
    organization: &str,
    id: &str,
) -> Answer<(StoredFile, looked_through::LookedThrough)> {
    let id = id.strip_prefix("file_").unwrap_or(id);
    let file = Files::find(session, id)?.filter(|file| file.expires_at > clock::now());
    let found = looked_through::find(session, id)?;
    let is_there = app.files().size(organization, id)?.is_some();
    match (file, found) {
        (Some(file), Some(found)) if is_there => Ok((file, found)),
        _ => Err(no_file()),
    }
}

fn no_file() -> Failure {
    Failure::new(
        StatusCode::NOT_FOUND,
        "FILE_NOT_FOUND",
        "File not found: there is no such fileId, or its week is over; send the file to import/parse again",
    )
}

impl Prepared {
    /// How the rows are read.
    pub(super) fn options(&self) -> Answer<ReadOptions> {
        Ok(ReadOptions { columns: self.only_columns.clone(), ..self.read.options()? })
    }

    /// The file that stands for the rows, ready to be opened.
    pub(super) fn source(&self, app: &App, organization: &str) -> Answer<Option<Source>> {
        let Some(file) = &self.file else { return Ok(None) };
        let file = app.files().local(organization, &file.id)?.ok_or_else(no_file)?;
        Ok(Some(Source::stored(&self.source_name, file, self.options()?)))
    }

    /// The headers as the reader gives them: members of rows lose blanks around them.
    pub(super) fn take_headers_of_rows(&mut self, bytes: &Bytes) -> Answer<()> {
        if self.file.is_some() || self.total_rows == 0 {
            return Ok(());
        }
        let rows = Rows::Bytes(bytes.clone(), self.options()?).open(0)?;
        for (pair, header) in self.mapped.columns.iter_mut().zip(rows.header()) {
            pair.0.clone_from(header);
        }
        Ok(())
    }

    /// A plan of it.
    pub(super) fn plan<'r>(&self, rows: Rows<'r>) -> ImportRequest<'r> {
        ImportRequest {
            object: Arc::clone(&self.object),
            policy: self.policy.clone(),
            rows,
            source_name: self.source_name.clone(),
            source_bytes: None,
            fingerprint: String::new(),
            mapping: self.mapping(),
            date_order: None,
            failed: None,
            resume: false,
            plan: true,
            quota: Quota::default(),
        }
    }

    /// The mapping in the engine's terms.
    pub(super) fn mapping(&self) -> MappingRequest {
        MappingRequest { columns: self.mapped.columns.clone(), statics: self.mapped.statics.clone() }
    }
}

/// A row that something is wrong with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RowError {
    /// Number of the row, from 1.
    pub(super) row: u64,
    /// The field.
    pub(super) field: Option<String>,
    /// The value as sent.
    pub(super) value: Option<String>,
    /// What is wrong.
    pub(super) error: String,
    /// Stable code.
    pub(super) code: &'static str,
}
