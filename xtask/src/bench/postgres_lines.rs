//! The work on PostgreSQL. Every run begins with a fresh copy of a database made by Dray:
//! `loaded` holds N contacts, `bare` an empty table like it, `doubled` N others beside the first.

use super::csv;
use super::data;
use super::setting::{Run, Setting};

/// The database the runs work in.
const WORK: &str = "work";

/// The columns of the file as columns of a temporary table.
fn staging() -> String {
    let columns: Vec<String> = data::COLUMNS.iter().map(|name| format!("{name} text")).collect();
    format!("CREATE TEMPORARY TABLE staging ({})", columns.join(", "))
}

/// Sums over all rows of a table, whatever their order.
fn summary(setting: &Setting<'_>, table: &str) -> Result<String, String> {
    let text = |column: &str| format!("sum(hashtext(coalesce({column}, ''))::bigint)");
    setting.server()?.sql(
        WORK,
        &format!(
            "SELECT concat_ws(' ', count(*), {}, {}, {}, {}, sum(version), sum(extract(epoch FROM created_at)::bigint)) \
             FROM {table}",
            text("email"),
            text("phone_work"),
            text("display_name"),
            text("notes"),
        ),
    )
}

/// Makes the databases the runs begin with.
pub(super) fn prepare(setting: &Setting<'_>) -> Result<(), String> {
    let server = setting.server()?;
    server.fresh("loaded", "template0")?;
    setting.import(&setting.contacts(), &[], "created", &server.address("loaded"))?;
    server.sql("loaded", "VACUUM (ANALYZE) bench.contacts")?;
    let rows = setting.place.file("rows.csv");
    server.sql(
        "loaded",
        &format!("\\copy (SELECT * FROM bench.contacts ORDER BY id) TO '{}' (FORMAT csv)", rows.display()),
    )?;
    server.fresh("bare", "loaded")?;
    server.sql("bare", "CREATE SCHEMA baseline")?;
    server.sql("bare", "CREATE TABLE baseline.contacts (LIKE bench.contacts INCLUDING ALL)")?;
    server.sql("bare", "DROP SCHEMA bench CASCADE")?;
    server.settle()
}

/// Writes the final rows of the second file, as Dray makes them.
pub(super) fn make_more_rows(setting: &Setting<'_>) -> Result<(), String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    setting.import(&setting.more(), &[], "created", &server.address(WORK))?;
    let rows = setting.place.file("more-rows.csv");
    let copy = format!(
        "\\copy (SELECT * FROM bench.contacts WHERE import_id = 2 ORDER BY id) TO '{}' (FORMAT csv)",
        rows.display()
    );
    server.sql(WORK, &copy).map(drop)
}

/// Makes the database with N contacts beside N others.
pub(super) fn make_doubled(setting: &Setting<'_>) -> Result<(), String> {
    let server = setting.server()?;
    server.fresh("doubled", "loaded")?;
    setting.import(&setting.more(), &[], "created", &server.address("doubled"))?;
    server.sql("doubled", "VACUUM (ANALYZE) bench.contacts")?;
    server.settle()
}

/// `\copy` of the final rows into the empty table.
pub(super) fn copy_into_empty(setting: &Setting<'_>) -> Result<Run, String> {
    copy_in(setting, "bare", "baseline.contacts", "rows.csv")
}

/// `\copy` of the second file's final rows beside the first.
pub(super) fn copy_into_existing(setting: &Setting<'_>) -> Result<Run, String> {
    copy_in(setting, "loaded", "bench.contacts", "more-rows.csv")
}

fn copy_in(setting: &Setting<'_>, template: &str, table: &str, rows: &str) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, template)?;
    let copy = format!("\\copy {table} FROM '{}' (FORMAT csv)", setting.place.file(rows).display());
    let (cost, _) = setting.measure(&server.psql(WORK, &[&copy]))?;
    Ok(Run { cost, result: summary(setting, table)? })
}

/// Dray's import into a database that was never used.
pub(super) fn import_into_empty(setting: &Setting<'_>) -> Result<Run, String> {
    let cost = import_unchecked(setting)?.cost;
    Ok(Run { cost, result: summary(setting, "bench.contacts")? })
}

/// The same, compared by its ledger only.
pub(super) fn import_unchecked(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "template0")?;
    let cost = setting.import(&setting.contacts(), &[], "created", &server.address(WORK))?;
    Ok(Run { cost, result: "all created".to_owned() })
}

/// Dray's plan of the same.
pub(super) fn plan(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "template0")?;
    let cost = setting.import(&setting.contacts(), &["--plan"], "created", &server.address(WORK))?;
    Ok(Run { cost, result: "all created".to_owned() })
}

/// Dray's import of the second file beside the first.
pub(super) fn import_into_existing(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    let cost = setting.import(&setting.more(), &[], "created", &server.address(WORK))?;
    Ok(Run { cost, result: summary(setting, "bench.contacts")? })
}

