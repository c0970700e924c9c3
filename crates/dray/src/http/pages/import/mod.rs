//! An import in four steps: a file is sent (`upload`), its columns are mapped (`map`), what would happen is
//! looked at and repaired (`review`), and done (the page of the import). What was done so far rests in a draft.

pub mod upload;
pub mod review;
pub mod map;
pub mod repair;

use dray_model::Result;
use dray_model::flow::RowSource;
use dray_model::object::Object;
use maud::{Markup, html};
use std::sync::Arc;

use super::frame::Visit;
use super::words::Words;
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::native::plans::file_gone;
use crate::http::native::shapes::{object_of, short};
use crate::operations::drafts::{DRAFT_TIME, Draft};
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::jobs::import::kept_source;

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A file is sent.
    Upload,
    /// Columns become fields.
    Map,
    /// What would happen.
    Review,
    /// It happened.
    Done,
}

/// Where somebody is; steps behind are links, where there is a draft.
pub fn steps(words: &Words, now: Step, draft: Option<&str>) -> Markup {
    let all = [
        (Step::Upload, words.step_upload),
        (Step::Map, words.step_map),
        (Step::Review, words.step_review),
        (Step::Done, words.step_done),
    ];
    html! {
        ol.steps aria-label=(words.steps) {
            @for (step, name) in all {
                @if step < now {
                    li.done {
                        @match (draft, step) {
                            (Some(draft), Step::Map) => a href=(draft) { (name) },
                            _ => (name),
                        }
                    }
                } @else {
                    li aria-current=[(step == now).then_some("step")] { (name) }
                }
            }
        }
    }
}

/// The draft of an address, and its object.
async fn draft_of(app: &App, visit: &Visit, object: &str, id: &str) -> Answer<(Arc<Object>, Draft)> {
    visit.actor.may_plan()?;
    let object = object_of(&visit.objects, object)?;
    let wanted = id.to_owned();
    let found = app.run(visit.actor.organization(), move |session| Draft::find(session, &wanted)).await?;
    let found = found.filter(|draft| draft.object == object.name());
    let draft =
        found.ok_or_else(|| Failure::not_found(format!("there is no prepared import `{}`", short(id))))?;
    Ok((object, draft))
}

/// The page of a draft.
fn address_of(draft: &Draft) -> String {
    format!("/import/{}/{}", draft.object, draft.id)
}

/// Keeps the draft, and its file as long.
async fn keep(app: &App, visit: &Visit, draft: Draft) -> Answer<()> {
    let now = clock::now();
    let file = StoredFile {
        id: draft.job.file.clone(),
        name: draft.job.source_name.clone(),
        bytes: draft.bytes,
        expires_at: now + DRAFT_TIME,
    };
    let keeping = app.run(visit.actor.organization(), move |session| {
        Files::describe(session, &file, now)?;
        draft.save(session, now)
    });
    Ok(keeping.await?)
}

/// Reads the draft's file, with what was repaired.
async fn read_file<T: Send + 'static>(
    app: &App,
    visit: &Visit,
    draft: &Draft,
    read: impl FnOnce(Box<dyn RowSource>) -> Result<T> + Send + 'static,
) -> Answer<T> {
    let (ours, organization, job) = (app.clone(), visit.actor.organization().to_owned(), draft.job.clone());
    let _permit = app.queue().may_work().await?;
    let reading = tokio::task::spawn_blocking(move || match kept_source(&ours, &organization, &job)? {
        None => Err(file_gone()),
        Some(source) => Ok(read(source.open(0)?)?),
    });
    reading.await.unwrap_or_else(|_| Err(dray_model::Error::file("reading a file broke off").into()))
}
