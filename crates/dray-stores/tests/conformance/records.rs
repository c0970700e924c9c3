//! Records: made, found, changed, restored, deleted.

use dray_model::ErrorKind;
use dray_model::flow::{ChangedRecords, CreatedRange, Found, NewRecords, Stamp};
use dray_model::object::Object;
use dray_model::query::Query;
use dray_model::value::{parse_datetime, text_of};

use crate::world::{
    NOW, World, change, column, columns, compare, insert, insert_named, new_records, read, with_filter,
};

const EVERY_CELL: [&str; 13] = [
    "name", "email", "code", "count", "price", "ratio", "active", "day", "moment", "clock", "uid",
    "document", "tags",
];

const EVERY_VALUE: [Option<&str>; 13] = [
    Some("Ada"),
    Some("Ada@Example.org"),
    Some("C-1"),
    Some("-42"),
    Some("10.50"),
    Some("0.125"),
    Some("true"),
    Some("1815-12-10"),
    Some("2024-02-29T23:59:59.5Z"),
    Some("23:59:59"),
    Some("6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b"),
    Some(r#"{"b": 1,  "a": [1,2]}"#),
    Some(r#"["x","y"]"#),
];

/// Keys found with the cells asked for, in key order.
fn found_lines(object: &Object, found: &Found, names: &[&str]) -> Vec<String> {
    let columns = columns(object, names);
    let mut lines: Vec<String> = (0..found.ids.len())
        .map(|row| {
            let cells = columns.iter().zip(&found.values).map(|(&column, array)| {
                text_of(object.columns[column].value_type, array, row).unwrap_or_else(|| "∅".to_owned())
            });
            std::iter::once(found.keys.value(row).to_owned()).chain(cells).collect::<Vec<_>>().join("|")
        })
        .collect();
    lines.sort();
    lines
}

pub(crate) fn found_by_key_and_id(world: &World) {
    let (mut store, things) = world.things();
    let rows = [
        vec![Some("a"), Some("x"), Some("1")],
        vec![Some("b"), Some("y"), None],
        vec![Some("c"), Some("x"), Some("3")],
        vec![Some("d"), None, Some("4")],
    ];
    let first = insert(&mut *store, &things, &["name", "code", "count"], &rows);
    let code = column(&things, "code");
    let wanted = columns(&things, &["name", "count"]);
    let found = store.find(&things, code, &["x", "y", "nothing"], &wanted).unwrap();
    assert_eq!(found_lines(&things, &found, &["name", "count"]), ["x|a|1", "x|c|3", "y|b|∅"]);
    assert!(found.versions.iter().all(|&version| version == 1));
    assert!(found.updated_at.iter().all(|&time| time == NOW));
    assert!(found.import_ids.iter().all(|&import| import == Some(7)));

    let id = (first + 3).to_string();
    let by_id = store.find(&things, 0, &[&id, "999999", "no number"], &wanted).unwrap();
    assert_eq!(found_lines(&things, &by_id, &["name", "count"]), [format!("{id}|d|4")]);
    assert_eq!(by_id.ids, [first + 3]);
    let nothing = store.find(&things, code, &[], &wanted).unwrap();
    assert!(nothing.ids.is_empty() && nothing.values.len() == 2);
    let no_columns = store.find(&things, code, &["y"], &[]).unwrap();
    assert_eq!((no_columns.ids.len(), no_columns.values.len()), (1, 0));
}

pub(crate) fn keys_of_every_type(world: &World) {
    let (mut store, things) = world.things();
    insert(&mut *store, &things, &EVERY_CELL, &[EVERY_VALUE.to_vec()]);
    for (name, value) in EVERY_CELL.iter().zip(EVERY_VALUE) {
        let index = column(&things, name);
        let caseless = things.columns[index].caseless;
        let key = if caseless { value.unwrap().to_lowercase() } else { value.unwrap().to_owned() };
        let found = store.find(&things, index, &[&key, "never"], &[]).unwrap();
        assert_eq!(found_lines(&things, &found, &[]), [key], "{name}");
    }
}

pub(crate) fn caseless_keys(world: &World) {
    let (mut store, things) = world.things();
    let rows = [
        vec![Some("a"), Some("Ada@Example.ORG"), Some("Code")],
        vec![Some("b"), Some("Émile@x.org"), Some("code")],
    ];
    insert(&mut *store, &things, &["name", "email", "code"], &rows);
    let email = column(&things, "email");
    let found = store.find(&things, email, &["ada@example.org", "Émile@x.org"], &[email]).unwrap();
    assert_eq!(
        found_lines(&things, &found, &["email"]),
        ["ada@example.org|Ada@Example.ORG", "Émile@x.org|Émile@x.org"]
    );
    // Only ASCII letters lose their case, as the model says.
    assert!(store.find(&things, email, &["émile@x.org"], &[]).unwrap().ids.is_empty());
    // Other columns compare exactly.
    let code = column(&things, "code");
    assert_eq!(store.find(&things, code, &["code"], &[]).unwrap().ids.len(), 1);
}

pub(crate) fn keys_are_scanned(world: &World) {
    let (mut store, things) = world.things();
    let rows = [vec![Some("a"), Some("B@X.org"), Some("2024-02-29T00:00:00Z")], vec![Some("b"), None, None]];
    let first = insert(&mut *store, &things, &["name", "email", "moment"], &rows);
    let mut scan = |name: &str| {
        let mut keys = Vec::new();
        store.scan_keys(&things, column(&things, name), &mut |key, _| keys.push(key.to_owned())).unwrap();
        keys.sort();
        keys
    };
    assert_eq!(scan("email"), ["b@x.org"]);
    assert_eq!(scan("moment"), ["2024-02-29T00:00:00Z"]);
    assert_eq!(scan("id"), [first.to_string(), (first + 1).to_string()]);
}

pub(crate) fn unique_violation_names_the_value(world: &World) {
    let (mut store, things) = world.things();
    insert(
        &mut *store,
        &things,
        &["name", "email"],
        &[vec![Some("a"), Some("ada@x.org")], vec![Some("b"), Some("bob@x.org")]],
    );
    let clash = [vec![Some("c"), Some("carl@x.org")], vec![Some("d"), Some("ADA@x.org")]];
    let records = new_records(&things, 50, &["name", "email"], &clash);
    store.begin().unwrap();
    let error = store.insert(&things, &records).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Store);
    assert_eq!(
        error.to_string().to_lowercase(),
        "another record of `things` already has the value `ada@x.org` in `email`"
    );
    assert!(error.hint.is_some());
    store.rollback();
    let within = [vec![Some("c"), Some("z@x.org")], vec![Some("d"), Some("Z@x.org")]];
    let error = store.insert(&things, &new_records(&things, 50, &["name", "email"], &within)).unwrap_err();
    assert!(error.to_string().to_lowercase().contains("`z@x.org` in `email`"), "{error}");
    let taken = store.find(&things, column(&things, "email"), &["bob@x.org"], &[]).unwrap();
    let error = store
        .update(&things, &change(&things, &[(taken.ids[0], 1)], &["email"], &[vec![Some("ada@x.org")]]))
        .unwrap_err();
    assert!(error.to_string().contains("`ada@x.org` in `email`"), "{error}");
    assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]), ["a", "b"]);
}

