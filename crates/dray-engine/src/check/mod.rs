//! Checks: text cells become typed values, and everything wrong with a row is told, not just the first
//! thing. Pure: a batch in, a batch out. What needs the store (references, uniqueness) comes later.

pub mod style;
pub mod contact;
pub mod date;
pub mod number;
pub mod words;
pub mod shape;
pub mod decide;

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray, Time64MicrosecondArray,
};
use dray_model::batch::{RawRows, TextBatch};
use dray_model::definition::{FieldKind, Merge, OnDuplicate};
use dray_model::object::{ColumnIndex, Field, Object, SystemColumn};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::value::{ValueType, timestamps};

use crate::defaults::DefaultText;
use crate::expression::Trigger;
use crate::map::Mapping;
use style::Style;

/// What is wrong with one cell: the code and the sentence.
pub type Bad = (ProblemCode, String);

/// A batch after the checks: typed columns, and which rows are rejected.
#[derive(Debug)]
pub struct CheckedBatch {
    /// Number of the first row.
    pub first_row: u64,
    /// Physical line of each row.
    pub lines: Vec<u64>,
    /// The rows as read.
    pub raw: RawRows,
    /// Typed values, one array for each of [`Checker::columns`]. References are still text.
    pub values: Vec<ArrayRef>,
    /// Rows with at least one error.
    pub rejected: Vec<bool>,
    /// Rows without a value in any mapped column: spreadsheets end in such rows; they are left out.
    pub empty: Vec<bool>,
    /// Everything found wrong, in no particular order.
    pub problems: Vec<Problem>,
    /// What there is to say about lines that are no rows.
    pub remarks: Vec<Problem>,
}

impl CheckedBatch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Checks batches of one source for one object.
#[derive(Debug, Clone)]
pub struct Checker {
    object: Arc<Object>,
    /// The stored columns the rows bring values for, in the order of [`CheckedBatch::values`].
    pub columns: Vec<ColumnIndex>,
    rules: Vec<Rule>,
    /// Columns by which duplicates are found and which, where a row has no value, are made of its other
    /// fields: a name of first and last name.
    made: Vec<ColumnIndex>,
}

/// Where the values of one stored column come from and how they are read.
#[derive(Debug, Clone)]
struct Rule {
    column: ColumnIndex,
    from: From,
    style: Style,
    required: bool,
}

#[derive(Debug, Clone)]
enum From {
    Source { index: usize, header: String },
    Static(String),
}

impl Checker {
    /// A checker for sources with this mapping; `styles` holds one style for each mapped column.
    pub fn new(object: Arc<Object>, mapping: &Mapping, styles: &[Style]) -> Self {
        // An update that leaves empty cells alone may leave a required cell empty: the record has it.
        let may_stay =
            object.policy.on_duplicate == OnDuplicate::Update && object.policy.merge != Merge::Overwrite;
        let required = |column: ColumnIndex| {
            object.field_of(column).is_some_and(|field| {
                field.definition.required && field.definition.default.is_none() && !may_stay
            }) && !object.policy.takes_values_as_they_are
        };
        let mut rules = Vec::new();
        for (position, mapped) in mapping.columns.iter().enumerate() {
            rules.push(Rule {
                column: mapped.column,
                from: From::Source { index: mapped.source, header: mapped.header.clone() },
                style: styles.get(position).copied().unwrap_or_default(),
                required: required(mapped.column),
            });
        }
        for (column, value) in &mapping.statics {
            rules.push(Rule {
                column: *column,
                from: From::Static(value.clone()),
                style: Style::default(),
                required: required(*column),
            });
        }
        let mut columns: Vec<ColumnIndex> = rules.iter().map(|rule| rule.column).collect();
        let made = made_columns(&object);
        columns.extend(made.iter().filter(|column| !rules.iter().any(|rule| rule.column == **column)));
        Self { columns, object, rules, made }
    }

    /// The source header that fills a stored column, for messages.
    pub fn header_of(&self, column: ColumnIndex) -> Option<&str> {
        self.rules.iter().find(|rule| rule.column == column).and_then(|rule| match &rule.from {
            From::Source { header, .. } => Some(header.as_str()),
            From::Static(_) => None,
        })
    }

