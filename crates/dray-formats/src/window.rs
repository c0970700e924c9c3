//! The stretch of a source that a reader works on: what has been read and not yet handed on.

use dray_model::Result;
use dray_model::flow::Detected;

use crate::input::Input;
use crate::origin::Origin;

/// Bytes read from a source, in front of those still to come.
pub(crate) struct Window {
    input: Input,
    bytes: Vec<u8>,
    /// Bytes before this one were handed on.
    start: usize,
    /// Where in the decoded source `bytes` begins.
    offset: u64,
    /// The last of the bytes that were handed on.
    before: Vec<u8>,
}

/// How many bytes that were handed on are remembered: a line end behind another.
const BEFORE: usize = 3;

impl Window {
    /// Begins with `sample`, the first bytes of `input`.
    pub(crate) fn new(input: Input, sample: Vec<u8>) -> Self {
        Self { input, bytes: sample, start: 0, offset: 0, before: Vec::new() }
    }

    /// The source's name for people.
    pub(crate) fn name(&self) -> &str {
        self.input.name()
    }

    /// The bytes not yet handed on.
    pub(crate) fn text(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// The last bytes before [`Window::text`], three at most.
    pub(crate) fn before(&self) -> &[u8] {
        &self.before
    }

    /// True where nothing follows [`Window::text`].
    pub(crate) fn is_complete(&self) -> bool {
        self.input.ended()
    }

    /// Where in the decoded source [`Window::text`] begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// How much of the source as it lies was handed on, packed where it is packed.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.input.origin().bytes_read(self.offset())
    }

    /// What connects the text with the source as it lies.
    pub(crate) fn origin(&self) -> &Origin {
        self.input.origin()
    }

    /// What was found out when the source was opened, with what turned out since: text that begins in
    /// ASCII shows its encoding only later.
    pub(crate) fn detected(&self, at_first: &[Detected]) -> Vec<Detected> {
        let mut detected = at_first.to_vec();
        if let Some(name) = self.origin().encoding()
            && let Some(encoding) = detected.iter_mut().find(|one| one.what == "encoding")
        {
            name.clone_into(&mut encoding.value);
        }
        detected
    }

    /// Reads up to `count` more bytes; what was handed on makes room for them.
    pub(crate) fn read_more(&mut self, count: usize) -> Result<()> {
        self.bytes.drain(..self.start);
        self.offset += self.start as u64;
        self.start = 0;
        self.input.read_more(&mut self.bytes, count)
    }

    /// Passes over bytes.
    pub(crate) fn skip(&mut self, count: usize) {
        self.remember(count);
        self.start = (self.start + count).min(self.bytes.len());
    }

    /// Gives away the next `count` bytes. Where little stands behind them that is copied, not they;
    /// `reserve` is the room wanted for what will be read next.
    pub(crate) fn take(&mut self, count: usize, reserve: usize) -> Vec<u8> {
        self.remember(count);
        let end = self.start + count;
        let left = self.bytes.len() - end;
        if self.start > 0 || left > count {
            let taken = self.bytes.get(self.start..end).unwrap_or_default().to_vec();
            self.start = end;
            return taken;
        }
        let mut next = Vec::with_capacity(left + count + reserve);
        next.extend_from_slice(self.bytes.get(end..).unwrap_or_default());
        let mut taken = std::mem::replace(&mut self.bytes, next);
        taken.truncate(end);
        self.offset += end as u64;
        taken
    }

    /// Remembers the end of the next `count` bytes, which are handed on.
    fn remember(&mut self, count: usize) {
        let text = self.bytes.get(self.start..).unwrap_or_default();
        let text = text.get(..count).unwrap_or(text);
        self.before.extend_from_slice(text.get(text.len().saturating_sub(BEFORE)..).unwrap_or_default());
        self.before.drain(..self.before.len().saturating_sub(BEFORE));
    }
}
