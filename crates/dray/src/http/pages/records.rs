//! The grid of an object's records: search, filters, order over several columns, a choice of columns, pages
//! that go on where the last one ended, and the two exports.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::response::Redirect;
use dray_model::definition::FieldKind;
use dray_model::object::Object;
use dray_model::value::ValueType;
use maud::{Markup, html};
use serde_json::Value;
use serde_json::json;

use super::failure_words::notice;
use super::frame::{Head, Visit, page};
use super::view::{Condition, View, columns_of, label};
use super::words::{Words, count, filled};
use crate::http::answer::{Answer, Failure};
use crate::http::native::shapes::object_of;
use crate::operations::pages::{self, Total};
use crate::server::app::App;
use crate::server::directory::Role;

/// Records of one page.
const RECORDS: u64 = 50;
/// Letters of a cell; the rest stands on the record's own page.
const CELL_LETTERS: usize = 120;
/// What lists are exported as: the format and its name.
pub const FORMATS: [(&str, &str); 5] =
    [("csv", "CSV"), ("xlsx", "Excel"), ("json", "JSON"), ("parquet", "Parquet"), ("pdf", "PDF")];

/// Where people begin: the records of the first object.
pub async fn home(visit: Visit) -> Redirect {
    let contacts = visit.objects.named("contacts").ok();
    let first = contacts.or_else(|| visit.objects.all().first().cloned());
    Redirect::to(&first.map_or("/docs".to_owned(), |object| format!("/records/{}", object.name())))
}

/// A page of records.
pub async fn list(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Markup> {
    visit.actor.reader()?;
    let object = object_of(&visit.objects, &name)?;
    let view = View::parse(query.as_deref().unwrap_or_default());
    let shown = view.shown_columns(&object);
    let read: Vec<String> = ["id".to_owned()].into_iter().chain(shown.iter().cloned()).collect();
    let cursor = Some(view.cursor.clone()).filter(|cursor| !cursor.is_empty());
    // A view that cannot be had is shown with what is wrong, so that it can be put right.
    let found = match view.selection(&read).read(&object) {
        Err(error) => Err(Failure::from(error)),
        Ok(selection) => {
            let of_work = object.clone();
            app.run(visit.actor.organization(), move |session| {
                session.prepare_object(&of_work)?;
                let page = pages::page(session, &of_work, &selection, RECORDS, cursor.as_deref())?;
                Ok((page, pages::total(session, &of_work, selection.filter.as_ref())?))
            })
            .await
            .map_err(Failure::from)
        }
    };
    let details = json!({ "query": query });
    app.audit(visit.actor.organization(), visit.actor.entry("records.list", object.name(), details)).await;
    let words = visit.words;
    let actions = html! {
        (export_menu(words, &object, &view, visit.actor.role == Role::Admin))
        @if visit.actor.role == Role::Admin {
            a.button href=(format!("/records/{}/new", object.name())) { (words.new_record) }
        }
        @if visit.actor.may_plan().is_ok() {
            a.button.primary href=(format!("/import/{}", object.name())) { (words.import) }
        }
    };
    // Links and forms within bring a new view, which takes the place of the one there is.
    let content = html! {
        div hx-target:inherited="#view" hx-select:inherited="#view" hx-swap:inherited="outerHTML"
            hx-select-oob:inherited="#export,#searched,#menus" hx-push-url:inherited="true" {
            (toolbar(words, &object, &view, &shown))
            div #view {
                (chips(words, &object, &view))
                @match &found {
                    Err(failure) => { (notice(words, failure)) }
                    Ok((page, total)) => {
                        @let records: Vec<BTreeMap<String, Value>> = serde_json::from_str(page.records.get()).unwrap_or_default();
                        (grid(words, &object, &view, &shown, &records))
                        (pager(words, &object, &view, total, page.next.as_deref()))
                    }
                }
            }
        }
    };
    Ok(page(&visit, &Head { title: &object.definition.label, lead: html! {}, actions }, &content))
}

fn export_menu(words: &Words, object: &Object, view: &View, is_admin: bool) -> Markup {
    let part = |title: &str, hint: &str, is_all: bool| {
        html! {
            p.group { (title) }
            p.hint { (hint) }
            @for (format, name) in FORMATS {
                a href=(view.export_address(object, format, is_all)) download { (name) }
            }
        }
    };
    html! {
        details #export .menu {
            summary.button { (words.export) }
            div.items {
                div { (part(words.export_view, words.export_view_hint, false)) }
                div { (part(words.export_all, words.export_all_hint, true)) }
                @if is_admin {
                    hr;
                    a href=(view.with(|_| {}).address(&format!("/reports/new/{}", object.name()))) { (words.save_as_report) }
                }
            }
        }
    }
}

