//! What a server keeps: documents, jobs, the audit log.

use dray_model::catalog::{AuditEntry, AuditQuery, ImportQuery, Job, JobQuery, JobStatus};
use dray_model::flow::{Import, ImportStatus};
use dray_model::ledger::Ledger;

use crate::world::{NOW, World};

pub(crate) fn documents(world: &World) {
    let mut store = world.open();
    assert!(store.create_document("key", "b", "{\"n\":1}", NOW).unwrap());
    assert!(!store.create_document("key", "b", "{\"n\":2}", NOW).unwrap(), "there is one already");
    assert!(store.create_document("other", "b", "{}", NOW).unwrap(), "another kind");
    for key in ["B", "a", "ä"] {
        store.save_document("key", key, "{}", NOW).unwrap();
    }
    let keys = |found: Vec<dray_model::catalog::Document>| -> Vec<String> {
        found.into_iter().map(|document| document.key).collect()
    };
    assert_eq!(keys(store.list_documents("key", "", 10).unwrap()), ["B", "a", "b", "ä"], "byte by byte");
    assert_eq!(keys(store.list_documents("key", "a", 1).unwrap()), ["b"]);

    assert!(store.replace_document("key", "b", 1, "{\"n\":3}", NOW + 1).unwrap());
    assert!(!store.replace_document("key", "b", 1, "{\"n\":4}", NOW).unwrap(), "it has another version now");
    let found = store.find_document("key", "b").unwrap().unwrap();
    assert_eq!((found.version, found.body.as_str()), (2, "{\"n\":3}"));
    assert_eq!((found.created_at, found.updated_at), (NOW, NOW + 1));
    store.save_document("key", "b", "{\"n\":5}", NOW + 2).unwrap();
    assert_eq!(store.find_document("key", "b").unwrap().unwrap().version, 3);

    assert_eq!(store.delete_documents_before("key", NOW + 1).unwrap(), 3);
    assert!(store.delete_document("key", "b").unwrap());
    assert!(!store.delete_document("key", "b").unwrap());
    assert_eq!(store.find_document("key", "b").unwrap(), None);
}

fn job(kind: &str) -> Job {
    Job {
        id: 0,
        kind: kind.to_owned(),
        object: "contacts".to_owned(),
        status: JobStatus::Pending,
        request: "{\"ü\":1}".to_owned(),
        progress: None,
        result: None,
        error: None,
        import_id: None,
        actor: "key 1".to_owned(),
        cancel_requested: false,
        attempts: 0,
        created_at: NOW,
        started_at: None,
        finished_at: None,
        expires_at: None,
        lease_until: None,
        worker: None,
    }
}

pub(crate) fn jobs(world: &World) {
    let mut store = world.open();
    let first = store.create_job(&job("import")).unwrap();
    let second = store.create_job(&job("export")).unwrap();
    assert_eq!(store.find_job(first).unwrap().unwrap(), Job { id: first, ..job("import") });

    let mut held = store.claim_job("w1", NOW, NOW + 10).unwrap().unwrap();
    assert_eq!((held.id, held.status, held.attempts), (first, JobStatus::Running, 1));
    let other = store.claim_job("w2", NOW, NOW + 10).unwrap().unwrap();
    assert_eq!(other.id, second, "a job that is held is not given away");
    assert_eq!(store.claim_job("w3", NOW + 5, NOW + 20).unwrap(), None);

    let again = store.claim_job("w3", NOW + 11, NOW + 20).unwrap().unwrap();
    assert_eq!((again.id, again.attempts, again.started_at), (first, 2, Some(NOW)), "its lease has run out");
    held.progress = Some("{}".to_owned());
    assert!(!store.save_job(&held).unwrap(), "who lost a job cannot write to it");

    let mut done = Job { status: JobStatus::Completed, finished_at: Some(NOW), import_id: Some(7), ..again };
    done.result = Some("{\"rows\":1}".to_owned());
    done.expires_at = Some(NOW + 50);
    assert!(store.save_job(&done).unwrap());
    assert_eq!(store.find_job(first).unwrap().unwrap(), done);

    assert!(store.cancel_job(second, NOW).unwrap(), "a running job is asked to stop");
    let asked = store.find_job(second).unwrap().unwrap();
    assert!(asked.cancel_requested && asked.status == JobStatus::Running);
    assert!(!store.cancel_job(first, NOW).unwrap(), "it has ended");
    let third = store.create_job(&job("import")).unwrap();
    assert!(store.cancel_job(third, NOW).unwrap());
    assert_eq!(store.find_job(third).unwrap().unwrap().status, JobStatus::Cancelled);

    let ids = |jobs: Vec<Job>| -> Vec<i64> { jobs.into_iter().map(|job| job.id).collect() };
    let all = JobQuery { limit: 10, ..JobQuery::default() };
    assert_eq!(ids(store.list_jobs(&all).unwrap()), [third, second, first]);
    let imports = JobQuery { kind: Some("import".to_owned()), before: Some(third), ..all.clone() };
    assert_eq!(ids(store.list_jobs(&imports).unwrap()), [first]);
    let deals = JobQuery { object: Some("deals".to_owned()), ..all.clone() };
    assert!(store.list_jobs(&deals).unwrap().is_empty());

    assert_eq!(ids(store.delete_expired_jobs(NOW + 49).unwrap()), [] as [i64; 0]);
    assert_eq!(ids(store.delete_expired_jobs(NOW + 51).unwrap()), [first]);
    assert_eq!(ids(store.list_jobs(&all).unwrap()), [third, second]);
}

