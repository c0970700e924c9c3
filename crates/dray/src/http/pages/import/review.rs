//! The third step: what would happen, row by row, before anything does; what is wrong, and carrying it out.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::object::Object;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Prepared, Step, address_of, keep, read_file, steps};
use crate::http::answer::Answer;
use crate::http::native::plans;
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::pictures::ledger;
use crate::http::pages::pieces::{list_of, of_engine, text};
use crate::http::pages::problem_words::{name, sentence};
use crate::http::pages::view::label;
use crate::http::pages::words::{Words, count, counted, filled};
use crate::operations::drafts::{Draft, Review};
use crate::operations::plans::Plan;
use crate::operations::sample::rows_of;
use crate::server::app::App;
use crate::server::directory::Role;

/// Rows with problems shown.
const SHOWN_ROWS: usize = 50;
/// Values of one column that are matched at once.
const SHOWN_VALUES: usize = 12;
/// Records that would change, shown.
const SHOWN_CHANGES: usize = 50;

/// Plans what the draft says, keeps what came of it, and goes on to look at it.
pub async fn look(app: &App, visit: &Visit, object: Arc<Object>, mut draft: Draft) -> Answer<Response> {
    let planned =
        plans::make(app, &visit.actor, &visit.objects, object, draft.job.clone(), draft.bytes).await;
    let mut review = match planned {
        Ok(answer) => Review {
            plan: answer.get("id").and_then(Value::as_str).map(str::to_owned),
            answer,
            ..Review::default()
        },
        Err(failure) if failure.status.is_client_error() => Review {
            refused: failure.message,
            answer: failure.details.unwrap_or_else(|| json!({})),
            ..Review::default()
        },
        Err(failure) => return Err(failure),
    };
    let bad: BTreeSet<u64> = problems_of(&review.answer)
        .iter()
        .filter(|problem| text(problem, "severity") == "error")
        .filter_map(|problem| problem.get("row").and_then(Value::as_u64))
        .filter(|row| *row > 0)
        .collect();
    let bad: BTreeSet<u64> = bad.into_iter().take(SHOWN_ROWS).collect();
    if !bad.is_empty() {
        review.bad = read_file(app, visit, &draft, move |source| rows_of(source, &bad)).await?;
    }
    draft.review = Some(review);
    let to = format!("{}/review", address_of(visit, &draft));
    // Planning gives the file two hours, and what is prepared may wait longer.
    keep(app, visit, draft).await?;
    Ok(Redirect::to(&to).into_response())
}

/// The problems an answer tells of.
pub fn problems_of(answer: &Value) -> &[Value] {
    list_of(answer, "problems")
}

/// Shows what would happen.
pub async fn show(prepared: Prepared) -> Answer<Response> {
    let address = prepared.address();
    let Prepared { visit, object, draft } = prepared;
    let Some(review) = &draft.review else { return Ok(Redirect::to(&address).into_response()) };
    let words = visit.words;
    let fates = review.answer.get("plan").cloned().unwrap_or_else(|| json!({}));
    let number = |fate: &str| fates.get(fate).and_then(Value::as_u64).unwrap_or(0);
    let effect = number("created") + number("updated");
    let may_import = visit.actor.role == Role::Admin && review.plan.is_some();
    let actions = html! {
        a.button.quiet href=(address) { (words.back) }
        @if may_import {
            form method="post" action=(format!("{address}/confirm")) {
                button.primary { (counted(words.import_one_row, words.import_rows, effect)) }
            }
        }
    };
    let lead = html! { (words.nothing_written_yet) };
    let content = html! {
        (steps(words, Step::Review, Some(&address)))
        @if !review.refused.is_empty() { p.notice.error role="alert" { (of_engine(words, &review.refused)) } }
        @if fates.get("read").is_some() {
            section.card {
                h2 { (words.what_would_happen) }
                (ledger(words, &fates))
            }
        }
        (repairs(&visit, &object, &draft, review))
        (changes(&visit, &object, &review.answer))
    };
    Ok(page(&visit, &Head { title: words.review_title, lead, actions }, &content).into_response())
}

/// Problems that are alike: how bad, what is wrong, in which column, and how many.
struct Alike {
    severity: String,
    code: String,
    column: String,
    rows: u64,
    /// Their different values, the first of them.
    values: Vec<String>,
}

