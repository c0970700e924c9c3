//! What a reader and a writer may be told, and the limits that keep a hostile file from using up the
//! machine. Whatever a reader is not told it finds out by looking.

use std::path::PathBuf;

/// A kind of file Dray reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Delimited text: comma, semicolon, tab, bar, blank or several characters.
    Csv,
    /// Delimited text with tabs.
    Tsv,
    /// One JSON document: an array of objects, or an object that holds one.
    Json,
    /// One JSON object on each line.
    Jsonl,
    /// An Excel workbook (`.xlsx`, `.xlsm`).
    Xlsx,
    /// An Excel workbook of before 2007. Read only.
    Xls,
    /// A binary Excel workbook. Read only.
    Xlsb,
    /// An OpenDocument spreadsheet. Read only.
    Ods,
    /// Apache Parquet.
    Parquet,
    /// A table on pages, for people. Written only.
    Pdf,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Csv,
        Self::Tsv,
        Self::Json,
        Self::Jsonl,
        Self::Xlsx,
        Self::Xls,
        Self::Xlsb,
        Self::Ods,
        Self::Parquet,
        Self::Pdf,
    ];

    /// The word used on the command line, in the API and in file names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Xlsx => "xlsx",
            Self::Xls => "xls",
            Self::Xlsb => "xlsb",
            Self::Ods => "ods",
            Self::Parquet => "parquet",
            Self::Pdf => "pdf",
        }
    }

    /// The extension of files written in this format, without the dot.
    pub fn extension(self) -> &'static str {
        self.word()
    }

    /// True where files of this format can be read.
    pub fn can_read(self) -> bool {
        self != Self::Pdf
    }

    /// True where files of this format can be written.
    pub fn can_write(self) -> bool {
        !matches!(self, Self::Xls | Self::Xlsb | Self::Ods)
    }

    /// True for the workbooks of spreadsheet programs.
    pub fn is_workbook(self) -> bool {
        matches!(self, Self::Xlsx | Self::Xls | Self::Xlsb | Self::Ods)
    }

    /// True where every cell is written as text that the reader interprets again.
    pub fn is_delimited(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }

    /// The format a person means by this word or file extension, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().trim_start_matches('.').to_ascii_lowercase().as_str() {
            "csv" | "psv" | "txt" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" | "jsonlines" | "ldjson" => Some(Self::Jsonl),
            "xlsx" | "xlsm" | "excel" => Some(Self::Xlsx),
            "xls" => Some(Self::Xls),
            "xlsb" => Some(Self::Xlsb),
            "ods" => Some(Self::Ods),
            "parquet" | "pq" => Some(Self::Parquet),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }
}

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip, one member or several.
    Gzip,
    /// A zip archive.
    Zip,
    /// Zstandard.
    Zstd,
    /// Snappy in its framing format. Read only.
    Snappy,
    /// bzip2. Read only.
    Bzip2,
    /// xz. Read only.
    Xz,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Gzip, Self::Zip, Self::Zstd, Self::Snappy, Self::Bzip2, Self::Xz];

    /// The word used on the command line and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// What the name of a packed file ends with.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Zip => ".zip",
            Self::Zstd => ".zst",
            Self::Snappy => ".sz",
            Self::Bzip2 => ".bz2",
            Self::Xz => ".xz",
        }
    }

    /// True where files can be packed this way.
    pub fn can_write(self) -> bool {
        matches!(self, Self::Gzip | Self::Zip | Self::Zstd)
    }

    /// The compression a person means by this word or file extension, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().trim_start_matches('.').to_ascii_lowercase().as_str() {
            "gz" | "gzip" => Some(Self::Gzip),
            "zip" => Some(Self::Zip),
            "zst" | "zstd" => Some(Self::Zstd),
            "sz" | "snappy" => Some(Self::Snappy),
            "bz2" | "bzip2" => Some(Self::Bzip2),
            "xz" => Some(Self::Xz),
            _ => None,
        }
    }
}

/// The character around cells of delimited text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// No character is a quote.
    None,
    /// This ASCII character.
    Character(u8),
}

/// How a quote inside a quoted cell is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Twice.
    Doubled,
    /// Behind this ASCII character, a backslash as a rule.
    Character(u8),
}

/// Where the names of the columns stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderRow {
    /// There are none; every row is data.
    None,
    /// On this row of the source, from 1, counting every line (of a sheet: every row).
    Row(u64),
}

