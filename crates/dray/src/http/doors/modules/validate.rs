//! Step 3: what an import would say about every row, without writing any.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use dray_model::catalog::Session;
use dray_model::ledger::Fate;
use serde_json::{Value, json};

use super::mapping::not_mapped;
use super::names::{module, slug};
use super::problems::{errors, reference_warnings, warnings};
use super::rows::{Prepared, RowsBody, prepare};
use super::shape::success;
use crate::http::access::Planner;
use crate::http::answer::Answer;
use crate::http::body::{JsonBytes, parse_json};
use crate::operations::import::{Rows, Watch, import};
use crate::operations::objects::KnownObjects;
use crate::server::app::App;

/// Check rows before they are imported. Everything an import would check is checked, the table included. At most
/// 1,000 errors and 1,000 warnings are listed.
#[utoipa::path(
    post, path = "/v1/modules/{module}/import/validate", tag = "modules",
    params(("module" = String, Path)),
    request_body = RowsBody,
    responses(
        (status = 200, description = "`{success, data: {isValid, totalRows, validRows, errorRows, errors, warnings}}`"),
        (status = 400, description = "VALIDATION_ERROR, UNKNOWN_FIELD, UNKNOWN_COLUMN"),
        (status = 404, description = "MODULE_NOT_FOUND, FILE_NOT_FOUND"),
    ),
    security(("key" = []))
)]
pub async fn validate(
    State(app): State<App>,
    Planner(actor): Planner,
    Path(name): Path<String>,
    JsonBytes(bytes): JsonBytes,
) -> Answer<Json<Value>> {
    let body: RowsBody = parse_json(&bytes)?;
    let (ours, organization) = (app.clone(), actor.organization.clone());
    let answer = app.run(actor.organization(), move |session| {
        let known = KnownObjects::load(session)?;
        let checked = module(&known, &name).and_then(|object| {
            let slug = &organization.slug;
            let prepared = prepare(&ours, session, slug, &organization.plan, &object, &body)?;
            checked(&ours, session, slug, &known, prepared, bytes)
        });
        Ok(checked)
    });
    Ok(success(answer.await??))
}

fn checked(
    app: &App,
    session: &mut dyn Session,
    organization: &str,
    known: &KnownObjects,
    mut prepared: Prepared,
    bytes: Bytes,
) -> Answer<Value> {
    let object = prepared.object.clone();
    let mut told: Vec<Value> = prepared
        .warnings
        .iter()
        .map(|field| json!({ "row": 1, "field": slug(field), "message": not_mapped(&object, field) }))
        .collect();
    let total = prepared.total_rows;
    if total == 0 || !prepared.missing.is_empty() {
        let missing: Vec<Value> = prepared
            .missing
            .iter()
            .map(|field| {
                let error = not_mapped(&object, field);
                json!({ "row": 1, "field": slug(field), "value": null, "error": error, "code": "required" })
            })
            .collect();
        return Ok(json!({
            "isValid": missing.is_empty(),
            "totalRows": total,
            "validRows": 0,
            "errorRows": if missing.is_empty() { 0 } else { total },
            "errors": missing,
            "warnings": told,
            "referenceWarnings": [],
        }));
    }
    prepared.take_headers_of_rows(&bytes)?;
    let source = prepared.source(app, organization)?;
    let rows = match &source {
        Some(source) => Rows::File(source),
        None => Rows::Bytes(bytes, prepared.options()?),
    };
    let report = import(session, known, prepared.plan(rows), &Watch::default())?;
    let ledger = &report.import.ledger;
    let rejected = ledger.count(Fate::Rejected);
    told.extend(warnings(&object, report.problems.iter()));
    Ok(json!({
        "isValid": rejected == 0,
        "totalRows": ledger.read,
        "validRows": ledger.read - rejected,
        "errorRows": rejected,
        "errors": errors(&object, report.problems.iter()),
        "warnings": told,
        "referenceWarnings": reference_warnings(known, &object, &report.unresolved),
    }))
}
