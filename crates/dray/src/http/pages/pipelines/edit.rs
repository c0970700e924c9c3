//! The form of a pipeline. An import begins with its file: its columns are looked at, then said who a row is
//! about, which rows count and what becomes of them, with rows before and after. An export says what is written.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use dray_engine::expression::Schema;
use dray_engine::pipeline::leaves::leaves;
use maud::{Markup, html};

use super::editor::Editor;
use super::entered::{of_nothing, of_pipeline};
use super::parts::{export_parts, file_part, import_parts, outcome, sample};
use super::{PIPELINES, found, text};
use crate::http::answer::Answer;
use crate::http::pages::form::{Entered, tick, wrong};
use crate::http::pages::frame::{Head, Visit, page};
use crate::server::app::App;

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
        (wrong(words, editor.failure.as_ref()))
        form.editor method="post" action=(editor.address()) {
            (file_part(words, editor))
            @if !editor.is_import() {
                (export_parts(words, editor))
            } @else if known.is_empty() {
                input type="hidden" name="enabled" value=(entered.raw("enabled"));
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
