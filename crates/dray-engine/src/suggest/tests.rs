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
const HELD_OUT: &str = include_str!("../../fixtures/mapping/held-out.json");
const HELD_OUT_2: &str = include_str!("../../fixtures/mapping/held-out-2.json");
const HELD_OUT_3: &str = include_str!("../../fixtures/mapping/held-out-3.json");

/// Measures a file in three ways and prints the figures (`--nocapture` shows them).
fn measured(name: &str, text: &str) -> [Score; 3] {
    [
        ("as shipped", false, true),
        ("without listed synonyms", true, true),
        ("headers only, without synonyms", true, false),
    ]
    .map(|(how, strip, values)| {
        let score = measure(text, strip, values);
        println!("{}\n{}{}", score.line(&format!("{name}: {how}")), score.calibration(), score.wrong);
        score
    })
}

#[test]
fn suggestions_are_right_on_the_development_tables() {
    for (name, text) in [("dev", DEV), ("own", OWN)] {
        let [shipped, stripped, bare] = measured(name, text);
        assert!(shipped.accuracy() >= 0.98 && shipped.precision() >= 0.98, "{}", shipped.wrong);
        assert!(stripped.accuracy() >= 0.97 && stripped.precision() >= 0.97, "{}", stripped.wrong);
        assert!(bare.accuracy() >= 0.95, "{}", bare.wrong);
    }
}

#[test]
fn suggestions_are_right_on_held_out_tables() {
    for (name, text) in [("held out", HELD_OUT), ("held out 2", HELD_OUT_2), ("held out 3", HELD_OUT_3)] {
        let [shipped, stripped, bare] = measured(name, text);
        assert!(shipped.accuracy() >= 0.92 && shipped.precision() >= 0.96, "{}", shipped.wrong);
        assert!(stripped.accuracy() >= 0.90 && stripped.precision() >= 0.95, "{}", stripped.wrong);
        assert!(bare.accuracy() >= 0.88, "{}", bare.wrong);
    }
}

#[test]
fn a_confidence_is_what_it_says() {
    let all: Vec<(f64, bool)> = [DEV, OWN, HELD_OUT, HELD_OUT_2]
        .iter()
        .flat_map(|text| [measure(text, true, true), measure(text, true, false)])
        .flat_map(|score| score.told)
        .collect();
    for (from, to) in [(0.5, 0.8), (0.8, 0.95), (0.95, 1.0)] {
        let band: Vec<_> = all.iter().filter(|(sure, _)| (from..to).contains(sure)).collect();
        let mean = band.iter().map(|(sure, _)| sure).sum::<f64>() / band.len() as f64;
        let right = band.iter().filter(|(_, right)| *right).count() as f64 / band.len() as f64;
        println!("{from}–{to}: {} suggestions, mean {mean:.3}, right {right:.3}", band.len());
        assert!(right >= mean - 0.08, "{from}–{to}: right {right}, said {mean}");
    }
}

/// One suggestion a column as text: `Vorname → first_name`.
fn shown(object: &Object, columns: &[&str], rows: &[&[&str]], known: &Known<'_>) -> Vec<String> {
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.to_vec()).collect();
    suggest(object, &Table::from_rows(columns, &rows), known)
        .iter()
        .map(|suggestion| format!("{} → {}", suggestion.header, suggestion.name().unwrap_or("–".into())))
        .collect()
}

fn contacts() -> Object {
    object_named("contacts")
}

#[test]
fn a_title_is_a_job_or_a_salutation() {
    let known = Known::default();
    assert_eq!(shown(&contacts(), &["Title"], &[&["Head of Sales"]], &known), ["Title → job_title"]);
    assert_eq!(shown(&contacts(), &["Title"], &[&["Ms."], &["Mr."]], &known), ["Title → –"]);
    assert_eq!(
        shown(&contacts(), &["Title", "Position"], &[&["Ms.", "Head of Sales"]], &known),
        ["Title → –", "Position → job_title"]
    );
}

#[test]
fn a_name_is_what_the_other_columns_leave() {
    let known = Known::default();
    assert_eq!(
        shown(&contacts(), &["Name", "Vorname"], &[&["Bauer", "Sabine"]], &known),
        ["Name → last_name", "Vorname → first_name"]
    );
    assert_eq!(
        shown(&contacts(), &["Name", "First name"], &[&["Sabine Bauer", "Sabine"]], &known),
        ["Name → display_name", "First name → first_name"]
    );
    assert_eq!(
        shown(&contacts(), &["First name", "Given name"], &[&["Sabine", "Sabine"]], &known),
        ["First name → first_name", "Given name → –"]
    );
}

