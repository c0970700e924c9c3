//! An export as a job: what is asked for and what came of it, as the job's row keeps them. The same for every
//! door; each says only how it is shown.

use std::sync::Arc;

use dray_engine::query::stored_column;
use dray_formats::{Compression, Format, OutputColumn, WriteOptions};
use dray_model::object::{Object, SystemColumn};
use dray_model::query::{Query, Sort};
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::export::{Export, exported_columns, output_column};
use super::filters::filter_of;

/// The kind of job.
pub const KIND: &str = "export";

/// An export to be done when a worker is free, or at once. The object is the job's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportJob {
    /// What people called it: an object, or a report's id.
    pub source_id: String,
    /// `module`, `report` …
    pub source_type: String,
    /// The format's word.
    pub format: String,
    /// Packing, where there is any.
    pub compression: Option<String>,
    /// The file's name for people.
    pub file_name: String,
    /// Fields or stored columns; empty for all that an import can take back.
    pub fields: Vec<String>,
    /// Field or stored column → header.
    pub labels: Vec<(String, String)>,
    /// The headers are the fields' labels rather than their names.
    pub label_headers: bool,
    /// False leaves the header out.
    pub header: Option<bool>,
    /// A filter, as [`filter_of`] reads it.
    pub filters: Option<Value>,
    /// Field → largest first.
    pub sort: Vec<(String, bool)>,
    /// The most records.
    pub limit: Option<u64>,
    /// How dates are written: a strftime format.
    pub date_format: Option<String>,
    /// The heading of a PDF.
    pub title: Option<String>,
    /// A sentence below it.
    pub description: Option<String>,
    /// Records there were when it was asked for, as far as that is known.
    pub expected: Option<u64>,
    /// Where to tell that the job has ended, beside the organization's webhooks.
    pub webhook_url: Option<String>,
}

/// What an export came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportResult {
    /// The stored file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// When it is swept away, microseconds since the epoch.
    pub expires_at: i64,
}

impl ExportResult {
    /// Reads the result of a job; `None` where there is none yet.
    pub fn parse(result: Option<&str>) -> Option<Self> {
        result.and_then(|text| serde_json::from_str(text).ok())
    }
}

impl ExportJob {
    /// Reads the request of a job.
    pub fn parse(request: &str) -> Result<Self> {
        serde_json::from_str(request).map_err(|cause| {
            Error::store("the request of an export cannot be read")
                .hint("was the store used by a newer Dray?")
                .because(cause)
        })
    }

    /// The format that is asked for.
    pub fn format(&self) -> Result<Format> {
        Format::from_name(&self.format).filter(|format| format.can_write()).ok_or_else(|| {
            Error::request(format!("`{}` is no format that is written", self.format))
                .hint("the formats are csv, tsv, json, jsonl, xlsx, parquet and pdf")
        })
    }

    /// Works out what it means for the object; whatever is wrong with it is found here.
    pub fn plan(&self, object: &Arc<Object>) -> Result<Export> {
        let mut columns = Vec::new();
        for name in &self.fields {
            columns.extend(object.find_columns(name).ok_or_else(|| object.unknown_field(name))?);
        }
        if columns.is_empty() {
            columns = exported_columns(object);
        }
        let mut output: Vec<OutputColumn> =
            columns.iter().map(|&column| output_column(object, column, self.label_headers)).collect();
        for (name, label) in &self.labels {
            let labelled = object.find_columns(name).ok_or_else(|| object.unknown_field(name))?;
            for (column, shown) in columns.iter().zip(&mut output) {
                if labelled.contains(column) {
                    let part = object.columns[*column].part.as_deref().filter(|_| labelled.len() > 1);
                    shown.name = part.map_or_else(|| label.clone(), |part| format!("{label} {part}"));
                }
            }
        }
        let mut sort = Vec::with_capacity(self.sort.len());
        for (name, descending) in &self.sort {
            sort.push(Sort { column: stored_column(object, name)?, descending: *descending });
        }
        if sort.is_empty() {
            sort.push(Sort { column: object.system(SystemColumn::CreatedAt), descending: true });
        }
        let compression = match self.compression.as_deref() {
            None => None,
            Some(name) => {
                Some(Compression::from_name(name).filter(|packing| packing.can_write()).ok_or_else(|| {
                    Error::request(format!("`{name}` is no packing")).hint("use gzip, zip or zstd")
                })?)
            }
        };
        Ok(Export {
            object: Arc::clone(object),
            query: Query {
                filter: self.filters.clone().map(|filters| filter_of(object, filters)).transpose()?,
                sort,
                limit: self.limit,
            },
            columns,
            output,
            format: self.format()?,
            options: WriteOptions {
                compression,
                header: self.header.unwrap_or(true),
                title: self.title.clone(),
                description: self.description.clone(),
                date_format: self.date_format.clone(),
                ..WriteOptions::default()
            },
        })
    }
}

/// What a format's bytes are called in the header of an answer.
pub fn content_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv",
        Format::Tsv => "text/tab-separated-values",
        Format::Json => "application/json",
        Format::Jsonl => "application/x-ndjson",
        Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Format::Parquet => "application/vnd.apache.parquet",
        Format::Pdf => "application/pdf",
        Format::Xls | Format::Xlsb | Format::Ods => "application/octet-stream",
    }
}
