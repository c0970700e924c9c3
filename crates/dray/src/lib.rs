//! The program: the command line and the server over the engine, the formats and the stores.
//!
//! The modules stand in reading order; each may use those above it, never those below.

pub mod memory;
pub mod clock;
pub mod interrupt;
pub mod source;
pub mod destination;
pub mod failed_file;
pub mod outbound;
pub mod storage;
pub mod operations;
pub mod server;
pub mod mcp;
pub mod http;
pub mod cli;