#[test]
fn phones_go_to_their_types_and_one_address_is_taken() {
    let known = Known::default();
    let headers = [
        "Mobile",
        "Phone",
        "Phone 2",
        "Home phone",
        "Fax",
        "Billing city",
        "Billing street",
        "Shipping city",
    ];
    let row: &[&str] = &[
        "+49 171 5550101",
        "+49 30 5550102",
        "+49 30 5550103",
        "+49 30 5550104",
        "",
        "Bonn",
        "Weg 1",
        "Kiel",
    ];
    assert_eq!(
        shown(&contacts(), &headers, &[row], &known),
        [
            "Mobile → phone.mobile",
            "Phone → phone.work",
            "Phone 2 → phone.other",
            "Home phone → phone.home",
            "Fax → –",
            "Billing city → address.city",
            "Billing street → address.street",
            "Shipping city → –"
        ]
    );
    let rows: &[&[&str]] = &[&["Mobile", "+49 171 5550101"], &["mobile", "+49 171 5550102"]];
    assert_eq!(
        shown(&contacts(), &["Phone 1 - Type", "Phone 1 - Value"], rows, &known),
        ["Phone 1 - Type → –", "Phone 1 - Value → phone.mobile"]
    );
}

#[test]
fn a_company_is_a_text_or_a_reference_as_the_caller_prefers() {
    let rows: &[&[&str]] = &[&["Acme Corp", "Acme Corp"]];
    let links = Known { prefers_references: true, ..Known::default() };
    assert_eq!(shown(&contacts(), &["Company"], rows, &Known::default()), ["Company → company_name"]);
    assert_eq!(shown(&contacts(), &["Company"], rows, &links), ["Company → account"]);
    assert_eq!(shown(&contacts(), &["Company Name"], rows, &links), ["Company Name → company_name"]);
    assert_eq!(shown(&contacts(), &["Account Name"], rows, &Known::default()), ["Account Name → account"]);
    assert_eq!(
        shown(&contacts(), &["Company Name", "Account Name"], rows, &Known::default()),
        ["Company Name → company_name", "Account Name → account"]
    );
}

#[test]
fn a_caller_with_linked_records_gets_its_four_fields() {
    let rows = vec![vec!["John Smith", "john@acme.example", "555-0100", "Acme Corp"]];
    let table = Table::from_rows(&["Name", "Email", "Phone", "Company"], &rows);
    let known = Known { prefers_references: true, ..Known::default() };
    let object = contacts();
    let suggestions = suggest(&object, &table, &known);
    let fields: Vec<_> = suggestions.iter().filter_map(|suggestion| suggestion.field.as_deref()).collect();
    assert_eq!(fields, ["display_name", "email", "phone", "account"]);
    assert!(suggestions.iter().all(|suggestion| suggestion.confidence >= 0.8), "{suggestions:?}");
    assert!(suggestions[0].confidence >= 0.9);
}

#[test]
fn what_was_confirmed_before_comes_first() {
    let mut confirmed = Confirmed::default();
    confirmed.remember("Betreuer 2", Some("department"));
    confirmed.remember("E-Mail (alt)", None);
    confirmed.remember("Rufnr. Werk", Some("phone.work"));
    let known = Known { confirmed: Some(&confirmed), ..Known::default() };
    let headers = ["betreuer_2", "e-mail (ALT)", "Rufnr Werk"];
    assert_eq!(
        shown(&contacts(), &headers, &[&["North", "a@b.example", "030 555010"]], &known),
        ["betreuer_2 → department", "e-mail (ALT) → –", "Rufnr Werk → phone.work"]
    );
}

#[test]
fn stored_values_name_the_field() {
    let object = contacts();
    let mut stored = StoredValues::default();
    let department = object.column("department").expect("a column");
    ["Sales", "Marketing", "Finance"].iter().for_each(|value| stored.add(department, value));
    let known = Known { stored: Some(&stored), ..Known::default() };
    let rows: &[&[&str]] = &[&["sales"], &["Finance"], &["Marketing"]];
    assert_eq!(shown(&object, &["Xyz"], rows, &known), ["Xyz → department"]);
    assert_eq!(shown(&object, &["Xyz"], rows, &Known::default()), ["Xyz → –"]);
}

