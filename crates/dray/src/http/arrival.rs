//! Bodies on their way in: one that stops arriving ends its request, and only so many large ones arrive at
//! once, so that neither slow senders nor many of them use the server up.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::poll_fn;
use tokio_stream::StreamExt;

use super::answer::Failure;
use crate::server::app::App;

/// A body up to this size is not counted.
const SMALL_BYTES: u64 = 256 << 10;
/// Bytes of a refused body that are read and thrown away, so that its sender gets to reading the answer.
const DRAINED_BYTES: u64 = 8 << 20;
/// How long that may take.
const DRAINED_TIME: Duration = Duration::from_secs(2);
/// After how many seconds whoever was refused may come again.
const COME_AGAIN: u64 = 5;

/// Lets a request pass whose body arrives.
pub async fn arrive(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let places = app.places();
    let is_form = text_of(request.headers(), header::CONTENT_TYPE).starts_with("multipart/");
    let is_file = is_form || is_sent_file(&request);
    let (places, what) = if is_file { (&places.files, "files") } else { (&places.bodies, "large requests") };
    let announced = text_of(request.headers(), header::CONTENT_LENGTH).parse::<u64>().ok();
    let _place = if announced.is_some_and(|bytes| bytes <= SMALL_BYTES) {
        None
    } else {
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => {
                drain(request.into_body().into_data_stream()).await;
                let mut failure = Failure::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "BUSY",
                    format!("too many {what} arrive at this moment: send it again in a few seconds"),
                );
                failure.retry_after = Some(COME_AGAIN);
                return failure.into_response();
            }
        }
    };
    let most = app.settings().body_time;
    let stopped = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&stopped);
    // Whoever asked may be told to send it first: then nothing is on its way that nobody reads.
    let waits = request.headers().contains_key(header::EXPECT);
    let arriving = Arriving::default();
    let request = request.map(|body| {
        let parts = arriving.holding(body.into_data_stream());
        Body::from_stream(parts.timeout(most).map(move |part| match part {
            Ok(part) => part.map_err(axum::BoxError::from),
            Err(_) => {
                noted.store(true, Ordering::Relaxed);
                Err("nothing more arrived".into())
            }
        }))
    });
    let response = next.run(request).await;
    if !response.status().is_success() && !stopped.load(Ordering::Relaxed) && (arriving.has_begun() || !waits)
    {
        drain(arriving.rest()).await;
    }
    if stopped.load(Ordering::Relaxed) {
        let message = format!("nothing of the body arrived for {} seconds: send it again", most.as_secs());
        return Failure::new(StatusCode::REQUEST_TIMEOUT, "TOO_SLOW", message).into_response();
    }
    response
}

/// True where the body is a file, or a part of one, that is sent by a signed link.
pub fn is_sent_file(request: &Request) -> bool {
    matches!(*request.method(), Method::PUT | Method::PATCH) && request.uri().path().starts_with("/files/")
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A body that may be refused before it was read: what is left of it stays at hand.
#[derive(Debug, Clone, Default)]
struct Arriving {
    parts: Arc<Mutex<Option<BodyDataStream>>>,
    has_begun: Arc<AtomicBool>,
}

impl Arriving {
    /// Holds the body; its parts, in turn.
    fn holding(
        &self,
        parts: BodyDataStream,
    ) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + use<> {
        *self.parts.lock().unwrap_or_else(PoisonError::into_inner) = Some(parts);
        self.rest()
    }

    fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// What was not read yet.
    fn rest(&self) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + use<> {
        let own = self.clone();
        poll_fn(move |context| {
            own.has_begun.store(true, Ordering::Relaxed);
            let mut held = own.parts.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(parts) = held.as_mut() else { return Poll::Ready(None) };
            let polled = Pin::new(parts).poll_next(context);
            if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                *held = None;
            }
            polled
        })
    }
}

async fn drain(parts: impl Stream<Item = Result<Bytes, axum::Error>> + Send) {
    let mut parts = pin!(parts);
    let mut bytes = 0_u64;
    let draining = async {
        while let Some(Ok(part)) = parts.next().await {
            bytes += part.len() as u64;
            if bytes > DRAINED_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAINED_TIME, draining).await;
}
