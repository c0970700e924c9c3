//! `POST …/data-io/import`: a file that was sent, or that lies somewhere, into a resource, by a worker; or
//! only what that would do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dray_formats::Format;
use dray_model::catalog::Session;
use dray_model::definition::{Mode, OnDuplicate};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::{Admin, JsonText};
use super::exports::{format_of, invalid_resource};
use super::jobs::accepted;
use super::uploads::shown_name;
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::lists::short;
use crate::http::once::Repeatable;
use crate::operations::import_job::{ImportJob, KIND};
use crate::operations::policy::PolicyRequest;
use crate::operations::reading::ReadRequest;
use crate::operations::upload::Upload;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::queue::new_job;

/// What can be imported.
const RESOURCES: [&str; 3] = ["profiles", "events", "contacts"];
/// What can be read.
const FORMATS: [Format; 3] = [Format::Csv, Format::Jsonl, Format::Json];
/// The longest address of a source.
const MOST_URL: usize = 8_192;

/// The body of an import.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = DataIoImport)]
pub struct ImportBody {
    /// profiles, events or contacts.
    resource: String,
    /// csv, jsonl or json, packed (gzip, zip, zstd) or not; found out where it is left out.
    format: Option<String>,
    /// Where the file is: http or https.
    source_url: Option<String>,
    /// The file that was sent by the link of `POST …/uploads`.
    upload_id: Option<String>,
    /// Column of the file → field; `null` or an empty text leaves the column out. Columns that are not
    /// named go by their names.
    #[serde(default, alias = "mapping")]
    #[schema(value_type = Object)]
    column_mapping: Map<String, Value>,
    /// Field → value for every row.
    #[serde(default)]
    #[schema(value_type = Object)]
    static_values: Map<String, Value>,
    /// Rows that are there already are left as they are; else they are brought up to date.
    #[serde(default)]
    skip_duplicates: bool,
    /// Fields that tell whether a row is there already, the strongest first.
    #[serde(default)]
    match_by: Vec<String>,
    /// Make the record that a reference names where it is missing.
    #[serde(default)]
    create_references: bool,
    /// `atomic` (all or nothing) or `partial` (every good row).
    #[schema(value_type = Option<String>)]
    mode: Option<Mode>,
    /// Only tell what would happen.
    #[serde(default)]
    dry_run: bool,
    /// Where to tell that the job has ended, beside the organization's webhooks.
    webhook_url: Option<String>,
}

/// Pairs of a JSON object whose values are texts, numbers, truth values or null.
fn pairs(what: &str, members: Map<String, Value>) -> Answer<Vec<(String, String)>> {
    let pair = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Null => Ok((name, String::new())),
        Value::Bool(_) | Value::Number(_) => Ok((name, value.to_string())),
        Value::Array(_) | Value::Object(_) => {
            let shown = short(&name);
            Err(Failure::validation(format!("{what}.{shown} is no text")))
        }
    };
    members.into_iter().map(pair).collect()
}

