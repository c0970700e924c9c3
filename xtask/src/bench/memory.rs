//! The most memory Dray holds, for a file and for one ten times as long, side by side.

use std::path::Path;

use super::lines::StoreKind;
use super::setting::Setting;
use super::sqlite;

/// The most memory of one kind of work.
pub(super) struct Peak {
    /// What was done.
    pub(super) work: &'static str,
    /// The most memory, in bytes.
    pub(super) bytes: u64,
    /// Seconds on the clock.
    pub(super) seconds: f64,
}

/// Does every kind of work once, one after the other, on a store that begins empty.
pub(super) fn measure(kind: StoreKind, setting: &Setting<'_>) -> Result<Vec<Peak>, String> {
    let directory = setting.place.file("sqlite");
    let store = match kind {
        StoreKind::Sqlite => {
            sqlite::fresh(&directory, None)?;
            format!("sqlite:{}", directory.display())
        }
        StoreKind::Postgres => {
            let server = setting.server()?;
            server.fresh("memory", "template0")?;
            server.address("memory")
        }
    };
    let export = setting.place.file("export.csv");
    let (contacts, changed, more) = (setting.contacts(), setting.changed(), setting.more());
    let update = ["--on-duplicate", "update", "--merge", "overwrite"];
    let mut peaks = Vec::new();
    let mut note = |work: &'static str, cost: super::measure::Cost| {
        let peak = Peak { work, bytes: cost.peak_bytes, seconds: cost.wall };
        eprintln!(
            "{:10} {:>10} rows {work:40} {:6.0} MB {:8.1} s",
            kind.label(),
            setting.rows,
            megabytes(peak.bytes),
            peak.seconds
        );
        peaks.push(peak);
    };
    note("plan of N new", setting.import(&contacts, &["--plan"], "created", &store)?);
    note("import N new, empty table", setting.import(&contacts, &[], "created", &store)?);
    let options = ["--on-duplicate", "skip"];
    note("import again, all duplicates", setting.import(&contacts, &options, "duplicate", &store)?);
    note("export N as CSV", setting.export_to(&export, &store)?);
    remove(&export)?;
    note("import again as update, every row changed", setting.import(&changed, &update, "updated", &store)?);
    note("undo of N updated", setting.undo(3, "restored", &store)?);
    note("import N new into N existing", setting.import(&more, &[], "created", &store)?);
    note("undo of N created beside N others", setting.undo(5, "deleted", &store)?);
    note("undo of N created, nothing else in the table", setting.undo(1, "deleted", &store)?);
    match kind {
        StoreKind::Sqlite => std::fs::remove_dir_all(&directory).map_err(|why| why.to_string())?,
        StoreKind::Postgres => {
            setting.server()?.sql("postgres", "DROP DATABASE memory WITH (FORCE)")?;
        }
    }
    Ok(peaks)
}

/// Bytes as millions of bytes.
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn remove(path: &Path) -> Result<(), String> {
    std::fs::remove_file(path).map_err(|why| format!("{}: {why}", path.display()))
}