/// The operators that make sense for a field.
fn operators(words: &'static Words, kind: FieldKind) -> Vec<(&'static str, &'static str)> {
    let equal = [("eq", words.is), ("neq", words.is_not), ("in", words.is_one_of)];
    let filled = [("is_empty", words.is_empty), ("is_not_empty", words.is_filled)];
    let text = [
        ("contains", words.contains),
        ("not_contains", words.contains_not),
        ("starts_with", words.starts_with),
        ("ends_with", words.ends_with),
    ];
    let order = [
        ("gt", words.greater),
        ("gte", words.greater_or_equal),
        ("lt", words.less),
        ("lte", words.less_or_equal),
    ];
    let is_ordered = matches!(
        kind,
        FieldKind::Integer
            | FieldKind::Decimal
            | FieldKind::Date
            | FieldKind::DateTime
            | FieldKind::Time
            | FieldKind::Reference
    );
    let mut out = equal.to_vec();
    match kind {
        FieldKind::Boolean | FieldKind::Uuid | FieldKind::Choice => {}
        _ if is_ordered => out.extend(order),
        _ => out.extend(text),
    }
    out.extend(filled);
    out
}

/// All operators, in the words of the page.
pub fn operator_words(words: &'static Words) -> Vec<(&'static str, &'static str)> {
    let mut all = operators(words, FieldKind::Text);
    for operator in operators(words, FieldKind::Integer) {
        if !all.contains(&operator) {
            all.push(operator);
        }
    }
    all
}

fn hidden(view: &View, but: &[&str]) -> Markup {
    html! {
        @for (name, value) in view.query() {
            @if name != "cursor" && !but.contains(&name) { input type="hidden" name=(name) value=(value); }
        }
    }
}

fn toolbar(words: &'static Words, object: &Object, view: &View, shown: &[String]) -> Markup {
    let path = format!("/records/{}", object.name());
    let title = filled(words.search_records, &[&object.definition.label]);
    html! {
        div.bar {
            form.search role="search" method="get" action=(path) hx-get=(path) hx-trigger="submit, input delay:300ms" hx-sync="this:replace" {
                span #searched { (hidden(view, &["search"])) }
                input #search type="search" name="search" value=(view.search) placeholder=(title) aria-label=(title)
                    maxlength="200";
                button.quiet { (words.search) }
            }
            div #menus {
                details.menu {
                    summary.button { (words.add_filter) }
                    form.items.filters method="get" action=(path) hx-get=(path) {
                        (hidden(view, &[]))
                        div.condition {
                            select name="field" aria-label=(words.field) required {
                                @for column in columns_of(object) { option value=(column.name) { (object.label_of_column(column)) } }
                            }
                            select name="operator" aria-label=(words.condition) {
                                @for (operator, text) in operator_words(words) { option value=(operator) { (text) } }
                            }
                            input name="value" aria-label=(words.value);
                            button.primary { (words.apply) }
                        }
                    }
                }
                details.menu {
                    summary.button { (words.columns) }
                    form.items.columns method="get" action=(path) hx-get=(path) {
                        (hidden(view, &["column"]))
                        fieldset {
                            legend.group { (words.columns) }
                            @for column in columns_of(object) {
                                label {
                                    input type="checkbox" name="column" value=(column.name) checked[shown.contains(&column.name)];
                                    " " (object.label_of_column(column))
                                }
                            }
                        }
                        button.primary { (words.apply) }
                    }
                }
            }
        }
    }
}

/// A condition in words.
pub fn condition_sentence(words: &'static Words, object: &Object, condition: &Condition) -> String {
    let known = operator_words(words).into_iter().find(|(operator, _)| *operator == condition.operator);
    let operator = known.map_or(condition.operator.as_str(), |(_, text)| text);
    let value = if condition.is_about_nothing() { "" } else { &condition.value };
    format!("{} {operator} {value}", label(object, &condition.field)).trim_end().to_owned()
}

