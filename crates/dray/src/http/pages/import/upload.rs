//! The first step: a file is dropped, chosen or pasted, and kept.

use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Step, address_of, keep, steps};
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::native::shapes::object_of;
use crate::http::native::upload::receive;
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::words::filled;
use crate::operations::drafts::Draft;
use crate::server::app::App;
use crate::server::files::Files;

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
            label.drop data-drop {
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
    let draft = Draft {
        id: Files::new_id(),
        object: object.name().to_owned(),
        job: upload.job,
        bytes: upload.bytes,
        actor: visit.actor.name.clone(),
        created_at: clock::now(),
        review: None,
    };
    let to = address_of(&visit, &draft);
    keep(&app, &visit, draft).await?;
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
