//! The form of a pipeline. An import begins with its file: its columns are looked at, then said who a row is
//! about, which rows count and what becomes of them, with rows before and after. An export says what is written.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use dray_engine::expression::Schema;
use dray_engine::pipeline::leaves::leaves;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::entered::{
    Condition, MAPPED, columns, conditions, export_body, file_query, import_body, json_of, mapping,
    of_nothing, of_pipeline,
};
use super::{PIPELINES, connection_of, found, list_of, text};
use crate::http::answer::{Answer, Failure};
use crate::http::body;
use crate::http::doors::pipelines::body::{Members, NoBody};
use crate::http::doors::pipelines::{definitions, previews};
use crate::http::pages::form::{Entered, Field, tick, wrong};
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::records::shown_value;
use crate::http::pages::words::{Words, filled};
use crate::operations::pipelines::definition::keep_used;
use crate::operations::pipelines::format_settings::{FileFormat, Packing};
use crate::operations::profile_schema;
use crate::server::app::App;
use crate::storage::Role;

/// Rows of a sample.
const ROWS: u64 = 8;
/// Rows of a form for conditions that are not there yet.
const MORE_CONDITIONS: usize = 2;

/// What is shown of a pipeline while it is made or changed.
struct Editor {
    connection: Value,
    /// The pipeline's number, where there is one.
    id: Option<String>,
    entered: Entered,
    profiles: Arc<Schema>,
    /// Rows of the file.
    before: Vec<Value>,
    /// What became of them.
    after: Vec<Value>,
    issues: Vec<String>,
    failure: Option<Failure>,
}

impl Editor {
    async fn of(app: &App, visit: &Visit, connection: &str, entered: Entered) -> Answer<Self> {
        let connection = connection_of(app, visit, connection).await?;
        let known = app.run(visit.actor.organization(), |session| profile_schema::load(session)).await?;
        Ok(Self {
            connection,
            id: None,
            entered,
            profiles: known.schema,
            before: Vec::new(),
            after: Vec::new(),
            issues: Vec::new(),
            failure: None,
        })
    }

    fn is_import(&self) -> bool {
        text(&self.connection, "role") == Role::Source.word()
    }

    fn address(&self) -> String {
        match &self.id {
            Some(id) => format!("{PIPELINES}/{id}/change"),
            None => format!("{PIPELINES}/new/{}", self.connection["id"]),
        }
    }

    /// Looks at the first rows and the columns of the file.
    async fn look(&mut self, app: &App, visit: &Visit) -> Answer<()> {
        let id = body::Path(self.connection["id"].to_string());
        if self.entered.text("format") == "excel" && self.entered.filled("sheet").is_none() {
            let query = body::Query(file_query(&self.entered, 0));
            let id = body::Path(id.0.clone());
            let sheets =
                previews::file_sheets(State(app.clone()), visit.actor.reader()?, id, query, NoBody).await?.0;
            let first = list_of(&sheets, "sheets").first().and_then(Value::as_str).unwrap_or_default();
            self.put("sheet", first);
        }
        let query = body::Query(file_query(&self.entered, ROWS));
        let seen = previews::file(State(app.clone()), visit.actor.reader()?, id, query, NoBody).await?.0;
        self.put("columns", &seen.get("schema").map(Value::to_string).unwrap_or_default());
        self.before = list_of(&seen, "records").to_vec();
        self.issues = list_of(&seen, "issues").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(())
    }

    /// Tries what was entered on the first rows of the file.
    async fn try_out(&mut self, app: &App, visit: &Visit) -> Answer<()> {
        self.look(app, visit).await?;
        let mut body = import_body(&self.entered, &self.profiles);
        body.retain(|name, _| ["filter", "transformation", "inSchema", "outSchema"].contains(&name.as_str()));
        body.insert("rows".to_owned(), self.before.clone().into());
        let made = previews::transform(State(app.clone()), visit.actor.admin()?, Members(body)).await?.0;
        self.after = list_of(&made, "rows").to_vec();
        Ok(())
    }

