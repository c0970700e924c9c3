//! Exports as answers: written by a thread, sent as they come, in constant memory.

use std::io::Write;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::answer::Answer;
use crate::operations::export::Export;
use crate::server::app::App;

/// Parts on their way to whoever reads slowly.
const PARTS: usize = 4;
/// Bytes of one part.
const PART_BYTES: usize = 128 << 10;

/// Streams an export. Whatever is wrong before the first bytes is an ordinary failure; afterwards the
/// connection breaks off, so that nobody takes a part for the whole.
pub async fn stream(app: &App, organization: &str, export: Export) -> Answer<Body> {
    let work = move |session: &mut dyn Session, out: Box<dyn Write + Send>| {
        export.write(session, out, &|_| false).map(|_| ())
    };
    stream_with(app, organization, work).await
}

/// Streams whatever some blocking work writes.
pub async fn stream_with(
    app: &App,
    organization: &str,
    work: impl FnOnce(&mut dyn Session, Box<dyn Write + Send>) -> Result<()> + Send + 'static,
) -> Answer<Body> {
    let (sender, mut receiver) = mpsc::channel::<std::result::Result<Bytes, std::io::Error>>(PARTS);
    let (failed, failure) = tokio::sync::oneshot::channel::<Error>();
    let sessions = app.sessions().clone();
    let organization = organization.to_owned();
    tokio::spawn(async move {
        let parts = sender.clone();
        let work = sessions.run(&organization, move |session| {
            work(session, Box::new(Parts { sender: parts, buffer: Vec::with_capacity(PART_BYTES) }))
        });
        if let Err(error) = work.await {
            tracing::warn!(%error, "an answer broke off");
            let broken = std::io::Error::other("the answer broke off");
            let _ = failed.send(error);
            let _ = sender.send(Err(broken)).await;
        }
    });
    let first = receiver.recv().await;
    match first {
        Some(Err(_)) => Err(failure.await.unwrap_or_else(|_| Error::store("the answer broke off")).into()),
        None => Ok(Body::empty()),
        Some(first) => {
            let first = tokio_stream::once(first);
            Ok(Body::from_stream(tokio_stream::StreamExt::chain(first, ReceiverStream::new(receiver))))
        }
    }
}

/// Writes into parts that are sent on.
struct Parts {
    sender: mpsc::Sender<std::result::Result<Bytes, std::io::Error>>,
    buffer: Vec<u8>,
}

impl Parts {
    fn send(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(PART_BYTES));
        self.sender
            .blocking_send(Ok(part.into()))
            .map_err(|_| std::io::Error::new(std::io::ErrorKind::BrokenPipe, "nobody reads any more"))
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.send()
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let _ = self.send();
    }
}

/// An export that is small enough to be held: its bytes.
pub fn write_whole(session: &mut dyn Session, export: Export) -> Result<(Bytes, u64)> {
    let held = Held::default();
    let count = export.write(session, Box::new(held.clone()), &|_| false)?;
    let bytes = std::mem::take(&mut *held.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    Ok((bytes.into(), count))
}

#[derive(Clone, Default)]
struct Held(Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