/// How a source is read. The default finds everything out by looking.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The format; `None` means by content, then by name.
    pub format: Option<Format>,
    /// The encoding's name as in the WHATWG list, `utf-16le`, `utf-32be` and so on; `None` means by content.
    pub encoding: Option<String>,
    /// What stands between two cells of delimited text; `None` means by content.
    pub delimiter: Option<String>,
    /// What stands around cells of delimited text.
    pub quote: Option<Quote>,
    /// How a quote inside a quoted cell is written.
    pub escape: Option<Escape>,
    /// Where the names of the columns stand.
    pub header_row: Option<HeaderRow>,
    /// Lines (rows of a sheet) at the beginning of the source that are neither header nor data.
    pub skip_lines: u64,
    /// The sheet of a workbook: its name, or its number from 1. `None`: the first visible one with a table.
    pub sheet: Option<String>,
    /// The file inside a zip archive; `None` where there is only one.
    pub member: Option<String>,
    /// Where in a JSON document the array of records is: member names with dots between them.
    pub records_path: Option<String>,
    /// Reads delimited text by the letter: the first line names the columns, and nothing is put right.
    pub strict: bool,
    /// Makes columns of the members of nested JSON objects: `address.city`. Otherwise an object is one
    /// cell of JSON text, as a JSON field wants it.
    pub flatten: bool,
    /// Takes the apostrophe off again that [`WriteOptions::formula_guard`] put before text. An apostrophe
    /// that no guard puts there stays.
    pub unguard: bool,
    /// Hands on empty text as such where the format tells it from no value (JSON). Otherwise both are
    /// cells without a value, as an import wants it.
    pub keep_empty_text: bool,
    /// Hands on cells of xlsx workbooks as they are stored: a date is the number of its day, and a boolean 1 or 0.
    pub stored_cells: bool,
    /// Only the columns of these names, as the header has them; the others are not even unpacked. `None`
    /// means all of them. Of JSON, the members of these names, whether the first records have them or not;
    /// other members are passed over. Other readers take no notice, as only Parquet stores columns apart.
    pub columns: Option<Vec<String>>,
    /// Data rows to pass over before the first one delivered. Numbers and lines stay those of the file.
    pub skip_rows: u64,
    /// The program that reads, in a process of its own, formats whose readers may take a process down.
    /// It is called with the arguments of [`crate::SHEET_WORKER_ARGUMENT`]. `None`: such files are refused.
    pub worker: Option<PathBuf>,
    /// What a file may ask for.
    pub limits: ReadLimits,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            encoding: None,
            delimiter: None,
            quote: None,
            escape: None,
            header_row: None,
            skip_lines: 0,
            sheet: None,
            member: None,
            records_path: None,
            columns: None,
            strict: false,
            flatten: false,
            unguard: true,
            keep_empty_text: false,
            stored_cells: false,
            skip_rows: 0,
            worker: None,
            limits: ReadLimits::default(),
        }
    }
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
    /// The most bytes a packed source may unpack to ...
    pub max_unpacked_bytes: u64,
    /// ... and the most for each packed byte, once there are [`ReadLimits::RATIO_FREE_BYTES`] of them.
    pub max_unpacked_ratio: u64,
    /// The most memory a reader in a process of its own may use; also the open pages of a Parquet file, and
    /// the texts that the cells of an xlsx workbook share (never more than 512 MiB).
    pub max_worker_bytes: u64,
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
            // What a person has fits; a bomb of a few kilobytes stops at the ratio long before.
            max_unpacked_bytes: 100 << 30,
            // Text packs to a tenth, a column of zeros to a hundredth; bombs reach a thousand and more.
            max_unpacked_ratio: 200,
            max_worker_bytes: 600 << 20,
            batch_rows: 8192,
            batch_bytes: 2 << 20,
            // Large enough that the call does not matter, small enough to stay in the cache.
            read_bytes: 256 << 10,
        }
    }
}

impl ReadLimits {
    /// Below this size nobody asks how well a source was packed.
    pub const RATIO_FREE_BYTES: u64 = 64 << 20;

    /// The same limits within what the readers can hold, none of them zero.
    #[must_use]
    pub fn within_reason(&self) -> Self {
        Self {
            max_columns: self.max_columns.clamp(1, 65_536),
            max_cell_bytes: self.max_cell_bytes.clamp(1, LARGEST),
            max_record_bytes: self.max_record_bytes.clamp(1, LARGEST),
            max_unpacked_bytes: self.max_unpacked_bytes.max(1),
            max_unpacked_ratio: self.max_unpacked_ratio.max(1),
            max_worker_bytes: self.max_worker_bytes.max(64 << 20),
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

/// How a file is written. The default is what the reader takes back exactly.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// How the finished bytes are packed.
    pub compression: Option<Compression>,
    /// The name of the only file of a zip archive; `None` is `data` with the format's extension.
    pub member_name: Option<String>,
    /// False leaves out the names of the columns (delimited text and workbooks).
    pub header: bool,
    /// How delimited text looks.
    pub text: TextStyle,
    /// Which text gets an apostrophe, lest a spreadsheet program runs it as a formula.
    pub formula_guard: FormulaGuard,
    /// The heading of a PDF, the name of a sheet.
    pub title: Option<String>,
    /// A sentence below the heading of a PDF.
    pub description: Option<String>,
    /// How dates are written where they are text for people (PDF, delimited text): a strftime format.
    pub date_format: Option<String>,
    /// Fonts for a PDF beside the ones found on the machine.
    pub fonts: Vec<PathBuf>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            compression: None,
            member_name: None,
            header: true,
            text: TextStyle::default(),
            formula_guard: FormulaGuard::LookAlikes,
            title: None,
            description: None,
            date_format: None,
            fonts: Vec::new(),
        }
    }
}

/// Which text gets an apostrophe before it (delimited text and workbooks).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormulaGuard {
    /// None: text is written as it is.
    Off,
    /// Text that looks as if it had got one, so that a reader that takes it off gives the text back.
    LookAlikes,
    /// That, and all text that a spreadsheet program would run.
    On,
}

/// How delimited text is written.
#[derive(Debug, Clone)]
pub struct TextStyle {
    /// Between two cells; `None` is the format's own: a comma, or a tab for TSV.
    pub delimiter: Option<u8>,
    /// Which cells get quotes.
    pub quotes: QuoteStyle,
    /// Whether a byte-order mark stands in front, by which Excel knows UTF-8.
    pub byte_order_mark: bool,
    /// What ends a line.
    pub line_end: LineEnd,
    /// The encoding's name; `None` is UTF-8.
    pub encoding: Option<String>,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self {
            delimiter: None,
            quotes: QuoteStyle::Needed,
            byte_order_mark: false,
            line_end: LineEnd::LineFeed,
            encoding: None,
        }
    }
}

/// Which cells of delimited text get quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteStyle {
    /// Those that could not be read back without.
    Needed,
    /// All of them.
    All,
    /// All that are text by type, and those that need them.
    Text,
}

/// What ends a line of delimited text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// `\n`
    LineFeed,
    /// `\r\n`
    CarriageReturnLineFeed,
}
