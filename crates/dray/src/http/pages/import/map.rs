//! The second step: how the file is read, which column is which field, and what happens to rows that are there
//! already. A suggestion says how sure it is and why.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use dray_engine::map::computed::SIGN;
use dray_engine::suggest::{Known, Suggestion, Table, suggest};
use dray_model::definition::{Merge, OnDuplicate};
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

use super::more;
use super::review::look;
use super::{Prepared, Step, keep, read_file, steps};
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::pages::failure_words::notice;
use crate::http::pages::frame::{Head, page};
use crate::http::pages::pictures::histogram;
use crate::http::pages::reading_words::{self, delimiters};
use crate::http::pages::reason_words::reason;
use crate::http::pages::view::label;
use crate::http::pages::words::{Words, count, filled};
use crate::operations::drafts::Draft;
use crate::operations::mapping_memory::{self, More};
use crate::operations::reading::ReadRequest;
use crate::operations::sample::Sample;
use crate::server::app::App;

/// Rows shown of the file.
const SHOWN_ROWS: usize = 6;
/// From here on a suggestion is as good as sure, and from there on worth a look.
const SURE: f64 = 0.9;
const LIKELY: f64 = 0.6;
/// Encodings that are offered; any other can be had by the API.
const ENCODINGS: [&str; 8] = [
    "utf-8",
    "windows-1252",
    "iso-8859-15",
    "windows-1250",
    "windows-1251",
    "utf-16le",
    "shift_jis",
    "gb18030",
];

/// Shows the columns of the file with what they seem to be.
pub async fn show(State(app): State<App>, prepared: Prepared) -> Answer<Markup> {
    mapping_page(&app, &prepared, None).await
}

/// The page of this step, with what stands in the way of the next.
async fn mapping_page(app: &App, prepared: &Prepared, wrong: Option<&str>) -> Answer<Markup> {
    let address = prepared.address();
    let Prepared { visit, object, draft } = prepared;
    let words = visit.words;
    let sample = read_file(app, visit, draft, Sample::of).await;
    let title = filled(words.file_into, &[&draft.job.source_name, &object.definition.label]);
    let mut lead = html! {};
    let content = match sample {
        Ok(sample) => {
            let more = if sample.is_all { "" } else { "+" };
            let (rows, columns) = (format!("{}{more}", sample.rows.len()), sample.header.len().to_string());
            lead = html! { (filled(words.say_which, &[&rows, &columns])) };
            let of_work = object.clone();
            let header = sample.header.clone();
            let (confirmed, remembered) = app
                .run(visit.actor.organization(), move |session| {
                    let confirmed = mapping_memory::recall(session, &of_work)?;
                    Ok((confirmed, mapping_memory::recall_more(session, &of_work, &header)?))
                })
                .await?;
            let is_new = draft.job.columns.is_empty() && draft.job.statics.is_empty();
            let more = if is_new { remembered } else { more::said(&draft.job.columns, &draft.job.statics) };
            let known = Known { confirmed: Some(&confirmed), ..Known::default() };
            let suggested = suggest(object, &Table::from_rows(&sample.header, &sample.rows), &known);
            html! {
                (mapping(words, &address, object, draft, &sample, &suggested, &more))
                (reading(words, &address, draft, Some(&sample)))
            }
        }
        Err(failure) => html! {
            (notice(words, &failure))
            (reading(words, &address, draft, None))
        },
    };
    let actions = html! {
        a.button.quiet href=(visit.at(&format!("/import/{}", object.name()))) { (words.back) }
        button.primary form="mapping" { (words.step_review) }
    };
    let content = html! {
       (steps(words, Step::Map, None))
       @if let Some(wrong) = wrong { p.notice.error role="alert" { (wrong) } }
       (content)
    };
    Ok(page(visit, &Head { title: &title, lead, actions }, &content))
}

