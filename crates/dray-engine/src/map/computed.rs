//! Columns that are computed from the others of a source, each by an expression: `=lower(E_mail)`. Behind the
//! columns that were read they are columns like those, and mapped by the same words.

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, StringArray};
use dray_model::batch::TextBatch;
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

use crate::expression::value::Record;
use crate::expression::{Program, Property, Schema, Type, Value};
use crate::pipeline::name::property_name;

/// What the name of a computed column begins with.
pub const SIGN: char = '=';

/// True for a column that is computed.
pub fn is_computed(column: &str) -> bool {
    column.starts_with(SIGN)
}

/// A source with computed columns behind its own.
struct Computed {
    source: Box<dyn RowSource>,
    header: Vec<String>,
    programs: Vec<Program>,
    /// Columns of the source that some expression reads.
    read: Vec<usize>,
}

/// The source with these columns behind its own, each named by its expression. One that the source has itself is
/// no expression.
pub fn with_computed(source: Box<dyn RowSource>, columns: &[String]) -> Result<Box<dyn RowSource>> {
    let own = source.header().to_vec();
    let wanted: Vec<&String> = columns.iter().filter(|column| !own.contains(column)).collect();
    if wanted.is_empty() {
        return Ok(source);
    }
    // A column is known by the name of its property; where two would have the same, by none.
    let names: Vec<String> = own
        .iter()
        .enumerate()
        .map(|(index, header)| {
            let name = property_name(header).unwrap_or_default();
            let is_alone =
                own.iter().filter(|other| property_name(other).as_ref() == Some(&name)).count() == 1;
            // Brackets stand in no name, so that nobody can read it.
            if is_alone { name } else { format!("({index})") }
        })
        .collect();
    let schema =
        Schema { properties: names.iter().map(|name| Property::new(name.clone(), Type::string())).collect() };
    let target = Property { nullable: true, ..Property::new("value", Type::string()) };
    let mut programs = Vec::with_capacity(wanted.len());
    for column in &wanted {
        let text = column.trim_start_matches(SIGN);
        let program = Program::compile(text, "value", &target, &schema).map_err(|error| {
            let known: Vec<&str> =
                names.iter().map(String::as_str).filter(|name| !name.starts_with('(')).collect();
            Error::request(format!("`{column}` cannot be computed: {error}"))
                .hint(format!("expressions read columns by these names: {}", known.join(", ")))
        })?;
        programs.push(program);
    }
    let read = (0..names.len())
        .filter(|index| {
            names.get(*index).is_some_and(|name| programs.iter().any(|program| program.inputs.contains(name)))
        })
        .collect();
    let header = own.into_iter().chain(wanted.into_iter().cloned()).collect();
    Ok(Box::new(Computed { source, header, programs, read }))
}

impl RowSource for Computed {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        let Some(mut batch) = self.source.next_batch()? else { return Ok(None) };
        let own = self.header.len() - self.programs.len();
        let mut builders: Vec<StringBuilder> = self.programs.iter().map(|_| StringBuilder::new()).collect();
        let mut record: Record = vec![None; own];
        for row in 0..batch.len() {
            // A row without any value stays one.
            if batch.columns.iter().all(|cells| cells.is_null(row)) {
                builders.iter_mut().for_each(StringBuilder::append_null);
                continue;
            }
            for &index in &self.read {
                let cells: Option<&StringArray> = batch.columns.get(index);
                let cell =
                    cells.filter(|cells| cells.is_valid(row)).map(|cells| Value::text(cells.value(row)));
                if let Some(slot) = record.get_mut(index) {
                    *slot = cell;
                }
            }
            for (program, builder) in self.programs.iter().zip(&mut builders) {
                match program.evaluate(&record) {
                    Ok(Some(Value::Text(text))) if !text.is_empty() => builder.append_value(text),
                    Ok(_) => builder.append_null(),
                    Err(error) => {
                        builder.append_null();
                        let row_number = batch.first_row + row as u64;
                        batch.problems.push(Problem {
                            row_number,
                            line: batch.lines.get(row).copied().unwrap_or(0),
                            column: None,
                            field: None,
                            code: ProblemCode::NotTransformed,
                            severity: Severity::Error,
                            value: None,
                            message: error.message,
                        });
                    }
                }
            }
        }
        batch.problems.sort_by_key(|problem| problem.row_number);
        batch.columns.extend(builders.into_iter().map(|mut builder| builder.finish()));
        Ok(Some(batch))
    }

    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    fn detected(&self) -> Vec<Detected> {
        self.source.detected()
    }

    fn has_header(&self) -> bool {
        self.source.has_header()
    }

    fn column_types(&self) -> Vec<Option<ValueType>> {
        let mut types = self.source.column_types();
        if !types.is_empty() {
            types.resize(self.header.len(), Some(ValueType::Text));
        }
        types
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        self.source.failed_rows()
    }
}
