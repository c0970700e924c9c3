//! Events: what others send to the endpoints of records, kept until it is done and for a while after. Stores
//! implement [`Events`]; what an event is about and what is to be done with it, they do not know.

use crate::error::Result;

/// How far an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventStatus {
    /// It will be tried, or tried again.
    Pending,
    /// Everything was done.
    Completed,
    /// Nothing was to be done.
    Ignored,
    /// It is not tried again unless somebody asks for it.
    Failed,
}

impl EventStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Completed, Self::Ignored, Self::Failed];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
        }
    }

    /// The status of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// Something that was received. Times are microseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number; the order of numbers is that in which events came.
    pub id: String,
    /// Where it came to: the object and the record's id, `connectors/12`.
    pub endpoint: String,
    /// How its sender calls it: sent again, it is the same event.
    pub message: Option<String>,
    /// How far it is.
    pub status: EventStatus,
    /// What was sent (JSON).
    pub payload: String,
    /// When it came.
    pub received_at: i64,
    /// When it is tried next, or counts as broken off; `None` once it has ended.
    pub due_at: Option<i64>,
    /// How often somebody took it up, ever: whoever did so last may write what became of it.
    pub claims: i64,
    /// How often it was tried since it came, or since somebody asked for it again.
    pub tries: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// What the next try needs of this one, sealed.
    pub kept: Option<String>,
    /// What was done and what came of it (JSON).
    pub log: String,
}

/// Which events of an endpoint to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// The endpoint.
    pub endpoint: String,
    /// Only those with this status.
    pub status: Option<EventStatus>,
    /// Only those with a number below.
    pub before: Option<String>,
    /// The most.
    pub limit: u64,
}

/// Which events to take up.
#[derive(Debug, Clone, Default)]
pub struct EventClaim {
    /// None of these endpoints.
    pub without: Vec<String>,
    /// The most of one endpoint.
    pub each: u64,
    /// The most altogether.
    pub limit: u64,
    /// Only what is due at this time.
    pub now: i64,
    /// Until when whoever takes them has them for themselves.
    pub lease_until: i64,
}

/// The events of one organization.
pub trait Events {
    /// Keeps events that have come, all or none, in a transaction of its own that is on the disk before this returns;
    /// the number of each: its own, or that of the event that its sender sent before.
    fn append_events(&mut self, events: &[Event]) -> Result<Vec<String>>;
    /// Takes up what is due, what has been due for the longest first.
    fn claim_events(&mut self, claim: &EventClaim) -> Result<Vec<Event>>;
    /// Takes up what is due of one endpoint, the oldest first.
    fn claim_events_of(
        &mut self,
        endpoint: &str,
        limit: u64,
        now: i64,
        lease_until: i64,
    ) -> Result<Vec<Event>>;
    /// Writes status, due time, tries, end, what is kept and the log of an event; false where somebody else has
    /// taken it up since.
    fn save_event(&mut self, event: &Event) -> Result<bool>;
    /// One event of an endpoint.
    fn find_event(&mut self, endpoint: &str, id: &str) -> Result<Option<Event>>;
    /// Events of an endpoint.
    fn list_events(&mut self, query: &EventQuery) -> Result<Vec<Event>>;
    /// How many events of an endpoint there are of each status, each counted no further than `most`.
    fn count_events(&mut self, endpoint: &str, most: u64) -> Result<Vec<(EventStatus, u64)>>;
    /// How many events wait, counted no further than `most`.
    fn count_waiting_events(&mut self, most: u64) -> Result<u64>;
    /// Deletes ended events with a number below this one, at most `limit`; returns how many.
    fn delete_events_before(&mut self, id: &str, limit: u64) -> Result<u64>;
}