/// Begin an import: the answer tells the job.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/data-io/import", tag = "data-io",
    params(("org" = String, Path, description = "The organization's name or number")),
    request_body = ImportBody,
    responses(
        (status = 202, description = "`{jobId, status}`"),
        (status = 400, description = "INVALID_RESOURCE, INVALID_FORMAT, INVALID_SOURCE_URL, VALIDATION_ERROR"),
        (status = 403, description = "PERMISSION_DENIED, PLAN_REQUIRED"),
        (status = 404, description = "UPLOAD_NOT_FOUND"),
    ),
    security(("key" = []))
)]
pub async fn import(
    State(app): State<App>,
    Admin(actor): Admin,
    Repeatable(fingerprint): Repeatable,
    JsonText(body): JsonText<ImportBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let resource = body.resource.trim().to_owned();
    if !RESOURCES.contains(&resource.as_str()) {
        return Err(invalid_resource(&resource, &RESOURCES));
    }
    let format = body.format.as_deref().map(|asked| format_of(asked, &FORMATS, "an import")).transpose()?;
    let object = app.objects(actor.organization()).await?.named(&resource)?;
    let policy = PolicyRequest {
        match_by: body.match_by,
        on_duplicate: Some(if body.skip_duplicates { OnDuplicate::Skip } else { OnDuplicate::Update }),
        mode: body.mode,
        create_references: body.create_references,
        max_rows: actor.organization.plan.rows_per_import,
        ..PolicyRequest::default()
    };
    policy.apply(object.as_ref().clone())?;
    let (dry_run, now) = (body.dry_run, clock::now());
    let mut import = ImportJob {
        file_type: format.map_or("", |format| format.extension()).to_owned(),
        read: ReadRequest {
            format: format.map(|format| format.extension().to_owned()),
            ..ReadRequest::default()
        },
        columns: pairs("columnMapping", body.column_mapping)?,
        statics: pairs("staticValues", body.static_values)?,
        policy,
        records_per_object: actor.organization.plan.records_per_object,
        dry_run,
        webhook_url: body.webhook_url,
        failed_file: (!dry_run).then(Files::new_id),
        fingerprint: (!fingerprint.is_empty() && !dry_run).then_some(fingerprint),
        processing_mode: "background".to_owned(),
        ..ImportJob::default()
    };
    match (body.source_url, body.upload_id) {
        (Some(url), None) => {
            let url = url.trim().to_owned();
            // Whatever its name resolves to is checked when it is fetched; what is refused anyway is told now.
            app.outbound()
                .address(&url)
                .map_err(|fault| Failure::validation(fault.to_string()).code("INVALID_SOURCE_URL"))?;
            import.source_name = source_name(&url)?;
            import.remove_file = true;
            import.file = Files::new_id();
            import.source_url = Some(url);
        }
        (None, Some(upload)) => {
            let (files, slug) = (app.files().clone(), actor.organization().to_owned());
            let keep_until = app.settings().imports_kept_until(now);
            let found = app
                .run(actor.organization(), move |session| {
                    sent_file(&files, session, &slug, &upload, now, keep_until)
                })
                .await?;
            let file = found.ok_or_else(|| {
                Failure::not_found("there is no such upload, or nothing was sent by its link yet")
                    .code("UPLOAD_NOT_FOUND")
            })?;
            import.source_name = file.name;
            import.file = file.id;
        }
        (Some(_), Some(_)) => {
            return Err(Failure::validation("both sourceUrl and uploadId are given: give one of them"));
        }
        (None, None) => {
            return Err(Failure::validation(
                "nothing says where the rows are: give sourceUrl, or uploadId (see POST …/uploads)",
            ));
        }
    }
    let job = new_job(KIND, object.name(), &import, &actor.name, now)?;
    let job = app.submit(actor.organization(), job).await?;
    let details = json!({
        "job": job.id, "resource": resource, "source": import.source_name, "dryRun": dry_run,
        "columnMapping": import.columns, "policy": import.policy,
    });
    app.audit(actor.organization(), actor.entry("data_io.import", resource, details)).await;
    Ok(accepted(&job))
}

/// The name of the file at an address: what stands behind the question mark may be secret.
fn source_name(address: &str) -> Answer<String> {
    let refused = |why: &str| Failure::validation(format!("sourceUrl {why}")).code("INVALID_SOURCE_URL");
    if address.len() > MOST_URL {
        return Err(refused("is too long"));
    }
    let url = url::Url::parse(address)
        .map_err(|why| refused(&format!("is no address: {why}: it looks like https://host/file.csv")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(refused("is neither http nor https"));
    }
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    Ok(if last.is_empty() { shown_name(host) } else { shown_name(last) })
}

/// The file that came by the link of an upload. One that went to the bucket itself is described here.
fn sent_file(
    files: &Files,
    session: &mut dyn Session,
    organization: &str,
    id: &str,
    now: i64,
    keep_until: i64,
) -> dray_model::Result<Option<StoredFile>> {
    let Some(upload) = Upload::find(session, id)? else { return Ok(None) };
    let Some(bytes) = files.size(organization, &upload.id)? else { return Ok(None) };
    let file = StoredFile { id: upload.id, name: upload.name, bytes, expires_at: keep_until };
    Files::describe(session, &file, now)?;
    Ok(Some(file))
}
