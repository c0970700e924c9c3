//! Packs what a writer writes, on a thread of its own. A file that nobody finished is left without its
//! end, so that nobody takes it for whole.

use std::io::{Error as IoError, ErrorKind, Result as IoResult, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use dray_model::{Error, Result};

use crate::options::Compression;
use crate::write::RowWriter;

/// What travels to the thread at a time.
const PART_BYTES: usize = 256 << 10;

/// Parts that wait.
const PARTS: usize = 2;

/// Between the fastest level and the usual one: most of the size is gone, and the time is not yet felt.
const GZIP_LEVEL: u32 = 4;

/// The library's own choice.
const ZSTD_LEVEL: i32 = 3;

enum Part {
    Bytes(Vec<u8>),
    End,
}

/// Makes a writer whose bytes are packed. `member` is the name of the only file of a zip archive; `make`
/// makes the writer itself.
pub(crate) fn packed(
    compression: Compression,
    member: &str,
    out: Box<dyn Write + Send>,
    make: impl FnOnce(Box<dyn Write + Send>) -> Result<Box<dyn RowWriter>>,
) -> Result<Box<dyn RowWriter>> {
    if !compression.can_write() {
        return Err(Error::request(format!("{} files are read, not written", compression.word()))
            .hint("pack with gzip, zip or zstd"));
    }
    let (sender, parts) = sync_channel(PARTS);
    let failure = Failure::default();
    let member = member.to_owned();
    let thread = std::thread::Builder::new()
        .name("pack".to_owned())
        .spawn({
            let failure = failure.clone();
            move || {
                let packed = pack(compression, &member, out, &parts);
                packed.map_err(|cause| failure.set(&cause))
            }
        })
        .map_err(|cause| {
            Error::file("no thread could be started to pack the file")
                .hint("let the process have more threads, or write the file unpacked")
                .because(cause)
        })?;
    let packing = Packing { sender: Some(sender.clone()), thread: Some(thread), failure: failure.clone() };
    let inner = make(Box::new(Parts { sender, bytes: Vec::new(), failure }))?;
    Ok(Box::new(PackedWriter { inner: Some(inner), packing }))
}

/// Packs all of a file, also in ways that no writer packs itself. `member` is the name of the only file of a zip
/// archive.
pub fn pack_whole(
    compression: Compression,
    member: &str,
    from: &mut dyn std::io::Read,
    to: Box<dyn Write + Send>,
) -> IoResult<()> {
    if compression == Compression::Snappy {
        let mut encoder = snap::write::FrameEncoder::new(to);
        std::io::copy(from, &mut encoder)?;
        return encoder.flush();
    }
    if !compression.can_write() {
        return Err(IoError::other(format!("{} files are not written", compression.word())));
    }
    let gate = Gate { out: to, is_shut: Arc::new(AtomicBool::new(false)) };
    let mut packer = Packer::new(compression, member, gate)?;
    let mut part = vec![0; PART_BYTES];
    loop {
        match from.read(&mut part)? {
            0 => return packer.finish(),
            read => packer.write_all(part.get(..read).unwrap_or_default())?,
        }
    }
}

/// Why the thread ended early.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<(ErrorKind, String)>>>);

impl Failure {
    fn set(&self, cause: &IoError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((cause.kind(), cause.to_string()));
    }

    fn get(&self) -> IoError {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((kind, text)) => IoError::new(*kind, text.clone()),
            None => IoError::other("the thread that packs has stopped"),
        }
    }
}

struct PackedWriter {
    /// Dropped before the thread is waited for.
    inner: Option<Box<dyn RowWriter>>,
    packing: Packing,
}

struct Packing {
    sender: Option<SyncSender<Part>>,
    thread: Option<JoinHandle<std::result::Result<(), ()>>>,
    failure: Failure,
}

impl RowWriter for PackedWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.inner {
            Some(inner) => inner.write(batch),
            None => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if let Some(inner) = self.inner.take() {
            inner.finish()?;
        }
        if let Some(sender) = self.packing.sender.take() {
            // Where nobody listens, the thread says why.
            let _ = sender.send(Part::End);
        }
        let ended = self.packing.thread.take().map(JoinHandle::join);
        if matches!(ended, Some(Ok(Ok(())))) {
            return Ok(());
        }
        Err(Error::file("packing the file failed")
            .hint("check that there is room on the disk and the receiver still listens")
            .because(self.packing.failure.get()))
    }
}

impl Drop for Packing {
    /// Waits until the thread has let go of the file.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Collects what a writer writes and sends it to the thread.
struct Parts {
    sender: SyncSender<Part>,
    bytes: Vec<u8>,
    failure: Failure,
}

impl Parts {
    fn send(&mut self) -> IoResult<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(PART_BYTES));
        self.sender.send(Part::Bytes(bytes)).map_err(|_| self.failure.get())
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= PART_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        self.send()
    }
}

impl Drop for Parts {
    /// Some writers do not flush; whether the file is whole is decided by its end.
    fn drop(&mut self) {
        let _ = self.send();
    }
}

/// The file behind a packer. Packers write an end when they are dropped; once the gate is shut, which the
/// first failure does, that goes nowhere.
struct Gate {
    out: Box<dyn Write + Send>,
    is_shut: Arc<AtomicBool>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        if self.is_shut.load(Ordering::Relaxed) {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        if written.as_ref().is_err_and(|cause| cause.kind() != ErrorKind::Interrupted) {
            self.is_shut.store(true, Ordering::Relaxed);
        }
        written
    }

    fn flush(&mut self) -> IoResult<()> {
        if self.is_shut.load(Ordering::Relaxed) { Ok(()) } else { self.out.flush() }
    }
}

enum Packer {
    Gzip(flate2::write::GzEncoder<Gate>),
    Zstd(zstd::Encoder<'static, Gate>),
    Zip(Box<zip::ZipWriter<zip::write::StreamWriter<Gate>>>),
}

/// Packs what comes until the end; where there is none, what was written is left as it is.
fn pack(
    compression: Compression,
    member: &str,
    out: Box<dyn Write + Send>,
    parts: &Receiver<Part>,
) -> IoResult<()> {
    let is_shut = Arc::new(AtomicBool::new(false));
    let mut packer = Packer::new(compression, member, Gate { out, is_shut: Arc::clone(&is_shut) })?;
    while let Ok(part) = parts.recv() {
        match part {
            Part::Bytes(bytes) => packer.write_all(&bytes)?,
            Part::End => return packer.finish(),
        }
    }
    is_shut.store(true, Ordering::Relaxed);
    Ok(())
}

impl Packer {
    fn new(compression: Compression, member: &str, out: Gate) -> IoResult<Self> {
        Ok(match compression {
            Compression::Zip => {
                let mut archive = zip::ZipWriter::new_stream(out);
                // Nobody knows yet how large it will be.
                let options = zip::write::SimpleFileOptions::default().large_file(true);
                archive.start_file(member, options).map_err(IoError::other)?;
                Self::Zip(Box::new(archive))
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
            _ => Self::Gzip(flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL))),
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> IoResult<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
            Self::Zip(archive) => archive.write_all(bytes),
        }
    }

    fn finish(self) -> IoResult<()> {
        match self {
            Self::Gzip(encoder) => encoder.finish()?.flush(),
            Self::Zstd(encoder) => encoder.finish()?.flush(),
            Self::Zip(archive) => archive.finish().map_err(IoError::other)?.into_inner().flush(),
        }
    }
}
