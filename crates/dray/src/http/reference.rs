//! The API as a page for reading, made of its own document: by subject, each route with what it does, a
//! request to copy, what may be sent and what may come back. Nothing on it is from elsewhere.

use serde_json::{Map, Value, json};

/// The subjects, in the order of reading; those that are not named follow.
const SUBJECTS: [(&str, &str); 13] = [
    ("records", "Records"),
    ("imports", "Imports: plan, confirm, undo"),
    ("modules", "The modules door: an import in steps, exports"),
    ("data-io", "The data-io door: large files as jobs"),
    ("pipelines", "The pipelines door: connections, saved imports and exports, profiles"),
    ("files", "Files behind signed links"),
    ("jobs", "Jobs"),
    ("reports", "Reports"),
    ("objects", "Objects and fields"),
    ("webhooks", "Webhooks"),
    ("connectors", "Connectors: endpoints that take events, secrets, what became of events"),
    ("access", "Organizations, users and keys"),
    ("audit", "The audit log"),
];

/// How deep shapes are followed for an example.
const MOST_DEPTH: usize = 6;

/// A route.
struct Route<'d> {
    method: &'d str,
    path: &'d str,
    operation: &'d Value,
}

/// Every route on one page.
pub fn page(api: &Value) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Dray API</title><link rel=icon href='data:,'><link rel=stylesheet href=/assets/docs.css><main><h1>Dray API</h1>\
         <p>Send your key as <code>Authorization: Bearer KEY</code> or <code>x-api-key: KEY</code>. In the requests \
         below, <code>$DRAY</code> is where this server is, and <code>$KEY</code> a key. The same for machines: \
         <a href=/openapi.json>openapi.json</a>.</p>",
    );
    let subjects = subjects(api);
    out.push_str("<nav><ul>");
    for (tag, title, routes) in &subjects {
        out.push_str(&format!("<li><a href='#{tag}'>{}</a> <small>{}</small>", escaped(title), routes.len()));
    }
    out.push_str("</ul></nav>");
    for (tag, title, routes) in &subjects {
        out.push_str(&format!("<h2 id='{tag}'>{}</h2>", escaped(title)));
        routes.iter().for_each(|route| out.push_str(&section(api, route)));
    }
    out.push_str("</main></html>");
    out
}

/// The routes by their tags.
fn subjects(api: &Value) -> Vec<(String, String, Vec<Route<'_>>)> {
    let mut found: Vec<(String, String, Vec<Route<'_>>)> =
        SUBJECTS.map(|(tag, title)| (tag.to_owned(), title.to_owned(), Vec::new())).into();
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("other");
            let place = found.iter().position(|(known, ..)| known == tag).unwrap_or_else(|| {
                found.push((tag.to_owned(), tag.to_owned(), Vec::new()));
                found.len() - 1
            });
            if let Some((_, _, routes)) = found.get_mut(place) {
                routes.push(Route { method, path, operation });
            }
        }
    }
    found.retain(|(_, _, routes)| !routes.is_empty());
    found
}

fn section(api: &Value, route: &Route<'_>) -> String {
    let Route { method, path, operation } = route;
    let mut out = format!(
        "<section><h3><code><b>{}</b> {}</code></h3><p>{}</p>",
        escaped(&method.to_uppercase()),
        escaped(path),
        prose(&operation["summary"])
    );
    if operation["description"].is_string() {
        out.push_str(&format!("<p>{}</p>", prose(&operation["description"])));
    }
    out.push_str(&format!("<pre>{}</pre>", escaped(&request(api, route))));
    let mut rows: Vec<[String; 3]> = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let place = parameter["in"].as_str().unwrap_or_default();
        rows.push([code(&parameter["name"]), escaped(place), prose(&parameter["description"])]);
    }
    for (name, about) in members(api, body_schema(api, operation)) {
        rows.push([format!("<code>{}</code>", escaped(&name)), "body".to_owned(), about]);
    }
    out.push_str(&table(["What is sent", "In", "What it is"], &rows));
    let answers = operation["responses"].as_object().into_iter().flatten();
    let answers: Vec<[String; 2]> =
        answers.map(|(status, answer)| [escaped(status), prose(&answer["description"])]).collect();
    out.push_str(&format!(
        "<details><summary>What comes back</summary>{}</details></section>",
        table(["Status", "What"], &answers)
    ));
    out
}

