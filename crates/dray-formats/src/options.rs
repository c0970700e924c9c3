//! What a reader may be told: which format, which delimiter, where to begin, and the limits that
//! keep a hostile file from using up the machine.

/// A kind of file Dray reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Delimited text with a header line: comma, semicolon, tab or bar.
    Csv,
    /// One JSON document: an array of objects, or an object that holds one.
    Json,
    /// One JSON object on each line.
    Jsonl,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Jsonl];

    /// The word used on the command line, in the API and in file names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }

    /// The extension of files written in this format, without the dot.
    pub fn extension(self) -> &'static str {
        self.word()
    }

    /// The format a person means by this word or file extension, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().trim_start_matches('.').to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "tab" | "psv" | "txt" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" | "jsonlines" | "ldjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// How a source is read. The default finds everything out by looking.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The format; `None` means by content, then by name.
    pub format: Option<Format>,
    /// The byte between two cells of a CSV file; `None` means by content.
    pub delimiter: Option<u8>,
    /// Data rows to pass over before the first one delivered. Numbers and lines stay those of the file.
    pub skip_rows: u64,
    /// What a file may ask for.
    pub limits: ReadLimits,
}

/// What a file may ask for before it is refused, and how much is handed on at once.
#[derive(Debug, Clone)]
pub struct ReadLimits {
    /// The most header columns.
    pub max_columns: usize,
    /// The largest cell; a larger one is a problem of its row.
    pub max_cell_bytes: usize,
    /// The largest record. A larger one ends the reading, as nobody can say where the next begins.
    pub max_record_bytes: usize,
    /// The most rows of a batch.
    pub batch_rows: usize,
    /// A batch ends when its rows reach this many bytes, whole rows always.
    pub batch_bytes: usize,
    /// How many bytes are asked from the source at a time.
    pub read_bytes: usize,
}

/// A batch takes memory for every cell, also for those that short rows do not have. This many are
/// 8,192 rows of 128 columns.
const BATCH_CELLS: usize = 1 << 20;

/// Positions inside a batch are 32-bit numbers with one bit to spare, so no record or batch may
/// come near 2 GiB whatever the settings say.
const LARGEST: usize = 512 << 20;

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            // PostgreSQL holds 1,600 columns and Excel 16,384; nobody maps more than this by hand.
            max_columns: 4096,
            max_cell_bytes: 16 << 20,
            max_record_bytes: 64 << 20,
            batch_rows: 8192,
            batch_bytes: 8 << 20,
            // Large enough that the call does not matter, small enough to stay in the cache.
            read_bytes: 256 << 10,
        }
    }
}

impl ReadLimits {
    /// The same limits within what the readers can hold, none of them zero.
    #[must_use]
    pub fn within_reason(&self) -> Self {
        Self {
            max_columns: self.max_columns.clamp(1, 65_536),
            max_cell_bytes: self.max_cell_bytes.clamp(1, LARGEST),
            max_record_bytes: self.max_record_bytes.clamp(1, LARGEST),
            batch_rows: self.batch_rows.clamp(1, 1 << 20),
            batch_bytes: self.batch_bytes.clamp(1, LARGEST),
            read_bytes: self.read_bytes.clamp(1, 64 << 20),
        }
    }

    /// The most rows of a batch with this many columns.
    pub(crate) fn rows_in_batch(&self, columns: usize) -> usize {
        self.batch_rows.min(BATCH_CELLS / columns.max(1)).max(1)
    }
}
