//! Watches an import for the terminal: the bar while it runs, the report when it ends.

use std::collections::BTreeMap;

use dray_engine::map::{Mapping, Reason};
use dray_engine::run::{Observer, Outcome, Progress};
use dray_engine::write::Change;
use dray_model::Result;
use dray_model::flow::{Detected, ImportStatus, RowSource};
use dray_model::object::Object;
use dray_model::problem::{Problem, ProblemCode};
use serde_json::json;

use super::arguments::ImportArguments;
use crate::cli::print::{counted, line, note, quoted, table, thousands};
use crate::cli::progress::Bar;
use crate::cli::reading::detected_words;
use crate::cli::{is_watched, ledger};
use crate::failed_file::FailedFile;
use crate::interrupt;
use crate::source::Source;

/// Changed cells a plan shows in the terminal.
const SHOWN_CHANGES: usize = 20;
/// Changed cells a plan prints as JSON.
const JSON_CHANGES: usize = 10_000;

/// How often a problem occurred, and where first.
struct Group {
    rows: u64,
    first: Problem,
}

/// Watches a run for the terminal.
pub(super) struct Watcher<'a> {
    arguments: &'a ImportArguments,
    object: &'a Object,
    pub(super) bar: Bar,
    /// Rows may have been written.
    pub(super) has_begun: bool,
    failed: Option<FailedFile>,
    groups: BTreeMap<(ProblemCode, Option<String>), Group>,
    changes: Vec<Change>,
    changed_cells: u64,
    mapping: Option<Mapping>,
    detected: Vec<Detected>,
}

impl Observer for Watcher<'_> {
    fn mapped(&mut self, mapping: &Mapping, source: &dyn RowSource) -> Result<()> {
        self.failed = self.arguments.failed.as_ref().map(|path| FailedFile::new(path, source.failed_rows()));
        self.mapping = Some(mapping.clone());
        self.detected = source.detected();
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

    fn wants_hints(&self) -> bool {
        true
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
        self.has_begun = true;
        self.failed.as_mut().map_or(Ok(()), |failed| failed.begin(failed_bytes))
    }

    fn should_stop(&self) -> bool {
        interrupt::asked()
    }
}

impl<'a> Watcher<'a> {
    pub(super) fn new(arguments: &'a ImportArguments, object: &'a Object, bytes: u64) -> Self {
        Self {
            arguments,
            object,
            bar: Bar::new(bytes, is_watched() && !arguments.json),
            has_begun: false,
            failed: None,
            groups: BTreeMap::new(),
            changes: Vec::new(),
            changed_cells: 0,
            mapping: None,
            detected: Vec::new(),
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
    pub(super) fn finish_failed(&mut self) -> Result<bool> {
        self.failed.take().map_or(Ok(false), FailedFile::finish)
    }

    pub(super) fn json(
        &self,
        arguments: &ImportArguments,
        outcome: &Outcome,
        seconds: f64,
    ) -> serde_json::Value {
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
        out.insert("detected".into(), crate::operations::ledger::detected_json(&self.detected));
        serde_json::Value::Object(out)
    }

    pub(super) fn print(
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
        line(&format!("{what}: {} → {}", source.name, object.name()));
        if !self.detected.is_empty() {
            line(&format!("Read as {}", detected_words(&self.detected)));
        }
        line("");
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
                let hint = ignored.looks_like.as_ref().map_or(String::new(), |field| {
                    format!("; it looks like {field}: --map '{}={field}'", ignored.header)
                });
                told.push(format!("{} is left out: {why}{hint}", quoted(&ignored.header)));
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
            let place = match (first.row_number, first.line) {
                (0, 0) => "file".to_owned(),
                (0, line) => format!("line {line}"),
                (row, 0) => format!("row {row}"),
                (row, line) => format!("row {row}, line {line}"),
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
