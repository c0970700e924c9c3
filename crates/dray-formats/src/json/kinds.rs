//! What the values of a column have been so far, and the type that makes of it. JSON says of every value
//! what it is, so nothing needs to be guessed from its look.

use dray_model::value::ValueType;

use super::parse::Kind;

/// The kinds of values a column has had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    #[inline]
    pub(super) fn add(&mut self, kind: Kind) {
        // That no value is there says nothing about a column.
        if kind != Kind::Null {
            self.0 |= 1 << kind as u8;
        }
    }

    fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The type of the column. Text says everything, so it never changes any more; JSON becomes text where a
    /// string comes. `None` where all values are plain numbers, or all are true or false: what numbers
    /// they are, their text says.
    pub(super) fn value_type(self) -> Option<ValueType> {
        let is_mixed = self.has(Kind::Boolean) && self.has(Kind::Number);
        if self.has(Kind::Text) {
            Some(ValueType::Text)
        } else if self.has(Kind::Nested) || self.has(Kind::OddNumber) || is_mixed {
            Some(ValueType::Json)
        } else {
            None
        }
    }
}
