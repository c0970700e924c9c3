//! The integration tests: the program as people use it, on real stores.

mod bad_input;
mod command_line;
mod convert;
mod failpoints;
mod fates;
mod kill;
mod promises;
mod round_trip;
mod shape;
mod support;
mod workbooks;
