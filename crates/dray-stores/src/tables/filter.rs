//! Turns a query into SQL. Every value is a bound parameter, checked and typed by its column; every
//! condition is true or false, never null, so that its negation means what it says.

use dray_model::object::{Column, ColumnIndex, Object};
use dray_model::query::{Filter, Operator, Query};
use dray_model::value::{
    ValueType, append_date, append_datetime, append_time, parse_date, parse_datetime, parse_time,
};
use dray_model::{Error, Result};

use crate::cells::{StoredColumn, is_uuid};
use crate::decimal;
use crate::dialect::{Dialect, TextMatch, quote};
use crate::driver::SqlValue;

/// A statement with its parameters.
#[derive(Debug)]
pub(crate) struct Statement {
    /// SQL with `$1`, `$2` …
    pub(crate) sql: String,
    /// What stands for them.
    pub(crate) parameters: Vec<SqlValue>,
}

/// The statement that reads `columns` of the records a query asks for, in its order.
pub(crate) fn select(
    dialect: Dialect,
    table: &str,
    object: &Object,
    query: &Query,
    columns: &[ColumnIndex],
) -> Result<Statement> {
    let mut writer = FilterWriter { dialect, object, parameters: Vec::new() };
    let mut names: Vec<String> = columns.iter().map(|&index| quote(&object.columns[index].name)).collect();
    if names.is_empty() {
        names.push("id".to_owned());
    }
    let mut sql = format!("SELECT {} FROM {table}", names.join(", "));
    if let Some(filter) = &query.filter {
        sql.push_str(" WHERE ");
        sql.push_str(&writer.condition(filter)?);
    }
    sql.push_str(" ORDER BY ");
    for sort in &query.sort {
        let column = writer.column(sort.column)?;
        let direction = if sort.descending { "DESC" } else { "ASC" };
        // Where no cell is empty, an index may be read in its order.
        let is_filled = query.filter.as_ref().is_some_and(|filter| asks_for_filled(filter, sort.column));
        let empty = if is_filled { "" } else { " NULLS LAST" };
        sql.push_str(&format!("{} {direction}{empty}, ", dialect.ordered(column)));
    }
    sql.push_str("id");
    if let Some(limit) = query.limit {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let number = writer.next_parameter(SqlValue::Integer(limit));
        sql.push_str(&format!(" LIMIT ${number}"));
    }
    Ok(Statement { sql, parameters: writer.parameters })
}

/// True where a filter finds only records that have a value in this column.
fn asks_for_filled(filter: &Filter, wanted: ColumnIndex) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().any(|part| asks_for_filled(part, wanted)),
        Filter::Compare { column, operator, .. } => *column == wanted && *operator == Operator::IsNotEmpty,
        Filter::Or(_) | Filter::Not(_) => false,
    }
}

/// The statement that counts the records a filter finds, no further than `most`.
pub(crate) fn count(
    dialect: Dialect,
    table: &str,
    object: &Object,
    filter: Option<&Filter>,
    most: u64,
) -> Result<Statement> {
    let mut writer = FilterWriter { dialect, object, parameters: Vec::new() };
    let condition = match filter {
        Some(filter) => format!(" WHERE {}", writer.condition(filter)?),
        None => String::new(),
    };
    let most = writer.next_parameter(SqlValue::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {table}{condition} LIMIT ${most}) AS counted");
    Ok(Statement { sql, parameters: writer.parameters })
}

struct FilterWriter<'a> {
    dialect: Dialect,
    object: &'a Object,
    parameters: Vec<SqlValue>,
}

