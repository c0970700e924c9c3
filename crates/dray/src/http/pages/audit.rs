//! The audit log: who did what, when and from where, found by who, what and when.

use axum::extract::State;
use dray_model::catalog::AuditEntry;
use maud::{Markup, html};

use super::failure_words::notice;
use super::form::Field;
use super::frame::{Head, Visit, page};
use super::pieces::{cell, moment, pager, person};
use super::view::address;
use super::words::{Words, filled};
use crate::http::answer::Answer;
use crate::http::body::Query;
use crate::http::native::audit::{AuditPage, entries};
use crate::server::app::App;

/// Where it is.
const AUDIT: &str = "/audit";
/// Lines of one page.
const LINES: &str = "100";

/// What is asked for, as the address of a page says it.
fn pairs(asked: &AuditPage) -> Vec<(&'static str, &str)> {
    let all = [
        ("actor", &asked.actor),
        ("action", &asked.action),
        ("subject", &asked.subject),
        ("from", &asked.from),
        ("until", &asked.until),
    ];
    all.into_iter()
        .filter_map(|(name, text)| Some((name, text.as_deref().filter(|text| !text.is_empty())?)))
        .collect()
}

/// The log, the newest lines first.
pub async fn list(State(app): State<App>, visit: Visit, Query(asked): Query<AuditPage>) -> Answer<Markup> {
    let admin = visit.actor.admin()?;
    let words = visit.words;
    let asked = AuditPage { limit: Some(LINES.to_owned()), ..asked };
    let found = entries(&app, &admin, &asked).await;
    let filters = pairs(&asked);
    let content = html! {
        (filter_form(words, &asked, !filters.is_empty()))
        @match &found {
            Err(failure) => { (notice(words, failure)) }
            Ok((entries, _)) if entries.is_empty() => { div.empty { p { (words.audit_empty) } } }
            Ok((entries, next)) => {
                (table(words, entries))
                @let older = next.as_deref().map(|next| {
                    let pairs: Vec<_> = filters.iter().copied().chain([("cursor", next)]).collect();
                    address(AUDIT, &pairs)
                });
                (pager(words, older.as_deref()))
            }
        }
    };
    let export = |format: &'static str| {
        let pairs: Vec<_> = [("format", format)].into_iter().chain(filters.iter().copied()).collect();
        address("/api/v1/audit/export", &pairs)
    };
    let actions = html! {
        details.menu {
            summary.button { (words.export) }
            div.items {
                a href=(export("csv")) download { "CSV" }
                a href=(export("jsonl")) download { "JSON Lines" }
            }
        }
    };
    let lead = html! { (words.audit_lead) };
    Ok(page(&visit, &Head { title: words.audit, lead, actions }, &content))
}

fn filter_form(words: &Words, asked: &AuditPage, is_filtered: bool) -> Markup {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (from, until) = (text(&asked.from), text(&asked.until));
    html! {
        form.filters.five method="get" action=(AUDIT) role="search" {
            (Field::new("actor", words.who, &text(&asked.actor)))
            (Field::new("action", words.action, &text(&asked.action)))
            (Field::new("subject", words.about_what, &text(&asked.subject)))
            (Field::new("from", words.from_day, &from).kind("date"))
            (Field::new("until", words.until_day, &until).kind("date"))
            div.actions {
                button.primary { (words.show) }
                @if is_filtered { a.button.quiet href=(AUDIT) { (words.clear_all) } }
            }
        }
    }
}

fn table(words: &Words, entries: &[AuditEntry]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.audit) {
            table.grid {
                thead {
                    tr {
                        th { (words.when) } th { (words.who) } th { (words.action) } th { (words.about_what) }
                        th.number { (words.answer) } th { (words.details) }
                    }
                }
                tbody {
                    @for entry in entries {
                        tr {
                            td { (moment(entry.at)) }
                            td title=(format!("{}, {}", entry.actor, filled(words.from_address, &[&entry.address]))) { (person(&entry.actor)) }
                            td { code { (entry.action) } }
                            (cell(&entry.subject))
                            td.number { @if entry.status >= 400 { span.badge.error { (entry.status) } } @else { (entry.status) } }
                            (details(&entry.details))
                        }
                    }
                }
            }
        }
    }
}

/// What else is known, short; whole where the pointer rests.
fn details(text: &str) -> Markup {
    let is_empty = matches!(text, "" | "{}" | "null");
    html! { td.none[is_empty] title=[(!is_empty).then_some(text)] { @if !is_empty { code { (text) } } } }
}
