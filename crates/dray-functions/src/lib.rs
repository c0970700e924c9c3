//! Functions that people write to transform records, in JavaScript and in Python. Each that is loaded runs
//! in a process of its own, which can open no file, reach no network, start nothing and take no more time
//! and memory than it was given; a defect of an engine, or of a function, ends that process and no other.
//!
//! ```text
//! records ─ give ─▶ frames ─▶ worker process: the function ─▶ frames ─ take ─▶ records and failures
//! ```
//!
//! The process is this program, started again with [`FUNCTION_WORKER_ARGUMENT`]: it confines itself, then
//! runs JavaScript with an engine of its own, or becomes the machine's Python. The modules stand in the
//! order of the data flow.

mod limits;
mod wire;
mod frame;
mod give;
mod take;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod javascript;
#[cfg(target_os = "linux")]
mod python;
#[cfg(target_os = "linux")]
mod worker;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod loaded;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(not(target_os = "linux"))]
mod no_sandbox;

pub use limits::Limits;
#[cfg(not(target_os = "linux"))]
pub use no_sandbox::{Sandbox, run_function_worker};
#[cfg(target_os = "linux")]
pub use sandbox::Sandbox;
#[cfg(target_os = "linux")]
pub use worker::run_function_worker;

/// The first argument by which the program is told to call [`run_function_worker`] with those behind it.
pub const FUNCTION_WORKER_ARGUMENT: &str = "__run-function";