    /// Checks every cell of a batch.
    pub fn check(&self, batch: TextBatch) -> CheckedBatch {
        let rows = batch.len();
        let mut rejected = vec![false; rows];
        let (remarks, mut problems): (Vec<_>, Vec<_>) =
            batch.problems.into_iter().partition(|problem| problem.row_number == 0);
        for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
            let index =
                usize::try_from(problem.row_number.saturating_sub(batch.first_row)).unwrap_or(usize::MAX);
            if let Some(rejected) = rejected.get_mut(index) {
                *rejected = true;
            }
        }
        let mut values = Vec::with_capacity(self.rules.len());
        let mut empty = vec![true; rows];
        for rule in &self.rules {
            if let From::Source { index, .. } = &rule.from {
                let cells = &batch.columns[*index];
                (0..rows).filter(|&row| cells.is_valid(row)).for_each(|row| empty[row] = false);
            }
        }
        for rule in &self.rules {
            let constant;
            let array = match &rule.from {
                From::Source { index, .. } => &batch.columns[*index],
                From::Static(value) => {
                    constant = StringArray::from_iter_values(std::iter::repeat_n(value, rows));
                    &constant
                }
            };
            let mut cells = Cells {
                object: &self.object,
                rule,
                first_row: batch.first_row,
                lines: &batch.lines,
                rejected: &mut rejected,
                problems: &mut problems,
            };
            let checked = cells.check(array);
            if rule.required {
                cells.require(array, &checked, &empty);
            }
            values.push(checked);
        }
        for &column in &self.made {
            let Some(default) =
                self.object.field_of(column).and_then(|field| field.definition.default.as_ref())
            else {
                continue;
            };
            let texts = DefaultText::new(&self.object, default, &self.columns, &values);
            match self.rules.iter().position(|rule| rule.column == column) {
                Some(position) => {
                    values[position] = texts.fill(&self.object, column, Some(&values[position]), rows);
                }
                None => values.push(texts.fill(&self.object, column, None, rows)),
            }
        }
        // The cells of a row that has too many stand in the wrong columns, and those of a row of another table
        // in none: what is wrong with them says nothing.
        let is_of_row =
            |problem: &Problem| matches!(problem.code, ProblemCode::TooManyCells | ProblemCode::OtherTable);
        let shifted: Vec<u64> =
            problems.iter().filter(|problem| is_of_row(problem)).map(|problem| problem.row_number).collect();
        if !shifted.is_empty() {
            problems
                .retain(|problem| is_of_row(problem) || shifted.binary_search(&problem.row_number).is_err());
        }
        CheckedBatch {
            first_row: batch.first_row,
            lines: batch.lines,
            raw: batch.raw,
            values,
            rejected,
            empty,
            problems,
            remarks,
        }
    }
}

/// Match columns whose default is a template. Only where duplicates are skipped: an update would write
/// what was made over a value of the record's own.
fn made_columns(object: &Object) -> Vec<ColumnIndex> {
    if object.policy.on_duplicate != OnDuplicate::Skip {
        return Vec::new();
    }
    let is_made = |column: &ColumnIndex| {
        object.field_of(*column).is_some_and(|field| {
            field.columns.len() == 1
                && field.definition.default.as_deref().is_some_and(|text| text.contains('{'))
        })
    };
    let matched = object.policy.match_by.iter().flat_map(|rule| rule.columns.iter().copied());
    matched.filter(is_made).collect()
}

/// The cells of one column of one batch, while they are checked.
struct Cells<'a> {
    object: &'a Object,
    rule: &'a Rule,
    first_row: u64,
    lines: &'a [u64],
    rejected: &'a mut [bool],
    problems: &'a mut Vec<Problem>,
}

