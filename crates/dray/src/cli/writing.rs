//! What can be said about a file that is written, in every command that writes one.

use std::path::{Path, PathBuf};

use dray_formats::{Compression, Format, FormulaGuard, LineEnd, QuoteStyle, TextStyle, WriteOptions};
use dray_model::{Error, Result};

/// How the file is written.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How the file is written")]
pub(super) struct WriteArguments {
    /// Pack the file: gzip, zip or zstd; by the file's name where left out
    #[arg(long, value_name = "HOW", value_parser = compression)]
    compress: Option<Compression>,
    /// What stands between cells of delimited text: a character, or tab
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    write_delimiter: Option<u8>,
    /// Which cells of delimited text get quotes: needed, text or all
    #[arg(long, value_name = "CELLS", value_parser = quotes)]
    write_quotes: Option<QuoteStyle>,
    /// The encoding of delimited text, utf-8 where left out
    #[arg(long, value_name = "NAME")]
    write_encoding: Option<String>,
    /// Put a byte-order mark in front, by which Excel knows UTF-8
    #[arg(long)]
    bom: bool,
    /// End lines with carriage return and line feed
    #[arg(long)]
    crlf: bool,
    /// Leave out the names of the columns
    #[arg(long)]
    no_header: bool,
    /// The form of dates and times in delimited text and PDF: %d.%m.%Y
    #[arg(long, value_name = "FORM")]
    date_format: Option<String>,
    /// The heading of a PDF, the name of a sheet
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// A sentence below the heading of a PDF
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A font file for a PDF, beside those of this machine; may be given more than once
    #[arg(long, value_name = "FILE")]
    font: Vec<PathBuf>,
}

impl WriteArguments {
    /// The same as the writers understand it, for a file of this name, which says how it is packed.
    pub(super) fn options(
        &self,
        format: Format,
        by_name: Option<Compression>,
        path: Option<&Path>,
    ) -> Result<WriteOptions> {
        if let (Some(asked), Some(named)) = (self.compress, by_name)
            && asked != named
        {
            let message = format!("the file's name says {} and --compress {}", named.word(), asked.word());
            return Err(Error::request(message).hint("leave one of them out"));
        }
        let options = WriteOptions {
            compression: self.compress.or(by_name),
            member_name: path.and_then(|path| member_name(path, format)),
            header: !self.no_header,
            text: TextStyle {
                delimiter: self.write_delimiter,
                quotes: self.write_quotes.unwrap_or(QuoteStyle::Needed),
                byte_order_mark: self.bom,
                line_end: if self.crlf { LineEnd::CarriageReturnLineFeed } else { LineEnd::LineFeed },
                encoding: self.write_encoding.clone(),
            },
            formula_guard: FormulaGuard::LookAlikes,
            title: self.title.clone(),
            description: self.description.clone(),
            date_format: self.date_format.clone(),
            fonts: self.font.clone(),
        };
        options.check(format)?;
        Ok(options)
    }
}

/// The format and the packing of a file of this name: `contacts.csv.gz` is CSV in gzip. A format that was
/// asked for counts more than the name; a name without an ending says nothing, and CSV is written.
pub(super) fn target(path: Option<&Path>, asked: Option<Format>) -> Result<(Format, Option<Compression>)> {
    let ending = |path: &Path| path.extension().map(|ending| ending.to_string_lossy().into_owned());
    let last = path.and_then(ending);
    let packing = last.as_deref().and_then(Compression::from_name);
    let ending = match packing {
        Some(_) => path.and_then(Path::file_stem).map(Path::new).and_then(ending),
        None => last,
    };
    let format = match (asked, ending) {
        (Some(format), _) => format,
        (None, None) => Format::Csv,
        (None, Some(ending)) => Format::from_name(&ending).ok_or_else(|| {
            Error::request(format!("`.{ending}` is the ending of no format that is written")).hint(ENDINGS)
        })?,
    };
    if !format.can_write() {
        return Err(Error::request(format!("{} files are read, not written", format.word()))
            .hint("write xlsx, which every spreadsheet program opens"));
    }
    Ok((format, packing))
}

const ENDINGS: &str = "end the name in .csv, .tsv, .json, .jsonl, .xlsx, .parquet or .pdf (behind it may stand .gz, .zip or .zst), \
    or say the format: --to, of an export --format";

fn member_name(path: &Path, format: Format) -> Option<String> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let has_extension = Path::new(&stem).extension().is_some();
    Some(if has_extension { stem } else { format!("{stem}.{}", format.extension()) })
}

/// A format by its name, for `--to` and `--format`.
pub(super) fn write_format(text: &str) -> std::result::Result<Format, String> {
    Format::from_name(text)
        .filter(|format| format.can_write())
        .ok_or_else(|| "the formats written are csv, tsv, json, jsonl, xlsx, parquet and pdf".to_owned())
}

fn compression(text: &str) -> std::result::Result<Compression, String> {
    Compression::from_name(text)
        .filter(|compression| compression.can_write())
        .ok_or_else(|| "files are packed by gzip, zip or zstd".to_owned())
}

fn delimiter(text: &str) -> std::result::Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(byte),
        _ => Err("write one character, or tab".to_owned()),
    }
}

fn quotes(text: &str) -> std::result::Result<QuoteStyle, String> {
    match text {
        "needed" => Ok(QuoteStyle::Needed),
        "text" => Ok(QuoteStyle::Text),
        "all" => Ok(QuoteStyle::All),
        _ => Err("write needed, text or all".to_owned()),
    }
}
