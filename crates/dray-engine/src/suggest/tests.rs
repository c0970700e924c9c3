//! Suggestions as people see them: measured on tables of which the right fields are known, and held to
//! what must be true of any table.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use dray_model::object::Object;
use dray_model::starter::starter_object;
use proptest::prelude::*;

use super::{Confirmed, Known, Opinion, StoredValues, Suggestion, Table, suggest};

/// A table of the fixtures.
#[derive(serde::Deserialize)]
struct Source {
    source: String,
    object: String,
    columns: Vec<String>,
    sample_rows: Vec<BTreeMap<String, String>>,
    expected: BTreeMap<String, Option<String>>,
}

impl Source {
    fn rows(&self) -> Vec<Vec<String>> {
        let cell = |row: &BTreeMap<String, String>, name: &String| row.get(name).cloned().unwrap_or_default();
        self.sample_rows.iter().map(|row| self.columns.iter().map(|name| cell(row, name)).collect()).collect()
    }
}

fn object_named(name: &str) -> Object {
    if name == "vehicles" {
        return Object::from_toml(include_str!("../../fixtures/mapping/vehicles.toml")).expect("an object");
    }
    starter_object(name).expect("an object")
}

/// The object without the headers its definition lists: what the vocabulary knows by itself.
fn without_synonyms(object: &Object) -> Object {
    let mut definition = object.definition.clone();
    for field in &mut definition.fields {
        field.synonyms.clear();
        field.part_synonyms.clear();
    }
    Object::new(definition).expect("an object")
}

fn suggestions(
    object: &Object,
    columns: &[String],
    rows: &[Vec<String>],
    known: &Known<'_>,
) -> Vec<Suggestion> {
    suggest(object, &Table::from_rows(columns, rows), known)
}

/// The field as the fixtures write it: address parts with, value types without.
fn told(suggestion: &Suggestion) -> Option<String> {
    let field = suggestion.field.clone()?;
    Some(match &suggestion.address_part {
        Some(part) => format!("{field}.{part}"),
        None => field,
    })
}

/// How often the suggestions of a file are right.
#[derive(Default)]
struct Score {
    columns: usize,
    right: usize,
    suggested: usize,
    suggested_right: usize,
    expected: usize,
    /// (confidence, right) of every suggestion.
    told: Vec<(f64, bool)>,
    wrong: String,
}

impl Score {
    fn accuracy(&self) -> f64 {
        self.right as f64 / self.columns as f64
    }

    fn precision(&self) -> f64 {
        self.suggested_right as f64 / self.suggested.max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.suggested_right as f64 / self.expected.max(1) as f64
    }

    fn line(&self, name: &str) -> String {
        format!(
            "{name:<34} columns {:>4}  right {:>5.1} %  precision {:>5.1} %  found {:>5.1} %",
            self.columns,
            100.0 * self.accuracy(),
            100.0 * self.precision(),
            100.0 * self.recall()
        )
    }

    fn calibration(&self) -> String {
        let mut out = String::new();
        for (from, to) in [(0.5, 0.7), (0.7, 0.9), (0.9, 0.96), (0.96, 1.01)] {
            let band: Vec<_> = self.told.iter().filter(|(sure, _)| (from..to).contains(sure)).collect();
            let mean = band.iter().map(|(sure, _)| sure).sum::<f64>() / band.len().max(1) as f64;
            let right = band.iter().filter(|(_, right)| *right).count();
            let share = right as f64 / band.len().max(1) as f64;
            let _ = writeln!(
                out,
                "  confidence {from:.2}–{:.2}: {:>3} suggestions, mean {mean:.2}, right {share:.2}",
                to.min(1.0),
                band.len()
            );
        }
        out
    }
}

fn measure(text: &str, strip: bool, values: bool) -> Score {
    let sources: Vec<Source> = serde_json::from_str(text).expect("a fixture");
    let mut score = Score::default();
    for source in &sources {
        let mut object = object_named(&source.object);
        if strip {
            object = without_synonyms(&object);
        }
        let rows = if values { source.rows() } else { Vec::new() };
        for suggestion in suggestions(&object, &source.columns, &rows, &Known::default()) {
            let expected = source.expected.get(&suggestion.header).cloned().flatten();
            let given = told(&suggestion);
            let right = given == expected;
            score.columns += 1;
            score.right += usize::from(right);
            score.expected += usize::from(expected.is_some());
            if given.is_some() {
                score.suggested += 1;
                score.suggested_right += usize::from(right);
                score.told.push((suggestion.confidence, right));
            }
            if !right {
                let _ = writeln!(
                    score.wrong,
                    "  {} | {} | {} {:.2} | should be {} | {} | {:?}",
                    source.source,
                    suggestion.header,
                    given.as_deref().unwrap_or("–"),
                    suggestion.confidence,
                    expected.as_deref().unwrap_or("–"),
                    suggestion.reason,
                    suggestion
                        .alternatives
                        .first()
                        .map(|other| format!("{} {:.2}", other.name, other.confidence)),
                );
            }
        }
    }
    score
}

const DEV: &str = include_str!("../../fixtures/mapping/dev.json");
const OWN: &str = include_str!("../../fixtures/mapping/own.json");

#[test]
fn suggestions_are_right_on_the_development_tables() {
    for (name, text) in [("dev", DEV), ("own", OWN)] {
        for (how, strip, values) in [
            ("as shipped", false, true),
            ("without listed synonyms", true, true),
            ("headers only, without synonyms", true, false),
        ] {
            let score = measure(text, strip, values);
            println!("{}\n{}{}", score.line(&format!("{name}, {how}")), score.calibration(), score.wrong);
        }
    }
}

const HELD_OUT: &str = include_str!("../../fixtures/mapping/held-out.json");

#[test]
fn suggestions_are_right_on_tables_nobody_tuned_for() {
    for (how, strip, values) in [
        ("as shipped", false, true),
        ("without listed synonyms", true, true),
        ("headers only, without synonyms", true, false),
    ] {
        let score = measure(HELD_OUT, strip, values);
        println!("{}\n{}{}", score.line(&format!("held out, {how}")), score.calibration(), score.wrong);
    }
}
