//! Kept files behind signed links: given out by a door, used without a key by whoever has one.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dray_model::catalog::AuditEntry;
use futures_util::stream::once;
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::access::request_id;
use super::answer::{Answer, Failure};
use super::body::Path;
use super::download::send_file;
use crate::clock;
use crate::operations::upload::Upload;
use crate::server::app::App;
use crate::server::directory;
use crate::server::files::{Files, StoredFile};
use crate::server::links::{Fault, Link};

/// How this server is reached: as the settings say, or as the request did.
pub fn base_url(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.settings().public_url {
        return url.clone();
    }
    let host =
        headers.get(header::HOST).and_then(|value| value.to_str().ok()).filter(|host| !host.is_empty());
    host.map_or_else(|| format!("http://{}", app.settings().listen), |host| format!("http://{host}"))
}

/// A link to a kept file, and until when it works (microseconds since the epoch).
pub async fn link_to(
    app: &App,
    base_url: &str,
    method: Method,
    organization: &str,
    file: &StoredFile,
) -> Answer<(String, i64)> {
    let now = clock::now();
    let most = i64::try_from(app.settings().link_time.as_micros()).unwrap_or(i64::MAX);
    // No link lives longer than its file.
    let lives = most.min(file.expires_at - now).max(0);
    let lasts = Duration::from_micros(lives.unsigned_abs());
    if let Some(link) = app.files().bucket_link(method.clone(), organization, file, lasts).await? {
        return Ok((link, now + lives));
    }
    let link = Link { method: &method, organization, file: &file.id };
    Ok((format!("{base_url}{}", link.path(app.secret(), now + lives)), now + lives))
}

/// 403 where the link is none of ours or its time is over.
fn check(app: &App, method: &Method, organization: &str, file: &str, query: Option<&str>) -> Answer<()> {
    let link = Link { method, organization, file };
    link.check(app.secret(), query.unwrap_or_default(), clock::now()).map_err(|fault| match fault {
        Fault::NotOurs => Failure::denied(
            "the link was changed, cut off or made for something else: use it exactly as it was given",
        )
        .code("LINK_INVALID"),
        Fault::Expired => {
            Failure::denied("the link's time is over: ask the job for a new one").code("LINK_EXPIRED")
        }
    })
}

async fn audit(app: &App, headers: &HeaderMap, organization: &str, action: &str, file: &StoredFile) {
    let entry = AuditEntry {
        at: clock::now(),
        actor: "signed link".to_owned(),
        action: action.to_owned(),
        subject: file.id.clone(),
        request_id: request_id(headers),
        status: 200,
        payload_bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        details: json!({ "name": file.name }).to_string(),
        ..AuditEntry::default()
    };
    app.audit(organization, entry).await;
}

