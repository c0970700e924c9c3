//! Schedules of pipelines: each due run begins once, whoever looks, whatever happened meanwhile.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::pipelines_kit::{Pipelines, base};
use crate::processes::Worker;
use crate::site::until;
use crate::support::Kind;

fn runs(pipelines: &Pipelines) -> Vec<Value> {
    pipelines.server.get("/v1/pipelines/runs").json()["runs"].as_array().cloned().unwrap_or_default()
}

/// Waits for so many runs to have ended, and sees that there are no more.
fn exactly(pipelines: &Pipelines, count: usize) {
    until("the runs to be there", || {
        let runs = runs(pipelines);
        let ended = runs.iter().all(|run| !run["endTime"].is_null());
        (runs.len() >= count && ended).then_some(())
    });
    std::thread::sleep(Duration::from_secs(5));
    let runs = runs(pipelines);
    assert_eq!(runs.len(), count, "{runs:?}");
    assert!(runs.iter().all(|run| run["error"] == ""), "{runs:?}");
}

#[test]
fn a_schedule_survives_the_night_and_the_end_of_the_process() {
    let library = std::env::var("DRAY_TEST_FAKETIME").expect(
        "DRAY_TEST_FAKETIME names the library `libfaketimeMT.so.1` (Debian: libfaketime): run ./test, or see CONTRIBUTING.md",
    );
    let clock = tempfile::NamedTempFile::new().expect("a file");
    let set = |offset: &str| std::fs::write(clock.path(), offset).expect("the clock is set");
    set("+0");
    let place = clock.path().to_string_lossy().into_owned();
    let mut pipelines = Pipelines::start_with(
        Kind::Sqlite,
        &[
            ("LD_PRELOAD", &library),
            ("FAKETIME_TIMESTAMP_FILE", &place),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    pipelines.put("u.csv", "id,mail\n1,a\n");
    let id = pipelines.make(&base());
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // It is due half an hour from now, and then every hour.
    let start = (seconds / 60 + 30) % 1440;
    let path = format!("/v1/pipelines/{id}/schedule");
    let scheduled = pipelines.put_json(&path, &json!({ "period": "1h", "start": start }));
    assert_eq!(scheduled.status, 200, "{}", scheduled.text());
    exactly(&pipelines, 0);
    set("+40m");
    exactly(&pipelines, 1);
    // A night without anybody: it was due ten times, and is made up for once.
    set("+11h");
    exactly(&pipelines, 2);
    // The same while the process is away.
    pipelines.server.signal("KILL");
    set("+20h");
    pipelines.server.start_again();
    exactly(&pipelines, 3);
    // Switched off it does not run; nor without a schedule.
    pipelines.put_json(&format!("/v1/pipelines/{id}/status"), &json!({ "enabled": false }));
    set("+22h");
    exactly(&pipelines, 3);
    // Switched on again it waits for the next time.
    pipelines.put_json(&format!("/v1/pipelines/{id}/status"), &json!({ "enabled": true }));
    exactly(&pipelines, 3);
    pipelines.put_json(&path, &json!({ "period": null }));
    set("+25h");
    exactly(&pipelines, 3);
}

#[test]
fn of_several_processes_one_begins_a_run() {
    let pipelines = Pipelines::start(Kind::Postgres);
    pipelines.put("u.csv", "id,mail\n1,a\n");
    let place =
        pipelines.folder().parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    let _workers: Vec<Worker> =
        (0..3).map(|_| Worker::start_with(&pipelines.server, &[("DRAY_FILES_ROOT", &place)])).collect();
    let made: Vec<i64> = (0..5).map(|_| pipelines.make(&base())).collect();
    for id in &made {
        let set = pipelines.put_json(&format!("/v1/pipelines/{id}/schedule"), &json!({ "period": "24h" }));
        assert_eq!(set.status, 200, "{}", set.text());
    }
    let mut database = pipelines.server.database();
    for round in 1..=4 {
        // The last due minute is as it was two days ago: all are due at once.
        let changed = database
            .execute("UPDATE \"default\".dray_document SET body = '1' WHERE kind = 'pipeline_schedule'", &[])
            .expect("the marks are set back");
        assert_eq!(changed, 5);
        exactly(&pipelines, 5 * round);
    }
}
