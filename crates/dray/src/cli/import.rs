//! `dray import`: a file becomes records, or, with `--plan`, a look at what it would do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::ValueEnum;
use dray_engine::check::decide::DateOrder;
use dray_engine::map::{Mapping, MappingRequest, Reason};
use dray_engine::run::{self, Job, Observer, Outcome, Progress};
use dray_engine::write::Change;
use dray_formats::{Format, ReadOptions};
use dray_model::definition::{Merge, Mode, OnDuplicate};
use dray_model::flow::{ImportStatus, RowSource};
use dray_model::ledger::Fate;
use dray_model::object::Object;
use dray_model::problem::{Problem, ProblemCode};
use dray_model::{Error, Result};
use serde_json::json;

use super::print::{counted, line, note, quoted, table, thousands};
use super::progress::Bar;
use super::{StoreArguments, is_watched, ledger, object_named};
use crate::failed_file::FailedFile;
use crate::interrupt;
use crate::source::Source;

/// Changed cells a plan shows in the terminal.
const SHOWN_CHANGES: usize = 20;
/// Changed cells a plan prints as JSON.
const JSON_CHANGES: usize = 10_000;

/// Import a file into an object.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dray import contacts.csv --to contacts --plan
  dray import leads.csv --to contacts --map 'Mail=email' --set status=lead
  dray import contacts.csv --to contacts --on-duplicate update --match email --failed failed.csv
  cat events.jsonl | dray import - --to events --json

