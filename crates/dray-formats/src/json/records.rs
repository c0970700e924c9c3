//! Turns records into rows of cells: each member goes to the column of its name.

use std::collections::HashMap;
use std::ops::Range;

use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::value::ValueType;

use super::kinds::Kinds;
use super::parse::{Kind, MAX_DEPTH, Stop, Value, Walker};
use super::text::append_value;
use crate::cells::{Cell, CellFault};
use crate::header::column_names;

/// No member begins with a blank: the walker has stepped over it.
const NO_NAME: &[u8] = b"\n";

/// Objects nested deeper than this stay JSON text when records are flattened.
const FLATTENED_LEVELS: usize = 5;

/// The most members without a column that are told for one record.
const UNKNOWN_MEMBERS: usize = 20;

/// The columns of a source: the names of its members, in the order they were first seen.
pub(super) struct Columns {
    names: Vec<Vec<u8>>,
    quoted_names: Vec<Vec<u8>>,
    by_name: HashMap<Vec<u8>, usize>,
}

impl Columns {
    pub(super) fn new() -> Self {
        Self { names: Vec::new(), quoted_names: Vec::new(), by_name: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Adds a name unless it is there.
    pub(super) fn add(&mut self, name: Vec<u8>) {
        if !self.by_name.contains_key(&name) {
            self.by_name.insert(name.clone(), self.names.len());
            // A name that is written with escapes is looked up and not compared.
            let is_plain = !name.iter().any(|&byte| matches!(byte, b'"' | b'\\' | ..0x20));
            self.quoted_names.push(if is_plain {
                [b"\"", name.as_slice(), b"\""].concat()
            } else {
                NO_NAME.to_vec()
            });
            self.names.push(name);
        }
    }

    /// The header for people.
    pub(super) fn header(&self) -> Vec<String> {
        column_names(self.names.iter().map(|name| String::from_utf8_lossy(name).into_owned()))
    }

    /// A column's name as it stands in most texts, in quotes, or [`NO_NAME`].
    #[inline]
    fn quoted(&self, column: usize) -> &[u8] {
        self.quoted_names.get(column).map_or(NO_NAME, Vec::as_slice)
    }

    /// The column of a walked name.
    fn find(&self, text: &[u8], name: Value) -> Option<usize> {
        let plain = name.cell();
        if plain.needs_rewrite() {
            return self.by_name.get(&name_bytes(text, name)).copied();
        }
        self.by_name.get(text.get(plain.start()..plain.end()).unwrap_or_default()).copied()
    }
}

/// What a walked name says.
pub(super) fn name_bytes(text: &[u8], name: Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_value(text.get(name.start..name.end).unwrap_or_default(), &mut bytes);
    bytes
}

/// Walks a record and shows every member that is no object with members, under the names that lead to
/// it with dots between them; `path` is what leads to the object that stands here.
pub(super) fn walk_leaves(
    walker: &mut Walker<'_>,
    text: &[u8],
    path: &mut Vec<u8>,
    level: usize,
    visit: &mut dyn FnMut(&[u8], Value),
) -> Result<(), Stop> {
    walker.members(|walker| {
        let before = path.len();
        let name = walker.name()?;
        path.extend_from_slice(&name_bytes(text, name));
        if level < FLATTENED_LEVELS && walker.is_at_members() {
            path.push(b'.');
            walk_leaves(walker, text, path, level + 1, visit)?;
        } else {
            let value = walker.value()?;
            visit(path, value);
        }
        path.truncate(before);
        Ok(())
    })
}

/// The rows of a batch.
pub(super) struct Records {
    pub(super) columns: Columns,
    pub(super) header: Vec<String>,
    pub(super) first_row: u64,
    /// One for each column of each row.
    pub(super) cells: Vec<Cell>,
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) lines: Vec<u64>,
    pub(super) problems: Vec<Problem>,
    /// For each column, the number of the last row that has it.
    seen_in_row: Vec<u64>,
    /// For each column, what its values were, with the last row and without it.
    kinds: Vec<Kinds>,
    kinds_before: Vec<Kinds>,
    layout: Layout,
    /// Members without a column are not wanted, and nobody is told.
    pub(super) passes_over_others: bool,
}

/// What the records of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Objects; those within them are cells.
    Objects,
    /// Objects; the members of those within them have columns of their own.
    Flattened,
    /// Arrays, whose places are the columns.
    Arrays,
}

