//! `Idempotency-Key`: a POST that is sent again with the same key is answered as the first time and done
//! once. While it runs, the store knows that it does; where the process that ran it died, the next one with
//! the same key takes over, and imports go on or are found done by their fingerprint.

use std::io::{Seek, SeekFrom};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;
use tracing::Instrument;

use super::access::Actor;
use super::answer::{Answer, Failure};
use crate::clock;
use crate::server::app::App;
use crate::server::directory::{hash_of, random_text};

/// The kind of document.
const KIND: &str = "idempotency";
/// The header that names a request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
const KEY_LETTERS: usize = 255;
/// How long answers are kept, in microseconds.
const KEPT: i64 = 24 * 3600 * 1_000_000;
/// How long a request counts as running after its process last said so, in microseconds.
const LEASE: i64 = 8 * 1_000_000;
/// How often it says so.
const BEAT: Duration = Duration::from_secs(2);
/// A larger body waits in a file.
const MEMORY_BYTES: usize = 1 << 20;
/// The largest answer that is kept.
const ANSWER_BYTES: u64 = 4 << 20;
/// Headers of an answer that are given again.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// What tells whether a request was carried out before; empty where it came without a key.
#[derive(Debug, Clone, Default)]
pub struct Repeatable(pub String);

impl FromRequestParts<App> for Repeatable {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Answer<Self> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// A request as the store knows it.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// SHA-256 of query and body.
    body: String,
    /// What imports of this request are found by.
    fingerprint: String,
    /// When it was first sent.
    since: i64,
    /// Until when it counts as running.
    until: i64,
    /// How it was answered.
    answer: Option<Kept>,
}

/// An answer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    /// Base64.
    body: String,
}

/// What to do with a request.
enum Claim {
    /// Carry it out; the entry has this version.
    Run(Entry, i64),
    /// It was: answer as then.
    Replay(Kept),
    /// It runs elsewhere.
    Running,
    /// The key belongs to another request.
    Another,
}

/// Lets a request pass once.
pub async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let key = match request.headers().get(KEY).map(HeaderValue::to_str) {
        Some(key) if request.method() == Method::POST => key.map(str::to_owned),
        _ => return next.run(request).await,
    };
    let (mut parts, body) = request.into_parts();
    let Ok(actor) = Actor::from_request_parts(&mut parts, &app).await else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    match key {
        Ok(key) if (1..=KEY_LETTERS).contains(&key.len()) => {
            carry_out(app, actor, key, parts, body, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        _ => Failure::validation(format!("`Idempotency-Key` has 1 to {KEY_LETTERS} plain letters"))
            .into_response(),
    }
}

async fn carry_out(
    app: App,
    actor: Actor,
    key: String,
    mut parts: Parts,
    body: Body,
    next: Next,
) -> Answer<Response> {
    let held = Held::receive(&app, actor.organization(), body).await?;
    let body_hash = held.hash(&parts).await?;
    let id = hash_of(&format!("{key}\n{}", parts.uri.path()));
    let organization = actor.organization().to_owned();
    let document = id.clone();
    let claimed = app.run(&organization, move |session| claim(session, &document, &body_hash)).await?;
    let (entry, version) = match claimed {
        Claim::Run(entry, version) => (entry, version),
        Claim::Replay(kept) => return Ok(replay(kept)),
        Claim::Running => {
            let mut failure =
                Failure::conflict("the first request with this `Idempotency-Key` still runs: ask again")
                    .code("IDEMPOTENCY_RUNNING");
            failure.retry_after = Some(1);
            return Err(failure);
        }
        Claim::Another => {
            return Err(Failure::conflict(
                "this `Idempotency-Key` was used for another request: take a new one for each request",
            )
            .code("IDEMPOTENCY_CONFLICT"));
        }
    };
    parts.extensions.insert(Repeatable(entry.fingerprint.clone()));
    let request = Request::from_parts(parts, held.body().await?);
    // In a task of its own, so that it comes to its end even where nobody waits any more.
    let work = async move { run(&app, &organization, &id, entry, version, next.run(request)).await };
    tokio::spawn(work.in_current_span()).await.map_err(|_| {
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_ERROR",
            "something went wrong inside the server: its log knows more under this request's number",
        )
    })
}