Exit code: 0 no row was rejected, 2 some were, 1 nothing was imported.")]
pub(super) struct ImportArguments {
    /// The file to read, or - for standard input
    source: String,
    /// The object to import into
    #[arg(long = "to", value_name = "OBJECT")]
    object: String,
    /// Which column fills which field; an empty field leaves the column out
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = pair)]
    map: Vec<(String, String)>,
    /// A value for every row
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// What happens to a row that is an existing record
    #[arg(long, value_name = "STRATEGY")]
    on_duplicate: Option<OnDuplicateWord>,
    /// Fields that tell whether a row is an existing record, the strongest first
    #[arg(long = "match", value_name = "FIELD,…", value_delimiter = ',')]
    match_by: Vec<String>,
    /// Which cells an update writes
    #[arg(long, value_name = "MODE")]
    merge: Option<MergeWord>,
    /// All rows or none
    #[arg(long, conflicts_with = "partial")]
    atomic: bool,
    /// Every good row (bad rows are rejected)
    #[arg(long)]
    partial: bool,
    /// Make the target of a reference that names nobody
    #[arg(long)]
    create_references: bool,
    /// Go on where an interrupted run of the same import stopped
    #[arg(long, conflicts_with = "plan")]
    resume: bool,
    /// Only show what would happen
    #[arg(long)]
    plan: bool,
    /// Write rejected rows here, as they were read, with the reasons
    #[arg(long, value_name = "FILE")]
    failed: Option<PathBuf>,
    /// The order of day and month in dates such as 03/04/2025
    #[arg(long, value_name = "ORDER")]
    dates: Option<DatesWord>,
    /// The character between cells (tab for a tabulator)
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The format of the source: csv, json or jsonl; found out where it is left out
    #[arg(long = "from", value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// Print the ledger as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnDuplicateWord {
    Skip,
    Update,
    Create,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum MergeWord {
    FillEmpty,
    Overwrite,
    PreferImport,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DatesWord {
    DayFirst,
    MonthFirst,
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (left, right) = text.rsplit_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((left.to_owned(), right.to_owned()))
}

fn delimiter(text: &str) -> std::result::Result<u8, String> {
    match text.as_bytes() {
        _ if text == "tab" || text == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("write one character, or tab".to_owned()),
    }
}

pub(super) fn format(text: &str) -> std::result::Result<Format, String> {
    Format::from_name(text).ok_or_else(|| "the formats are csv, json and jsonl".to_owned())
}

/// Runs the command.
pub(super) fn run(arguments: &ImportArguments) -> Result<u8> {
    let begun = Instant::now();
    let options =
        ReadOptions { format: arguments.format, delimiter: arguments.delimiter, ..ReadOptions::default() };
    let source = Source::new(&arguments.source, options)?;
    // A file that cannot be read is told before the store is touched.
    source.open(0)?;
    refuse_overwriting(arguments, &source)?;
    let mut store = arguments.store.connect()?;
    let object = Arc::new(with_policy(object_named(store.as_mut(), &arguments.object)?, arguments)?);
    let mut names: BTreeMap<String, Object> = BTreeMap::new();
    for target in object.fields.iter().filter_map(|field| field.definition.target.as_deref()) {
        names.insert(target.to_owned(), object_named(store.as_mut(), target)?);
    }
    let known = move |name: &str| {
        names.get(name).cloned().ok_or_else(|| Error::request(format!("there is no object `{name}`")))
    };
    let fingerprint = source.fingerprint(&settings(arguments, &object))?;
    let open = |skip_rows| source.open(skip_rows);
    let job = Job {
        object: Arc::clone(&object),
        open: &open,
        source_name: source.name.clone(),
        source_bytes: Some(source.bytes),
        fingerprint,
        mapping: MappingRequest { columns: arguments.map.clone(), statics: arguments.set.clone() },
        date_order: arguments.dates.map(|word| match word {
            DatesWord::DayFirst => DateOrder::DayFirst,
            DatesWord::MonthFirst => DateOrder::MonthFirst,
        }),
        object_named: &known,
        clock: &crate::clock::now,
    };
    let mut watcher = Watcher::new(arguments, &object, source.bytes);
    let outcome = if arguments.plan {
        run::plan(store.as_mut(), &job, &mut watcher)
    } else {
        run::import(store.as_mut(), &job, arguments.resume, &mut watcher)
    };
    watcher.bar.clear();
    let outcome = outcome?;
    let failed = watcher.finish_failed()?;
    let seconds = begun.elapsed().as_secs_f64();
    if arguments.json {
        line(&watcher.json(arguments, &outcome, seconds).to_string());
    } else {
        watcher.print(arguments, &object, &source, &outcome, failed, seconds);
    }
    Ok(exit_code(arguments, &outcome))
}

fn exit_code(arguments: &ImportArguments, outcome: &Outcome) -> u8 {
    let ledger = &outcome.import.ledger;
    let accepted: u64 = [Fate::Created, Fate::Updated, Fate::Unchanged, Fate::Duplicate, Fate::Filtered]
        .iter()
        .map(|fate| ledger.count(*fate))
        .sum();
    match outcome.import.status {
        ImportStatus::Interrupted => interrupt::EXIT_CODE,
        ImportStatus::Failed if interrupt::asked() => interrupt::EXIT_CODE,
        ImportStatus::Failed => 1,
        _ if ledger.count(Fate::Rejected) == 0 => 0,
        _ if accepted == 0 && !arguments.plan => 1,
        _ => 2,
    }
}

/// The object with the policy the command line asks for.
fn with_policy(mut object: Object, arguments: &ImportArguments) -> Result<Object> {
    if !arguments.match_by.is_empty() {
        object.policy.match_by =
            arguments.match_by.iter().map(|name| object.match_rule(name)).collect::<Result<_>>()?;
        // A field that is matched by is looked up for every row: it gets an index.
        for column in object.policy.match_by.iter().flat_map(|rule| rule.columns.clone()).collect::<Vec<_>>()
        {
            object.columns[column].indexed |= !object.columns[column].unique;
        }
    }
    if let Some(word) = arguments.on_duplicate {
        object.policy.on_duplicate = match word {
            OnDuplicateWord::Skip => OnDuplicate::Skip,
            OnDuplicateWord::Update => OnDuplicate::Update,
            OnDuplicateWord::Create => OnDuplicate::Create,
        };
    }
    if let Some(word) = arguments.merge {
        object.policy.merge = match word {
            MergeWord::FillEmpty => Merge::FillEmpty,
            MergeWord::Overwrite => Merge::Overwrite,
            MergeWord::PreferImport => Merge::PreferImport,
        };
    }
    if arguments.atomic {
        object.policy.mode = Mode::Atomic;
    }
    if arguments.partial {
        if object.policy.mode == Mode::Atomic {
            return Err(Error::request(format!("imports into `{}` are all or nothing", object.name()))
                .hint("leave --partial out; repair the rejected rows and import again"));
        }
        object.policy.mode = Mode::Partial;
    }
    object.policy.create_references = arguments.create_references;
    Ok(object)
}

/// Everything beside the bytes that decides what an import does.
fn settings(arguments: &ImportArguments, object: &Object) -> String {
    format!(
        "{}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}",
        object.name(),
        object.policy,
        arguments.map,
        arguments.set,
        arguments.dates.map(|word| word as u8),
        arguments.delimiter,
        arguments.format
    )
}

fn refuse_overwriting(arguments: &ImportArguments, source: &Source) -> Result<()> {
    let Some(failed) = &arguments.failed else { return Ok(()) };
    let same = match (failed.canonicalize(), source.path().canonicalize()) {
        (Ok(failed), Ok(source)) => failed == source,
        _ => false,
    };
    if same {
        return Err(Error::request(format!("`{}` is the source itself", failed.display()))
            .hint("name another file with --failed: the source is never changed"));
    }
    Ok(())
}

/// How often a problem occurred, and where first.
struct Group {
    rows: u64,
    first: Problem,
}

/// Watches a run for the terminal.
struct Watcher<'a> {
    arguments: &'a ImportArguments,
    object: &'a Object,
    bar: Bar,
    failed: Option<FailedFile>,
    groups: BTreeMap<(ProblemCode, Option<String>), Group>,
    changes: Vec<Change>,
    changed_cells: u64,
    mapping: Option<Mapping>,
}

