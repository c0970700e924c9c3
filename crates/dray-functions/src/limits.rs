//! How much a function may take. What passes a limit ends the run: a function that is too slow or too large
//! for one record is so for all like it.

use std::time::Duration;

/// The limits of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take for a batch of [`Limits::batch_records`] records, and to be loaded.
    pub batch_time: Duration,
    /// How many records are handed over at once.
    pub batch_records: usize,
    /// The most bytes of memory of the function and its values.
    pub memory_bytes: u64,
    /// The most bytes it may return for one record.
    pub record_output_bytes: usize,
    /// The most bytes it may return for a batch.
    pub batch_output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_time: Duration::from_secs(10),
            batch_records: 100,
            memory_bytes: 256 << 20,
            record_output_bytes: 1 << 20,
            batch_output_bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// The limits, none of them so small that nothing could run nor so large that it would not be one.
    pub(crate) fn within_reason(self) -> Self {
        Self {
            batch_time: self.batch_time.clamp(Duration::from_millis(100), Duration::from_secs(3600)),
            batch_records: self.batch_records.clamp(1, 10_000),
            memory_bytes: self.memory_bytes.clamp(64 << 20, 16 << 30),
            record_output_bytes: self.record_output_bytes.clamp(1 << 10, 256 << 20),
            batch_output_bytes: self.batch_output_bytes.clamp(64 << 10, 1 << 30),
        }
    }
}

/// A number of bytes as people read it.
pub(crate) fn shown_bytes(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}
