//! Tells what a spreadsheet program did to the values of a source, and chooses the repairs.

use dray_engine::damage::{DamageScan, Finding, Repair};
use dray_model::Result;
use dray_model::flow::RowSource;

use super::print::{note, quoted};

/// Looks at the first rows.
pub(super) fn scan(mut rows: Box<dyn RowSource>, most: u64) -> Result<Vec<Finding>> {
    let mut scan = DamageScan::new(rows.header(), rows.has_header());
    let (mut seen, mut is_whole) = (0, true);
    while let Some(batch) = rows.next_batch()? {
        seen += batch.len() as u64;
        scan.look(&batch);
        if seen >= most {
            is_whole = false;
            break;
        }
    }
    Ok(scan.finish(is_whole.then_some(seen)))
}

/// The repairs that were offered, with the positions of their columns.
pub(super) fn repairs(findings: &[Finding]) -> Vec<(usize, Repair)> {
    findings.iter().filter_map(|finding| Some((finding.source?, finding.repair?))).collect()
}

/// The findings, for people; `repaired` says that what can be put right is.
pub(super) fn tell(findings: &[Finding], repaired: bool) {
    for finding in findings {
        let column =
            finding.column.as_deref().map_or(String::new(), |column| format!(" in {}", quoted(column)));
        let first = finding.examples.first().map_or(String::new(), |example| {
            format!(" (first in row {}: {})", example.row_number, quoted(&example.value))
        });
        note(&format!("  {}{column}: {}{first}", finding.kind.word(), finding.message));
        if let Some(repair) = &finding.repair {
            let how = if repaired { "put right" } else { "--repair would put it right" };
            note(&format!("      {how}: {}", repair.sentence()));
        }
    }
}
