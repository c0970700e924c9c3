//! What can be said about a file that is written, in every command that writes one.

use std::path::{Path, PathBuf};

use dray_formats::{Compression, Format, FormulaGuard, LineEnd, QuoteStyle, TextStyle, WriteOptions};

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
    /// The same as the writers understand it, for a file of this name.
    pub(super) fn options(&self, format: Format, path: Option<&Path>) -> WriteOptions {
        let (_, by_name) = target(path);
        WriteOptions {
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
        }
    }
}

/// The format and the packing a file of this name has: `contacts.csv.gz` is CSV in gzip.
pub(super) fn target(path: Option<&Path>) -> (Option<Format>, Option<Compression>) {
    let Some(path) = path else { return (None, None) };
    let extension = |path: &Path| path.extension().map(|extension| extension.to_string_lossy().into_owned());
    let Some(last) = extension(path) else { return (None, None) };
    match Compression::from_name(&last) {
        Some(compression) => {
            let inner = path.file_stem().map(Path::new).and_then(extension);
            (inner.and_then(|name| Format::from_name(&name)), Some(compression))
        }
        None => (Format::from_name(&last), None),
    }
}

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
