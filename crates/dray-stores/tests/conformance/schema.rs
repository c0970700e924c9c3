//! Tables and indexes: made, brought up to date, suspended.

use dray_model::ErrorKind;
use dray_model::query::Query;
use dray_model::starter::starter_objects;

use crate::world::{THINGS, World, insert, insert_named, new_records, object, read};

const ALL_INDEXES: [&str; 8] = [
    "dray_things_clock_idx",
    "dray_things_code_idx",
    "dray_things_count_idx",
    "dray_things_day_idx",
    "dray_things_email_key",
    "dray_things_moment_idx",
    "dray_things_price_idx",
    "dray_things_uid_key",
];

pub(crate) fn prepare_is_idempotent(world: &World) {
    let (mut store, things) = world.things();
    insert_named(&mut *store, &things, &["one"]);
    store.prepare_object(&things).unwrap();
    world.open().prepare_object(&things).unwrap();
    store.begin().unwrap();
    store.prepare_object(&things).unwrap();
    store.commit().unwrap();
    assert_eq!(world.indexes("things"), ALL_INDEXES);
    assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]), ["one"]);
}

pub(crate) fn prepare_adds_fields(world: &World) {
    let (mut store, things) = world.things();
    insert_named(&mut *store, &things, &["old"]);
    let newer = object(&format!(
        "{THINGS}\n[[field]]\nname = \"size\"\ntype = \"integer\"\nrequired = true\nunique = true\n"
    ));
    store.prepare_object(&newer).unwrap();
    assert!(world.indexes("things").contains(&"dray_things_size_key".to_owned()));
    insert(&mut *store, &newer, &["name", "size"], &[vec![Some("new"), Some("5")]]);
    assert_eq!(read(&mut *store, &newer, &Query::default(), &["name", "size"]), ["old|∅", "new|5"]);
    // The older definition still works on the newer table.
    insert_named(&mut *store, &things, &["older program"]);
    assert_eq!(store.stored_definition("things").unwrap(), Some(newer.definition.clone()));
}

pub(crate) fn prepare_loosens(world: &World) {
    let strict = "name = \"boxes\"\nlabel = \"Boxes\"\n[[field]]\nname = \"a\"\nrequired = true\nunique = true\n\
        [[field]]\nname = \"b\"\nrequired = true\n[[field]]\nname = \"c\"\nunique = true\ncaseless = true\n";
    let loose = "name = \"boxes\"\nlabel = \"Boxes\"\n[[field]]\nname = \"a\"\nindexed = true\n\
        [[field]]\nname = \"c\"\nunique = true\n";
    let mut store = world.open();
    store.prepare_object(&object(strict)).unwrap();
    let loose = object(loose);
    store.prepare_object(&loose).unwrap();
    assert_eq!(world.indexes("boxes"), ["dray_boxes_a_idx", "dray_boxes_c_key"]);
    let rows = [vec![None, Some("x")], vec![Some("same"), Some("X")], vec![Some("same"), None]];
    insert(&mut *store, &loose, &["a", "c"], &rows);
    assert_eq!(read(&mut *store, &loose, &Query::default(), &["a", "c"]), ["∅|x", "same|X", "same|∅"]);
}

pub(crate) fn prepare_refuses_another_type(world: &World) {
    let mut store = world.open();
    let with = |kind: &str| {
        object(&format!("name = \"boxes\"\nlabel = \"B\"\n[[field]]\nname = \"a\"\ntype = \"{kind}\"\n"))
    };
    store.prepare_object(&with("text")).unwrap();
    let error = store.prepare_object(&with("integer")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `a` of `boxes` holds values of type Text and the definition now says Integer"
    );
    // Nothing was changed, and the session goes on.
    store.prepare_object(&with("text")).unwrap();
}

pub(crate) fn prepare_refuses_taken_names(world: &World) {
    let mut store = world.open();
    for name in ["dray_import", "sqlite_master", "pg_class"] {
        let taken = object(&format!("name = \"{name}\"\nlabel = \"T\"\n[[field]]\nname = \"a\"\n"));
        assert_eq!(store.prepare_object(&taken).unwrap_err().kind, ErrorKind::Request, "{name}");
    }
    // Words of SQL are no hindrance.
    let words = object(
        "name = \"select\"\nlabel = \"T\"\n[[field]]\nname = \"order\"\nunique = true\n[[field]]\nname = \"text\"\n",
    );
    store.prepare_object(&words).unwrap();
    insert(&mut *store, &words, &["order", "text"], &[vec![Some("1"), Some("2")]]);
    assert_eq!(read(&mut *store, &words, &Query::default(), &["order", "text"]), ["1|2"]);
}

pub(crate) fn prepare_tells_duplicates(world: &World) {
    let (mut store, things) = world.things();
    store.begin().unwrap();
    store.suspend_indexes(&things, &[]).unwrap();
    let rows = [
        vec![Some("a"), Some("Ada@x.org")],
        vec![Some("b"), Some("bob@x.org")],
        vec![Some("c"), Some("ada@x.org")],
    ];
    insert(&mut *store, &things, &["name", "email"], &rows);
    let error = store.prepare_object(&things).unwrap_err();
    assert_eq!(
        error.to_string().to_lowercase(),
        "column `email` of `things` cannot be made unique, at least two records share a value: `ada@x.org`"
    );
    store.rollback();
    assert_eq!(world.indexes("things"), ALL_INDEXES);
    assert!(read(&mut *store, &things, &Query::default(), &["name"]).is_empty());
}

pub(crate) fn suspended_indexes_come_back(world: &World) {
    let (mut store, things) = world.things();
    store.suspend_indexes(&things, &[]).unwrap();
    insert(&mut *store, &things, &["name", "email", "code"], &[vec![Some("a"), Some("a@x.org"), Some("1")]]);
    let during = world.indexes("things");
    assert!(!during.contains(&"dray_things_email_key".to_owned()), "{during:?}");
    assert!(!during.contains(&"dray_things_code_idx".to_owned()), "{during:?}");
    // The process dies here; whoever comes next makes them again.
    drop(store);
    let mut next = world.open();
    next.prepare_object(&things).unwrap();
    assert_eq!(world.indexes("things"), ALL_INDEXES);
    let again = new_records(&things, 100, &["name", "email"], &[vec![Some("b"), Some("A@x.org")]]);
    assert!(next.insert(&things, &again).is_err());
}

pub(crate) fn rollback_undoes_suspension(world: &World) {
    let (mut store, things) = world.things();
    store.begin().unwrap();
    store.suspend_indexes(&things, &[]).unwrap();
    insert(&mut *store, &things, &["name", "email"], &[vec![Some("a"), Some("a@x.org")]]);
    store.rollback();
    insert(&mut *store, &things, &["name", "email"], &[vec![Some("a"), Some("a@x.org")]]);
    assert_eq!(world.indexes("things"), ALL_INDEXES);
}

pub(crate) fn starter_objects_can_be_prepared(world: &World) {
    let mut store = world.open();
    let objects = starter_objects().unwrap();
    for object in &objects {
        store.prepare_object(object).unwrap();
        store.prepare_object(object).unwrap();
        assert_eq!(store.estimated_records(object).unwrap(), 0);
    }
    assert_eq!(store.stored_objects().unwrap().len(), objects.len());
}
