//! The `dray` program: reads the command line, runs one command, chooses the exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    if arguments.next().is_some_and(|first| first == dray_formats::SHEET_WORKER_ARGUMENT) {
        // This is the process in which a reader that may not survive a file does its work.
        return ExitCode::from(dray_formats::run_sheet_worker(&arguments.collect::<Vec<String>>()));
    }
    dray::memory::give_back_at_once();
    // Refused only where it was installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(dray::cli::run())
}
