//! One suite that every store must pass: what the engine may rely on, whichever database it runs on.
//!
//! Each case is a function that gets a fresh organization. PostgreSQL is found through
//! `DRAY_TEST_POSTGRES_URL`; without it the suite fails, it never passes unseen.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod world;
mod schema;
mod records;
mod values;
mod queries;
mod catalog;
mod server;
mod events;
mod sessions;

use world::World;

/// What a store must do, and the proof.
type Case = (&'static str, fn(&World));

/// Everything a store must do.
const CASES: &[Case] = &[
    ("prepare makes a table and does nothing the second time", schema::prepare_is_idempotent),
    ("prepare adds new fields to a table with records", schema::prepare_adds_fields),
    ("prepare loosens what is no longer required or unique", schema::prepare_loosens),
    ("prepare refuses to change a type", schema::prepare_refuses_another_type),
    ("prepare refuses names that are taken", schema::prepare_refuses_taken_names),
    ("prepare tells which value is in the way of a unique index", schema::prepare_tells_duplicates),
    ("suspended indexes come back", schema::suspended_indexes_come_back),
    ("a rollback takes a suspension back", schema::rollback_undoes_suspension),
    ("starter objects can be prepared", schema::starter_objects_can_be_prepared),
    ("records are found by key and by id", records::found_by_key_and_id),
    ("keys of every type are found", records::keys_of_every_type),
    ("keys without regard to case", records::caseless_keys),
    ("keys are scanned", records::keys_are_scanned),
    ("a key twice names column and value", records::unique_violation_names_the_value),
    ("a missing required value is told", records::missing_value_is_told),
    ("a change raises the version, and an outdated one changes nothing", records::version_guard),
    ("a restore puts back exactly what was there", records::restore_is_exact),
    ("changes in any order reach the right records", records::changes_in_any_order),
    ("created records are deleted, changed ones are kept", records::delete_created),
    ("many created records are deleted", records::delete_many_created),
    ("bookkeeping leaves versions alone", records::bookkeeping_leaves_versions_alone),
    ("many records are deleted by number", records::many_are_deleted_by_number),
    ("created_at may be given", records::created_at_may_be_given),
    ("the number of records is known", records::estimated_records),
    ("ids are handed out in blocks", records::ids_in_blocks),
    ("a rollback leaves nothing", records::rollback_leaves_nothing),
    ("mismatched columns are refused", records::mismatched_columns_are_refused),
    ("values of every type come back as they went in", values::round_trip),
    ("large texts come back", values::large_text),
    ("a batch of only empty cells", values::only_empty_cells),
    ("every operator on every type", queries::operators),
    ("operators on lists", queries::lists),
    ("special characters in text operators", queries::special_characters),
    ("conditions combine", queries::combinations),
    ("values of filters are checked", queries::filter_values_are_checked),
    ("sorting puts empty cells last and breaks ties by id", queries::sorting),
    ("limits and batches", queries::limits_and_batches),
    ("records are counted as far as asked", queries::counting),
    ("imports round trip", catalog::imports),
    ("created ranges are lengthened", catalog::created_ranges),
    ("journals are read backwards", catalog::journals),
    ("fates round trip", catalog::fates),
    ("problems come in row order", catalog::problems),
    ("events: messages are kept once", events::messages_are_kept_once),
    ("events: what is due is taken up", events::what_is_due_is_taken_up),
    ("events are listed, counted and swept", events::events_are_listed_counted_and_swept),
    ("events: several sessions share what is due", events::several_sessions_share_what_is_due),
    ("objects are remembered", catalog::objects_are_remembered),
    ("documents are kept, changed by version and listed by key", server::documents),
    ("jobs are claimed once, kept while held and given away after", server::jobs),
    ("many workers claim at once", server::claims_at_once),
    ("the audit log", server::audit),
    ("imports are listed page by page", server::imports_by_page),
    ("a lock keeps other sessions out", sessions::locks),
    ("organizations do not see each other", sessions::organizations_are_separate),
    ("a second session sees what was committed", sessions::commits_are_seen),
];

fn run_all(world_of: impl Fn(usize) -> World) {
    let mut failed = Vec::new();
    for (number, (name, case)) in CASES.iter().enumerate() {
        let world = world_of(number);
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(&world))).is_ok();
        println!("{} {name}", if passed { "ok    " } else { "FAILED" });
        if !passed {
            failed.push(*name);
        }
        world.remove();
    }
    assert!(failed.is_empty(), "{} of {} cases failed: {failed:#?}", failed.len(), CASES.len());
}

#[test]
fn sqlite_conforms() {
    let directory = tempfile::tempdir().unwrap();
    run_all(|number| World::sqlite(directory.path(), number));
}

#[test]
fn postgres_conforms() {
    run_all(World::postgres);
}
