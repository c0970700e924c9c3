//! What a server keeps beside records and imports: documents (small things that are read whole, such as
//! keys and reports), jobs and the audit log. Stores implement [`Catalog`]; the engine knows nothing of it.

use crate::error::Result;
use crate::event::Events;
use crate::flow::{Import, Store};
use crate::object::Object;
use crate::problem::Problem;
use crate::query::Filter;

/// A small thing kept whole, as JSON, under a kind and a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is: `key`, `user`, `report` …
    pub kind: String,
    /// Which one; unique among its kind.
    pub key: String,
    /// Counts its changes, from 1.
    pub version: i64,
    /// JSON.
    pub body: String,
    /// Microseconds since the epoch.
    pub created_at: i64,
    /// Microseconds since the epoch.
    pub updated_at: i64,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Waits for a worker.
    Pending,
    /// A worker holds it; where its lease has run out, the worker is dead and another may go on.
    Running,
    /// Done.
    Completed,
    /// Ended by an error.
    Failed,
    /// Stopped or taken back by a person.
    Cancelled,
}

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// True where nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// Work that is asked for now and done when a worker is free.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Number; 0 before it is created.
    pub id: i64,
    /// What is to be done: `import`, `export` …
    pub kind: String,
    /// The object it is about.
    pub object: String,
    /// How far it is.
    pub status: JobStatus,
    /// What was asked, as the kind of job writes it (JSON).
    pub request: String,
    /// How far it is, as the kind of job writes it (JSON).
    pub progress: Option<String>,
    /// What came of it (JSON).
    pub result: Option<String>,
    /// Why it failed, for people.
    pub error: Option<String>,
    /// The import it runs, once there is one.
    pub import_id: Option<i64>,
    /// Who asked.
    pub actor: String,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// How often a worker took it up.
    pub attempts: i64,
    /// Microseconds since the epoch, as all times here.
    pub created_at: i64,
    /// When a worker first took it up.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// When its files and, for some kinds, the job itself are cleared away.
    pub expires_at: Option<i64>,
    /// Until when the worker that runs it has it for itself.
    pub lease_until: Option<i64>,
    /// Which worker that is.
    pub worker: Option<String>,
}

/// Which jobs to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only about this object.
    pub object: Option<String>,
    /// Only those with a number below.
    pub before: Option<i64>,
    /// The most.
    pub limit: u64,
}

/// Which imports to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct ImportQuery {
    /// Only into this object.
    pub object: Option<String>,
    /// Without those whose source has this name.
    pub without_source: Option<String>,
    /// Only those with a number below.
    pub before: Option<i64>,
    /// The most.
    pub limit: u64,
}

/// Which lines of the audit log to list, the newest first. Texts are found in any place, whatever the case of
/// their ASCII letters.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only of those whose name holds this.
    pub actor: Option<String>,
    /// Only what holds this: `import`, `key.create` …
    pub action: Option<String>,
    /// Only what was done to something whose name holds this.
    pub subject: Option<String>,
    /// Only from this time on, microseconds since the epoch.
    pub from: Option<i64>,
    /// Only before this time.
    pub until: Option<i64>,
    /// Only those with a number below.
    pub before: Option<i64>,
    /// The most.
    pub limit: u64,
}

/// A problem with its place among the problems of its import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedProblem {
    /// Counts the problems of the import in the order they were found, from 1.
    pub sequence: i64,
    /// What is wrong.
    pub problem: Problem,
}

/// One line of the audit log: it is appended and never changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditEntry {
    /// Number, given by the store.
    pub id: i64,
    /// When, microseconds since the epoch.
    pub at: i64,
    /// Who: a key's or a user's name, with its number.
    pub actor: String,
    /// What: `import.execute`, `key.create` …
    pub action: String,
    /// To what: an object, a job, a key.
    pub subject: String,
    /// From which address.
    pub address: String,
    /// The request's number.
    pub request_id: String,
    /// HTTP status of the answer.
    pub status: i64,
    /// Bytes of the request's body.
    pub payload_bytes: i64,
    /// What else is worth knowing: filters, counts, the error's code (JSON).
    pub details: String,
}

