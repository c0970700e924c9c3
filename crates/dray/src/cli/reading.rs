//! What can be said about a source, in every command that reads one.

use dray_formats::{Escape, Format, HeaderRow, Quote, ReadOptions};
use dray_model::flow::Detected;

/// How the source is read. Whatever is left out is found out by looking.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How the source is read (found out where left out)")]
pub(super) struct ReadArguments {
    /// csv, tsv, json, jsonl, xlsx, xls, xlsb, ods or parquet
    #[arg(long = "from", value_name = "FORMAT", value_parser = read_format)]
    format: Option<Format>,
    /// The encoding of text: utf-8, windows-1252, shift_jis …
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// What stands between cells: a character, several, or tab
    #[arg(long, value_name = "CHARACTERS", value_parser = delimiter)]
    delimiter: Option<String>,
    /// What stands around cells: a character, or none
    #[arg(long, value_name = "CHARACTER", value_parser = quote)]
    quote: Option<Quote>,
    /// What stands before a quote inside a quoted cell: a character, or double
    #[arg(long, value_name = "CHARACTER", value_parser = escape)]
    escape: Option<Escape>,
    /// The line (of a sheet: row) that names the columns, or none
    #[arg(long, value_name = "N", value_parser = header_row)]
    header_row: Option<HeaderRow>,
    /// Lines (of a sheet: rows) to pass over at the beginning
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    skip_rows: u64,
    /// The sheet of a workbook: its name, or its number from 1
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// The file inside a zip archive
    #[arg(long, value_name = "NAME")]
    member: Option<String>,
    /// Where in a JSON document the records are: member names with dots between them
    #[arg(long, value_name = "PATH")]
    records: Option<String>,
    /// Make columns of the members of nested JSON objects: address.city
    #[arg(long)]
    flatten: bool,
    /// Read delimited text by the letter: the first line is the header, nothing is put right
    #[arg(long)]
    strict: bool,
}

impl ReadArguments {
    /// The same as the readers understand it.
    pub(super) fn options(&self) -> ReadOptions {
        ReadOptions {
            format: self.format,
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            quote: self.quote,
            escape: self.escape,
            header_row: self.header_row,
            skip_lines: self.skip_rows,
            sheet: self.sheet.clone(),
            member: self.member.clone(),
            records_path: self.records.clone(),
            flatten: self.flatten,
            strict: self.strict,
            worker: std::env::current_exe().ok(),
            ..ReadOptions::default()
        }
    }
}

/// What was found out about a source, for people: `csv, windows-1252, semicolon …`; doubtful things with
/// how sure they are.
pub(super) fn detected_words(detected: &[Detected]) -> String {
    let words: Vec<String> = detected
        .iter()
        // What nearly every file has need not be said.
        .filter(|found| {
            !matches!((found.what, found.value.as_str()), ("quote", "double") | ("escape", "doubled"))
        })
        .map(|found| {
            let doubt = match found.confidence {
                sure if sure >= 0.9 => String::new(),
                doubtful => format!(" ({:.0} % sure)", doubtful * 100.0),
            };
            match found.what {
                "format" | "delimiter" | "encoding" | "compression" => format!("{}{doubt}", found.value),
                "header row" if found.value == "none" => "no header".to_owned(),
                "header row" => format!("header on {}{doubt}", found.value),
                what => format!("{what} {}{doubt}", found.value),
            }
        })
        .collect();
    words.join(", ")
}

fn read_format(text: &str) -> std::result::Result<Format, String> {
    Format::from_name(text).filter(|format| format.can_read()).ok_or_else(|| {
        "the formats read are csv, tsv, json, jsonl, xlsx, xls, xlsb, ods and parquet".to_owned()
    })
}

fn delimiter(text: &str) -> std::result::Result<String, String> {
    match text {
        "tab" | "\\t" => Ok("\t".to_owned()),
        "" => Err("write the characters between two cells, or tab".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

fn quote(text: &str) -> std::result::Result<Quote, String> {
    match text.as_bytes() {
        b"none" | b"" => Ok(Quote::None),
        b"double" => Ok(Quote::Character(b'"')),
        b"single" => Ok(Quote::Character(b'\'')),
        &[character] if character.is_ascii() => Ok(Quote::Character(character)),
        _ => Err("write one character, double, single or none".to_owned()),
    }
}

fn escape(text: &str) -> std::result::Result<Escape, String> {
    match text.as_bytes() {
        b"double" | b"doubled" | b"\"" => Ok(Escape::Doubled),
        b"backslash" => Ok(Escape::Character(b'\\')),
        &[character] if character.is_ascii() => Ok(Escape::Character(character)),
        _ => Err("write one character, backslash, or double".to_owned()),
    }
}

fn header_row(text: &str) -> std::result::Result<HeaderRow, String> {
    match text.parse() {
        _ if text == "none" => Ok(HeaderRow::None),
        Ok(0) => Ok(HeaderRow::None),
        Ok(row) => Ok(HeaderRow::Row(row)),
        Err(_) => Err("write the number of the line, from 1, or none".to_owned()),
    }
}
