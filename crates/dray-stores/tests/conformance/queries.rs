//! Filters, sort orders and limits mean the same on every store.

use dray_model::ErrorKind;
use dray_model::query::{Filter, Operator, Query, Sort};

use crate::world::{World, column, compare, insert, read, with_filter};

const NAMES: [&str; 12] = [
    "name", "email", "code", "count", "price", "ratio", "active", "day", "moment", "clock", "uid", "document",
];

fn rows() -> Vec<Vec<Option<&'static str>>> {
    vec![
        vec![
            Some("a"),
            Some("Ada@X.org"),
            Some("Zebra"),
            Some("-5"),
            Some("9.50"),
            Some("0.1"),
            Some("true"),
            Some("2024-01-01"),
            Some("2024-01-01T10:00:00Z"),
            Some("09:00:00"),
            Some("00000000-0000-0000-0000-00000000000a"),
            Some("[1]"),
        ],
        vec![
            Some("b"),
            Some("bob@x.org"),
            Some("apple"),
            Some("7"),
            Some("10.00"),
            Some("99999999999999999999.5"),
            Some("false"),
            Some("2024-06-01"),
            Some("2024-01-01T10:00:00.5Z"),
            Some("09:00:00.25"),
            Some("00000000-0000-0000-0000-00000000000b"),
            Some("{\"k\":1}"),
        ],
        vec![
            Some("c"),
            Some("carl@y.org"),
            Some("Apple"),
            Some("70"),
            Some("-100.25"),
            Some("-3"),
            None,
            Some("1999-12-31"),
            Some("1969-12-31T23:00:00Z"),
            Some("23:00:00"),
            Some("f0000000-0000-0000-0000-000000000000"),
            None,
        ],
        vec![Some("d"), None, None, None, None, None, None, None, None, None, None, None],
    ]
}

