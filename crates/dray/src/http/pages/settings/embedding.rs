//! Embedding: the pages of other applications that may show imports, and what to write into them.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{EMBEDDING, Shown, settings_page};
use crate::http::answer::{Answer, Failure};
use crate::http::links::base_url;
use crate::http::native::embedding as native;
use crate::http::pages::form::{Entered, Field, wrong};
use crate::http::pages::frame::Visit;
use crate::server::app::App;
use crate::server::embedding::Embedding;

/// What is kept, and how it is used.
pub async fn get(State(app): State<App>, visit: Visit, headers: HeaderMap) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let origins = app.run(visit.actor.organization(), Embedding::load).await?.origins;
    Ok(embedding_page(&visit, &base_url(&app, &headers), &origins.join("\n"), None))
}

/// Keeps the origins.
pub async fn change(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    entered: Entered,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    match native::change(&app, &visit.actor, entered.lines("origins")).await {
        Ok(_) => Ok(Redirect::to(EMBEDDING).into_response()),
        Err(failure) => {
            let base = base_url(&app, &headers);
            let shown = embedding_page(&visit, &base, entered.raw("origins"), Some(&failure));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
    }
}

fn embedding_page(visit: &Visit, base: &str, origins: &str, failure: Option<&Failure>) -> Markup {
    let words = visit.words;
    let ask = format!(
        "curl -X POST {base}/api/v1/embedding/tokens -H \"Authorization: Bearer $KEY\" \\\n  \
         -H 'Content-Type: application/json' -d '{{\"object\": \"contacts\"}}'"
    );
    let write = format!(
        "<script src=\"{base}/embed.js\"></script>\n<dray-import object=\"contacts\" token=\"…\"></dray-import>"
    );
    let content = html! {
        (wrong(words, failure))
        section.card {
            h2 { (words.embed_origins) }
            form.fields method="post" action=(EMBEDDING) {
                (Field::new("origins", words.embed_origins_label, origins).hint(words.embed_origins_hint).whole().lines(4))
                div.actions { button.primary { (words.save) } }
            }
        }
        section.card {
            h2 { (words.embed_how) }
            p { (words.embed_token_hint) }
            pre #embed-ask tabindex="0" role="region" aria-label=(words.embed_token_hint) { (ask) }
            div.actions { button.small type="button" data-copy="embed-ask" { (words.copy) } }
            p { (words.embed_page_hint) }
            pre #embed-write tabindex="0" role="region" aria-label=(words.embed_page_hint) { (write) }
            div.actions { button.small type="button" data-copy="embed-write" { (words.copy) } }
        }
    };
    let shown = Shown { here: EMBEDDING, title: None, lead: html! {}, actions: html! {} };
    settings_page(visit, shown, &content)
}
