//! The style and the script of the pages, each under a name that changes with what is in it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::http::answer::{Answer, Failure};

/// An asset: its name, its kind and what is in it.
type Asset = (&'static str, &'static str, &'static str);

const ASSETS: [Asset; 3] = [
    ("pages.css", "text/css; charset=utf-8", include_str!("pages.css")),
    ("pages.js", "text/javascript; charset=utf-8", include_str!("pages.js")),
    ("htmx.js", "text/javascript; charset=utf-8", include_str!("vendored/htmx-4.0.1.min.js")),
];

fn version(content: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:08x}", hasher.finish() & 0xffff_ffff)
}

/// The address of the style.
pub static STYLE: LazyLock<String> = LazyLock::new(|| address(&ASSETS[0]));
/// The address of the script.
pub static SCRIPT: LazyLock<String> = LazyLock::new(|| address(&ASSETS[1]));
/// The address of htmx, which swaps parts of pages.
pub static HTMX: LazyLock<String> = LazyLock::new(|| address(&ASSETS[2]));

fn address((name, _, content): &Asset) -> String {
    format!("/assets/{name}?v={}", version(content))
}

/// Sends one. Browsers keep it: another version has another address.
pub async fn asset(Path(name): Path<String>) -> Answer<Response> {
    let found = ASSETS.iter().find(|(known, _, _)| *known == name);
    let (_, kind, content) = found.ok_or_else(|| Failure::not_found("there is no such file"))?;
    let headers =
        [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, *content).into_response())
}
