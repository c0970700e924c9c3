//! Whatever a person or a system does wrong is told in one paragraph (what, where, what to do), ends
//! with exit code 1, and loses nothing.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Ended, Kind, STORES, World};

/// A refusal: exit code 1, an error, a hint, no panic.
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("error:") && ended.err.contains("hint:"), "{ended:?}");
    assert!(!ended.err.contains("panicked"), "{ended:?}");
    for word in words {
        assert!(ended.err.contains(word), "`{word}` is missing: {}", ended.err);
    }
}

#[test]
fn files_that_cannot_be_imported() {
    let world = World::new(Kind::Sqlite);
    let import = |name: &str| world.dray(&["import", name, "--to", "contacts"]);
    refused(&import("nowhere.csv"), &["nowhere.csv"]);
    std::fs::create_dir(world.path("folder")).expect("a folder can be made");
    refused(&import("folder"), &["folder"]);
    world.file("empty.csv", "");
    refused(&import("empty.csv"), &["empty.csv", "empty"]);
    world.file("blank.csv", "\u{feff}\n\n  \n");
    refused(&import("blank.csv"), &["blank.csv", "empty"]);
    world.file("header.csv", "email,first_name\n");
    refused(&import("header.csv"), &["header.csv", "no rows"]);
    world.file("section.csv", "email§first_name\na@x.example§Ada\n");
    refused(&import("section.csv"), &["email§first_name", "--delimiter"]);
    assert_eq!(world.dray(&["import", "section.csv", "--to", "contacts", "--delimiter", "§"]).code, 0);
    world.file("broken.json", "[{\"email\":\"a@x.example\"},{\"email\":");
    refused(&import("broken.json"), &["broken.json", "line 1"]);
    world.file("packed.csv", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    refused(&import("packed.csv"), &["gzip"]);
}

#[test]
fn requests_that_cannot_be_carried_out() {
    let world = World::new(Kind::Sqlite);
    world.file("a.csv", "email,first_name\na@x.example,Ada\n");
    refused(&world.dray(&["import", "a.csv", "--to", "contakts"]), &["contakts", "contacts, companies"]);
    refused(
        &world.dray(&["import", "a.csv", "--to", "companies"]),
        &["no column of the source fits", "--map"],
    );
    world.file("b.csv", "domain\nx.example\n");
    refused(
        &world.dray(&["import", "b.csv", "--to", "companies"]),
        &["`name` of `companies` is required", "--map"],
    );
    refused(
        &world.dray(&["import", "a.csv", "--to", "contacts", "--map", "email=colour"]),
        &["no field `colour`"],
    );
    refused(
        &world.dray(&["import", "a.csv", "--to", "contacts", "--map", "mail=email"]),
        &["no column `mail`"],
    );
    refused(
        &world.dray(&["import", "a.csv", "--to", "contacts", "--match", "colour"]),
        &["no field `colour`"],
    );
    refused(
        &world.dray(&[
            "import",
            "a.csv",
            "--to",
            "contacts",
            "--set",
            "email=x@y.example",
            "--map",
            "email=email",
        ]),
        &["filled twice"],
    );
    refused(&world.dray(&["import", "a.csv", "--to", "contacts", "--failed", "a.csv"]), &["source itself"]);
    refused(&world.dray(&["export", "contacts", "--where", "colour = red"]), &["no field `colour`"]);
    refused(&world.dray(&["export", "contacts", "--where", "email ="]), &["cannot be read"]);
    refused(&world.dray(&["export", "contacts", "-o", "no/such/folder/x.csv"]), &["no/such/folder/x.csv"]);
    refused(&world.dray(&["undo", "77"]), &["no import 77"]);
    refused(
        &world.dray(&["import", "a.csv", "--to", "contacts", "--store", "mysql://x"]),
        &["sqlite:", "postgres:"],
    );
    world.file("dates.csv", "email,birthday\na@x.example,03/04/2001\n");
    refused(&world.dray(&["import", "dates.csv", "--to", "contacts"]), &["03/04/2001", "--dates"]);
    assert_eq!(world.dray(&["import", "dates.csv", "--to", "contacts", "--dates", "month-first"]).code, 0);
    assert_eq!(
        world.records("contacts", "birthday"),
        "birthday\n2001-03-04\n",
        "nothing before was imported"
    );
}

#[test]
fn limits_of_the_policy_are_kept_before_the_first_write() {
    let world = World::new(Kind::Sqlite);
    let rows = |count: usize| (0..count).map(|row| format!("c{row}\n")).collect::<String>();
    world.file("many.csv", format!("name\n{}", rows(101)));
    refused(&world.dray(&["import", "many.csv", "--to", "connectors"]), &["more than 100 rows"]);
    world.file("large.csv", format!("name,example_payload\nx,\"{}\"\n", " ".repeat(2_097_152)));
    refused(&world.dray(&["import", "large.csv", "--to", "connectors"]), &["2,097,152"]);
    world.file("most.csv", format!("name\n{}", rows(100)));
    assert_eq!(world.dray(&["import", "most.csv", "--to", "connectors"]).code, 0);
}

#[test]
fn values_of_the_wrong_type_name_row_line_column_and_remedy() {
    for store in STORES {
        let world = World::new(store);
        let long = "x".repeat(121);
        world.file(
            "a.csv",
            format!(
                "first_name,email,birthday,status,website,notes\nAda,a@x.example,1990-02-30,lead,,\n{long},b@x.example,,,,\nEve,c@x.example,,nobody,ftp://x,\nBob,d@x.example,,,,nul\0byte\n"
            ),
        );
        let ledger = world.json(&["import", "a.csv", "--to", "contacts", "--json", "--failed", "failed.csv"]);
        assert_eq!(ledger["rejected"], 4, "{store:?} {ledger}");
        let codes: Vec<&str> = ledger["problems"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|p| p["code"].as_str())
            .collect();
        for code in ["not_a_date", "too_long", "not_a_choice", "invalid_url", "invalid_character"] {
            assert!(codes.contains(&code), "{code} is missing: {codes:?}");
        }
        let failed = world.read("failed.csv");
        assert!(
            failed.contains("3,status; website,not_a_choice; invalid_url")
                || failed.contains("3,website; status"),
            "{failed}"
        );
    }
}

#[test]
fn numbers_out_of_range() {
    for store in STORES {
        let world = World::new(store);
        world.file("a.csv", "name,employees,annual_revenue\nA,9223372036854775808,1\nB,-1,1\nC,5,1.005\nD,9223372036854775807,99999999999999999999.99\n");
        let ledger = world.json(&["import", "a.csv", "--to", "companies", "--json"]);
        assert_eq!(ledger["rejected"], 3, "{ledger}");
        assert_eq!(
            world.records("companies", "name,employees,annual_revenue"),
            "name,employees,annual_revenue\nD,9223372036854775807,99999999999999999999.99\n"
        );
    }
}

#[test]
fn text_that_is_no_utf8_rejects_its_row_only() {
    let world = World::new(Kind::Sqlite);
    world.file(
        "a.csv",
        b"email,first_name\na@x.example,Ad\xe9le\nb@x.example,Zo\xC3\xA9\nc@x.example,J\xC3\xBCrgen\n",
    );
    let ledger = world.json(&["import", "a.csv", "--to", "contacts", "--json", "--failed", "failed.csv"]);
    assert_eq!((ledger["created"].as_u64(), ledger["rejected"].as_u64()), (Some(2), Some(1)), "{ledger}");
    let failed = std::fs::read(world.path("failed.csv")).expect("the failed rows are there");
    assert!(failed.windows(5).any(|window| window == b"Ad\xe9le"), "the row is given back as it was read");
}

#[test]
fn a_database_that_is_locked_read_only_or_none() {
    let world = World::new(Kind::Sqlite);
    world.file("a.csv", "email\na@x.example\n");
    assert_eq!(world.dray(&["import", "a.csv", "--to", "contacts"]).code, 0);
    let path = world.path("store").join("default.db");

    let other = rusqlite::Connection::open(&path).expect("the database opens");
    other.execute_batch("BEGIN EXCLUSIVE").expect("it can be locked");
    world.file("b.csv", "email\nb@x.example\n");
    refused(&world.dray(&["import", "b.csv", "--to", "contacts"]), &["default.db"]);
    other.execute_batch("ROLLBACK").expect("it can be unlocked");
    assert_eq!(world.dray(&["import", "b.csv", "--to", "contacts"]).code, 0);

    std::fs::write(
        world.path("store").join("other.db"),
        "this is no database, but quite a long text about one".repeat(100),
    )
    .expect("a file can be written");
    refused(&world.dray(&["import", "b.csv", "--to", "contacts", "--org", "other"]), &["other.db"]);
    refused(&world.dray(&["import", "b.csv", "--to", "contacts", "--org", "../x"]), &["organization"]);
    refused(&world.dray(&["export", "contacts", "--store", "sqlite:/proc/nowhere"]), &["/proc/nowhere"]);
}

#[test]
fn a_read_only_folder() {
    let world = World::new(Kind::Sqlite);
    world.file("a.csv", "email\na@x.example\n");
    let folder = world.path("store");
    std::fs::create_dir(&folder).expect("a folder can be made");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).expect("it can be closed");
    let mut command = world.command(&["import", "a.csv", "--to", "contacts"]);
    // Root may write anywhere; as anybody else the folder is closed.
    let ended = if is_root() {
        let program = command.get_program().to_owned();
        std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(readable_copy(&program, &world))
            .args(["import", "a.csv", "--to", "contacts"])
            .current_dir(open_to_all(&world))
            .env("DRAY_STORE", &world.store)
            .output()
    } else {
        command.output()
    }
    .expect("the program can be started");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("it can be opened");
    let err = String::from_utf8_lossy(&ended.stderr).into_owned();
    refused(&Ended { code: ended.status.code().unwrap_or(-1), out: String::new(), err }, &["store"]);
}