/// Where the members of one record go.
struct Slots<'a> {
    cells: &'a mut [Cell],
    seen_in_row: &'a mut [u64],
    kinds: &'a mut [Kinds],
    row_number: u64,
    /// A column that two members of the record belong to.
    twice: Option<usize>,
    /// Members without a column.
    unknown: Vec<(Vec<u8>, Value)>,
}

impl Slots<'_> {
    #[inline]
    fn put(&mut self, column: usize, value: Value) {
        if std::mem::replace(&mut self.seen_in_row[column], self.row_number) == self.row_number {
            self.twice = Some(column);
        }
        self.cells[column] = value.cell();
        self.kinds[column].add(value.kind);
    }

    fn put_unknown(&mut self, name: &[u8], value: Value) {
        if self.unknown.len() < UNKNOWN_MEMBERS {
            self.unknown.push((name.to_vec(), value));
        }
    }
}

impl Records {
    pub(super) fn new(columns: Columns, layout: Layout) -> Self {
        let header = columns.header();
        let seen_in_row = vec![0; header.len()];
        let kinds = vec![Kinds::default(); header.len()];
        Self {
            columns,
            header,
            first_row: 1,
            cells: Vec::new(),
            ranges: Vec::new(),
            lines: Vec::new(),
            problems: Vec::new(),
            seen_in_row,
            kinds_before: kinds.clone(),
            kinds,
            layout,
            passes_over_others: false,
        }
    }

    /// The types of the columns as far as their records were walked.
    pub(super) fn types(&self) -> Vec<Option<ValueType>> {
        self.kinds.iter().map(|kinds| kinds.value_type()).collect()
    }

    /// What the places of records are called that are arrays.
    pub(super) fn places(&self) -> Vec<String> {
        if self.layout == Layout::Arrays { self.header.clone() } else { Vec::new() }
    }