pub(crate) fn missing_value_is_told(world: &World) {
    let (mut store, things) = world.things();
    let records = new_records(&things, 1, &["code"], &[vec![Some("x")]]);
    let error = store.insert(&things, &records).unwrap_err();
    assert_eq!(error.to_string(), "a record of `things` has no value in `name`");
}

pub(crate) fn version_guard(world: &World) {
    let (mut store, things) = world.things();
    let first = insert_named(&mut *store, &things, &["a", "b", "c"]);
    let records = [(first, 1), (first + 1, 2), (first + 2, 1), (first + 99, 1)];
    let rows = [vec![Some("A")], vec![Some("B")], vec![Some("C")], vec![Some("D")]];
    assert_eq!(store.update(&things, &change(&things, &records, &["name"], &rows)).unwrap(), 2);
    let names = ["name", "version", "import_id", "updated_at", "created_at"];
    assert_eq!(
        read(&mut *store, &things, &Query::default(), &names),
        [
            "A|2|8|2024-02-29T12:00:00.000001Z|2024-02-29T12:00:00Z",
            "b|1|7|2024-02-29T12:00:00Z|2024-02-29T12:00:00Z",
            "C|2|8|2024-02-29T12:00:00.000001Z|2024-02-29T12:00:00Z",
        ]
    );
    // No columns at all: only the stamp.
    assert_eq!(store.update(&things, &change(&things, &[(first, 2)], &[], &[])).unwrap(), 1);
    assert_eq!(store.update(&things, &change(&things, &[], &[], &[])).unwrap(), 0);
}

pub(crate) fn restore_is_exact(world: &World) {
    let (mut store, things) = world.things();
    let first = insert(&mut *store, &things, &EVERY_CELL, &[EVERY_VALUE.to_vec()]);
    let mut all: Vec<&str> = EVERY_CELL.to_vec();
    all.extend(["id", "created_at", "updated_at", "version", "import_id"]);
    let before = read(&mut *store, &things, &Query::default(), &all);
    let mut changed = vec![None; EVERY_CELL.len()];
    changed[0] = Some("Other");
    changed[4] = Some("99999999999999999999.25");
    store.update(&things, &change(&things, &[(first, 1)], &EVERY_CELL, &[changed])).unwrap();
    assert_ne!(read(&mut *store, &things, &Query::default(), &all), before);
    let mut back = change(&things, &[(first, 2)], &EVERY_CELL, &[EVERY_VALUE.to_vec()]);
    back.stamp = Stamp::Restore { versions: vec![1], updated_at: vec![NOW], import_ids: vec![Some(7)] };
    assert_eq!(store.update(&things, &back).unwrap(), 1);
    assert_eq!(read(&mut *store, &things, &Query::default(), &all), before);
    back.expected_versions = vec![1];
    back.stamp = Stamp::Restore { versions: vec![1], updated_at: vec![NOW], import_ids: vec![None] };
    store.update(&things, &back).unwrap();
    assert_eq!(read(&mut *store, &things, &Query::default(), &["import_id"]), ["∅"]);
}

