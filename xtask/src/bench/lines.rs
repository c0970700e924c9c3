//! The lines of the table: the work, what it is compared with, and what the design allows.

use super::setting::{Run, Setting};
use super::{postgres_lines, sqlite_lines};

/// Does the work once.
pub(super) type Side = fn(&Setting<'_>) -> Result<Run, String>;

/// A store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreKind {
    /// A server.
    Postgres,
    /// A file.
    Sqlite,
}

impl StoreKind {
    /// The name people know it by.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

/// Work that is done in turn by other means and by Dray.
pub(super) struct Line {
    /// The word for `--only`.
    pub(super) name: &'static str,
    /// What is done; `N` stands for the number of rows.
    pub(super) work: &'static str,
    /// What Dray is compared with.
    pub(super) compared_with: &'static str,
    /// Where it is done.
    pub(super) store: StoreKind,
    /// The ratio the design allows.
    pub(super) at_most: f64,
    /// The ratio it aims at.
    pub(super) aim: f64,
    /// What must be there before the first run, not measured.
    pub(super) prepare: fn(&Setting<'_>) -> Result<(), String>,
    /// By other means.
    pub(super) baseline: Side,
    /// By Dray.
    pub(super) dray: Side,
}

fn nothing(_: &Setting<'_>) -> Result<(), String> {
    Ok(())
}

/// All lines, in the order of the design.
pub(super) const LINES: [Line; 15] = [
    Line {
        name: "import",
        work: "import N new, empty table",
        compared_with: "`psql \\copy` of the same final rows, same table, same indexes",
        store: StoreKind::Postgres,
        at_most: 0.8,
        aim: 0.55,
        prepare: nothing,
        baseline: postgres_lines::copy_into_empty,
        dray: postgres_lines::import_into_empty,
    },
    Line {
        name: "import-beside",
        work: "import N new into N existing",
        compared_with: "the same",
        store: StoreKind::Postgres,
        at_most: 1.2,
        aim: 1.0,
        prepare: postgres_lines::make_more_rows,
        baseline: postgres_lines::copy_into_existing,
        dray: postgres_lines::import_into_existing,
    },
    Line {
        name: "import",
        work: "import N new, empty table",
        compared_with: "`sqlite3 .import` of the same final rows, same table, same indexes",
        store: StoreKind::Sqlite,
        at_most: 0.6,
        aim: 0.35,
        prepare: nothing,
        baseline: sqlite_lines::shell_import_into_empty,
        dray: sqlite_lines::import_into_empty,
    },
    Line {
        name: "again",
        work: "import again, all duplicates",
        compared_with: "COPY to a temporary table + anti-join on the e-mail",
        store: StoreKind::Postgres,
        at_most: 1.5,
        aim: 1.0,
        prepare: nothing,
        baseline: postgres_lines::anti_join,
        dray: postgres_lines::import_again,
    },
    Line {
        name: "again",
        work: "import again, all duplicates",
        compared_with: "`.import` to a temporary table + anti-join on the e-mail",
        store: StoreKind::Sqlite,
        at_most: 1.5,
        aim: 1.0,
        prepare: nothing,
        baseline: sqlite_lines::anti_join,
        dray: sqlite_lines::import_again,
    },
    Line {
        name: "update",
        work: "import again as update, every row changed, journal kept",
        compared_with: "COPY to a temporary table + `INSERT … ON CONFLICT DO UPDATE`",
        store: StoreKind::Postgres,
        at_most: 1.2,
        aim: 0.9,
        prepare: nothing,
        baseline: postgres_lines::upsert,
        dray: postgres_lines::update,
    },
    Line {
        name: "update",
        work: "import again as update, every row changed, journal kept",
        compared_with: "`.import` to a temporary table + `INSERT … ON CONFLICT DO UPDATE`",
        store: StoreKind::Sqlite,
        at_most: 1.2,
        aim: 0.9,
        prepare: nothing,
        baseline: sqlite_lines::upsert,
        dray: sqlite_lines::update,
    },
    Line {
        name: "plan",
        work: "plan of N new (no write)",
        compared_with: "the import itself",
        store: StoreKind::Postgres,
        at_most: 0.6,
        aim: 0.4,
        prepare: nothing,
        baseline: postgres_lines::import_unchecked,
        dray: postgres_lines::plan,
    },
    Line {
        name: "plan",
        work: "plan of N new (no write)",
        compared_with: "the import itself",
        store: StoreKind::Sqlite,
        at_most: 0.6,
        aim: 0.4,
        prepare: nothing,
        baseline: sqlite_lines::import_unchecked,
        dray: sqlite_lines::plan,
    },
    Line {
        name: "undo",
        work: "undo of N created, nothing else in the table",
        compared_with: "`DELETE` of the same rows",
        store: StoreKind::Postgres,
        at_most: 1.2,
        aim: 1.0,
        prepare: nothing,
        baseline: postgres_lines::delete_all,
        dray: postgres_lines::undo_all,
    },
    Line {
        name: "undo",
        work: "undo of N created, nothing else in the table",
        compared_with: "`DELETE` of the same rows",
        store: StoreKind::Sqlite,
        at_most: 1.2,
        aim: 1.0,
        prepare: nothing,
        baseline: sqlite_lines::delete_all,
        dray: sqlite_lines::undo_all,
    },
    Line {
        name: "undo-beside",
        work: "undo of N created beside N others",
        compared_with: "`DELETE` of the same rows",
        store: StoreKind::Postgres,
        at_most: 1.2,
        aim: 1.0,
        prepare: postgres_lines::make_doubled,
        baseline: postgres_lines::delete_half,
        dray: postgres_lines::undo_half,
    },
    Line {
        name: "undo-beside",
        work: "undo of N created beside N others",
        compared_with: "`DELETE` of the same rows",
        store: StoreKind::Sqlite,
        at_most: 1.2,
        aim: 1.0,
        prepare: sqlite_lines::make_doubled,
        baseline: sqlite_lines::delete_half,
        dray: sqlite_lines::undo_half,
    },
    Line {
        name: "export",
        work: "export N as CSV",
        compared_with: "`\\copy (select the same columns) to`",
        store: StoreKind::Postgres,
        at_most: 1.1,
        aim: 0.9,
        prepare: postgres_lines::find_export_columns,
        baseline: postgres_lines::copy_out,
        dray: postgres_lines::export,
    },
    Line {
        name: "export",
        work: "export N as CSV",
        compared_with: "`sqlite3 -csv -header`",
        store: StoreKind::Sqlite,
        at_most: 0.8,
        aim: 0.6,
        prepare: sqlite_lines::find_export_columns,
        baseline: sqlite_lines::shell_export,
        dray: sqlite_lines::export,
    },
];

/// Both sides of a line, run in turn: baseline, Dray, baseline, Dray …
pub(super) struct Measured {
    /// The runs of the baseline.
    pub(super) baseline: Vec<Run>,
    /// The runs of Dray.
    pub(super) dray: Vec<Run>,
}

/// Runs a line; a result that differs between the two sides is an error.
pub(super) fn measure(line: &Line, setting: &Setting<'_>, runs: u32) -> Result<Measured, String> {
    (line.prepare)(setting)?;
    let mut measured = Measured { baseline: Vec::new(), dray: Vec::new() };
    for _ in 0..runs {
        let baseline = (line.baseline)(setting)?;
        let dray = (line.dray)(setting)?;
        eprintln!(
            "{:14} {:10} baseline {:7.2} s   dray {:7.2} s   ratio {:.2}",
            line.name,
            line.store.label(),
            baseline.cost.wall,
            dray.cost.wall,
            dray.cost.wall / baseline.cost.wall
        );
        if baseline.result != dray.result {
            return Err(format!("the results differ: baseline {}, Dray {}", baseline.result, dray.result));
        }
        measured.baseline.push(baseline);
        measured.dray.push(dray);
    }
    Ok(measured)
}
