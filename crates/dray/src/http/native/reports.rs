//! Reports: saved queries, run as pages of records or as files.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exports::{ExportQuery, send};
use super::records::{Records, page_of};
use super::shapes::{limit_of, object_of, short};
use crate::clock;
use crate::http::access::{Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Path, Query};
use crate::operations::objects::KnownObjects;
use crate::operations::reports::{self, MOST_REPORTS, Report};
use crate::operations::selection::SelectionRequest;
use crate::server::app::App;
use crate::server::directory::random_text;

/// The longest name.
const NAME_LETTERS: usize = 200;

/// Which reports.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReportsQuery {
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of a report.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReportPage {
    /// 1 to 1000; 100 where it is left out.
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// As what a report is exported.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// csv (default), tsv, json, jsonl, xlsx, parquet or pdf.
    format: Option<String>,
    /// `on` (default) or `off`.
    formula_guard: Option<String>,
}

/// The selection of a report.
fn selection_of(report: &Report) -> SelectionRequest {
    let direction = report.sort_dir.as_deref().unwrap_or("asc");
    SelectionRequest {
        fields: Some(report.fields.join(",")).filter(|fields| !fields.is_empty()),
        filters: report.filters.as_ref().filter(|filters| !filters.is_null()).map(Value::to_string),
        sort: report.sort_by.as_ref().map(|field| format!("{field}:{direction}")),
        ..SelectionRequest::default()
    }
}

/// Refuses a report that could not be run.
fn check(known: &KnownObjects, report: &Report) -> Answer<()> {
    if report.name.trim().is_empty() || report.name.chars().count() > NAME_LETTERS {
        return Err(Failure::validation(format!("`name` must have 1 to {NAME_LETTERS} letters")));
    }
    let object = known.named(&report.object)?;
    selection_of(report).read(&object)?;
    if report.limit == Some(0) {
        return Err(Failure::validation("`limit` must be at least 1"));
    }
    Ok(())
}

/// The report of an address.
pub async fn found(app: &App, organization: &str, id: &str) -> Answer<Report> {
    let wanted = id.to_owned();
    let found = app.run(organization, move |session| reports::find(session, &wanted)).await?;
    found.ok_or_else(|| Failure::not_found(format!("there is no report `{}`", short(id))))
}

/// List reports.
#[utoipa::path(get, path = "/api/v1/reports", tag = "reports", params(ReportsQuery), responses((status = 200, description = "`{reports, next_cursor}`")), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Reader(actor): Reader,
    Query(query): Query<ReportsQuery>,
) -> Answer<Json<Value>> {
    let limit = limit_of(query.limit.as_deref())?;
    let after = query.cursor.unwrap_or_default();
    let reports = app.run(actor.organization(), move |session| reports::list(session, &after, limit)).await?;
    let next = reports.last().filter(|_| reports.len() as u64 >= limit).map(|report| report.id.clone());
    Ok(Json(json!({ "reports": reports, "next_cursor": next })))
}

/// Make a report.
#[utoipa::path(post, path = "/api/v1/reports", tag = "reports", request_body(content = Object, example = json!({"name": "Londoners", "object": "contacts", "filters": {"operator": "and", "conditions": [{"field": "address_city", "operator": "eq", "value": "London"}]}})), responses((status = 201, body = Report), (status = 400)), security(("key" = [])))]
pub async fn create(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBody(mut body): JsonBody<Map<String, Value>>,
) -> Answer<(StatusCode, Json<Report>)> {
    if body.contains_key("id") {
        return Err(Failure::validation("`id` is given by the server: leave it out of the body"));
    }
    body.insert("id".to_owned(), json!(format!("rpt_{}", random_text(16))));
    let report = report_of(body)?;
    let known = app.objects(actor.organization()).await?;
    check(&known, &report)?;
    let kept = report.clone();
    app.run(actor.organization(), move |session| {
        if reports::list(session, "", MOST_REPORTS)?.len() as u64 >= MOST_REPORTS {
            return Err(dray_model::Error::request(format!(
                "an organization has at most {MOST_REPORTS} reports"
            )));
        }
        reports::save(session, &kept, clock::now())
    })
    .await?;
    app.audit(
        actor.organization(),
        actor.entry("report.create", report.id.clone(), json!({ "name": report.name })),
    )
    .await;
    Ok((StatusCode::CREATED, Json(report)))
}