pub(crate) fn bookkeeping_leaves_versions_alone(world: &World) {
    let (mut store, things) = world.things();
    let first = insert_named(&mut *store, &things, &["a", "b"]);
    let system = ["name", "version", "import_id", "updated_at"];
    let before = read(&mut *store, &things, &Query::default(), &system);
    let mut kept = change(&things, &[(first, 1)], &["code"], &[vec![Some("x")]]);
    kept.stamp = Stamp::Restore { versions: vec![1], updated_at: vec![NOW], import_ids: vec![Some(7)] };
    assert_eq!(store.update(&things, &kept).unwrap(), 1);
    assert_eq!(read(&mut *store, &things, &Query::default(), &system), before);
    assert_eq!(read(&mut *store, &things, &Query::default(), &["code"]), ["x", "∅"]);
    // What others change is counted as ever, also in the transaction that follows.
    store.begin().unwrap();
    assert_eq!(store.update(&things, &kept).unwrap(), 1);
    store.commit().unwrap();
    world.sql("UPDATE things SET name = 'c'");
    assert_eq!(read(&mut *store, &things, &Query::default(), &["version"]), ["2", "2"]);
}

pub(crate) fn many_are_deleted_by_number(world: &World) {
    let (mut store, things) = world.things();
    let texts: Vec<String> = (0..2_500).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = texts.iter().map(String::as_str).collect();
    let first = insert_named(&mut *store, &things, &names);
    let ids: Vec<i64> = (first..first + 2_499).chain([first + 9_999]).collect();
    assert_eq!(store.delete_records(&things, &ids).unwrap(), 2_499);
    assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]), ["n2499"]);
    assert_eq!(store.delete_records(&things, &[]).unwrap(), 0);
}

pub(crate) fn changes_in_any_order(world: &World) {
    let (mut store, things) = world.things();
    let texts: Vec<String> = (0..500).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = texts.iter().map(String::as_str).collect();
    let first = insert_named(&mut *store, &things, &names);
    let order: Vec<i64> = (0..500).map(|number| (number * 7) % 500).collect();
    let records: Vec<(i64, i64)> = order.iter().map(|number| (first + number, 1)).collect();
    let counts: Vec<String> = order.iter().map(|number| (number * 10).to_string()).collect();
    let rows: Vec<Vec<Option<&str>>> = counts.iter().map(|count| vec![Some(count.as_str())]).collect();
    assert_eq!(store.update(&things, &change(&things, &records, &["count"], &rows)).unwrap(), 500);
    let lines = read(&mut *store, &things, &Query::default(), &["name", "count"]);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("n{number}|{}", number * 10));
    }
}

pub(crate) fn delete_created(world: &World) {
    let (mut store, things) = world.things();
    let first = insert_named(&mut *store, &things, &["a", "b", "c", "d"]);
    store.update(&things, &change(&things, &[(first + 1, 1)], &["name"], &[vec![Some("changed")]])).unwrap();
    let other = NewRecords {
        import_id: Some(9),
        ..new_records(&things, first + 4, &["name"], &[vec![Some("other")]])
    };
    store.reserve_ids(&things, 1).unwrap();
    store.insert(&things, &other).unwrap();
    let range = CreatedRange { object: "things".to_owned(), first_id: first, last_id: first + 4 };
    assert_eq!(store.delete_created(&things, &range, 7).unwrap(), 3);
    assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]), ["changed", "other"]);
    assert_eq!(store.delete_created(&things, &range, 7).unwrap(), 0);
    // Ids are not used again.
    assert!(store.reserve_ids(&things, 1).unwrap() > first + 4);
}