/// Counts the rows that are new, by a staged anti-join.
pub(super) fn anti_join(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    let copy = format!("\\copy staging FROM '{}' (FORMAT csv, HEADER)", setting.contacts().display());
    let count = "SELECT count(*) FROM staging WHERE NOT EXISTS (SELECT 1 FROM bench.contacts \
        WHERE lower(contacts.email COLLATE \"C\") = lower(staging.email COLLATE \"C\"))";
    let (cost, new) = setting.measure(&server.psql(WORK, &[&staging(), &copy, count]))?;
    Ok(Run { cost, result: format!("{} new, {}", new.trim(), summary(setting, "bench.contacts")?) })
}

/// Dray's import of the same file again.
pub(super) fn import_again(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    let options = ["--on-duplicate", "skip"];
    let cost = setting.import(&setting.contacts(), &options, "duplicate", &server.address(WORK))?;
    Ok(Run { cost, result: format!("0 new, {}", summary(setting, "bench.contacts")?) })
}

/// A staged upsert of the changed file.
pub(super) fn upsert(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    let copy = format!("\\copy staging FROM '{}' (FORMAT csv, HEADER)", setting.changed().display());
    let upsert = "INSERT INTO bench.contacts (id, first_name, last_name, display_name, email, phone_work, \
            company_name, address_city, address_country, notes, created_at, updated_at, version, import_id) \
        SELECT 1000000000 + row_number() OVER (), first_name, last_name, first_name || ' ' || last_name, email, \
            phone, company, city, country, notes, created_at::timestamptz, now(), 1, 2 FROM staging \
        ON CONFLICT (lower(email COLLATE \"C\")) WHERE email IS NOT NULL DO UPDATE SET \
            first_name = excluded.first_name, last_name = excluded.last_name, \
            display_name = excluded.display_name, email = excluded.email, phone_work = excluded.phone_work, \
            company_name = excluded.company_name, address_city = excluded.address_city, \
            address_country = excluded.address_country, notes = excluded.notes, \
            created_at = excluded.created_at, updated_at = excluded.updated_at, \
            version = contacts.version + 1, import_id = excluded.import_id";
    let (cost, _) = setting.measure(&server.psql(WORK, &[&staging(), &copy, upsert]))?;
    Ok(Run { cost, result: summary(setting, "bench.contacts")? })
}

/// Dray's import of the changed file as an update.
pub(super) fn update(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    let options = ["--on-duplicate", "update", "--merge", "overwrite"];
    let cost = setting.import(&setting.changed(), &options, "updated", &server.address(WORK))?;
    Ok(Run { cost, result: summary(setting, "bench.contacts")? })
}

/// Deletes all rows by their ids.
pub(super) fn delete_all(setting: &Setting<'_>) -> Result<Run, String> {
    delete(setting, "loaded", 1)
}

/// Deletes the rows of the second import by their ids.
pub(super) fn delete_half(setting: &Setting<'_>) -> Result<Run, String> {
    delete(setting, "doubled", 2)
}

fn delete(setting: &Setting<'_>, template: &str, import: u64) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, template)?;
    let range =
        format!("SELECT min(id) || ' AND ' || max(id) FROM bench.contacts WHERE import_id = {import}");
    let range = server.sql(WORK, &range)?;
    let delete = format!("DELETE FROM bench.contacts WHERE id BETWEEN {range}");
    // The question above has read the table; both sides begin with the same buffers.
    server.fresh(WORK, template)?;
    let (cost, _) = setting.measure(&server.psql(WORK, &[&delete]))?;
    Ok(Run { cost, result: summary(setting, "bench.contacts")? })
}

/// Dray's undo of the only import.
pub(super) fn undo_all(setting: &Setting<'_>) -> Result<Run, String> {
    undo(setting, "loaded", 1)
}

/// Dray's undo of the second import.
pub(super) fn undo_half(setting: &Setting<'_>) -> Result<Run, String> {
    undo(setting, "doubled", 2)
}

fn undo(setting: &Setting<'_>, template: &str, import: u64) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, template)?;
    let cost = setting.undo(import, "deleted", &server.address(WORK))?;
    Ok(Run { cost, result: summary(setting, "bench.contacts")? })
}

/// Notes the columns an export has.
pub(super) fn find_export_columns(setting: &Setting<'_>) -> Result<(), String> {
    let file = setting.place.file("columns.csv").display().to_string();
    let words = ["export", "contacts", "--limit", "1", "-o", &file];
    setting.dray(&words, &setting.server()?.address("loaded")).map(drop)
}

/// `\copy … TO` of the columns Dray exports.
pub(super) fn copy_out(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    let columns = csv::header(&setting.place.file("columns.csv"))?.join(", ");
    let file = setting.place.file("export.csv");
    let copy =
        format!("\\copy (SELECT {columns} FROM bench.contacts) TO '{}' (FORMAT csv, HEADER)", file.display());
    let (cost, _) = setting.measure(&server.psql(WORK, &[&copy]))?;
    Ok(Run { cost, result: csv::summary(&file)? })
}

/// Dray's export.
pub(super) fn export(setting: &Setting<'_>) -> Result<Run, String> {
    let server = setting.server()?;
    server.fresh(WORK, "loaded")?;
    let file = setting.place.file("export.csv");
    let cost = setting.export_to(&file, &server.address(WORK))?;
    Ok(Run { cost, result: csv::summary(&file)? })
}
