//! What the form of a pipeline has, as the definition that the door takes, and back.

use dray_engine::expression::Schema;
use dray_engine::pipeline::rules::only;
use serde_json::{Map, Value, json};

use super::{is_on, list_of, text};
use crate::http::answer::{Answer, Failure};
use crate::http::doors::pipelines::previews::FileQuery;
use crate::http::pages::form::Entered;

/// What begins the name of the field for a property of the profile.
pub const MAPPED: &str = "map.";
/// Operators without a value.
const WITHOUT_VALUE: [&str; 8] =
    ["is true", "is false", "is empty", "is not empty", "is null", "is not null", "exists", "does not exist"];
/// Operators with several.
const WITH_SEVERAL: [&str; 4] = ["is between", "is not between", "is one of", "is not one of"];
/// Members that the form takes one by one: the field's name, then the member's.
const TEXTS: [(&str, &str); 8] = [
    ("name", "name"),
    ("path", "path"),
    ("format", "format"),
    ("sheet", "sheet"),
    ("compression", "compression"),
    ("user", "userIDColumn"),
    ("updated", "updatedAtColumn"),
    ("updated_format", "updatedAtFormat"),
];
/// The same for those that are true or false.
const FLAGS: [(&str, &str); 4] =
    [("enabled", "enabled"), ("incremental", "incremental"), ("newest", "newestWins"), ("strict", "strict")];

/// The form of a pipeline that is not there yet.
pub fn of_nothing() -> Entered {
    let pair = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    let known =
        [("enabled", "on"), ("format", "csv"), ("separator", ","), ("header", "on"), ("logical", "and")];
    Entered(known.into_iter().map(pair).collect())
}

/// The form of a pipeline.
pub fn of_pipeline(pipeline: &Value) -> Entered {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, text: &str| pairs.push((name.to_owned(), text.to_owned()));
    for (field, member) in TEXTS {
        put(field, text(pipeline, member));
    }
    for (field, member) in FLAGS {
        put(field, if is_on(pipeline, member) { "on" } else { "" });
    }
    let settings = pipeline.get("formatSettings").cloned().unwrap_or_default();
    put("kept", &settings.to_string());
    put("separator", if text(&settings, "separator") == "\t" { "tab" } else { text(&settings, "separator") });
    put("encoding", text(&settings, "encoding"));
    for (field, member) in [("header", "hasColumnNames"), ("crlf", "useCRLF"), ("indent", "indent")] {
        put(field, if is_on(&settings, member) { "on" } else { "" });
    }
    let properties: Vec<String> = list_of(&settings, "properties")
        .iter()
        .map(|property| {
            let required = if text(property, "value") == "t" { "!" } else { "" };
            format!("{}{required}", text(property, "key"))
        })
        .collect();
    put("properties", &properties.join("\n"));
    put("order", text(pipeline, "orderBy"));
    put("columns", &pipeline.get("inSchema").map(Value::to_string).unwrap_or_default());
    let filter = pipeline.get("filter").cloned().unwrap_or_default();
    put("logical", if text(&filter, "logical") == "or" { "or" } else { "and" });
    for condition in list_of(&filter, "conditions") {
        let values: Vec<&str> = list_of(condition, "values").iter().filter_map(Value::as_str).collect();
        put("property", text(condition, "property"));
        put("operator", text(condition, "operator"));
        put("value", &values.join(", "));
    }
    let mapping = pipeline.pointer("/transformation/mapping").and_then(Value::as_object);
    for (path, expression) in mapping.into_iter().flatten() {
        put(&format!("{MAPPED}{path}"), expression.as_str().unwrap_or_default());
    }
    Entered(pairs)
}

/// A condition of the filter as the form has it.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// The property.
    pub property: String,
    /// As the door spells it: `is`, `does not contain` …
    pub operator: String,
    /// What it is compared with; several with commas.
    pub value: String,
}

