//! Small pieces that many pages have: times, people, secrets that are shown once, tabs, pages of lists.

use maud::{Markup, html};
use serde_json::Value;

use super::words::Words;
use crate::operations::ledger::time;

/// A time; the script puts it into the reader's zone.
pub fn moment(at: i64) -> Markup {
    let text = time(at);
    html! { time datetime=(text) { (text) } }
}

/// A cell with a time, or an empty one.
pub fn moment_cell(at: Option<i64>) -> Markup {
    match at {
        Some(at) => html! { td { (moment(at)) } },
        None => html! { td.none {} },
    }
}

/// A cell with a text, or an empty one.
pub fn cell(text: &str) -> Markup {
    if text.is_empty() {
        html! { td.none {} }
    } else {
        html! { td { (text) } }
    }
}

/// A text of what the API shows; empty where there is none.
pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list of what the API shows.
pub fn list_of<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whoever did something, for people: a user's address, the name of a key.
pub fn person(actor: &str) -> &str {
    let of_key = || actor.starts_with("key_").then(|| actor.split_once(" (")?.1.strip_suffix(')')).flatten();
    actor.strip_prefix("user ").or_else(of_key).filter(|name| !name.is_empty()).unwrap_or(actor)
}

/// Links to pages that belong together; the one that is shown is marked.
pub fn tabs(label: &str, all: &[(&str, &str)], here: &str) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for (address, text) in all {
                a href=(address) aria-current=[(*address == here).then_some("page")] { (text) }
            }
        }
    }
}

/// Something that is shown this once.
pub fn secret(words: &Words, title: &str, hint: &str, text: &str) -> Markup {
    html! {
        section.card {
            h2 { (title) }
            p.notice.warning role="status" { (hint) }
            pre #secret tabindex="0" role="region" aria-label=(title) { (text) }
            div.actions { button.primary type="button" data-copy="secret" { (words.copy) } }
        }
    }
}

/// A part of a page that is brought once the page is there; a link to it, where there is no script.
pub fn later(id: &str, address: &str, title: &str, link: &str) -> Markup {
    html! {
        section id=(id) .card hx-get=(address) hx-trigger="load" hx-select=(format!("#{id}")) hx-swap="outerHTML" {
            h2 { (title) }
            p { a href=(address) { (link) } }
        }
    }
}

/// Where a list goes on.
pub fn pager(words: &Words, older: Option<&str>) -> Markup {
    html! {
        @if let Some(older) = older {
            nav.pager aria-label=(words.pages) {
                span {}
                a.button.small href=(older) rel="next" { (words.next_page) }
            }
        }
    }
}

/// What the engine says, which speaks English.
pub fn of_engine(words: &Words, text: &str) -> Markup {
    html! { @if words.is_english() { (text) } @else { span lang="en" { (text) } } }
}

/// A button of its own that changes something.
pub fn button(address: &str, class: &str, text: &str) -> Markup {
    html! { form method="post" action=(address) { button class=(class) { (text) } } }
}

/// The same, which asks before.
pub fn careful_button(address: &str, class: &str, text: &str, question: &str) -> Markup {
    html! { form method="post" action=(address) { button class=(class) data-confirm=(question) { (text) } } }
}

#[cfg(test)]
mod tests {
    use super::person;

    #[test]
    fn people_and_keys_have_names() {
        for (actor, name) in [
            ("user ann@x.io", "ann@x.io"),
            ("key_a1 (Shop (old))", "Shop (old)"),
            ("key_a1 ()", "key_a1 ()"),
            ("signed link of key_a1", "signed link of key_a1"),
        ] {
            assert_eq!(person(actor), name);
        }
    }
}
