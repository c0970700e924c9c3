//! Chores in Rust, run as `cargo xtask CHORE`.

mod random;
mod place;
mod program;
mod example;
mod bench;
mod screenshots;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("example") => example::run(),
        Some("bench") => bench::run(&arguments[1..]),
        Some("screenshots") => screenshots::run(&arguments[1..]),
        _ => Err("usage: cargo xtask example | bench | screenshots".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
