//! Opens a database file with the settings Dray needs, and the functions SQLite lacks.

use std::path::Path;
use std::time::{Duration, Instant};

use dray_model::{Error, Result};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{SqliteDriver, errors};
use crate::decimal;

/// How long a statement waits for another process's write to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause before a file that others are making is opened again.
const RACE_PAUSE: Duration = Duration::from_millis(20);

/// Settings of every connection: readers and one writer do not wait for each other; a commit survives
/// the end of the process at once and the end of the machine to the last checkpoint, unless it is asked to be
/// flushed; 32 MB of cache; a
/// write-ahead log that grew is cut back afterwards.
const SETTINGS: &str = "PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -32000;
    PRAGMA mmap_size = 0;
    PRAGMA temp_store = FILE;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA foreign_keys = OFF;";

/// Settings while an index is built: a second thread sorts while the first reads the table, which it
/// does once from end to end, so that a smaller cache does; the cache is also the measure of the sorter,
/// which holds up to twice that.
pub(super) const INDEXING: &str = "PRAGMA threads = 2; PRAGMA cache_size = -8000; PRAGMA shrink_memory;";

/// Settings after that.
pub(super) const INDEXED: &str = "PRAGMA threads = 0; PRAGMA cache_size = -32000;";

/// Statements kept prepared: one import of a wide object with references needs a few dozen.
const PREPARED_STATEMENTS: usize = 128;

impl SqliteDriver {
    /// Opens, or makes, the file `<organization>.db` in `directory`.
    pub(crate) fn open(directory: &Path, organization: &str) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|cause| errors::describe_file(directory, cause))?;
        let path = directory.join(format!("{organization}.db"));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |cause| errors::describe(&path, cause);
        let begun = Instant::now();
        let connection = loop {
            match connection(&path, flags) {
                Err(cause) if is_race(&cause) && begun.elapsed() < BUSY_TIMEOUT => {
                    std::thread::sleep(RACE_PAUSE);
                }
                opened => break opened.map_err(failed)?,
            }
        };
        if connection.is_readonly("main").map_err(failed)? {
            return Err(Error::store(format!("the database file `{}` can only be read", path.display()))
                .hint("give this user permission to write to it, or choose another directory with --store"));
        }
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        add_functions(&connection).map_err(failed)?;
        Ok(Self { connection, path, locks: std::collections::HashMap::new() })
    }
}

/// A connection with its settings that has read the file once.
fn connection(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if !connection.is_readonly("main")? {
        connection.execute_batch(SETTINGS)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    }
    Ok(connection)
}

/// True where another process is just making the file or closes it as the last one: its journal comes and goes
/// meanwhile, which SQLite tells as a lock that nobody waits for or as a file that cannot be looked at.
fn is_race(cause: &rusqlite::Error) -> bool {
    matches!(
        cause.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SystemIoFailure)
    )
}

/// Decimals are kept as numbers where that is exact and as text where it is not; these two functions
/// order and show both alike.
fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("dray_decimal", 1, flags, |context| {
        Ok(plain_text(context).and_then(|text| decimal::sort_key(&text)))
    })?;
    connection.create_scalar_function("dray_decimal_text", 2, flags, |context| {
        let scale = context.get::<Option<u32>>(1)?;
        Ok(plain_text(context).map(|text| {
            let mut out = String::new();
            decimal::append_canonical(&text, scale, &mut out);
            out
        }))
    })
}

fn plain_text(context: &Context<'_>) -> Option<String> {
    match context.get_raw(0) {
        ValueRef::Integer(integer) => Some(integer.to_string()),
        ValueRef::Real(real) => Some(real.to_string()),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).ok(),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}
