//! What somebody presses, as WebDriver's actions.

use serde_json::{Value, json};

/// Keys that are no letters, and what WebDriver calls them.
const KEYS: [(&str, &str); 12] = [
    ("Shift", "\u{E008}"),
    ("Control", "\u{E009}"),
    ("Alt", "\u{E00A}"),
    ("Tab", "\u{E004}"),
    ("Enter", "\u{E007}"),
    ("Escape", "\u{E00C}"),
    ("Space", " "),
    ("End", "\u{E010}"),
    ("Home", "\u{E011}"),
    ("Up", "\u{E013}"),
    ("Down", "\u{E015}"),
    ("Backspace", "\u{E003}"),
];

fn key(name: &str) -> &str {
    KEYS.iter().find(|(known, _)| *known == name).map_or(name, |(_, value)| value)
}

fn actions(steps: Vec<Value>) -> Value {
    json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": steps }] })
}

/// Keys that are held together: `Shift+Tab`, `Alt+n`, `Enter`.
pub(crate) fn chord(names: &str) -> Value {
    let keys: Vec<&str> = names.split('+').map(key).collect();
    let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
    let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
    actions(down.chain(up).collect())
}

/// A text, letter by letter.
pub(crate) fn typed(text: &str) -> Value {
    let press = |letter: char| {
        let letter = letter.to_string();
        [json!({ "type": "keyDown", "value": letter }), json!({ "type": "keyUp", "value": letter })]
    };
    actions(text.chars().flat_map(press).collect())
}