impl FilterWriter<'_> {
    fn column(&self, index: ColumnIndex) -> Result<&Column> {
        self.object.columns.get(index).ok_or_else(|| {
            Error::request(format!("object `{}` has no column number {index}", self.object.name()))
        })
    }

    fn next_parameter(&mut self, value: SqlValue) -> usize {
        self.parameters.push(value);
        self.parameters.len()
    }

    fn condition(&mut self, filter: &Filter) -> Result<String> {
        match filter {
            Filter::And(parts) => self.joined(parts, " AND ", "TRUE"),
            Filter::Or(parts) => self.joined(parts, " OR ", "FALSE"),
            Filter::Not(part) => Ok(format!("NOT {}", self.condition(part)?)),
            Filter::Compare { column, operator, values } => self.comparison(*column, *operator, values),
        }
    }

    fn joined(&mut self, parts: &[Filter], word: &str, of_none: &str) -> Result<String> {
        if parts.is_empty() {
            return Ok(of_none.to_owned());
        }
        let parts: Vec<String> = parts.iter().map(|part| self.condition(part)).collect::<Result<_>>()?;
        Ok(format!("({})", parts.join(word)))
    }

    fn comparison(&mut self, index: ColumnIndex, operator: Operator, values: &[String]) -> Result<String> {
        let column = self.column(index)?.clone();
        check_count(&column, operator, values)?;
        let name = quote(&column.name);
        if values.iter().any(|value| value.contains('\0')) {
            return Err(Error::request(format!(
                "the condition on `{}` holds a character no store can hold",
                column.name
            )));
        }
        let positive = |condition: String| format!("({condition} AND {name} IS NOT NULL)");
        let negative = |condition: String| format!("(NOT ({condition}) OR {name} IS NULL)");
        let is_list = self.object.field_of(index).is_some_and(|field| field.definition.multiple);
        Ok(match operator {
            Operator::IsEmpty => format!("({name} IS NULL)"),
            Operator::IsNotEmpty => format!("({name} IS NOT NULL)"),
            Operator::Equal if is_list => positive(self.any_item(&column, TextMatch::Equal, values, false)),
            Operator::NotEqual if is_list => {
                negative(self.any_item(&column, TextMatch::Equal, values, false))
            }
            Operator::In if is_list => positive(self.any_item(&column, TextMatch::Equal, values, false)),
            Operator::NotIn if is_list => negative(self.any_item(&column, TextMatch::Equal, values, false)),
            Operator::Equal => positive(self.ordered(&column, "=", &values[0])?),
            Operator::NotEqual => negative(self.ordered(&column, "=", &values[0])?),
            Operator::Greater => positive(self.ordered(&column, ">", &values[0])?),
            Operator::GreaterOrEqual => positive(self.ordered(&column, ">=", &values[0])?),
            Operator::Less => positive(self.ordered(&column, "<", &values[0])?),
            Operator::LessOrEqual => positive(self.ordered(&column, "<=", &values[0])?),
            Operator::Between => {
                let low = self.ordered(&column, ">=", &values[0])?;
                let high = self.ordered(&column, "<=", &values[1])?;
                positive(format!("{low} AND {high}"))
            }
            Operator::In => positive(self.in_list(&column, values)?),
            Operator::NotIn => negative(self.in_list(&column, values)?),
            // A list contains what it has as an item; letters count whatever their case.
            Operator::Contains if is_list => positive(self.any_item(&column, TextMatch::Equal, values, true)),
            Operator::NotContains if is_list => {
                negative(self.any_item(&column, TextMatch::Equal, values, true))
            }
            Operator::StartsWith if is_list => {
                positive(self.any_item(&column, TextMatch::StartsWith, values, true))
            }
            Operator::EndsWith if is_list => {
                positive(self.any_item(&column, TextMatch::EndsWith, values, true))
            }
            Operator::Contains => positive(self.text(index, TextMatch::Contains, &values[0])),
            Operator::NotContains => negative(self.text(index, TextMatch::Contains, &values[0])),
            Operator::StartsWith => positive(self.text(index, TextMatch::StartsWith, &values[0])),
            Operator::EndsWith => positive(self.text(index, TextMatch::EndsWith, &values[0])),
        })
    }

    fn ordered(&mut self, column: &Column, sign: &str, text: &str) -> Result<String> {
        let number = self.next_parameter(typed_value(column, text)?);
        let parameter = self.dialect.ordered_parameter(number, column.value_type);
        Ok(format!("{} {sign} {parameter}", self.dialect.ordered(column)))
    }

    fn in_list(&mut self, column: &Column, texts: &[String]) -> Result<String> {
        let values: Vec<SqlValue> =
            texts.iter().map(|text| typed_value(column, text)).collect::<Result<_>>()?;
        let list = if self.dialect.lists_are_json() {
            let items: Vec<serde_json::Value> = values.into_iter().map(json_item).collect();
            SqlValue::Text(serde_json::Value::Array(items).to_string())
        } else {
            SqlValue::TextList(values.into_iter().map(list_item).collect())
        };
        let number = self.next_parameter(list);
        Ok(self.dialect.in_list(&self.dialect.ordered(column), number, column.value_type))
    }

    fn text(&mut self, index: ColumnIndex, how: TextMatch, text: &str) -> String {
        let stored = StoredColumn::of(self.object, index);
        let cell = self.dialect.canonical_text(&self.object.columns[index], stored.scale);
        self.matches(&cell, how, text, true)
    }

    fn any_item(&mut self, column: &Column, how: TextMatch, texts: &[String], ignore_case: bool) -> String {
        let conditions: Vec<String> =
            texts.iter().map(|text| self.matches(Dialect::ITEM, how, text, ignore_case)).collect();
        if conditions.is_empty() {
            return "FALSE".to_owned();
        }
        self.dialect.any_item(column, &format!("({})", conditions.join(" OR ")))
    }

    fn matches(&mut self, cell: &str, how: TextMatch, text: &str, ignore_case: bool) -> String {
        if text.is_empty() && how != TextMatch::Equal {
            return "TRUE".to_owned();
        }
        let text = if ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
        let number = self.next_parameter(SqlValue::Text(text));
        self.dialect.matches(cell, how, number, ignore_case)
    }
}