impl Cells<'_> {
    fn check(&mut self, array: &StringArray) -> ArrayRef {
        let column = &self.object.columns[self.rule.column];
        let style = self.rule.style;
        match column.system {
            Some(SystemColumn::Id) => return self.integers(array, |text| number::integer(text, style)),
            Some(_) => return self.datetimes(array, style),
            None => {}
        }
        let Some(field) = self.object.field_of(self.rule.column).cloned() else {
            return Arc::new(array.clone());
        };
        let kind = field.definition.kind;
        let is_text = matches!(column.value_type, ValueType::Text | ValueType::Json);
        if is_text && self.object.policy.takes_values_as_they_are {
            return self.texts(array, |text| Ok(Cow::Borrowed(text)));
        }
        if field.definition.multiple {
            return self.texts(array, |text| list(&field, text).map(Cow::Owned));
        }
        match kind {
            FieldKind::Integer => self.integers(array, |text| {
                let value = number::integer(text, style)?;
                number::within(&field, &value.to_string())?;
                Ok(value)
            }),
            FieldKind::Boolean => {
                let values: Vec<Option<bool>> = self.each(array, words::boolean);
                Arc::new(BooleanArray::from(values))
            }
            FieldKind::Date => {
                let values: Vec<Option<i32>> = self.each(array, |text| {
                    let days = date::date(text, style)?;
                    date::within(&field, days)?;
                    Ok(i32::try_from(days).unwrap_or_default())
                });
                Arc::new(Date32Array::from(values))
            }
            FieldKind::DateTime => self.datetimes(array, style),
            FieldKind::Time => {
                let values: Vec<Option<i64>> = self.each(array, date::time);
                Arc::new(Time64MicrosecondArray::from(values))
            }
            _ => self.texts(array, |text| text_value(&field, text, style)),
        }
    }

    fn integers(&mut self, array: &StringArray, judge: impl Fn(&str) -> Result<i64, Bad>) -> ArrayRef {
        Arc::new(Int64Array::from(self.each(array, judge)))
    }

    fn datetimes(&mut self, array: &StringArray, style: Style) -> ArrayRef {
        timestamps(self.each(array, |text| date::datetime(text, style)))
    }

    /// Judges every non-empty cell; a bad one becomes null and a problem.
    fn each<T>(&mut self, array: &StringArray, judge: impl Fn(&str) -> Result<T, Bad>) -> Vec<Option<T>> {
        let mut values = Vec::with_capacity(array.len());
        for (row, cell) in array.iter().enumerate() {
            let text = cell.map_or("", str::trim);
            values.push(if text.is_empty() {
                None
            } else {
                match judge(text) {
                    Ok(value) => Some(value),
                    Err(bad) => {
                        self.problem(row, bad, Some(text));
                        None
                    }
                }
            });
        }
        values
    }

    /// Judges every non-empty cell of a text column. Where every cell may stay as it is, which is the
    /// rule, the column is handed on without a copy.
    fn texts<'t>(
        &mut self,
        array: &'t StringArray,
        judge: impl Fn(&'t str) -> Result<Cow<'t, str>, Bad>,
    ) -> ArrayRef {
        let mut copy: Option<StringBuilder> = None;
        for row in 0..array.len() {
            let cell = array.is_valid(row).then(|| array.value(row));
            let judged = match cell {
                None => None,
                Some(text) if text.contains('\0') => {
                    self.problem(
                        row,
                        (ProblemCode::InvalidCharacter, "remove the NUL character".into()),
                        Some(text),
                    );
                    None
                }
                Some(text) => match judge(text) {
                    Ok(value) if value.is_empty() => None,
                    Ok(value) => Some(value),
                    Err(bad) => {
                        self.problem(row, bad, Some(text));
                        None
                    }
                },
            };
            let same = judged.as_deref().map(|text| (text.as_ptr(), text.len()))
                == cell.map(|text| (text.as_ptr(), text.len()));
            if copy.is_none() && !same {
                let mut builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
                (0..row).for_each(|row| builder.append_option(array.is_valid(row).then(|| array.value(row))));
                copy = Some(builder);
            }
            if let Some(builder) = &mut copy {
                builder.append_option(judged);
            }
        }
        match copy {
            None => Arc::new(array.clone()),
            Some(mut builder) => Arc::new(builder.finish()),
        }
    }

    /// A required cell must have a value; one that is empty only because it was bad is told already.
    fn require(&mut self, array: &StringArray, checked: &ArrayRef, empty: &[bool]) {
        if checked.null_count() == 0 {
            return;
        }
        for (row, row_is_empty) in empty.iter().enumerate() {
            let was_empty = array.is_null(row) || array.value(row).trim().is_empty();
            if checked.is_null(row) && was_empty && !row_is_empty {
                self.problem(row, (ProblemCode::Required, "give it a value".into()), None);
            }
        }
    }

    fn problem(&mut self, row: usize, (code, advice): Bad, value: Option<&str>) {
        self.rejected[row] = true;
        self.problems.push(Problem {
            row_number: self.first_row + row as u64,
            line: self.lines.get(row).copied().unwrap_or_default(),
            column: match &self.rule.from {
                From::Source { header, .. } => Some(header.clone()),
                From::Static(_) => None,
            },
            field: Some(self.object.columns[self.rule.column].name.clone()),
            code,
            severity: Severity::Error,
            value: value.map(shown),
            message: sentence(code, &advice),
        });
    }
}

