//! Ctrl-C and SIGTERM: the first asks the work to stop at the next batch, the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// The exit code of a process that was asked to stop (128 + SIGINT, as shells have it).
pub const EXIT_CODE: u8 = 130;

/// Begins to listen. Where that cannot be done the default holds: the process ends at once, which the
/// stores survive as well.
pub fn listen() {
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    });
}

/// True once the person or the system asked the work to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
