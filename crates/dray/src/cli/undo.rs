//! `dray undo`: an import is taken back.

use std::time::Instant;

use dray_model::Result;
use serde_json::json;

use super::print::{counted, line};
use super::{StoreArguments, ledger, object_named};

/// Take an import back.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  dray undo 3\n\nRecords that someone changed after the import are kept and listed."
)]
pub(super) struct UndoArguments {
    /// The number of the import
    import: i64,
    /// Print the ledger as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    store: StoreArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &UndoArguments) -> Result<u8> {
    let begun = Instant::now();
    let mut store = arguments.store.connect()?;
    // The engine asks for objects while it uses the store; another session answers.
    let mut names = arguments.store.connect()?;
    let names = std::cell::RefCell::new(&mut names);
    let known = |name: &str| object_named(names.borrow_mut().as_mut(), name);
    let undone = dray_engine::undo::undo(store.as_mut(), arguments.import, &known, &crate::clock::now)?;
    let seconds = begun.elapsed().as_secs_f64();
    let kept = undone.undo.ledger.count(dray_model::ledger::Fate::Conflicted);
    if arguments.json {
        let mut out = ledger::json(Some(undone.undo.id), &undone.undo.ledger, seconds);
        out.insert("undone".into(), json!(arguments.import));
        out.insert("deleted".into(), json!(undone.deleted));
        out.insert("restored".into(), json!(undone.restored));
        let listed = undone.kept.iter().map(|(object, id)| json!({ "object": object, "record": id }));
        out.insert("kept".into(), listed.collect());
        line(&serde_json::Value::Object(out).to_string());
        return Ok(0);
    }
    line(&format!("Import {} is undone:", arguments.import));
    line(&format!("  {} deleted that it had created", counted(undone.deleted, "record", "records")));
    line(&format!("  {} put back that it had made", counted(undone.restored, "change", "changes")));
    if kept > 0 {
        line(&format!("  {} kept because someone changed them since:", counted(kept, "record", "records")));
        for (object, id) in undone.kept.iter().take(20) {
            line(&format!("    {object} {id}"));
        }
    }
    line(&format!("Done in {seconds:.2} s."));
    Ok(0)
}