    /// Keeps the pipeline; its number.
    async fn save(&self, app: &App, visit: &Visit) -> Answer<String> {
        let admin = visit.actor.admin()?;
        let mut body = if self.is_import() {
            let mut body = import_body(&self.entered, &self.profiles);
            keep_used(&mut body, &app.languages().await)?;
            body
        } else {
            export_body(&self.entered, &self.profiles)?
        };
        if let Some(id) = &self.id {
            definitions::change(State(app.clone()), admin, body::Path(id.clone()), Members(body)).await?;
            return Ok(id.clone());
        }
        body.insert("connection".to_owned(), self.connection["id"].clone());
        body.insert("target".to_owned(), "User".into());
        let made = definitions::create(State(app.clone()), admin, Members(body)).await?.0;
        Ok(made["id"].to_string())
    }

    fn put(&mut self, name: &str, text: &str) {
        self.entered.0.retain(|(known, _)| known != name);
        self.entered.0.push((name.to_owned(), text.to_owned()));
    }

    /// Columns that are named like properties of the profile are taken for them, where nothing was said yet.
    fn guess(&mut self) {
        if !mapping(&self.entered).is_empty() || self.entered.filled("user").is_some() {
            return;
        }
        let names = self.column_names();
        for leaf in leaves(&self.profiles) {
            if let Some(name) = names.iter().find(|name| bare(name) == bare(&leaf.path)) {
                self.put(&format!("{MAPPED}{}", leaf.path), name);
            }
        }
        let is_id = |name: &&String| bare(name).ends_with("id");
        let user = names.iter().find(is_id).or_else(|| names.first()).cloned().unwrap_or_default();
        self.put("user", &user);
    }

    fn column_names(&self) -> Vec<String> {
        let known = columns(&self.entered).unwrap_or_default();
        list_of(&known, "properties").iter().map(|column| text(column, "name").to_owned()).collect()
    }
}

/// A name without what names differ in.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// An empty form.
pub async fn new(State(app): State<App>, visit: Visit, Path(connection): Path<String>) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let editor = Editor::of(&app, &visit, &connection, of_nothing()).await?;
    Ok(editor_page(&visit, &editor))
}

/// Looks at the file, tries what was entered, or makes the pipeline.
pub async fn create(
    State(app): State<App>,
    visit: Visit,
    Path(connection): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let editor = Editor::of(&app, &visit, &connection, entered).await?;
    act(&app, &visit, editor).await
}

/// The form of a pipeline that is there; one with a function is changed as JSON.
pub async fn edit(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let pipeline = found(&app, &visit, &id).await?;
    if pipeline.pointer("/transformation/function").is_some_and(|function| !function.is_null()) {
        return Ok(Redirect::to(&format!("{PIPELINES}/{id}/definition")).into_response());
    }
    let mut entered = of_pipeline(&pipeline);
    if let Ok(schema) = Schema::parse(&pipeline["inSchema"].to_string()) {
        entered.0.extend(leaves(&schema).into_iter().map(|leaf| ("written".to_owned(), leaf.path)));
    }
    let mut editor = Editor::of(&app, &visit, &pipeline["connection"].to_string(), entered).await?;
    editor.id = Some(id);
    Ok(editor_page(&visit, &editor).into_response())
}

/// The same for a pipeline that is there.
pub async fn change(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let pipeline = found(&app, &visit, &id).await?;
    let mut editor = Editor::of(&app, &visit, &pipeline["connection"].to_string(), entered).await?;
    editor.id = Some(id);
    act(&app, &visit, editor).await
}

async fn act(app: &App, visit: &Visit, mut editor: Editor) -> Answer<Response> {
    let then = editor.entered.text("then").to_owned();
    let done = match then.as_str() {
        "look" if editor.is_import() => editor.look(app, visit).await,
        "try" if editor.is_import() => editor.try_out(app, visit).await,
        _ => match editor.save(app, visit).await {
            Ok(id) => return Ok(Redirect::to(&format!("{PIPELINES}/{id}")).into_response()),
            Err(failure) => Err(failure),
        },
    };
    if let Err(failure) = done {
        let status = failure.status;
        editor.failure = Some(failure);
        return Ok((status, editor_page(visit, &editor)).into_response());
    }
    editor.guess();
    Ok(editor_page(visit, &editor).into_response())
}

