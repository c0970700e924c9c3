//! Connectors at work: `intake` (an event is checked and kept before its sender is answered) → `log` (what was done
//! and what came of it) → `due` (what waits is taken up) → `work` (one event, step by step) → `perform` (whom it asks, and
//! the records that it writes).

pub mod log;
pub mod intake;
pub mod perform;
pub mod work;
pub mod due;
pub mod replay;
