//! Ledgers, problems and plans as programs read them: the same words on the command line and in the API.

use dray_engine::map::Mapping;
use dray_engine::write::Change;
use dray_model::flow::{Detected, Import};
use dray_model::ledger::{Fate, Ledger};
use dray_model::object::Object;
use dray_model::problem::{Problem, Severity};
use dray_model::value::append_datetime;
use serde_json::{Map, Value, json};

use super::import::ProblemGroup;

/// The ledger as the contract has it: `{"import":…,"read":…,"created":…,…,"balanced":true,"seconds":…}`.
pub fn json(import: Option<i64>, ledger: &Ledger, seconds: f64) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("import".into(), json!(import));
    out.insert("read".into(), json!(ledger.read));
    for fate in Fate::ALL {
        out.insert(fate.word().into(), json!(ledger.count(fate)));
    }
    out.insert("balanced".into(), json!(ledger.is_balanced()));
    out.insert("seconds".into(), json!((seconds * 1000.0).round() / 1000.0));
    out
}

/// Only the fates.
pub fn fates_json(ledger: &Ledger) -> Map<String, Value> {
    let mut out = json(None, ledger, 0.0);
    out.shift_remove("import");
    out.shift_remove("seconds");
    out
}

/// An import as lists show it.
pub fn import_json(import: &Import) -> Map<String, Value> {
    let end = import.finished_at.unwrap_or(import.started_at);
    let mut out = json(Some(import.id), &import.ledger, (end - import.started_at) as f64 / 1e6);
    out.insert("object".into(), json!(import.object));
    out.insert("source".into(), json!(import.source));
    out.insert("status".into(), json!(import.status.word()));
    out.insert("started_at".into(), json!(time(import.started_at)));
    out.insert("finished_at".into(), json!(import.finished_at.map(time)));
    out.insert("undo_of".into(), json!(import.undo_of));
    out.insert("message".into(), json!(import.message));
    out
}

/// What was found out about a source.
pub fn detected_json(detected: &[Detected]) -> Value {
    let found = |found: &Detected| json!({ "what": found.what, "value": found.value, "confidence": (found.confidence * 100.0).round() / 100.0 });
    detected.iter().map(found).collect()
}

/// One problem with its place.
pub fn problem_json(problem: &Problem) -> Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({
        "row": problem.row_number, "line": problem.line, "column": problem.column, "field": problem.field,
        "code": problem.code.word(), "severity": severity, "value": problem.value, "message": problem.message,
    })
}

/// Problems by what is wrong and where, each with the first of its kind.
pub fn groups_json(groups: &[ProblemGroup]) -> Value {
    let group = |group: &ProblemGroup| {
        let first = &group.first;
        json!({
            "code": first.code.word(), "column": first.column.as_ref().or(first.field.as_ref()), "rows": group.rows,
            "first": { "row": first.row_number, "line": first.line, "value": first.value, "message": first.message },
        })
    };
    groups.iter().map(group).collect()
}

/// A changed cell of a plan: old → new.
pub fn change_json(change: &Change) -> Value {
    json!({ "row": change.row_number, "record": change.record_id, "field": change.column, "old": change.old, "new": change.new })
}

/// Which column of a source fills which field, as it can be sent back; and what is left out, and why.
pub fn mapping_json(object: &Object, mapping: &Mapping) -> (Value, Value) {
    let mut pairs = Map::new();
    for mapped in &mapping.columns {
        let column = object.columns.get(mapped.column).map(|column| column.name.as_str());
        pairs.insert(mapped.header.clone(), json!(column));
    }
    let ignored = mapping.ignored.iter();
    let ignored = ignored.filter_map(|column| {
        let why = column.why.as_ref()?;
        Some(json!({ "column": column.header, "why": why, "looks_like": column.looks_like }))
    });
    (Value::Object(pairs), ignored.collect())
}

/// A time as text.
pub fn time(micros: i64) -> String {
    let mut out = String::new();
    append_datetime(micros, &mut out);
    out
}
