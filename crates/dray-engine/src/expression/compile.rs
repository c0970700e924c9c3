//! From an [`Expression`] to something that can be evaluated: paths are found in the input schema, every
//! part gets its type, literals are converted once, and what can never work is refused with its place.

use std::borrow::Cow;

use super::convert::nested::to_json;
use super::convert::{convert, is_convertible};
use super::decimal::Decimal;
use super::fault::{ExpressionErrorKind, FailedStep, Mistake};
use super::function::Function;
use super::json::Json;
use super::resolve::{Reading, resolve};
use super::syntax::{Expression, Part, Path, Place, Step, StepTo, Term};
use super::types::{Schema, Type};
use super::value::Value;

/// A part that can be evaluated, and its type; `None` is the type of null alone.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) node: Node,
    pub(super) kind: Option<Type>,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Constant(Value),
    Property(Reading),
    /// Texts joined.
    Joined(Vec<Typed>),
    /// Gives the inner value the type of the node.
    Convert(Box<Typed>, FailedStep),
    /// Three-valued: this value where one argument has it, else null where one is null.
    Decides(bool, Vec<Typed>),
    Not(Box<Typed>),
    Equal(Box<[Typed; 2]>, Equality),
    If(Box<Typed>, Box<Typed>, Option<Box<Typed>>),
    /// The second of a pair is the value with the type of the node: made only of what is not null.
    Coalesce(Vec<Typed>, FailedStep),
    Array(Vec<Typed>),
    Map(Vec<Entry>),
    Text(Function, Box<Typed>),
    Substring(Box<Typed>, Box<Typed>, Option<Box<Typed>>),
    Length(Box<Typed>),
    Exists(Box<Typed>),
    Compare(Function, Box<[Typed; 2]>),
    In(Box<Typed>, Vec<Typed>),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Equality {
    pub(super) opposite: bool,
    /// True where null is a value like any other and equals itself.
    pub(super) null_is_value: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Typed,
    /// True where the key is left out if there is no value.
    pub(super) droppable: bool,
}

pub(super) struct Compiler<'s> {
    pub(super) schema: &'s Schema,
    /// True for triggers and templates: paths into JSON never fail, and what `$secret` reads is told.
    pub(super) lenient: bool,
    /// The properties read.
    pub(super) inputs: Vec<String>,
    /// The names of the secrets read.
    pub(super) secrets: Vec<String>,
    /// What is read beside secrets, each path as often as it is written.
    pub(super) readings: Vec<Reading>,
}

/// The root that secrets are read from.
pub(super) const SECRET: &str = "secret";

fn mistyped(index: usize, message: impl Into<String>) -> Mistake {
    Mistake::new(ExpressionErrorKind::Type, index, message)
}

fn index_of(expression: &Expression) -> usize {
    expression.parts.first().map_or(0, |part| part.place.0)
}

fn boxed(typed: Typed) -> Box<Typed> {
    Box::new(typed)
}

impl<'s> Compiler<'s> {
    pub(super) fn new(schema: &'s Schema, lenient: bool) -> Self {
        Self { schema, lenient, inputs: Vec::new(), secrets: Vec::new(), readings: Vec::new() }
    }

    /// Compiles an expression to values of a type.
    pub(super) fn fitted(
        &mut self,
        expression: &Expression,
        to: &Type,
        step: FailedStep,
    ) -> Result<Typed, Mistake> {
        let typed = self.expression(expression, Some(to), step)?;
        fit(typed, to, step, index_of(expression))
    }