fn check_count(column: &Column, operator: Operator, values: &[String]) -> Result<()> {
    let expected = match operator {
        Operator::IsEmpty | Operator::IsNotEmpty => 0,
        Operator::Between => 2,
        Operator::In | Operator::NotIn => return Ok(()),
        _ => 1,
    };
    if values.len() == expected {
        return Ok(());
    }
    Err(Error::request(format!(
        "the condition on `{}` has {} values where {expected} belong",
        column.name,
        values.len()
    )))
}

/// The value a text of a filter stands for in this column.
fn typed_value(column: &Column, text: &str) -> Result<SqlValue> {
    let written = |append: fn(i64, &mut String), value: i64| {
        let mut out = String::new();
        append(value, &mut out);
        SqlValue::Text(out)
    };
    let value = match column.value_type {
        ValueType::Text if column.caseless => Some(SqlValue::Text(text.to_ascii_lowercase())),
        ValueType::Text | ValueType::Json => Some(SqlValue::Text(text.to_owned())),
        ValueType::Integer => text.parse().ok().map(SqlValue::Integer),
        ValueType::Decimal => decimal::is_decimal(text).then(|| SqlValue::Text(text.to_owned())),
        ValueType::Boolean => match text {
            "true" => Some(SqlValue::Boolean(true)),
            "false" => Some(SqlValue::Boolean(false)),
            _ => None,
        },
        ValueType::Date => parse_date(text).map(|days| written(append_date, days)),
        ValueType::DateTime => parse_datetime(text).map(|micros| written(append_datetime, micros)),
        ValueType::Time => parse_time(text).map(|micros| written(append_time, micros)),
        ValueType::Uuid => is_uuid(text).then(|| SqlValue::Text(text.to_ascii_lowercase())),
    };
    value.ok_or_else(|| {
        let (what, example) = match column.value_type {
            ValueType::Integer => ("a whole number", "42"),
            ValueType::Decimal => ("a number", "12.50"),
            ValueType::Boolean => ("true or false", "true"),
            ValueType::Date => ("a date", "2024-02-29"),
            ValueType::DateTime => ("a date and time", "2024-02-29T23:59:59Z"),
            ValueType::Time => ("a time of day", "23:59:59"),
            ValueType::Uuid => ("a UUID", "6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b"),
            ValueType::Text | ValueType::Json => ("text a store can hold", "text"),
        };
        Error::request(format!(
            "`{}` is compared with `{}`, which is not {what}",
            column.name,
            dray_model::problem::shown(text)
        ))
        .hint(format!("write it like `{example}`"))
    })
}

fn json_item(value: SqlValue) -> serde_json::Value {
    match value {
        SqlValue::Integer(integer) => integer.into(),
        SqlValue::Boolean(boolean) => i64::from(boolean).into(),
        SqlValue::Text(text) => text.into(),
        _ => serde_json::Value::Null,
    }
}

fn list_item(value: SqlValue) -> String {
    match value {
        SqlValue::Integer(integer) => integer.to_string(),
        SqlValue::Boolean(boolean) => boolean.to_string(),
        SqlValue::Text(text) => text,
        _ => String::new(),
    }
}