fn editor_page(visit: &Visit, editor: &Editor) -> Markup {
    let words = visit.words;
    let entered = &editor.entered;
    let known = editor.column_names();
    let content = html! {
        (wrong(editor.failure.as_ref()))
        form.editor method="post" action=(editor.address()) {
            (file_part(words, editor))
            @if !editor.is_import() {
                (export_parts(words, editor))
            } @else if known.is_empty() {
                p.notice { (words.look_first) }
            } @else {
                (sample(words, &editor.before, &known, &editor.issues))
                (import_parts(words, editor, &known))
                @if !editor.after.is_empty() { (outcome(words, editor)) }
            }
            @if !editor.is_import() || !known.is_empty() {
                (tick("enabled", words.switched_on, entered.is_on("enabled")))
                div.actions {
                    @if editor.is_import() { button name="then" value="try" { (words.try_it) } }
                    button.primary name="then" value="save" { (words.save) }
                }
            }
        }
    };
    let (title, back) = match &editor.id {
        Some(id) => (entered.text("name"), format!("{PIPELINES}/{id}")),
        None => (words.new_pipeline, PIPELINES.to_owned()),
    };
    let json = match &editor.id {
        Some(id) => format!("{PIPELINES}/{id}/definition"),
        None => format!("{PIPELINES}/new/{}/definition", editor.connection["id"]),
    };
    let said = if editor.is_import() { words.read_from } else { words.written_to };
    let lead = html! { (said) ": " (text(&editor.connection, "name")) };
    let actions = html! {
        a.button.quiet href=(back) { (words.cancel) }
        a.button href=(json) { (words.definition_json) }
    };
    page(visit, &Head { title, lead, actions }, &content)
}

fn file_part(words: &Words, editor: &Editor) -> Markup {
    let entered = &editor.entered;
    let is_import = editor.is_import();
    let separator = entered.raw("separator");
    let mut separators = vec![(",", ","), (";", ";"), ("tab", "⇥"), ("|", "|")];
    if !separator.is_empty() && separators.iter().all(|(known, _)| *known != separator) {
        separators.push((separator, separator));
    }
    let formats = FileFormat::ALL.map(|format| (format.code(), format.label()));
    let packings = Packing::ALL.map(|packing| match packing {
        Packing::None => ("", words.not_packed),
        other => (other.name(), other.name()),
    });
    let path_hint = if is_import { words.path_read_hint } else { words.path_write_hint };
    html! {
        section.card {
            h2 { (words.file) }
            input type="hidden" name="kept" value=(entered.raw("kept"));
            input type="hidden" name="columns" value=(entered.raw("columns"));
            div.fields.two {
                (Field::new("name", words.name, entered.text("name")).required())
                (Field::new("path", words.path, entered.text("path")).required().hint(path_hint))
                (Field::new("format", words.format, entered.text("format")).choice(formats))
                (Field::new("compression", words.packing, entered.text("compression")).choice(packings))
                (Field::new("separator", words.delimiter, separator).hint(words.for_csv).choice(separators))
                @if is_import { (Field::new("encoding", words.encoding, entered.text("encoding")).hint(words.for_csv)) }
                (Field::new("sheet", words.sheet, entered.text("sheet")).hint(words.for_workbooks))
                @if is_import {
                    (Field::new("properties", words.json_properties, entered.raw("properties")).hint(words.json_properties_hint).lines(2))
                }
                fieldset.whole {
                    @if is_import {
                        (tick("header", words.has_header, entered.is_on("header")))
                    } @else {
                        (tick("crlf", words.line_ends_crlf, entered.is_on("crlf")))
                        (tick("indent", words.json_indent, entered.is_on("indent")))
                    }
                }
            }
            @if is_import {
                @let class = if editor.column_names().is_empty() { "primary" } else { "" };
                div.actions { button class=(class) name="then" value="look" { (words.look_at_file) } }
            }
        }
    }
}