    /// Compiles an expression to whatever type it has; `to` is the type that is wanted in the end.
    fn expression(
        &mut self,
        expression: &Expression,
        to: Option<&Type>,
        step: FailedStep,
    ) -> Result<Typed, Mistake> {
        if let [part] = expression.parts.as_slice() {
            return self.part(part, to, step);
        }
        let mut parts: Vec<Typed> = Vec::new();
        for part in &expression.parts {
            let typed = self.part(part, Some(&Type::string()), FailedStep::Transformation)?;
            if let Some(kind) = typed.kind.as_ref().filter(|kind| !is_convertible(kind, &Type::string())) {
                return Err(mistyped(
                    part.place.0,
                    format!("a value of type {kind} cannot be joined to a text"),
                ));
            }
            match (&typed.node, parts.last_mut().map(|last| &mut last.node)) {
                (Node::Constant(value), Some(Node::Constant(Value::Text(text)))) => {
                    value.append_text(typed.kind.as_ref(), text);
                }
                (Node::Constant(value), _) => {
                    let mut text = String::new();
                    value.append_text(typed.kind.as_ref(), &mut text);
                    parts.push(Typed { node: Node::Constant(Value::Text(text)), kind: Some(Type::string()) });
                }
                _ => parts.push(typed),
            }
        }
        if let [Typed { node: Node::Constant(_), .. }] = parts.as_slice()
            && let Some(alone) = parts.pop()
        {
            return Ok(alone);
        }
        Ok(Typed { node: Node::Joined(parts), kind: Some(Type::string()) })
    }

    fn part(&mut self, part: &Part, to: Option<&Type>, step: FailedStep) -> Result<Typed, Mistake> {
        let constant = |value, kind| Ok(Typed { node: Node::Constant(value), kind });
        match &part.term {
            Term::Text(text) => constant(Value::Text(text.clone()), Some(Type::string())),
            Term::Integer(number) => constant(Value::Int(i128::from(*number)), Some(Type::int(32))),
            Term::Number(number) => {
                let number: Decimal = number.clone();
                if !number.fits(76, 37) {
                    return Err(mistyped(
                        part.place.0,
                        "the number has more than 39 digits before the point or 37 after it",
                    ));
                }
                constant(Value::Decimal(number), Some(Type::decimal(76, 37)))
            }
            Term::Boolean(value) => constant(Value::Boolean(*value), Some(Type::Boolean)),
            Term::Null => constant(Value::Null, None),
            Term::Path(path) => {
                let resolved = resolve(path, part.place, self.schema, self.lenient)?;
                if self.lenient && path.root == SECRET {
                    self.secret(path, part.place)?;
                } else if self.lenient {
                    self.readings.push(resolved.reading.clone());
                }
                if !self.inputs.contains(&resolved.input) {
                    self.inputs.push(resolved.input);
                }
                Ok(Typed { node: Node::Property(resolved.reading), kind: Some(resolved.kind) })
            }
            Term::Call(function, arguments) => self.call(*function, arguments, part.place.0, to, step),
        }
    }

    /// Tells which secret a path reads; all of them together are read by none.
    fn secret(&mut self, path: &Path, place: Place) -> Result<(), Mistake> {
        let Some(Step { to: StepTo::Name(name), .. }) = path.steps.first() else {
            let message = "name the secret: `$secret.KEY`";
            return Err(Mistake::new(ExpressionErrorKind::UnknownProperty, place.0, message));
        };
        if !self.secrets.contains(name) {
            self.secrets.push(name.clone());
        }
        Ok(())
    }

    fn any(&mut self, expression: &Expression) -> Result<Typed, Mistake> {
        self.expression(expression, None, FailedStep::Transformation)
    }

    /// An argument of a function, which always has the same type.
    fn argument(&mut self, expression: &Expression, to: &Type) -> Result<Typed, Mistake> {
        self.fitted(expression, to, FailedStep::Transformation)
    }

