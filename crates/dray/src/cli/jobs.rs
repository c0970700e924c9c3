//! `dray jobs`: what was imported and undone, the newest first.

use dray_model::Result;
use dray_model::ledger::Fate;
use dray_model::value::append_datetime;

use super::print::{line, table, thousands};
use super::{StoreArguments, ledger};

/// List imports and undos.
#[derive(Debug, clap::Args)]
pub(super) struct JobsArguments {
    /// The most to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u64,
    /// Print them as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    store: StoreArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &JobsArguments) -> Result<u8> {
    let mut store = arguments.store.connect()?;
    let imports = store.list_imports(None, arguments.limit)?;
    if arguments.json {
        let listed: serde_json::Value = imports.iter().map(ledger::import_json).collect();
        line(&listed.to_string());
        return Ok(0);
    }
    if imports.is_empty() {
        line("Nothing was imported yet. Begin with: dray import FILE --to OBJECT");
        return Ok(0);
    }
    let head = ["JOB", "STATUS", "OBJECT", "ROWS", "STARTED", "SOURCE", "FATES"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for import in &imports {
        let fates: Vec<String> = Fate::ALL
            .iter()
            .filter(|fate| import.ledger.count(**fate) > 0)
            .map(|fate| format!("{} {}", thousands(import.ledger.count(*fate)), fate.word()))
            .collect();
        rows.push(vec![
            import.id.to_string(),
            import.status.word().to_owned(),
            import.object.clone(),
            thousands(import.ledger.read),
            time(import.started_at)
                .replace('T', " ")
                .split('.')
                .next()
                .unwrap_or_default()
                .trim_end_matches('Z')
                .to_owned(),
            import.source.clone(),
            fates.join(", "),
        ]);
    }
    line(table(&rows).trim_end());
    Ok(0)
}

fn time(micros: i64) -> String {
    let mut out = String::new();
    append_datetime(micros, &mut out);
    out
}