/// The conditions that were entered.
pub fn conditions(entered: &Entered) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    for (name, text) in &entered.0 {
        match (name.as_str(), all.last_mut()) {
            ("property", _) => all.push(Condition { property: text.clone(), ..Condition::default() }),
            ("operator", Some(last)) => last.operator.clone_from(text),
            ("value", Some(last)) => last.value.clone_from(text),
            _ => {}
        }
    }
    all.retain(|condition| !condition.property.is_empty());
    all
}

fn filter(entered: &Entered) -> Option<Value> {
    let conditions: Vec<Value> = conditions(entered)
        .into_iter()
        .map(|condition| {
            let operator = condition.operator.as_str();
            let values: Vec<&str> = match operator {
                _ if WITHOUT_VALUE.contains(&operator) => Vec::new(),
                _ if WITH_SEVERAL.contains(&operator) => condition.value.split(',').map(str::trim).collect(),
                _ => vec![condition.value.as_str()],
            };
            let mut said = json!({ "property": condition.property, "operator": operator });
            if let (false, Value::Object(said)) = (values.is_empty(), &mut said) {
                said.insert("values".to_owned(), values.into());
            }
            said
        })
        .collect();
    let logical = if entered.text("logical") == "or" { "or" } else { "and" };
    (!conditions.is_empty()).then(|| json!({ "logical": logical, "conditions": conditions }))
}

/// The expressions that were entered: path of the profile → expression.
pub fn mapping(entered: &Entered) -> Map<String, Value> {
    let pairs = entered.0.iter().filter_map(|(name, text)| Some((name.strip_prefix(MAPPED)?, text.trim())));
    let filled = pairs.filter(|(_, expression)| !expression.is_empty());
    filled.map(|(path, expression)| (path.to_owned(), expression.into())).collect()
}

/// The columns of the file, as far as they are known.
pub fn columns(entered: &Entered) -> Option<Value> {
    serde_json::from_str(entered.raw("columns")).ok().filter(Value::is_object)
}

/// The settings of the format; those that the form does not have stay as they were.
fn settings(entered: &Entered, is_import: bool) -> Value {
    let format = entered.text("format");
    let kept: Map<String, Value> = serde_json::from_str(entered.raw("kept")).unwrap_or_default();
    let mut settings = Map::new();
    let mut put = |name: &str, value: Value| settings.insert(name.to_owned(), value);
    if format == "csv" {
        let names: &[&str] =
            if is_import { &["numberOfColumns", "trimLeadingSpace", "lazyQuotes"] } else { &[] };
        for (name, value) in kept.iter().filter(|(name, _)| names.contains(&name.as_str())) {
            put(name, value.clone());
        }
        let separator = entered.raw("separator");
        put("separator", if separator == "tab" { "\t" } else { separator }.into());
        if !is_import {
            put("useCRLF", entered.is_on("crlf").into());
        } else if let Some(encoding) = entered.filled("encoding") {
            put("encoding", encoding.into());
        }
    }
    match (format, is_import) {
        ("csv" | "excel", true) => drop(put("hasColumnNames", entered.is_on("header").into())),
        ("json", true) => {
            let property = |line: &String| {
                let required = line.ends_with('!');
                json!({ "key": line.trim_end_matches('!').trim(), "value": if required { "t" } else { "f" } })
            };
            put("properties", entered.lines("properties").iter().map(property).collect());
        }
        ("json", false) => {
            for name in ["generateASCII", "allowSpecialFloats"] {
                put(name, kept.get(name).cloned().unwrap_or(false.into()));
            }
            put("indent", entered.is_on("indent").into());
        }
        ("csv", false) => {}
        _ => return Value::Null,
    }
    Value::Object(settings)
}

