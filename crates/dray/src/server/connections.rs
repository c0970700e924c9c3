//! Connections: the storages of an organization, by name and number, with settings that are sealed where they
//! rest. Pipelines read and write through them.

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::app::App;
use super::secret::Secret;
use crate::operations::pipelines::saved::{key_of, next_number};
use crate::storage::{Connector, Patience, Role, Storage, StorageSettings, Surroundings};

/// Documents of connections and of pipelines.
const KIND: &str = "connection";
const PIPELINES: &str = "pipeline";
/// What settings are sealed for.
const PURPOSE: &str = "connection settings";
/// Connections of one organization.
pub const MOST_CONNECTIONS: usize = 1_000;
/// How often a change is tried where others change the same.
const MOST_TRIES: usize = 50;
/// Documents looked through at once.
const PAGE: u64 = 500;

/// A storage with a name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Connection {
    /// Its number, unique in the organization and given once.
    pub id: i64,
    /// For people.
    pub name: String,
    /// Whether files come from it or go there.
    pub role: Role,
    /// What kind of storage it is.
    pub connector: Connector,
    /// Microseconds since the epoch.
    pub created_at: i64,
    /// The key that an SFTP server showed when the settings were saved, where they name none.
    #[serde(default)]
    pub host_key: Option<String>,
    /// The sealed settings.
    settings: String,
}

/// A connection to make.
pub struct NewConnection {
    /// For people.
    pub name: String,
    /// Whether files come from it or go there.
    pub role: Role,
    /// What kind of storage it is.
    pub connector: Connector,
    /// How to come in, and where.
    pub access: Access,
}

/// What a connection needs to be used.
#[derive(Clone)]
pub struct Access {
    /// Checked settings.
    pub settings: Value,
    /// The key that an SFTP server has shown.
    pub host_key: Option<String>,
}

impl Connection {
    /// The settings, opened.
    pub fn settings(&self, secret: &Secret, organization: &str) -> Result<StorageSettings> {
        let unreadable = || {
            Error::request(format!("the settings of the connection {} cannot be read", self.id))
                .hint("was DRAY_SECRET_KEY changed? save the settings of the connection again")
        };
        let opened = secret.open(PURPOSE, &owner(organization, self.id), &self.settings);
        let settings = serde_json::from_str(&opened.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
        StorageSettings::parse(self.connector, self.role, &settings).map_err(Error::request)
    }
}

fn owner(organization: &str, id: i64) -> String {
    format!("{organization}/{id}")
}

fn sealed(secret: &Secret, organization: &str, id: i64, settings: &Value) -> Result<String> {
    secret.seal(PURPOSE, &owner(organization, id), &settings.to_string())
}

/// All connections, the oldest first.
pub fn list(session: &mut dyn Session) -> Result<Vec<Connection>> {
    let found = session.list_documents(KIND, "", MOST_CONNECTIONS as u64)?;
    found.iter().map(|document| parse(&document.body)).collect()
}

/// One connection.
pub fn find(session: &mut dyn Session, id: i64) -> Result<Option<Connection>> {
    session.find_document(KIND, &key_of(id))?.map(|document| parse(&document.body)).transpose()
}

/// Makes a connection; `None` where there are as many as there may be.
pub fn create(
    session: &mut dyn Session,
    secret: &Secret,
    organization: &str,
    new: NewConnection,
    now: i64,
) -> Result<Option<Connection>> {
    if session.list_documents(KIND, "", MOST_CONNECTIONS as u64)?.len() >= MOST_CONNECTIONS {
        return Ok(None);
    }
    // No connection had it before, also none that was deleted.
    let id = next_number(session, KIND, now)?;
    let connection = Connection {
        id,
        name: new.name,
        role: new.role,
        connector: new.connector,
        created_at: now,
        host_key: new.access.host_key,
        settings: sealed(secret, organization, id, &new.access.settings)?,
    };
    if session.create_document(KIND, &key_of(id), &write(&connection)?, now)? {
        return Ok(Some(connection));
    }
    Err(changed_too_often())
}

/// Changes the name of a connection, and its settings where they are given; the changed one, where there is one.
pub fn change(
    session: &mut dyn Session,
    secret: &Secret,
    organization: &str,
    id: i64,
    (name, access): (String, Option<Access>),
    now: i64,
) -> Result<Option<Connection>> {
    let settings =
        access.as_ref().map(|access| sealed(secret, organization, id, &access.settings)).transpose()?;
    for _ in 0..MOST_TRIES {
        let Some(found) = session.find_document(KIND, &key_of(id))? else { return Ok(None) };
        let mut connection: Connection = parse(&found.body)?;
        connection.name.clone_from(&name);
        if let (Some(access), Some(settings)) = (&access, &settings) {
            connection.host_key.clone_from(&access.host_key);
            connection.settings.clone_from(settings);
        }
        if session.replace_document(KIND, &key_of(id), found.version, &write(&connection)?, now)? {
            return Ok(Some(connection));
        }
    }
    Err(changed_too_often())
}

/// Deletes a connection and its pipelines; false where there is none.
pub fn delete(session: &mut dyn Session, id: i64) -> Result<bool> {
    if session.find_document(KIND, &key_of(id))?.is_none() {
        return Ok(false);
    }
    // First, so that a process that dies in between leaves no pipeline without a connection; and once more for
    // those that were made meanwhile.
    delete_pipelines_of(session, id)?;
    let deleted = session.delete_document(KIND, &key_of(id))?;
    delete_pipelines_of(session, id)?;
    Ok(deleted)
}

/// Deletes the pipelines of a connection; returns how many.
pub fn delete_pipelines_of(session: &mut dyn Session, connection: i64) -> Result<u64> {
    let (mut deleted, mut after) = (0, String::new());
    loop {
        let pipelines = session.list_documents(PIPELINES, &after, PAGE)?;
        let Some(last) = pipelines.last() else { return Ok(deleted) };
        after.clone_from(&last.key);
        for pipeline in &pipelines {
            let body: Value = serde_json::from_str(&pipeline.body).unwrap_or_default();
            if body["connection"].as_i64() == Some(connection)
                && session.delete_document(PIPELINES, &pipeline.key)?
            {
                deleted += 1;
            }
        }
    }
}

/// What storages of an organization need of this server.
pub fn surroundings(app: &App, organization: &str) -> Surroundings {
    let root = &app.settings().files_root;
    let root = std::path::absolute(root).unwrap_or_else(|_| root.clone());
    Surroundings {
        outbound: app.outbound().clone(),
        folder: root.join(organization),
        patience: Patience::of(app.settings().storage_time),
    }
}

/// The storage of a connection. Nothing is asked of it yet. Within a runtime.
pub fn open_storage(app: &App, organization: &str, connection: &Connection) -> Result<Storage> {
    let settings = connection.settings(app.secret(), organization)?;
    Storage::open(&settings, connection.host_key.as_deref(), &surroundings(app, organization))
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|cause| {
        Error::store("a connection cannot be read").hint("was the store used by a newer Dray?").because(cause)
    })
}

fn write(connection: &Connection) -> Result<String> {
    serde_json::to_string(connection)
        .map_err(|cause| Error::store("a connection cannot be written").because(cause))
}

fn changed_too_often() -> Error {
    Error::store("connections are being changed by others").hint("try again").retryable()
}