/// Problems by what is wrong and where, most frequent first.
fn alike(answer: &Value) -> Vec<Alike> {
    let mut groups: Vec<Alike> = Vec::new();
    for problem in problems_of(answer) {
        let (severity, code) = (text(problem, "severity"), text(problem, "code"));
        let column = Some(text(problem, "column")).filter(|column| !column.is_empty());
        let column = column.unwrap_or(text(problem, "field"));
        let is_alike =
            |group: &&mut Alike| group.severity == severity && group.code == code && group.column == column;
        let value = text(problem, "value");
        match groups.iter_mut().find(is_alike) {
            Some(group) => {
                group.rows += 1;
                if group.values.len() < SHOWN_VALUES && !group.values.iter().any(|known| known == value) {
                    group.values.push(value.to_owned());
                }
            }
            None => groups.push(Alike {
                severity: severity.to_owned(),
                code: code.to_owned(),
                column: column.to_owned(),
                rows: 1,
                values: vec![value.to_owned()],
            }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
    groups
}

/// What is wrong, row by row.
pub fn problems(words: &Words, object: &Object, answer: &Value) -> Markup {
    let all = problems_of(answer);
    if all.is_empty() {
        return html! {};
    }
    let place = |problem: &Value| match (text(problem, "column"), text(problem, "field")) {
        ("", field) => object.label_of(field),
        (column, _) => column.to_owned(),
    };
    html! {
        h2 { (words.problems) }
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
                            td.text { (sentence(words, problem)) }
                        }
                    }
                }
            }
        }
    }
}

/// What is wrong, and the ways to put it right on the spot.
fn repairs(visit: &Visit, object: &Object, draft: &Draft, review: &Review) -> Markup {
    let groups = alike(&review.answer);
    let words = visit.words;
    let address = address_of(visit, draft);
    let edits = &draft.job.edits;
    let policy = &draft.job.policy;
    let repaired = edits.cells.len()
        + edits.replacements.len()
        + usize::from(policy.create_references || policy.leave_references_empty);
    if groups.is_empty() && repaired == 0 {
        return html! {};
    }
    let is_column = |name: &str| review.bad.header.iter().any(|known| known == name);
    html! {
        h2 { (words.problems) }
        @if repaired > 0 {
            form.bar method="post" action=(format!("{address}/unrepaired")) {
                p { (counted(words.repaired_once, words.repaired, repaired as u64)) }
                button.small { (words.forget_repairs) }
            }
        }
        @if !groups.is_empty() {
            ul.issues {
                @for group in &groups {
                    li {
                        span.badge.error[group.severity == "error"].warning[group.severity != "error"] { (count(group.rows)) }
                        p {
                            @if !group.column.is_empty() { strong { (group.column) } ": " }
                            (name(words, &group.code))
                        }
                        @if group.code == "reference_not_found" && group.severity == "error" {
                            form method="post" action=(format!("{address}/references")) {
                                @if visit.embedded.is_none() { button.small name="missing" value="make" { (words.make_them) } " " }
                                button.small name="missing" value="empty" { (words.leave_them_empty) }
                            }
                        } @else if is_column(&group.column) && group.severity == "error" && group.code != "required" {
                            form method="post" action=(format!("{address}/empty")) {
                                input type="hidden" name="column" value=(group.column);
                                input type="hidden" name="code" value=(group.code);
                                button.small { (words.leave_them_empty) }
                            }
                        } @else { span {} }
                    }
                }
            }
        }
        @for group in groups.iter().filter(|group| group.code == "not_a_choice" && is_column(&group.column)) {
            (value_matches(words, &address, object, draft, group))
        }
        @if !review.bad.rows.is_empty() { (sheet(words, &address, draft, review)) }
        @else { (problems(words, object, &review.answer)) }
    }
}

/// Which choice each unknown value means.
fn value_matches(words: &Words, address: &str, object: &Object, draft: &Draft, group: &Alike) -> Markup {
    let field = draft.job.columns.iter().find(|(header, _)| *header == group.column);
    let definition = field.and_then(|(_, field)| object.field(field)).map(|field| &field.definition);
    let Some(definition) = definition.filter(|definition| !definition.choices.is_empty()) else {
        return html! {};
    };
    html! {
        section.card {
            h2 { (filled(words.match_values, &[&group.column])) }
            form.fields.two method="post" action=(format!("{address}/values")) {
                input type="hidden" name="column" value=(group.column);
                @for (index, value) in group.values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
                    div.field {
                        label for=(format!("value-{index}")) { (filled(words.quoted, &[value])) }
                        input type="hidden" name=(format!("from.{index}")) value=(value);
                        select id=(format!("value-{index}")) name=(format!("to.{index}")) {
                            option value="" { (words.nothing) }
                            @for choice in &definition.choices { option value=(choice) { (choice) } }
                        }
                    }
                }
                div.actions { button { (words.apply) } }
            }
        }
    }
}

