//! Counts what goes into and comes out of every unpacking, so that a bomb, a cut-off or damaged file
//! and a decoder that gives up all end in a sentence.

use std::io::{Error as IoError, ErrorKind as IoErrorKind, Read, Result as IoResult};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dray_model::{Error, ErrorKind};

use crate::options::ReadLimits;
use crate::origin::Origin;

/// How many packed bytes a decoder has taken.
pub(super) type Count = Arc<AtomicU64>;

/// Counts the bytes that a decoder takes.
pub(super) struct Taken<R> {
    reader: R,
    count: Count,
    /// Where the bytes are those of the source as it lies.
    origin: Option<Arc<Origin>>,
}

impl<R: Read> Taken<R> {
    pub(super) fn new(reader: R, count: &Count, origin: Option<&Arc<Origin>>) -> Self {
        Self { reader, count: Arc::clone(count), origin: origin.cloned() }
    }
}

impl<R: Read> Read for Taken<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let read = self.reader.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        if let Some(origin) = &self.origin {
            origin.add_taken(read as u64);
        }
        Ok(read)
    }
}

/// What comes out of a decoder, within the limits.
pub(super) struct Unpacked {
    reader: Box<dyn Read + Send>,
    /// The name of the packed file and how it is packed.
    name: String,
    packing: &'static str,
    /// Bytes this decoder took.
    taken: Count,
    /// Bytes it made.
    made: u64,
    /// The source, by whose size all that comes out of it is judged.
    origin: Arc<Origin>,
    max_bytes: u64,
    max_ratio: u64,
    /// A decoder that failed is not asked again.
    has_failed: bool,
}

impl Unpacked {
    pub(super) fn new(
        reader: Box<dyn Read + Send>,
        name: &str,
        packing: &'static str,
        taken: Count,
        origin: Arc<Origin>,
        limits: &ReadLimits,
    ) -> Self {
        Self {
            reader,
            name: name.to_owned(),
            packing,
            taken,
            made: 0,
            origin,
            max_bytes: limits.max_unpacked_bytes,
            max_ratio: limits.max_unpacked_ratio,
            has_failed: false,
        }
    }

    fn check_size(&self) -> Result<(), Error> {
        if self.made > self.max_bytes {
            let message = format!("`{}` unpacks to more than {} bytes", self.name, self.max_bytes);
            return Err(Error::new(ErrorKind::Limit, message).hint("split it into several files"));
        }
        let most = self.origin.taken().saturating_mul(self.max_ratio);
        if self.made > ReadLimits::RATIO_FREE_BYTES && self.made > most {
            let message = format!(
                "`{}` unpacks to more than {} times its size, as no table of a person does",
                self.name, self.max_ratio
            );
            return Err(Error::new(ErrorKind::Limit, message)
                .hint("unpack it and look at it; if it is a table after all, send it unpacked"));
        }
        Ok(())
    }

    fn explain(&self, cause: IoError) -> Error {
        let cause = match cause.downcast::<Error>() {
            Ok(own) => return own,
            Err(cause) => cause,
        };
        let (name, packing) = (&self.name, self.packing);
        let at = self.taken.load(Ordering::Relaxed);
        if cause.kind() == IoErrorKind::UnexpectedEof {
            return Error::source(format!(
                "`{name}` is cut off: its {packing} data end at byte {at}, in the middle"
            ))
            .hint("send the file again, completely")
            .because(cause);
        }
        let message =
            format!("`{name}` is damaged: its {packing} data cannot be unpacked near byte {at}: {cause}");
        Error::source(message).hint("pack the file again, or send it unpacked")
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        if self.has_failed {
            return Err(IoError::other("the decoder failed before"));
        }
        // A decoder is other people's code at work on hostile bytes.
        let read = catch_unwind(AssertUnwindSafe(|| self.reader.read(buffer)))
            .unwrap_or_else(|_| Err(IoError::other("the decoder broke down")));
        let checked = match read {
            Ok(read) => {
                self.made += read as u64;
                self.check_size().map(|()| read)
            }
            Err(cause) if cause.kind() == IoErrorKind::Interrupted => return Err(cause),
            Err(cause) => Err(self.explain(cause)),
        };
        self.has_failed = checked.is_err();
        checked.map_err(IoError::other)
    }
}

/// Counts the text that decoders make of a source.
pub(super) struct Made<R> {
    reader: R,
    origin: Arc<Origin>,
}

impl<R: Read> Made<R> {
    pub(super) fn new(reader: R, origin: Arc<Origin>) -> Self {
        Self { reader, origin }
    }
}

impl<R: Read> Read for Made<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let read = self.reader.read(buffer)?;
        self.origin.add_made(read as u64);
        Ok(read)
    }
}