/// How the file is read, to be changed; what was found out stands first.
fn reading(words: &Words, address: &str, draft: &Draft, sample: Option<&Sample>) -> Markup {
    let found = |what: &str| {
        let found = sample?.detected.iter().find(|found| found.what == what)?;
        Some(reading_words::found(words, what, &found.value))
    };
    let read = &draft.job.read;
    let selected = |said: &Option<String>, value: &str| said.as_deref() == Some(value);
    let auto = |what: &str| match found(what) {
        Some(found) => filled(words.found_out, &[&found]),
        None => words.find_out.to_owned(),
    };
    let address = format!("{address}/reading");
    html! {
        section.card {
            h2 { (words.how_read) }
            p.hint { (words.how_read_hint) }
            form.fields.two method="post" action=(address) hx-post=(address) hx-trigger="change, submit" hx-target="#main" hx-select="#main" hx-swap="outerHTML" {
                div.field {
                    label for="encoding" { (words.encoding) }
                    select #encoding name="encoding" {
                        option value="" { (auto("encoding")) }
                        @for name in ENCODINGS { option value=(name) selected[selected(&read.encoding, name)] { (name) } }
                    }
                }
                div.field {
                    label for="delimiter" { (words.delimiter) }
                    select #delimiter name="delimiter" {
                        option value="" { (auto("delimiter")) }
                        @for (value, name) in delimiters(words) { option value=(value) selected[selected(&read.delimiter, value)] { (name) } }
                    }
                }
                div.field {
                    label for="header_row" { (words.header_row) }
                    input #header_row name="header_row" type="number" min="0" value=(read.header_row.map(|row| row.to_string()).unwrap_or_default())
                        placeholder=(auto("header row"));
                    p.hint { (words.header_row_hint) }
                }
                div.field {
                    label for="sheet" { (words.sheet) }
                    input #sheet name="sheet" value=(read.sheet.clone().unwrap_or_default()) placeholder=(auto("sheet"));
                }
                div.actions.noscript { button { (words.apply) } }
            }
            @if let Some(sample) = sample.filter(|sample| !sample.rows.is_empty()) {
                div.scroll tabindex="0" role="region" aria-label=(words.first_rows) {
                    table.grid {
                        thead { tr { @for name in &sample.header { th scope="col" { (name) } } } }
                        tbody {
                            @for row in sample.rows.iter().take(SHOWN_ROWS) {
                                tr { @for cell in row { @if cell.is_empty() { td.none {} } @else { td { (cell) } } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The columns that files may fill.
fn targets(object: &Object) -> Vec<(ColumnIndex, String)> {
    let is_offered = |system: Option<SystemColumn>| {
        matches!(system, None | Some(SystemColumn::Id | SystemColumn::CreatedAt))
    };
    let columns = object.columns.iter().enumerate();
    columns
        .filter(|(_, column)| is_offered(column.system))
        .map(|(index, column)| (index, object.label_of_column(column)))
        .collect()
}

/// The column a suggestion means.
fn suggested_column(object: &Object, suggestion: &Suggestion) -> Option<ColumnIndex> {
    let columns = object.find_columns(suggestion.field.as_deref()?)?;
    let part = suggestion.value_type.as_ref().or(suggestion.address_part.as_ref());
    let has_part = |column: &&ColumnIndex| {
        let known = object.columns.get(**column).and_then(|column| column.part.as_ref());
        part.is_none() || known == part
    };
    columns.iter().find(has_part).or(columns.first()).copied()
}

fn mapping(
    words: &Words,
    address: &str,
    object: &Object,
    draft: &Draft,
    sample: &Sample,
    suggested: &[Suggestion],
    more: &More,
) -> Markup {
    let targets = targets(object);
    let filled_otherwise = more.statics.iter().chain(&more.computed);
    let mut taken: Vec<ColumnIndex> =
        filled_otherwise.filter_map(|(field, _)| object.column(field)).collect();
    let mut chosen: Vec<Option<ColumnIndex>> = Vec::with_capacity(sample.header.len());
    for (index, header) in sample.header.iter().enumerate() {
        let said = draft.job.columns.get(index).filter(|(known, _)| known == header);
        let column = match said {
            Some((_, field)) => object.column(field),
            None => suggested
                .get(index)
                .and_then(|suggestion| suggested_column(object, suggestion))
                .filter(|column| !taken.contains(column)),
        };
        taken.extend(column);
        chosen.push(column);
    }
    let policy = &draft.job.policy;
    let on_duplicate = policy.on_duplicate.unwrap_or(object.policy.on_duplicate);
    let merge = policy.merge.unwrap_or(object.policy.merge);
    let usual =
        object.definition.policy.match_by.iter().map(|name| object.label_of(name)).collect::<Vec<_>>();
    let is_matched = |name: &str| policy.match_by.first().is_some_and(|known| known == name);
    html! {
        form #mapping method="post" action=(format!("{address}/mapping")) {
            div.scroll tabindex="0" role="region" aria-label=(words.step_map) {
                table.mapping {
                    thead { tr { th { (words.column_of_file) } th { (words.values) } th { (words.field) } th { (words.why) } } }
                    tbody {
                        @for (index, header) in sample.header.iter().enumerate() {
                            @let column = sample.column(index);
                            @let suggestion = suggested.get(index);
                            tr {
                                td {
                                    strong { (header) }
                                    @for (value, often) in &column.values {
                                        span.sample { (value) @if *often > 1 { " " small { "×" (count(*often as u64)) } } }
                                    }
                                    input type="hidden" name=(format!("column.{index}")) value=(header);
                                }
                                td {
                                    (histogram(&column.bars))
                                    p.hint {
                                        (filled(words.different, &[&count(column.distinct as u64)])) ", "
                                        (filled(words.filled_share, &[&(column.filled * 100 / sample.rows.len().max(1)).to_string()]))
                                    }
                                }
                                td {
                                    select name=(format!("field.{index}")) aria-label=(filled(words.field_for, &[header])) {
                                        option value="" { (words.leave_out) }
                                        @for (target, name) in &targets {
                                            @let stored = object.columns.get(*target).map_or("", |column| column.name.as_str());
                                            option value=(stored) selected[chosen.get(index) == Some(&Some(*target))] { (name) }
                                        }
                                    }
                                }
                                td {
                                    @if let Some(suggestion) = suggestion.filter(|suggestion| suggestion.field.is_some()) {
                                        span.confidence.high[suggestion.confidence >= SURE]
                                            .medium[suggestion.confidence < SURE && suggestion.confidence >= LIKELY]
                                            .low[suggestion.confidence < LIKELY] {
                                            (format!("{:.0} %", suggestion.confidence * 100.0))
                                        }
                                    }
                                    @if let Some(suggestion) = suggestion { p.hint { (reason(words, &suggestion.reason)) } }
                                }
                            }
                        }
                    }
                }
            }
            (more::lines(words, object, &targets, &sample.header, more))
            section.card {
                h2 { (words.already_there) }
                div.fields.two {
                    div.field {
                        label for="match" { (words.recognized_by) }
                        select #match name="match" {
                            option value="" { (filled(words.as_usual, &[&usual.join(", ")])) }
                            @for field in object.fields.iter().map(|field| &field.definition) {
                                option value=(field.name) selected[is_matched(&field.name)] { (object.label_of(&field.name)) }
                            }
                            option value="id" selected[is_matched("id")] { "Id" }
                        }
                    }
                    div.field {
                        label for="on_duplicate" { (words.then) }
                        select #on_duplicate name="on_duplicate" {
                            option value="update:fill_empty" selected[on_duplicate == OnDuplicate::Update && merge == Merge::FillEmpty] { (words.fill_empty) }
                            option value="update:prefer_import" selected[on_duplicate == OnDuplicate::Update && merge == Merge::PreferImport] { (words.prefer_import) }
                            option value="update:overwrite" selected[on_duplicate == OnDuplicate::Update && merge == Merge::Overwrite] { (words.overwrite) }
                            option value="skip:" selected[on_duplicate == OnDuplicate::Skip] { (words.skip_known) }
                            option value="create:" selected[on_duplicate == OnDuplicate::Create] { (words.create_anyway) }
                        }
                    }
                }
            }
        }
    }
}

/// Reads the file in another way.
pub async fn read(
    State(app): State<App>,
    prepared: Prepared,
    Form(entered): Form<BTreeMap<String, String>>,
) -> Answer<Response> {
    let to = prepared.address();
    let Prepared { visit, mut draft, .. } = prepared;
    let text =
        |name: &str| entered.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let header_row = match text("header_row") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| Failure::validation("the header row is a number"))?),
    };
    draft.job.read = ReadRequest {
        encoding: text("encoding"),
        delimiter: text("delimiter"),
        header_row,
        sheet: text("sheet"),
        ..draft.job.read
    };
    draft.job.read.options()?;
    draft.job.columns.clear();
    draft.job.statics.clear();
    draft.review = None;
    keep(&app, &visit, draft).await?;
    Ok(Redirect::to(&to).into_response())
}

/// Keeps which column is which field, and looks what would happen.
pub async fn put(
    State(app): State<App>,
    mut prepared: Prepared,
    Form(entered): Form<BTreeMap<String, String>>,
) -> Answer<Response> {
    let mut columns: Vec<(String, String)> = Vec::new();
    for index in 0..entered.len() {
        let Some(header) = entered.get(&format!("column.{index}")) else { break };
        columns.push((header.clone(), entered.get(&format!("field.{index}")).cloned().unwrap_or_default()));
    }
    let header: Vec<String> = columns.iter().map(|(header, _)| header.clone()).collect();
    let pairs = columns.clone();
    let more = more::entered(&entered);
    columns.extend(more.computed.iter().map(|(field, text)| (format!("{SIGN}{text}"), field.clone())));
    let on_duplicate = entered.get("on_duplicate").map(String::as_str).unwrap_or_default();
    let policy = &mut prepared.draft.job.policy;
    (policy.on_duplicate, policy.merge) = match on_duplicate {
        "update:fill_empty" => (Some(OnDuplicate::Update), Some(Merge::FillEmpty)),
        "update:prefer_import" => (Some(OnDuplicate::Update), Some(Merge::PreferImport)),
        "update:overwrite" => (Some(OnDuplicate::Update), Some(Merge::Overwrite)),
        "skip:" => (Some(OnDuplicate::Skip), None),
        "create:" => (Some(OnDuplicate::Create), None),
        _ => (None, None),
    };
    policy.match_by = entered.get("match").filter(|name| !name.is_empty()).cloned().into_iter().collect();
    prepared.draft.job.columns = columns;
    prepared.draft.job.statics.clone_from(&more.statics);
    if let Some(field) = filled_twice(&prepared.draft) {
        let wrong = filled(prepared.visit.words.filled_twice, &[&label(&prepared.object, field)]);
        let page = mapping_page(&app, &prepared, Some(&wrong)).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let Prepared { visit, object, draft } = prepared;
    let of_work = object.clone();
    app.run(visit.actor.organization(), move |session| {
        mapping_memory::remember(session, &of_work, &pairs, clock::now())?;
        mapping_memory::remember_more(session, &of_work, &header, more, clock::now())
    })
    .await?;
    look(&app, &visit, object, draft).await
}

/// A field that more than one column or line fills.
fn filled_twice(draft: &Draft) -> Option<&str> {
    let fields = draft.job.columns.iter().map(|(_, field)| field);
    let fields = fields.chain(draft.job.statics.iter().map(|(field, _)| field));
    let mut known = BTreeSet::new();
    fields.map(String::as_str).find(|field| !field.is_empty() && !known.insert(*field))
}