/// Carries the request out, says meanwhile that it runs, and keeps the answer.
async fn run(
    app: &App,
    organization: &str,
    id: &str,
    mut entry: Entry,
    mut version: i64,
    work: impl Future<Output = Response>,
) -> Response {
    tokio::pin!(work);
    let mut beat = tokio::time::interval(BEAT);
    beat.tick().await;
    let response = loop {
        tokio::select! {
            response = &mut work => break response,
            _ = beat.tick() => {
                entry.until = app.time().await.unwrap_or(entry.until) + LEASE;
                version = save(app, organization, id, &entry, version).await;
            }
        }
    };
    let status = response.status();
    // What may work the next time is not kept: the next request is carried out.
    let is_final = status.is_success()
        || (status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 404 | 408 | 413 | 429));
    let is_final = is_final && !response.headers().contains_key(header::RETRY_AFTER);
    let is_small = response.body().size_hint().exact().is_some_and(|bytes| bytes <= ANSWER_BYTES);
    if !(is_final && is_small) {
        forget(app, organization, id).await;
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, ANSWER_BYTES as usize).await else {
        forget(app, organization, id).await;
        return Response::from_parts(parts, Body::empty());
    };
    entry.answer = Some(keep(parts.status, &parts.headers, &bytes));
    save(app, organization, id, &entry, version).await;
    Response::from_parts(parts, Body::from(bytes))
}

/// Keeps the entry, where nobody else took over; its version afterwards.
async fn save(app: &App, organization: &str, id: &str, entry: &Entry, version: i64) -> i64 {
    let Ok(body) = serde_json::to_string(entry) else { return version };
    let id = id.to_owned();
    let saved = app
        .run(organization, move |session| session.replace_document(KIND, &id, version, &body, clock::now()))
        .await;
    match saved {
        Ok(true) => version + 1,
        Ok(false) => version,
        Err(error) => {
            tracing::warn!(%error, "the answer to a repeatable request could not be kept");
            version
        }
    }
}

async fn forget(app: &App, organization: &str, id: &str) {
    let id = id.to_owned();
    let forgotten = app.run(organization, move |session| session.delete_document(KIND, &id)).await;
    if let Err(error) = forgotten {
        tracing::warn!(%error, "a repeatable request could not be forgotten");
    }
}

fn claim(session: &mut dyn Session, id: &str, body: &str) -> Result<Claim> {
    // Whoever is faster between two of these steps changes what the next round finds.
    for _ in 0..10 {
        // All processes judge by one clock whether one of them still runs it.
        let now = session.time()?;
        let fresh = Entry {
            body: body.to_owned(),
            fingerprint: format!("request {}", random_text(24)),
            since: now,
            until: now + LEASE,
            answer: None,
        };
        if session.create_document(KIND, id, &text_of(&fresh)?, now)? {
            return Ok(Claim::Run(fresh, 1));
        }
        let Some(document) = session.find_document(KIND, id)? else { continue };
        let known: Option<Entry> = serde_json::from_str(&document.body).ok();
        let mine = match known {
            Some(known) if known.since + KEPT > now => {
                if known.body != body {
                    return Ok(Claim::Another);
                }
                if let Some(kept) = known.answer {
                    return Ok(Claim::Replay(kept));
                }
                if known.until > now {
                    return Ok(Claim::Running);
                }
                Entry { fingerprint: known.fingerprint, since: known.since, ..fresh }
            }
            _ => fresh,
        };
        if session.replace_document(KIND, id, document.version, &text_of(&mine)?, now)? {
            return Ok(Claim::Run(mine, document.version + 1));
        }
    }
    Ok(Claim::Running)
}

fn text_of(entry: &Entry) -> Result<String> {
    serde_json::to_string(entry)
        .map_err(|cause| Error::store("a request cannot be written down").because(cause))
}

/// Members of answers that are shown once.
const SHOWN_ONCE: [&str; 3] = ["secret", "token", "bearer"];