    fn call(
        &mut self,
        function: Function,
        arguments: &[Expression],
        index: usize,
        to: Option<&Type>,
        step: FailedStep,
    ) -> Result<Typed, Mistake> {
        let missing = || Mistake::new(ExpressionErrorKind::Arguments, index, "an argument is missing");
        let nth = |number: usize| arguments.get(number).ok_or_else(missing);
        let boolean = |node| Ok(Typed { node, kind: Some(Type::Boolean) });
        let text = |node| Ok(Typed { node, kind: Some(Type::string()) });
        match function {
            Function::And | Function::Or => {
                let all: Result<Vec<Typed>, Mistake> =
                    arguments.iter().map(|argument| self.argument(argument, &Type::Boolean)).collect();
                boolean(Node::Decides(function == Function::Or, all?))
            }
            Function::Not => boolean(Node::Not(boxed(self.argument(nth(0)?, &Type::Boolean)?))),
            Function::Eq | Function::Ne | Function::Equals | Function::NotEquals => {
                let pair = [self.any(nth(0)?)?, self.any(nth(1)?)?];
                comparable(&pair, index)?;
                let equality = Equality {
                    opposite: matches!(function, Function::Ne | Function::NotEquals),
                    null_is_value: matches!(function, Function::Equals | Function::NotEquals),
                };
                boolean(Node::Equal(Box::new(pair), equality))
            }
            Function::If => {
                let condition = self.argument(nth(0)?, &Type::Boolean)?;
                let mut branches = Vec::new();
                for argument in arguments.iter().skip(1) {
                    branches.push((self.expression(argument, to, step)?, index_of(argument)));
                }
                let kind = common_kind(&branches, to);
                let mut fitted = Vec::new();
                for (branch, place) in branches {
                    fitted.push(match &kind {
                        Some(kind) => fit(branch, kind, step, place)?,
                        None => branch,
                    });
                }
                let mut fitted = fitted.into_iter();
                let then = fitted.next().ok_or_else(missing)?;
                Ok(Typed { node: Node::If(boxed(condition), boxed(then), fitted.next().map(boxed)), kind })
            }
            Function::Coalesce => {
                let mut branches = Vec::new();
                for argument in arguments {
                    branches.push((self.expression(argument, to, step)?, index_of(argument)));
                }
                let kind = common_kind(&branches, to);
                if let Some(kind) = &kind {
                    for (branch, place) in &branches {
                        // Refused where it can never work; converted only when it is not null.
                        fit(branch.clone(), kind, step, *place)?;
                    }
                }
                let branches = branches.into_iter().map(|(branch, _)| branch).collect();
                Ok(Typed { node: Node::Coalesce(branches, step), kind })
            }
            Function::Array => {
                let element = match to {
                    Some(Type::Array(array)) => (*array.element).clone(),
                    _ => Type::Json,
                };
                let mut values = Vec::new();
                for argument in arguments {
                    values.push(self.element(argument, &element, step)?);
                }
                Ok(Typed { node: Node::Array(values), kind: Some(Type::array(element)) })
            }
            Function::Map => self.map(arguments, to, step),
            Function::JsonParse => {
                let argument = self.argument(nth(0)?, &Type::string())?;
                Ok(Typed { node: Node::Text(function, boxed(argument)), kind: Some(Type::Json) })
            }
            Function::Lower
            | Function::Upper
            | Function::InitCap
            | Function::Trim
            | Function::TrimLeft
            | Function::TrimRight => {
                text(Node::Text(function, boxed(self.argument(nth(0)?, &Type::string())?)))
            }
            Function::Substring => {
                let source = boxed(self.argument(nth(0)?, &Type::string())?);
                let start = boxed(self.argument(nth(1)?, &Type::int(64))?);
                let length = match arguments.get(2) {
                    Some(length) => Some(boxed(self.argument(length, &Type::int(64))?)),
                    None => None,
                };
                text(Node::Substring(source, start, length))
            }
            Function::Length => {
                Ok(Typed { node: Node::Length(boxed(self.any(nth(0)?)?)), kind: Some(Type::int(32)) })
            }
            Function::Exists => boolean(Node::Exists(boxed(self.any(nth(0)?)?))),
            Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::LessThan
            | Function::LessThanOrEqual
            | Function::GreaterThan
            | Function::GreaterThanOrEqual => {
                let pair = [self.any(nth(0)?)?, self.any(nth(1)?)?];
                boolean(Node::Compare(function, Box::new(pair)))
            }
            Function::In => {
                let value = self.any(nth(0)?)?;
                let mut others = Vec::new();
                for argument in arguments.iter().skip(1) {
                    match argument.parts.as_slice() {
                        [Part { term: Term::Call(Function::Array, elements), .. }] => {
                            for element in elements {
                                others.push(self.any(element)?);
                            }
                        }
                        _ => others.push(self.any(argument)?),
                    }
                }
                boolean(Node::In(boxed(value), others))
            }
        }
    }