    /// Begins a batch.
    pub(super) fn restart(&mut self, first_row: u64) {
        self.first_row = first_row;
        self.cells.clear();
        self.ranges.clear();
        self.lines.clear();
        self.problems.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Walks the record at `at` and adds its row; returns where it ends. Where it cannot be walked,
    /// nothing is added.
    pub(super) fn add(&mut self, text: &[u8], at: usize, line: u64) -> Result<usize, Stop> {
        let first_cell = self.cells.len();
        let known_problems = self.problems.len();
        self.kinds_before.copy_from_slice(&self.kinds);
        let walked = self.walk(text, at, line);
        match walked {
            Ok(end) => {
                self.ranges.push(at..end);
                self.lines.push(line);
            }
            Err(_) => {
                self.cells.truncate(first_cell);
                self.problems.truncate(known_problems);
                self.seen_in_row.fill(0);
                self.kinds.copy_from_slice(&self.kinds_before);
            }
        }
        walked
    }

    fn walk(&mut self, text: &[u8], at: usize, line: u64) -> Result<usize, Stop> {
        let row_number = self.first_row + self.len() as u64;
        let first_cell = self.cells.len();
        self.cells.resize(first_cell + self.columns.len(), Cell::MISSING);
        let mut walker = Walker::new(text, at);
        let (bracket, wanted) = match self.layout {
            Layout::Objects | Layout::Flattened => {
                (b'{', "the record is not an object; write it as {\"name\": value}")
            }
            Layout::Arrays => (b'[', "the record is not an array, as the first one is; write it as [value]"),
        };
        if walker.peek() != Some(bracket) {
            let value = walker.value()?;
            self.add_problem(line, wanted, text.get(value.start..value.end));
            return Ok(walker.at);
        }
        let columns = &self.columns;
        let mut slots = Slots {
            cells: self.cells.get_mut(first_cell..).unwrap_or_default(),
            seen_in_row: &mut self.seen_in_row,
            kinds: &mut self.kinds,
            row_number,
            twice: None,
            unknown: Vec::new(),
        };
        let mut values = 0;
        match self.layout {
            Layout::Objects => {
                let mut likely = 0;
                walker.members(|walker| {
                    let column = if walker.skip_name(columns.quoted(likely))? {
                        likely
                    } else {
                        let name = walker.name()?;
                        match columns.find(text, name) {
                            Some(column) => column,
                            None => {
                                slots.put_unknown(&name_bytes(text, name), walker.value()?);
                                return Ok(());
                            }
                        }
                    };
                    slots.put(column, walker.value()?);
                    likely = column + 1;
                    Ok(())
                })?;
            }
            Layout::Flattened => {
                walk_leaves(&mut walker, text, &mut Vec::new(), 0, &mut |name, value| match columns
                    .by_name
                    .get(name)
                {
                    Some(&column) => slots.put(column, value),
                    None => slots.put_unknown(name, value),
                })?;
            }
            Layout::Arrays => walker.elements(|value| {
                if values < columns.len() {
                    slots.put(values, value);
                }
                values += 1;
            })?,
        }
        let Slots { twice, unknown, .. } = slots;
        if values > self.columns.len() {
            let message = format!("the row has {values} values and the table {} columns", self.columns.len());
            self.add_problem_of(ProblemCode::TooManyCells, line, &message, None);
        }
        // Members of the record stand at depth 1, and so does the walker's first bracket.
        if walker.depth >= MAX_DEPTH {
            let message = format!("the record is nested deeper than {MAX_DEPTH} levels; flatten it");
            self.add_problem(line, &message, None);
            self.cells.truncate(first_cell);
            self.cells.resize(first_cell + self.columns.len(), Cell::MISSING);
        }
        if walker.has_lone_surrogate {
            let message = "a `\\u` escape stands for half a character; write both halves";
            self.add_problem_of(ProblemCode::InvalidCharacter, line, message, None);
        }
        if let Some(column) = twice {
            let message = format!("the record has two members `{}`; keep one", self.header[column]);
            self.add_problem(line, &message, None);
        }
        if self.passes_over_others {
            return Ok(walker.at);
        }
        for (name, value) in unknown {
            self.add_unknown_member(text, line, &name, value);
        }
        Ok(walker.at)
    }

    /// Takes the row added last away again.
    pub(super) fn remove_last(&mut self) {
        self.ranges.pop();
        self.lines.pop();
        self.cells.truncate(self.lines.len() * self.columns.len());
        let row_number = self.first_row + self.len() as u64;
        self.problems.retain(|problem| problem.row_number < row_number);
        self.seen_in_row.fill(0);
        self.kinds.copy_from_slice(&self.kinds_before);
    }

    /// Adds a row without cells for a record that cannot be walked.
    pub(super) fn add_broken(&mut self, range: Range<usize>, text: &[u8], line: u64, message: &str) {
        self.cells.resize(self.cells.len() + self.columns.len(), Cell::MISSING);
        self.add_problem(line, message, text.get(range.clone()));
        self.ranges.push(range);
        self.lines.push(line);
    }

    fn add_problem(&mut self, line: u64, message: &str, value: Option<&[u8]>) {
        self.add_problem_of(ProblemCode::InvalidRecord, line, message, value);
    }

    fn add_problem_of(&mut self, code: ProblemCode, line: u64, message: &str, value: Option<&[u8]>) {
        self.problems.push(Problem {
            row_number: self.first_row + self.len() as u64,
            line,
            column: None,
            field: None,
            code,
            severity: Severity::Error,
            value: value.map(|value| shown(&String::from_utf8_lossy(beginning(value)))),
            message: message.to_owned(),
        });
    }

    fn add_unknown_member(&mut self, text: &[u8], line: u64, name: &[u8], value: Value) {
        let name = String::from_utf8_lossy(name).into_owned();
        let source = text.get(value.start..value.end).unwrap_or_default();
        let mut said = Vec::new();
        append_value(source, &mut said);
        self.problems.push(Problem {
            row_number: self.first_row + self.len() as u64,
            line,
            message: format!(
                "no earlier record has a member `{name}`, so there is no column for it; it is left out"
            ),
            column: Some(name),
            field: None,
            code: ProblemCode::UnknownMember,
            severity: Severity::Warning,
            value: (value.kind != Kind::Null).then(|| shown(&String::from_utf8_lossy(beginning(&said)))),
        });
    }

    /// Adds what was found wrong with a cell.
    pub(super) fn add_cell_fault(&mut self, fault: CellFault) {
        let (row, column) = (fault.index / self.columns.len(), fault.index % self.columns.len());
        self.problems.push(Problem {
            row_number: self.first_row + row as u64,
            line: self.lines.get(row).copied().unwrap_or_default(),
            column: self.header.get(column).cloned(),
            field: None,
            code: fault.code,
            severity: Severity::Error,
            value: fault.value.as_deref().map(shown),
            message: fault.message,
        });
    }
}

/// Enough of a value to show it.
fn beginning(value: &[u8]) -> &[u8] {
    value.get(..1000).unwrap_or(value)
}
