//! What a server is beside its routes: who may come in, sessions with the store, files that were sent,
//! work that waits, what is counted and written down.

pub mod secret;
pub mod sessions;
pub mod batches;
pub mod believed;
pub mod signature;
pub mod directory;
pub mod limits;
pub mod throttle;
pub mod links;
pub mod embedding;
pub mod named_secrets;
pub mod endpoints;
pub mod destinations;
pub mod known_connectors;
pub mod event_desk;
pub mod files;
pub mod settings;
pub mod queue;
pub mod app;
pub mod connections;
pub mod webhooks;
pub mod connectors;
pub mod jobs;
pub mod scheduler;
pub mod attempt;
pub mod worker;
