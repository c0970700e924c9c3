//! Exports made in the background: their files, until when they are kept, and how one is begun.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use dray_formats::Compression;
use dray_model::catalog::{Job, JobQuery, JobStatus};
use maud::{Markup, html};

use super::exported::Exported;
use super::form::{Entered, Field, wrong};
use super::frame::{Head, Visit, page};
use super::import::upload::shown_bytes;
use super::jobs::badge;
use super::pieces::{cell, moment, moment_cell, pager, person};
use super::records::FORMATS;
use super::view::address;
use super::words::{Words, count, filled};
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::native::exports::begin;
use crate::http::native::reports::found;
use crate::http::native::shapes::object_of;
use crate::operations::export_job::{ExportJob, KIND};
use crate::operations::ledger::time;
use crate::operations::reports::{self, MOST_REPORTS, Report};
use crate::server::app::App;

/// Where they are.
const EXPORTS: &str = "/exports";
/// Exports of one page.
const MOST: u64 = 50;
/// What begins the number of a report.
const REPORT: &str = "rpt_";

/// Exports, the newest first.
pub async fn list(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer<Markup> {
    let before = query.as_deref().and_then(|query| query.strip_prefix("before=")?.parse().ok());
    list_page(&app, &visit, before, &Entered::default(), None).await
}

async fn list_page(
    app: &App,
    visit: &Visit,
    before: Option<i64>,
    entered: &Entered,
    failure: Option<&Failure>,
) -> Answer<Markup> {
    let admin = visit.actor.admin()?;
    let words = visit.words;
    let asked = JobQuery { kind: Some(KIND.to_owned()), object: None, before, limit: MOST };
    let (jobs, reports) = app
        .run(admin.0.organization(), move |session| {
            Ok((session.list_jobs(&asked)?, reports::list(session, "", MOST_REPORTS)?))
        })
        .await?;
    let older = jobs.last().filter(|_| jobs.len() as u64 == MOST).map(|job| job.id.to_string());
    let older = older.map(|last| address(EXPORTS, &[("before", &last)]));
    let content = html! {
        (wrong(words, failure))
        @if jobs.is_empty() {
            div.empty { p { (words.no_exports) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.exports) {
                table.grid {
                    thead {
                        tr {
                            th { (words.file) } th { (words.object) } th { (words.format) } th.number { (words.records) }
                            th.number { (words.size) } th { (words.status) } th { (words.kept_until) } th { (words.made) }
                            th { (words.by) }
                        }
                    }
                    tbody { @for job in &jobs { (row(visit, job)) } }
                }
            }
            (pager(words, older.as_deref()))
        }
        (new_form(visit, &reports, entered))
    };
    let lead = html! { (words.exports_lead) };
    Ok(page(visit, &Head { title: words.exports, lead, actions: html! {} }, &content))
}

fn row(visit: &Visit, job: &Job) -> Markup {
    let words = visit.words;
    let Some(exported) = Exported::of(job) else { return html! {} };
    html! {
        tr {
            td { a href=(format!("/jobs/{}", job.id)) { (exported.asked.file_name) } }
            (cell(&visit.label_of(&job.object)))
            (cell(exported.format()))
            @match &exported.result {
                Some(result) => { td.number { (count(result.records)) } td.number { (shown_bytes(result.bytes)) } }
                None => { td.number.none {} td.number.none {} }
            }
            td {
                @if job.status == JobStatus::Completed {
                    (exported.link(words, "button small"))
                } @else {
                    (badge(words, job.status))
                }
            }
            (moment_cell(exported.result.as_ref().map(|result| result.expires_at)))
            td { (moment(job.created_at)) }
            td { (person(&job.actor)) }
        }
    }
}

fn new_form(visit: &Visit, reports: &[Report], entered: &Entered) -> Markup {
    let words: &Words = visit.words;
    let objects =
        visit.objects.all().iter().map(|object| {
            (object.name().to_owned(), filled(words.every_record_of, &[&object.definition.label]))
        });
    let named = reports.iter().map(|report| (report.id.clone(), filled(words.report_named, &[&report.name])));
    let sources: Vec<(String, String)> = objects.chain(named).collect();
    let sources = sources.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let packings = [("", words.not_packed), ("gzip", "gzip"), ("zip", "zip"), ("zstd", "zstd")];
    html! {
        section.card {
            h2 { (words.new_export) }
            p.hint { (words.new_export_hint) }
            form.fields.two method="post" action=(EXPORTS) {
                (Field::new("source", words.what_to_export, entered.text("source")).choice(sources))
                (Field::new("format", words.format, entered.text("format")).choice(FORMATS))
                (Field::new("packing", words.packing, entered.text("packing")).choice(packings))
                div.actions { button.primary { (words.new_export) } }
            }
        }
    }
}

/// Begins an export, and goes on to its job.
pub async fn create(State(app): State<App>, visit: Visit, entered: Entered) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    match begun(&app, &visit, &entered).await {
        Ok(job) => Ok(Redirect::to(&format!("/jobs/{}", job.id)).into_response()),
        Err(failure) => {
            let page = list_page(&app, &visit, None, &entered, Some(&failure)).await?;
            Ok((failure.status, page).into_response())
        }
    }
}

async fn begun(app: &App, visit: &Visit, entered: &Entered) -> Answer<Job> {
    let admin = visit.actor.admin()?;
    let source = entered.text("source");
    let report = match source.starts_with(REPORT) {
        true => Some(found(app, visit.actor.organization(), source).await?),
        false => None,
    };
    let object = object_of(&visit.objects, report.as_ref().map_or(source, |report| &report.object))?;
    let mut asked = ExportJob {
        source_id: source.to_owned(),
        source_type: "page".to_owned(),
        format: entered.text("format").to_owned(),
        compression: entered.filled("packing").map(str::to_owned),
        ..ExportJob::default()
    };
    let stem = report.as_ref().map_or(object.name(), |report| &report.name).to_owned();
    if let Some(report) = report {
        asked.fields = report.fields;
        asked.filters = report.filters;
        asked.limit = report.limit;
        let descends = report.sort_dir.as_deref() == Some("desc");
        asked.sort = report.sort_by.into_iter().map(|field| (field, descends)).collect();
        asked.title = Some(report.name);
    }
    let day = time(clock::now()).get(..10).unwrap_or_default().to_owned();
    let packing = asked.compression.as_deref().and_then(Compression::from_name);
    let ending = packing.map_or("", Compression::ending);
    asked.file_name = format!("{stem}-{day}.{}{ending}", asked.format()?.extension());
    begin(app, &admin, &object, asked).await
}