fn shown(words: &Words, value: Option<&Value>) -> Markup {
    match value.and_then(|value| shown_value(words, value)) {
        Some(text) => html! { td { (text) } },
        None => html! { td.none {} },
    }
}

/// Rows of the file as they are.
fn sample(words: &Words, rows: &[Value], names: &[String], issues: &[String]) -> Markup {
    html! {
        @for issue in issues { p.notice.warning { (issue) } }
        @if !rows.is_empty() {
            section.card {
                h2 { (words.rows_before) }
                div.scroll tabindex="0" role="region" aria-label=(words.rows_before) {
                    table.grid {
                        thead { tr { @for name in names { th { (name) } } } }
                        tbody { @for row in rows { tr { @for name in names { (shown(words, row.get(name))) } } } }
                    }
                }
            }
        }
    }
}

fn import_parts(words: &'static Words, editor: &Editor, names: &[String]) -> Markup {
    let entered = &editor.entered;
    let choices = || names.iter().map(|name| (name.as_str(), name.as_str()));
    html! {
        section.card {
            h2 { (words.who_is_who) }
            div.fields.two {
                (Field::new("user", words.user_column, entered.text("user")).choice(choices()))
                (Field::new("updated", words.updated_column, entered.text("updated"))
                    .choice([("", words.nothing)].into_iter().chain(choices())))
                (Field::new("updated_format", words.updated_format, entered.text("updated_format")).hint(words.updated_format_hint))
                fieldset {
                    (tick("incremental", words.only_newer, entered.is_on("incremental")))
                    (tick("newest", words.newest_counts, entered.is_on("newest")))
                    (tick("strict", words.exact_types, entered.is_on("strict")))
                }
            }
        }
        (filter_part(words, entered, names))
        section.card {
            h2 { (words.mapping) }
            p.hint { (words.mapping_hint) }
            datalist #column-names { @for name in names { option value=(name) {} } }
            table.plain.mapped {
                thead { tr { th { (words.property) } th { (words.kind) } th { (words.expression) } } }
                tbody {
                    @for leaf in leaves(&editor.profiles) {
                        @let name = format!("{MAPPED}{}", leaf.path);
                        tr {
                            th scope="row" { label for=(name) { (leaf.path) } }
                            td { (leaf.property.kind.kind()) }
                            td { input.code id=(name) name=(name) value=(entered.raw(&name)) list="column-names" autocomplete="off" spellcheck="false"; }
                        }
                    }
                }
            }
        }
    }
}

/// The operators of filters, in the words of the page.
fn operators(words: &'static Words) -> [(&'static str, &'static str); 20] {
    [
        ("is", words.is),
        ("is not", words.is_not),
        ("is one of", words.is_one_of),
        ("is not one of", words.is_not_one_of),
        ("contains", words.contains),
        ("does not contain", words.contains_not),
        ("starts with", words.starts_with),
        ("ends with", words.ends_with),
        ("is greater than", words.greater),
        ("is greater than or equal to", words.greater_or_equal),
        ("is less than", words.less),
        ("is less than or equal to", words.less_or_equal),
        ("is before", words.is_before),
        ("is after", words.is_after),
        ("is true", words.is_true),
        ("is false", words.is_false),
        ("is empty", words.is_empty),
        ("is not empty", words.is_filled),
        ("exists", words.exists),
        ("does not exist", words.exists_not),
    ]
}

fn filter_part(words: &'static Words, entered: &Entered, names: &[String]) -> Markup {
    let mut all = conditions(entered);
    all.extend(std::iter::repeat_n(Condition::default(), MORE_CONDITIONS));
    let logical = [("and", words.all_of_them), ("or", words.one_of_them)];
    html! {
        section.card {
            h2 { (words.which_rows) }
            div.fields.report {
                (Field::new("logical", words.all_or_one, entered.text("logical")).choice(logical))
                fieldset.field {
                    legend { (words.filters) }
                    @for (index, condition) in all.iter().enumerate() {
                        (condition_row(words, index, condition, names))
                    }
                    p.hint { (words.several_with_commas) }
                }
            }
        }
    }
}

