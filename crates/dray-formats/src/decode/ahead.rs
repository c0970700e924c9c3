//! Decodes on a thread of its own, a few buffers ahead of the reader, so that unpacking and parsing
//! use two cores.

use std::io::{Error as IoError, Read, Result as IoResult};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use dray_model::{Error, Result};

/// What travels from the decoder to the reader at a time: large enough that the queue does not matter.
const BUFFER_BYTES: usize = 256 << 10;

/// Buffers that wait, beside the one that is filled and the one that is read.
const BUFFERS: usize = 2;

/// What the thread sends; without an end something went wrong.
enum Part {
    Bytes(Vec<u8>),
    End,
    Failed(IoError),
}

/// Reads what a thread has decoded. When it is dropped, the thread ends with its next buffer.
pub(super) struct Ahead {
    parts: Receiver<Part>,
    emptied: Sender<Vec<u8>>,
    bytes: Vec<u8>,
    from: usize,
    has_ended: bool,
}

impl Ahead {
    /// Starts the thread.
    pub(super) fn start(reader: Box<dyn Read + Send>) -> Result<Self> {
        let (to_reader, parts) = sync_channel(BUFFERS);
        let (emptied, buffers) = channel();
        std::thread::Builder::new()
            .name("decode".to_owned())
            .spawn(move || decode_ahead(reader, &to_reader, &buffers))
            .map_err(|cause| {
                Error::file("no thread could be started to unpack the file")
                    .hint("let the process have more threads, or send the file unpacked")
                    .because(cause)
            })?;
        Ok(Self { parts, emptied, bytes: Vec::new(), from: 0, has_ended: false })
    }
}

fn decode_ahead(mut reader: Box<dyn Read + Send>, to_reader: &SyncSender<Part>, emptied: &Receiver<Vec<u8>>) {
    loop {
        let mut bytes = emptied.try_recv().unwrap_or_default();
        bytes.resize(BUFFER_BYTES, 0);
        let part = match fill(reader.as_mut(), &mut bytes) {
            (0, Ok(())) => Part::End,
            (0, Err(cause)) => Part::Failed(cause),
            // What was decoded before a failure is handed on; the next turn fails again.
            (filled, result) => {
                bytes.truncate(filled);
                let sent = to_reader.send(Part::Bytes(bytes));
                match (sent, result) {
                    (Ok(()), Ok(())) => continue,
                    (Ok(()), Err(cause)) => Part::Failed(cause),
                    // Nobody reads any more.
                    (Err(_), _) => return,
                }
            }
        };
        let _ = to_reader.send(part);
        return;
    }
}

/// Reads until the buffer is full or the source ends or fails.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> (usize, IoResult<()>) {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
            Err(cause) => return (filled, Err(cause)),
        }
    }
    (filled, Ok(()))
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        while self.from == self.bytes.len() && !self.has_ended {
            match self.parts.recv() {
                Ok(Part::Bytes(bytes)) => {
                    let _ = self.emptied.send(std::mem::replace(&mut self.bytes, bytes));
                    self.from = 0;
                }
                Ok(Part::End) => self.has_ended = true,
                Ok(Part::Failed(cause)) => return Err(cause),
                Err(_) => return Err(IoError::other("the thread that decodes has stopped")),
            }
        }
        let rest = self.bytes.get(self.from..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.from += count;
        Ok(count)
    }
}
