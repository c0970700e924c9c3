//! How a source is to be read, as a request or a job says it; what is left out is found out by looking.

use dray_formats::{Escape, Format, HeaderRow, Quote, ReadOptions};
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

/// The same words as the options of the command line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadRequest {
    /// csv, tsv, json, jsonl, xlsx, xls, xlsb, ods or parquet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The encoding of text: utf-8, windows-1252 …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What stands between cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// One character, `double`, `single` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// One character, `backslash` or `double`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<String>,
    /// The line that names the columns; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_row: Option<u64>,
    /// Lines to pass over at the beginning.
    #[serde(skip_serializing_if = "is_zero")]
    pub skip_rows: u64,
    /// The sheet of a workbook: its name, or its number from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The file inside a zip archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Where in a JSON document the records are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// Make columns of the members of nested JSON objects.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub flatten: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl ReadRequest {
    /// The same as the readers understand it.
    pub fn options(&self) -> Result<ReadOptions> {
        let format = match self.format.as_deref() {
            None => None,
            Some(name) => {
                Some(Format::from_name(name).filter(|format| format.can_read()).ok_or_else(|| {
                    Error::request(format!("`{name}` is no format that is read"))
                        .hint("the formats are csv, tsv, json, jsonl, xlsx, xls, xlsb, ods and parquet")
                })?)
            }
        };
        let character = |what: &str, text: &str| match text.as_bytes() {
            &[character] if character.is_ascii() => Ok(character),
            _ => Err(Error::request(format!("`{text}` cannot be the {what}")).hint("write one character")),
        };
        let quote = match self.quote.as_deref() {
            None => None,
            Some("none" | "") => Some(Quote::None),
            Some("double") => Some(Quote::Character(b'"')),
            Some("single") => Some(Quote::Character(b'\'')),
            Some(text) => Some(Quote::Character(character("quote", text)?)),
        };
        let escape = match self.escape.as_deref() {
            None => None,
            Some("double" | "doubled" | "\"") => Some(Escape::Doubled),
            Some("backslash") => Some(Escape::Character(b'\\')),
            Some(text) => Some(Escape::Character(character("escape", text)?)),
        };
        Ok(ReadOptions {
            format,
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.as_deref().map(|text| match text {
                "tab" | "\\t" => "\t".to_owned(),
                other => other.to_owned(),
            }),
            quote,
            escape,
            header_row: self.header_row.map(|row| match row {
                0 => HeaderRow::None,
                row => HeaderRow::Row(row),
            }),
            skip_lines: self.skip_rows,
            sheet: self.sheet.clone(),
            member: self.member.clone(),
            records_path: self.records.clone(),
            flatten: self.flatten,
            worker: std::env::current_exe().ok(),
            ..ReadOptions::default()
        })
    }
}
