//! The objects that have a table, as they were defined when last prepared, and the ids that come next.

use dray_model::definition::ObjectDefinition;
use dray_model::{Error, Result};

use crate::driver::{Driver, SqlValue, query_texts, query_value};

/// The definition as the catalog keeps it.
pub(crate) fn definition_text(definition: &ObjectDefinition) -> Result<String> {
    serde_json::to_string(definition).map_err(|cause| {
        Error::store(format!("the definition of `{}` cannot be written", definition.name)).because(cause)
    })
}

/// Reads what [`definition_text`] wrote.
pub(crate) fn parse_definition(object: &str, text: &str) -> Result<ObjectDefinition> {
    serde_json::from_str(text).map_err(|cause| {
        Error::store(format!("the stored definition of `{object}` cannot be read"))
            .hint("was the store made by a newer Dray?")
            .because(cause)
    })
}

/// The stored definition of an object.
pub(crate) fn stored_text(driver: &mut impl Driver, object: &str) -> Result<Option<String>> {
    let sql = driver.statement("SELECT definition FROM @dray_object WHERE name = $1");
    let found = query_texts(driver, &sql, &[SqlValue::Text(object.to_owned())])?;
    Ok(found.into_iter().next())
}

/// Names of all objects.
pub(crate) fn names(driver: &mut impl Driver) -> Result<Vec<String>> {
    let sql = driver.statement("SELECT name FROM @dray_object ORDER BY name");
    query_texts(driver, &sql, &[])
}

/// Keeps the definition of an object.
pub(crate) fn save(driver: &mut impl Driver, object: &str, definition: &str) -> Result<()> {
    let sql = driver.statement(
        "INSERT INTO @dray_object (name, definition) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
    );
    driver.execute(&sql, &[SqlValue::Text(object.to_owned()), SqlValue::Text(definition.to_owned())])?;
    Ok(())
}

/// Begins to count ids above those the table already has, unless they are counted.
pub(crate) fn begin_ids(driver: &mut impl Driver, object: &str) -> Result<()> {
    let highest = format!("SELECT max(id) FROM {}", driver.qualified(object));
    let highest = query_value(driver, &highest, &[])?.as_integer().unwrap_or(0);
    begin_counting(driver, object, highest.saturating_add(1))
}

/// Begins to count ids of this name from `first`, unless they are counted.
pub(crate) fn begin_counting(driver: &mut impl Driver, name: &str, first: i64) -> Result<()> {
    let sql = driver
        .statement("INSERT INTO @dray_id (object, next_id) VALUES ($1, $2) ON CONFLICT (object) DO NOTHING");
    driver.execute(&sql, &[SqlValue::Text(name.to_owned()), SqlValue::Integer(first)])?;
    Ok(())
}

/// Hands out `count` ids of this name; the first, or `None` where ids of this name are not counted.
pub(crate) fn reserve_ids(driver: &mut impl Driver, name: &str, count: u64) -> Result<Option<i64>> {
    let count = i64::try_from(count)
        .map_err(|cause| Error::store(format!("{count} ids are more than there are")).because(cause))?;
    let sql =
        driver.statement("UPDATE @dray_id SET next_id = next_id + $1 WHERE object = $2 RETURNING next_id");
    let next = query_value(driver, &sql, &[SqlValue::Integer(count), SqlValue::Text(name.to_owned())])?;
    Ok(next.as_integer().map(|next| next - count))
}

/// The next number of a thing that begins to be counted when the first is made.
pub(crate) fn next_id(driver: &mut impl Driver, name: &str) -> Result<i64> {
    if let Some(id) = reserve_ids(driver, name, 1)? {
        return Ok(id);
    }
    begin_counting(driver, name, 1)?;
    reserve_ids(driver, name, 1)?
        .ok_or_else(|| Error::store(format!("the numbers of `{name}` are not counted any more")))
}
