//! The tools: what an agent is told of each, and the request it stands for.

use axum::http::Method;
use serde_json::{Map, Value, json};

/// A request to a route of the API.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

/// A tool as an agent sees it.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Properties of the arguments (JSON Schema) and which of them are required.
    pub(super) properties: fn() -> Value,
    pub(super) required: &'static [&'static str],
    pub(super) reads_only: bool,
    /// The request; the error tells which argument is wrong.
    pub(super) call: fn(&Map<String, Value>) -> Result<Call, String>,
}

/// Records `crm_export` answers unless told otherwise (`records-api.txt`).
const EXPORT_LIMIT: u64 = 500;

/// Stands between the parts of a form; it is made anew where the file holds it.
const BORDER: &str = "dray-mcp-form";

/// All tools.
pub(super) const TOOLS: [Tool; 10] = [
    Tool {
        name: "describe",
        about: "List the objects (tables) of the organization, or describe the fields and rules of one. Call this first.",
        properties: || json!({ "object": { "type": "string", "description": "Name of one object; all where left out" } }),
        required: &[],
        reads_only: true,
        call: |arguments| {
            Ok(get(match optional(arguments, "object")? {
                Some(object) => format!("/api/v1/objects/{}", segment(&object)),
                None => "/api/v1/objects".to_owned(),
            }))
        },
    },
    Tool {
        name: "crm_export",
        about: "Export records of an object as JSON (or CSV text): filtered, sorted, limited (default 500, at most 10000).",
        properties: || {
            json!({
                "object": { "type": "string" },
                "format": { "type": "string", "enum": ["json", "csv"] },
                "fields": { "type": "string", "description": "Comma-separated field names" },
                "filters": { "type": "object", "description": "FilterGroup: {operator: and|or, conditions: [{field, operator, value} or a group]}" },
                "filter_field": { "type": "string" },
                "filter_operator": { "type": "string" },
                "filter_value": { "type": "string" },
                "sort_by": { "type": "string" },
                "sort_dir": { "type": "string", "enum": ["asc", "desc"] },
                "limit": { "type": "integer", "minimum": 1, "maximum": 10000, "default": EXPORT_LIMIT },
            })
        },
        required: &["object"],
        reads_only: true,
        call: |arguments| {
            let object = required(arguments, "object")?;
            let mut query = vec![format!(
                "limit={}",
                arguments
                    .get("limit")
                    .map_or_else(|| EXPORT_LIMIT.to_string(), |limit| escape(&plain(limit)))
            )];
            for name in [
                "format",
                "fields",
                "filters",
                "filter_field",
                "filter_operator",
                "filter_value",
                "sort_by",
                "sort_dir",
            ] {
                if let Some(value) = arguments.get(name).filter(|value| !value.is_null()) {
                    query.push(format!("{name}={}", escape(&plain(value))));
                }
            }
            Ok(get(format!("/api/v1/export/{}?{}", segment(&object), query.join("&"))))
        },
    },
    Tool {
        name: "crm_import",
        about: "Import up to 50 records into an object at once. Duplicates by e-mail, phone and name are skipped. For more rows, or to see first what would happen, use plan_import.",
        properties: || {
            json!({
                "object": { "type": "string" },
                "records": { "type": "array", "maxItems": 50, "items": { "type": "object" }, "description": "Field name → value" },
            })
        },
        required: &["object", "records"],
        reads_only: false,
        call: |arguments| {
            let object = required(arguments, "object")?;
            let records = arguments.get("records").cloned().unwrap_or(Value::Null);
            Ok(post(format!("/api/v1/import/{}", segment(&object)), &json!({ "records": records })))
        },
    },
    Tool {
        name: "plan_import",
        about: "Show what an import would do to every row, without writing anything: counts of created, updated, unchanged, duplicate and rejected rows, every problem, and old → new of cells. Answers an id for apply_import.",
        properties: || {
            json!({
                "object": { "type": "string" },
                "text": { "type": "string", "description": "The rows as CSV with a header, or as JSON lines" },
                "records": { "type": "array", "items": { "type": "object" }, "description": "In place of text" },
                "mapping": { "type": "object", "description": "Column → field; columns that are left out are mapped by their names" },
                "on_duplicate": { "type": "string", "enum": ["skip", "update", "create"] },
                "match": { "type": "string", "description": "Fields that tell whether a row is an existing record, with commas" },
                "merge": { "type": "string", "enum": ["fill_empty", "overwrite", "prefer_import"] },
                "mode": { "type": "string", "enum": ["atomic", "partial"] },
            })
        },
        required: &["object"],
        reads_only: true,
        call: plan,
    },
    Tool {
        name: "apply_import",
        about: "Carry out a plan of plan_import, within an hour. Answers the ledger: the fate of every row.",
        properties: || json!({ "object": { "type": "string" }, "plan": { "type": "string", "description": "The id plan_import answered" } }),
        required: &["object", "plan"],
        reads_only: false,
        call: |arguments| {
            let (object, plan) = (required(arguments, "object")?, required(arguments, "plan")?);
            Ok(post(
                format!("/api/v1/objects/{}/import/{}/confirm", segment(&object), segment(&plan)),
                &json!({}),
            ))
        },
    },
    Tool {
        name: "undo_import",
        about: "Take an import back: delete what it created and restore what it changed. Records that someone changed since are kept and listed.",
        properties: || json!({ "import": { "type": "integer", "description": "The number in the ledger" } }),
        required: &["import"],
        reads_only: false,
        call: |arguments| {
            let import = plain(arguments.get("import").unwrap_or(&Value::Null));
            Ok(post(format!("/api/v1/imports/{}/undo", segment(&import)), &json!({})))
        },
    },
    Tool {
        name: "list_imports",
        about: "The newest imports and undos with their ledgers.",
        properties: || json!({ "object": { "type": "string" } }),
        required: &[],
        reads_only: true,
        call: |arguments| {
            Ok(get(match optional(arguments, "object")? {
                Some(object) => format!("/api/v1/imports?limit=20&object={}", escape(&object)),
                None => "/api/v1/imports?limit=20".to_owned(),
            }))
        },
    },
    Tool {
        name: "import_problems",
        about: "Everything that was wrong with the rows of an import: row, line, column, value, code, message.",
        properties: || json!({ "import": { "type": "integer" } }),
        required: &["import"],
        reads_only: true,
        call: |arguments| {
            let import = plain(arguments.get("import").unwrap_or(&Value::Null));
            Ok(get(format!("/api/v1/imports/{}/problems", segment(&import))))
        },
    },
    Tool {
        name: "test_connector",
        about: "Show what a connector would do with a payload: what its trigger says, the lookup request, the fields it makes, the request or record in the end. Nobody is asked, nothing is kept, secrets are hidden. `fields` tries other expressions than those it has. Its records are those of the object `connectors`.",
        properties: || {
            json!({
                "connector": { "type": "integer", "description": "The record's id" },
                "payload": { "description": "JSON of any kind; its example_payload where left out" },
                "lookup": { "description": "What the lookup is taken to answer" },
                "fields": { "type": "object", "description": "Fields to try instead of its own: trigger, process, perform …" },
            })
        },
        required: &["connector"],
        reads_only: true,
        call: |arguments| {
            let connector = plain(arguments.get("connector").unwrap_or(&Value::Null));
            let mut body = arguments.clone();
            body.remove("connector");
            Ok(post(
                format!("/api/v1/objects/connectors/records/{}/test", segment(&connector)),
                &Value::Object(body),
            ))
        },
    },
    Tool {
        name: "list_events",
        about: "Events that came to a connector, the newest first: what the trigger said, every attempt with status and answer, why one failed or was ignored; with counts. With `event` one of them with its payload and every step.",
        properties: || {
            json!({
                "connector": { "type": "integer", "description": "The record's id" },
                "status": { "type": "string", "enum": ["pending", "completed", "ignored", "failed"] },
                "event": { "type": "string", "description": "evt_…" },
            })
        },
        required: &["connector"],
        reads_only: true,
        call: |arguments| {
            let connector = plain(arguments.get("connector").unwrap_or(&Value::Null));
            let events = format!("/api/v1/objects/connectors/records/{}/events", segment(&connector));
            Ok(get(match (optional(arguments, "event")?, optional(arguments, "status")?) {
                (Some(event), _) => format!("{events}/{}", segment(&event)),
                (None, Some(status)) => format!("{events}?limit=20&status={}", escape(&status)),
                (None, None) => format!("{events}?limit=20"),
            }))
        },
    },
];

