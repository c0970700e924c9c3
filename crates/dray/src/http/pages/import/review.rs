//! The third step: what would happen, row by row, before anything does; what is wrong, and carrying it out.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::object::Object;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Step, address_of, draft_of, steps};
use crate::clock;
use crate::http::answer::Answer;
use crate::http::native::plans;
use crate::http::pages::frame::{Visit, page, said};
use crate::http::pages::pictures::ledger;
use crate::http::pages::words::{Words, count, filled};
use crate::operations::drafts::{DRAFT_TIME, Draft, Review};
use crate::operations::plans::Plan;
use crate::server::app::App;
use crate::server::directory::Role;
use crate::server::files::{Files, StoredFile};

/// Rows with problems shown.
const SHOWN_ROWS: usize = 100;
/// Records that would change, shown.
const SHOWN_CHANGES: usize = 50;

/// Plans what the draft says, keeps what came of it, and goes on to look at it.
pub async fn look(app: &App, visit: &Visit, object: Arc<Object>, mut draft: Draft) -> Answer<Response> {
    let planned =
        plans::make(app, &visit.actor, &visit.objects, object, draft.job.clone(), draft.bytes).await;
    draft.review = Some(match planned {
        Ok(answer) => Review {
            plan: answer.get("id").and_then(Value::as_str).map(str::to_owned),
            refused: String::new(),
            answer,
        },
        Err(failure) if failure.status.is_client_error() => Review {
            plan: None,
            refused: failure.message,
            answer: failure.details.unwrap_or_else(|| json!({})),
        },
        Err(failure) => return Err(failure),
    });
    let to = format!("{}/review", address_of(&draft));
    let now = clock::now();
    // A plan ends within the hour, and what is prepared may wait longer.
    let file = StoredFile {
        id: draft.job.file.clone(),
        name: draft.job.source_name.clone(),
        bytes: draft.bytes,
        expires_at: now + DRAFT_TIME,
    };
    app.run(visit.actor.organization(), move |session| {
        Files::describe(session, &file, now)?;
        draft.save(session, now)
    })
    .await?;
    Ok(Redirect::to(&to).into_response())
}

/// Shows what would happen.
pub async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Response> {
    let (object, draft) = draft_of(&app, &visit, &name, &id).await?;
    let Some(review) = &draft.review else { return Ok(Redirect::to(&address_of(&draft)).into_response()) };
    let words = visit.words;
    let fates = review.answer.get("plan").cloned().unwrap_or_else(|| json!({}));
    let number = |fate: &str| fates.get(fate).and_then(Value::as_u64).unwrap_or(0);
    let effect = number("created") + number("updated");
    let may_import = visit.actor.role == Role::Admin && review.plan.is_some();
    let actions = html! {
        a.button.quiet href=(address_of(&draft)) { (words.back) }
        @if may_import {
            form method="post" action=(format!("{}/confirm", address_of(&draft))) {
                button.primary { (filled(words.import_rows, &[&count(effect)])) }
            }
        }
    };
    let content = html! {
        p.lead { (words.nothing_written_yet) }
        (steps(words, Step::Review, Some(&address_of(&draft))))
        @if !review.refused.is_empty() { p.notice.error role="alert" { (review.refused) } }
        @if fates.get("read").is_some() {
            section.card {
                h2 { (words.what_would_happen) }
                (ledger(words, &fates))
            }
        }
        (problems(words, &object, &review.answer))
        (changes(words, &object, &review.answer))
    };
    Ok(page(&visit, words.review_title, &actions, &content).into_response())
}

