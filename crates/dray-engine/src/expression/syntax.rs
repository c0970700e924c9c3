//! Expressions as they were written, and their one canonical text: what is printed and parsed again is
//! the same expression.

use std::fmt::{self, Write as _};

use super::decimal::Decimal;
use super::function::Function;
use super::json::write_quoted;
use super::types::is_property_name;

/// Where a part stands: the index of its first character. All places are equal, so that expressions
/// compare by what they say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place(pub usize);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One part, or several that are joined as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// The parts, at least one.
    pub parts: Vec<Part>,
}

/// A literal, a path or a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub term: Term,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// A text in quotes.
    Text(String),
    /// A whole number of 64 bits.
    Integer(i64),
    /// Any other number.
    Number(Decimal),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`.
    Null,
    /// A property.
    Path(Path),
    /// A function and its arguments.
    Call(Function, Vec<Expression>),
}

/// The path of a property.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The name it begins with.
    pub root: String,
    /// True where the name was written after a `$`.
    pub dollar: bool,
    /// The way from there.
    pub steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where it stands.
    pub place: Place,
    /// Where it leads.
    pub to: StepTo,
    /// True where a `?` follows: no mistake if there is nothing to step into.
    pub optional: bool,
}

/// Where a step leads.
#[derive(Debug, Clone, PartialEq)]
pub enum StepTo {
    /// `.name` or `['name']`.
    Name(String),
    /// `[0]`, which only triggers have.
    Index(usize),
}

impl Term {
    /// True for a value that stands in the expression itself.
    pub fn is_literal(&self) -> bool {
        !matches!(self, Self::Path(_) | Self::Call(..))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                out.write_char(' ')?;
            }
            part.term.fmt(out)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_quoted(text, char::is_control, out),
            Self::Integer(number) => write!(out, "{number}"),
            Self::Number(number) => {
                let text = number.to_string();
                // Without a point it would be read as a whole number.
                let point = if text.contains(['.', 'e']) { "" } else { ".0" };
                write!(out, "{text}{point}")
            }
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Null => out.write_str("null"),
            Self::Path(path) => path.fmt(out),
            Self::Call(function, arguments) => {
                out.write_str(function.signature().map_or("", |signature| signature.name))?;
                out.write_char('(')?;
                for (index, argument) in arguments.iter().enumerate() {
                    if index > 0 {
                        out.write_str(", ")?;
                    }
                    argument.fmt(out)?;
                }
                out.write_char(')')
            }
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dollar {
            out.write_char('$')?;
        } else if is_word(&self.root) {
            out.write_char('.')?;
        }
        out.write_str(&self.root)?;
        for step in &self.steps {
            match &step.to {
                StepTo::Name(name) if is_step_name(name) => write!(out, ".{name}")?,
                StepTo::Name(name) => {
                    out.write_char('[')?;
                    write_quoted(name, char::is_control, out)?;
                    out.write_char(']')?;
                }
                StepTo::Index(index) => write!(out, "[{index}]")?,
            }
            if step.optional {
                out.write_char('?')?;
            }
        }
        Ok(())
    }
}

/// True for the words that are values and no properties unless a point stands before them; triggers
/// have operators among them.
pub(super) fn is_word(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "and" | "or" | "not")
}

/// After a point a name may begin with a digit.
fn is_step_name(name: &str) -> bool {
    is_property_name(name.trim_start_matches(|letter: char| letter.is_ascii_digit()))
        || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()))
}
