//! The work on SQLite. Every run begins with a fresh copy of a database made by Dray:
//! `loaded.db` holds N contacts, `bare.db` an empty table like it, `doubled.db` N others beside the first.

use std::path::PathBuf;

use super::csv;
use super::data;
use super::setting::{Run, Setting};
use super::sqlite::fresh;

/// The directory the runs work in.
fn work(setting: &Setting<'_>) -> PathBuf {
    setting.place.file("sqlite")
}

/// The database the runs work in.
fn database(setting: &Setting<'_>) -> PathBuf {
    work(setting).join("bench.db")
}

/// The store as Dray names it.
fn store(setting: &Setting<'_>) -> String {
    format!("sqlite:{}", work(setting).display())
}

/// The columns of the file as columns of a temporary table.
fn staging() -> String {
    format!("CREATE TEMPORARY TABLE staging ({})", data::COLUMNS.join(" TEXT, "))
}

/// The shell's command that reads a CSV file into a table.
fn read_into(table: &str, file: &std::path::Path, skipped: u32) -> String {
    format!(".import --csv --skip {skipped} \"{}\" {table}", file.display())
}

/// Sums over all rows, whatever their order. The shell stores an empty cell as an empty text.
fn summary(setting: &Setting<'_>) -> Result<String, String> {
    setting.shell()?.sql(
        &database(setting),
        &["SELECT count(*), sum(id * length(email)), sum(length(email) * unicode(email)), \
            sum(unicode(substr(email, 7)) * id), sum(substr(phone_work, 2) + 0), sum(length(display_name) * id), \
            sum(length(coalesce(notes, '')) * id), sum(version), sum(strftime('%s', created_at)) FROM contacts"],
    )
}

/// Makes the databases the runs begin with.
pub(super) fn prepare(setting: &Setting<'_>) -> Result<(), String> {
    let shell = setting.shell()?;
    fresh(&work(setting), None)?;
    setting.import(&setting.contacts(), &[], "created", &store(setting))?;
    keep(setting, "loaded.db")?;
    let loaded = setting.place.file("loaded.db");
    let rows = setting.place.file("sqlite-rows.csv").display().to_string();
    shell.sql(&loaded, &[".mode csv", &format!(".once \"{rows}\""), "SELECT * FROM contacts ORDER BY id"])?;
    // The shell cannot import nulls: cells that are null in Dray's table are empty texts in this one,
    // and the indexes leave those out as Dray's leave out nulls. Otherwise the tables are the same.
    let schema = shell.sql(&loaded, &[".schema contacts"])?.replace(" IS NOT NULL;", " <> '';");
    shell.sql(&setting.place.file("bare.db"), &["PRAGMA journal_mode = WAL", &schema]).map(drop)
}

/// Keeps the database as the beginning of other runs.
fn keep(setting: &Setting<'_>, name: &str) -> Result<(), String> {
    setting.shell()?.sql(&database(setting), &["PRAGMA wal_checkpoint(TRUNCATE)"])?;
    std::fs::rename(database(setting), setting.place.file(name)).map_err(|why| format!("{name}: {why}"))
}

/// Makes the database with N contacts beside N others.
pub(super) fn make_doubled(setting: &Setting<'_>) -> Result<(), String> {
    begin(setting, "loaded.db")?;
    setting.import(&setting.more(), &[], "created", &store(setting))?;
    keep(setting, "doubled.db")
}

fn begin(setting: &Setting<'_>, template: &str) -> Result<(), String> {
    fresh(&work(setting), Some(&setting.place.file(template)))
}

/// `.import` of the final rows into the empty table.
pub(super) fn shell_import_into_empty(setting: &Setting<'_>) -> Result<Run, String> {
    begin(setting, "bare.db")?;
    let import = read_into("contacts", &setting.place.file("sqlite-rows.csv"), 0);
    let (cost, _) = setting.measure(&setting.shell()?.call(&database(setting), &[&import]))?;
    Ok(Run { cost, result: summary(setting)? })
}

/// Dray's import into a database that does not exist yet.
pub(super) fn import_into_empty(setting: &Setting<'_>) -> Result<Run, String> {
    let cost = import_unchecked(setting)?.cost;
    Ok(Run { cost, result: summary(setting)? })
}

/// The same, compared by its ledger only.
pub(super) fn import_unchecked(setting: &Setting<'_>) -> Result<Run, String> {
    fresh(&work(setting), None)?;
    let cost = setting.import(&setting.contacts(), &[], "created", &store(setting))?;
    Ok(Run { cost, result: "all created".to_owned() })
}

/// Dray's plan of the same.
pub(super) fn plan(setting: &Setting<'_>) -> Result<Run, String> {
    fresh(&work(setting), None)?;
    let cost = setting.import(&setting.contacts(), &["--plan"], "created", &store(setting))?;
    Ok(Run { cost, result: "all created".to_owned() })
}

/// Counts the rows that are new, by a staged anti-join.
pub(super) fn anti_join(setting: &Setting<'_>) -> Result<Run, String> {
    begin(setting, "loaded.db")?;
    let import = read_into("staging", &setting.contacts(), 1);
    let count = "SELECT count(*) FROM staging WHERE NOT EXISTS (SELECT 1 FROM contacts \
        WHERE contacts.email IS NOT NULL AND contacts.email = staging.email COLLATE NOCASE)";
    let call = setting.shell()?.call(&database(setting), &[&staging(), &import, count]);
    let (cost, new) = setting.measure(&call)?;
    Ok(Run { cost, result: format!("{} new, {}", new.trim(), summary(setting)?) })
}

