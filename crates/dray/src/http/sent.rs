//! Files that are sent by a signed link: at once by `PUT`, or in parts by the tus protocol (1.0.0, its core). What
//! came of either stays where it breaks off; `HEAD` tells how much that is, and `PATCH` goes on there.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dray_model::{Error, Result};
use futures_util::StreamExt;
use serde_json::json;

use super::answer::{Answer, Failure};
use super::body::Path;
use super::links::{LinkPath, LinkQuery, audit, check, send as send_to};
use crate::clock;
use crate::operations::upload::Upload;
use crate::server::app::App;
use crate::server::directory;
use crate::server::files::{Arriving, Files, Sending, StoredFile, too_large};

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
/// The version of tus that is spoken.
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
/// What a part of a file is.
const PART: &str = "application/offset+octet-stream";
/// Seconds after which a sender may come again while another sends.
const COME_AGAIN: u64 = 2;

/// One request by an upload link.
struct Asked {
    app: App,
    holder: String,
    organization: String,
    headers: HeaderMap,
}

/// Send a file by its signed link, once. `Content-Digest: sha-256=:…:` (RFC 9530) is checked where it is given.
/// Where it breaks off, what came stays: see `HEAD` and `PATCH`.
#[utoipa::path(
    put, path = "/files/{organization}/{file}", tag = "files",
    params(LinkPath, LinkQuery),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses(
        (status = 200, description = "`{uploadId, bytes}`"),
        (status = 400, description = "It broke off, or its size or digest is another"),
        (status = 403, description = "LINK_INVALID, LINK_EXPIRED, LINK_REVOKED, LINK_USED"),
        (status = 413, description = "It is too large"),
        (status = 423, description = "UPLOAD_BUSY: another request sends it"),
    ),
)]
pub async fn send(
    State(app): State<App>,
    Path((organization, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let asked = Asked::new(app, organization, &id, &parts.uri, parts.headers).await?;
    let announced = number_of(&asked.headers, &header::CONTENT_LENGTH)?;
    let digest = digest_of(&asked.headers, "content-digest")?;
    let (mut upload, mut arriving) = asked.open(&id).await?;
    let wanted = upload.bytes;
    if let (Some(wanted), Some(announced)) = (wanted, announced)
        && wanted != announced
    {
        return Err(other_length(wanted, announced));
    }
    let most = asked.most(announced)?;
    upload.length = announced;
    upload.digest = digest.clone().or(digest_of(&asked.headers, "repr-digest")?);
    asked.save(&upload).await?;
    arriving.cut(0)?;
    let sending = Sending { most_bytes: most, digest: digest.clone(), keep_broken: true };
    let mut body = body.into_data_stream().boxed();
    let mut arriving = arriving.receive(sending, &mut body).await?;
    if let Some(wanted) = wanted.filter(|&wanted| wanted != arriving.bytes()) {
        let came = arriving.bytes();
        arriving.cut(0)?;
        return Err(other_length(wanted, came));
    }
    // What was hashed on its way need not be read again.
    if digest.is_some() {
        upload.digest = None;
    }
    let bytes = asked.finish(upload, arriving).await?;
    let answer = axum::Json(json!({ "uploadId": id, "bytes": bytes }));
    Ok((StatusCode::OK, [(TUS_RESUMABLE, VERSION)], answer).into_response())
}

/// How much of a file came by its upload link (`Upload-Offset`), and how much there is (`Upload-Length`); or
/// what a download would answer, without the file.
#[utoipa::path(
    head, path = "/files/{organization}/{file}", tag = "files",
    params(LinkPath, LinkQuery),
    responses(
        (status = 200, description = "`Upload-Offset`, and `Upload-Length` where it is known"),
        (status = 206, description = "The part that was asked for"),
        (status = 403, description = "LINK_INVALID, LINK_EXPIRED, LINK_REVOKED"),
        (status = 410, description = "FILE_GONE"),
        (status = 416, description = "RANGE_NOT_SATISFIABLE"),
        (status = 423, description = "UPLOAD_BUSY: another request sends it"),
    ),
)]
pub async fn look(
    State(app): State<App>,
    Path((organization, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let (parts, _) = request.into_parts();
    if let Ok(holder) = check(&app, &Method::GET, &organization, &id, &parts.uri).await {
        return send_to(&app, &holder, &organization, id, &parts.headers).await;
    }
    let asked = Asked::new(app, organization, &id, &parts.uri, parts.headers).await?;
    if let Some(bytes) = asked.sent(&id).await? {
        return Ok(told(StatusCode::OK, bytes, Some(bytes)));
    }
    let upload = asked.find(&id).await?.ok_or_else(used)?;
    if !asked.app.files().has_draft(&asked.organization, &id) {
        return Ok(told(StatusCode::OK, 0, upload.whole()));
    }
    let (upload, arriving) = asked.open(&id).await?;
    let (bytes, whole) = (arriving.bytes(), upload.whole());
    // Its last byte came, and whoever was to keep it as a whole went away.
    if whole == Some(bytes) {
        asked.finish(upload, arriving).await?;
    }
    Ok(told(StatusCode::OK, bytes, whole))
}

/// Send the next part of a file (tus 1.0.0): it begins at `Upload-Offset`, and the file is whole once it has
/// `Upload-Length` bytes, which the first part says unless that is known. `Content-Digest` is that of the part,
/// `Repr-Digest` that of the whole file.
#[utoipa::path(
    patch, path = "/files/{organization}/{file}", tag = "files",
    params(
        LinkPath,
        LinkQuery,
        ("Upload-Offset" = String, Header, description = "Where the part begins: as much as `HEAD` tells"),
        ("Upload-Length" = Option<String>, Header, description = "Bytes of the whole file"),
    ),
    request_body(content_type = "application/offset+octet-stream", content = Vec<u8>),
    responses(
        (status = 204, description = "It was kept"),
        (status = 400, description = "It broke off, or a size or digest is another"),
        (status = 403, description = "LINK_INVALID, LINK_EXPIRED, LINK_REVOKED, LINK_USED"),
        (status = 409, description = "OFFSET_MISMATCH: the file goes on elsewhere, as `Upload-Offset` tells"),
        (status = 412, description = "TUS_VERSION"),
        (status = 413, description = "It is too large"),
        (status = 415, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 423, description = "UPLOAD_BUSY: another request sends it"),
    ),
)]
pub async fn go_on(
    State(app): State<App>,
    Path((organization, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let asked = Asked::new(app, organization, &id, &parts.uri, parts.headers).await?;
    if asked.headers.get(TUS_RESUMABLE).is_some_and(|version| *version != VERSION) {
        let failure =
            Failure::new(StatusCode::PRECONDITION_FAILED, "TUS_VERSION", "tus 1.0.0 is spoken here");
        let mut response = failure.into_response();
        response.headers_mut().insert(TUS_VERSION, VERSION);
        return Ok(response);
    }
    if asked.headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes() != PART.as_bytes()) {
        let message = format!("a part of a file has the header `Content-Type: {PART}`");
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    let offset = number_of(&asked.headers, &UPLOAD_OFFSET)?.ok_or_else(|| {
        Failure::validation(
            "the header Upload-Offset is missing: say at which byte the part begins, as HEAD tells",
        )
    })?;
    let length = number_of(&asked.headers, &UPLOAD_LENGTH)?;
    let digest = digest_of(&asked.headers, "content-digest")?;
    let of_whole = digest_of(&asked.headers, "repr-digest")?;
    let (mut upload, arriving) = asked.open(&id).await?;
    if let (Some(known), Some(said)) = (upload.whole(), length)
        && known != said
    {
        return Err(other_length(known, said));
    }
    let come = arriving.bytes();
    if come != offset {
        let message =
            format!("{come} bytes are here, so that the next part begins at byte {come}: not at {offset}");
        let mut response = Failure::conflict(message)
            .code("OFFSET_MISMATCH")
            .details(json!({ "offset": come }))
            .into_response();
        response.headers_mut().extend(told(StatusCode::CONFLICT, come, upload.whole()).headers().clone());
        return Ok(response);
    }
    upload.length = upload.length.or(length);
    let most = asked.most(upload.whole())?;
    if of_whole.is_some() {
        upload.digest = of_whole;
    }
    asked.save(&upload).await?;
    let sending = Sending { most_bytes: upload.whole().unwrap_or(most), digest, keep_broken: false };
    let mut body = body.into_data_stream().boxed();
    let arriving = arriving.receive(sending, &mut body).await?;
    let (bytes, whole) = (arriving.bytes(), upload.whole());
    if whole == Some(bytes) {
        asked.finish(upload, arriving).await?;
    }
    Ok(told(StatusCode::NO_CONTENT, bytes, whole))
}

impl Asked {
    async fn new(
        app: App,
        organization: String,
        id: &str,
        address: &Uri,
        headers: HeaderMap,
    ) -> Answer<Self> {
        let holder = check(&app, &Method::PUT, &organization, id, address).await?;
        let slug = organization.clone();
        // An organization that is gone has no place for files.
        let known = app.sessions().directory(move |store| directory::find_organization(store, &slug)).await?;
        if known.is_none() {
            return Err(Failure::not_found("the organization of this link is gone"));
        }
        Ok(Self { app, holder, organization, headers })
    }

    /// The size of the file where it is whole.
    async fn sent(&self, id: &str) -> Answer<Option<u64>> {
        let (files, slug, id) = (self.app.files().clone(), self.organization.clone(), id.to_owned());
        Ok(blocking(move || files.size(&slug, &id)).await?)
    }

    async fn find(&self, id: &str) -> Answer<Option<Upload>> {
        let id = id.to_owned();
        Ok(self.app.run(&self.organization, move |session| Upload::find(session, &id)).await?)
    }

    /// The place of the file and what came of it; nobody else writes it meanwhile.
    async fn open(&self, id: &str) -> Answer<(Upload, Arriving)> {
        if self.sent(id).await?.is_some() {
            return Err(used());
        }
        let (files, slug, name) = (self.app.files().clone(), self.organization.clone(), id.to_owned());
        let arriving = blocking(move || files.arriving(&slug, &name)).await?.ok_or_else(|| {
            let message = "another request sends this file: wait for its end, or end it";
            let mut failure = Failure::new(StatusCode::LOCKED, "UPLOAD_BUSY", message);
            failure.retry_after = Some(COME_AGAIN);
            failure
        })?;
        // Whoever was waited for may have sent all of it.
        if self.sent(id).await?.is_some() {
            self.app.files().remove_draft(&self.organization, id);
            return Err(used());
        }
        let upload = self.find(id).await?.ok_or_else(used)?;
        Ok((upload, arriving))
    }

    async fn save(&self, upload: &Upload) -> Answer<()> {
        let (upload, now) = (upload.clone(), clock::now());
        Ok(self.app.run(&self.organization, move |session| upload.save(session, now)).await?)
    }

    /// The most bytes that the file may have; a failure where it is known to have more.
    fn most(&self, announced: Option<u64>) -> Answer<u64> {
        let most = self.app.files().most_bytes();
        if announced.is_some_and(|bytes| bytes > most) {
            return Err(too_large(most).into());
        }
        Ok(most)
    }

    /// Keeps what came as the whole file, where it has the digest that was said; returns its size.
    async fn finish(&self, mut upload: Upload, mut arriving: Arriving) -> Answer<u64> {
        let (files, slug) = (self.app.files().clone(), self.organization.clone());
        let (id, name, digest) = (upload.id.clone(), upload.name.clone(), upload.digest.take());
        let kept = blocking(move || {
            if digest.is_some_and(|digest| arriving.digest().is_ok_and(|own| own != digest)) {
                arriving.cut(0)?;
                return Ok(None);
            }
            files.arrived(&slug, &id, &name, arriving).map(Some)
        });
        let Some(bytes) = kept.await? else {
            upload.length = None;
            self.save(&upload).await?;
            let message =
                "the SHA-256 of the whole file is not the one that was said: send it again from its begin";
            return Err(Failure::validation(message));
        };
        let file = StoredFile { id: upload.id, name: upload.name, bytes, expires_at: upload.keep_until };
        let (described, now) = (file.clone(), clock::now());
        self.app.run(&self.organization, move |session| Files::describe(session, &described, now)).await?;
        audit(&self.app, &self.headers, &self.holder, &self.organization, "file.upload", &file).await;
        Ok(bytes)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.unwrap_or_else(|_| Err(Error::file("work on a file broke off").retryable()))
}

fn used() -> Failure {
    Failure::denied("a file was sent by this link already: ask for another").code("LINK_USED")
}

fn other_length(wanted: u64, said: u64) -> Failure {
    Failure::validation(format!("the file was announced with {wanted} bytes: these would be {said}"))
}

/// An answer that tells how much of a file came.
fn told(status: StatusCode, bytes: u64, whole: Option<u64>) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, VERSION);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(bytes));
    match whole {
        Some(whole) => headers.insert(UPLOAD_LENGTH, HeaderValue::from(whole)),
        None => headers.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from(1)),
    };
    response
}

/// A header that is a number of bytes.
fn number_of(headers: &HeaderMap, name: &HeaderName) -> Answer<Option<u64>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
    number.map(Some).ok_or_else(|| Failure::validation(format!("the header {name} is no number of bytes")))
}

/// The SHA-256 in a header of RFC 9530, where it is given.
fn digest_of(headers: &HeaderMap, name: &'static str) -> Answer<Option<Vec<u8>>> {
    let Some(given) = headers.get(name) else { return Ok(None) };
    let cannot = || {
        let shown = if name == "content-digest" { "Content-Digest" } else { "Repr-Digest" };
        Failure::validation(format!("{shown} cannot be read: it looks like `sha-256=:BASE64:`"))
    };
    let given = given.to_str().map_err(|_| cannot())?;
    let sha = given.split(',').find_map(|one| one.trim().strip_prefix("sha-256="));
    let Some(sha) = sha else { return Ok(None) };
    let text = sha.strip_prefix(':').and_then(|sha| sha.strip_suffix(':')).ok_or_else(cannot)?;
    STANDARD.decode(text).map(Some).map_err(|_| cannot())
}