pub(crate) fn operators(world: &World) {
    use Operator::{
        Between, Contains, EndsWith, Equal, Greater, GreaterOrEqual, In, IsEmpty, IsNotEmpty, Less,
        LessOrEqual, NotContains, NotEqual, NotIn, StartsWith,
    };
    let (mut store, things) = world.things();
    insert(&mut *store, &things, &NAMES, &rows());
    let cases: &[(&str, Operator, &[&str], &str)] = &[
        // text, exactly and byte by byte
        ("code", Equal, &["apple"], "b"),
        ("code", NotEqual, &["apple"], "acd"),
        ("code", Greater, &["Zebra"], "b"),
        ("code", GreaterOrEqual, &["Zebra"], "ab"),
        ("code", Less, &["Zebra"], "c"),
        ("code", LessOrEqual, &["Zebra"], "ac"),
        ("code", Between, &["Apple", "Zebra"], "ac"),
        ("code", In, &["apple", "Zebra", "x"], "ab"),
        ("code", NotIn, &["apple", "Zebra", "x"], "cd"),
        ("code", In, &[], ""),
        ("code", NotIn, &[], "abcd"),
        ("code", IsEmpty, &[], "d"),
        ("code", IsNotEmpty, &[], "abc"),
        // text operators, whatever the case
        ("code", Contains, &["PPL"], "bc"),
        ("code", NotContains, &["PPL"], "ad"),
        ("code", StartsWith, &["aP"], "bc"),
        ("code", EndsWith, &["RA"], "a"),
        ("code", Contains, &[""], "abc"),
        ("code", EndsWith, &[""], "abc"),
        // a caseless column
        ("email", Equal, &["ADA@x.ORG"], "a"),
        ("email", NotEqual, &["ADA@x.ORG"], "bcd"),
        ("email", In, &["ADA@x.ORG", "BOB@X.ORG"], "ab"),
        ("email", NotIn, &["ADA@x.ORG", "BOB@X.ORG"], "cd"),
        ("email", Greater, &["BOB@X.ORG"], "c"),
        ("email", Between, &["ADA@X.ORG", "b"], "a"),
        ("email", Contains, &["X.org"], "ab"),
        ("email", EndsWith, &["@y.ORG"], "c"),
        // integers
        ("count", Equal, &["7"], "b"),
        ("count", NotEqual, &["7"], "acd"),
        ("count", Greater, &["7"], "c"),
        ("count", GreaterOrEqual, &["7"], "bc"),
        ("count", Less, &["7"], "a"),
        ("count", LessOrEqual, &["7"], "ab"),
        ("count", Between, &["-5", "7"], "ab"),
        ("count", In, &["70", "-5"], "ac"),
        ("count", NotIn, &["70", "-5"], "bd"),
        ("count", Contains, &["7"], "bc"),
        ("count", StartsWith, &["-"], "a"),
        ("count", IsEmpty, &[], "d"),
        // decimals
        ("price", Equal, &["10"], "b"),
        ("price", Equal, &["10.00"], "b"),
        ("price", Greater, &["9.5"], "b"),
        ("price", GreaterOrEqual, &["9.5"], "ab"),
        ("price", Less, &["9.5"], "c"),
        ("price", Between, &["-100.25", "9.50"], "ac"),
        ("price", In, &["10", "9.5"], "ab"),
        ("price", NotIn, &["10", "9.5"], "cd"),
        ("price", Contains, &["0.0"], "b"),
        ("price", EndsWith, &[".50"], "a"),
        ("ratio", Greater, &["0.1"], "b"),
        ("ratio", GreaterOrEqual, &["99999999999999999999.5"], "b"),
        ("ratio", Less, &["99999999999999999999.4"], "ac"),
        ("ratio", Equal, &["99999999999999999999.50"], "b"),
        ("ratio", Contains, &["9.5"], "b"),
        // booleans
        ("active", Equal, &["true"], "a"),
        ("active", NotEqual, &["true"], "bcd"),
        ("active", In, &["true", "false"], "ab"),
        ("active", Less, &["true"], "b"),
        ("active", StartsWith, &["f"], "b"),
        ("active", IsNotEmpty, &[], "ab"),
        // dates
        ("day", Equal, &["2024-01-01"], "a"),
        ("day", Greater, &["2024-01-01"], "b"),
        ("day", LessOrEqual, &["2024-01-01"], "ac"),
        ("day", Between, &["1999-01-01", "2024-01-31"], "ac"),
        ("day", In, &["2024-06-01"], "b"),
        ("day", NotIn, &["2024-06-01"], "acd"),
        ("day", StartsWith, &["2024-"], "ab"),
        // times
        ("moment", Equal, &["2024-01-01T10:00:00Z"], "a"),
        ("moment", Equal, &["2024-01-01T12:00:00+02:00"], "a"),
        ("moment", Greater, &["2024-01-01T10:00:00Z"], "b"),
        ("moment", LessOrEqual, &["2024-01-01T10:00:00Z"], "ac"),
        ("moment", Less, &["2024-01-01T10:00:00.5Z"], "ac"),
        ("moment", Between, &["2024-01-01T10:00:00Z", "2024-01-01T10:00:00.5Z"], "ab"),
        ("moment", In, &["2024-01-01T10:00:00.500Z"], "b"),
        ("moment", EndsWith, &["00.5z"], "b"),
        ("moment", Contains, &["t10:00:00z"], "a"),
        ("clock", Equal, &["09:00"], "a"),
        ("clock", Greater, &["09:00:00"], "bc"),
        ("clock", LessOrEqual, &["09:00:00.25"], "ab"),
        ("clock", In, &["23:00:00"], "c"),
        ("clock", Contains, &[".25"], "b"),
        ("created_at", LessOrEqual, &["2024-02-29T12:00:00Z"], "abcd"),
        // identifiers
        ("uid", Equal, &["00000000-0000-0000-0000-00000000000A"], "a"),
        ("uid", Greater, &["00000000-0000-0000-0000-00000000000a"], "bc"),
        ("uid", In, &["f0000000-0000-0000-0000-000000000000"], "c"),
        ("uid", StartsWith, &["F0"], "c"),
        ("id", Less, &["3"], "ab"),
        ("version", Equal, &["1"], "abcd"),
        // documents
        ("document", Equal, &["[1]"], "a"),
        ("document", NotEqual, &["[1]"], "bcd"),
        ("document", Contains, &["\"K\""], "b"),
        ("document", Greater, &["[1]"], "b"),
        ("document", In, &["[1]", "{}"], "a"),
    ];
    for (name, operator, values, expected) in cases {
        let filter = compare(&things, name, *operator, values);
        let found = read(&mut *store, &things, &with_filter(filter.clone()), &["name"]).concat();
        assert_eq!(found, *expected, "{name} {operator:?} {values:?}");
        let not = Filter::Not(Box::new(filter));
        let found = read(&mut *store, &things, &with_filter(not), &["name"]).concat();
        let others: String = "abcd".chars().filter(|&c| !expected.contains(c)).collect();
        assert_eq!(found, others, "not {name} {operator:?} {values:?}");
    }
}

