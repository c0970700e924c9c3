//! Reports: saved questions about records. Made from a list as it stands or from nothing, looked at, exported,
//! changed, deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::object::Object;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::failure_words::notice;
use super::form::{Entered, Field, wrong};
use super::frame::{Head, Visit, page};
use super::pieces::{careful_button, pager};
use super::records::{FORMATS, cell as record_cell, condition_sentence, is_number, operator_words};
use super::view::{Condition, View, address, columns_of, label};
use super::words::{Words, count, filled};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{self, JsonBody, Query};
use crate::http::native::reports::{self as native, ReportPage, found};
use crate::http::native::shapes::object_of;
use crate::operations::reports::{self, MOST_REPORTS, Report};
use crate::server::app::App;

/// Where they are.
const REPORTS: &str = "/reports";
/// Records of one page.
const RECORDS: &str = "50";
/// Rows of a form for conditions that are not there yet.
const MORE_CONDITIONS: usize = 3;

/// All reports.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    let reader = visit.actor.reader()?;
    let words = visit.words;
    let all = app.run(reader.0.organization(), |session| reports::list(session, "", MOST_REPORTS)).await?;
    let is_admin = visit.actor.must_be_admin().is_ok();
    let content = html! {
        @if all.is_empty() {
            div.empty { p { (words.no_reports) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.reports) {
                table.plain {
                    thead { tr { th { (words.name) } th { (words.object) } th { (words.filters) } th { (words.sort_by) } } }
                    tbody {
                        @for report in &all {
                            @let object = visit.objects.named(&report.object).ok();
                            @let conditions = object.as_ref().map(|object| sentences(words, object, report)).unwrap_or_default();
                            tr {
                                th scope="row" { a href=(format!("{REPORTS}/{}", report.id)) { (report.name) } }
                                td { (visit.label_of(&report.object)) }
                                td.none[conditions.is_empty()] { (conditions.join(", ")) }
                                @match (&report.sort_by, &object) {
                                    (Some(field), Some(object)) => td { (label(object, field)) },
                                    _ => td.none {},
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let actions = html! {
        @if is_admin {
            details.menu {
                summary.button.primary { (words.new_report) }
                div.items {
                    @for object in visit.objects.all() {
                        a href=(format!("{REPORTS}/new/{}", object.name())) { (object.definition.label) }
                    }
                }
            }
        }
    };
    let lead = html! { (words.reports_lead) };
    Ok(page(&visit, &Head { title: words.reports, lead, actions }, &content))
}

/// The conditions of a report in words.
fn sentences(words: &'static Words, object: &Object, report: &Report) -> Vec<String> {
    let Some(view) = View::of_report(report) else { return vec![words.filters_json.to_owned()] };
    view.conditions.iter().map(|condition| condition_sentence(words, object, condition)).collect()
}

/// What a form of a report shows.
struct Form {
    name: String,
    view: View,
    /// Filters that are no list of conditions.
    filters: Option<String>,
    limit: String,
}

impl Form {
    fn of_report(report: &Report) -> Self {
        let known = View::of_report(report);
        let filters = match &known {
            Some(_) => None,
            None => report.filters.as_ref().map(|filters| format!("{filters:#}")),
        };
        let plain = Report { filters: None, ..report.clone() };
        Self {
            name: report.name.clone(),
            view: known.or_else(|| View::of_report(&plain)).unwrap_or_default(),
            filters,
            limit: report.limit.map(|limit| limit.to_string()).unwrap_or_default(),
        }
    }

    fn of_entered(entered: &Entered) -> Self {
        let mut view = View::of_pairs(entered.0.clone());
        let sort =
            entered.filled("sort_by").map(|field| (field.to_owned(), entered.text("sort_dir") == "desc"));
        view.sort = sort.into_iter().collect();
        Self {
            name: entered.text("name").to_owned(),
            view,
            filters: entered.filled("filters").map(str::to_owned),
            limit: entered.text("limit").to_owned(),
        }
    }

    /// The members as the API takes them; none is left as it was.
    fn members(&self) -> Answer<Map<String, Value>> {
        let filters = match &self.filters {
            None => self.view.filters(),
            Some(text) => Some(
                serde_json::from_str(text)
                    .map_err(|why| Failure::validation(format!("the filters are not JSON: {why}")))?,
            ),
        };
        let limit = match self.limit.as_str() {
            "" => None,
            text => Some(
                text.parse::<u64>()
                    .map_err(|_| Failure::validation(format!("`limit`: `{text}` is no whole number")))?,
            ),
        };
        let sort = self.view.sort.first();
        let members = json!({
            "name": self.name, "fields": self.view.columns, "filters": filters,
            "sort_by": sort.map(|(field, _)| field),
            "sort_dir": sort.map(|(_, descends)| if *descends { "desc" } else { "asc" }),
            "limit": limit,
        });
        match members {
            Value::Object(members) => Ok(members),
            _ => Ok(Map::new()),
        }
    }
}

/// A form for a new report, filled with what a list shows.
pub async fn new(visit: Visit, Path(name): Path<String>, RawQuery(query): RawQuery) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let object = object_of(&visit.objects, &name)?;
    let view = View::parse(query.as_deref().unwrap_or_default());
    let form = Form { name: String::new(), view, filters: None, limit: String::new() };
    Ok(new_page(&visit, &object, &form, None))
}

fn new_page(visit: &Visit, object: &Object, form: &Form, failure: Option<&Failure>) -> Markup {
    let words = visit.words;
    let title = filled(words.new_report_about, &[&object.definition.label]);
    let content = html! {
        (wrong(words, failure))
        @if !form.view.search.is_empty() {
            p.notice.warning { (filled(words.search_not_kept, &[&form.view.search])) }
        }
        (form_of(words, object, form, &format!("{REPORTS}/new/{}", object.name())))
    };
    let actions = html! { a.button.quiet href=(REPORTS) { (words.reports) } };
    page(visit, &Head { title: &title, lead: html! {}, actions }, &content)
}

fn form_of(words: &'static Words, object: &Object, form: &Form, to: &str) -> Markup {
    let (sort, descends) = match form.view.sort.first() {
        Some((field, descends)) => (field.as_str(), *descends),
        None => ("", false),
    };
    let columns: Vec<(&str, String)> =
        columns_of(object).map(|column| (column.name.as_str(), object.label_of_column(column))).collect();
    let named = |columns: &'_ [(&'static str, &'static str)]| columns.to_vec();
    let sorts =
        [("", words.nothing)].into_iter().chain(columns.iter().map(|(name, text)| (*name, text.as_str())));
    html! {
        form.fields.report method="post" action=(to) {
            (Field::new("name", words.name, &form.name).required())
            @match &form.filters {
                Some(filters) => (Field::new("filters", words.filters_json, filters).hint(words.filters_json_hint).code(8)),
                None => (conditions_of(words, &columns, &form.view.conditions)),
            }
            fieldset.field {
                legend { (words.columns) }
                div.ticks {
                    @for (name, text) in &columns {
                        label {
                            input type="checkbox" name="column" value=(name) checked[form.view.columns.iter().any(|known| known == name)];
                            " " (text)
                        }
                    }
                }
                p.hint { (words.columns_hint) }
            }
            div.fields.two {
                (Field::new("sort_by", words.sort_by, sort).choice(sorts))
                (Field::new("sort_dir", words.direction, if descends { "desc" } else { "asc" })
                    .choice(named(&[("asc", words.ascending), ("desc", words.descending)])))
                (Field::new("limit", words.most_records, &form.limit).kind("number"))
            }
            div.actions { button.primary { (words.save) } }
        }
    }
}

fn conditions_of(words: &'static Words, columns: &[(&str, String)], known: &[Condition]) -> Markup {
    let none = Condition::default();
    let rows = known.iter().chain(std::iter::repeat_n(&none, MORE_CONDITIONS));
    html! {
        fieldset.field {
            legend { (words.filters) }
            @for (index, condition) in rows.enumerate() {
                @let row = filled(words.condition_number, &[&(index + 1).to_string()]);
                div.condition {
                    select name="field" aria-label=(format!("{row}: {}", words.field)) {
                        option value="" { (words.nothing) }
                        @for (name, text) in columns { option value=(name) selected[*name == condition.field] { (text) } }
                    }
                    select name="operator" aria-label=(format!("{row}: {}", words.condition)) {
                        @for (operator, text) in operator_words(words) {
                            option value=(operator) selected[operator == condition.operator] { (text) }
                        }
                    }
                    input name="value" value=(condition.value) aria-label=(format!("{row}: {}", words.value));
                }
            }
            p.hint { (words.filters_hint) }
        }
    }
}

/// Makes a report.
pub async fn create(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let object = object_of(&visit.objects, &name)?;
    let form = Form::of_entered(&entered);
    let made = async {
        let mut members = form.members()?;
        members.insert("object".to_owned(), object.name().into());
        native::create(State(app), admin, JsonBody(members)).await
    };
    match made.await {
        Ok((_, made)) => Ok(Redirect::to(&format!("{REPORTS}/{}", made.0.id)).into_response()),
        Err(failure) => {
            let page = new_page(&visit, &object, &form, Some(&failure));
            Ok((failure.status, page).into_response())
        }
    }
}

/// The records of a report.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Markup> {
    let reader = visit.actor.reader()?;
    let words = visit.words;
    let report = found(&app, visit.actor.organization(), &id).await?;
    let object = object_of(&visit.objects, &report.object)?;
    let cursor = Some(View::parse(query.as_deref().unwrap_or_default()).cursor);
    let asked =
        ReportPage { limit: Some(RECORDS.to_owned()), cursor: cursor.filter(|cursor| !cursor.is_empty()) };
    let records = native::records(State(app), reader, body::Path(id), Query(asked)).await.map(|page| page.0);
    let place = format!("{REPORTS}/{}", report.id);
    let content = html! {
        @match &records {
            Err(failure) => { (notice(words, failure)) }
            Ok(page) => {
                @let rows: Vec<BTreeMap<String, Value>> = serde_json::from_str(page.records.get()).unwrap_or_default();
                @if rows.is_empty() {
                    div.empty { p { (words.nothing_found) } }
                } @else {
                    (table(words, &object, &report, &rows))
                    @let older = page.next_cursor.as_deref().map(|cursor| address(&place, &[("cursor", cursor)]));
                    (pager(words, older.as_deref()))
                }
            }
        }
    };
    let view = View::of_report(&report);
    let is_admin = visit.actor.must_be_admin().is_ok();
    let sure = filled(words.report_delete_sure, &[&report.name]);
    let actions = html! {
        a.button.quiet href=(REPORTS) { (words.reports) }
        @if is_admin { (careful_button(&format!("{place}/delete"), "quiet danger", words.delete, &sure)) }
        @if let Some(view) = &view {
            a.button href=(view.address(&format!("/records/{}", object.name()))) { (words.see_in_grid) }
        }
        @if is_admin {
            a.button href=(format!("{place}/change")) { (words.change) }
            details.menu {
                summary.button.primary { (words.export) }
                div.items {
                    @for (format, name) in FORMATS {
                        a href=(address(&format!("/api/v1/reports/{}/export", report.id), &[("format", format)])) download { (name) }
                    }
                }
            }
        }
    };
    let lead = lead_of(words, &object, &report, records.as_ref().ok().map(|page| page.total));
    Ok(page(&visit, &Head { title: &report.name, lead, actions }, &content))
}

fn lead_of(words: &'static Words, object: &Object, report: &Report, total: Option<u64>) -> Markup {
    let total = total.map(|total| report.limit.map_or(total, |limit| limit.min(total)));
    let mut parts = vec![object.definition.label.clone()];
    parts.extend(total.map(|total| match total {
        1 => words.count_one.to_owned(),
        _ => filled(words.count_exact, &[&count(total)]),
    }));
    parts.extend(sentences(words, object, report));
    html! { (parts.join(" · ")) }
}

fn table(words: &Words, object: &Object, report: &Report, rows: &[BTreeMap<String, Value>]) -> Markup {
    let shown = View { columns: report.fields.clone(), ..View::default() }.shown_columns(object);
    let has_id = rows.iter().all(|row| row.contains_key("id"));
    html! {
        div.scroll tabindex="0" role="region" aria-label=(report.name) {
            table.grid {
                thead { tr { @for name in &shown { th scope="col" .number[is_number(object, name)] { (label(object, name)) } } } }
                tbody {
                    @for row in rows {
                        @let id = row.get("id").and_then(Value::as_i64).unwrap_or_default();
                        @let link = format!("/records/{}/{id}", object.name());
                        tr {
                            @for (index, name) in shown.iter().enumerate() {
                                (record_cell(words, object, name, row.get(name), (index == 0 && has_id).then_some(link.as_str())))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The form of a report that is there.
pub async fn edit(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let report = found(&app, visit.actor.organization(), &id).await?;
    let object = object_of(&visit.objects, &report.object)?;
    Ok(edit_page(&visit, &object, &report, &Form::of_report(&report), None))
}

fn edit_page(
    visit: &Visit,
    object: &Object,
    report: &Report,
    form: &Form,
    failure: Option<&Failure>,
) -> Markup {
    let words = visit.words;
    let place = format!("{REPORTS}/{}", report.id);
    let content = html! {
        (wrong(words, failure))
        (form_of(words, object, form, &format!("{place}/change")))
    };
    let title = filled(words.change_report, &[&report.name]);
    let actions = html! { a.button.quiet href=(place) { (words.cancel) } };
    let lead = html! { (object.definition.label) };
    page(visit, &Head { title: &title, lead, actions }, &content)
}

/// Changes a report to what was entered.
pub async fn change(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let report = found(&app, visit.actor.organization(), &id).await?;
    let object: Arc<Object> = object_of(&visit.objects, &report.object)?;
    let form = Form::of_entered(&entered);
    let changed = async {
        let members = form.members()?;
        native::change(State(app), admin, body::Path(id), JsonBody(members)).await
    };
    match changed.await {
        Ok(_) => Ok(Redirect::to(&format!("{REPORTS}/{}", report.id)).into_response()),
        Err(failure) => {
            let page = edit_page(&visit, &object, &report, &form, Some(&failure));
            Ok((failure.status, page).into_response())
        }
    }
}

/// Deletes a report.
pub async fn delete(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Response> {
    let deleted = native::delete(State(app), visit.actor.admin()?, body::Path(id)).await;
    deleted.map(|_: StatusCode| Redirect::to(REPORTS).into_response())
}