fn condition_row(words: &'static Words, index: usize, condition: &Condition, names: &[String]) -> Markup {
    let row = filled(words.condition_number, &[&(index + 1).to_string()]);
    let known = operators(words);
    let is_known = |name: &str| names.iter().any(|known| known == name) || name.is_empty();
    html! {
        div.condition {
            select name="property" aria-label=(format!("{row}: {}", words.property)) {
                option value="" { (words.nothing) }
                @if !is_known(&condition.property) { option value=(condition.property) selected { (condition.property) } }
                @for name in names { option value=(name) selected[*name == condition.property] { (name) } }
            }
            select name="operator" aria-label=(format!("{row}: {}", words.condition)) {
                @if !condition.operator.is_empty() && known.iter().all(|(name, _)| *name != condition.operator) {
                    option value=(condition.operator) selected { (condition.operator) }
                }
                @for (name, text) in known { option value=(name) selected[name == condition.operator] { (text) } }
            }
            input name="value" value=(condition.value) aria-label=(format!("{row}: {}", words.value));
        }
    }
}

/// What became of the rows of the sample.
fn outcome(words: &Words, editor: &Editor) -> Markup {
    let paths: Vec<String> = mapping(&editor.entered).keys().cloned().collect();
    html! {
        section.card {
            h2 { (words.rows_after) }
            div.scroll tabindex="0" role="region" aria-label=(words.rows_after) {
                table.grid {
                    thead { tr { th.number { "#" } @for path in &paths { th { (path) } } } }
                    tbody {
                        @for (index, row) in editor.after.iter().enumerate() {
                            tr { td.number { (index + 1) } (outcome_cells(words, row, &paths)) }
                        }
                    }
                }
            }
        }
    }
}

fn outcome_cells(words: &Words, row: &Value, paths: &[String]) -> Markup {
    let message = row.pointer("/error/message").and_then(Value::as_str);
    html! {
        @if let Some(message) = message {
            td colspan=(paths.len()) { p.error { (message) } }
        } @else if row.get("filtered").is_some() {
            td colspan=(paths.len()) { span.badge { (words.fate_filtered) } }
        } @else {
            @for path in paths {
                @let place = format!("/data/{}", path.replace('.', "/"));
                (shown(words, row.pointer(&place)))
            }
        }
    }
}

fn export_parts(words: &'static Words, editor: &Editor) -> Markup {
    let entered = &editor.entered;
    let paths: Vec<String> = leaves(&editor.profiles).into_iter().map(|leaf| leaf.path).collect();
    let is_new = editor.id.is_none() && entered.filled("then").is_none();
    html! {
        section.card {
            h2 { (words.properties_written) }
            div.fields.report {
                fieldset.field {
                    legend.unseen { (words.properties_written) }
                    div.ticks {
                        @for path in &paths {
                            label {
                                input type="checkbox" name="written" value=(path) checked[is_new || entered.all("written").any(|known| known == path)];
                                " " (path)
                            }
                        }
                    }
                }
                (Field::new("order", words.sort_by, entered.text("order"))
                    .choice(paths.iter().map(|path| (path.as_str(), path.as_str()))))
            }
        }
        (filter_part(words, entered, &paths))
    }
}

/// The definition of a new pipeline of this connection to begin with, as JSON.
pub fn template(connection: &Value, profiles: &Schema) -> Map<String, Value> {
    let entered = of_nothing();
    let is_import = text(connection, "role") == Role::Source.word();
    let mut body = if is_import { import_body(&entered, profiles) } else { Map::new() };
    body.insert("name".to_owned(), "".into());
    body.insert("format".to_owned(), "csv".into());
    body.insert("path".to_owned(), "".into());
    let columns =
        if is_import { serde_json::json!({ "kind": "object", "properties": [] }) } else { json_of(profiles) };
    body.insert("inSchema".to_owned(), columns);
    body
}