/// The bad rows, to be edited in place.
fn sheet(words: &Words, address: &str, draft: &Draft, review: &Review) -> Markup {
    let wrong = |row: u64| {
        let of_row = move |problem: &&Value| {
            problem.get("row").and_then(Value::as_u64) == Some(row) && text(problem, "severity") == "error"
        };
        problems_of(&review.answer).iter().filter(of_row)
    };
    let is_edited = |row: u64, column: &str| {
        draft.job.edits.cells.iter().any(|edit| edit.row == row && edit.column == column)
    };
    html! {
        form.bar method="post" action=(format!("{address}/replace")) {
            label { (words.find) " " input name="find"; }
            label { (words.replace_with) " " input name="value"; }
            label { (words.column) " "
                select name="column" {
                    option value="" { (words.all_columns) }
                    @for name in &review.bad.header { option value=(name) { (name) } }
                }
            }
            button { (words.replace_everywhere) }
            button.space type="button" data-next-error { (words.next_error) " " kbd { "Alt N" } }
        }
        form method="post" action=(format!("{address}/cells")) {
            div.scroll tabindex="0" role="region" aria-label=(words.rows_to_repair) {
                table.sheet {
                    thead { tr { th { (words.row) } @for name in &review.bad.header { th { (name) } } } }
                    tbody {
                        @for (row, cells) in &review.bad.rows {
                            tr {
                                th scope="row" { (row) }
                                @for (index, (name, cell)) in review.bad.header.iter().zip(cells).enumerate() {
                                    @let is_wrong = wrong(*row).any(|problem| text(problem, "column") == name);
                                    td.changed[is_edited(*row, name)] {
                                        input name=(format!("{row}.{index}")) value=(cell)
                                            aria-label=(format!("{name}, {} {row}", words.row))
                                            aria-invalid=[is_wrong.then_some("true")]
                                            aria-describedby=[is_wrong.then(|| format!("wrong-{row}"))];
                                    }
                                }
                            }
                            tr {
                                td colspan=(review.bad.header.len() + 1) {
                                    p.error id=(format!("wrong-{row}")) {
                                        @for (index, problem) in wrong(*row).enumerate() {
                                            @if index > 0 { " · " }
                                            (text(problem, "column")) ": " (sentence(words, problem))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            div.actions { button.primary { (words.check_again) } }
        }
    }
}

/// Old → new of the records that would change.
fn changes(visit: &Visit, object: &Object, answer: &Value) -> Markup {
    let all = list_of(answer, "changes");
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
    let words = visit.words;
    let cells = answer.get("changed_cells").and_then(Value::as_u64).unwrap_or(0);
    html! {
        h2 { (words.changes) " " small { (filled(words.changed_cells, &[&count(cells)])) } }
        div.scroll tabindex="0" role="region" aria-label=(words.changes) {
            table.grid {
                thead { tr { th { (words.record_word) } th { (words.field) } th { (words.old_and_new) } } }
                tbody {
                    @for (id, cells) in records {
                        @for (index, cell) in cells.iter().enumerate() {
                            tr {
                                td {
                                    @if index == 0 {
                                        @if visit.embedded.is_some() { (id) }
                                        @else { a href=(format!("/records/{}/{id}", object.name())) { (id) } }
                                    }
                                }
                                td { (label(object, text(cell, "field"))) }
                                td { span.change { del { (text(cell, "old")) } ins { (text(cell, "new")) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Carries the plan out, and goes on to what came of it.
pub async fn confirm(State(app): State<App>, prepared: Prepared) -> Answer<Response> {
    let review = format!("{}/review", prepared.address());
    let Prepared { visit, object, draft } = prepared;
    visit.actor.must_be_admin()?;
    let Some(plan) = draft.review.as_ref().and_then(|review| review.plan.clone()) else {
        return Ok(Redirect::to(&review).into_response());
    };
    // Sent twice it is done once, and leads to the same page.
    let request = format!("draft {}", draft.id);
    let done = plans::carry_out(&app, &visit.actor, &visit.objects, object, plan.clone(), request).await;
    let found = app.run(visit.actor.organization(), move |session| Plan::find(session, &plan)).await?;
    let confirmed = found.and_then(|plan| plan.confirmed);
    let to = match confirmed.map(|confirmed| (confirmed.import, confirmed.job)) {
        Some((Some(import), _)) => visit.at(&format!("/imports/{import}")),
        Some((None, Some(job))) => visit.at(&format!("/jobs/{job}")),
        _ => done.map(|_| review)?,
    };
    Ok(Redirect::to(&to).into_response())
}
