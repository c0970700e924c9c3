//! The `dray` program: reads the command line, runs one command, chooses the exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dray::memory::give_back_at_once();
    ExitCode::from(dray::cli::run())
}