pub(crate) fn delete_many_created(world: &World) {
    let (mut store, things) = world.things();
    let count = 30_000;
    let codes: Vec<String> = (0..count).map(|number| format!("code{number}")).collect();
    let rows: Vec<Vec<Option<&str>>> =
        codes.iter().map(|code| vec![Some("n"), Some(code.as_str())]).collect();
    for keeps_one in [true, false] {
        let first = insert(&mut *store, &things, &["name", "code"], &rows);
        if keeps_one {
            store.update(&things, &change(&things, &[(first, 1)], &["name"], &[vec![Some("kept")]])).unwrap();
        }
        let range = CreatedRange { object: "things".to_owned(), first_id: first, last_id: first + count - 1 };
        store.begin().unwrap();
        let deleted = store.delete_created(&things, &range, 7).unwrap();
        store.commit().unwrap();
        assert_eq!(deleted, count as u64 - u64::from(keeps_one));
        assert!(world.indexes("things").contains(&"dray_things_code_idx".to_owned()));
        if keeps_one {
            assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]), ["kept"]);
            let everything = CreatedRange { last_id: first, ..range };
            assert_eq!(store.delete_created(&things, &everything, 8).unwrap(), 0);
            world.sql("DELETE FROM things");
        }
    }
    assert!(read(&mut *store, &things, &Query::default(), &["name"]).is_empty());
}

pub(crate) fn created_at_may_be_given(world: &World) {
    let (mut store, things) = world.things();
    let rows = [vec![Some("a"), Some("1969-12-31T23:59:59.999999Z")], vec![Some("b"), None]];
    insert(&mut *store, &things, &["name", "created_at"], &rows);
    insert(&mut *store, &things, &["name", "created_at"], &[vec![Some("c"), None]]);
    assert_eq!(
        read(&mut *store, &things, &Query::default(), &["name", "created_at"]),
        ["a|1969-12-31T23:59:59.999999Z", "b|2024-02-29T12:00:00Z", "c|2024-02-29T12:00:00Z"]
    );
    let change = ChangedRecords {
        stamp: Stamp::Change { now: NOW, import_id: None },
        ..change(&things, &[(1, 1)], &["created_at"], &[vec![Some("2000-01-01T00:00:00Z")]])
    };
    store.update(&things, &change).unwrap();
    assert_eq!(
        read(&mut *store, &things, &Query::default(), &["created_at", "import_id"])[0],
        "2000-01-01T00:00:00Z|∅"
    );
    assert_eq!(parse_datetime("2024-02-29T12:00:00Z"), Some(NOW));
}

pub(crate) fn estimated_records(world: &World) {
    let (mut store, things) = world.things();
    assert_eq!(store.estimated_records(&things).unwrap(), 0);
    let names = vec!["n"; 9999];
    insert_named(&mut *store, &things, &names);
    assert_eq!(store.estimated_records(&things).unwrap(), 9999);
    insert_named(&mut *store, &things, &names);
    let estimate = store.estimated_records(&things).unwrap();
    assert!((10_000..60_000).contains(&estimate), "{estimate}");
}

pub(crate) fn ids_in_blocks(world: &World) {
    let (mut store, things) = world.things();
    assert_eq!(store.reserve_ids(&things, 10).unwrap(), 1);
    assert_eq!(world.open().reserve_ids(&things, 5).unwrap(), 11);
    store.begin().unwrap();
    assert_eq!(store.reserve_ids(&things, 100).unwrap(), 16);
    store.rollback();
    assert_eq!(store.reserve_ids(&things, 1).unwrap(), 16);
    let unknown = crate::world::object("name = \"ghosts\"\nlabel = \"G\"\n[[field]]\nname = \"a\"\n");
    let error = store.reserve_ids(&unknown, 1).unwrap_err();
    assert_eq!(error.to_string(), "object `ghosts` has no table in this store yet");
}

pub(crate) fn rollback_leaves_nothing(world: &World) {
    let (mut store, things) = world.things();
    store.begin().unwrap();
    insert_named(&mut *store, &things, &["a"]);
    assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]), ["a"]);
    store.rollback();
    store.rollback();
    assert!(read(&mut *store, &things, &Query::default(), &["name"]).is_empty());
    // After an error inside a transaction a rollback makes the session usable again.
    store.begin().unwrap();
    let records = new_records(&things, 1, &["code"], &[vec![Some("x")]]);
    assert!(store.insert(&things, &records).is_err());
    store.rollback();
    insert_named(&mut *store, &things, &["b"]);
    let filter = compare(&things, "name", dray_model::query::Operator::Equal, &["b"]);
    assert_eq!(read(&mut *store, &things, &with_filter(filter), &["name"]), ["b"]);
}

pub(crate) fn mismatched_columns_are_refused(world: &World) {
    let (mut store, things) = world.things();
    let good = new_records(&things, 1, &["name", "count"], &[vec![Some("a"), Some("1")]]);
    let mut short = good.clone();
    short.values[1] = good.values[1].slice(0, 0);
    let mut swapped = good.clone();
    swapped.values.swap(0, 1);
    for wrong in [short, swapped] {
        assert_eq!(store.insert(&things, &wrong).unwrap_err().kind, ErrorKind::Store);
    }
    store.insert(&things, &good).unwrap();
}
