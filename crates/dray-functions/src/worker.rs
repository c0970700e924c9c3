//! Where the worker process begins: it ends with the process that started it, then does what it is for.

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::{javascript, python};

/// Runs one function; returns the exit code.
///
/// `arguments` are those behind [`crate::FUNCTION_WORKER_ARGUMENT`]: the language, the process that started
/// this one, the most bytes of memory, and what the language needs.
pub fn run_function_worker(arguments: &[String]) -> u8 {
    let [language, parent, memory, rest @ ..] = arguments else { return 2 };
    let Ok(memory_bytes) = memory.parse() else { return 2 };
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return 3;
    }
    // It may have ended before it was listened to.
    if getppid().is_none_or(|id| id.as_raw_nonzero().to_string() != *parent) {
        return 3;
    }
    // What would be written there would overwrite the note of the record that is worked on.
    std::panic::set_hook(Box::new(|_| {}));
    match language.as_str() {
        "JavaScript" => javascript::run(memory_bytes),
        "Python" => python::run(memory_bytes, rest),
        _ => 2,
    }
}
