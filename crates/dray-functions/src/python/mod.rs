//! The worker process of a function in Python: this program confines itself and becomes the machine's
//! interpreter, which runs the program of [`WORKER`].

pub(crate) mod interpreter;
pub(crate) mod shape;

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::confine::{OpenPaths, close_files, close_system_calls, set_limits};
use crate::frame;

/// What the interpreter runs.
const WORKER: &str = include_str!("worker.py");

/// Files that the interpreter and its library may read or write although they are no part of it.
const READABLE: [&str; 2] = ["/etc/ld.so.cache", "/usr/share/zoneinfo"];
const NULL_DEVICE: &str = "/dev/null";

/// Options of the interpreter: nothing from the environment, no packages, no bytecode written, UTF-8.
pub(crate) const OPTIONS: [&str; 6] = ["-I", "-S", "-B", "-X", "utf8", "-c"];

/// Becomes the interpreter; returns the exit code where that fails.
///
/// `arguments`: the interpreter, then paths, each with a letter before it that says what may be done with it.
pub(crate) fn run(memory_bytes: u64, arguments: &[String]) -> u8 {
    let [interpreter, paths @ ..] = arguments else { return 2 };
    let mut open = OpenPaths {
        readable: READABLE.iter().map(PathBuf::from).collect(),
        executable: vec![PathBuf::from(interpreter)],
        writable: vec![PathBuf::from(NULL_DEVICE)],
    };
    for path in paths {
        match path.split_at_checked(1) {
            Some(("r", path)) => open.readable.push(PathBuf::from(path)),
            Some(("x", path)) => open.executable.push(PathBuf::from(path)),
            _ => return 2,
        }
    }
    let mut command = Command::new(interpreter);
    command.args(OPTIONS).arg(WORKER).env_clear();
    let confined =
        close_files(&open).and_then(|()| set_limits(memory_bytes, 0)).and_then(|()| close_system_calls(true));
    let why = match confined {
        Ok(()) => format!("`{interpreter}` does not start: {}", command.exec()),
        Err(why) => why,
    };
    let mut whole = frame::begin(frame::UNCONFINED);
    whole.extend_from_slice(why.as_bytes());
    frame::finish(&mut whole);
    let _ = std::io::stdout().write_all(&whole);
    3
}
