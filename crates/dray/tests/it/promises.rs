//! Undo, failed rows, and sending things again: what trusted systems promise.

use crate::support::{Kind, STORES, World, fates};

const FIELDS: &str = "id,email,first_name,last_name,birthday,status,created_at,updated_at,version,import_id";

#[test]
fn undo_restores_the_table_byte_for_byte() {
    for store in STORES {
        let world = World::new(store);
        world.file(
            "a.csv",
            "email,first_name,birthday\na@x.example,Ada,1990-01-01\nb@x.example,Bob,\nc@x.example,Cleo,\n",
        );
        world.dray(&["import", "a.csv", "--to", "contacts"]);
        let before = world.records("contacts", FIELDS);
        world.file("b.csv", "email,first_name,birthday\na@x.example,Adele,1991-01-01\nd@x.example,Dan,\nb@x.example,,1992-02-02\na@x.example,Ada again,\n");
        let ledger = world.json(&[
            "import",
            "b.csv",
            "--to",
            "contacts",
            "--on-duplicate",
            "update",
            "--merge",
            "overwrite",
            "--json",
        ]);
        assert_eq!(fates(&ledger), "created 1, updated 3");
        assert_ne!(world.records("contacts", FIELDS), before);
        let undone = world.json(&["undo", "2", "--json"]);
        assert_eq!((undone["deleted"].as_u64(), undone["restored"].as_u64()), (Some(1), Some(2)), "{undone}");
        assert_eq!(world.records("contacts", FIELDS), before, "{store:?}");
    }
}

#[test]
fn undo_keeps_what_someone_changed_since() {
    for store in STORES {
        let world = World::new(store);
        world.file("a.csv", "email,first_name\na@x.example,Ada\nb@x.example,Bob\n");
        world.dray(&["import", "a.csv", "--to", "contacts"]);
        world.file(
            "b.csv",
            "email,first_name\na@x.example,Adele\nb@x.example,Bobby\nc@x.example,Cleo\nd@x.example,Dan\n",
        );
        world.dray(&["import", "b.csv", "--to", "contacts", "--on-duplicate", "update"]);
        world.file("c.csv", "email,last_name\nb@x.example,Later\nd@x.example,Later\n");
        world.dray(&["import", "c.csv", "--to", "contacts", "--on-duplicate", "update"]);
        let undone = world.json(&["undo", "2", "--json"]);
        assert_eq!(
            undone["kept"],
            serde_json::json!([{"object":"contacts","record":2},{"object":"contacts","record":4}]),
            "{undone}"
        );
        assert_eq!((undone["deleted"].as_u64(), undone["restored"].as_u64()), (Some(1), Some(1)));
        assert_eq!(
            world.records("contacts", "id,first_name,last_name"),
            "id,first_name,last_name\n1,Ada,\n2,Bobby,Later\n4,Dan,Later\n",
            "{store:?}"
        );
        // The later import taken back first, nothing is in the way.
        assert_eq!(world.json(&["undo", "3", "--json"])["conflicted"], 0);
        assert_eq!(world.dray(&["undo", "2"]).code, 1, "an import is undone once");
    }
}

#[test]
fn rejected_rows_come_back_as_they_were_and_the_repaired_file_completes_the_table() {
    for store in STORES {
        let world = World::new(store);
        world.file(
            "a.csv",
            "E-mail;First Name;Notes\r\na@x.example;Ada;\"one; two\"\r\nbroken;\"Bo\r\nb\";\"said \"\"no\"\"\"\r\nc@x.example;Cleo\r\n;too;many;cells\r\n",
        );
        let ledger = world.json(&["import", "a.csv", "--to", "contacts", "--failed", "failed.csv", "--json"]);
        assert_eq!(fates(&ledger), "created 2, rejected 2", "{store:?}");
        let failed = world.read("failed.csv");
        assert!(
            failed.starts_with("E-mail;First Name;Notes;dray_row;dray_field;dray_code;dray_reason"),
            "{failed}"
        );
        assert!(failed.contains("broken;\"Bo\r\nb\";\"said \"\"no\"\"\";2;email;invalid_email;"), "{failed}");
        world.file("repaired.csv", failed.replace("broken;", "b@x.example;"));
        let ledger = world.json(&["import", "repaired.csv", "--to", "contacts", "--json"]);
        assert_eq!(ledger["created"], 1, "{ledger}");
        assert_eq!(
            world.records("contacts", "email,notes"),
            "email,notes\na@x.example,one; two\nc@x.example,\nb@x.example,\"said \"\"no\"\"\"\n"
        );
    }
}

