//! A file that is sent to be imported: the parts of its form, the file kept as it comes, the options read.

use axum::extract::Multipart;
use dray_engine::map::edits;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::shapes::short;
use crate::http::answer::{Answer, Failure};
use crate::operations::import_job::ImportJob;
use crate::server::app::App;

/// The most bytes of a part that is no file.
const PART_BYTES: usize = 256 << 10;
/// The most bytes of a part that says what is repaired: its texts and as much JSON around them.
const EDITS_BYTES: usize = 2 * edits::MOST_BYTES;
/// The most parts of a form.
const MOST_PARTS: usize = 40;

/// What was sent.
pub struct Upload {
    /// How it is to be imported.
    pub job: ImportJob,
    /// Its size.
    pub bytes: u64,
}

/// Reads the parts of the form; the file is kept as it comes.
pub async fn receive(
    app: &App,
    organization: &str,
    most: Option<u64>,
    mut form: Multipart,
) -> Answer<Upload> {
    let mut upload = Upload { job: ImportJob::default(), bytes: 0 };
    upload.job.processing_mode = "sync".to_owned();
    let received = receive_parts(app, organization, most, &mut form, &mut upload).await;
    let complete = received.and_then(|()| {
        if upload.job.file.is_empty() {
            return Err(Failure::validation("the form has no part `file`"));
        }
        upload.job.read.options()?;
        upload.job.edits.check()?;
        Ok(())
    });
    if let Err(failure) = complete {
        if !upload.job.file.is_empty() {
            drop_file(app, organization, upload.job.file).await;
        }
        return Err(failure);
    }
    Ok(upload)
}

async fn receive_parts(
    app: &App,
    organization: &str,
    most: Option<u64>,
    form: &mut Multipart,
    upload: &mut Upload,
) -> Answer<()> {
    let broken = |why: axum::extract::multipart::MultipartError| {
        Failure::validation(format!("the form cannot be read: {}", why.body_text()))
    };
    let mut parts = 0;
    while let Some(mut part) = form.next_field().await.map_err(broken)? {
        parts += 1;
        if parts > MOST_PARTS {
            return Err(Failure::validation(format!("the form has more than {MOST_PARTS} parts")));
        }
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            if !upload.job.file.is_empty() {
                return Err(Failure::validation("the form has two parts `file`: send one file at a time"));
            }
            let shown = shown_name(part.file_name());
            let kept = app.files().receive(organization, &shown, most, &mut part).await?;
            (upload.job.file, upload.bytes) = kept;
            upload.job.file_type =
                shown.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
            upload.job.source_name = shown;
            continue;
        }
        let most_bytes = if matches!(&*name, "edits" | "replace") { EDITS_BYTES } else { PART_BYTES };
        let mut text = Vec::new();
        while let Some(bytes) = part.chunk().await.map_err(broken)? {
            if text.len() + bytes.len() > most_bytes {
                return Err(Failure::validation(format!(
                    "the part `{}` is larger than {most_bytes} bytes",
                    short(&name)
                )));
            }
            text.extend_from_slice(&bytes);
        }
        let text = String::from_utf8(text)
            .map_err(|_| Failure::validation(format!("the part `{}` is no UTF-8 text", short(&name))))?;
        option(&mut upload.job, &name, text.trim())?;
    }
    Ok(())
}

/// The file's name for people; never part of a path.
pub fn shown_name(sent: Option<&str>) -> String {
    let last = sent.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    if clean.trim().is_empty() { "file".to_owned() } else { clean }
}

/// One option of an import.
fn option(job: &mut ImportJob, name: &str, text: &str) -> Answer<()> {
    if text.is_empty() {
        return Ok(());
    }
    let own = || Some(text.to_owned());
    match name {
        "mapping" => job.columns = pairs(name, text)?,
        "set" => job.statics = pairs(name, text)?,
        "edits" => job.edits.cells = list(name, text)?,
        "replace" => job.edits.replacements = list(name, text)?,
        "match" => {
            job.policy.match_by = text.split(',').map(|name| name.trim().to_owned()).collect();
        }
        "on_duplicate" => job.policy.on_duplicate = Some(word(name, text, "skip, update or create")?),
        "merge" => job.policy.merge = Some(word(name, text, "fill_empty, overwrite or prefer_import")?),
        "mode" => job.policy.mode = Some(word(name, text, "atomic or partial")?),
        "max_rejected" => job.policy.max_rejected = Some(number(name, text)?),
        "create_references" => job.policy.create_references = yes(name, text)?,
        "leave_references_empty" => job.policy.leave_references_empty = yes(name, text)?,
        "dates" => {
            job.day_first = Some(match text {
                "day_first" => true,
                "month_first" => false,
                _ => return Err(wrong(name, text, "day_first or month_first")),
            });
        }
        "format" => job.read.format = own(),
        "encoding" => job.read.encoding = own(),
        "delimiter" => job.read.delimiter = own(),
        "quote" => job.read.quote = own(),
        "escape" => job.read.escape = own(),
        "sheet" => job.read.sheet = own(),
        "member" => job.read.member = own(),
        "records" => job.read.records = own(),
        "header_row" => job.read.header_row = Some(number(name, text)?),
        "skip_rows" => job.read.skip_rows = number(name, text)?,
        "flatten" => job.read.flatten = yes(name, text)?,
        _ => {
            return Err(Failure::validation(format!("`{}` is no part of an import: see /docs", short(name))));
        }
    }
    Ok(())
}

fn wrong(name: &str, text: &str, right: &str) -> Failure {
    Failure::validation(format!("`{name}` cannot be `{}`: use {right}", short(text)))
}

fn word<T: DeserializeOwned>(name: &str, text: &str, right: &str) -> Answer<T> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|_| wrong(name, text, right))
}

fn number(name: &str, text: &str) -> Answer<u64> {
    text.parse().map_err(|_| wrong(name, text, "a whole number"))
}

fn yes(name: &str, text: &str) -> Answer<bool> {
    text.parse().map_err(|_| wrong(name, text, "true or false"))
}

/// A JSON array of what a part is about.
fn list<T: DeserializeOwned>(name: &str, text: &str) -> Answer<Vec<T>> {
    serde_json::from_str(text)
        .map_err(|why| Failure::validation(format!("`{name}` is no JSON array of what it is about: {why}")))
}

/// A JSON object of texts; null and the empty text leave a column out.
fn pairs(name: &str, text: &str) -> Answer<Vec<(String, String)>> {
    let members: Map<String, Value> = serde_json::from_str(text)
        .map_err(|why| Failure::validation(format!("`{name}` is no JSON object of texts: {why}")))?;
    let pair = |(name_of, value): (String, Value)| match value {
        Value::String(value) => Ok((name_of, value)),
        Value::Null => Ok((name_of, String::new())),
        Value::Number(_) | Value::Bool(_) => Ok((name_of, value.to_string())),
        _ => Err(Failure::validation(format!("`{name}`: the value of `{}` is no text", short(&name_of)))),
    };
    members.into_iter().map(pair).collect()
}

/// Removes a file that is not imported after all.
pub async fn drop_file(app: &App, organization: &str, file: String) {
    let files = app.files().clone();
    let name = organization.to_owned();
    let removed = app.run(organization, move |session| files.remove(session, &name, &file)).await;
    if let Err(error) = removed {
        tracing::warn!(%error, "a refused file could not be removed");
    }
}