/// Dray's import of the same file again.
pub(super) fn import_again(setting: &Setting<'_>) -> Result<Run, String> {
    begin(setting, "loaded.db")?;
    let options = ["--on-duplicate", "skip"];
    let cost = setting.import(&setting.contacts(), &options, "duplicate", &store(setting))?;
    Ok(Run { cost, result: format!("0 new, {}", summary(setting)?) })
}

/// A staged upsert of the changed file.
pub(super) fn upsert(setting: &Setting<'_>) -> Result<Run, String> {
    begin(setting, "loaded.db")?;
    let import = read_into("staging", &setting.changed(), 1);
    let upsert = "INSERT INTO contacts (first_name, last_name, display_name, email, phone_work, company_name, \
            address_city, address_country, notes, created_at, updated_at, version, import_id) \
        SELECT first_name, last_name, first_name || ' ' || last_name, email, phone, company, city, country, \
            notes, created_at, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1, 2 FROM staging WHERE true \
        ON CONFLICT (email COLLATE NOCASE) WHERE email IS NOT NULL DO UPDATE SET \
            first_name = excluded.first_name, last_name = excluded.last_name, \
            display_name = excluded.display_name, email = excluded.email, phone_work = excluded.phone_work, \
            company_name = excluded.company_name, address_city = excluded.address_city, \
            address_country = excluded.address_country, notes = excluded.notes, \
            created_at = excluded.created_at, updated_at = excluded.updated_at, \
            version = contacts.version + 1, import_id = excluded.import_id";
    let call = setting.shell()?.call(&database(setting), &[&staging(), &import, upsert]);
    let (cost, _) = setting.measure(&call)?;
    Ok(Run { cost, result: summary(setting)? })
}

/// Dray's import of the changed file as an update.
pub(super) fn update(setting: &Setting<'_>) -> Result<Run, String> {
    begin(setting, "loaded.db")?;
    let options = ["--on-duplicate", "update", "--merge", "overwrite"];
    let cost = setting.import(&setting.changed(), &options, "updated", &store(setting))?;
    Ok(Run { cost, result: summary(setting)? })
}

/// Deletes all rows by their ids.
pub(super) fn delete_all(setting: &Setting<'_>) -> Result<Run, String> {
    delete(setting, "loaded.db", 1)
}

/// Deletes the rows of the second import by their ids.
pub(super) fn delete_half(setting: &Setting<'_>) -> Result<Run, String> {
    delete(setting, "doubled.db", 2)
}

fn delete(setting: &Setting<'_>, template: &str, import: u64) -> Result<Run, String> {
    begin(setting, template)?;
    let range = format!("SELECT min(id) || ' AND ' || max(id) FROM contacts WHERE import_id = {import}");
    let range = setting.shell()?.sql(&database(setting), &[&range])?;
    let delete = format!("DELETE FROM contacts WHERE id BETWEEN {range}");
    let (cost, _) = setting.measure(&setting.shell()?.call(&database(setting), &[&delete]))?;
    Ok(Run { cost, result: summary(setting)? })
}

/// Dray's undo of the only import.
pub(super) fn undo_all(setting: &Setting<'_>) -> Result<Run, String> {
    undo(setting, "loaded.db", 1)
}

/// Dray's undo of the second import.
pub(super) fn undo_half(setting: &Setting<'_>) -> Result<Run, String> {
    undo(setting, "doubled.db", 2)
}

fn undo(setting: &Setting<'_>, template: &str, import: u64) -> Result<Run, String> {
    begin(setting, template)?;
    let cost = setting.undo(import, "deleted", &store(setting))?;
    Ok(Run { cost, result: summary(setting)? })
}

/// Notes the columns an export has.
pub(super) fn find_export_columns(setting: &Setting<'_>) -> Result<(), String> {
    begin(setting, "loaded.db")?;
    let file = setting.place.file("columns.csv").display().to_string();
    setting.dray(&["export", "contacts", "--limit", "1", "-o", &file], &store(setting)).map(drop)
}

/// The shell's export of the columns Dray exports.
pub(super) fn shell_export(setting: &Setting<'_>) -> Result<Run, String> {
    begin(setting, "loaded.db")?;
    let columns = csv::header(&setting.place.file("columns.csv"))?.join(", ");
    let select = format!("SELECT {columns} FROM contacts");
    let mut call = setting.shell()?.call(&database(setting), &[&select]);
    call.arguments.splice(0..0, ["-csv".to_owned(), "-header".to_owned()]);
    let file = setting.place.file("export.csv");
    let cost = setting.meter.run(&call, &file)?;
    Ok(Run { cost, result: csv::summary(&file)? })
}

/// Dray's export.
pub(super) fn export(setting: &Setting<'_>) -> Result<Run, String> {
    begin(setting, "loaded.db")?;
    let file = setting.place.file("export.csv");
    let cost = setting.export_to(&file, &store(setting))?;
    Ok(Run { cost, result: csv::summary(&file)? })
}
