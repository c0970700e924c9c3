//! What every page has around it: the navigation, whose page it is, the style and the script. And the page
//! that says what went wrong.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use maud::{DOCTYPE, Markup, html};

use super::assets::{SCRIPT, STYLE};
use super::words::{self, LANGUAGES, Words};
use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure};
use crate::operations::objects::KnownObjects;
use crate::server::app::App;

/// Somebody who is signed in looks at a page.
#[derive(Debug)]
pub struct Visit {
    /// Who.
    pub actor: Actor,
    /// In which language.
    pub words: &'static Words,
    /// The objects of their organization.
    pub objects: KnownObjects,
    /// The path of the page.
    pub path: String,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let actor = Actor::from_request_parts(parts, app).await?;
        let objects = app.objects(actor.organization()).await?;
        let words = words::of_request(&parts.headers);
        Ok(Self { actor, words, objects, path: parts.uri.path().to_owned() })
    }
}

/// The whole of a page.
fn document(words: &Words, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(words.code) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Dray" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.as_str());
                script src=(SCRIPT.as_str()) defer {}
            }
            body { (body) }
        }
    }
}

/// What stands above a page.
#[derive(Debug)]
pub struct Head<'h> {
    /// What it is about.
    pub title: &'h str,
    /// A sentence below.
    pub lead: Markup,
    /// What can be done, beside it.
    pub actions: Markup,
}

/// A page of somebody who is signed in.
pub fn page(visit: &Visit, head: &Head<'_>, content: &Markup) -> Markup {
    let words = visit.words;
    let body = html! {
        a.skip href="#main" { (words.skip) }
        header.side {
            a.brand href="/" { "Dray" }
            details.menu { summary.button { (words.menu) } }
            (navigation(visit))
        }
        main #main tabindex="-1" {
            header.page {
                h1 { (head.title) }
                @if !head.lead.0.is_empty() { p.lead { (head.lead) } }
                div.actions { (head.actions) }
            }
            (content)
        }
    };
    document(words, head.title, &body)
}

fn navigation(visit: &Visit) -> Markup {
    let words = visit.words;
    let begins = |path: &str| {
        let rest = visit.path.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')).then_some("page")
    };
    let is_admin = visit.actor.must_be_admin().is_ok();
    html! {
        nav aria-label=(words.main_navigation) {
            p.group { (words.records) }
            ul {
                @for object in visit.objects.all() {
                    @let path = format!("/records/{}", object.name());
                    @let is_here = begins(&path).or(begins(&format!("/import/{}", object.name())));
                    li { a href=(path) aria-current=[is_here] { (object.definition.label) } }
                }
            }
            p.group { (words.work) }
            ul {
                @if visit.actor.may_plan().is_ok() {
                    li { a href="/imports" aria-current=[begins("/imports")] { (words.imports) } }
                }
                @if is_admin {
                    li { a href="/exports" aria-current=[begins("/exports")] { (words.exports) } }
                    li { a href="/jobs" aria-current=[begins("/jobs")] { (words.jobs) } }
                }
                @if visit.actor.reader().is_ok() {
                    li { a href="/pipelines" aria-current=[begins("/pipelines")] { (words.pipelines) } }
                    li { a href="/connections" aria-current=[begins("/connections")] { (words.connections) } }
                    li { a href="/reports" aria-current=[begins("/reports")] { (words.reports) } }
                }
                @if is_admin {
                    li { a href="/audit" aria-current=[begins("/audit")] { (words.audit) } }
                }
                li { a href="/settings" aria-current=[begins("/settings")] { (words.settings) } }
                li { a href="/docs" { (words.reference) } }
            }
        }
        p.who { strong { (visit.actor.name.trim_start_matches("user ")) } (visit.actor.organization.name) }
        (languages(words))
        form.sign-out method="post" action="/sign-out" { button.quiet.small { (words.sign_out) } }
    }
}

/// A choice of languages.
fn languages(words: &Words) -> Markup {
    html! {
        form.languages method="post" action="/language" aria-label=(words.language) {
            @for other in LANGUAGES {
                button.quiet.small name="language" value=(other.code) lang=(other.code)
                    aria-pressed=(other.code == words.code) { (other.own_name) }
            }
        }
    }
}

/// A page of nobody in particular.
pub fn plain(words: &Words, title: &str, content: &Markup) -> Markup {
    let body = html! {
        a.skip href="#main" { (words.skip) }
        main #main tabindex="-1" {
            p.brand { "Dray" }
            h1 { (title) }
            (content)
            (languages(words))
        }
    };
    document(words, title, &body)
}

/// What went wrong, as a page.
pub fn failure(words: &Words, failure: &Failure) -> Markup {
    let content = html! {
        p.notice.error { (failure.message) }
        p { a.button href="/" { (words.back) } }
    };
    plain(words, words.not_done, &content)
}
