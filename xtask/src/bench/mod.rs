//! Measures Dray beside the bulk loaders of its databases, as `cargo xtask bench`, and prints the tables
//! of `BENCHMARKS.md`. Baseline and Dray run in turn, each a whole process timed from outside, on copies
//! of the same database; a figure counts only where both leave the same rows behind.

mod measure;
mod data;
mod csv;
mod postgres;
mod sqlite;
mod setting;
mod postgres_lines;
mod sqlite_lines;
mod lines;
mod memory;
mod convert;
mod client;
mod serving;
mod http;
mod pages;
mod jobs;
mod events;
mod pipelines;
mod resolution;
mod report;

use std::path::PathBuf;
use std::process::Command;

use crate::place::Place;
use crate::program::{build, root};
use lines::{LINES, Line, StoreKind};
use measure::Meter;
use postgres::Server;
use setting::Setting;
use sqlite::Shell;

const USAGE: &str = "usage: cargo xtask bench [--rows N] [--runs R] [--store sqlite|postgres|both] \
    [--only NAME] [--memory] [--convert PYTHON] [--http] [--pages] [--jobs] [--events] [--resolution] \
    [--pipelines] [--functions] [--dray PROGRAM]

  --rows N       rows of the file (1000000)
  --runs R       runs of each side of each line (3)
  --store STORE  where to measure (both)
  --only NAME    one kind of work: import, import-beside, again, update, plan, undo, undo-beside, export
  --memory       instead: the most memory Dray holds, for N and for 10 N rows
  --convert PYTHON  instead: `dray convert` beside the libraries of a Python that has duckdb, openpyxl and
                 python-calamine
  --http         instead: the server, as its clients see it
  --pages        instead: the pages for people, on SQLite
  --jobs         instead: jobs over files of gigabytes, and several processes
  --events       instead: events that are sent to connectors
  --resolution   instead: identities that become profiles
  --pipelines    instead: a file through filter and transformation into identities
  --functions    instead: records that trivial functions transform in a second
  --dray PROGRAM measure this program; without it, `cargo build --release` makes one";

/// Disk that all files and databases of a row take at the worst moment, in bytes.
const DISK_BYTES: u64 = 6000;
/// The same where memory is measured.
const MEMORY_DISK_BYTES: u64 = 4000;
/// The same where jobs over large files are measured, which have ten times as many rows.
const JOBS_DISK_BYTES: u64 = 25_000;
/// How many times more rows the second measurement of memory has.
const MEMORY_FACTOR: u64 = 10;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Lines,
    Memory,
    Http,
    Pages,
    Jobs,
    Events,
    Resolution,
    Pipelines,
}

/// The options that say so.
const WHATS: [(&str, What); 7] = [
    ("--memory", What::Memory),
    ("--http", What::Http),
    ("--pages", What::Pages),
    ("--jobs", What::Jobs),
    ("--events", What::Events),
    ("--resolution", What::Resolution),
    ("--pipelines", What::Pipelines),
];

/// What was asked for.
struct Options {
    rows: u64,
    runs: u32,
    stores: Vec<StoreKind>,
    only: Option<String>,
    what: What,
    convert: Option<PathBuf>,
    dray: Option<PathBuf>,
}

/// Measures, and prints the tables.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["--functions"] {
        return functions();
    }
    let options = Options::parse(arguments)?;
    let chosen: Vec<&Line> = LINES.iter().filter(|line| options.wants(line)).collect();
    if chosen.is_empty() {
        return Err(format!("no line has this name\n\n{USAGE}"));
    }
    let root = root();
    // What is missing is told before anything takes long.
    let measures_stores = options.convert.is_none();
    let shell = (measures_stores && options.measures_lines() && options.has(StoreKind::Sqlite))
        .then(Shell::find)
        .transpose()?;
    let place = Place::new()?;
    let bytes = match options.what {
        What::Memory => MEMORY_FACTOR * MEMORY_DISK_BYTES,
        What::Jobs => JOBS_DISK_BYTES,
        _ => DISK_BYTES,
    };
    place.needs_bytes(options.rows * bytes)?;
    let server = (measures_stores && (options.what == What::Jobs || options.has(StoreKind::Postgres)))
        .then(|| Server::start(&place))
        .transpose()?;
    let dray = match &options.dray {
        Some(program) => program.canonicalize().map_err(|why| format!("{}: {why}", program.display()))?,
        None => build(&["--release"])?,
    };
    let meter = Meter::new(&place, server.as_ref().map(|server| server.postmaster));
    let mut setting = Setting { rows: options.rows, place: &place, meter, dray, server, shell };
    println!("{}", report::machine(&root));
    if let Some(python) = &options.convert {
        return convert::print(&mut setting, python, options.runs);
    }
    match options.what {
        What::Http => http::print(&setting, options.runs),
        What::Pages => pages::print(&setting, options.runs),
        What::Jobs => jobs::print(&setting, &options.stores),
        What::Events => events::print(&setting, &options.stores),
        What::Resolution => resolution::print(&setting, &options.stores),
        What::Pipelines => pipelines::print(&setting, &options.stores),
        What::Memory => print_memory(&options, &mut setting),
        What::Lines => print_speed(&options, &chosen, &setting),
    }
}

