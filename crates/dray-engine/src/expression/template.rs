//! Texts with values in them, such as the headers of a request: `Bearer $secret.KEY`. A text that is a path or a call
//! is one expression of the language of triggers; in any other, each `$root.path` gives way to its value.

use std::fmt;

use super::compile::{Compiler, SECRET, Typed};
use super::convert::nested::to_json;
use super::evaluate::Evaluator;
use super::fault::{ExpressionError, ExpressionErrorKind, Failed, FailedStep, Mistake, RecordError};
use super::function::find_function;
use super::json::Json;
use super::parse::{Dialect, MOST_CHARACTERS, MOST_PARTS};
use super::syntax::{Expression, Part, Path, Place, Step, StepTo, Term};
use super::types::{Property, Schema, Type};
use super::value::Value;

/// What the values of a template are taken from.
#[derive(Clone)]
pub struct Roots {
    /// `$payload`: what was received.
    pub payload: Json,
    /// `$secret`: what nobody may read, by name.
    pub secret: Json,
    /// `$process`: what was made of the payload.
    pub process: Json,
    /// `$lookup`: what another system answered.
    pub lookup: Json,
}

impl fmt::Debug for Roots {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What nobody may read stays out of logs.
        let Self { payload, secret: _, process, lookup } = self;
        let mut shown = out.debug_struct("Roots");
        shown.field("payload", payload).field("process", process).field("lookup", lookup);
        shown.finish_non_exhaustive()
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self { payload: Json::Null, secret: Json::Null, process: Json::Null, lookup: Json::Null }
    }
}

const ROOTS: [&str; 4] = ["payload", SECRET, "process", "lookup"];

/// Operators that may stand behind a path at the beginning of an expression.
const OPERATORS: [&str; 8] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">"];

/// A text with values in it.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    typed: Typed,
    /// The roots it reads.
    pub inputs: Vec<String>,
    /// The names of the secrets it reads.
    pub secrets: Vec<String>,
}

impl Template {
    /// Compiles a template.
    ///
    /// A text that begins with a path, and has nothing or an operator behind it, or that is a call of a function, is
    /// an expression; its value is JSON of any kind. Every other is a text: paths in it, `$payload.items[0].name`,
    /// are replaced by their values, nothing stands for null, and `$$` is the sign itself.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        let properties = ROOTS.iter().map(|root| Property::new(*root, Type::Json)).collect();
        let schema = Schema { properties };
        let mut compiler = Compiler::new(&schema, true);
        let (expression, kind) = expression(text)?;
        let typed = compiler
            .fitted(&expression, &kind, FailedStep::Transformation)
            .map_err(|mistake| mistake.within(text))?;
        let Compiler { inputs, secrets, .. } = compiler;
        Ok(Self { text: text.to_owned(), typed, inputs, secrets })
    }

    /// Its value. Where a path leads nowhere there is null, and in a text nothing.
    pub fn evaluate(&self, roots: &Roots) -> Result<Json, RecordError> {
        let Roots { payload, secret, process, lookup } = roots;
        let record = [payload, secret, process, lookup].map(|root| Some(Value::Json(root.clone())));
        let value = Evaluator::new(&record).value(&self.typed).and_then(|value| {
            to_json(&value, self.typed.kind.as_ref())
                .map_err(|failure| Failed::transformation(failure.to_string()))
        });
        value.map_err(|failed| failed.told("template", &self.text, &self.secrets))
    }
}

/// The template as an expression, and the type of its value.
fn expression(text: &str) -> Result<(Expression, Type), ExpressionError> {
    let too_large = |message: String, index| {
        Err(Mistake::new(ExpressionErrorKind::TooLarge, index, message).within(text))
    };
    if text.len() > MOST_CHARACTERS && text.chars().count() > MOST_CHARACTERS {
        return too_large(
            format!("the text is longer than {MOST_CHARACTERS} characters; shorten it"),
            MOST_CHARACTERS,
        );
    }
    let letters = Letters(text.chars().collect());
    if letters.is_expression() {
        return Ok((Expression::parse(text, Dialect::Trigger)?, Type::Json));
    }
    let parts = letters.parts().map_err(|mistake| mistake.within(text))?;
    if let Some(part) = parts.get(MOST_PARTS) {
        return too_large(format!("the text has more than {MOST_PARTS} parts; simplify it"), part.place.0);
    }
    Ok((Expression { parts }, Type::string()))
}

/// The letters of a template.
struct Letters(Vec<char>);

impl Letters {
    fn get(&self, index: usize) -> Option<char> {
        self.0.get(index).copied()
    }

