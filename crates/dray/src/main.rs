//! The `dray` program: reads the command line, runs one command, chooses the exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    match arguments.next().as_deref() {
        // This is the process in which a reader that may not survive a file does its work.
        Some(dray_formats::SHEET_WORKER_ARGUMENT) => {
            return ExitCode::from(dray_formats::run_sheet_worker(&arguments.collect::<Vec<String>>()));
        }
        // This is the process in which a function that somebody wrote is run.
        Some(dray_functions::FUNCTION_WORKER_ARGUMENT) => {
            return ExitCode::from(dray_functions::run_function_worker(&arguments.collect::<Vec<String>>()));
        }
        _ => {}
    }
    dray::memory::give_back_at_once();
    // Refused only where it was installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(dray::cli::run())
}
