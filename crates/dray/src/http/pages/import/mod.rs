//! An import in four steps: a file is sent (`upload`), its columns are mapped (`map`), what would happen is
//! looked at and repaired (`review`), and done (the page of the import). What was done so far rests in a draft.

pub mod upload;
pub mod review;
pub mod more;
pub mod map;
pub mod repair;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use dray_model::Result;
use dray_model::flow::RowSource;
use dray_model::object::Object;
use maud::{Markup, html};
use serde::Deserialize;
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

/// Somebody goes on with an import that is being prepared.
#[derive(Debug)]
pub struct Prepared {
    /// Who.
    pub visit: Visit,
    /// The object imported into.
    pub object: Arc<Object>,
    /// What was done so far.
    pub draft: Draft,
}

/// The parts of an address.
#[derive(Deserialize)]
struct Place {
    object: String,
    draft: String,
}

impl FromRequestParts<App> for Prepared {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let visit = Visit::from_request_parts(parts, app).await?;
        let place = Path::<Place>::from_request_parts(parts, app).await;
        let Path(place) = place.map_err(|_| Failure::not_found("there is no such page"))?;
        let object = object_of(&visit.objects, &place.object)?;
        visit.may_import_into(&object)?;
        let missing = Failure::not_found(format!("there is no prepared import `{}`", short(&place.draft)));
        let found =
            app.run(visit.actor.organization(), move |session| Draft::find(session, &place.draft)).await?;
        let draft = found.filter(|draft| draft.object == object.name()).ok_or(missing)?;
        visit.must_own(&draft.actor)?;
        Ok(Self { visit, object, draft })
    }
}

impl Prepared {
    /// The address of its pages.
    pub fn address(&self) -> String {
        address_of(&self.visit, &self.draft)
    }
}

/// The page of a draft.
fn address_of(visit: &Visit, draft: &Draft) -> String {
    visit.at(&format!("/import/{}/{}", draft.object, draft.id))
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
