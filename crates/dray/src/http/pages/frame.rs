//! What every page has around it: the navigation, whose page it is, the style and the script. And the page
//! that says what went wrong.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use dray_model::object::Object;
use maud::{DOCTYPE, Markup, html};
use serde_json::{Value, json};

use super::assets::{HTMX, SCRIPT, STYLE};
use super::failure_words::{explained, heading};
use super::words::{self, LANGUAGES, Words};
use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure};
use crate::operations::objects::KnownObjects;
use crate::server::app::App;

/// What htmx may do: it swaps parts of pages of this server. Whoever goes back gets the whole page again.
const HTMX_CONFIG: &str = r#"{"history": "reload", "includeIndicatorCSS": false}"#;

/// A page that another application shows.
#[derive(Debug)]
pub struct Embedded {
    /// What stands before every address: `/embed/TOKEN`.
    pub base: String,
    /// The object that may be imported into.
    pub object: String,
    /// The key or user that asked for the token.
    pub holder: String,
    /// The pages that may show it.
    pub origins: Vec<String>,
    /// In the language that the page asked for, or the browser.
    pub words: &'static Words,
}

/// Tells the page around this one what happened.
pub fn tells(event: &str, detail: &Value) -> Markup {
    html! { div hidden data-embed-event=(event) data-embed-detail=(detail.to_string()) {} }
}

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
    /// Where another application shows the page.
    pub embedded: Option<Arc<Embedded>>,
}

impl Visit {
    /// The address of a page of ours, as it is reached from here.
    pub fn at(&self, path: &str) -> String {
        let base = self.embedded.as_ref().map_or("", |embedded| &embedded.base);
        format!("{base}{path}")
    }

    /// An object as people call it; its name, where it is gone.
    pub fn label_of(&self, object: &str) -> String {
        let known = self.objects.named(object);
        known.map_or_else(|_| object.to_owned(), |object| object.definition.label.clone())
    }

    /// The key or user that links are given to: they work as long as those may.
    pub fn holder(&self) -> &str {
        self.embedded.as_ref().map_or(&self.actor.id, |embedded| &embedded.holder)
    }

    /// Refuses what is not theirs: a frame shows only what was done with its own token.
    pub fn must_own(&self, actor: &str) -> Answer<()> {
        if self.embedded.is_none() || self.actor.name == actor {
            return Ok(());
        }
        Err(Failure::not_found("there is nothing of that number here"))
    }

    /// Refuses objects that nothing may be imported into from here.
    pub fn may_import_into(&self, object: &Object) -> Answer<()> {
        self.actor.may_plan()?;
        match &self.embedded {
            Some(embedded) if embedded.object != object.name() => {
                Err(Failure::denied("the token is for another object").code("TOKEN_INVALID"))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let actor = Actor::from_request_parts(parts, app).await?;
        let objects = app.objects(actor.organization()).await?;
        let embedded = parts.extensions.get::<Arc<Embedded>>().cloned();
        let words =
            embedded.as_ref().map_or_else(|| words::of_request(&parts.headers), |embedded| embedded.words);
        Ok(Self { actor, words, objects, path: parts.uri.path().to_owned(), embedded })
    }
}

/// The whole of a page.
fn document(words: &Words, title: &str, embedded: Option<&Embedded>, body: &Markup) -> Markup {
    let origins = embedded.map(|embedded| json!(embedded.origins).to_string());
    html! {
        (DOCTYPE)
        html lang=(words.code) data-words=(words::of_script(words)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Dray" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.as_str());
                meta name="htmx-config" content=(HTMX_CONFIG);
                script src=(HTMX.as_str()) defer {}
                script src=(SCRIPT.as_str()) defer {}
            }
            body data-embedded=[origins] { (body) }
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
    let main = html! {
        main #main tabindex="-1" {
            header.page {
                h1 { (head.title) }
                @if !head.lead.0.is_empty() { p.lead { (head.lead) } }
                div.actions { (head.actions) }
            }
            (content)
        }
    };
    if let Some(embedded) = &visit.embedded {
        return document(words, head.title, Some(embedded), &main);
    }
    let body = html! {
        a.skip href="#main" { (words.skip) }
        header.side {
            a.brand href="/" { "Dray" }
            details.menu { summary.button { (words.menu) } }
            (navigation(visit))
        }
        (main)
    };
    document(words, head.title, None, &body)
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
    document(words, title, None, &body)
}

/// What went wrong, within the page of another application.
pub fn embedded_failure(embedded: &Embedded, failure: &Failure) -> Markup {
    let words = embedded.words;
    let heading = heading(words, failure);
    let body = html! {
        main #main tabindex="-1" {
            h1 { (heading) }
            (explained(words, failure))
            @if !failure.code.starts_with("TOKEN_") {
                p { a.button href=(format!("{}/import/{}", embedded.base, embedded.object)) { (words.back) } }
            }
            (tells("failed", &json!({ "code": failure.code, "message": failure.message })))
        }
    };
    document(words, heading, Some(embedded), &body)
}

/// What went wrong, as a page.
pub fn failure(words: &Words, failure: &Failure) -> Markup {
    let content = html! {
        (explained(words, failure))
        p { a.button href="/" { (words.back) } }
    };
    plain(words, heading(words, failure), &content)
}