/// A kept file, by its signed link. Parts of it too (`Range`), so that a download goes on where it broke off.
#[utoipa::path(
    get, path = "/files/{organization}/{file}", tag = "files",
    params(
        ("organization" = String, Path), ("file" = String, Path),
        ("expires" = String, Query, description = "As the link has it"),
        ("signature" = String, Query, description = "As the link has it"),
    ),
    responses(
        (status = 200, description = "The file"),
        (status = 206, description = "The part that was asked for"),
        (status = 403, description = "LINK_INVALID, LINK_EXPIRED"),
        (status = 410, description = "FILE_GONE"),
        (status = 416, description = "RANGE_NOT_SATISFIABLE"),
    ),
)]
pub async fn download(
    State(app): State<App>,
    Path((organization, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    check(&app, &Method::GET, &organization, &id, request.uri().query())?;
    let gone = || Failure::new(StatusCode::GONE, "FILE_GONE", "the file is no longer kept");
    let file = app.run(&organization, move |session| Files::find(session, &id)).await?;
    let file = file.filter(|file| file.expires_at > clock::now()).ok_or_else(gone)?;
    let sent = send_file(&app, &organization, &file, request.headers()).await?.ok_or_else(gone)?;
    audit(&app, request.headers(), &organization, "file.download", &file).await;
    Ok(sent)
}

/// Send a file by its signed link, once. `Content-Digest: sha-256=:…:` (RFC 9530) is checked where it is given.
#[utoipa::path(
    put, path = "/files/{organization}/{file}", tag = "files",
    params(
        ("organization" = String, Path), ("file" = String, Path),
        ("expires" = String, Query, description = "As the link has it"),
        ("signature" = String, Query, description = "As the link has it"),
    ),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses(
        (status = 200, description = "`{uploadId, bytes}`"),
        (status = 400, description = "It broke off, or its digest is another"),
        (status = 403, description = "LINK_INVALID, LINK_EXPIRED, LINK_USED"),
        (status = 413, description = "It is too large"),
    ),
)]
pub async fn upload(
    State(app): State<App>,
    Path((organization, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    check(&app, &Method::PUT, &organization, &id, request.uri().query())?;
    let slug = organization.clone();
    // An organization that is gone has no place for files.
    if app.sessions().directory(move |store| directory::find_organization(store, &slug)).await?.is_none() {
        return Err(Failure::not_found("the organization of this link is gone"));
    }
    let used = || Failure::denied("a file was sent by this link already: ask for another").code("LINK_USED");
    let (files, slug, wanted) = (app.files().clone(), organization.clone(), id.clone());
    let waiting = app.run(&organization, move |session| {
        let upload = Upload::find(session, &wanted)?;
        Ok(if files.size(&slug, &wanted)?.is_some() { None } else { upload })
    });
    let waiting = waiting.await?.ok_or_else(used)?;
    let headers = request.headers().clone();
    let mut body = checked(request.into_body().into_data_stream(), digest_of(&headers)?).boxed();
    let bytes = app.files().receive_as(&organization, &id, &waiting.name, None, &mut body).await?;
    let file = StoredFile { id, name: waiting.name, bytes, expires_at: waiting.keep_until };
    let (described, now) = (file.clone(), clock::now());
    app.run(&organization, move |session| Files::describe(session, &described, now)).await?;
    audit(&app, &headers, &organization, "file.upload", &file).await;
    let answer: Value = json!({ "uploadId": file.id, "bytes": file.bytes });
    Ok((StatusCode::OK, axum::Json(answer)).into_response())
}

/// The SHA-256 that the body must have, where it is given.
fn digest_of(headers: &HeaderMap) -> Answer<Option<Vec<u8>>> {
    let Some(given) = headers.get("content-digest") else { return Ok(None) };
    let cannot = || Failure::validation("Content-Digest cannot be read: it looks like `sha-256=:BASE64:`");
    let given = given.to_str().map_err(|_| cannot())?;
    let sha = given.split(',').find_map(|one| one.trim().strip_prefix("sha-256="));
    let Some(sha) = sha else { return Ok(None) };
    let text = sha.strip_prefix(':').and_then(|sha| sha.strip_suffix(':')).ok_or_else(cannot)?;
    STANDARD.decode(text).map(Some).map_err(|_| cannot())
}

/// The same bytes, and an error behind the last where they are not those of the digest.
fn checked(
    sent: impl Stream<Item = Result<Bytes, axum::Error>> + Send,
    digest: Option<Vec<u8>>,
) -> impl Stream<Item = Result<Bytes, String>> + Send {
    let hash = std::sync::Arc::new(std::sync::Mutex::new(Sha256::new()));
    let (of_parts, is_wanted) = (std::sync::Arc::clone(&hash), digest.is_some());
    let parts = sent.map(move |part| {
        if let (Ok(bytes), true) = (&part, is_wanted) {
            of_parts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).update(bytes);
        }
        part.map_err(|why| why.to_string())
    });
    let end = once(async move {
        let digest = digest?;
        let own = hash.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone().finalize();
        (own.as_slice() != digest).then(|| Err("its SHA-256 is not the one of Content-Digest".to_owned()))
    });
    parts.chain(end.filter_map(std::future::ready))
}
