//! What an import did row by row: before-images, fates and problems. They may be many, so they are
//! written and read as columns, like records.

use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, StringArray, cast::AsArray};
use dray_model::Result;
use dray_model::catalog::NumberedProblem;
use dray_model::flow::{FateRuns, Journal};
use dray_model::problem::{Problem, ProblemCode, Severity};
use dray_model::value::ValueType;

use crate::cells::{ReadBatch, StoredColumn};
use crate::driver::{Driver, SqlValue, query_value};

/// Rows read at a time.
const BATCH_ROWS: usize = 8192;

/// Appends before-images.
pub(crate) fn append_journal(driver: &mut impl Driver, import_id: i64, journal: &Journal) -> Result<()> {
    if journal.record_ids.is_empty() {
        return Ok(());
    }
    let columns = journal_columns(&["import_id"]);
    let values: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_value(import_id, journal.record_ids.len())),
        Arc::new(Int64Array::from(journal.sequences.clone())),
        Arc::new(Int64Array::from(journal.record_ids.clone())),
        Arc::new(Int64Array::from(journal.versions.clone())),
        Arc::new(Int64Array::from(journal.updated_at.clone())),
        Arc::new(Int64Array::from(journal.import_ids.clone())),
        Arc::new(StringArray::from_iter_values(&journal.before)),
    ];
    driver.insert("dray_journal", &columns, &values)
}

/// Up to `limit` before-images with a sequence below `before`, newest first.
pub(crate) fn read_journal(
    driver: &mut impl Driver,
    import_id: i64,
    before: i64,
    limit: u64,
) -> Result<Journal> {
    read_entries(driver, "sequence < $2", [import_id, before], limit)
}

/// The last `limit` before-images of one record, newest first.
pub(crate) fn read_journal_of_record(
    driver: &mut impl Driver,
    import_id: i64,
    record_id: i64,
    limit: u64,
) -> Result<Journal> {
    read_entries(driver, "record_id = $2", [import_id, record_id], limit)
}

fn read_entries(
    driver: &mut impl Driver,
    condition: &str,
    [import_id, value]: [i64; 2],
    limit: u64,
) -> Result<Journal> {
    let sql = driver.statement(&format!(
        "SELECT sequence, record_id, version, updated_at, previous_import_id, before FROM @dray_journal \
         WHERE import_id = $1 AND {condition} ORDER BY sequence DESC LIMIT $3",
    ));
    let parameters = [import_id, value, i64::try_from(limit).unwrap_or(i64::MAX)].map(SqlValue::Integer);
    let mut journal = Journal::default();
    driver.read(&sql, &parameters, &journal_columns(&[]), BATCH_ROWS, &mut |batch| {
        journal.sequences.extend(integers(&batch, 0));
        journal.record_ids.extend(integers(&batch, 1));
        journal.versions.extend(integers(&batch, 2));
        journal.updated_at.extend(integers(&batch, 3));
        journal.import_ids.extend(batch.columns[4].as_primitive::<Int64Type>());
        journal.before.extend(texts(&batch, 5).map(Option::unwrap_or_default));
        Ok(())
    })?;
    Ok(journal)
}

fn journal_columns(first: &[&str]) -> Vec<StoredColumn> {
    let integers = ["sequence", "record_id", "version", "updated_at", "previous_import_id"];
    let mut columns: Vec<StoredColumn> =
        first.iter().chain(&integers).map(|name| StoredColumn::new(name, ValueType::Integer)).collect();
    columns.push(StoredColumn::new("before", ValueType::Text));
    columns
}

/// Appends what became of rows.
pub(crate) fn append_fates(driver: &mut impl Driver, import_id: i64, runs: &FateRuns) -> Result<()> {
    let sql = driver.statement(
        "INSERT INTO @dray_fate (import_id, sequence, first_row, last_row, runs) VALUES ($1, $2, $3, $4, $5)",
    );
    let row = |number: u64| SqlValue::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let values = [
        SqlValue::Integer(import_id),
        SqlValue::Integer(runs.sequence),
        row(runs.first_row),
        row(runs.last_row),
        SqlValue::Blob(runs.runs.clone()),
    ];
    driver.execute(&sql, &values)?;
    Ok(())
}

/// Visits all runs of an import, in sequence.
pub(crate) fn read_fates(
    driver: &mut impl Driver,
    import_id: i64,
    visit: &mut dyn FnMut(FateRuns) -> Result<()>,
) -> Result<()> {
    let sql = driver.statement(
        "SELECT sequence, first_row, last_row, runs FROM @dray_fate WHERE import_id = $1 ORDER BY sequence",
    );
    driver.query(&sql, &[SqlValue::Integer(import_id)], &mut |row| {
        let [
            SqlValue::Integer(sequence),
            SqlValue::Integer(first),
            SqlValue::Integer(last),
            SqlValue::Blob(runs),
        ] = row
        else {
            return Ok(());
        };
        visit(FateRuns {
            sequence: *sequence,
            first_row: u64::try_from(*first).unwrap_or(0),
            last_row: u64::try_from(*last).unwrap_or(0),
            runs: runs.clone(),
        })
    })
}

