//! Keys of programs and agents: made, looked at, revoked. A secret is shown once.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{KEYS, Shown, role_of, role_word, roles, settings_page};
use crate::clock;
use crate::http::answer::Answer;
use crate::http::body::JsonBody;
use crate::http::native::keys::{self as native, NewKey};
use crate::http::pages::form::{Entered, Field, wrong};
use crate::http::pages::frame::Visit;
use crate::http::pages::pieces::{careful_button, moment_cell, secret};
use crate::http::pages::words::{Words, filled};
use crate::server::app::App;
use crate::server::directory::Key;

/// Seconds of a day.
const DAY: u32 = 24 * 3600;

/// All keys.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    list_page(&app, &visit, &Entered::default(), &html! {}).await
}

/// How a key stands: whether it lets anybody in.
fn standing(words: &Words, key: &Key) -> (bool, Markup) {
    let has_ended = key.expires_at.is_some_and(|end| end <= clock::now());
    if key.revoked_at.is_some() {
        (false, html! { span.badge.warning { (words.revoked) } })
    } else if has_ended {
        (false, html! { span.badge { (words.ended) } })
    } else {
        (true, html! { span.badge.good { (words.active) } })
    }
}

async fn list_page(app: &App, visit: &Visit, entered: &Entered, above: &Markup) -> Answer<Markup> {
    let words = visit.words;
    let keys = native::list(State(app.clone()), visit.actor.admin()?).await?.0.keys;
    let ends = [
        ("", words.never),
        ("1", words.ends_day),
        ("7", words.ends_week),
        ("30", words.ends_month),
        ("365", words.ends_year),
    ];
    let content = html! {
        (above)
        @if keys.is_empty() {
            div.empty { p { (words.no_keys) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.keys) {
                table.plain {
                    thead {
                        tr {
                            th { (words.name) } th { (words.key) } th { (words.role) } th { (words.status) }
                            th { (words.created) } th { (words.last_use) } th { (words.ends) } th { span.unseen { (words.actions) } }
                        }
                    }
                    tbody { @for key in &keys { (row(words, key)) } }
                }
            }
        }
        section.card {
            h2 { (words.new_key) }
            form.fields.two method="post" action=(KEYS) {
                (Field::new("name", words.name, entered.text("name")).required())
                (Field::new("role", words.role, entered.text("role")).choice(roles(words)))
                (Field::new("days", words.ends, entered.text("days")).choice(ends))
                div.actions { button.primary { (words.new_key) } }
            }
        }
    };
    let shown = Shown { here: KEYS, title: None, lead: html! { (words.keys_lead) }, actions: html! {} };
    Ok(settings_page(visit, shown, &content))
}

fn row(words: &Words, key: &Key) -> Markup {
    let (is_open, badge) = standing(words, key);
    let sure = filled(words.revoke_sure, &[&key.name]);
    html! {
        tr {
            th scope="row" { (key.name) }
            td { code { (key.prefix) "…" } }
            td { (role_word(words, key.role)) }
            td { (badge) }
            (moment_cell(Some(key.created_at)))
            (moment_cell(key.last_used_at))
            (moment_cell(key.expires_at))
            td {
                @if is_open {
                    div.actions {
                        (careful_button(&format!("{KEYS}/{}/revoke", key.id), "small quiet danger", words.revoke, &sure))
                    }
                }
            }
        }
    }
}

/// Makes a key and shows its secret.
pub async fn create(State(app): State<App>, visit: Visit, entered: Entered) -> Answer<Response> {
    let days = entered.number("days")?.and_then(|days| u32::try_from(days).ok());
    let new = NewKey {
        name: entered.text("name").to_owned(),
        role: role_of(entered.text("role")),
        expires_in: days.map(|days| days.saturating_mul(DAY)),
    };
    match native::create(State(app.clone()), visit.actor.admin()?, JsonBody(new)).await {
        Ok((_, made)) => {
            let words = visit.words;
            let title = filled(words.key_made, &[&made.key.name]);
            let above = secret(words, &title, words.shown_once, &made.secret);
            let page = list_page(&app, &visit, &Entered::default(), &above).await?;
            Ok((StatusCode::CREATED, page).into_response())
        }
        Err(failure) => {
            let page = list_page(&app, &visit, &entered, &wrong(visit.words, Some(&failure))).await?;
            Ok((failure.status, page).into_response())
        }
    }
}

/// Revokes a key.
pub async fn revoke(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Redirect> {
    native::revoke(State(app), visit.actor.admin()?, Path(id)).await?;
    Ok(Redirect::to(KEYS))
}
