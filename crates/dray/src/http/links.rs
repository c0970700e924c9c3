//! Kept files behind signed links: given out by a door, used without a key by whoever has one.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use dray_model::catalog::AuditEntry;
use serde_json::json;

use super::access::{Actor, request_id};
use super::answer::{Answer, Failure};
use super::body::Path;
use super::download::send_file;
use crate::clock;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::links::{Fault, Link};

/// Whose file a link leads to.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct LinkPath {
    /// The organization.
    pub organization: String,
    /// The file.
    pub file: String,
}

/// What makes a link one of ours; all of it as the link has it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// Until when it works.
    pub expires: String,
    /// Who was given it.
    #[param(rename = "for")]
    pub holder: String,
    /// The code over everything.
    pub signature: String,
}

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
    actor: &Actor,
    file: &StoredFile,
) -> Answer<(String, i64)> {
    let organization = actor.organization();
    let now = app.time().await?;
    let most = i64::try_from(app.settings().link_time.as_micros()).unwrap_or(i64::MAX);
    // No link lives longer than its file.
    let lives = most.min(file.expires_at - now).max(0);
    let lasts = Duration::from_micros(lives.unsigned_abs());
    if let Some(link) = app.files().bucket_link(method.clone(), organization, file, lasts).await? {
        return Ok((link, now + lives));
    }
    let link = Link { method: &method, organization, file: &file.id };
    Ok((format!("{base_url}{}", link.path(app.secret(), &actor.id, now + lives)), now + lives))
}

/// Who was given a link; 403 where it is none of ours, its time is over, or they may no longer use it.
pub(super) async fn check(
    app: &App,
    method: &Method,
    organization: &str,
    file: &str,
    address: &Uri,
) -> Answer<String> {
    let link = Link { method, organization, file };
    let now = app.time().await?;
    // Another spelling of the same address is not the link that was given.
    let checked = if address.path() == format!("/files/{organization}/{file}") {
        link.check(app.secret(), address.query().unwrap_or_default(), now)
    } else {
        Err(Fault::NotOurs)
    };
    let allowed = checked.map_err(|fault| match fault {
        Fault::NotOurs => Failure::denied(
            "the link was changed, cut off or made for something else: use it exactly as it was given",
        )
        .code("LINK_INVALID"),
        Fault::Expired => Failure::denied("the link's time is over: ask for a new one").code("LINK_EXPIRED"),
    })?;
    if !app.is_admin(organization, allowed.holder).await? {
        let message = "the key or user that this link was given to may no longer use it: ask for a new one";
        return Err(Failure::denied(message).code("LINK_REVOKED"));
    }
    Ok(allowed.holder.to_owned())
}

/// Writes down what was done with a link.
pub(super) async fn audit(
    app: &App,
    headers: &HeaderMap,
    holder: &str,
    organization: &str,
    action: &str,
    file: &StoredFile,
) {
    let entry = AuditEntry {
        at: clock::now(),
        actor: format!("signed link of {holder}"),
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
    params(LinkPath, LinkQuery),
    responses(
        (status = 200, description = "The file"),
        (status = 206, description = "The part that was asked for"),
        (status = 403, description = "LINK_INVALID, LINK_EXPIRED, LINK_REVOKED"),
        (status = 410, description = "FILE_GONE"),
        (status = 416, description = "RANGE_NOT_SATISFIABLE"),
    ),
)]
pub async fn download(
    State(app): State<App>,
    Path((organization, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let holder = check(&app, &Method::GET, &organization, &id, request.uri()).await?;
    send(&app, &holder, &organization, id, request.headers()).await
}

/// Sends the file of a link that was checked.
pub(super) async fn send(
    app: &App,
    holder: &str,
    organization: &str,
    id: String,
    headers: &HeaderMap,
) -> Answer<Response> {
    let gone = || Failure::new(StatusCode::GONE, "FILE_GONE", "the file is no longer kept");
    let file = app.run(organization, move |session| Files::find(session, &id)).await?;
    let now = app.time().await?;
    let file = file.filter(|file| file.expires_at > now).ok_or_else(gone)?;
    let sent = send_file(app, organization, &file, headers).await?.ok_or_else(gone)?;
    audit(app, headers, holder, organization, "file.download", &file).await;
    Ok(sent)
}
