//! Makes the table of an object, and brings an older one up to the definition.

use dray_model::object::{Column, Object, SystemColumn};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

use crate::dialect::{Dialect, quote};
use crate::driver::{Driver, SqlValue, query_texts};

/// PostgreSQL's limit on the length of a name, in bytes.
const NAME_BYTES: usize = 63;

/// Names PostgreSQL keeps for itself in every table.
const RESERVED_COLUMNS: [&str; 6] = ["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"];

/// An index Dray keeps on one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    /// Name in the database, always the same for the same column.
    pub(crate) name: String,
    /// Number of the column in the object.
    pub(crate) column: usize,
    /// No two records share a value.
    pub(crate) unique: bool,
    /// Built on the lower-cased value.
    caseless: bool,
}

/// The indexes an object's table has beside its primary key.
pub(crate) fn indexes_of(object: &Object) -> Vec<Index> {
    let mut indexes = Vec::new();
    for (number, column) in object.columns.iter().enumerate() {
        let wanted = column.unique || (column.indexed && column.value_type != ValueType::Json);
        if column.is_system() || !wanted {
            continue;
        }
        let ending = if column.unique { "key" } else { "idx" };
        let name = index_name(object.name(), &column.name, ending);
        indexes.push(Index { name, column: number, unique: column.unique, caseless: column.caseless });
    }
    indexes
}

/// Names of the indexes that exist and can be used.
pub(crate) fn existing_indexes(driver: &mut impl Driver, table: &str) -> Result<Vec<String>> {
    let name = SqlValue::Text(driver.catalog_name(table));
    query_texts(driver, driver.dialect().indexes_of_table(), &[name])
}

/// Names of the columns the table has; none where there is no table.
pub(crate) fn existing_columns(driver: &mut impl Driver, table: &str) -> Result<Vec<String>> {
    let name = SqlValue::Text(driver.catalog_name(table));
    query_texts(driver, driver.dialect().columns_of_table(), &[name])
}

/// Refuses names that a database or Dray itself needs.
pub(crate) fn check_names(object: &Object) -> Result<()> {
    let name = object.name();
    if ["dray_", "sqlite_", "pg_"].iter().any(|prefix| name.starts_with(prefix)) {
        return Err(Error::request(format!("`{name}` cannot be the name of an object"))
            .hint("names beginning with `dray_`, `sqlite_` or `pg_` are taken; choose another"));
    }
    for column in &object.columns {
        if RESERVED_COLUMNS.contains(&column.name.as_str()) || column.name.len() > NAME_BYTES {
            return Err(Error::request(format!(
                "`{}` cannot be the name of a column of `{name}`",
                column.name
            ))
            .hint("the name is too long or kept by the database for itself; choose another"));
        }
    }
    Ok(())
}

/// Makes the table, or adds the columns it lacks and loosens what the definition no longer asks for.
pub(crate) fn make_table(driver: &mut impl Driver, object: &Object, stored: Option<&Object>) -> Result<()> {
    let existing = existing_columns(driver, object.name())?;
    let table = driver.qualified(object.name());
    if existing.is_empty() {
        let sql = create_table(driver.dialect(), &table, object);
        driver.execute(&sql, &[])?;
        return count_changes(driver, &table);
    }
    if let Some(stored) = stored {
        check_types(object, stored)?;
        for column in &stored.columns {
            let kept = object.column(&column.name).map(|index| &object.columns[index]);
            if is_not_null(column) && !column.is_system() && !kept.is_some_and(is_not_null) {
                let name = quote(&column.name);
                driver.execute(&format!("ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL"), &[])?;
            }
        }
        for index in outdated_indexes(object, stored) {
            let name = driver.qualified(&index);
            driver.execute(&format!("DROP INDEX IF EXISTS {name}"), &[])?;
        }
    }
    for column in &object.columns {
        if !existing.contains(&column.name) {
            let column_type = driver.dialect().column_type(column.value_type, is_key(column));
            let sql = format!("ALTER TABLE {table} ADD COLUMN {} {column_type}", quote(&column.name));
            driver.execute(&sql, &[])?;
        }
    }
    Ok(())
}