/// How the file is asked for in a preview.
pub fn file_query(entered: &Entered, limit: u64) -> FileQuery {
    let settings = settings(entered, true);
    let is_workbook = entered.text("format") == "excel";
    FileQuery {
        path: entered.filled("path").map(str::to_owned),
        format: entered.filled("format").map(str::to_owned),
        sheet: entered.filled("sheet").filter(|_| is_workbook).map(str::to_owned),
        compression: entered.filled("compression").map(str::to_owned),
        format_settings: (!settings.is_null()).then(|| settings.to_string()),
        limit: Some(limit.to_string()),
    }
}

/// What imports and exports have in common.
fn of_both(entered: &Entered, is_import: bool) -> Map<String, Value> {
    let mut body = Map::new();
    let is_workbook = entered.text("format") == "excel";
    for (field, member) in TEXTS.iter().take(5).filter(|(field, _)| *field != "sheet" || is_workbook) {
        if let Some(text) = entered.filled(field) {
            body.insert((*member).to_owned(), text.into());
        }
    }
    body.insert("enabled".to_owned(), entered.is_on("enabled").into());
    body.insert("formatSettings".to_owned(), settings(entered, is_import));
    body.extend(filter(entered).map(|filter| ("filter".to_owned(), filter)));
    body
}

/// The definition of an import, with all properties of the file and of profiles.
pub fn import_body(entered: &Entered, profiles: &Schema) -> Map<String, Value> {
    let mut body = of_both(entered, true);
    for (field, member) in TEXTS.iter().skip(5) {
        if let Some(text) = entered.filled(field) {
            body.insert((*member).to_owned(), text.into());
        }
    }
    for (field, member) in FLAGS.iter().skip(1) {
        body.insert((*member).to_owned(), entered.is_on(field).into());
    }
    body.insert("transformation".to_owned(), json!({ "mapping": mapping(entered) }));
    body.extend(columns(entered).map(|columns| ("inSchema".to_owned(), columns)));
    body.insert("outSchema".to_owned(), json_of(profiles));
    body
}

/// The definition of an export, with the properties that were chosen.
pub fn export_body(entered: &Entered, profiles: &Schema) -> Answer<Map<String, Value>> {
    let mut body = of_both(entered, false);
    body.insert("orderBy".to_owned(), entered.text("order").into());
    let chosen: Vec<String> = entered.all("written").map(str::to_owned).collect();
    if chosen.is_empty() {
        return Err(Failure::validation("choose one property or more that are written"));
    }
    let filtered = conditions(entered).into_iter().map(|condition| condition.property);
    let used: Vec<String> =
        chosen.into_iter().chain([entered.text("order").to_owned()]).chain(filtered).collect();
    body.insert("inSchema".to_owned(), json_of(&only(profiles, &used)));
    Ok(body)
}

/// A schema as JSON.
pub fn json_of(schema: &Schema) -> Value {
    serde_json::from_str(&schema.to_json()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_goes_through_its_form_and_stays() {
        let pipeline = json!({
            "name": "Users", "path": "u-*.csv", "format": "csv", "enabled": true, "userIDColumn": "id",
            "updatedAtColumn": "at", "updatedAtFormat": "ISO8601", "incremental": true, "newestWins": true,
            "strict": false, "compression": "Gzip",
            "formatSettings": {
                "separator": "\t", "hasColumnNames": true, "trimLeadingSpace": true, "lazyQuotes": false,
                "numberOfColumns": 3, "encoding": "latin1",
            },
            "filter": { "logical": "or", "conditions": [
                { "property": "id", "operator": "is one of", "values": ["1", "2"] },
                { "property": "mail", "operator": "is not", "values": ["a, b"] },
                { "property": "mail", "operator": "exists" },
            ] },
            "transformation": { "mapping": { "email": "lower(mail)" } },
            "inSchema": { "kind": "object", "properties": [{ "name": "id", "type": { "kind": "string" } }] },
        });
        let form = of_pipeline(&pipeline);
        let body = Value::Object(import_body(&form, &Schema::default()));
        for (name, value) in pipeline.as_object().expect("an object") {
            assert_eq!(&body[name], value, "{name}");
        }
    }
}
