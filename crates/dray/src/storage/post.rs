//! A body of a POST under way: it is sent while it is made, and breaks off where it is not finished, so that the
//! server never takes a part for the whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dray_model::{Error, Result};
use futures_util::stream;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::copy::Patience;
use super::outcome::as_io;
use crate::outbound::client::{Call, Outbound};
use crate::outbound::fault::{Fault, FaultKind, shown};

/// Bytes that are sent together.
const PART_BYTES: usize = 64 << 10;
/// Parts that wait to be sent.
const PARTS_WAITING: usize = 4;
/// The server may need longer for its answer than between two parts: it has the whole file to keep.
const ANSWERING: u32 = 4;

/// A body under way.
pub(super) struct Upload {
    parts: Option<Sender<Bytes>>,
    buffer: Vec<u8>,
    is_whole: Arc<AtomicBool>,
    answer: JoinHandle<std::result::Result<(), Fault>>,
    shown: String,
    silence: Duration,
    runtime: Handle,
}

/// The parts of a body until it is whole; where whoever makes it went away before, an error.
fn body(parts: Receiver<Bytes>, is_whole: Arc<AtomicBool>) -> reqwest::Body {
    let begin = Some((parts, is_whole));
    reqwest::Body::wrap_stream(stream::unfold(begin, |state| async move {
        let (mut parts, is_whole) = state?;
        match parts.recv().await {
            Some(part) => Some((Ok(part), Some((parts, is_whole)))),
            None if is_whole.load(Ordering::Acquire) => None,
            None => Some((Err(std::io::Error::other("the file was not finished")), None)),
        }
    }))
}

impl Upload {
    pub(super) fn begin(
        mut call: Call,
        content_type: &str,
        outbound: Outbound,
        patience: Patience,
        runtime: Handle,
    ) -> Result<Self> {
        if let Ok(value) = HeaderValue::from_str(content_type) {
            call.headers.entry(CONTENT_TYPE).or_insert(value);
        }
        let (sender, receiver) = channel(PARTS_WAITING);
        let is_whole = Arc::new(AtomicBool::new(false));
        let body = body(receiver, Arc::clone(&is_whole));
        let shown = shown(&call.url);
        let answer = runtime.spawn(async move {
            let reply = outbound.send_streamed(call, body).await?;
            let status = reply.status();
            if matches!(status.as_u16(), 200 | 201 | 202 | 204) {
                return Ok(());
            }
            let fault = Fault::new(
                FaultKind::Answer,
                format!("`{}` answered {status} to the file", shown_of(&reply.url)),
            );
            Err(match status.as_u16() {
                401 | 403 => fault.hint("see whether the headers of the connection let you in"),
                _ => fault.hint("see the path of the pipeline and the log of that server"),
            })
        });
        Ok(Self {
            parts: Some(sender),
            buffer: Vec::with_capacity(PART_BYTES),
            is_whole,
            answer,
            shown,
            silence: patience.silence,
            runtime,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.send().map_err(as_io)?;
        }
        Ok(bytes.len())
    }

    /// Hands over what waits. Where the server has answered before the end, its answer is what is wrong.
    fn send(&mut self) -> Result<()> {
        let part = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(PART_BYTES)));
        let Some(parts) = &self.parts else { return Err(self.too_slow()) };
        let answer = &mut self.answer;
        let silence = self.silence;
        let sent = self.runtime.block_on(async move {
            tokio::select! {
                ended = answer => Err(Some(ended)),
                sent = timeout(silence, parts.send(part)) => match sent {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_)) | Err(_) => Err(None),
                },
            }
        });
        match sent {
            Ok(()) => Ok(()),
            Err(Some(Ok(Err(fault)))) => {
                self.parts = None;
                Err(fault.into())
            }
            Err(Some(_)) => {
                self.parts = None;
                Err(Error::source(format!("`{}` answered before the file was whole", self.shown)))
            }
            Err(None) => Err(self.too_slow()),
        }
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send()?;
        }
        if self.parts.is_none() {
            return Err(self.too_slow());
        }
        self.is_whole.store(true, Ordering::Release);
        self.parts = None;
        let most = self.silence.saturating_mul(ANSWERING);
        let answer = &mut self.answer;
        match self.runtime.block_on(async move { timeout(most, answer).await }) {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(fault))) => Err(fault.into()),
            Ok(Err(_)) | Err(_) => {
                self.answer.abort();
                Err(self.too_slow())
            }
        }
    }

    fn too_slow(&self) -> Error {
        Error::source(format!("`{}` does not take the file, or does not answer in time", self.shown))
            .hint("see whether that server is well, and run again")
            .retryable()
    }
}

fn shown_of(url: &url::Url) -> String {
    shown(url)
}
