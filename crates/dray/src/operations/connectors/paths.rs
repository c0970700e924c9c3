//! The paths of a payload, as they are written in expressions: `$payload.customer.email`.

use dray_engine::expression::Json;

/// Paths of one payload.
const MOST_PATHS: usize = 500;
/// Elements of an array whose paths are listed.
const ELEMENTS: usize = 1;
/// How deep paths are listed.
const DEPTH: usize = 8;

/// A path and the beginning of the value it leads to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PayloadPath {
    /// As it is written: `$payload.items[0].price`.
    pub path: String,
    /// The value as JSON, its beginning where it is long.
    pub value: String,
}

/// The paths below a root (`$payload`), in the order of the document. Of an array the first element stands for all.
pub fn paths(root: &str, json: &Json) -> Vec<PayloadPath> {
    let mut found = Vec::new();
    collect(root, json, 0, &mut found);
    found
}

fn collect(path: &str, json: &Json, depth: usize, found: &mut Vec<PayloadPath>) {
    if found.len() >= MOST_PATHS || depth > DEPTH {
        return;
    }
    if depth > 0 {
        found.push(PayloadPath { path: path.to_owned(), value: beginning(json) });
    }
    match json {
        Json::Object(members) => {
            for (name, value) in members.iter() {
                let plain =
                    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty();
                // A name that has both quotes cannot be written as a step.
                let step = match (plain, name.contains('\'') || name.contains('\\')) {
                    (true, _) => format!(".{name}"),
                    (false, false) => format!("['{name}']"),
                    (false, true) if !name.contains(['"', '\\']) => format!("[\"{name}\"]"),
                    _ => continue,
                };
                collect(&format!("{path}{step}"), value, depth + 1, found);
            }
        }
        Json::Array(elements) => {
            for (place, element) in elements.iter().take(ELEMENTS).enumerate() {
                collect(&format!("{path}[{place}]"), element, depth + 1, found);
            }
        }
        _ => {}
    }
}

/// The beginning of a value as JSON.
pub fn beginning(json: &Json) -> String {
    /// Letters of a value that are shown.
    const LETTERS: usize = 60;
    let text = match json {
        Json::Object(_) => "{…}".to_owned(),
        Json::Array(elements) => format!("[…] ({})", elements.len()),
        other => other.to_string(),
    };
    if text.chars().count() <= LETTERS { text } else { text.chars().take(LETTERS).chain(['…']).collect() }
}
