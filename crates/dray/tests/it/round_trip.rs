//! What goes out comes back: an export imported again changes nothing; and the ledger balances whatever
//! the input.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Kind, World, fates};

/// Text as people and their programs produce it: quotes, line breaks, signs, other scripts.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z ,;\"'\n\r\t=+@|\\\\-]{0,24}",
        "\\PC{0,12}",
        Just("NULL".to_owned()),
        Just("=1+1".to_owned()),
        Just("00123".to_owned()),
        Just("\u{feff}x".to_owned()),
        Just("𝕳 𝖊 🏳️‍🌈 مرحبا 你好".to_owned()),
        Just("\\N".to_owned()),
        Just("{\"a\":1}".to_owned()),
    ]
}

#[derive(Debug, Clone)]
struct Contact {
    first_name: String,
    notes: String,
    email: bool,
    birthday: Option<(u16, u8, u8)>,
    tags: Vec<String>,
    status: Option<usize>,
}

fn contact() -> impl Strategy<Value = Contact> {
    let birthday = prop::option::of((1850_u16..=9999, 1_u8..=12, 1_u8..=28));
    (
        text(),
        text(),
        any::<bool>(),
        birthday,
        prop::collection::vec(text(), 0..3),
        prop::option::of(0_usize..5),
    )
        .prop_map(|(first_name, notes, email, birthday, tags, status)| Contact {
            first_name,
            notes,
            email,
            birthday,
            tags,
            status,
        })
}

/// The contacts as a JSON file: every text is possible there.
fn file_of(contacts: &[Contact]) -> String {
    let choices = ["lead", "qualified", "customer", "churned", "inactive"];
    let rows: Vec<serde_json::Value> = contacts
        .iter()
        .enumerate()
        .map(|(index, contact)| {
            serde_json::json!({
                "external_id": format!("{index:04}"),
                "first_name": contact.first_name,
                "notes": contact.notes,
                "email": contact.email.then(|| format!("Person.{index}@Example.com")),
                "birthday": contact.birthday.map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}")),
                "tags": contact.tags,
                "status": contact.status.map(|index| choices[index]),
            })
        })
        .collect();
    serde_json::json!(rows).to_string()
}

fn round_trip(kind: Kind, contacts: &[Contact]) {
    let world = World::new(kind);
    world.file("in.json", file_of(contacts));
    let ledger = world.json(&["import", "in.json", "--to", "contacts", "--json"]);
    assert_eq!(fates(&ledger), format!("created {}", contacts.len()), "{ledger}");
    for format in ["csv", "json", "jsonl"] {
        let name = format!("out.{format}");
        assert_eq!(world.dray(&["export", "contacts", "-o", &name]).code, 0);
        let again = [
            "import",
            &name,
            "--to",
            "contacts",
            "--on-duplicate",
            "update",
            "--merge",
            "overwrite",
            "--json",
        ];
        let ledger = world.json(&again);
        assert_eq!(
            fates(&ledger),
            format!("unchanged {}", contacts.len()),
            "{format} {ledger}\n{}",
            world.read(&name)
        );
        let second = format!("again.{format}");
        assert_eq!(world.dray(&["export", "contacts", "-o", &second]).code, 0);
        assert_eq!(world.read(&name), world.read(&second), "{format}");
    }
}

fn check<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(strategy, |value| {
            test(value);
            Ok(())
        })
        .expect("the property holds");
}

#[test]
fn an_export_imported_again_changes_nothing_on_sqlite() {
    check(32, &prop::collection::vec(contact(), 1..20), |contacts| round_trip(Kind::Sqlite, &contacts));
}

#[test]
fn an_export_imported_again_changes_nothing_on_postgres() {
    check(12, &prop::collection::vec(contact(), 1..20), |contacts| round_trip(Kind::Postgres, &contacts));
}

