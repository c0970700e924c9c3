//! The OpenAPI document: what the routes say about themselves, completed with what holds for all of them:
//! names of operations, the shape of failures, the answers of the layers every request passes.

use serde_json::{Map, Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{License, OpenApi};

use super::doors::modules;

/// Answers that any request may get.
const ANY: &[(&str, &str)] = &[
    ("400", "VALIDATION_ERROR: the request cannot be understood or carried out"),
    ("503", "UNAVAILABLE, STOPPING: try again after `Retry-After`"),
    ("504", "TIMEOUT: ask for less at once"),
];
/// Answers where a key is asked for.
const WITH_KEY: &[(&str, &str)] = &[
    ("401", "UNAUTHENTICATED: no key, or one that is not known"),
    ("403", "PERMISSION_DENIED: the key may not do this"),
    ("429", "RATE_LIMITED: slow down"),
];
/// Answers where the address names something.
const WITH_PATH: &[(&str, &str)] = &[("404", "NOT_FOUND: there is no such thing")];
/// Answers where a body is read.
const WITH_BODY: &[(&str, &str)] = &[
    ("408", "TOO_SLOW: the body stopped arriving"),
    ("413", "PAYLOAD_TOO_LARGE, LIMIT_EXCEEDED"),
    ("415", "UNSUPPORTED_MEDIA_TYPE"),
    ("422", "INVALID_SOURCE: the data cannot be read"),
];
/// Answers of a POST, which may be repeated with an `Idempotency-Key`.
const REPEATABLE: &[(&str, &str)] = &[
    ("408", "TOO_SLOW: the body stopped arriving"),
    ("409", "CONFLICT, IDEMPOTENCY_RUNNING, IDEMPOTENCY_CONFLICT"),
    ("413", "PAYLOAD_TOO_LARGE, LIMIT_EXCEEDED"),
];

/// Completes what the routes say about themselves.
pub fn complete(mut api: OpenApi) -> Value {
    api.info.contact = None;
    api.info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    api.info.title = "Dray".to_owned();
    api.info.version = env!("CARGO_PKG_VERSION").to_owned();
    api.info.description = Some(
        "Import & export that accounts for every row: previewed before, proved after, undoable.".to_owned(),
    );
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    api.components.get_or_insert_default().add_security_scheme("key", SecurityScheme::Http(scheme));
    let mut api = serde_json::to_value(api).unwrap_or_else(|_| json!({}));
    if let Some(schemas) = api["components"]["schemas"].as_object_mut() {
        schemas.insert("Failure".to_owned(), failure_shape(false));
        schemas.insert("ModulesFailure".to_owned(), failure_shape(true));
    }
    for (path, methods) in api["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete_operation(method, path, operation);
            }
        }
    }
    api
}

fn complete_operation(method: &str, path: &str, operation: &mut Map<String, Value>) {
    operation.insert("operationId".to_owned(), json!(operation_id(method, path)));
    let mut common = vec![ANY];
    if operation.contains_key("security") {
        common.push(WITH_KEY);
    }
    if path.contains('{') {
        common.push(WITH_PATH);
    }
    if operation.contains_key("requestBody") {
        common.push(WITH_BODY);
    }
    if method == "post" {
        common.push(REPEATABLE);
        let repeated = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A name of this request: sent again with the same name it is carried out once.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]*$" },
        });
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        parameters.as_array_mut().into_iter().for_each(|parameters| parameters.push(repeated.clone()));
    }
    let failure = if modules::shape::is_ours(path) { "ModulesFailure" } else { "Failure" };
    let of_failure =
        json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{failure}") } } });
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, about) in common.into_iter().flatten() {
        let answer = answers.entry(*status).or_insert_with(|| json!({}));
        if answer["description"].as_str().is_none_or(str::is_empty) {
            answer["description"] = json!(about);
        }
    }
    for (status, answer) in answers.iter_mut() {
        if answer["description"].as_str().is_none_or(str::is_empty) {
            answer["description"] = json!(if status.starts_with('2') { "Done" } else { "Refused" });
        }
        let is_empty = answer["description"].as_str().is_some_and(|about| about.starts_with("Nothing"));
        if answer.get("content").is_some() || is_empty || status == "204" || method == "head" {
            continue;
        }
        let is_file = answer["description"].as_str().is_some_and(|about| about.starts_with("The file"));
        answer["content"] = if !status.starts_with('2') {
            of_failure.clone()
        } else if is_file {
            json!({ "*/*": {} })
        } else {
            json!({ "application/json": {} })
        };
    }
}

/// A name that no other operation has: `get_objects_object_records_id`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split('/').filter(|word| !word.is_empty() && *word != "api");
    let words = words.map(|word| word.trim_matches(['{', '}']).replace('-', "_"));
    let mut name = method.to_owned();
    words.for_each(|word| {
        name.push('_');
        name.push_str(&word);
    });
    name
}

/// What a body looks like where something did not work.
fn failure_shape(of_modules: bool) -> Value {
    let error = json!({
        "type": "object", "required": ["code", "message"],
        "properties": {
            "code": { "type": "string", "description": "Stable." },
            "message": { "type": "string", "description": "What is wrong, where, and what to do." },
            "details": { "type": "object", "description": "More, for programs." },
        },
    });
    if of_modules {
        return json!({
            "type": "object", "required": ["success", "error"],
            "properties": { "success": { "const": false }, "error": error },
        });
    }
    json!({ "type": "object", "required": ["error"], "properties": { "error": error } })
}
