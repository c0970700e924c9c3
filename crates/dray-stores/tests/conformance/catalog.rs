//! Imports and what they did.

use dray_model::flow::{CreatedRange, FateRuns, Import, ImportStatus, Journal};
use dray_model::ledger::{Fate, Ledger};
use dray_model::problem::{Problem, ProblemCode, Severity};

use crate::world::{NOW, THINGS, World, object};

fn import(object: &str, fingerprint: &str) -> Import {
    Import {
        id: 0,
        object: object.to_owned(),
        source: "größe.csv".to_owned(),
        fingerprint: fingerprint.to_owned(),
        status: ImportStatus::Running,
        ledger: Ledger::default(),
        checkpoint: None,
        started_at: NOW,
        finished_at: None,
        undo_of: None,
        message: None,
    }
}

pub(crate) fn imports(world: &World) {
    let mut store = world.open();
    let mut first = import("things", "f1");
    first.id = store.create_import(&first).unwrap();
    assert_eq!(store.find_import(first.id).unwrap(), Some(first.clone()));
    let mut second = Import { undo_of: Some(first.id), ..import("things", "f1") };
    second.id = store.create_import(&second).unwrap();
    let mut third = import("other", "f1");
    third.id = store.create_import(&third).unwrap();
    assert!(first.id < second.id && second.id < third.id);

    for status in ImportStatus::ALL {
        first.status = status;
        first.ledger.read += 36;
        for (number, fate) in Fate::ALL.into_iter().enumerate() {
            first.ledger.add(fate, number as u64 + 1);
        }
        first.checkpoint = Some(r#"{"at":5}"#.to_owned());
        first.finished_at = Some(NOW + 5);
        first.message = Some("ended 'so'".to_owned());
        store.save_import(&first).unwrap();
        assert_eq!(store.find_import(first.id).unwrap(), Some(first.clone()));
    }
    first.checkpoint = None;
    store.save_import(&first).unwrap();
    assert_eq!(store.find_import(first.id).unwrap(), Some(first.clone()));

    let ids = |imports: Vec<Import>| imports.iter().map(|import| import.id).collect::<Vec<_>>();
    assert_eq!(ids(store.list_imports(None, 10).unwrap()), [third.id, second.id, first.id]);
    assert_eq!(ids(store.list_imports(Some("things"), 10).unwrap()), [second.id, first.id]);
    assert_eq!(ids(store.list_imports(Some("things"), 1).unwrap()), [second.id]);
    assert_eq!(store.find_import_by_fingerprint("things", "f1").unwrap().unwrap().id, second.id);
    assert_eq!(store.find_import_by_fingerprint("things", "f2").unwrap(), None);
    assert_eq!(store.find_import(99).unwrap(), None);
    assert!(store.save_import(&Import { id: 99, ..first }).is_err());
}

pub(crate) fn created_ranges(world: &World) {
    let mut store = world.open();
    let range =
        |object: &str, first_id, last_id| CreatedRange { object: object.to_owned(), first_id, last_id };
    store.save_created_range(1, &range("things", 10, 20)).unwrap();
    store.save_created_range(1, &range("other", 5, 5)).unwrap();
    store.save_created_range(1, &range("things", 10, 40)).unwrap();
    store.save_created_range(1, &range("things", 1, 2)).unwrap();
    store.save_created_range(2, &range("things", 50, 60)).unwrap();
    assert_eq!(
        store.created_ranges(1).unwrap(),
        [range("things", 10, 40), range("other", 5, 5), range("things", 1, 2)]
    );
    assert_eq!(store.created_ranges(3).unwrap(), []);
}

pub(crate) fn journals(world: &World) {
    let mut store = world.open();
    let entries = |numbers: std::ops::RangeInclusive<i64>| Journal {
        record_ids: numbers.clone().map(|number| number * 10).collect(),
        versions: numbers.clone().map(|number| number % 3 + 1).collect(),
        updated_at: numbers.clone().map(|number| NOW + number).collect(),
        import_ids: numbers.clone().map(|number| (number % 2 == 0).then_some(number)).collect(),
        before: numbers.clone().map(|number| format!("{{\"name\":\"n {number}\"}}")).collect(),
        sequences: numbers.collect(),
    };
    store.append_journal(1, &entries(1..=100)).unwrap();
    store.append_journal(1, &entries(101..=250)).unwrap();
    store.append_journal(2, &entries(1..=3)).unwrap();
    store.append_journal(2, &Journal::default()).unwrap();
    let read = store.read_journal(1, i64::MAX, 2).unwrap();
    assert_eq!(read.sequences, [250, 249]);
    assert_eq!(read.record_ids, [2500, 2490]);
    assert_eq!(read.versions, [2, 1]);
    assert_eq!(read.updated_at, [NOW + 250, NOW + 249]);
    assert_eq!(read.import_ids, [Some(250), None]);
    assert_eq!(read.before, ["{\"name\":\"n 250\"}", "{\"name\":\"n 249\"}"]);
    let rest = store.read_journal(1, 249, 1000).unwrap();
    assert_eq!((rest.sequences.len(), rest.sequences[0], rest.sequences[247]), (248, 248, 1));
    assert_eq!(store.read_journal(2, 10, 10).unwrap().sequences, [3, 2, 1]);
    assert!(store.read_journal(3, 10, 10).unwrap().sequences.is_empty());
    let mut again = entries(251..=252);
    again.record_ids = vec![70, 80];
    store.append_journal(1, &again).unwrap();
    let of_record = store.read_journal_of_record(1, 70, 10).unwrap();
    assert_eq!((of_record.sequences, of_record.record_ids), (vec![251, 7], vec![70, 70]));
    assert_eq!(store.read_journal_of_record(1, 70, 1).unwrap().sequences, [251]);
    assert!(store.read_journal_of_record(2, 70, 10).unwrap().sequences.is_empty());
}

pub(crate) fn fates(world: &World) {
    let mut store = world.open();
    let runs =
        |sequence, bytes: &[u8]| FateRuns { sequence, first_row: 1, last_row: 9, runs: bytes.to_vec() };
    store.append_fates(1, &runs(2, &[])).unwrap();
    store.append_fates(1, &runs(1, &[0, 255, 1])).unwrap();
    store.append_fates(2, &runs(1, &[7])).unwrap();
    let mut read = Vec::new();
    store
        .read_fates(1, &mut |runs| {
            read.push(runs);
            Ok(())
        })
        .unwrap();
    assert_eq!(read, [runs(1, &[0, 255, 1]), runs(2, &[])]);
}

pub(crate) fn problems(world: &World) {
    let mut store = world.open();
    let problem = |row_number, code, message: &str| Problem {
        row_number,
        line: row_number + 1,
        column: Some("E-Mail".to_owned()),
        field: None,
        code,
        severity: Severity::Error,
        value: Some("ü@".to_owned()),
        message: message.to_owned(),
    };
    let first = [
        problem(5, ProblemCode::InvalidEmail, "one"),
        problem(2, ProblemCode::Required, "two"),
        problem(5, ProblemCode::TooLong, "three"),
    ];
    store.append_problems(1, &first).unwrap();
    let warning =
        Problem { severity: Severity::Warning, value: None, ..problem(5, ProblemCode::NotUnique, "four") };
    store.append_problems(1, std::slice::from_ref(&warning)).unwrap();
    store.append_problems(1, &[]).unwrap();
    // Another session counts on where the first one stopped.
    let mut other = world.open();
    let last = problem(1, ProblemCode::TooManyRows, "five");
    other.append_problems(1, std::slice::from_ref(&last)).unwrap();
    let [one, two, three] = first;
    let expected = [last, two, one, three, warning];
    assert_eq!(store.read_problems(1, 100).unwrap(), expected);
    assert_eq!(store.read_problems(1, 2).unwrap(), expected[..2]);
    assert_eq!(store.read_problems(2, 100).unwrap(), []);
    // Page by page: each goes on after the last of the one before.
    let mut after = (0, 0);
    let mut paged = Vec::new();
    while let [numbered] = store.problems_after(1, after, 1).unwrap().as_slice() {
        after = (numbered.problem.row_number, numbered.sequence);
        paged.push(numbered.problem.clone());
    }
    assert_eq!(paged, expected);
    // What was rolled back is not counted.
    store.begin().unwrap();
    store.append_problems(3, std::slice::from_ref(&expected[0])).unwrap();
    store.rollback();
    store.append_problems(3, std::slice::from_ref(&expected[1])).unwrap();
    assert_eq!(store.read_problems(3, 100).unwrap(), expected[1..2]);
    // A value no database can hold as it is does not lose the problem.
    let damaged = Problem { value: Some("a\0b".to_owned()), ..expected[0].clone() };
    store.append_problems(4, &[damaged]).unwrap();
    assert_eq!(store.read_problems(4, 100).unwrap()[0].value.as_deref(), Some("a\u{fffd}b"));
}

pub(crate) fn objects_are_remembered(world: &World) {
    let mut store = world.open();
    assert_eq!(store.stored_objects().unwrap(), [""; 0]);
    assert_eq!(store.stored_definition("things").unwrap(), None);
    let things = object(THINGS);
    store.prepare_object(&things).unwrap();
    assert_eq!(world.open().stored_objects().unwrap(), ["things"]);
    assert_eq!(world.open().stored_definition("things").unwrap(), Some(things.definition));
}
