//! The one table of operators: their names, how many values they take, and for which kinds they are.

use crate::expression::Type;

/// What a condition asks; each name of an operator is one of these or its opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// Equal to the value.
    Is,
    /// Smaller than the value.
    LessThan,
    /// Smaller or equal.
    LessThanOrEqual,
    /// Larger than the value.
    GreaterThan,
    /// Larger or equal.
    GreaterThanOrEqual,
    /// From the first value to the second.
    Between,
    /// The value is part of it.
    Contains,
    /// Equal to one of the values.
    OneOf,
    /// Begins with the value.
    StartsWith,
    /// Ends with the value.
    EndsWith,
    /// Earlier than the value.
    Before,
    /// Earlier or the same.
    OnOrBefore,
    /// Later than the value.
    After,
    /// Later or the same.
    OnOrAfter,
    /// True.
    True,
    /// False.
    False,
    /// Nothing in it, or nothing at all.
    Empty,
    /// Null.
    Null,
    /// There, be it null.
    Exists,
}

/// An operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// How it is written.
    pub name: &'static str,
    /// What it asks.
    pub test: Test,
    /// True where the opposite must hold.
    pub opposite: bool,
}

const fn asks(name: &'static str, test: Test) -> Operator {
    Operator { name, test, opposite: false }
}

const fn denies(name: &'static str, test: Test) -> Operator {
    Operator { name, test, opposite: true }
}

/// All operators.
pub const OPERATORS: [Operator; 26] = [
    asks("is", Test::Is),
    denies("is not", Test::Is),
    asks("is less than", Test::LessThan),
    asks("is less than or equal to", Test::LessThanOrEqual),
    asks("is greater than", Test::GreaterThan),
    asks("is greater than or equal to", Test::GreaterThanOrEqual),
    asks("is between", Test::Between),
    denies("is not between", Test::Between),
    asks("contains", Test::Contains),
    denies("does not contain", Test::Contains),
    asks("is one of", Test::OneOf),
    denies("is not one of", Test::OneOf),
    asks("starts with", Test::StartsWith),
    asks("ends with", Test::EndsWith),
    asks("is before", Test::Before),
    asks("is on or before", Test::OnOrBefore),
    asks("is after", Test::After),
    asks("is on or after", Test::OnOrAfter),
    asks("is true", Test::True),
    asks("is false", Test::False),
    asks("is empty", Test::Empty),
    denies("is not empty", Test::Empty),
    asks("is null", Test::Null),
    denies("is not null", Test::Null),
    asks("exists", Test::Exists),
    denies("does not exist", Test::Exists),
];

impl Operator {
    /// The operator of a name.
    pub fn find(name: &str) -> Option<Self> {
        OPERATORS.into_iter().find(|operator| operator.name == name)
    }

    /// The fewest and the most values it takes.
    pub fn values(self) -> (usize, usize) {
        match self.test {
            Test::True | Test::False | Test::Empty | Test::Null | Test::Exists => (0, 0),
            Test::Between => (2, 2),
            Test::OneOf => (1, usize::MAX),
            _ => (1, 1),
        }
    }

    /// True where it may be asked of a type. Whether a property can be null or missing is another
    /// question.
    pub fn is_for(self, kind: &Type) -> bool {
        let only_some = matches!(kind, Type::String(string) if !string.values.is_empty());
        let number = matches!(kind, Type::Int(_) | Type::Float(_) | Type::Decimal(_));
        let clock = matches!(kind, Type::DateTime | Type::Date | Type::Time | Type::Year);
        let text = matches!(kind, Type::String(_));
        let json = *kind == Type::Json;
        match self.test {
            Test::Is => text || number || clock || json || matches!(kind, Type::Uuid | Type::Ip),
            Test::OneOf => text || number || clock || json,
            Test::LessThan | Test::LessThanOrEqual | Test::GreaterThan | Test::GreaterThanOrEqual => {
                (text && !only_some) || number || json
            }
            Test::Between => (text && !only_some) || number || clock || json,
            Test::Contains => match kind {
                Type::Array(array) => {
                    !matches!(*array.element, Type::Boolean | Type::Array(_) | Type::Object(_) | Type::Map(_))
                }
                _ => text || json,
            },
            Test::StartsWith | Test::EndsWith => (text && !only_some) || json,
            Test::Before | Test::OnOrBefore | Test::After | Test::OnOrAfter => clock || json,
            Test::True | Test::False => *kind == Type::Boolean || json,
            Test::Empty => match kind {
                Type::String(string) => {
                    string.values.is_empty() || string.values.iter().any(String::is_empty)
                }
                _ => json || matches!(kind, Type::Array(_) | Type::Object(_) | Type::Map(_)),
            },
            Test::Null | Test::Exists => true,
        }
    }
}
