//! `dray import`: a file becomes records, or, with `--plan`, a look at what it would do.

mod arguments;
mod watcher;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use dray_engine::check::style::DateOrder;
use dray_engine::map::MappingRequest;
use dray_engine::run::{self, Job, Outcome};
use dray_model::definition::{Merge, Mode, OnDuplicate};
use dray_model::flow::ImportStatus;
use dray_model::ledger::Fate;
use dray_model::object::{Object, Policy};
use dray_model::{Error, ErrorKind, Result};

use super::print::line;
use super::{damage, object_named};
use crate::interrupt;
use crate::source::Source;
pub(super) use arguments::ImportArguments;
use arguments::{DatesWord, MergeWord, OnDuplicateWord};
use watcher::Watcher;

/// Damage is looked for in so many rows; an import of more does not wait for it.
const DAMAGE_ROWS: u64 = 100_000;

/// Runs the command.
pub(in crate::cli) fn run(arguments: &ImportArguments) -> Result<u8> {
    let begun = Instant::now();
    let mut source = Source::new(&arguments.source, arguments.reading.options())?;
    // A file that cannot be read is told before the store is touched, and so is what is wrong with all of it.
    let findings = damage::scan(source.open(0)?, DAMAGE_ROWS)?;
    if arguments.repair {
        source.repair(damage::repairs(&findings));
    }
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
    let outcome = outcome
        .map_err(|error| if watcher.has_begun { can_go_on(error, arguments, &object) } else { error })?;
    let failed = watcher.finish_failed()?;
    let seconds = begun.elapsed().as_secs_f64();
    damage::tell(&findings, arguments.repair);
    if arguments.json {
        line(&watcher.json(arguments, &outcome, seconds).to_string());
    } else {
        watcher.print(arguments, &object, &source, &outcome, failed, seconds);
    }
    Ok(exit_code(arguments, &outcome))
}

/// An import that broke off in the middle has kept its whole chunks; the person should know.
fn can_go_on(mut error: Error, arguments: &ImportArguments, object: &Object) -> Error {
    let broke_off = matches!(error.kind, ErrorKind::Store | ErrorKind::File | ErrorKind::Source);
    if broke_off && !arguments.plan && object.policy.mode == Mode::Partial {
        let hint = error.hint.take().map_or(String::new(), |hint| format!("{hint}; "));
        error.hint = Some(format!(
            "{hint}what was written before is whole and kept: go on with the same command and --resume"
        ));
    }
    error
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
    object.policy.max_rejected = arguments.max_rejected.or(object.policy.max_rejected);
    Ok(object)
}

/// Everything beside the bytes that decides what an import does.
fn settings(arguments: &ImportArguments, object: &Object) -> String {
    // Someone who goes on with a file may allow more bad rows than before.
    let policy = Policy { max_rejected: None, ..object.policy.clone() };
    format!(
        "{}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}",
        object.name(),
        policy,
        arguments.map,
        arguments.set,
        arguments.dates.map(|word| word as u8),
        arguments.reading,
        arguments.repair
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
