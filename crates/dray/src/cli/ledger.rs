//! The ledger in the terminal: the equation, with a bar for each fate.

use dray_model::ledger::{Fate, Ledger};
use serde_json::{Map, Value, json};

use super::print::{coloured, thousands};

/// Width of the longest bar, in characters.
const BAR: u64 = 30;

/// `read = created + …`, one fate a line, fates nobody had left out.
pub(super) fn text(ledger: &Ledger) -> String {
    let width = thousands(ledger.read).len().max(5);
    let mut out = format!("  {:>width$} read\n", thousands(ledger.read));
    let mut sign = '=';
    for fate in Fate::ALL {
        let rows = ledger.count(fate);
        if rows == 0 {
            continue;
        }
        let bar = coloured(colour(fate), &bar(rows, ledger.read));
        out.push_str(&format!("{sign} {:>width$} {:<11} {bar}\n", thousands(rows), fate.word()));
        sign = '+';
    }
    if !ledger.is_balanced() {
        out.push_str("! the fates do not add up to the rows read: please report this\n");
    }
    out
}

/// The ledger as the contract has it: `{"import":…,"read":…,"created":…,…,"balanced":true,"seconds":…}`.
pub(super) fn json(import: Option<i64>, ledger: &Ledger, seconds: f64) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("import".into(), json!(import));
    out.insert("read".into(), json!(ledger.read));
    for fate in Fate::ALL {
        out.insert(fate.word().into(), json!(ledger.count(fate)));
    }
    out.insert("balanced".into(), json!(ledger.is_balanced()));
    out.insert("seconds".into(), json!((seconds * 1000.0).round() / 1000.0));
    out
}

fn bar(rows: u64, of: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (rows * BAR * 8).div_ceil(of.max(1)).max(1);
    let whole = usize::try_from(eighths / 8).unwrap_or_default();
    format!("{}{}", "█".repeat(whole), EIGHTHS[usize::try_from(eighths % 8).unwrap_or_default()])
}

fn colour(fate: Fate) -> &'static str {
    match fate {
        Fate::Created | Fate::Updated => "32",
        Fate::Unchanged | Fate::Duplicate | Fate::Filtered => "2",
        Fate::Rejected => "31",
        Fate::Conflicted | Fate::NotReached => "33",
    }
}