/// What is filtered and ordered by, each with a way out.
fn chips(words: &'static Words, object: &Object, view: &View) -> Markup {
    let path = format!("/records/{}", object.name());
    if view.conditions.is_empty() && view.sort.is_empty() && view.search.is_empty() {
        return html! {};
    }
    let chip = |text: String, without: View| {
        let address = without.address(&path);
        html! { a.chip href=(address) hx-get=(address) title=(words.remove_filter) { (text) } }
    };
    html! {
        div.chips {
            @if !view.search.is_empty() {
                // The whole page, so that the words leave the place where they are written too.
                a.chip href=(view.with(|view| view.search.clear()).address(&path)) title=(words.remove_filter) {
                    "“" (view.search) "”"
                }
            }
            @for (index, condition) in view.conditions.iter().enumerate() {
                (chip(condition_sentence(words, object, condition), view.with(|view| drop(view.conditions.remove(index)))))
            }
            @for (index, (field, descends)) in view.sort.iter().enumerate() {
                @let arrow = if *descends { "↓" } else { "↑" };
                (chip(format!("{arrow} {}", label(object, field)), view.with(|view| drop(view.sort.remove(index)))))
            }
            a.quiet href=(View { columns: view.columns.clone(), ..View::default() }.address(&path)) { (words.clear_all) }
        }
    }
}

/// True for values that stand at the right.
pub fn is_number(object: &Object, name: &str) -> bool {
    let column = columns_of(object).find(|column| column.name == name);
    column.is_some_and(|column| matches!(column.value_type, ValueType::Integer | ValueType::Decimal))
}

/// A value as text.
pub fn shown_value(words: &Words, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(true) => Some(words.yes.to_owned()),
        Value::Bool(false) => Some(words.no.to_owned()),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(|item| shown_value(words, item)).collect();
            Some(texts.join(", "))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                shown_value(words, value).map(|text| format!("{}: {text}", name.replace('_', " ")))
            };
            let texts: Vec<String> = members.iter().filter_map(member).collect();
            Some(texts.join(" · ")).filter(|text| !text.is_empty())
        }
        Value::Number(number) => Some(number.to_string()),
    }
}

/// A cell with a value, as a link where there is one.
pub fn cell(words: &Words, object: &Object, name: &str, value: Option<&Value>, link: Option<&str>) -> Markup {
    let text = value.and_then(|value| shown_value(words, value));
    let Some(text) = text else {
        return match link {
            Some(link) => html! { td { a href=(link) aria-label=(words.empty) { (words.nothing) } } },
            None => html! { td.none {} },
        };
    };
    let is_long = text.chars().count() > CELL_LETTERS;
    let short: String = if is_long { text.chars().take(CELL_LETTERS).chain(['…']).collect() } else { text };
    html! {
        td.number[is_number(object, name)] {
            @match link {
                Some(link) => a href=(link) { (short) },
                None => (short),
            }
        }
    }
}

fn grid(
    words: &Words,
    object: &Object,
    view: &View,
    shown: &[String],
    records: &[BTreeMap<String, Value>],
) -> Markup {
    let path = format!("/records/{}", object.name());
    if records.is_empty() {
        let is_filtered = !view.conditions.is_empty() || !view.search.is_empty();
        return html! {
            div.empty {
                p { @if is_filtered { (words.nothing_found) } @else { (words.nothing_yet) } }
            }
        };
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label=(object.definition.label) {
            table.grid {
                thead {
                    tr {
                        @for name in shown {
                            th scope="col" aria-sort=(view.order_of(name)) .number[is_number(object, name)] {
                                @let title = label(object, name);
                                @let address = view.sorted_by(name).address(&path);
                                a.sort href=(address) hx-get=(address)
                                    title=(filled(words.sorted_by, &[&title])) { (title) }
                            }
                        }
                    }
                }
                tbody {
                    @for record in records {
                        @let id = record.get("id").and_then(Value::as_i64).unwrap_or_default();
                        @let link = format!("{path}/{id}");
                        tr {
                            @for (index, name) in shown.iter().enumerate() {
                                (cell(words, object, name, record.get(name), (index == 0).then_some(link.as_str())))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pager(words: &Words, object: &Object, view: &View, total: &Total, next: Option<&str>) -> Markup {
    let path = format!("/records/{}", object.name());
    let number = count(total.count);
    let text = match total.is {
        "exact" if total.count == 1 => words.count_one,
        "exact" => words.count_exact,
        "estimate" => words.count_estimate,
        _ => words.count_at_least,
    };
    html! {
        nav.pager aria-label=(words.pages) {
            span { (filled(text, &[&number])) }
            @if !view.cursor.is_empty() {
                @let address = view.with(|_| {}).address(&path);
                a.button.small href=(address) hx-get=(address) hx-swap="outerHTML show:top" rel="first" { (words.first_page) }
            }
            @if let Some(next) = next {
                @let following = View { cursor: next.to_owned(), ..view.clone() };
                @let address = following.address(&path);
                a.button.small href=(address) hx-get=(address) hx-swap="outerHTML show:top" rel="next" { (words.next_page) }
            }
        }
    }
}