/// Reads a report; members it does not have are refused.
fn report_of(body: Map<String, Value>) -> Answer<Report> {
    const MEMBERS: [&str; 8] = ["id", "name", "object", "fields", "filters", "sort_by", "sort_dir", "limit"];
    if let Some(other) = body.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(Failure::validation(format!(
            "a report has no `{}`: it has {}",
            short(other),
            MEMBERS.join(", ")
        )));
    }
    serde_json::from_value(Value::Object(body))
        .map_err(|why| Failure::validation(format!("the report cannot be read: {why}")))
}

/// One report.
#[utoipa::path(get, path = "/api/v1/reports/{id}", tag = "reports", params(("id" = String, Path)), responses((status = 200, body = Report), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer<Json<Report>> {
    Ok(Json(found(&app, actor.organization(), &id).await?))
}

/// Change a report: the members that are sent.
#[utoipa::path(patch, path = "/api/v1/reports/{id}", tag = "reports", params(("id" = String, Path)), request_body(content = Object, example = json!({"name": "Londoners", "limit": 100})), responses((status = 200, body = Report), (status = 400), (status = 404)), security(("key" = [])))]
pub async fn change(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    JsonBody(patch): JsonBody<Map<String, Value>>,
) -> Answer<Json<Report>> {
    let report = found(&app, actor.organization(), &id).await?;
    if patch.contains_key("id") {
        return Err(Failure::validation("the `id` of a report stays"));
    }
    let Ok(Value::Object(mut members)) = serde_json::to_value(&report) else {
        return Err(Failure::validation("the report cannot be changed"));
    };
    members.extend(patch);
    let report = report_of(members)?;
    check(&app.objects(actor.organization()).await?, &report)?;
    let kept = report.clone();
    app.run(actor.organization(), move |session| reports::save(session, &kept, clock::now())).await?;
    app.audit(actor.organization(), actor.entry("report.change", id, json!({}))).await;
    Ok(Json(report))
}

/// Delete a report.
#[utoipa::path(delete, path = "/api/v1/reports/{id}", tag = "reports", params(("id" = String, Path)), responses((status = 204), (status = 404)), security(("key" = [])))]
pub async fn delete(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let wanted = id.clone();
    if !app.run(actor.organization(), move |session| reports::delete(session, &wanted)).await? {
        return Err(Failure::not_found(format!("there is no report `{}`", short(&id))));
    }
    app.audit(actor.organization(), actor.entry("report.delete", id, json!({}))).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The records of a report, page by page.
#[utoipa::path(get, path = "/api/v1/reports/{id}/records", tag = "reports", params(("id" = String, Path), ReportPage), responses((status = 200, body = Records), (status = 404)), security(("key" = [])))]
pub async fn records(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    Query(query): Query<ReportPage>,
) -> Answer<Json<Records>> {
    let report = found(&app, actor.organization(), &id).await?;
    let asked = limit_of(query.limit.as_deref())?;
    // A report that shows a few records shows them on its first page.
    if report.limit.is_some() && query.cursor.is_some() {
        return Err(Failure::validation("a report with a `limit` has one page"));
    }
    let limit = report.limit.map_or(asked, |most| most.min(asked));
    let object = object_of(&app.objects(actor.organization()).await?, &report.object)?;
    let mut page =
        page_of(&app, actor.organization(), object, selection_of(&report), limit, query.cursor).await?;
    if report.limit.is_some() {
        page.ends();
    }
    app.audit(actor.organization(), actor.entry("report.records", id, json!({ "report": report }))).await;
    Ok(Json(page))
}

/// A report as a file.
#[utoipa::path(get, path = "/api/v1/reports/{id}/export", tag = "reports", params(("id" = String, Path), ReportFile), responses((status = 200, description = "The file"), (status = 404)), security(("key" = [])))]
pub async fn export(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    Query(query): Query<ReportFile>,
) -> Answer<Response> {
    let report = found(&app, actor.organization(), &id).await?;
    let object = object_of(&app.objects(actor.organization()).await?, &report.object)?;
    let asked = ExportQuery::of_report(
        selection_of(&report),
        report.limit,
        query.format,
        query.formula_guard,
        &report.name,
    );
    let export = asked.export(&object)?;
    app.audit(actor.organization(), actor.entry("report.export", id, json!({ "report": report }))).await;
    send(&app, &actor, &report.name, export).await
}