/// What is wrong, and what would be right.
pub(crate) fn sentence(code: ProblemCode, advice: &str) -> String {
    let about = code.about().1;
    if advice.is_empty() { about.to_owned() } else { format!("{about}: {advice}") }
}

/// Judges one text by the kind and constraints of its field.
pub(crate) fn text_value<'t>(field: &Field, text: &'t str, style: Style) -> Result<Cow<'t, str>, Bad> {
    let definition = &field.definition;
    let text = if definition.keep_blanks && !text.trim().is_empty() { text } else { text.trim() };
    if text.is_empty() {
        return Ok(Cow::Borrowed(""));
    }
    if let Some(most) = definition.max_length
        && text.len() > most
    {
        let length = text.chars().count();
        if length > most {
            return Err((ProblemCode::TooLong, format!("{length} characters, at most {most} are allowed")));
        }
    }
    let value = match definition.kind {
        FieldKind::Email => contact::email(text)?,
        FieldKind::Phone => contact::phone(text)?,
        FieldKind::Url => contact::url(text, &definition.schemes)?,
        FieldKind::Decimal => Cow::Owned(number::decimal_in(field, text, style)?),
        FieldKind::Choice => words::choice(field, text)?,
        FieldKind::Uuid => words::uuid(text)?,
        FieldKind::Json => {
            let json = words::json(text)?;
            if let Some(shape) = definition.shape.filter(|_| !json.is_empty()) {
                shape::shaped(shape, &json)?;
            }
            json
        }
        FieldKind::Expression => match Trigger::compile(text) {
            Ok(_) => Cow::Borrowed(text),
            Err(error) => return Err((ProblemCode::InvalidExpression, error.to_string())),
        },
        _ => Cow::Borrowed(text),
    };
    if let Some(pattern) = &field.pattern
        && !pattern.is_match(&value)
    {
        let written = definition.pattern.as_deref().unwrap_or_default();
        return Err((ProblemCode::PatternMismatch, format!("it must match `{written}`")));
    }
    Ok(value)
}

/// A list of values: a JSON array, or texts separated by semicolons or, where there is none, commas.
fn list(field: &Field, text: &str) -> Result<String, Bad> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let mut items: Vec<String> = Vec::new();
    if text.starts_with('[') {
        let parsed: Vec<serde_json::Value> = serde_json::from_str(text)
            .map_err(|_| (ProblemCode::InvalidJson, "write a list as [\"a\",\"b\"] or a; b".to_owned()))?;
        for item in parsed {
            items.push(match item {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            });
        }
    } else {
        let separator = if text.contains(';') { ';' } else { ',' };
        items.extend(text.split(separator).map(str::to_owned));
    }
    let mut judged = Vec::with_capacity(items.len());
    for item in &items {
        let value = text_value(field, item, Style::default())?;
        if !value.is_empty() {
            judged.push(value);
        }
    }
    if judged.is_empty() {
        return Ok(String::new());
    }
    serde_json::to_string(&judged).map_err(|_| (ProblemCode::InvalidJson, String::new()))
}
