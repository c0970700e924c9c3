//! The ledger in the terminal: the equation, with a bar for each fate.

use super::print::{coloured, thousands};
pub(super) use crate::operations::ledger::{import_json, json};
use dray_model::ledger::{Fate, Ledger};

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
