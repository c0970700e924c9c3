//! Secrets that connectors read: made, replaced, deleted. Their values are never shown.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{SECRETS, Shown, settings_page};
use crate::http::answer::{Answer, Failure};
use crate::http::body;
use crate::http::native::secrets as native;
use crate::http::pages::form::{Entered, Field, wrong};
use crate::http::pages::frame::Visit;
use crate::http::pages::pieces::{careful_button, moment_cell};
use crate::http::pages::words::{Words, filled};
use crate::server::app::App;
use crate::server::named_secrets::NamedSecret;

/// All secrets.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    list_page(&app, &visit, &Entered::default(), None).await
}

async fn list_page(app: &App, visit: &Visit, entered: &Entered, failure: Option<&Failure>) -> Answer<Markup> {
    let words = visit.words;
    visit.actor.must_be_admin()?;
    let secrets = native::all(app, &visit.actor).await?;
    let content = html! {
        (wrong(words, failure))
        @if secrets.is_empty() {
            div.empty { p { (words.no_secrets) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.secrets) {
                table.plain {
                    thead {
                        tr {
                            th { (words.name) } th { (words.created) } th { (words.changed) } th { span.unseen { (words.actions) } }
                        }
                    }
                    tbody { @for secret in &secrets { (row(words, secret)) } }
                }
            }
        }
        section.card {
            h2 { (words.keep_secret) }
            form.fields.two method="post" action=(SECRETS) autocomplete="off" {
                (Field::new("name", words.name, entered.text("name")).hint(words.secret_name_hint).required())
                (Field::secret("value", words.value).hint(words.secret_value_hint).required())
                div.actions { button.primary { (words.save) } }
            }
        }
    };
    let shown = Shown { here: SECRETS, title: None, lead: html! { (words.secrets_lead) }, actions: html! {} };
    Ok(settings_page(visit, shown, &content))
}

fn row(words: &Words, secret: &NamedSecret) -> Markup {
    let name = &secret.name;
    let sure = filled(words.secret_delete_sure, &[name]);
    html! {
        tr {
            th scope="row" { code { (name) } }
            (moment_cell(Some(secret.created_at)))
            (moment_cell(Some(secret.changed_at)))
            td {
                div.actions {
                    (careful_button(&format!("{SECRETS}/{name}/delete"), "small quiet danger", words.delete, &sure))
                }
            }
        }
    }
}

/// Makes a secret or replaces its value.
pub async fn put(State(app): State<App>, visit: Visit, entered: Entered) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let (name, value) = (entered.text("name").to_owned(), entered.raw("value").to_owned());
    match native::keep(&app, &visit.actor, name, value).await {
        Ok(_) => Ok(Redirect::to(SECRETS).into_response()),
        Err(failure) => {
            let page = list_page(&app, &visit, &entered, Some(&failure)).await?;
            Ok((failure.status, page).into_response())
        }
    }
}

/// Deletes a secret.
pub async fn delete(State(app): State<App>, visit: Visit, Path(name): Path<String>) -> Answer<Redirect> {
    native::delete(State(app), visit.actor.admin()?, body::Path(name)).await?;
    Ok(Redirect::to(SECRETS))
}
