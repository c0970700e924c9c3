//! Users: who signs in. A new one gets a password, or a link that signs in once.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{Shown, USERS, role_of, role_word, roles, settings_page};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{self, JsonBody};
use crate::http::links::base_url;
use crate::http::native::users::{self as native, MadeUser, NewPassword, NewUser, ShownUser};
use crate::http::pages::form::{Entered, Field, wrong};
use crate::http::pages::frame::Visit;
use crate::http::pages::pieces::{careful_button, moment, secret};
use crate::http::pages::words::filled;
use crate::server::app::App;

/// All users.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    list_page(&app, &visit, &Entered::default(), &html! {}).await
}

async fn list_page(app: &App, visit: &Visit, entered: &Entered, above: &Markup) -> Answer<Markup> {
    let words = visit.words;
    let users = native::list(State(app.clone()), visit.actor.admin()?).await?.0.users;
    let content = html! {
        (above)
        div.scroll tabindex="0" role="region" aria-label=(words.users) {
            table.plain {
                thead { tr { th { (words.email) } th { (words.name) } th { (words.role) } th { (words.password) } th { (words.created) } } }
                tbody {
                    @for user in &users {
                        tr {
                            th scope="row" { a href=(format!("{USERS}/{}", user.id)) { (user.email) } }
                            td.none[user.name.is_empty()] { (user.name) }
                            td { (role_word(words, user.role)) }
                            td { @if user.has_password { (words.has_password) } @else { span.badge { (words.has_no_password) } } }
                            td { (moment(user.created_at)) }
                        }
                    }
                }
            }
        }
        section.card {
            h2 { (words.add_user) }
            form.fields.two method="post" action=(USERS) {
                (Field::new("email", words.email, entered.text("email")).kind("email").required())
                (Field::new("name", words.name, entered.text("name")))
                (Field::new("role", words.role, entered.text("role")).choice(roles(words)))
                (Field::secret("password", words.password).hint(words.password_or_link))
                div.actions { button.primary { (words.add_user) } }
            }
        }
    };
    let shown = Shown { here: USERS, title: None, lead: html! { (words.users_lead) }, actions: html! {} };
    Ok(settings_page(visit, shown, &content))
}

/// Makes a user; shows the link to sign in with where there is no password.
pub async fn create(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    entered: Entered,
) -> Answer<Response> {
    let new = NewUser {
        email: entered.text("email").to_owned(),
        name: entered.text("name").to_owned(),
        role: role_of(entered.text("role")),
        password: Some(entered.raw("password").to_owned()).filter(|password| !password.is_empty()),
    };
    match native::create(State(app.clone()), visit.actor.admin()?, JsonBody(new)).await {
        Ok((_, made)) => {
            let MadeUser { user, secret: Some(link) } = made.0 else {
                return Ok(Redirect::to(USERS).into_response());
            };
            let words = visit.words;
            let link = format!("{}/sign-in/{link}", base_url(&app, &headers));
            let title = filled(words.sign_in_link, &[&user.email]);
            let above = secret(words, &title, words.sign_in_link_hint, &link);
            let page = list_page(&app, &visit, &Entered::default(), &above).await?;
            Ok((StatusCode::CREATED, page).into_response())
        }
        Err(failure) => {
            let page = list_page(&app, &visit, &entered, &wrong(visit.words, Some(&failure))).await?;
            Ok((failure.status, page).into_response())
        }
    }
}

/// The user of an address.
async fn found(app: &App, visit: &Visit, id: &str) -> Answer<ShownUser> {
    let users = native::list(State(app.clone()), visit.actor.admin()?).await?.0.users;
    let found = users.into_iter().find(|user| user.id == id);
    found.ok_or_else(|| Failure::not_found("there is no such user"))
}

/// One user.
pub async fn get(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Markup> {
    let user = found(&app, &visit, &id).await?;
    Ok(user_page(&visit, &user, &html! {}))
}

fn user_page(visit: &Visit, user: &ShownUser, above: &Markup) -> Markup {
    let words = visit.words;
    let place = format!("{USERS}/{}", user.id);
    let sure = filled(words.user_delete_sure, &[&user.email]);
    let content = html! {
        (above)
        dl.facts {
            dt { (words.name) } dd.none[user.name.is_empty()] { (user.name) }
            dt { (words.role) } dd { (role_word(words, user.role)) }
            dt { (words.password) } dd { @if user.has_password { (words.has_password) } @else { (words.has_no_password) } }
            dt { (words.created) } dd { (moment(user.created_at)) }
        }
        section.card {
            h2 { (words.set_password) }
            form.fields method="post" action=(format!("{place}/password")) {
                (Field::secret("password", words.password).required().hint(words.set_password_hint))
                div.actions { button.primary { (words.set_password) } }
            }
        }
    };
    let actions = html! {
        a.button.quiet href=(USERS) { (words.users) }
        (careful_button(&format!("{place}/delete"), "danger", words.delete, &sure))
    };
    settings_page(visit, Shown { here: USERS, title: Some(&user.email), lead: html! {}, actions }, &content)
}

/// Sets a user's password.
pub async fn set_password(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let user = found(&app, &visit, &id).await?;
    let new = NewPassword { password: entered.raw("password").to_owned(), current_password: None };
    let set = native::set_password(State(app), visit.actor.clone(), body::Path(id), JsonBody(new)).await;
    Ok(match set {
        Ok(_) => {
            let user = ShownUser { has_password: true, ..user };
            let told = html! { p.notice.good role="status" { (visit.words.password_set) } };
            user_page(&visit, &user, &told).into_response()
        }
        Err(failure) => {
            (failure.status, user_page(&visit, &user, &wrong(visit.words, Some(&failure)))).into_response()
        }
    })
}

/// Deletes a user.
pub async fn delete(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Response> {
    let deleted = native::delete(State(app.clone()), visit.actor.admin()?, body::Path(id)).await;
    match deleted {
        Ok(_) => Ok(Redirect::to(USERS).into_response()),
        Err(failure) => {
            let page =
                list_page(&app, &visit, &Entered::default(), &wrong(visit.words, Some(&failure))).await?;
            Ok((failure.status, page).into_response())
        }
    }
}
