//! The history of a record: which import set which cell, and what stood there before.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dray_model::object::Object;
use serde_json::{Value, json};

use super::shapes::{number_of, object_of};
use crate::http::access::{Actor, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::body::Path;
use crate::operations::history::{self, Cause, History, Step};
use crate::operations::ledger::time;
use crate::server::app::App;

/// The history of a record; 404 where there is no such record.
pub async fn found(app: &App, actor: &Actor, object: &Arc<Object>, id: i64) -> Answer<History> {
    let of_work = Arc::clone(object);
    let found = app.run(actor.organization(), move |session| history::history(session, &of_work, id)).await?;
    let found =
        found.ok_or_else(|| Failure::not_found(format!("there is no record {id} of `{}`", object.name())))?;
    let subject = format!("{}/{id}", object.name());
    app.audit(actor.organization(), actor.entry("records.history", subject, json!({}))).await;
    Ok(found)
}

/// The history of a record, newest step first: which import set which cell, and what stood there before.
///
/// `by` says how a version came about: `import` (with its number, source and actor), `person` (somebody
/// changed just this record) or `elsewhere` (SQL of somebody else, of which only the versions are known).
/// Cells are in their canonical text; null is empty. `complete` is false where the record is older than what
/// is told (100 steps, 20 imports, or what was kept).
#[utoipa::path(
    get, path = "/api/v1/objects/{object}/records/{id}/history", tag = "records",
    params(("object" = String, Path), ("id" = String, Path)),
    responses((status = 200), (status = 404)), security(("key" = []))
)]
pub async fn get(
    State(app): State<App>,
    Reader(actor): Reader,
    Path((object, id)): Path<(String, String)>,
) -> Answer<Json<Value>> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let history = found(&app, &actor, &object, number_of(&id, "record")?).await?;
    let steps: Vec<Value> = history.steps.iter().map(step_json).collect();
    Ok(Json(json!({ "history": steps, "complete": !history.is_cut })))
}

fn step_json(step: &Step) -> Value {
    let cells: Vec<Value> = step
        .cells
        .iter()
        .map(|cell| json!({ "column": cell.column, "before": cell.before, "after": cell.after }))
        .collect();
    let mut out = json!({ "version": step.version, "at": step.at.map(time), "cells": cells });
    let more = match &step.cause {
        Cause::Elsewhere => json!({ "by": "elsewhere" }),
        Cause::Import { id, import, actor, is_creation } => {
            let source = import.as_ref().map(|import| import.source.as_str());
            let by = if step.is_by_hand() { "person" } else { "import" };
            json!({ "by": by, "import": id, "source": source, "actor": actor, "created": is_creation })
        }
    };
    if let (Some(out), Value::Object(more)) = (out.as_object_mut(), more) {
        out.extend(more);
    }
    out
}