/// Makes the indexes that are missing.
pub(crate) fn make_indexes(driver: &mut impl Driver, object: &Object, existing: &[String]) -> Result<()> {
    for index in indexes_of(object) {
        if existing.contains(&index.name) {
            continue;
        }
        let column = &object.columns[index.column];
        let sql = format!(
            "CREATE {}INDEX {} ON {} ({}) WHERE {} IS NOT NULL",
            if index.unique { "UNIQUE " } else { "" },
            quote(&index.name),
            driver.qualified(object.name()),
            driver.dialect().index_element(column),
            quote(&column.name),
        );
        driver.create_index(object.name(), column, &sql)?;
    }
    Ok(())
}

/// Lets the database raise the version of a record that someone changes with SQL, so that an undo knows
/// and keeps it. Dray's own changes raise the version themselves and pass by. Citus has no such triggers;
/// there SQL that changes records has to raise `version` itself.
fn count_changes(driver: &mut impl Driver, table: &str) -> Result<()> {
    let dialect = driver.dialect();
    if query_texts(driver, dialect.lacks_triggers(), &[])?.is_empty() {
        let function = driver.qualified("dray_count_change");
        for sql in dialect.count_changes(table, &function) {
            driver.execute(&sql, &[])?;
        }
    }
    Ok(())
}

fn create_table(dialect: Dialect, table: &str, object: &Object) -> String {
    let columns: Vec<String> = object
        .columns
        .iter()
        .map(|column| {
            if column.system == Some(SystemColumn::Id) {
                return format!("id {}", dialect.id_type());
            }
            let not_null = if is_not_null(column) { " NOT NULL" } else { "" };
            format!(
                "{} {}{not_null}",
                quote(&column.name),
                dialect.column_type(column.value_type, is_key(column))
            )
        })
        .collect();
    format!("CREATE TABLE {table} ({})", columns.join(", "))
}

fn is_key(column: &Column) -> bool {
    column.unique || column.indexed
}

/// A required field with several columns needs a value in one of them, not in each.
fn is_not_null(column: &Column) -> bool {
    column.required && column.part.is_none()
}

fn check_types(object: &Object, stored: &Object) -> Result<()> {
    for column in &object.columns {
        let Some(index) = stored.column(&column.name) else { continue };
        let before = stored.columns[index].value_type;
        if before != column.value_type {
            return Err(Error::request(format!(
                "column `{}` of `{}` holds values of type {before:?} and the definition now says {:?}",
                column.name,
                object.name(),
                column.value_type
            ))
            .hint("give the field another name, or keep its type"));
        }
    }
    Ok(())
}

/// Indexes whose name stays while what they are built on changes, or that would now forbid too much.
fn outdated_indexes(object: &Object, stored: &Object) -> Vec<String> {
    let wanted = indexes_of(object);
    let still_right = |old: &Index| {
        wanted
            .iter()
            .any(|new| new.name == old.name && new.unique == old.unique && new.caseless == old.caseless)
    };
    let outdated = indexes_of(stored).into_iter().filter(|index| !still_right(index));
    outdated.map(|index| index.name).collect()
}

fn index_name(table: &str, column: &str, ending: &str) -> String {
    let name = format!("dray_{table}_{column}_{ending}");
    if name.len() <= NAME_BYTES {
        return name;
    }
    // FNV-1a, which is the same in every program version: the name must be found again.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let kept: String = name.chars().take(NAME_BYTES - 17 - ending.len() - 1).collect();
    format!("{kept}_{hash:016x}_{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_index_names_stay_different_and_short_enough() {
        let table = "a".repeat(40);
        let one = index_name(&table, &"b".repeat(40), "key");
        let other = index_name(&table, &"c".repeat(40), "key");
        assert_eq!(one.len(), NAME_BYTES);
        assert_ne!(one, other);
        assert_eq!(index_name("contacts", "email", "key"), "dray_contacts_email_key");
    }
}
