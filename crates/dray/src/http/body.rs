//! Bodies and queries of requests, with errors that say where.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::answer::{Answer, Failure};
use crate::server::app::App;

/// A JSON body.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// Reads JSON; the error names the place.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    serde_json::from_slice(bytes).map_err(|why| {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Failure::validation("the body is empty: send JSON");
        }
        Failure::validation(format!("the body cannot be read: {why}"))
            .details(serde_json::json!({ "line": why.line(), "column": why.column() }))
    })
}

/// The body as it was sent, where it says that it is JSON and is not larger than the settings allow.
pub struct JsonBytes(pub Bytes);

impl FromRequest<App> for JsonBytes {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" && !kind.ends_with("+json") {
            return Err(Failure::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "the body must be JSON: send it with `Content-Type: application/json`",
            ));
        }
        read_whole(request, app).await.map(Self)
    }
}

async fn read_whole(request: Request, app: &App) -> Answer<Bytes> {
    let most = app.settings().body_bytes;
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<usize>().ok()).is_some_and(|bytes| bytes > most) {
        return Err(too_large(most));
    }
    axum::body::to_bytes(request.into_body(), most).await.map_err(|why| {
        let is_limit =
            std::error::Error::source(&why).is_some_and(|source| source.to_string().contains("length limit"));
        if is_limit { too_large(most) } else { Failure::validation(format!("the body broke off: {why}")) }
    })
}

/// 413 for a body that is no file.
fn too_large(most: usize) -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "PAYLOAD_TOO_LARGE",
        format!("the body is larger than {most} bytes: send a file instead"),
    )
}

/// The body as it was sent, whatever it says that it is.
#[derive(Debug)]
pub struct AnyBytes(pub Bytes);

impl FromRequest<App> for AnyBytes {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        read_whole(request, app).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, app).await?;
        parse_json(&bytes).map(Self)
    }
}

/// The query of an address. A name that is given twice is refused, so that nobody sees another value than
/// was checked.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Answer<Self> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|why| Failure::validation(format!("the query cannot be read: {}", why.body_text())))
    }
}

/// The texts of an address that stand for something.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        axum::extract::Path::<T>::from_request_parts(parts, app)
            .await
            .map(|path| Self(path.0))
            .map_err(|why| Failure::validation(format!("the address cannot be read: {}", why.body_text())))
    }
}