    /// The first letter from here on that is no blank.
    fn after_blanks(&self, from: usize) -> usize {
        let blanks = self.0.iter().skip(from).take_while(|letter| letter.is_whitespace()).count();
        from + blanks
    }

    fn stand_at(&self, index: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, letter)| self.get(index + ahead) == Some(letter))
    }

    fn is_expression(&self) -> bool {
        let begin = self.after_blanks(0);
        if self.get(begin) == Some('$') {
            let Some((_, end)) = self.path_at(begin) else { return false };
            let next = self.after_blanks(end);
            let is_word = |word: &str| {
                next > end && self.stand_at(next, word) && !self.get(next + word.len()).is_some_and(in_name)
            };
            // A step that was begun and is none is a mistake, not the end of a sentence.
            let is_broken_step = matches!(self.get(end), Some('.' | '[' | '?'))
                && !self.0.iter().skip(end).any(|letter| letter.is_whitespace() || *letter == '$');
            return next == self.0.len()
                || OPERATORS.iter().any(|operator| self.stand_at(next, operator))
                || is_word("and")
                || is_word("or")
                || is_broken_step;
        }
        let name = self.name_at(begin);
        let is_call = !name.is_empty() && self.get(begin + name.len()) == Some('(');
        is_call && (find_function(&name, true).is_ok() || self.0.contains(&'$'))
    }

    /// The name that begins here; empty where there is none.
    fn name_at(&self, index: usize) -> String {
        if !self.get(index).is_some_and(begins_name) {
            return String::new();
        }
        self.0.iter().skip(index).take_while(|letter| in_name(**letter)).collect()
    }

    /// The path whose `$` stands here, and where it ends. It goes on as long as what follows can be a step.
    fn path_at(&self, index: usize) -> Option<(Path, usize)> {
        let root = self.name_at(index + 1);
        if root.is_empty() {
            return None;
        }
        let mut end = index + 1 + root.len();
        let mut steps = Vec::new();
        while let Some((to, next)) = self.step_at(end) {
            steps.push(Step { place: Place(end), to, optional: false });
            end = next;
        }
        Some((Path { root, dollar: true, steps }, end))
    }

    /// `.name`, `[0]` or `['name']`.
    fn step_at(&self, index: usize) -> Option<(StepTo, usize)> {
        let from = index + 1;
        match self.get(index)? {
            '.' => {
                let name: String = self.0.iter().skip(from).take_while(|letter| in_name(**letter)).collect();
                let end = from + name.len();
                (!name.is_empty()).then_some((StepTo::Name(name), end))
            }
            '[' => {
                let quote = self.get(from).filter(|letter| matches!(letter, '"' | '\''));
                let (inner, after) = match quote {
                    Some(quote) => {
                        let inside = self.0.iter().skip(from + 1);
                        let name: Vec<char> = inside
                            .copied()
                            .take_while(|letter| *letter != quote && *letter != '\\')
                            .collect();
                        let closing = from + 1 + name.len();
                        if self.get(closing) != Some(quote) {
                            return None;
                        }
                        (StepTo::Name(name.into_iter().collect()), closing + 1)
                    }
                    None => {
                        let digits: String =
                            self.0.iter().skip(from).take_while(|letter| letter.is_ascii_digit()).collect();
                        (StepTo::Index(digits.parse().ok()?), from + digits.len())
                    }
                };
                (self.get(after) == Some(']')).then_some((inner, after + 1))
            }
            _ => None,
        }
    }

    /// The text in its parts: what stands there, and paths.
    fn parts(&self) -> Result<Vec<Part>, Mistake> {
        let mut parts = Vec::new();
        let (mut plain, mut begin, mut at) = (String::new(), 0, 0);
        while let Some(letter) = self.get(at) {
            if letter != '$' {
                plain.push(letter);
                at += 1;
                continue;
            }
            if let Some((path, end)) = self.path_at(at) {
                if !plain.is_empty() {
                    parts.push(Part { place: Place(begin), term: Term::Text(std::mem::take(&mut plain)) });
                }
                parts.push(Part { place: Place(at), term: Term::Path(path) });
                (begin, at) = (end, end);
                continue;
            }
            plain.push('$');
            at += match self.get(at + 1) {
                Some('$') => 2,
                // A price, or the end of a sentence.
                None => 1,
                Some(next) if next.is_whitespace() || next.is_ascii_digit() => 1,
                Some(_) => {
                    let message = "a name is missing after the `$`; write `$payload.name` for a value and `$$` for \
                                   the sign itself";
                    return Err(Mistake::syntax(at, message));
                }
            };
        }
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part { place: Place(begin), term: Term::Text(plain) });
        }
        Ok(parts)
    }
}

fn begins_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

fn in_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}
