//! What the two processes say to each other: a frame is a letter, the length of its content and its content.

/// Load this function: its source, the properties it gets, limits.
pub(crate) const LOAD: u8 = b'L';
/// Call it for these records. The answer is [`RESULTS`].
pub(crate) const BATCH: u8 = b'B';

/// It is loaded; the content says what of the sandbox is missing.
pub(crate) const LOADED: u8 = b'L';
/// It cannot be used; the content says why.
pub(crate) const REFUSED: u8 = b'E';
/// One result for each record of a batch.
pub(crate) const RESULTS: u8 = b'R';
/// A limit was passed: the index of the record within its batch, and a sentence. The process ends.
pub(crate) const STOPPED: u8 = b'X';

/// The letter and the length.
pub(crate) const HEAD_BYTES: usize = 5;

/// A frame whose content is still to be written; [`finish`] completes it.
pub(crate) fn begin(letter: u8) -> Vec<u8> {
    vec![letter, 0, 0, 0, 0]
}

/// Writes the length into the head of a frame.
pub(crate) fn finish(frame: &mut [u8]) {
    let length = u32::try_from(frame.len().saturating_sub(HEAD_BYTES)).unwrap_or(u32::MAX);
    if let Some(place) = frame.get_mut(1..HEAD_BYTES) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// The letter and the length of the content.
pub(crate) fn read_head(head: [u8; HEAD_BYTES]) -> (u8, usize) {
    let [letter, length @ ..] = head;
    (letter, usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX))
}

/// The process could not confine itself and ends; the content says why.
pub(crate) const UNCONFINED: u8 = b'U';

/// How large the file is in which a worker notes the record it works on: its index within the batch.
pub(crate) const MARK_BYTES: u64 = 4;

/// Notes the record that is worked on, in the file that stands for standard error. It is what is left where
/// the process is ended.
#[cfg(target_os = "linux")]
pub(crate) fn mark(index: usize) {
    let index = u32::try_from(index).unwrap_or(u32::MAX).to_le_bytes();
    // It only helps; a function goes on without it.
    let _ = rustix::io::pwrite(std::io::stderr(), &index, 0);
}