/// Problems by what is wrong and where, most frequent first; then row by row.
pub fn problems(words: &Words, object: &Object, answer: &Value) -> Markup {
    let all = answer.get("problems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return html! {};
    }
    let text = |problem: &Value, name: &str| {
        problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let place = |problem: &Value| match (text(problem, "column"), text(problem, "field")) {
        (column, field) if column.is_empty() && !field.is_empty() => object.label_of(&field),
        (column, _) => column,
    };
    let mut groups: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    for problem in all {
        let key = (text(problem, "severity"), text(problem, "code").replace('_', " "), place(problem));
        *groups.entry(key).or_default() += 1;
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    html! {
        h2 { (words.problems) }
        ul.issues {
            @for ((severity, code, place), rows) in groups {
                li {
                    span.badge.error[severity == "error"].warning[severity != "error"] { (count(rows)) }
                    p { @if !place.is_empty() { strong { (place) } ": " } (code) }
                }
            }
        }
        div.scroll tabindex="0" role="region" aria-label=(words.problems) {
            table.grid {
                thead { tr { th.number { (words.row) } th { (words.column) } th { (words.value) } th { (words.what_is_wrong) } } }
                tbody {
                    @for problem in all.iter().take(SHOWN_ROWS) {
                        tr {
                            td.number { (problem.get("row").map(Value::to_string).unwrap_or_default()) }
                            td { (place(problem)) }
                            @match problem.get("value").and_then(Value::as_str) {
                                Some(value) => td { (value) },
                                None => td.none {},
                            }
                            td { (text(problem, "message")) }
                        }
                    }
                }
            }
        }
    }
}

/// Old → new of the records that would change.
fn changes(words: &Words, object: &Object, answer: &Value) -> Markup {
    let all = answer.get("changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut records: Vec<(i64, Vec<&Value>)> = Vec::new();
    for change in all {
        let id = change.get("record").and_then(Value::as_i64).unwrap_or_default();
        match records.iter().position(|(known, _)| *known == id) {
            Some(place) => records.get_mut(place).into_iter().for_each(|(_, cells)| cells.push(change)),
            None if records.len() < SHOWN_CHANGES => records.push((id, vec![change])),
            None => {}
        }
    }
    if records.is_empty() {
        return html! {};
    }
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let cells = answer.get("changed_cells").and_then(Value::as_u64).unwrap_or(0);
    html! {
        h2 { (words.changes) " " small { (said(words.changed_cells, &[&count(cells)])) } }
        div.scroll tabindex="0" role="region" aria-label=(words.changes) {
            table.grid {
                thead { tr { th { (words.record_word) } th { (words.field) } th { (words.old_and_new) } } }
                tbody {
                    @for (id, cells) in records {
                        @for (index, cell) in cells.iter().enumerate() {
                            tr {
                                td { @if index == 0 { a href=(format!("/records/{}/{id}", object.name())) { (id) } } }
                                td { (object.label_of(&text(cell.get("field")))) }
                                td { span.change { del { (text(cell.get("old"))) } ins { (text(cell.get("new"))) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Carries the plan out, and goes on to what came of it.
pub async fn confirm(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let (object, draft) = draft_of(&app, &visit, &name, &id).await?;
    let Some(plan) = draft.review.as_ref().and_then(|review| review.plan.clone()) else {
        return Ok(Redirect::to(&format!("{}/review", address_of(&draft))).into_response());
    };
    // Sent twice it is done once, and leads to the same page.
    let request = format!("draft {}", draft.id);
    let done = plans::carry_out(&app, &visit.actor, &visit.objects, object, plan.clone(), request).await;
    let found = app.run(visit.actor.organization(), move |session| Plan::find(session, &plan)).await?;
    let confirmed = found.and_then(|plan| plan.confirmed);
    match confirmed.map(|confirmed| (confirmed.import, confirmed.job)) {
        Some((Some(import), _)) => Ok(Redirect::to(&format!("/imports/{import}")).into_response()),
        Some((None, Some(job))) => Ok(Redirect::to(&format!("/jobs/{job}")).into_response()),
        _ => done.map(|_| Redirect::to(&format!("{}/review", address_of(&draft))).into_response()),
    }
}