#[test]
fn a_second_opinion_settles_what_is_uncertain() {
    let opinions = [
        Opinion { column: 0, field: Some("notes".into()), confidence: 0.8 },
        Opinion { column: 1, field: Some("birthday".into()), confidence: 0.9 },
    ];
    let known = Known { opinions: &opinions, ..Known::default() };
    // The second one is contradicted by the values.
    assert_eq!(
        shown(&contacts(), &["Xyz", "E-mail"], &[&["met at the fair", "a@b.example"]], &known),
        ["Xyz → notes", "E-mail → email"]
    );
}

#[test]
fn reasons_are_sentences_for_people() {
    let rows = vec![vec!["Sabine", "a@b.example", "Ms.", "12"]];
    let table = Table::from_rows(&["Vorname", "Xyz", "Anrede", "Page views"], &rows);
    let object = contacts();
    let suggestions = suggest(&object, &table, &Known::default());
    let reasons: Vec<String> = suggestions.iter().map(|suggestion| suggestion.reason.to_string()).collect();
    assert_eq!(
        reasons,
        [
            "the header is listed with the field, and the values may be",
            "the header says nothing, but the value fits",
            "holds salutations, and no field takes them",
            "the header means quantity, and no field takes it",
        ]
    );
}

/// A wide table and what it takes (`--nocapture` shows it).
#[test]
fn fifty_columns_of_fifty_rows() {
    let sources = [DEV, OWN, HELD_OUT]
        .iter()
        .flat_map(|text| serde_json::from_str::<Vec<Source>>(text).expect("a fixture"))
        .filter(|source| source.object == "contacts");
    let mut columns = Vec::new();
    let mut rows = vec![Vec::new(); 50];
    for source in sources {
        for (name, index) in source.columns.iter().zip(0..) {
            if columns.len() < 50 && index % 3 == 0 {
                columns.push(name.clone());
                for (row, cells) in rows.iter_mut().enumerate() {
                    cells.push(source.sample_rows[row % 3].get(name).cloned().unwrap_or_default());
                }
            }
        }
    }
    let object = contacts();
    let time = || {
        let begin = std::time::Instant::now();
        assert_eq!(suggestions(&object, &columns, &rows, &Known::default()).len(), 50);
        begin.elapsed()
    };
    let first = time();
    let mut times: Vec<_> = (0..21).map(|_| time()).collect();
    times.sort_unstable();
    println!("50 columns, 50 rows: {first:?} the first time, then {:?} (median of 21)", times[10]);
}

fn any_object() -> impl Strategy<Value = Object> {
    let names = vec!["contacts", "companies", "deals", "users", "events", "vehicles"];
    prop::sample::select(names).prop_map(object_named)
}

fn any_header() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        "(First|Last|E-mail|Phone|Name|Title|City|Mailing|Company|ID|Straße|Имя|№| - |[0-9_(]){1,6}",
    ]
}

fn any_cell() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[0-9+ ./@-]{0,20}", "[a-z]{1,8}@[a-z]{1,8}\\.com", Just(String::new())]
}

proptest! {
    #[test]
    fn any_table_gets_suggestions_that_fill_nothing_twice(
        object in any_object(),
        headers in prop::collection::vec(any_header(), 0..12),
        rows in prop::collection::vec(prop::collection::vec(any_cell(), 0..14), 0..5),
        prefers_references in any::<bool>(),
    ) {
        let known = Known { prefers_references, ..Known::default() };
        let suggestions = suggestions(&object, &headers, &rows, &known);
        prop_assert_eq!(suggestions.len(), headers.len());
        let mut filled = HashSet::new();
        for (suggestion, header) in suggestions.iter().zip(&headers) {
            prop_assert_eq!(&suggestion.header, header);
            prop_assert!(!suggestion.reason.to_string().is_empty());
            match suggestion.name() {
                Some(name) => {
                    prop_assert!((0.5..=1.0).contains(&suggestion.confidence));
                    let columns = object.find_columns(&name);
                    prop_assert_eq!(columns.map(|columns| columns.len()), Some(1), "{} is no column", name);
                    prop_assert!(filled.insert(name.clone()), "{} is filled twice", name);
                }
                None => prop_assert_eq!(suggestion.confidence, 0.0),
            }
        }
    }
}