#[test]
fn no_failed_file_where_nothing_failed() {
    let world = World::new(Kind::Sqlite);
    world.file("a.csv", "email\na@x.example\n");
    world.dray(&["import", "a.csv", "--to", "contacts", "--failed", "failed.csv"]);
    assert!(!world.path("failed.csv").exists());
}

#[test]
fn the_same_rows_are_rejected_by_plan_and_import_with_all_or_some_columns() {
    for store in STORES {
        let world = World::new(store);
        let mut text = String::from("email,first_name,birthday,status\n");
        for row in 0..200 {
            let (email, birthday, status) = match row % 10 {
                3 => ("bad".to_owned(), "1990-01-01", "lead"),
                5 => (format!("{row}@x.example"), "1990-13-01", "lead"),
                7 => (format!("{row}@x.example"), "", "nothing"),
                _ => (format!("{row}@x.example"), "1990-01-01", "lead"),
            };
            text.push_str(&format!("{email},name {row},{birthday},{status}\n"));
        }
        world.file("a.csv", text);
        let rejects = |arguments: &[&str]| {
            world.json(
                &[&["import", "a.csv", "--to", "contacts", "--json", "--failed", "failed.csv"], arguments]
                    .concat(),
            );
            let failed = world.read("failed.csv");
            failed.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        let planned = rejects(&["--plan"]);
        let atomic = rejects(&["--atomic"]);
        let imported = rejects(&[]);
        assert_eq!(imported.len(), 60);
        assert_eq!(planned, imported, "{store:?}");
        assert_eq!(atomic, imported, "{store:?}");
    }
}

#[test]
fn the_same_file_three_times_gives_the_same_rows() {
    for store in STORES {
        let world = World::new(store);
        let rows: String = (0..500).map(|row| format!("{row}@x.example,name {row}\n")).collect();
        world.file("a.csv", format!("email,first_name\n{rows}"));
        for strategy in ["skip", "update"] {
            for _ in 0..3 {
                world.dray(&["import", "a.csv", "--to", "contacts", "--on-duplicate", strategy]);
            }
        }
        assert_eq!(world.records("contacts", "id").lines().count(), 501, "{store:?}");
        assert!(!world.records("contacts", "version").contains('2'), "nothing was changed");
    }
}

#[test]
fn two_imports_of_overlapping_files_at_once_end_without_a_double() {
    for store in STORES {
        let world = World::new(store);
        let file = |from: usize, to: usize| {
            let rows: String = (from..to).map(|row| format!("{row}@x.example,from {from}\n")).collect();
            format!("email,first_name\n{rows}")
        };
        world.file("a.csv", file(0, 3_000));
        world.file("b.csv", file(1_500, 4_500));
        let start = |name: &str| {
            world.command(&["import", name, "--to", "contacts", "--json"]).spawn().expect("it starts")
        };
        let (mut first, mut second) = (start("a.csv"), start("b.csv"));
        assert!(first.wait().expect("it ends").success() && second.wait().expect("it ends").success());
        assert_eq!(world.records("contacts", "email").lines().count(), 4_501, "{store:?}");
    }
}

#[test]
fn organizations_know_nothing_of_each_other() {
    for store in STORES {
        let world = World::new(store);
        world.file("a.csv", "email\na@x.example\n");
        world.dray(&["import", "a.csv", "--to", "contacts"]);
        let other = format!("{}_other", world.organization);
        let count = world.dray(&["export", "contacts", "--org", &other]).out.lines().count();
        assert_eq!(count, 1, "{store:?}");
        let ledger = world.json(&["import", "a.csv", "--to", "contacts", "--org", &other, "--json"]);
        assert_eq!(fates(&ledger), "created 1", "{store:?}");
        if world.kind == Kind::Postgres {
            crate::support::client()
                .batch_execute(&format!("DROP SCHEMA {other} CASCADE"))
                .expect("it can be dropped");
        }
    }
}

#[test]
fn tables_are_real_tables() {
    for store in STORES {
        let world = World::new(store);
        world.file("a.csv", "email,first_name,birthday\na@x.example,Ada,1990-01-01\n");
        world.dray(&["import", "a.csv", "--to", "contacts"]);
        // Someone edits a record with SQL: the next import sees it.
        world.sql("UPDATE contacts SET email = 'new@x.example' WHERE id = 1");
        world.file("b.csv", "email,first_name\nnew@x.example,Ada\n");
        assert_eq!(
            fates(&world.json(&["import", "b.csv", "--to", "contacts", "--json"])),
            "duplicate 1",
            "{store:?}"
        );
    }
}

#[test]
fn a_change_made_with_sql_is_kept_by_an_undo() {
    for store in STORES {
        let world = World::new(store);
        world.file("a.csv", "email,first_name\na@x.example,Ada\nb@x.example,Bob\n");
        world.dray(&["import", "a.csv", "--to", "contacts"]);
        world.sql("UPDATE contacts SET first_name = 'By hand' WHERE id = 1");
        let undone = world.json(&["undo", "1", "--json"]);
        assert_eq!(
            undone["kept"],
            serde_json::json!([{"object":"contacts","record":1}]),
            "{store:?} {undone}"
        );
        assert_eq!(
            world.records("contacts", "id,first_name,version"),
            "id,first_name,version\n1,By hand,2\n"
        );
    }
}

/// A file with ten faults of each of six kinds.
fn faulty() -> String {
    let mut text = String::from("email,first_name,birthday,status,account\n");
    for row in 0..600 {
        let line = match row % 60 {
            0 => format!("{row}@x.example,wrong type,soon,,"),
            10 => format!("{row}@x.example,too many cells,,,,more"),
            20 => format!("{row}@x.example,no UTF-8 \u{1},,,"),
            30 => "0001@x.example,not unique,,,".to_owned(),
            40 => format!("{row}@x.example,no such company,,,Nobody"),
            50 => format!("{row}@x.example,no such choice,,nothing,"),
            1 if row == 1 => "0001@x.example,first,,,".to_owned(),
            _ => format!("{row}@x.example,good,1990-01-31,lead,"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[test]
fn rejected_rows_are_bounded_and_told() {
    for store in STORES {
        let world = World::new(store);
        let bytes: Vec<u8> =
            faulty().into_bytes().into_iter().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
        world.file("faulty.csv", bytes);
        let arguments = [
            "import",
            "faulty.csv",
            "--to",
            "contacts",
            "--on-duplicate",
            "create",
            "--failed",
            "failed.csv",
        ];
        let stopped = world.dray(&[&arguments[..], &["--max-rejected", "59"]].concat());
        assert_eq!(stopped.code, 1, "{stopped:?}");
        assert!(
            stopped.err.contains("more than 59 rows") && stopped.err.contains("row 591 (line 592)"),
            "{stopped:?}"
        );
        assert_eq!(world.records("contacts", "id").lines().count(), 1, "nothing of the chunk is kept");

        let ledger = world.json(&[&arguments[..], &["--max-rejected", "60", "--json"]].concat());
        assert_eq!(fates(&ledger), "created 540, rejected 60", "{store:?} {ledger}");
        let of_code = |code: &str| {
            let groups = ledger["problems"].as_array().expect("a list");
            groups
                .iter()
                .find(|group| group["code"] == code)
                .map_or(0, |group| group["rows"].as_u64().unwrap_or_default())
        };
        for code in [
            "not_a_date",
            "too_many_cells",
            "invalid_encoding",
            "not_unique",
            "reference_not_found",
            "not_a_choice",
        ] {
            assert_eq!(of_code(code), 10, "{code}: {ledger}");
        }
        let failed = std::fs::read(world.path("failed.csv")).expect("the failed rows are there");
        assert_eq!(failed.iter().filter(|byte| **byte == b'\n').count(), 61);
        let mut kept = world.connect();
        let problems = kept.read_problems(2, 1_000).expect("the catalog can be read");
        assert_eq!(problems.len(), 60, "{store:?}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.line == problem.row_number + 1 && !problem.message.is_empty())
        );
    }
}

#[test]
fn a_full_disk_is_an_error_and_the_next_small_job_works() {
    let world = World::new(Kind::Sqlite);
    let rows: String = (0..60_000).map(|row| format!("{row}@x.example,{}\n", "note ".repeat(20))).collect();
    world.file("large.csv", format!("email,notes\n{rows}"));
    world.file("small.csv", "email\na@x.example\n");
    // A small file system of its own, in a namespace of its own: it is gone with the shell.
    let script = "mkdir small && mount -t tmpfs -o size=8m none small && export DRAY_STORE=sqlite:small/store && \
                  for mode in --partial --atomic; do \
                  \"$1\" import large.csv --to contacts $mode; echo \"code $?\"; \
                  \"$1\" export contacts --fields id | wc -l; done; \
                  \"$1\" import small.csv --to contacts; echo \"code $?\"; \"$1\" export contacts --fields email";
    let output = std::process::Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_dray")])
        .current_dir(world.directory.path())
        .output()
        .expect("unshare (util-linux) can be started");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(err.matches("error:").count(), 2, "{out}\n{err}");
    assert!(err.contains("full") && err.contains("hint:") && !err.contains("panicked"), "{err}");
    assert!(out.starts_with("code 1\n1\ncode 1\n1\n"), "nothing half is kept: {out}\n{err}");
    assert!(out.ends_with("code 0\nemail\na@x.example\n"), "{out}\n{err}");
}

/// Large files take other ways than small ones; what comes of their rows is the same.
#[test]
fn large_files_end_as_small_ones_would() {
    const ROWS: usize = 21_000;
    let row = |number: usize, note: &str| format!("{number}@x.example,+49301{number:06},{note}\n");
    let header = "email,phone,notes\n";
    for store in STORES {
        let world = World::new(store);
        let import = |name: &str, more: &[&str]| {
            let arguments = [&["import", name, "--to", "contacts", "--json"], more].concat();
            let planned = fates(&world.json(&[&arguments[..], &["--plan"]].concat()));
            let done = fates(&world.json(&arguments));
            assert_eq!(planned, done, "{store:?} {name}: the plan is what happens");
            done
        };
        let all: String = (0..ROWS).map(|number| row(number, "first")).collect();
        world.file("first.csv", format!("{header}{all}"));
        assert_eq!(import("first.csv", &[]), format!("created {ROWS}"), "into an empty table");

        let few: String = (0..20).map(|number| row(ROWS + number % 10, "second")).collect();
        world.file("again.csv", format!("{header}{all}{few}"));
        assert_eq!(
            import("again.csv", &[]),
            format!("created 10, duplicate {}", ROWS + 10),
            "sent again with a few more"
        );

        let before = world.records("contacts", FIELDS);
        let changed: String = (0..ROWS).map(|number| row(number, "third")).collect();
        world.file("changed.csv", format!("{header}{changed}{}", row(3, "fourth")));
        let update = ["--on-duplicate", "update"];
        assert_eq!(import("changed.csv", &update), format!("updated {}", ROWS + 1), "every row changed");
        let undone = world.json(&["undo", "3", "--json"]);
        assert_eq!(
            (undone["restored"].as_u64(), undone["conflicted"].as_u64()),
            (Some(ROWS as u64 + 1), Some(0))
        );
        assert!(world.records("contacts", FIELDS) == before, "{store:?}: undo puts back every byte");

        let beside: String = (0..ROWS).map(|number| row(2 * ROWS + number, "fifth")).collect();
        world.file("beside.csv", format!("{header}{}{beside}{}", row(7, "known"), row(2 * ROWS, "repeated")));
        assert_eq!(import("beside.csv", &[]), format!("created {ROWS}, duplicate 2"), "beside others");
        // The indexes are whole: the database itself refuses what is not unique.
        let indexes = match store {
            Kind::Sqlite => {
                "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'contacts'".to_owned()
            }
            Kind::Postgres => format!(
                "SELECT count(*) - 1 FROM pg_indexes WHERE schemaname = '{}' AND tablename = 'contacts'",
                world.organization
            ),
        };
        assert_eq!(world.number(&indexes), 7, "{store:?}");
    }
}
