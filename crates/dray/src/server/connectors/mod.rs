//! Connectors at work: `intake` (an event is checked and kept before its sender is answered) → `log` (what was done
//! and what came of it) → `work` (what is due, by whichever process takes it first) → `perform` (the last step:
//! a request, or a record of the same organization).

pub mod log;
pub mod intake;
pub mod perform;
pub mod work;
pub mod replay;