/// What a server keeps for one organization. Keys and ids are unique within the organization.
pub trait Catalog {
    /// Keeps a new document; false where there is one already.
    fn create_document(&mut self, kind: &str, key: &str, body: &str, now: i64) -> Result<bool>;
    /// Changes a document that still has this version; false where it has not.
    fn replace_document(&mut self, kind: &str, key: &str, version: i64, body: &str, now: i64)
    -> Result<bool>;
    /// Keeps a document whatever stood there.
    fn save_document(&mut self, kind: &str, key: &str, body: &str, now: i64) -> Result<()>;
    /// One document.
    fn find_document(&mut self, kind: &str, key: &str) -> Result<Option<Document>>;
    /// Documents of a kind in the order of their keys, from the first after `after`.
    fn list_documents(&mut self, kind: &str, after: &str, limit: u64) -> Result<Vec<Document>>;
    /// Deletes a document; false where there is none.
    fn delete_document(&mut self, kind: &str, key: &str) -> Result<bool>;
    /// Deletes documents of a kind that were last changed before this time; returns how many.
    fn delete_documents_before(&mut self, kind: &str, time: i64) -> Result<u64>;

    /// Keeps a new job; returns its number.
    fn create_job(&mut self, job: &Job) -> Result<i64>;
    /// One job.
    fn find_job(&mut self, id: i64) -> Result<Option<Job>>;
    /// Jobs, the newest first.
    fn list_jobs(&mut self, query: &JobQuery) -> Result<Vec<Job>>;
    /// Gives the oldest job that waits, or whose worker is dead, to this worker.
    fn claim_job(&mut self, worker: &str, now: i64, lease_until: i64) -> Result<Option<Job>>;
    /// Writes what may change of a job while its worker holds it, but not the wish to cancel; false where
    /// another worker has it.
    fn save_job(&mut self, job: &Job) -> Result<bool>;
    /// Asks for a job to be stopped; one that waits is cancelled at once. False where it has ended.
    fn cancel_job(&mut self, id: i64, now: i64) -> Result<bool>;
    /// Makes this session the one that works on a job: a session that another worker left behind, and that
    /// may wake up and write, is ended by the database where that can be.
    fn take_job(&mut self, id: i64) -> Result<()>;
    /// The time by the clock that all processes of the store share, in microseconds since the epoch.
    fn time(&mut self) -> Result<i64>;
    /// Deletes ended jobs that have expired; returns them.
    fn delete_expired_jobs(&mut self, now: i64) -> Result<Vec<Job>>;

    /// Adds a line to the audit log.
    fn append_audit(&mut self, entry: &AuditEntry) -> Result<()>;
    /// Lines of the audit log, the newest first.
    fn list_audit(&mut self, query: &AuditQuery) -> Result<Vec<AuditEntry>>;

    /// Imports and undos, the newest first.
    fn query_imports(&mut self, query: &ImportQuery) -> Result<Vec<Import>>;
    /// Problems of an import in row order, from the first after this row and sequence.
    fn problems_after(
        &mut self,
        import_id: i64,
        after: (u64, i64),
        limit: u64,
    ) -> Result<Vec<NumberedProblem>>;

    /// How many records a filter finds, counted no further than `most`.
    fn count_records(&mut self, object: &Object, filter: Option<&Filter>, most: u64) -> Result<u64>;
    /// Deletes records whatever wrote them; returns how many there were.
    fn delete_records(&mut self, object: &Object, ids: &[i64]) -> Result<u64>;
}

/// One session with everything an organization has in the store.
pub trait Session: Store + Catalog + Events {}

impl<S: Store + Catalog + Events> Session for S {}