fn is_root() -> bool {
    std::process::Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The world's folder, which others may enter.
fn open_to_all(world: &World) -> std::path::PathBuf {
    let folder = world.directory.path().to_owned();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("it can be opened");
    folder
}

/// The program where others may start it.
fn readable_copy(program: &std::ffi::OsStr, world: &World) -> std::path::PathBuf {
    let copy = world.path("dray-copy");
    std::fs::copy(program, &copy).expect("the program can be copied");
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).expect("it can be started");
    copy
}

#[test]
fn a_postgres_that_is_not_there() {
    let world = World::new(Kind::Sqlite);
    world.file("a.csv", "email\na@x.example\n");
    let ended = world.dray(&[
        "import",
        "a.csv",
        "--to",
        "contacts",
        "--store",
        "postgres://someone:secret@127.0.0.1:1/none",
    ]);
    refused(&ended, &["127.0.0.1:1"]);
    assert!(!ended.err.contains("secret"), "{ended:?}");
}

#[test]
fn a_connection_that_is_cut_while_rows_are_copied() {
    let world = World::new(Kind::Postgres);
    let rows: String = (0..120_000).map(|row| format!("{row}@x.example,name {row}\n")).collect();
    world.file("many.csv", format!("email,first_name\n{rows}"));
    let child = world
        .command(&["import", "many.csv", "--to", "contacts"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut client = crate::support::client();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
               AND query LIKE 'COPY %' AND query LIKE $1";
    let mine = format!("%{}%", world.organization);
    for _ in 0..2_000 {
        let count: i64 = client.query_one(cut, &[&mine]).expect("the server answers").get(0);
        if count > 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let output = child.wait_with_output().expect("the program ends");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    refused(&Ended { code: output.status.code().unwrap_or(-1), out: String::new(), err }, &["connection"]);
    let resumed = world.json(&["import", "many.csv", "--to", "contacts", "--resume", "--json"]);
    assert_eq!(
        (resumed["created"].as_u64(), resumed["balanced"].as_bool()),
        (Some(120_000), Some(true)),
        "{resumed}"
    );
    assert_eq!(world.records("contacts", "id").lines().count(), 120_001);
}

#[test]
fn a_disk_that_is_full() {
    for store in STORES {
        // Linux has a device that is always full; an export there must fail, and leave nothing behind.
        let world = World::new(store);
        world.file("a.csv", "email\na@x.example\n");
        assert_eq!(world.dray(&["import", "a.csv", "--to", "contacts"]).code, 0);
        world.file("bad.csv", "email\nno\n");
        std::os::unix::fs::symlink("/dev/full", world.path("full.csv")).expect("a link can be made");
        refused(
            &world.dray(&["import", "bad.csv", "--to", "contacts", "--failed", "full.csv"]),
            &["full.csv", "space"],
        );
        let mut command = world.command(&["export", "contacts"]);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the device is there");
        let output = command.stdout(full).output().expect("the program can be started");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}
