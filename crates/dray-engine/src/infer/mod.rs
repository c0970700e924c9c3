//! The types of text columns on their way into a typed format (Parquet, workbooks, JSON): the narrowest
//! type that says exactly what the text says.
//!
//! Written and read back, a column of whole numbers, dates, UUIDs, `true` and `false` has the same text in
//! every cell. Three types say the same in another way: decimals are written with as many decimals as
//! the longest of the column has (`1.5` beside `0.25` becomes `1.50`, `-0.0` becomes `0.0`), times with their
//! seconds, and timestamps in UTC. Everything else stays text: codes such as `00123`, numbers with an
//! exponent, a plus or thousands marks, `TRUE` and `yes`, dates that are not ISO, timestamps that do not name
//! their zone, JSON, columns without a value, and columns in which types mix (a whole number and a decimal
//! are both decimals).
//!
//! The types depend on the set of cells alone, not on their order nor on how they come in batches.

mod text;
mod cast;

use arrow_array::StringArray;
use dray_model::batch::TextBatch;
use dray_model::value::ValueType;

use crate::check::words::is_canonical_uuid;
pub use cast::{Misfit, cast};
use text::{Digits, Reading, boolean, date, digits_of, instant, integer, reading, time};

/// The most digits a decimal has.
const MOST_DIGITS: usize = 38;

/// The type found for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InferredType {
    /// The type.
    pub value_type: ValueType,
    /// For decimals, the digits that all of them fit in.
    pub decimal: Option<DecimalSize>,
}

/// The digits of a column of decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecimalSize {
    /// All digits, 1 to 38.
    pub precision: u8,
    /// Those behind the point.
    pub scale: u8,
}

/// Finds the types of the columns of one source.
#[derive(Debug, Clone)]
pub struct Inference {
    columns: Vec<Column>,
}

/// What the cells of a column have been so far.
#[derive(Debug, Clone, Copy)]
struct Column {
    kind: Kind,
    digits: Digits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No cell has had text.
    Empty,
    Known(ValueType),
}

impl Inference {
    /// Begins with columns of which nothing is known.
    pub fn new(columns: usize) -> Self {
        Self { columns: vec![Column::of(None); columns] }
    }

    /// Begins with the types the source itself gives its columns
    /// ([`dray_model::flow::RowSource::column_types`]); those are kept unless a cell contradicts. `given` may
    /// be shorter than `columns`.
    pub fn with_given(columns: usize, given: &[Option<ValueType>]) -> Self {
        let given = given.iter().copied().chain(std::iter::repeat(None));
        Self { columns: given.take(columns).map(Column::of).collect() }
    }

    /// Looks at the cells of a batch.
    pub fn look(&mut self, batch: &TextBatch) {
        for (column, cells) in self.columns.iter_mut().zip(&batch.columns) {
            column.look(cells);
        }
    }

    /// Makes the type of a column wide enough for one more value, such as that of a [`Misfit`].
    pub fn widen(&mut self, column: usize, value: &str) {
        if let Some(column) = self.columns.get_mut(column) {
            column.add(value);
        }
    }

    /// True where only text is left, so that more rows cannot change anything.
    pub fn is_settled(&self) -> bool {
        self.columns.iter().all(Column::is_settled)
    }

    /// The type of each column.
    pub fn types(&self) -> Vec<InferredType> {
        self.columns.iter().map(Column::inferred).collect()
    }
}

impl Column {
    fn of(given: Option<ValueType>) -> Self {
        Self { kind: given.map_or(Kind::Empty, Kind::Known), digits: Digits::default() }
    }

    fn is_settled(&self) -> bool {
        self.kind == Kind::Known(ValueType::Text)
    }

    fn look(&mut self, cells: &StringArray) {
        for text in cells.iter().flatten() {
            if self.is_settled() {
                return;
            }
            self.add(text);
        }
    }

    /// Most cells are what the cells before them were, so that is asked first.
    #[inline]
    fn add(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let fits = match self.kind {
            Kind::Empty => false,
            Kind::Known(ValueType::Integer) => integer(text).is_some_and(|value| {
                let whole = if value == 0 { 0 } else { text.trim_start_matches('-').len() };
                self.digits.whole = self.digits.whole.max(whole);
                true
            }),
            Kind::Known(ValueType::Decimal) => digits_of(text).is_some_and(|digits| {
                self.digits = self.digits.join(digits);
                true
            }),
            Kind::Known(ValueType::Boolean) => boolean(text).is_some(),
            Kind::Known(ValueType::Date) => date(text).is_some(),
            Kind::Known(ValueType::Time) => time(text).is_some(),
            Kind::Known(ValueType::DateTime) => instant(text).is_some(),
            Kind::Known(ValueType::Uuid) => is_canonical_uuid(text),
            Kind::Known(ValueType::Text | ValueType::Json) => true,
        };
        if !fits {
            self.join(reading(text));
        }
    }

    /// The narrowest type for what was there and what comes: only numbers have one but text.
    fn join(&mut self, reading: Reading) {
        let (found, digits) = match reading {
            Reading::Integer(digits) => (ValueType::Integer, digits),
            Reading::Decimal(digits) => (ValueType::Decimal, digits),
            Reading::Boolean => (ValueType::Boolean, Digits::default()),
            Reading::Date => (ValueType::Date, Digits::default()),
            Reading::Time => (ValueType::Time, Digits::default()),
            Reading::DateTime => (ValueType::DateTime, Digits::default()),
            Reading::Uuid => (ValueType::Uuid, Digits::default()),
            Reading::Text => (ValueType::Text, Digits::default()),
        };
        self.digits = self.digits.join(digits);
        let is_number = |kind: ValueType| matches!(kind, ValueType::Integer | ValueType::Decimal);
        self.kind = Kind::Known(match self.kind {
            Kind::Empty => found,
            Kind::Known(before) if before == found => found,
            Kind::Known(before) if is_number(before) && is_number(found) => ValueType::Decimal,
            Kind::Known(_) => ValueType::Text,
        });
    }

    fn inferred(&self) -> InferredType {
        let text = InferredType { value_type: ValueType::Text, decimal: None };
        match self.kind {
            Kind::Empty => text,
            Kind::Known(ValueType::Decimal) => {
                let Digits { whole, decimals } = self.digits;
                let digits = (whole + decimals).max(1);
                match (u8::try_from(digits), u8::try_from(decimals)) {
                    (Ok(precision), Ok(scale)) if digits <= MOST_DIGITS => InferredType {
                        value_type: ValueType::Decimal,
                        decimal: Some(DecimalSize { precision, scale }),
                    },
                    _ => text,
                }
            }
            Kind::Known(value_type) => InferredType { value_type, decimal: None },
        }
    }
}

#[cfg(test)]
mod tests;
