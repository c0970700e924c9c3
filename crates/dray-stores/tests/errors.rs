//! What people are told when a store cannot be used: what and where, and what to do about it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::path::Path;

use dray_model::{Error, ErrorKind};

fn refused(address: &str) -> Error {
    refused_for(address, "default")
}

fn refused_for(address: &str, organization: &str) -> Error {
    match dray_stores::connect(address, organization) {
        Ok(_) => panic!("{address} was opened"),
        Err(error) => error,
    }
}

/// The whole chain, as a log would show it.
fn chain(error: &Error) -> String {
    let mut text = format!("{error} ({})", error.hint.as_deref().unwrap_or("no hint"));
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}

fn sqlite(directory: &Path) -> String {
    format!("sqlite:{}", directory.display())
}

#[test]
fn addresses_nobody_knows() {
    for (address, expected) in [
        ("mysql://root:secret@host/db", "`mysql:…` is not a store Dray knows"),
        ("sqlite:", "the address of the SQLite store names no directory"),
        ("postgres://ada:secret@host:port/db", "the address of the PostgreSQL store cannot be read"),
        ("postgres://ada:secret@host/db?sslmode=require", "the address asks for TLS"),
    ] {
        let error = refused(address);
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(error.hint.is_some(), "{error}");
        assert!(!chain(&error).contains("secret"), "{}", chain(&error));
    }
}

#[test]
fn organizations_that_cannot_be() {
    let directory = tempfile::tempdir().unwrap();
    for name in
        ["", "Default", "a b", "../x", "1a", "public", "pg_temp", "information_schema", &"a".repeat(41)]
    {
        assert_eq!(refused_for(&sqlite(directory.path()), name).kind, ErrorKind::Request, "{name}");
    }
    assert!(dray_stores::connect(&sqlite(directory.path()), &"a".repeat(40)).is_ok());
}

#[test]
fn a_file_that_is_no_database() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("default.db"), "This is a letter, not a database. ".repeat(100))
        .unwrap();
    let error = refused(&sqlite(directory.path()));
    assert!(error.to_string().ends_with("default.db` is not a database file"), "{error}");
    assert!(error.hint.is_some());
}

#[test]
fn a_directory_that_is_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("taken");
    std::fs::write(&file, "").unwrap();
    let error = refused(&sqlite(&file));
    assert!(error.to_string().ends_with("taken` is not a directory"), "{error}");
    let error = refused(&sqlite(&file.join("below")));
    assert!(error.to_string().ends_with("below` is not a directory"), "{error}");
}

#[test]
fn a_newer_catalog_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(dray_stores::connect(&sqlite(directory.path()), "default").unwrap());
    let connection = rusqlite::Connection::open(directory.path().join("default.db")).unwrap();
    connection.execute_batch("UPDATE dray_version SET version = 99").unwrap();
    let error = refused(&sqlite(directory.path()));
    assert!(error.to_string().starts_with("the store was made by a newer Dray"), "{error}");
}

#[test]
fn a_database_another_process_writes_to() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = dray_stores::connect(&sqlite(directory.path()), "default").unwrap();
    let other = rusqlite::Connection::open(directory.path().join("default.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.begin().unwrap_err();
    assert!(error.to_string().ends_with("default.db` is locked by another process"), "{error}");
    assert!(error.retryable);
    other.execute_batch("ROLLBACK").unwrap();
    store.begin().unwrap();
    store.commit().unwrap();
}

#[test]
fn a_server_that_is_not_there() {
    let error = refused("postgres://ada:secret@127.0.0.1:1/shop");
    assert_eq!(error.to_string(), "PostgreSQL at 127.0.0.1:1 cannot be reached");
    assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with("is PostgreSQL running there")));
    assert!(error.retryable);
    assert!(!chain(&error).contains("secret"));
    let error = refused("postgres:///shop?host=/nowhere");
    assert_eq!(error.to_string(), "PostgreSQL at /nowhere/.s.PGSQL.5432 cannot be reached");
}

/// The server the tests run on.
fn server() -> String {
    std::env::var("DRAY_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("DRAY_TEST_POSTGRES_URL names no PostgreSQL server; run ./test, which starts one")
    })
}

fn administer(sql: &str) {
    postgres::Client::connect(&server(), postgres::NoTls).unwrap().batch_execute(sql).unwrap();
}

/// The same server for another user or database.
fn server_for(user: &str, database: &str) -> String {
    let config: postgres::Config = server().parse().unwrap();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let host = match config.get_hosts().first() {
        Some(postgres::config::Host::Tcp(host)) => host.clone(),
        Some(postgres::config::Host::Unix(directory)) => directory.display().to_string(),
        None => "localhost".to_owned(),
    };
    format!("postgres:///{database}?host={host}&port={port}&user={user}")
}

#[test]
fn a_database_that_is_not_there() {
    let config: postgres::Config = server().parse().unwrap();
    let error = refused(&server_for(config.get_user().unwrap(), "no_such_database"));
    assert!(error.to_string().ends_with("has no database `no_such_database`"), "{error}");
}

#[test]
fn a_user_without_rights() {
    let config: postgres::Config = server().parse().unwrap();
    let user = format!("dray_test_guest_{}", std::process::id());
    administer(&format!("CREATE ROLE {user} LOGIN"));
    let error = refused(&server_for(&user, config.get_dbname().unwrap()));
    administer(&format!("DROP ROLE {user}"));
    assert!(error.to_string().contains("permission denied"), "{error}");
    assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with("grant the user")), "{error}");
}

#[test]
fn a_connection_that_breaks() {
    let organization = format!("dray_test_{}_broken", std::process::id());
    let mut store = dray_stores::connect(&server(), &organization).unwrap();
    store.begin().unwrap();
    store.create_import(&import(&organization)).unwrap();
    // The one session that holds a lock on a table of this organization.
    administer(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = '{organization}.dray_import'::regclass"
    ));
    let error = store.stored_objects().unwrap_err();
    assert!(error.to_string().starts_with("the connection to PostgreSQL at "), "{}", chain(&error));
    assert!(error.retryable);
    store.rollback();
    assert!(store.begin().unwrap_err().retryable);
    administer(&format!("SET client_min_messages = warning; DROP SCHEMA {organization} CASCADE"));
}

fn import(object: &str) -> dray_model::flow::Import {
    dray_model::flow::Import {
        id: 0,
        object: object.to_owned(),
        source: "a.csv".to_owned(),
        fingerprint: String::new(),
        status: dray_model::flow::ImportStatus::Running,
        ledger: dray_model::ledger::Ledger::default(),
        checkpoint: None,
        started_at: 0,
        finished_at: None,
        undo_of: None,
        message: None,
    }
}
