//! The columns of a source that nobody is sure of, refined by the language model where one is set.

use std::collections::HashSet;

use dray_model::definition::FieldKind;
use dray_model::object::Object;
use serde_json::{Value, json};

use super::names::slug;
use crate::http::access::Actor;
use crate::operations::refined_mapping::{
    self, MOST_COLUMNS, OfferedField, UNCERTAIN_BELOW, UncertainColumn,
};
use crate::server::app::App;

/// What a model may be asked.
#[derive(Debug)]
pub(super) struct Open {
    columns: Vec<UncertainColumn>,
    fields: Vec<OfferedField>,
}

fn confidence(suggestion: &Value) -> f64 {
    suggestion["confidence"].as_f64().unwrap_or(0.0)
}

/// What nobody is sure of, and the fields that are left for it. `rows` are the cells in the order of the columns.
pub(super) fn open(object: &Object, suggestions: &[Value], rows: &[Vec<String>]) -> Open {
    let taken: HashSet<&str> = suggestions
        .iter()
        .filter(|suggestion| confidence(suggestion) >= UNCERTAIN_BELOW)
        .filter_map(|suggestion| suggestion["targetFieldSlug"].as_str())
        .collect();
    let columns = suggestions
        .iter()
        .enumerate()
        .filter(|(_, suggestion)| confidence(suggestion) < UNCERTAIN_BELOW)
        .take(MOST_COLUMNS)
        .map(|(index, suggestion)| UncertainColumn {
            index,
            header: suggestion["sourceColumn"].as_str().unwrap_or_default().to_owned(),
            values: rows.iter().filter_map(|row| row.get(index)).cloned().collect(),
        })
        .collect();
    let fields = object
        .fields
        .iter()
        .map(|field| &field.definition)
        // A part of an address cannot be told by a field alone.
        .filter(|field| field.kind != FieldKind::Address && !taken.contains(slug(&field.name).as_str()))
        .map(|field| OfferedField {
            name: slug(&field.name),
            label: object.label_of(&field.name),
            kind: field.kind.word().to_owned(),
        })
        .collect();
    Open { columns, fields }
}

/// Asks the model where there is one, and takes over what it is surer of; true where that was anything. Where it
/// does not answer in time or not as it should, the suggestions stay as they were.
pub(super) async fn refine(app: &App, actor: &Actor, open: &Open, suggestions: &mut [Value]) -> bool {
    let Some(chat) = app.chat().filter(|_| !open.columns.is_empty() && !open.fields.is_empty()) else {
        return false;
    };
    let asked = json!({ "columns": open.columns.len() });
    app.audit(actor.organization(), actor.entry("mapping.ask_model", "suggest-mapping", asked)).await;
    let found = match refined_mapping::ask(chat, &open.columns, &open.fields).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(error = %error.with_causes(), "the language model was asked in vain");
            return false;
        }
    };
    let mut used = HashSet::new();
    for (index, (field, certain)) in found {
        let Some(suggestion) = suggestions.get_mut(index) else { continue };
        if confidence(suggestion) >= certain {
            continue;
        }
        if suggestion["targetFieldSlug"].as_str() != Some(field.as_str())
            && let Value::Object(members) = suggestion
        {
            members.remove("valueType");
            members.remove("addressPart");
        }
        suggestion["targetFieldSlug"] = json!(field);
        suggestion["confidence"] = json!((certain * 100.0).round() / 100.0);
        suggestion["reason"] = json!("a language model suggests it: look whether it is right");
        used.insert((index, field));
    }
    // Another uncertain column may have had the field before.
    for (index, suggestion) in suggestions.iter_mut().enumerate() {
        let field = suggestion["targetFieldSlug"].as_str().unwrap_or_default().to_owned();
        let is_taken = used.iter().any(|(other, taken)| *other != index && *taken == field);
        if is_taken && suggestion["valueType"].is_null() && !used.contains(&(index, field)) {
            suggestion["targetFieldSlug"] = Value::Null;
            suggestion["confidence"] = json!(0.0);
            suggestion["reason"] = json!("another column fits this field better");
        }
    }
    !used.is_empty()
}