/// Many sessions ask for work at once: each job is given to one of them.
pub(crate) fn claims_at_once(world: &World) {
    let mut store = world.open();
    for _ in 0..20 {
        store.create_job(&job("import")).unwrap();
    }
    let claimed: Vec<i64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|number| {
                scope.spawn(move || {
                    let mut store = world.open();
                    let mut mine = Vec::new();
                    // Nothing is given where others were faster with all that was looked at.
                    for _ in 0..40 {
                        mine.extend(store.claim_job(&format!("w{number}"), NOW, NOW + 10).unwrap());
                    }
                    mine
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).map(|job| job.id).collect()
    });
    let mut sorted = claimed.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!((claimed.len(), sorted.len()), (20, 20), "each once");
}

pub(crate) fn audit(world: &World) {
    let mut store = world.open();
    let entry = AuditEntry {
        id: 1,
        at: NOW,
        actor: "key 1".to_owned(),
        action: "import.execute".to_owned(),
        subject: "contacts".to_owned(),
        address: "127.0.0.1".to_owned(),
        request_id: "r1".to_owned(),
        status: 200,
        payload_bytes: 12,
        details: "{\"filter\":\"ü\"}".to_owned(),
    };
    store.append_audit(&entry).unwrap();
    store.append_audit(&AuditEntry { action: "key.create".to_owned(), ..entry.clone() }).unwrap();
    let all = AuditQuery { limit: 10, ..AuditQuery::default() };
    let found = store.list_audit(&all).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].id, found[0].action.as_str()), (2, "key.create"));
    assert_eq!(store.list_audit(&AuditQuery { before: Some(2), ..all.clone() }).unwrap(), [entry]);
    let text = |text: &str| Some(text.to_owned());
    for (query, ids) in [
        (AuditQuery { action: text("Import"), ..all.clone() }, &[1][..]),
        (AuditQuery { actor: text("KEY"), action: text("e"), ..all.clone() }, &[2, 1]),
        (AuditQuery { actor: text("100%_"), ..all.clone() }, &[]),
        (AuditQuery { subject: text("contact"), limit: 1, ..all.clone() }, &[2]),
        (AuditQuery { from: Some(NOW), until: Some(NOW + 1), ..all.clone() }, &[2, 1]),
        (AuditQuery { until: Some(NOW), ..all.clone() }, &[]),
        (AuditQuery { from: Some(NOW + 1), ..all }, &[]),
    ] {
        let found: Vec<i64> = store.list_audit(&query).unwrap().iter().map(|entry| entry.id).collect();
        assert_eq!(found, ids, "{query:?}");
    }
}

pub(crate) fn imports_by_page(world: &World) {
    let mut store = world.open();
    for (object, source) in
        [("contacts", "a.csv"), ("deals", "b.csv"), ("contacts", "record"), ("contacts", "c.csv")]
    {
        let import = Import {
            id: 0,
            object: object.to_owned(),
            source: source.to_owned(),
            fingerprint: String::new(),
            status: ImportStatus::Completed,
            ledger: Ledger::default(),
            checkpoint: None,
            started_at: NOW,
            finished_at: None,
            undo_of: None,
            message: None,
        };
        store.create_import(&import).unwrap();
    }
    let mut sources = |query: &ImportQuery| -> Vec<String> {
        store.query_imports(query).unwrap().into_iter().map(|import| import.source).collect()
    };
    let all = ImportQuery { limit: 10, ..ImportQuery::default() };
    assert_eq!(sources(&all), ["c.csv", "record", "b.csv", "a.csv"]);
    assert_eq!(sources(&ImportQuery { before: Some(3), limit: 1, ..all.clone() }), ["b.csv"]);
    let files =
        ImportQuery { object: Some("contacts".to_owned()), without_source: Some("record".to_owned()), ..all };
    assert_eq!(sources(&files), ["c.csv", "a.csv"]);
}
