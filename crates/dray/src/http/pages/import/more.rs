//! Fields that no column fills: the same value in every row, or an expression over the columns.

use std::collections::BTreeMap;

use dray_engine::map::computed::SIGN;
use dray_engine::pipeline::name::property_name;
use dray_model::object::{ColumnIndex, Object};
use maud::{Markup, html};

use crate::http::pages::words::Words;
use crate::operations::mapping_memory::More;

/// Empty lines behind those that say something.
const EMPTY_LINES: usize = 2;

/// What a line fills a field with.
const VALUE: &str = "value";
const EXPRESSION: &str = "expression";

/// What is said of an import so far.
pub fn said(columns: &[(String, String)], statics: &[(String, String)]) -> More {
    let expression = |(column, field): &(String, String)| {
        column.strip_prefix(SIGN).map(|text| (field.clone(), text.to_owned()))
    };
    More { statics: statics.to_vec(), computed: columns.iter().filter_map(expression).collect() }
}

/// What a form says. The form names the lines by their place: `more.0.field`, `more.0.kind`, `more.0.text`.
pub fn entered(form: &BTreeMap<String, String>) -> More {
    let mut more = More::default();
    for line in 0..form.len() {
        let part = |name: &str| form.get(&format!("more.{line}.{name}")).map(|text| text.trim());
        let (Some(field), Some(text)) = (part("field"), part("text")) else { break };
        if field.is_empty() || text.is_empty() {
            continue;
        }
        let said = (field.to_owned(), text.trim_start_matches(SIGN).to_owned());
        if part("kind") == Some(EXPRESSION) || text.starts_with(SIGN) {
            more.computed.push(said);
        } else {
            more.statics.push(said);
        }
    }
    more
}

/// The part of the form.
pub fn lines(
    words: &Words,
    object: &Object,
    targets: &[(ColumnIndex, String)],
    header: &[String],
    more: &More,
) -> Markup {
    let said = more.statics.iter().map(|said| (VALUE, said));
    let said = said.chain(more.computed.iter().map(|said| (EXPRESSION, said)));
    let empty = (String::new(), String::new());
    let said: Vec<(&str, &(String, String))> =
        said.chain(std::iter::repeat_n((VALUE, &empty), EMPTY_LINES)).collect();
    let names: Vec<String> = header.iter().filter_map(|header| property_name(header)).collect();
    html! {
        section.card {
            h2 { (words.more_fields) }
            p.hint { (words.more_fields_hint) }
            div.more {
                @for (line, (kind, (field, text))) in said.iter().enumerate() {
                    select name=(format!("more.{line}.field")) aria-label=(format!("{} {}", words.field, line + 1)) {
                        option value="" { (words.nothing) }
                        @for (target, name) in targets {
                            @let stored = object.columns.get(*target).map_or("", |column| column.name.as_str());
                            option value=(stored) selected[stored == field] { (name) }
                        }
                    }
                    select name=(format!("more.{line}.kind")) aria-label=(format!("{} {}", words.filled_by, line + 1)) {
                        option value=(VALUE) selected[*kind == VALUE] { (words.same_value) }
                        option value=(EXPRESSION) selected[*kind == EXPRESSION] { (words.by_expression) }
                    }
                    input name=(format!("more.{line}.text")) value=(text) aria-label=(format!("{} {}", words.value, line + 1));
                }
            }
            details {
                summary { (words.expression_help) }
                p.hint { code { "lower(trim(E_mail))" } " · " code { "initcap(First) ' ' Last" } " · " code { "if(eq(Score, 7), 'VIP')" } }
                p.hint { (words.columns_are_named) " " @for name in &names { code { (name) } " " } }
            }
        }
    }
}