/// The rows and how to import them, as the form that the route expects.
fn plan(arguments: &Map<String, Value>) -> Result<Call, String> {
    let object = required(arguments, "object")?;
    let (name, content) = match (arguments.get("records"), optional(arguments, "text")?) {
        (Some(Value::Array(records)), None) => {
            let lines: Vec<String> = records.iter().map(Value::to_string).collect();
            ("records.jsonl", lines.join("\n"))
        }
        (None | Some(Value::Null), Some(text)) => ("rows.csv", text),
        _ => return Err("give the rows either as `text` or as `records`".to_owned()),
    };
    let mut border = BORDER.to_owned();
    while content.contains(&border) {
        border.push_str(&crate::server::directory::random_text(8));
    }
    let mut body = String::new();
    for part in ["mapping", "on_duplicate", "match", "merge", "mode"] {
        if let Some(value) = arguments.get(part).filter(|value| !value.is_null()) {
            let value = plain(value);
            if value.contains(&border) {
                return Err(format!("`{part}` cannot be sent"));
            }
            body.push_str(&format!(
                "--{border}\r\nContent-Disposition: form-data; name=\"{part}\"\r\n\r\n{value}\r\n"
            ));
        }
    }
    body.push_str(&format!(
        "--{border}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{content}\r\n--{border}--\r\n"
    ));
    Ok(Call {
        method: Method::POST,
        path: format!("/api/v1/objects/{}/import", segment(&object)),
        content_type: Some(format!("multipart/form-data; boundary={border}")),
        body: body.into_bytes(),
    })
}

