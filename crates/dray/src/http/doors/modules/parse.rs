//! Step 1: a file is sent, kept for a week and looked through.

use arrow_array::Array;
use axum::Json;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{Path, State};
use dray_formats::{ReadLimits, ReadOptions};
use dray_model::ErrorKind;
use dray_model::flow::RowSource;
use serde_json::{Map, Value, json};

use super::names::module;
use super::shape::success;
use crate::clock;
use crate::http::access::Planner;
use crate::http::answer::{Answer, Failure};
use crate::operations::looked_through::{self, LookedThrough};
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::source::LocalFile;

/// The largest file, as the document has it: 100 MB.
const MOST_BYTES: u64 = 100 << 20;
/// The most a packed file may unpack to.
const MOST_UNPACKED_BYTES: u64 = 4 << 30;
/// Rows shown.
const SAMPLE_ROWS: usize = 50;
/// Letters shown of a cell.
const SAMPLE_LETTERS: usize = 10_000;

fn no_file(why: &str) -> Failure {
    Failure::validation(format!(
        "No file uploaded: {why}; send the file as the part `file` of a multipart form"
    ))
    .code("NO_FILE")
}

fn unsupported(why: String) -> Failure {
    Failure::validation(format!("Unsupported file type: {why}; send a CSV, XLSX or XLS file"))
        .code("UNSUPPORTED_FILE_TYPE")
}

fn too_large() -> Failure {
    Failure::validation(format!(
        "File too large: a file has at most {} MB; split it into smaller ones",
        MOST_BYTES >> 20
    ))
    .code("FILE_TOO_LARGE")
}

/// The form of an upload.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described: the file is kept as it comes")]
pub(super) struct ParseForm {
    /// CSV, XLSX or XLS.
    #[schema(value_type = String, format = Binary)]
    file: (),
}

/// Upload a CSV or Excel file (part `file`, at most 100 MB) and get its columns, its first 50 rows and how many
/// rows it has. The `fileId` stands for the rows in the next steps for a week.
#[utoipa::path(
    post, path = "/v1/modules/{module}/import/parse", tag = "modules",
    params(("module" = String, Path, description = "The module to import into")),
    request_body(content_type = "multipart/form-data", content = ParseForm),
    responses(
        (status = 200, description = "`{success, data: {sourceColumns, sampleRows, totalRows, fileType, fileName, encoding, fileId}}`"),
        (status = 400, description = "NO_FILE, UNSUPPORTED_FILE_TYPE, FILE_TOO_LARGE, INVALID_FILE"),
        (status = 404, description = "MODULE_NOT_FOUND"),
    ),
    security(("key" = []))
)]
pub async fn parse(
    State(app): State<App>,
    Planner(actor): Planner,
    Path(name): Path<String>,
    form: Result<Multipart, MultipartRejection>,
) -> Answer<Json<Value>> {
    let known = app.objects(actor.organization()).await?;
    module(&known, &name)?;
    let mut form = form.map_err(|_| no_file("the request is no multipart form"))?;
    let broken = |why: axum::extract::multipart::MultipartError| {
        Failure::validation(format!("the upload cannot be read: {}: send the file again", why.body_text()))
    };
    let (file_name, id, bytes) = loop {
        let Some(mut field) = form.next_field().await.map_err(broken)? else {
            return Err(no_file("the form has no part `file`"));
        };
        if field.name() != Some("file") {
            continue;
        }
        let file_name = field.file_name().map(shown_name).unwrap_or_else(|| "upload.csv".to_owned());
        let received =
            app.files().receive(actor.organization(), &file_name, Some(MOST_BYTES), &mut field).await;
        let (id, bytes) = received.map_err(|error| match error.kind {
            ErrorKind::Limit => too_large(),
            _ => Failure::from(error),
        })?;
        break (file_name, id, bytes);
    };
    // From here on it goes on though nobody may wait any more, so that no file lies about undescribed.
    let organization = actor.organization().to_owned();
    let finishing = tokio::spawn(async move { finish(&app, &organization, file_name, id, bytes).await });
    let data = finishing
        .await
        .map_err(|_| Failure::from(dray_model::Error::file("looking through a file broke off")))??;
    Ok(success(data))
}

/// A file's name as it is shown: without folders, not too long.
fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    last.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