/// The highest sequence among an import's problems.
pub(crate) fn last_problem(driver: &mut impl Driver, import_id: i64) -> Result<i64> {
    let sql = driver.statement("SELECT max(sequence) FROM @dray_problem WHERE import_id = $1");
    Ok(query_value(driver, &sql, &[SqlValue::Integer(import_id)])?.as_integer().unwrap_or(0))
}

/// Appends problems, counting on from `last`.
pub(crate) fn append_problems(
    driver: &mut impl Driver,
    import_id: i64,
    last: i64,
    problems: &[Problem],
) -> Result<()> {
    let count = i64::try_from(problems.len()).unwrap_or(i64::MAX);
    let numbers = |number: fn(&Problem) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            problems.iter().map(|problem| i64::try_from(number(problem)).unwrap_or(i64::MAX)),
        ))
    };
    let optional = |text: fn(&Problem) -> Option<&str>| -> ArrayRef {
        // A value read from a damaged file may hold a NUL, which PostgreSQL cannot.
        Arc::new(problems.iter().map(|problem| text(problem).map(without_nul)).collect::<StringArray>())
    };
    let values: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_value(import_id, problems.len())),
        numbers(|problem| problem.row_number),
        Arc::new(Int64Array::from_iter_values(last + 1..=last + count)),
        numbers(|problem| problem.line),
        optional(|problem| problem.column.as_deref()),
        optional(|problem| problem.field.as_deref()),
        optional(|problem| Some(problem.code.word())),
        optional(|problem| Some(severity_word(problem.severity))),
        optional(|problem| problem.value.as_deref()),
        optional(|problem| Some(&problem.message)),
    ];
    driver.insert("dray_problem", &problem_columns(&["import_id", "row_number", "sequence", "line"]), &values)
}

/// Problems of an import in row order.
pub(crate) fn read_problems(driver: &mut impl Driver, import_id: i64, limit: u64) -> Result<Vec<Problem>> {
    let numbered = problems_after(driver, import_id, (0, 0), limit)?;
    Ok(numbered.into_iter().map(|numbered| numbered.problem).collect())
}

/// Problems of an import in row order, from the first after this row and sequence.
pub(crate) fn problems_after(
    driver: &mut impl Driver,
    import_id: i64,
    after: (u64, i64),
    limit: u64,
) -> Result<Vec<NumberedProblem>> {
    let sql = driver.statement(
        "SELECT row_number, line, sequence, source_column, field, code, severity, value, message \
         FROM @dray_problem WHERE import_id = $1 AND (row_number, sequence) > ($2, $3) \
         ORDER BY row_number, sequence LIMIT $4",
    );
    let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let parameters = [import_id, integer(after.0), after.1, integer(limit)].map(SqlValue::Integer);
    let stored = problem_columns(&["row_number", "line", "sequence"]);
    let mut problems = Vec::new();
    driver.read(&sql, &parameters, &stored, BATCH_ROWS, &mut |batch| {
        let number = |index: usize| {
            integers(&batch, index).map(|number| u64::try_from(number).unwrap_or(0)).collect::<Vec<_>>()
        };
        let (rows, lines) = (number(0), number(1));
        let sequences: Vec<i64> = integers(&batch, 2).collect();
        let text = |index: usize, row: usize| {
            let array = batch.columns[index].as_string::<i32>();
            array.is_valid(row).then(|| array.value(row).to_owned())
        };
        for row in 0..batch.rows {
            let problem = Problem {
                row_number: rows[row],
                line: lines[row],
                column: text(3, row),
                field: text(4, row),
                code: code_of(&text(5, row).unwrap_or_default()),
                severity: severity_of(&text(6, row).unwrap_or_default()),
                value: text(7, row),
                message: text(8, row).unwrap_or_default(),
            };
            problems.push(NumberedProblem { sequence: sequences[row], problem });
        }
        Ok(())
    })?;
    Ok(problems)
}

fn problem_columns(integers: &[&str]) -> Vec<StoredColumn> {
    let texts = ["source_column", "field", "code", "severity", "value", "message"];
    let mut columns: Vec<StoredColumn> =
        integers.iter().map(|name| StoredColumn::new(name, ValueType::Integer)).collect();
    columns.extend(texts.map(|name| StoredColumn::new(name, ValueType::Text)));
    columns
}

fn integers(batch: &ReadBatch, index: usize) -> impl Iterator<Item = i64> {
    batch.columns[index].as_primitive::<Int64Type>().values().iter().copied()
}

fn texts(batch: &ReadBatch, index: usize) -> impl Iterator<Item = Option<String>> {
    batch.columns[index].as_string::<i32>().iter().map(|text| text.map(str::to_owned))
}

fn without_nul(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn severity_of(word: &str) -> Severity {
    if word == "warning" { Severity::Warning } else { Severity::Error }
}

/// The code of a stored word; a word only a newer program knows becomes the most general code.
fn code_of(word: &str) -> ProblemCode {
    ProblemCode::from_word(word).unwrap_or(ProblemCode::InvalidRecord)
}
