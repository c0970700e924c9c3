//! Kept files as answers: whole, or the part that is asked for, so that a download that broke off goes on.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answer::{Answer, Failure};
use crate::server::app::App;
use crate::server::files::{StoredFile, disposition, media_type};

/// Sends a kept file; `None` where its bytes are gone.
pub async fn send_file(
    app: &App,
    organization: &str,
    file: &StoredFile,
    asked: &HeaderMap,
) -> Answer<Option<Response>> {
    // A kept file never changes, so its name tells whether a part belongs to what came before.
    let tag = format!("\"{}\"", file.id);
    let is_same = asked.get(header::IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
    let wanted = asked.get(header::RANGE).filter(|_| is_same).and_then(|range| range.to_str().ok());
    let (status, bytes) = match wanted.map_or(Wanted::Whole, |range| wanted_of(range, file.bytes)) {
        Wanted::Whole => (StatusCode::OK, 0..file.bytes),
        Wanted::Part(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
        Wanted::Nothing => return Ok(Some(no_such_part(file.bytes))),
    };
    let Some(parts) = app.files().stream(organization, &file.id, bytes.clone()).await? else {
        return Ok(None);
    };
    let mut headers = vec![
        (header::CONTENT_TYPE, media_type(&file.name).to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&file.name)),
        (header::CONTENT_LENGTH, (bytes.end - bytes.start).to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, file.bytes);
        headers.push((header::CONTENT_RANGE, range));
    }
    let headers: HeaderMap = headers.into_iter().filter_map(header_of).collect();
    Ok(Some((status, headers, Body::from_stream(parts)).into_response()))
}

fn header_of((name, value): (HeaderName, String)) -> Option<(HeaderName, HeaderValue)> {
    Some((name, HeaderValue::from_str(&value).ok()?))
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(std::ops::Range<u64>),
    Nothing,
}

/// One range of bytes is given; several, or what cannot be read, get the whole, as RFC 9110 (14.2) allows.
fn wanted_of(range: &str, size: u64) -> Wanted {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let bytes = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") => first..size,
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if last >= first => first..last.saturating_add(1).min(size),
            _ => return Wanted::Whole,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(count) => size.saturating_sub(count)..size,
            Err(_) => return Wanted::Whole,
        },
        _ => return Wanted::Whole,
    };
    if bytes.is_empty() { Wanted::Nothing } else { Wanted::Part(bytes) }
}

fn no_such_part(size: u64) -> Response {
    let message = format!("the file has {size} bytes: the range lies behind its end");
    let mut response =
        Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_NOT_SATISFIABLE", message).into_response();
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_given() {
        for (range, wanted) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=5-", Wanted::Part(5..10)),
            ("bytes=2-99", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-20", Wanted::Nothing),
            ("bytes=3-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=18446744073709551615-18446744073709551615", Wanted::Nothing),
            ("rows=0-1", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(wanted_of(range, 10), wanted, "{range}");
        }
        assert_eq!(wanted_of("bytes=0-", 0), Wanted::Nothing);
    }
}