    /// An element of an array, or a value of a map.
    fn element(&mut self, argument: &Expression, element: &Type, step: FailedStep) -> Result<Typed, Mistake> {
        let typed = self.fitted(argument, element, step)?;
        match &typed.node {
            Node::Constant(Value::Null) if *element != Type::Json => {
                Err(mistyped(index_of(argument), format!("null is not a value of type {element}")))
            }
            Node::Constant(Value::Null) => {
                Ok(Typed { node: Node::Constant(Value::Json(Json::Null)), kind: Some(Type::Json) })
            }
            _ => Ok(typed),
        }
    }

    fn map(
        &mut self,
        arguments: &[Expression],
        to: Option<&Type>,
        step: FailedStep,
    ) -> Result<Typed, Mistake> {
        let element = match to {
            Some(Type::Map(element)) => (**element).clone(),
            _ => Type::Json,
        };
        let mut entries: Vec<Entry> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for pair in arguments.chunks(2) {
            let [key, value] = pair else { continue };
            let place = index_of(key);
            let constant = key.parts.iter().all(|part| part.term.is_literal());
            let key = match self.any(key)?.node {
                Node::Constant(Value::Text(key)) if constant => key,
                _ => {
                    let message = "a key of `map` must be a text in quotes";
                    return Err(Mistake::new(ExpressionErrorKind::Arguments, place, message));
                }
            };
            if !known.insert(key.clone()) {
                let message = format!("the key `{}` occurs twice", dray_model::problem::shown(&key));
                return Err(Mistake::new(ExpressionErrorKind::Arguments, place, message));
            }
            let droppable = matches!(value.parts.as_slice(), [Part { term: Term::Path(_), .. }]);
            entries.push(Entry { key, value: self.element(value, &element, step)?, droppable });
        }
        Ok(Typed { node: Node::Map(entries), kind: Some(Type::Map(Box::new(element))) })
    }
}

/// Gives a part a type: at once where it is a literal, when it is evaluated where it is not.
fn fit(typed: Typed, to: &Type, step: FailedStep, index: usize) -> Result<Typed, Mistake> {
    let Some(kind) = &typed.kind else { return Ok(Typed { kind: Some(to.clone()), ..typed }) };
    if !is_convertible(kind, to) {
        return Err(mistyped(index, format!("a value of type {kind} cannot become {to}")));
    }
    match &typed.node {
        Node::Constant(value) => {
            let converted = convert(Cow::Borrowed(value), Some(kind), to);
            let value = converted.map_err(|failure| mistyped(index, failure.to_string()))?.into_owned();
            Ok(Typed { node: Node::Constant(value), kind: Some(to.clone()) })
        }
        Node::If(..) | Node::Coalesce(..) if kind == to => Ok(typed),
        _ if is_text_for_any(kind, to) => Ok(Typed { kind: Some(to.clone()), ..typed }),
        _ => Ok(Typed { kind: Some(to.clone()), node: Node::Convert(boxed(typed), step) }),
    }
}

/// True where every value of the one type is, as it stands, one of the other.
fn is_text_for_any(kind: &Type, to: &Type) -> bool {
    matches!((kind, to), (Type::String(_), Type::String(any)) if any.is_any())
}

/// The type of a function that returns one of its arguments: the wanted one, or the one all have, or JSON.
fn common_kind(branches: &[(Typed, usize)], to: Option<&Type>) -> Option<Type> {
    if let Some(to) = to {
        return Some(to.clone());
    }
    let mut kinds = branches.iter().filter_map(|(branch, _)| branch.kind.as_ref());
    let first = kinds.next()?;
    Some(if kinds.all(|kind| kind == first) { first.clone() } else { Type::Json })
}

fn comparable(pair: &[Typed; 2], index: usize) -> Result<(), Mistake> {
    let [Typed { kind: Some(left), .. }, Typed { kind: Some(right), .. }] = pair else { return Ok(()) };
    if is_convertible(left, right) && is_convertible(right, left) {
        return Ok(());
    }
    Err(mistyped(index, format!("a value of type {left} cannot be compared with one of type {right}")))
}

/// The JSON of a constant or evaluated value, for comparisons that mix types.
pub(super) fn json_of(value: &Value, kind: Option<&Type>) -> Option<Json> {
    to_json(value, kind).ok()
}
