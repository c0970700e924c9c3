//! Opens a connection with the settings Dray needs.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::time::Duration;

use dray_model::{Error, Result};
use postgres::NoTls;
use postgres::config::{Config, SslMode};
use postgres::fallible_iterator::FallibleIterator as _;

use super::{PostgresDriver, errors};
use crate::dialect::quote;

/// How long a server may take to answer the first time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long news is waited for until the wish to stop is looked at.
const LISTEN_TIME: Duration = Duration::from_millis(200);

/// Settings of every session. Plans are made once for all parameters: a list of 8,000 keys would
/// otherwise be weighed, and on a table the server knows nothing of yet found worth a full scan. Compiling
/// a plan (JIT) gains nothing where most of the work is to send rows.
const SETTINGS: &str = "SET timezone = 'UTC';
    SET standard_conforming_strings = on;
    SET client_min_messages = warning;
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SET search_path = pg_catalog";

/// Memory for building indexes, where the server allows less by default.
const INDEX_MEMORY: &str = "SELECT set_config('maintenance_work_mem', '256MB', false) \
    WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < 268435456";

impl PostgresDriver {
    /// Connects to the server the address names; the organization's tables stand in `schema`.
    pub(crate) fn open(address: &str, schema: &str) -> Result<Self> {
        let mut config = config_of(address)?;
        config.application_name("dray");
        let place = place_of(&config);
        let mut client =
            config.connect(NoTls).map_err(|cause| errors::describe_connect(&config, &place, cause))?;
        client.batch_execute(SETTINGS).map_err(|cause| errors::describe(&place, cause))?;
        let _ = client.batch_execute(INDEX_MEMORY);
        Ok(Self {
            client,
            schema: schema.to_owned(),
            place,
            statements: HashMap::new(),
            in_transaction: false,
            locks: HashSet::new(),
        })
    }
}

/// The settings of a connection that an address stands for.
fn config_of(address: &str) -> Result<Config> {
    let mut config = Config::from_str(address).map_err(|cause| {
        // Only the reason: the address itself holds the password.
        let reason = std::error::Error::source(&cause).map(ToString::to_string).unwrap_or_default();
        Error::store(format!("the address of the PostgreSQL store cannot be read: {reason}"))
            .hint("it looks like postgres://user:password@host:5432/database")
    })?;
    if !matches!(config.get_ssl_mode(), SslMode::Disable | SslMode::Prefer) {
        return Err(Error::store("the address asks for TLS, which Dray does not support for PostgreSQL yet")
            .hint("connect through a private network or a tunnel, and leave `sslmode` out"));
    }
    if config.get_user().is_none() {
        let user = ["PGUSER", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
        config.user(user.as_deref().unwrap_or("postgres"));
    }
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    Ok(config)
}

/// Waits for news of other processes and calls `told` for each, until `should_stop` says so.
pub(crate) fn listen(
    address: &str,
    news: &str,
    told: &mut dyn FnMut(),
    should_stop: &dyn Fn() -> bool,
) -> Result<()> {
    let mut config = config_of(address)?;
    config.application_name("dray listens").keepalives(true);
    let place = place_of(&config);
    let mut client =
        config.connect(NoTls).map_err(|cause| errors::describe_connect(&config, &place, cause))?;
    let lost = |cause| errors::describe(&place, cause);
    client.batch_execute(&format!("LISTEN {}", quote(news))).map_err(lost)?;
    // There may be news from before.
    told();
    while !should_stop() {
        let mut notifications = client.notifications();
        let mut waiting = notifications.timeout_iter(LISTEN_TIME);
        while let Some(_news) = waiting.next().map_err(lost)? {
            told();
        }
    }
    Ok(())
}

/// Server and database as people know them.
fn place_of(config: &Config) -> String {
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("PostgreSQL at {}, database `{database}`", errors::server_of(config))
}