pub(crate) fn lists(world: &World) {
    use Operator::{Contains, EndsWith, Equal, In, IsEmpty, NotContains, NotEqual, NotIn, StartsWith};
    let (mut store, things) = world.things();
    let rows = [
        vec![Some("a"), Some(r#"["red","Big"]"#)],
        vec![Some("b"), Some(r#"["reddish"]"#)],
        vec![Some("c"), Some("[]")],
        vec![Some("d"), None],
        vec![Some("e"), Some(r#"[1,true,"x\"y"]"#)],
        vec![Some("f"), Some(r#"{"red":"red"}"#)],
    ];
    insert(&mut *store, &things, &["name", "tags"], &rows);
    let cases: &[(Operator, &[&str], &str)] = &[
        (Equal, &["red"], "a"),
        (Equal, &["RED"], ""),
        (NotEqual, &["red"], "bcdef"),
        (Contains, &["RED"], "a"),
        (NotContains, &["RED"], "bcdef"),
        (In, &["reddish", "Big"], "ab"),
        (In, &[], ""),
        (NotIn, &["reddish", "Big"], "cdef"),
        (StartsWith, &["Red"], "ab"),
        (EndsWith, &["ISH"], "b"),
        (IsEmpty, &[], "d"),
        (Equal, &["1"], "e"),
        (Equal, &["true"], "e"),
        (Equal, &["x\"y"], "e"),
    ];
    for (operator, values, expected) in cases {
        let filter = compare(&things, "tags", *operator, values);
        let found = read(&mut *store, &things, &with_filter(filter), &["name"]).concat();
        assert_eq!(found, *expected, "{operator:?} {values:?}");
    }
}

pub(crate) fn special_characters(world: &World) {
    let (mut store, things) = world.things();
    let texts = ["100% sure", "100 sure", "a_b", "axb", "back\\slash", "it's", "\"q\"", "Ärger", "😀 smile"];
    let rows: Vec<Vec<Option<&str>>> = texts.iter().map(|text| vec![Some(*text)]).collect();
    insert(&mut *store, &things, &["name"], &rows);
    let mut found = |operator, value: &str| {
        read(&mut *store, &things, &with_filter(compare(&things, "name", operator, &[value])), &["name"])
    };
    assert_eq!(found(Operator::Contains, "0%"), ["100% sure"]);
    assert_eq!(found(Operator::Contains, "A_B"), ["a_b"]);
    assert_eq!(found(Operator::EndsWith, "\\SLASH"), ["back\\slash"]);
    assert_eq!(found(Operator::Contains, "'"), ["it's"]);
    assert_eq!(found(Operator::StartsWith, "\"q"), ["\"q\""]);
    assert_eq!(found(Operator::StartsWith, "Är"), ["Ärger"]);
    assert_eq!(found(Operator::EndsWith, "SMILE"), ["😀 smile"]);
    assert_eq!(found(Operator::StartsWith, "😀"), ["😀 smile"]);
    assert_eq!(found(Operator::Equal, "'; DROP TABLE things; --"), [""; 0]);
    assert_eq!(found(Operator::Contains, "$1"), [""; 0]);
}

pub(crate) fn combinations(world: &World) {
    let (mut store, things) = world.things();
    insert(&mut *store, &things, &NAMES, &rows());
    let is = |name: &str, value: &str| compare(&things, name, Operator::Equal, &[value]);
    let mut found = |filter| read(&mut *store, &things, &with_filter(filter), &["name"]).concat();
    assert_eq!(found(Filter::And(vec![])), "abcd");
    assert_eq!(found(Filter::Or(vec![])), "");
    assert_eq!(found(Filter::Or(vec![is("name", "a"), is("count", "7"), is("count", "8")])), "ab");
    assert_eq!(
        found(Filter::And(vec![
            compare(&things, "count", Operator::Less, &["50"]),
            Filter::Not(Box::new(Filter::Or(vec![is("name", "a"), is("name", "z")]))),
        ])),
        "b"
    );
    assert_eq!(found(Filter::Not(Box::new(Filter::And(vec![])))), "");
}

pub(crate) fn filter_values_are_checked(world: &World) {
    let (mut store, things) = world.things();
    let cases: &[(&str, Operator, &[&str])] = &[
        ("count", Operator::Equal, &["seven"]),
        ("price", Operator::Greater, &["1,5"]),
        ("active", Operator::Equal, &["yes"]),
        ("day", Operator::In, &["2024-01-01", "2024-02-30"]),
        ("moment", Operator::Less, &["yesterday"]),
        ("clock", Operator::Less, &["25:00"]),
        ("uid", Operator::Equal, &["123"]),
        ("code", Operator::Equal, &[]),
        ("code", Operator::Between, &["a"]),
        ("code", Operator::IsEmpty, &["a"]),
        ("code", Operator::Equal, &["a\0b"]),
        ("code", Operator::Contains, &["a\0b"]),
        ("tags", Operator::Equal, &["a\0b"]),
    ];
    for (name, operator, values) in cases {
        let query = with_filter(compare(&things, name, *operator, values));
        let error = store.read(&things, &query, &[0], 10, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Request, "{name} {operator:?} {values:?}: {error}");
    }
    let query = with_filter(compare(&things, "count", Operator::Equal, &["seven"]));
    let error = store.read(&things, &query, &[0], 10, &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "`count` is compared with `seven`, which is not a whole number");
}

pub(crate) fn sorting(world: &World) {
    let (mut store, things) = world.things();
    insert(&mut *store, &things, &NAMES, &rows());
    let mut sorted = |keys: &[(&str, bool)]| {
        let sort = keys
            .iter()
            .map(|(name, descending)| Sort { column: column(&things, name), descending: *descending })
            .collect();
        read(&mut *store, &things, &Query { sort, ..Query::default() }, &["name"]).concat()
    };
    assert_eq!(sorted(&[]), "abcd");
    assert_eq!(sorted(&[("code", false)]), "cabd");
    assert_eq!(sorted(&[("code", true)]), "bacd");
    assert_eq!(sorted(&[("email", false)]), "abcd");
    assert_eq!(sorted(&[("count", true)]), "cbad");
    assert_eq!(sorted(&[("price", false)]), "cabd");
    assert_eq!(sorted(&[("ratio", false)]), "cabd");
    assert_eq!(sorted(&[("active", true)]), "abcd");
    assert_eq!(sorted(&[("active", false)]), "bacd");
    assert_eq!(sorted(&[("day", false)]), "cabd");
    assert_eq!(sorted(&[("moment", false)]), "cabd");
    assert_eq!(sorted(&[("moment", true)]), "bacd");
    assert_eq!(sorted(&[("clock", true)]), "cbad");
    assert_eq!(sorted(&[("uid", true)]), "cbad");
    assert_eq!(sorted(&[("version", false), ("count", true)]), "cbad");
    assert_eq!(sorted(&[("version", true)]), "abcd");
}

pub(crate) fn limits_and_batches(world: &World) {
    let (mut store, things) = world.things();
    crate::world::insert_named(&mut *store, &things, &["a", "b", "c", "d", "e", "f", "g"]);
    let name = column(&things, "name");
    let mut sizes = |limit, batch_rows, columns: &[usize]| {
        let mut sizes = Vec::new();
        let query = Query { limit, ..Query::default() };
        store
            .read(&things, &query, columns, batch_rows, &mut |batch| {
                assert_eq!(batch.num_columns(), columns.len());
                sizes.push(batch.num_rows());
                Ok(())
            })
            .unwrap();
        sizes
    };
    assert_eq!(sizes(None, 3, &[name]), [3, 3, 1]);
    assert_eq!(sizes(Some(6), 3, &[name]), [3, 3]);
    assert_eq!(sizes(Some(0), 3, &[name]), [0; 0]);
    assert_eq!(sizes(Some(u64::MAX), 100, &[name]), [7]);
    assert_eq!(sizes(None, 4, &[]), [4, 3]);
    // What the visitor says ends the reading, and the session goes on.
    let mut calls = 0;
    let stopped = store.read(&things, &Query::default(), &[name], 2, &mut |_| {
        calls += 1;
        Err(dray_model::Error::request("enough"))
    });
    assert_eq!((stopped.unwrap_err().to_string(), calls), ("enough".to_owned(), 1));
    assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]).len(), 7);
}

pub(crate) fn counting(world: &World) {
    let (mut store, things) = world.things();
    crate::world::insert_named(&mut *store, &things, &["a", "b", "b", "c"]);
    assert_eq!(store.count_records(&things, None, 100).unwrap(), 4);
    assert_eq!(store.count_records(&things, None, 3).unwrap(), 3, "no further than asked");
    let b = compare(&things, "name", Operator::Equal, &["b"]);
    assert_eq!(store.count_records(&things, Some(&b), 100).unwrap(), 2);
    let none = Filter::And(vec![b, compare(&things, "email", Operator::IsNotEmpty, &[])]);
    assert_eq!(store.count_records(&things, Some(&none), 100).unwrap(), 0);
}
