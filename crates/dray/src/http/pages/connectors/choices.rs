//! What may stand in an expression of a connector, for the script to offer while somebody types: paths of the payload
//! and of what was looked up, keys of what is made, secrets by their names.

use std::sync::Arc;

use dray_engine::expression::{Json, RepeatedMember};
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::http::answer::Answer;
use crate::http::native::secrets;
use crate::http::pages::fields::Entered;
use crate::http::pages::frame::Visit;
use crate::http::pages::pieces::text;
use crate::operations::connectors::paths::{PayloadPath, paths};
use crate::operations::connectors::values::object;
use crate::server::app::App;

/// What may stand in the expressions of a connector, given what is entered into its form: what comes
/// (`example_payload`), what is looked up (`lookup`), what is made (`process`). What is no JSON offers nothing.
pub async fn choices(app: &App, visit: &Visit, entered: &Entered) -> Answer<Markup> {
    let entered = |name: &str| entered.get(name).map_or("", String::as_str);
    let of = |root: &str, text: &str| {
        Json::parse(text, RepeatedMember::LastCounts).map(|json| paths(root, &json)).unwrap_or_default()
    };
    let entries: Vec<Value> = serde_json::from_str(entered("process")).unwrap_or_default();
    let entry = |entry: &Value| (Arc::from(text(entry, "key")), Json::text(text(entry, "value")));
    let mut all = of("$payload", entered("example_payload"));
    all.extend(of("$lookup", entered("lookup")));
    all.extend(paths("$process", &object(entries.iter().map(entry).collect())));
    let secrets = secrets::all(app, &visit.actor).await?.into_iter();
    all.extend(
        secrets.map(|secret| PayloadPath { path: format!("$secret.{}", secret.name), value: String::new() }),
    );
    Ok(html! { div #choices hidden data-choices=(json!(all)) {} })
}
