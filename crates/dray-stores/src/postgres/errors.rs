//! What PostgreSQL's errors mean to a person.

use dray_model::Error;
use postgres::config::{Config, Host};
use postgres::error::{DbError, SqlState};

/// The error for a server that could not be reached or did not let us in.
pub(super) fn describe_connect(config: &Config, place: &str, cause: postgres::Error) -> Error {
    let server = server_of(config);
    let user = config.get_user().unwrap_or_default();
    let database = config.get_dbname().unwrap_or(user);
    let error = match cause.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD => {
            Error::store(format!("PostgreSQL at {server} refused the password of user `{user}`"))
                .hint("check user and password in the address of the store")
        }
        Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            Error::store(format!("PostgreSQL at {server} does not let user `{user}` in"))
                .hint("check the user in the address of the store, and the server's pg_hba.conf")
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            Error::store(format!("PostgreSQL at {server} has no database `{database}`"))
                .hint(format!("make it with `createdb {database}`, or name another in the address of the store"))
        }
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => {
            Error::store(format!("PostgreSQL at {server} has no connection left"))
                .hint("close other connections or raise the server's `max_connections`")
                .retryable()
        }
        Some(code) if *code == SqlState::CANNOT_CONNECT_NOW => {
            Error::store(format!("PostgreSQL at {server} is starting or stopping"))
                .hint("try again in a moment")
                .retryable()
        }
        Some(_) => return describe(place, cause),
        None if config.get_password().is_none() && cause.to_string() == "invalid configuration" => {
            Error::store(format!("PostgreSQL at {server} asks for a password and the address has none"))
                .hint("write it into the address: postgres://user:password@host:5432/database")
        }
        None => Error::store(format!("PostgreSQL at {server} cannot be reached"))
            .hint("is PostgreSQL running there, and does a firewall stand between? check host and port in the address of the store")
            .retryable(),
    };
    error.because(cause)
}

/// The error for what the server answered.
pub(super) fn describe(place: &str, cause: postgres::Error) -> Error {
    let Some(answer) = cause.as_db_error() else {
        return lost(place, cause);
    };
    let code = answer.code();
    let error = if *code == SqlState::UNIQUE_VIOLATION {
        let (column, value) = violated_key(answer);
        crate::errors::not_unique(answer.table().unwrap_or("the object"), &column, value.as_deref())
    } else if *code == SqlState::NOT_NULL_VIOLATION {
        crate::errors::value_missing(
            answer.table().unwrap_or("the object"),
            answer.column().unwrap_or("a required column"),
        )
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Error::store(format!("{place}: {}", answer.message())).hint(
            "grant the user of the store the right to create and use schemas and tables in this database",
        )
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        Error::store(format!("{place} can only be read"))
            .hint("the server is a standby or set to read-only; name the primary server in the address of the store")
    } else if *code == SqlState::DISK_FULL {
        Error::store(format!("{place}: the server's disk is full")).hint(
            "free some space on the server and try again; nothing of the unfinished transaction was kept",
        )
    } else if *code == SqlState::OUT_OF_MEMORY || *code == SqlState::TOO_MANY_CONNECTIONS {
        Error::store(format!("{place}: {}", answer.message()))
            .hint("the server is short of memory or connections; try again later")
            .retryable()
    } else if *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE {
        Error::store(format!("{place}: another session changed the same records at the same time"))
            .hint("try again")
            .retryable()
    } else if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED {
        Error::store(format!("{place} stopped a statement: {}", answer.message()))
            .hint("another session may hold a lock, or the server's time limits are short; try again")
            .retryable()
    } else if is_shutdown(code) {
        return lost(place, cause);
    } else if *code == SqlState::PROGRAM_LIMIT_EXCEEDED {
        Error::store(format!("{place}: {}", answer.message()))
            .hint("PostgreSQL indexes values of up to about 2,700 bytes; shorten the value, or do not index the field")
    } else if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::UNDEFINED_COLUMN {
        Error::store(format!("{place}: {}", answer.message()))
            .hint("the object was not prepared, or someone changed its table")
    } else {
        Error::store(format!("{place} refused a statement: {}", answer.message()))
    };
    error.because(cause)
}

/// The error for an index that could not be made.
pub(super) fn describe_index(place: &str, table: &str, column: &str, cause: postgres::Error) -> Error {
    match cause.as_db_error() {
        Some(answer) if *answer.code() == SqlState::UNIQUE_VIOLATION => {
            let (_, value) = violated_key(answer);
            crate::errors::duplicates_in_the_way(table, column, value.as_deref()).because(cause)
        }
        _ => describe(place, cause),
    }
}

/// A connection that went away in the middle.
fn lost(place: &str, cause: postgres::Error) -> Error {
    let is_io = std::error::Error::source(&cause).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    if cause.is_closed() || is_io || cause.code().is_some_and(is_shutdown) {
        return Error::store(format!("the connection to {place} was lost"))
            .hint("is the server still running? try again; an unfinished transaction was not kept")
            .retryable()
            .because(cause);
    }
    Error::store(format!("{place} did not understand, or was not understood")).because(cause)
}

fn is_shutdown(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::DATABASE_DROPPED,
        SqlState::CONNECTION_FAILURE,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ]
    .contains(code)
}

/// Column and value of a violated unique index, from a detail such as
/// `Key (lower(email COLLATE "C"))=(ada@example.com) already exists.`, whatever its language.
fn violated_key(answer: &DbError) -> (String, Option<String>) {
    let detail = answer.detail().unwrap_or_default();
    let parts = detail.split_once(")=(").and_then(|(key, rest)| {
        let (_, key) = key.split_once('(')?;
        let (value, _) = rest.rsplit_once(')')?;
        Some((key, value))
    });
    let Some((key, value)) = parts else {
        return (answer.constraint().unwrap_or("a unique column").to_owned(), None);
    };
    let key = key.trim_start_matches("lower(").trim_start_matches('(');
    let column: String = match key.strip_prefix('"') {
        Some(quoted) => quoted.chars().take_while(|&c| c != '"').collect(),
        None => key.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect(),
    };
    (column, Some(value.to_owned()))
}

/// Host and port, or the directory of the socket.
pub(super) fn server_of(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => format!("{host}:{port}"),
        #[cfg(unix)]
        Some(Host::Unix(directory)) => format!("{}/.s.PGSQL.{port}", directory.display()),
        None => match config.get_hostaddrs().first() {
            Some(address) => format!("{address}:{port}"),
            None => format!("port {port}"),
        },
    }
}

/// A hash that is the same in every program version (FNV-1a): sessions must agree on lock numbers.
pub(super) fn stable_hash(text: &str) -> i32 {
    let mut hash = 0x811c_9dc5_u32;
    for byte in text.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    hash.cast_signed()
}