impl Observer for Watcher<'_> {
    fn mapped(&mut self, mapping: &Mapping, source: &dyn RowSource) -> Result<()> {
        self.failed = self.arguments.failed.as_ref().map(|path| FailedFile::new(path, source.failed_rows()));
        self.mapping = Some(mapping.clone());
        Ok(())
    }

    fn progress(&mut self, progress: Progress) {
        self.bar.show(progress);
    }

    fn rejected(&mut self, row_number: u64, raw: &[u8], problems: &[&Problem]) -> Result<()> {
        for problem in problems {
            self.count(problem);
        }
        match &mut self.failed {
            Some(failed) => failed.add(row_number, raw, problems),
            None => Ok(()),
        }
    }

    fn warned(&mut self, problem: &Problem) {
        self.count(problem);
    }

    fn wants_changes(&self) -> bool {
        self.arguments.plan
    }

    fn change(&mut self, change: &Change) {
        self.changed_cells += 1;
        let most = if self.arguments.json { JSON_CHANGES } else { SHOWN_CHANGES };
        if self.changes.len() < most {
            self.changes.push(change.clone());
        }
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.failed.as_mut().map_or(Ok(0), FailedFile::checkpoint)
    }

    fn resumed(&mut self, failed_bytes: u64) -> Result<()> {
        self.failed.as_mut().map_or(Ok(()), |failed| failed.begin(failed_bytes))
    }

    fn should_stop(&self) -> bool {
        interrupt::asked()
    }
}

impl<'a> Watcher<'a> {
    fn new(arguments: &'a ImportArguments, object: &'a Object, bytes: u64) -> Self {
        Self {
            arguments,
            object,
            bar: Bar::new(bytes, is_watched() && !arguments.json),
            failed: None,
            groups: BTreeMap::new(),
            changes: Vec::new(),
            changed_cells: 0,
            mapping: None,
        }
    }

    fn count(&mut self, problem: &Problem) {
        let place = problem.column.clone().or_else(|| problem.field.clone());
        self.groups
            .entry((problem.code, place))
            .and_modify(|group| group.rows += 1)
            .or_insert_with(|| Group { rows: 1, first: problem.clone() });
    }

    /// True where a failed-rows file was written.
    fn finish_failed(&mut self) -> Result<bool> {
        self.failed.take().map_or(Ok(false), FailedFile::finish)
    }

    fn json(&self, arguments: &ImportArguments, outcome: &Outcome, seconds: f64) -> serde_json::Value {
        let import = Some(outcome.import.id).filter(|&id| id > 0);
        let mut out = ledger::json(import, &outcome.import.ledger, seconds);
        if arguments.plan {
            out.insert("plan".into(), json!(true));
            out.insert("changed_cells".into(), json!(self.changed_cells));
            let changes = self.changes.iter().map(|change| {
                json!({ "row": change.row_number, "record": change.record_id, "field": change.column, "old": change.old, "new": change.new })
            });
            out.insert("changes".into(), changes.collect());
        }
        let problems = self.groups.iter().map(|((code, place), group)| {
            json!({
                "code": code.word(), "column": place, "rows": group.rows,
                "first": { "row": group.first.row_number, "line": group.first.line, "value": group.first.value, "message": group.first.message },
            })
        });
        out.insert("problems".into(), problems.collect());
        serde_json::Value::Object(out)
    }