/// Values at the edges of every type, through all formats and both stores.
#[test]
fn values_of_every_type_come_back() {
    let deals = "name,amount,expected_close,stage,external_id\n\
                 a,0.00,0001-01-01,new,1\n\
                 b,-99999999999999999999999999.99,9999-12-31,won,2\n\
                 c,0.10,2024-02-29,,3\n\
                 d,123456789012345.67,,lost,4\n\
                 e,,,,5\n";
    let events = "{\"name\":\"a\",\"occurred_at\":\"0001-01-01T00:00:00Z\",\"properties\":{\"b\":1.10,\"a\":[null,true,\"\\u00e9\"]}}\n\
                  {\"name\":\"b\",\"occurred_at\":\"9999-12-31T23:59:59.999999Z\",\"properties\":12345678901234567890}\n\
                  {\"name\":\"c\",\"occurred_at\":\"1969-12-31T23:59:59.9Z\",\"properties\":\"\\\"text\\\"\"}\n";
    let companies =
        "name,employees,annual_revenue,domain\nA,9223372036854775807,1.5,a.example\nB,0,,B.example\n";
    for kind in crate::support::STORES {
        let world = World::new(kind);
        for (object, name, text) in [
            ("deals", "deals.csv", deals),
            ("events", "events.jsonl", events),
            ("companies", "companies.csv", companies),
        ] {
            world.file(name, text);
            let ledger = world.json(&["import", name, "--to", object, "--json"]);
            assert_eq!(ledger["rejected"], 0, "{ledger}");
            for format in ["csv", "json", "jsonl"] {
                let out = format!("{object}.out.{format}");
                assert_eq!(world.dray(&["export", object, "-o", &out]).code, 0);
                let again = [
                    "import",
                    &out,
                    "--to",
                    object,
                    "--on-duplicate",
                    "update",
                    "--merge",
                    "overwrite",
                    "--json",
                ];
                let ledger = world.json(&again);
                assert_eq!(
                    ledger["unchanged"],
                    ledger["read"],
                    "{kind:?} {format} {ledger}\n{}",
                    world.read(&out)
                );
            }
        }
        assert_eq!(
            world.dray(&["export", "deals", "--fields", "amount,expected_close,stage", "--sort", "id"]).out,
            "amount,expected_close,stage\n0.00,0001-01-01,new\n-99999999999999999999999999.99,9999-12-31,won\n\
             0.10,2024-02-29,new\n123456789012345.67,,lost\n,,new\n"
        );
        assert!(
            world
                .dray(&["export", "events", "--format", "jsonl"])
                .out
                .contains("{\"b\":1.10,\"a\":[null,true,\"\\u00e9\"]}")
        );
    }
}

/// Input of any kind: bytes, broken CSV, rows that repeat each other.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![
        Just("a@x.example".to_owned()),
        Just("b@x.example".to_owned()),
        Just("broken".to_owned()),
        Just("\"".to_owned()),
        Just("\"a@x.example\"".to_owned()),
        Just(String::new()),
        "\\PC{0,6}",
    ];
    let row = prop::collection::vec(cell, 0..5).prop_map(|cells| cells.join(","));
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n")];
    let table = prop::collection::vec((row, end), 0..30).prop_map(|rows| {
        let body: String = rows.into_iter().map(|(row, end)| row + end).collect();
        format!("email,first_name,external_id\n{body}").into_bytes()
    });
    prop_oneof![3 => table, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

#[test]
fn the_ledger_balances_on_any_input() {
    let strategies = prop::sample::select(vec!["skip", "update", "create"]);
    let modes = prop::sample::select(vec!["--atomic", "--partial"]);
    check(96, &(anything(), strategies, modes), |(bytes, strategy, mode)| {
        let world = World::new(Kind::Sqlite);
        world.file("in.csv", bytes);
        let arguments = ["import", "in.csv", "--to", "contacts", "--on-duplicate", strategy, mode, "--json"];
        let planned = world.json(&[&arguments[..], &["--plan"]].concat());
        let ledger = world.json(&arguments);
        assert_eq!(planned["error"], ledger["error"]);
        if ledger["error"].is_null() {
            assert_eq!(fates(&planned), fates(&ledger), "the plan is what happens");
            let records = world.records("contacts", "id").lines().count() as u64 - 1;
            assert_eq!(ledger["created"].as_u64(), Some(records), "{ledger}");
        } else {
            assert_eq!(world.dray(&arguments).code, 1);
        }
    });
}
