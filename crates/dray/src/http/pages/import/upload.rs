//! The first step: a file is dropped, chosen or pasted, and kept.

use axum::Json;
use axum::extract::{Form, FromRequest, Multipart, Path, Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::object::Object;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Step, address_of, keep, steps};
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::native::shapes::object_of;
use crate::http::native::upload::{receive, shown_name};
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::words::filled;
use crate::operations::drafts::Draft;
use crate::operations::import_job::ImportJob;
use crate::operations::upload::Upload;
use crate::server::app::App;
use crate::server::files::{Files, too_large};
use crate::server::links::Link;

/// Files from this size on are sent in parts by browsers that run the script.
const PARTS_FROM: u64 = 16 << 20;

/// The parts of an address.
#[derive(Debug, Deserialize)]
pub struct Place {
    object: String,
}

/// Asks for a file.
pub async fn ask(visit: Visit, Path(place): Path<Place>) -> Answer<Markup> {
    let object = object_of(&visit.objects, &place.object)?;
    visit.may_import_into(&object)?;
    let words = visit.words;
    let title = filled(words.import_into, &[&object.definition.label]);
    let limits = [
        object.policy.max_rows.map(|rows| filled(words.at_most_rows, &[&rows.to_string()])),
        object.policy.max_bytes.map(|bytes| filled(words.at_most_bytes, &[&shown_bytes(bytes)])),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    let actions = html! {
        @if visit.embedded.is_none() {
            a.button.quiet href=(format!("/records/{}", object.name())) { (words.cancel) }
        }
    };
    let content = html! {
        (steps(words, Step::Upload, None))
        form method="post" enctype="multipart/form-data" action=(visit.at(&format!("/import/{}", object.name()))) {
            label.drop data-drop data-parts=(PARTS_FROM) {
                strong { (words.drop_here) }
                span { (words.formats_read) @if !limits.is_empty() { " " (limits.join(" ")) } }
                input type="file" name="file" required;
            }
            div.actions.noscript { button.primary { (words.upload) } }
        }
        p.notice { (words.nothing_is_written) }
    };
    Ok(page(&visit, &Head { title: &title, lead: html! {}, actions }, &content))
}

/// Keeps the file that was sent, and goes on to its columns.
pub async fn send(
    State(app): State<App>,
    visit: Visit,
    Path(place): Path<Place>,
    request: Request,
) -> Answer<Response> {
    let object = object_of(&visit.objects, &place.object)?;
    visit.may_import_into(&object)?;
    let form = Multipart::from_request(request, &())
        .await
        .map_err(|why| Failure::validation(format!("the form cannot be read: {}", why.body_text())))?;
    let upload = receive(&app, visit.actor.organization(), object.policy.max_bytes, form).await?;
    go_on(&app, &visit, &object, upload.job, upload.bytes).await
}

/// A file that is to come in parts.
#[derive(Debug, Deserialize)]
pub struct Announced {
    name: String,
    bytes: u64,
}

/// A file that came in parts.
#[derive(Debug, Deserialize)]
pub struct Arrived {
    upload: String,
}

/// Gives a large file a place, and a link by which it is sent in parts: what broke off goes on where it ended.
pub async fn begin(
    State(app): State<App>,
    visit: Visit,
    Path(place): Path<Place>,
    Form(announced): Form<Announced>,
) -> Answer<Json<Value>> {
    let object = object_of(&visit.objects, &place.object)?;
    visit.may_import_into(&object)?;
    let most = object.policy.max_bytes.unwrap_or(u64::MAX).min(app.files().most_bytes());
    if announced.bytes > most {
        return Err(too_large(most).into());
    }
    let now = app.time().await?;
    let expires_at = app.settings().imports_kept_until(now);
    let upload =
        Upload::new(Files::new_id(), shown_name(Some(&announced.name)), expires_at, Some(announced.bytes));
    let id = upload.id.clone();
    app.run(visit.actor.organization(), move |session| upload.save(session, now)).await?;
    let link = Link { method: &Method::PUT, organization: visit.actor.organization(), file: &id };
    let address = link.path(app.secret(), visit.holder(), expires_at);
    Ok(Json(json!({ "upload": id, "address": address })))
}

/// Goes on to the columns of a file that came in parts.
pub async fn take(
    State(app): State<App>,
    visit: Visit,
    Path(place): Path<Place>,
    Form(arrived): Form<Arrived>,
) -> Answer<Response> {
    let object = object_of(&visit.objects, &place.object)?;
    visit.may_import_into(&object)?;
    let id = arrived.upload;
    let found = app
        .run(visit.actor.organization(), move |session| match Upload::find(session, &id)? {
            Some(upload) => Files::find(session, &upload.id),
            None => Ok(None),
        })
        .await?;
    let file = found.ok_or_else(|| Failure::not_found("the file is not here: send it again"))?;
    let job = ImportJob {
        file: file.id,
        file_type: file.name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase(),
        source_name: file.name,
        processing_mode: "sync".to_owned(),
        ..ImportJob::default()
    };
    go_on(&app, &visit, &object, job, file.bytes).await
}

/// Begins the preparation of an import with a file that is here.
async fn go_on(app: &App, visit: &Visit, object: &Object, job: ImportJob, bytes: u64) -> Answer<Response> {
    let draft = Draft {
        id: Files::new_id(),
        object: object.name().to_owned(),
        job,
        bytes,
        actor: visit.actor.name.clone(),
        created_at: clock::now(),
        review: None,
    };
    let to = address_of(visit, &draft);
    keep(app, visit, draft).await?;
    Ok(Redirect::to(&to).into_response())
}

/// A size as people say it.
pub fn shown_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KB", "MB", "GB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1_024.0 && unit + 1 < UNITS.len() {
        size /= 1_024.0;
        unit += 1;
    }
    let text = if size < 10.0 && unit > 0 { format!("{size:.1}") } else { format!("{size:.0}") };
    format!("{} {}", text.trim_end_matches(".0"), UNITS.get(unit).unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::shown_bytes;

    #[test]
    fn sizes_are_said_as_people_do() {
        for (bytes, text) in [(0, "0 B"), (1_023, "1023 B"), (2 << 20, "2 MB"), (1_572_864, "1.5 MB")] {
            assert_eq!(shown_bytes(bytes), text);
        }
    }
}