fn get(path: String) -> Call {
    Call { method: Method::GET, path, content_type: None, body: Vec::new() }
}

fn post(path: String, body: &Value) -> Call {
    let content_type = Some("application/json".to_owned());
    Call { method: Method::POST, path, content_type, body: body.to_string().into_bytes() }
}

fn optional(arguments: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{name}` must be a text")),
    }
}

fn required(arguments: &Map<String, Value>, name: &str) -> Result<String, String> {
    optional(arguments, name)?.filter(|text| !text.is_empty()).ok_or_else(|| format!("`{name}` is missing"))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text inside an address: everything but letters, digits and a few signs as `%XX`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// One step of a path; an empty one would be another route.
fn segment(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { escape(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_their_step_of_the_path() {
        let arguments = json!({ "object": "../keys?x=1#", "plan": "" });
        let tool = TOOLS.iter().find(|tool| tool.name == "describe").unwrap();
        let call = (tool.call)(arguments.as_object().unwrap()).unwrap();
        assert_eq!(call.path, "/api/v1/objects/%2E%2E%2Fkeys%3Fx%3D1%23");
        let apply = TOOLS.iter().find(|tool| tool.name == "apply_import").unwrap();
        assert_eq!((apply.call)(arguments.as_object().unwrap()).unwrap_err(), "`plan` is missing");
    }

    #[test]
    fn rows_that_hold_the_border_get_another() {
        let arguments = json!({ "object": "contacts", "text": format!("a\n--{BORDER}--\n") });
        let call = plan(arguments.as_object().unwrap()).unwrap();
        assert!(!call.content_type.unwrap().ends_with(BORDER));
    }
}
