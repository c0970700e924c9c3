//! What can be wrong with an expression, and where; and what can be wrong with one record when an
//! expression is evaluated. Both are sentences for the people who wrote the expression.

use std::fmt;

/// A place in the text of an expression. All three count characters (not bytes) from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which character of the whole text.
    pub character: usize,
    /// Which line; lines end at a line feed.
    pub line: usize,
    /// Which character of the line.
    pub column: usize,
}

impl Position {
    /// The place of the character with this index (counted from 0) in a text.
    pub(super) fn of(text: &str, index: usize) -> Self {
        let (mut line, mut column) = (1, 1);
        for letter in text.chars().take(index) {
            if letter == '\n' {
                line += 1;
                column = 1;
            } else {
                column += 1;
            }
        }
        Self { character: index + 1, line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "character {}", self.character)?;
        if self.line > 1 {
            write!(out, " (line {}, column {})", self.line, self.column)?;
        }
        Ok(())
    }
}

/// What kind of mistake an expression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// It is longer, deeper or has more parts than is allowed.
    TooLarge,
    /// It reads a property the input schema does not have, or steps where there is nothing to step into.
    UnknownProperty,
    /// There is no function of this name.
    UnknownFunction,
    /// A function is called with too few or too many arguments, or with one of the wrong form.
    Arguments,
    /// A value cannot become the type that is needed.
    Type,
}

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    /// What kind of mistake it is.
    pub kind: ExpressionErrorKind,
    /// Where it is.
    pub position: Position,
    /// What is wrong and what to do, without the position.
    pub message: String,
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {}", self.message, self.position)
    }
}

impl std::error::Error for ExpressionError {}

/// A mistake while the place is known only as the index of a character.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) kind: ExpressionErrorKind,
    pub(super) index: usize,
    pub(super) message: String,
}

impl Mistake {
    pub(super) fn new(kind: ExpressionErrorKind, index: usize, message: impl Into<String>) -> Self {
        Self { kind, index, message: message.into() }
    }

    pub(super) fn syntax(index: usize, message: impl Into<String>) -> Self {
        Self::new(ExpressionErrorKind::Syntax, index, message)
    }

    /// The same mistake, told with its place in the text.
    pub(super) fn within(self, text: &str) -> ExpressionError {
        ExpressionError { kind: self.kind, position: Position::of(text, self.index), message: self.message }
    }
}

/// In which step of a run a record failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedStep {
    /// While the expression was evaluated.
    Transformation,
    /// When the result was given the type of the output property.
    OutputValidation,
}

/// Why one record has no result for one expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// In which step it failed.
    pub step: FailedStep,
    /// The path of the output property.
    pub path: String,
    /// The text of the expression.
    pub expression: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RecordError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the expression `{}` has no value for `{}`: {}", self.expression, self.path, self.message)
    }
}

impl std::error::Error for RecordError {}

/// A failure of evaluation before it is known for which property it happened.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) step: FailedStep,
    pub(super) message: String,
}

impl Failed {
    pub(super) fn transformation(message: impl Into<String>) -> Self {
        Self { step: FailedStep::Transformation, message: message.into() }
    }

    /// The same failure, told with its property and expression. The reasons are about values: where the expression
    /// reads secrets, they stay untold.
    pub(super) fn told(self, path: &str, expression: &str, secrets: &[String]) -> RecordError {
        let message = match secrets {
            [] => self.message,
            _ => "why is not told, as it reads a secret".to_owned(),
        };
        RecordError { step: self.step, path: path.to_owned(), expression: expression.to_owned(), message }
    }
}
