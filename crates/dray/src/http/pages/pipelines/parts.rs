//! The parts of the form of a pipeline.

use dray_engine::pipeline::leaves::leaves;
use maud::{Markup, html};
use serde_json::Value;

use super::editor::Editor;
use super::entered::{Condition, MAPPED, conditions, mapping};
use crate::http::pages::form::{Entered, Field, tick};
use crate::http::pages::pieces::of_engine;
use crate::http::pages::records::shown_value;
use crate::http::pages::words::{Words, filled};
use crate::operations::pipelines::format_settings::{FileFormat, Packing};

/// Rows of a form for conditions that are not there yet.
const MORE_CONDITIONS: usize = 2;

/// The file: where it is and how it is read or written.
pub(super) fn file_part(words: &Words, editor: &Editor) -> Markup {
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
pub(super) fn sample(words: &Words, rows: &[Value], names: &[String], issues: &[String]) -> Markup {
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

/// Who a row is about, which rows count, and what becomes of them.
pub(super) fn import_parts(words: &'static Words, editor: &Editor, names: &[String]) -> Markup {
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
pub(super) fn operators(words: &'static Words) -> [(&'static str, &'static str); 20] {
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
pub(super) fn outcome(words: &Words, editor: &Editor) -> Markup {
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
            td colspan=(paths.len()) { p.error { (of_engine(words, message)) } }
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

/// What is written, in which order, and which profiles.
pub(super) fn export_parts(words: &'static Words, editor: &Editor) -> Markup {
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
