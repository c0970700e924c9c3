//! The integration tests: the program as people use it, on real stores.

mod agents;
mod bad_input;
mod command_line;
mod convert;
mod failpoints;
mod fates;
mod kill;
mod native_access;
mod native_imports;
mod native_objects;
mod native_once;
mod native_records;
mod native_reports;
mod native_users;
mod modules_door;
mod modules_jobs;
mod outbound;
mod promises;
mod records_door;
mod round_trip;
mod server;
mod shape;
mod site;
mod support;
mod workbooks;