/// Looks through the file, and keeps it or removes it again.
async fn finish(app: &App, organization: &str, name: String, id: String, bytes: u64) -> Answer<Value> {
    let looked = if bytes == 0 {
        Err(no_file("the file is empty"))
    } else {
        let permit = app.queue().may_work().await?;
        let (files, name) = (app.files().clone(), name.clone());
        let (organization, id) = (organization.to_owned(), id.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let file = files.local(&organization, &id)?;
            file.ok_or_else(|| no_file("the file is gone")).and_then(|file| look_through(file, &name))
        });
        looking.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "looking through a file panicked");
            Err(Failure::from(dray_model::Error::file("looking through a file broke off")))
        })
    };
    let (found, sample) = match looked {
        Ok(looked) => looked,
        Err(failure) => {
            let (files, organization) = (app.files().clone(), organization.to_owned());
            let _ = tokio::task::spawn_blocking(move || files.remove_bytes(&organization, &id)).await;
            return Err(failure);
        }
    };
    let data = json!({
        "sourceColumns": found.columns,
        "sampleRows": sample,
        "totalRows": found.total_rows,
        "fileType": found.file_type,
        "fileName": name,
        "encoding": found.encoding,
        "fileId": format!("file_{id}"),
    });
    let now = clock::now();
    let file = StoredFile { id, name, bytes, expires_at: app.settings().imports_kept_until(now) };
    app.run(organization, move |session| {
        looked_through::save(session, &file.id, &found, now)?;
        Files::describe(session, &file, now)
    })
    .await?;
    Ok(data)
}

/// What the file is, its first rows, and how many there are.
fn look_through(file: LocalFile, name: &str) -> Answer<(LookedThrough, Vec<Value>)> {
    let cannot = |error: dray_model::Error| match error.kind {
        ErrorKind::Source | ErrorKind::Limit | ErrorKind::Request => {
            let why = error
                .hint
                .as_ref()
                .map_or_else(|| error.message.clone(), |hint| format!("{}: {hint}", error.message));
            Failure::validation(why).code("INVALID_FILE")
        }
        _ => Failure::from(error),
    };
    let open = || {
        std::fs::File::open(file.path()).map_err(|why| {
            Failure::from(dray_model::Error::file(format!("an uploaded file cannot be read: {why}")))
        })
    };
    let options = ReadOptions {
        worker: std::env::current_exe().ok(),
        limits: ReadLimits { max_unpacked_bytes: MOST_UNPACKED_BYTES, ..ReadLimits::default() },
        ..ReadOptions::default()
    };
    if let Some(kind) = foreign(&mut open()?) {
        return Err(unsupported(format!("`{name}` is {kind}")));
    }
    let mut source = dray_formats::open_named(name, open()?, &options).map_err(cannot)?;
    let told = |source: &dyn RowSource, what: &str| {
        source.detected().into_iter().find(|detected| detected.what == what).map(|detected| detected.value)
    };
    let file_type = match told(source.as_ref(), "format").as_deref() {
        Some("csv" | "tsv") => "csv",
        Some("xlsx") => "xlsx",
        Some("xls") => "xls",
        other => return Err(unsupported(format!("`{name}` is {}", other.unwrap_or("nothing known")))),
    };
    let columns = source.header().to_vec();
    let mut total_rows = 0_u64;
    let mut sample: Vec<Value> = Vec::new();
    while let Some(batch) = source.next_batch().map_err(cannot)? {
        total_rows += batch.len() as u64;
        for row in 0..batch.len().min(SAMPLE_ROWS.saturating_sub(sample.len())) {
            let cell = |column: usize| match batch.columns.get(column) {
                Some(cells) if cells.is_valid(row) => cells.value(row).chars().take(SAMPLE_LETTERS).collect(),
                _ => String::new(),
            };
            let cells: Map<String, Value> = columns
                .iter()
                .enumerate()
                .map(|(column, name)| (name.clone(), Value::String(cell(column))))
                .collect();
            sample.push(Value::Object(cells));
        }
    }
    let encoding = told(source.as_ref(), "encoding").map_or("utf-8".to_owned(), |text| text.to_lowercase());
    Ok((LookedThrough { columns, total_rows, file_type: file_type.to_owned(), encoding }, sample))
}

/// What a file is that is neither text nor a workbook, by its first bytes.
fn foreign(file: &mut std::fs::File) -> Option<&'static str> {
    use std::io::Read;
    const KINDS: [(&[u8], &str); 7] = [
        (b"%PDF-", "a PDF document"),
        (b"\x89PNG", "a picture"),
        (b"\xFF\xD8\xFF", "a picture"),
        (b"GIF8", "a picture"),
        (b"\x7FELF", "a program"),
        (b"MZ", "a program"),
        (b"Rar!", "a RAR archive"),
    ];
    let mut head = Vec::with_capacity(1024);
    file.take(1024).read_to_end(&mut head).ok()?;
    let found = KINDS.iter().find(|(begin, _)| head.starts_with(begin));
    // Two letters alone may begin a header as well.
    let found = found.filter(|(begin, _)| begin.len() > 2 || head.contains(&0));
    found.map(|(_, kind)| *kind)
}
