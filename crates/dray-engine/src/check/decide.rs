//! Decisions that hold for a whole column: is 03/04/2025 in April or in March, is 1.234 a thousand.
//! They are made from evidence before the first row is checked, or the person is asked.

use arrow_array::Array;
use dray_model::batch::TextBatch;
use dray_model::definition::FieldKind;
use dray_model::object::{ColumnIndex, Object};
use dray_model::{Error, Result};

use super::date::{ToldOrder, told_order};
use super::style::{DateOrder, DecimalMark, Style};
use crate::map::Mapping;

/// Evidence gathered about every mapped column.
#[derive(Debug)]
pub struct Evidence {
    columns: Vec<ColumnEvidence>,
    asked: Option<DateOrder>,
}

#[derive(Debug)]
struct ColumnEvidence {
    source: usize,
    header: String,
    reads: Reads,
    /// Values that can only be read with the day (or comma) first.
    for_first: u64,
    /// Values that can only be read the other way.
    for_second: u64,
    /// A value that could be either, for the question.
    ambiguous: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Dates,
    Numbers,
    Other,
}

impl Evidence {
    /// Begins to gather; `asked` is what the person said about dates.
    pub fn new(object: &Object, mapping: &Mapping, asked: Option<DateOrder>) -> Self {
        let columns = mapping
            .columns
            .iter()
            .map(|mapped| ColumnEvidence {
                source: mapped.source,
                header: mapped.header.clone(),
                reads: reads(object, mapped.column),
                for_first: 0,
                for_second: 0,
                ambiguous: None,
            })
            .collect();
        Self { columns, asked }
    }

    /// Looks at the cells of a batch.
    pub fn observe(&mut self, batch: &TextBatch) {
        for column in &mut self.columns {
            let Some(cells) = batch.columns.get(column.source) else { continue };
            match column.reads {
                Reads::Other => {}
                Reads::Dates => (0..cells.len())
                    .filter(|&row| cells.is_valid(row))
                    .for_each(|row| column.observe_date(cells.value(row).trim())),
                Reads::Numbers => (0..cells.len())
                    .filter(|&row| cells.is_valid(row))
                    .for_each(|row| column.observe_number(cells.value(row).trim())),
            }
        }
    }

    /// True where more rows could still answer an open question.
    pub fn is_open(&self) -> bool {
        self.asked.is_none() && self.columns.iter().any(ColumnEvidence::is_open)
    }

    /// The style of every mapped column; an error asks where dates could be read both ways.
    pub fn decide(&self) -> Result<Vec<Style>> {
        self.columns.iter().map(|column| column.decide(self.asked)).collect()
    }
}

impl ColumnEvidence {
    fn observe_date(&mut self, text: &str) {
        match told_order(text) {
            ToldOrder::Only(DateOrder::DayFirst) => self.for_first += 1,
            ToldOrder::Only(DateOrder::MonthFirst) => self.for_second += 1,
            ToldOrder::Either => self.remember(text),
            ToldOrder::Plain | ToldOrder::NoDate => {}
        }
    }

    fn observe_number(&mut self, text: &str) {
        let (comma, point) = (text.rfind(','), text.rfind('.'));
        let groups_of_three = |at: usize| {
            text.get(at + 1..)
                .is_some_and(|rest| rest.trim_end_matches(|c: char| !c.is_ascii_digit()).len() == 3)
        };
        match (comma, point) {
            (Some(comma), Some(point)) if comma > point => self.for_first += 1,
            (Some(_), Some(_)) => self.for_second += 1,
            (Some(comma), None) if text.matches(',').count() == 1 && !groups_of_three(comma) => {
                self.for_first += 1;
            }
            (Some(_), None) if text.matches(',').count() > 1 => self.for_second += 1,
            (None, Some(point)) if text.matches('.').count() == 1 && !groups_of_three(point) => {
                self.for_second += 1;
            }
            (None, Some(_)) if text.matches('.').count() > 1 => self.for_first += 1,
            _ => {}
        }
    }

    fn remember(&mut self, text: &str) {
        if self.ambiguous.is_none() {
            self.ambiguous = Some(dray_model::problem::shown(text));
        }
    }

    fn is_open(&self) -> bool {
        self.reads == Reads::Dates && self.ambiguous.is_some() && self.for_first == 0 && self.for_second == 0
    }

    fn decide(&self, asked: Option<DateOrder>) -> Result<Style> {
        let mut style = Style::default();
        match self.reads {
            Reads::Other => {}
            Reads::Numbers if self.for_first > self.for_second => style.decimal_mark = DecimalMark::Comma,
            Reads::Numbers => {}
            Reads::Dates => {
                style.date_order = match asked {
                    Some(order) => Some(order),
                    None if self.is_open() => return Err(self.question()),
                    None if self.for_second > self.for_first => Some(DateOrder::MonthFirst),
                    None => Some(DateOrder::DayFirst),
                };
            }
        }
        Ok(style)
    }

    fn question(&self) -> Error {
        let value = self.ambiguous.as_deref().unwrap_or_default();
        Error::request(format!(
            "the dates of column `{}` can be read two ways: `{value}` may be day/month or month/day, and no other row \
             tells which",
            self.header
        ))
        .hint("say which with --dates day-first or --dates month-first")
    }
}

fn reads(object: &Object, column: ColumnIndex) -> Reads {
    let Some(field) = object.field_of(column) else {
        return if object.columns[column].name.ends_with("_at") { Reads::Dates } else { Reads::Other };
    };
    match field.definition.kind {
        FieldKind::Date | FieldKind::DateTime => Reads::Dates,
        FieldKind::Decimal | FieldKind::Integer => Reads::Numbers,
        _ => Reads::Other,
    }
}
