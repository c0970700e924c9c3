//! Connections: taken while there is room, ended where no request comes, and closed in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tower::ServiceExt;

/// Connections at once; others wait to be taken.
const MOST_CONNECTIONS: usize = 4_096;
/// How long to wait where a connection cannot be taken.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until `closed` comes, and waits for the requests on them to be answered.
///
/// Within `head_time` the head of a request must be there, also of the next one on the same connection.
pub async fn listen(
    listener: TcpListener,
    routes: axum::Router,
    head_time: Duration,
    mut closed: oneshot::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let open = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_time);
    loop {
        let taken = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            taken = taken => taken,
            _ = &mut closed => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many files are open, for one.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let routes = routes.clone();
        let service = TowerToHyperService::new(tower::service_fn(move |request: Request<_>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(address));
            let answering = routes.clone().oneshot(request);
            async move { Ok::<_, Infallible>(answering.await.unwrap_or_else(|never| match never {})) }
        }));
        let connection = open.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        tokio::spawn(async move {
            let _place = place;
            // Whoever asks went away, or sent no HTTP: nobody is there to be told.
            let _ = connection.await;
        });
    }
    drop(listener);
    open.shutdown().await;
}