/// Functions in their sandbox; no store takes part.
fn functions() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo).args(["run", "--release", "--package", "dray-functions"]).status();
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the measurement of functions failed: {status}")),
        Err(cause) => Err(format!("cargo does not start: {cause}")),
    }
}

/// The table of speeds, a line as soon as it is known; then the table of processor time.
fn print_speed(options: &Options, chosen: &[&Line], setting: &Setting<'_>) -> Result<(), String> {
    eprintln!("making three files of {} rows …", options.rows);
    setting.make_files()?;
    for &store in &options.stores {
        if chosen.iter().any(|line| line.store == store) {
            eprintln!("making the databases the runs on {} begin with …", store.label());
            match store {
                StoreKind::Postgres => postgres_lines::prepare(setting)?,
                StoreKind::Sqlite => sqlite_lines::prepare(setting)?,
            }
        }
    }
    let mut speeds = report::head();
    let mut processor = report::processor_head();
    let mut failures = Vec::new();
    for line in chosen {
        match lines::measure(line, setting, options.runs) {
            Ok(measured) => {
                speeds.push_str(&report::row(line, &measured, options.rows));
                processor.push_str(&report::processor_row(line, &measured, options.rows));
            }
            Err(why) => {
                let failure = format!("{}, {}: {why}", line.name, line.store.label());
                eprintln!("FAILED {failure}");
                failures.push(failure);
            }
        }
    }
    println!("{speeds}\n{processor}");
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// The table of memory.
fn print_memory(options: &Options, setting: &mut Setting<'_>) -> Result<(), String> {
    let (few, many) = (options.rows, options.rows * MEMORY_FACTOR);
    let mut found = Vec::new();
    for rows in [few, many] {
        setting.rows = rows;
        eprintln!("making three files of {rows} rows …");
        setting.make_files()?;
        for &store in &options.stores {
            found.push((store, memory::measure(store, setting)?));
        }
    }
    let large = found.split_off(options.stores.len());
    let pairs = found.into_iter().zip(large).map(|((store, small), (_, large))| (store, small, large));
    println!("{}", report::memory(&pairs.collect::<Vec<_>>(), few, many));
    Ok(())
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let both = vec![StoreKind::Postgres, StoreKind::Sqlite];
        let mut options = Self {
            rows: 1_000_000,
            runs: 3,
            stores: both,
            only: None,
            what: What::Lines,
            convert: None,
            dray: None,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if let Some((_, what)) = WHATS.iter().find(|(option, _)| option == word) {
                options.what = *what;
                if *what == What::Pages {
                    options.stores = vec![StoreKind::Sqlite];
                }
                continue;
            }
            let value =
                words.next().ok_or_else(|| format!("`{word}` is no option with a value\n\n{USAGE}"))?;
            let wrong = || format!("`{value}` is nothing {word} can be\n\n{USAGE}");
            match word.as_str() {
                "--rows" => options.rows = value.parse().ok().filter(|&rows| rows > 0).ok_or_else(wrong)?,
                "--runs" => options.runs = value.parse().ok().filter(|&runs| runs > 0).ok_or_else(wrong)?,
                "--only" => options.only = Some(value.clone()),
                "--convert" => options.convert = Some(PathBuf::from(value)),
                "--dray" => options.dray = Some(PathBuf::from(value)),
                "--store" => match value.as_str() {
                    "both" => {}
                    "postgres" => options.stores = vec![StoreKind::Postgres],
                    "sqlite" => options.stores = vec![StoreKind::Sqlite],
                    _ => return Err(wrong()),
                },
                _ => return Err(format!("`{word}` is no option\n\n{USAGE}")),
            }
        }
        Ok(options)
    }

    fn measures_lines(&self) -> bool {
        matches!(self.what, What::Lines | What::Memory)
    }

    fn has(&self, store: StoreKind) -> bool {
        self.stores.contains(&store)
    }

    fn wants(&self, line: &Line) -> bool {
        self.has(line.store) && self.only.as_deref().is_none_or(|name| name == line.name)
    }
}
