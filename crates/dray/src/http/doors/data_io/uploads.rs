//! `POST …/data-io/uploads`: a place for a file, and the signed link by which it is sent there.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Admin;
use crate::http::answer::Answer;
use crate::http::body::{AnyBytes, parse_json};
use crate::http::links::{base_url, link_to};
use crate::operations::ledger::time;
use crate::operations::upload::Upload;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile, too_large};

/// The body of a request for an upload; it may be left out.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadBody {
    /// The file's name: its ending tells what it is where nothing else does.
    #[serde(rename = "fileName")]
    file_name: Option<String>,
    /// The file's size: what is sent must have it, and a client of tus knows from the begin how much there is.
    bytes: Option<u64>,
}

/// A file's name for people, without folders and not too long.
pub(super) fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let clean: String = last.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if clean.trim().is_empty() { "upload".to_owned() } else { clean }
}

/// Ask for a place for a file: send it with `PUT` to `uploadUrl`, or in parts by tus, then name `uploadId` in an
/// import.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/data-io/uploads", tag = "data-io",
    params(("org" = String, Path, description = "The organization's name or number")),
    request_body = UploadBody,
    responses(
        (status = 201, description = "`{uploadId, uploadUrl, method, expiresAt}`"),
        (status = 400, description = "VALIDATION_ERROR"),
        (status = 403, description = "PERMISSION_DENIED, PLAN_REQUIRED"),
        (status = 404),
        (status = 413, description = "LIMIT_EXCEEDED: it is larger than what is taken"),
    ),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<App>,
    Admin(actor): Admin,
    headers: HeaderMap,
    AnyBytes(body): AnyBytes,
) -> Answer<(StatusCode, Json<Value>)> {
    let body: UploadBody = if is_empty(&body) { UploadBody::default() } else { parse_json(&body)? };
    if body.bytes.is_some_and(|bytes| bytes > app.files().most_bytes()) {
        return Err(too_large(app.files().most_bytes()).into());
    }
    let now = app.time().await?;
    let name = body.file_name.as_deref().map_or_else(|| "upload".to_owned(), shown_name);
    let keep_until = app.settings().imports_kept_until(now);
    let upload = Upload::new(Files::new_id(), name.clone(), keep_until, body.bytes);
    let id = upload.id.clone();
    app.run(actor.organization(), move |session| upload.save(session, now)).await?;
    let file = StoredFile { id: id.clone(), name, bytes: 0, expires_at: keep_until };
    let (url, until) = link_to(&app, &base_url(&app, &headers), Method::PUT, &actor, &file).await?;
    app.audit(actor.organization(), actor.entry("data_io.upload", id.clone(), json!({ "name": file.name })))
        .await;
    let answer = json!({ "uploadId": id, "uploadUrl": url, "method": "PUT", "expiresAt": time(until) });
    Ok((StatusCode::CREATED, Json(answer)))
}

fn is_empty(body: &Bytes) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}