    fn print(
        &self,
        arguments: &ImportArguments,
        object: &Object,
        source: &Source,
        outcome: &Outcome,
        failed: bool,
        seconds: f64,
    ) {
        let import = &outcome.import;
        let what = if arguments.plan { "Plan".to_owned() } else { format!("Import {}", import.id) };
        line(&format!("{what}: {} → {}\n", source.name, object.name()));
        if outcome.was_complete {
            line("This import is complete already; nothing was done again.\n");
        }
        line(&ledger::text(&import.ledger));
        self.print_mapping();
        self.print_problems();
        self.print_changes();
        if let (true, Some(path)) = (failed, &arguments.failed) {
            line(&format!(
                "Rejected rows are in {}: repair them there and import that file.\n",
                path.display()
            ));
        }
        let rate = thousands((import.ledger.read as f64 / seconds.max(0.001)) as u64);
        let took = format!("{seconds:.2} s, {rate} rows/s");
        line(&match import.status {
            _ if arguments.plan => {
                format!("Nothing was written ({took}). Import it with the same command without --plan.")
            }
            ImportStatus::Completed if outcome.was_complete => "Done before.".to_owned(),
            ImportStatus::Completed => format!("Done in {took}. Take it back with: dray undo {}", import.id),
            ImportStatus::Interrupted => {
                format!(
                    "Stopped after {took}. What is counted above is kept; go on with the same command and --resume."
                )
            }
            _ => {
                format!("Nothing was imported: {}.", import.message.as_deref().unwrap_or("the import failed"))
            }
        });
    }

    fn print_mapping(&self) {
        let Some(mapping) = &self.mapping else { return };
        let mut told = Vec::new();
        for mapped in &mapping.columns {
            if mapped.reason == Reason::Similar {
                told.push(format!(
                    "{} is taken for {}",
                    quoted(&mapped.header),
                    self.object.columns[mapped.column].name
                ));
            }
        }
        for ignored in &mapping.ignored {
            if let Some(why) = &ignored.why {
                told.push(format!("{} is left out: {why}", quoted(&ignored.header)));
            }
        }
        if !told.is_empty() {
            line(&format!("Columns\n  {}\n", told.join("\n  ")));
        }
    }

    fn print_problems(&self) {
        if self.groups.is_empty() {
            return;
        }
        let mut groups: Vec<_> = self.groups.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
        line("Problems");
        for group in groups {
            let first = &group.first;
            let column = first
                .column
                .as_deref()
                .or(first.field.as_deref())
                .map_or(String::new(), |column| format!(" in {}", quoted(column)));
            line(&format!("  {} {}{column}", thousands(group.rows), first.code.word()));
            let place = if first.line > 0 {
                format!("row {}, line {}", first.row_number, first.line)
            } else {
                format!("row {}", first.row_number)
            };
            let value = first.value.as_deref().map_or(String::new(), |value| format!(" {} —", quoted(value)));
            line(&format!("      {place}:{value} {}", first.message));
        }
        line("");
    }

    fn print_changes(&self) {
        if self.changes.is_empty() {
            return;
        }
        line("Changes");
        let cell = |value: &Option<String>| value.as_deref().map_or_else(|| "(empty)".to_owned(), quoted);
        let rows: Vec<Vec<String>> = self
            .changes
            .iter()
            .map(|change| {
                let record = if change.record_id > 0 {
                    format!("record {}", change.record_id)
                } else {
                    "new record".to_owned()
                };
                vec![
                    format!("row {}", change.row_number),
                    record,
                    change.column.clone(),
                    format!("{} → {}", cell(&change.old), cell(&change.new)),
                ]
            })
            .collect();
        line(table(&rows).trim_end());
        if self.changed_cells > self.changes.len() as u64 {
            let rest = self.changed_cells - self.changes.len() as u64;
            line(&format!("  … and {} more; --json lists them", counted(rest, "cell", "cells")));
        }
        line("");
        if self.changed_cells == 0 {
            note("no cell changes");
        }
    }
}