/// A request to copy.
fn request(api: &Value, route: &Route<'_>) -> String {
    let Route { method, path, operation } = route;
    let mut line = "curl ".to_owned();
    if *method != "get" {
        line.push_str(&format!("-X {} ", method.to_uppercase()));
    }
    line.push_str(&format!("\"$DRAY{path}\""));
    if operation.get("security").is_some() {
        line.push_str(" -H \"Authorization: Bearer $KEY\"");
    }
    let content = operation["requestBody"]["content"].as_object();
    match content.and_then(|content| content.iter().next()) {
        Some((kind, shape)) if kind == "application/json" => {
            let example = shape.get("example").cloned().unwrap_or_else(|| example(api, &shape["schema"], 0));
            line.push_str(" \\\n  -H 'Content-Type: application/json' -d '");
            line.push_str(&example.to_string().replace('\'', "'\\''"));
            line.push('\'');
        }
        Some((kind, _)) if kind == "multipart/form-data" => line.push_str(" \\\n  -F file=@contacts.csv"),
        Some(_) => line.push_str(" \\\n  -T contacts.csv"),
        None => {}
    }
    line
}

fn body_schema<'d>(api: &'d Value, operation: &'d Value) -> &'d Value {
    let content = operation["requestBody"]["content"].as_object();
    let shape = content.and_then(|content| content.values().next());
    shape.map_or(&Value::Null, |shape| resolved(api, &shape["schema"]))
}

/// The shape itself where a name stands for it.
fn resolved<'d>(api: &'d Value, schema: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &api["components"]["schemas"][name])
}

/// The members of a body and what they are, also of shapes that are put together.
fn members(api: &Value, schema: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(members(api, resolved(api, part)));
    }
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let about = prose(&member["description"]);
        let must = if is_required(name) { "<b>Needed.</b> " } else { "" };
        found.push((name.clone(), format!("{must}{about}")));
    }
    found
}

/// A value of a shape.
fn example(api: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolved(api, schema);
    if let Some(example) = schema.get("example").or_else(|| schema.get("default")) {
        return example.clone();
    }
    if depth > MOST_DEPTH {
        return Value::Null;
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for several in ["allOf", "oneOf", "anyOf"] {
        let Some(parts) = schema[several].as_array() else { continue };
        let mut values =
            parts.iter().map(|part| example(api, part, depth + 1)).filter(|value| !value.is_null());
        if several != "allOf" {
            return values.next().unwrap_or(Value::Null);
        }
        let members: Map<String, Value> =
            values.filter_map(|value| value.as_object().cloned()).flatten().collect();
        return Value::Object(members);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => json!("…"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([example(api, &schema["items"], depth + 1)]),
        _ => {
            let required = schema["required"].as_array();
            let is_shown = |name: &str| {
                required.is_none_or(|names| names.is_empty() || names.iter().any(|known| known == name))
            };
            let members = schema["properties"].as_object().into_iter().flatten();
            let members = members.filter(|(name, _)| is_shown(name));
            members.map(|(name, member)| (name.clone(), example(api, member, depth + 1))).collect()
        }
    }
}

fn table<const COLUMNS: usize>(heads: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("<table><tr><th>{}</tr>", heads.join("<th>"));
    for cells in rows {
        out.push_str(&format!("<tr><td>{}</tr>", cells.join("<td>")));
    }
    out + "</table>"
}

fn code(value: &Value) -> String {
    format!("<code>{}</code>", escaped(value.as_str().unwrap_or_default()))
}

/// A sentence in which what stands between backticks is code.
fn prose(value: &Value) -> String {
    let mut out = String::new();
    for (index, part) in value.as_str().unwrap_or_default().split('`').enumerate() {
        let part = escaped(part);
        out.push_str(&if index % 2 == 1 { format!("<code>{part}</code>") } else { part });
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
