//! Several sessions at once.

use dray_model::query::Query;

use crate::world::{World, insert_named, read};

pub(crate) fn locks(world: &World) {
    let mut first = world.open();
    let mut second = world.open();
    first.lock_object("things", 0).unwrap();
    first.lock_object("things", 0).unwrap();
    first.lock_object("others", 0).unwrap();
    let error = second.lock_object("things", 0).unwrap_err();
    assert!(error.to_string().starts_with("another import or undo of `things` is running ("), "{error}");
    assert!(error.to_string().contains("process"), "{error}");
    assert!(error.retryable);
    // Another organization is not concerned.
    world.open_other().lock_object("things", 0).unwrap();
    first.unlock_object("things").unwrap();
    first.unlock_object("things").unwrap();
    second.lock_object("things", 0).unwrap();
    assert!(first.lock_object("things", 0).is_err());
    // Whoever waits gets it when the other session ends.
    let waiting = std::thread::spawn(move || first.lock_object("things", 20).map(|()| first));
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!waiting.is_finished());
    drop(second);
    waiting.join().unwrap().unwrap();
}

pub(crate) fn organizations_are_separate(world: &World) {
    let (mut store, things) = world.things();
    insert_named(&mut *store, &things, &["mine"]);
    let mut other = world.open_other();
    assert_eq!(other.stored_objects().unwrap(), [""; 0]);
    other.prepare_object(&things).unwrap();
    assert_eq!(insert_named(&mut *other, &things, &["theirs"]), 1);
    assert_eq!(read(&mut *store, &things, &Query::default(), &["name"]), ["mine"]);
    assert_eq!(read(&mut *other, &things, &Query::default(), &["name"]), ["theirs"]);
}

pub(crate) fn commits_are_seen(world: &World) {
    let (mut writer, things) = world.things();
    let mut reader = world.open();
    writer.begin().unwrap();
    insert_named(&mut *writer, &things, &["a"]);
    assert!(read(&mut *reader, &things, &Query::default(), &["name"]).is_empty());
    writer.commit().unwrap();
    assert_eq!(read(&mut *reader, &things, &Query::default(), &["name"]), ["a"]);
    // A session that ends within a transaction takes it along.
    writer.begin().unwrap();
    insert_named(&mut *writer, &things, &["b"]);
    drop(writer);
    assert_eq!(read(&mut *reader, &things, &Query::default(), &["name"]), ["a"]);
}