/// The answer as it is kept: without the secret that is shown once.
fn keep(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Kept {
    let body = match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(mut json) if SHOWN_ONCE.iter().any(|name| json.get(name).is_some()) => {
            for name in SHOWN_ONCE {
                if let Some(shown) = json.get_mut(name) {
                    *shown = serde_json::Value::Null;
                }
            }
            json.to_string().into_bytes()
        }
        _ => body.to_vec(),
    };
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
    let headers = HEADERS.iter().filter_map(|name| Some((name.as_str().to_owned(), text(name)?))).collect();
    Kept { status: status.as_u16(), headers, body: STANDARD.encode(body) }
}

fn replay(kept: Kept) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let body = STANDARD.decode(kept.body).unwrap_or_default();
    let mut response = (status, body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in &kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// A body that was read to its end and can be read again.
enum Held {
    Memory(Bytes),
    File(std::fs::File),
}

impl Held {
    async fn receive(app: &App, organization: &str, body: Body) -> Answer<Self> {
        let broken = |why: String| Failure::validation(format!("the body broke off: {why}"));
        let cannot = |why: std::io::Error| Error::file(format!("the body cannot be kept: {why}")).retryable();
        let most = app.settings().file_bytes;
        let mut sent = body.into_data_stream();
        let mut memory: Vec<u8> = Vec::new();
        let mut file: Option<tokio::fs::File> = None;
        let mut bytes = 0_u64;
        while let Some(part) = sent.next().await {
            let part = part.map_err(|why| broken(why.to_string()))?;
            bytes += part.len() as u64;
            if bytes > most {
                return Err(Failure::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "PAYLOAD_TOO_LARGE",
                    format!("the body is larger than {most} bytes"),
                ));
            }
            match &mut file {
                Some(file) => file.write_all(&part).await.map_err(cannot)?,
                None if memory.len() + part.len() <= MEMORY_BYTES => memory.extend_from_slice(&part),
                None => {
                    let mut made = tokio::fs::File::from_std(app.files().scratch(organization)?);
                    made.write_all(&std::mem::take(&mut memory)).await.map_err(cannot)?;
                    made.write_all(&part).await.map_err(cannot)?;
                    file = Some(made);
                }
            }
        }
        let Some(mut file) = file else { return Ok(Self::Memory(memory.into())) };
        file.flush().await.map_err(cannot)?;
        Ok(Self::File(file.into_std().await))
    }

    /// The body from its beginning. One at a time: they share a place in the file.
    async fn body(&self) -> Answer<Body> {
        let cannot = |why: std::io::Error| Error::file(format!("the body cannot be read again: {why}"));
        match self {
            Self::Memory(bytes) => Ok(Body::from(bytes.clone())),
            Self::File(file) => {
                let mut again = file.try_clone().map_err(cannot)?;
                again.seek(SeekFrom::Start(0)).map_err(cannot)?;
                let mut again = tokio::fs::File::from_std(again);
                again.rewind().await.map_err(cannot)?;
                Ok(Body::from_stream(ReaderStream::with_capacity(again, 128 << 10)))
            }
        }
    }

    /// What tells whether two requests are the same. The parts of a form count and not the border between
    /// them, which programs make anew each time.
    async fn hash(&self, parts: &Parts) -> Answer<String> {
        let mut hash = Sha256::new();
        hash.update(parts.uri.query().unwrap_or_default());
        hash.update([0]);
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let is_form = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("multipart/form-data"));
        if let (true, Some(kind)) = (is_form, kind) {
            let mut of_form = hash.clone();
            if hash_form(self.body().await?, kind, &mut of_form).await.is_some() {
                return Ok(hex(of_form));
            }
        }
        let mut sent = self.body().await?.into_data_stream();
        while let Some(Ok(part)) = sent.next().await {
            hash.update(&part);
        }
        Ok(hex(hash))
    }
}

async fn hash_form(body: Body, kind: &HeaderValue, hash: &mut Sha256) -> Option<()> {
    let mut request = Request::builder().header(header::CONTENT_TYPE, kind).body(body).ok()?;
    DefaultBodyLimit::disable().apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.ok()?;
    while let Some(mut field) = form.next_field().await.ok()? {
        for text in [field.name(), field.file_name()] {
            hash.update(text.unwrap_or_default());
            hash.update([0]);
        }
        let mut bytes = 0_u64;
        while let Some(part) = field.chunk().await.ok()? {
            bytes += part.len() as u64;
            hash.update(&part);
        }
        hash.update(bytes.to_le_bytes());
    }
    Some(())
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
