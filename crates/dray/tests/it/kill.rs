//! SIGKILL at random moments: an atomic import leaves all or nothing, a partial one whole chunks, and
//! the same command with --resume ends where an undisturbed run would have ended.

use std::time::{Duration, Instant};

use crate::support::{STORES, World, fates};

/// Enough rows for a bulk load of several chunks.
const ROWS: usize = 120_000;
/// Kills on each store.
const KILLS: usize = 20;
const FIELDS: &str = "id,email,first_name,notes,external_id,version";

/// New rows, rows that repeat others, rows that change existing records, bad rows.
fn file() -> String {
    let mut text = String::from("email,first_name,notes\n");
    for row in 0..ROWS {
        match row % 500 {
            7 => text.push_str(&format!("{}@x.example,again,row {row}\n", row - 5)),
            11 => text.push_str(&format!("old{}@x.example,changed,row {row}\n", row / 500)),
            13 => text.push_str(&format!("bad address,nobody,row {row}\n")),
            _ => text.push_str(&format!("{row}@x.example,name {row},\"row, {row}\"\n")),
        }
    }
    text
}

fn world(store: crate::support::Kind) -> World {
    let world = World::new(store);
    world.file("new.csv", file());
    let rows: String = (0..100).map(|row| format!("old{row}@x.example,old\n")).collect();
    world.file("old.csv", format!("email,first_name\n{rows}"));
    assert_eq!(fates(&world.json(&["import", "old.csv", "--to", "contacts", "--json"])), "created 100");
    world
}

fn arguments(mode: &'static str) -> Vec<&'static str> {
    vec![
        "import",
        "new.csv",
        "--to",
        "contacts",
        "--on-duplicate",
        "update",
        "--failed",
        "failed.csv",
        mode,
        "--resume",
        "--json",
    ]
}

/// Starts the command and kills it after `wait`; false where it had ended before.
fn kill_after(world: &World, arguments: &[&str], wait: Duration) -> bool {
    let mut child = world.command(arguments).stdout(std::process::Stdio::null()).spawn().expect("it starts");
    std::thread::sleep(wait);
    let running = child.try_wait().expect("it can be asked").is_none();
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    // A server may still be busy with the last statement of a client that is gone.
    let mut store = world.connect();
    store.lock_object("contacts", 60).expect("the lock of a dead process is released");
    running
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled() {
    let mut seed = 20_261_121_u64;
    let mut fraction = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / (1_u64 << 31) as f64
    };
    for store in STORES {
        let undisturbed = world(store);
        let begun = Instant::now();
        let expected_ledger = undisturbed.json(&arguments("--partial"));
        let whole = begun.elapsed();
        let expected = undisturbed.records("contacts", FIELDS);
        let expected_failed = undisturbed.read("failed.csv");
        let mut kills = 0;
        while kills < KILLS {
            let disturbed = world(store);
            for _ in 0..3 {
                kills +=
                    usize::from(kill_after(&disturbed, &arguments("--partial"), whole.mul_f64(fraction())));
                // What is there is what the catalog says is there.
                let jobs = disturbed.json(&["jobs", "--json"]);
                let counted: u64 =
                    jobs.as_array().expect("a list").iter().filter_map(|job| job["created"].as_u64()).sum();
                let there = disturbed.records("contacts", "id").lines().count() as u64 - 1;
                assert_eq!(there, counted, "{store:?}: whole chunks only");
            }
            let ledger = disturbed.json(&arguments("--partial"));
            assert_eq!(fates(&ledger), fates(&expected_ledger), "{store:?}");
            assert!(
                disturbed.records("contacts", FIELDS) == expected,
                "{store:?}: the same records as undisturbed"
            );
            assert_eq!(disturbed.read("failed.csv"), expected_failed, "{store:?}");
        }
    }
}

#[test]
fn an_atomic_import_that_is_killed_leaves_all_or_nothing() {
    for store in STORES {
        let world = world(store);
        world.file("new.csv", file().replace("bad address", "good@address.example"));
        let before = world.records("contacts", FIELDS);
        let arguments = arguments("--atomic");
        let begun = Instant::now();
        let ledger = world.json(
            &[&arguments[..], &["--plan"]]
                .concat()
                .into_iter()
                .filter(|word| *word != "--resume")
                .collect::<Vec<_>>(),
        );
        assert_eq!(ledger["rejected"], 0, "{ledger}");
        let whole = begun.elapsed() * 2;
        for part in 1..=KILLS {
            kill_after(&world, &arguments, whole.mul_f64(part as f64 / KILLS as f64));
            let after = world.records("contacts", FIELDS);
            if after != before {
                assert!(after.lines().count() > ROWS - 1_000, "{store:?}: between nothing and everything");
                break;
            }
        }
        let ledger = world.json(&arguments);
        assert_eq!(ledger["rejected"], 0, "{ledger}");
        assert_eq!(ledger["balanced"], true);
        let created = ledger["created"].as_u64().expect("a count") + 100;
        assert_eq!(world.records("contacts", "id").lines().count() as u64 - 1, created, "{store:?}");
    }
}

#[test]
fn ctrl_c_stops_cleanly_and_resume_goes_on() {
    for store in STORES {
        let world = world(store);
        let child = world
            .command(&arguments("--partial"))
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(150));
        let signalled = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(signalled.expect("a signal can be sent").success());
        let output = child.wait_with_output().expect("it ends");
        if output.status.code() == Some(130) {
            let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a ledger is told");
            assert_eq!(told["balanced"], true, "{told}");
        }
        let ledger = world.json(&arguments("--partial"));
        assert_eq!(
            (ledger["read"].as_u64(), ledger["balanced"].as_bool()),
            (Some(ROWS as u64), Some(true)),
            "{store:?}"
        );
    }
}
