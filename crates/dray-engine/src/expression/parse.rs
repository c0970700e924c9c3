//! From text to an [`Expression`]. Length, depth and the number of parts are limited, so that nothing
//! anybody writes can exhaust the stack or run long.

use super::fault::{ExpressionError, ExpressionErrorKind, Mistake};
use super::function::{Function, find_function};
use super::syntax::{Expression, Part, Path, Place, Step, StepTo, Term, is_word};
use super::token::{Token, TokenKind, tokens};

/// How many characters an expression may have.
pub const MOST_CHARACTERS: usize = 10_000;
/// How deep calls may nest.
pub const MOST_DEPTH: usize = 64;
/// How many literals, paths and calls an expression may have.
pub const MOST_PARTS: usize = 1_000;

/// Who writes the expression. Both speak one language; triggers have more words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Mappings of pipelines: parts one after the other are joined as text.
    Mapping,
    /// Triggers of connectors: paths begin with `$`, and there are operators, brackets and lists.
    Trigger,
}

impl Expression {
    /// Reads an expression.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, ExpressionError> {
        parse(text, dialect).map_err(|mistake| mistake.within(text))
    }
}

fn parse(text: &str, dialect: Dialect) -> Result<Expression, Mistake> {
    if text.len() > MOST_CHARACTERS && text.chars().count() > MOST_CHARACTERS {
        let message = format!("the expression is longer than {MOST_CHARACTERS} characters; shorten it");
        return Err(Mistake::new(ExpressionErrorKind::TooLarge, MOST_CHARACTERS, message));
    }
    let triggers = dialect == Dialect::Trigger;
    let tokens = tokens(text, triggers)?;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), triggers, parts: 0 };
    if parser.peek() == Some(&TokenKind::End) {
        return Err(Mistake::syntax(
            0,
            "the expression is empty; write a property, a text in quotes or a function",
        ));
    }
    let expression = parser.expression(0)?;
    match parser.tokens.peek() {
        None | Some(Token { kind: TokenKind::End, .. }) => Ok(expression),
        Some(token) => {
            Err(Mistake::syntax(token.index, format!("{} cannot stand here", described(&token.kind))))
        }
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    triggers: bool,
    parts: usize,
}

impl Parser {
    fn peek(&mut self) -> Option<&TokenKind> {
        self.tokens.peek().map(|token| &token.kind)
    }

    fn index(&mut self) -> usize {
        self.tokens.peek().map_or(0, |token| token.index)
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(TokenKind::Sign(found)) if *found == sign);
        if found {
            self.tokens.next();
        }
        found
    }

    fn glued_sign(&mut self, sign: &str) -> bool {
        self.tokens.peek().is_some_and(|token| token.glued) && self.sign(sign)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(TokenKind::Name(name)) if name.eq_ignore_ascii_case(word));
        if found {
            self.tokens.next();
        }
        found
    }

    fn expect(&mut self, sign: &'static str, opened: usize) -> Result<(), Mistake> {
        if self.sign(sign) {
            return Ok(());
        }
        let index = self.index();
        let missing = if sign == "]" { "a `]` is missing" } else { "a `,` or `)` is missing" };
        let what = self.peek().map(described).unwrap_or_default();
        Err(Mistake::syntax(
            index,
            format!("{missing} before {what}, for the bracket at character {}", opened + 1),
        ))
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, Mistake> {
        if depth > MOST_DEPTH {
            let message = format!("calls nest deeper than {MOST_DEPTH} levels; simplify the expression");
            return Err(Mistake::new(ExpressionErrorKind::TooLarge, self.index(), message));
        }
        if self.triggers {
            return self.alternatives(depth).map(|part| Expression { parts: vec![part] });
        }
        let mut parts = vec![self.part(depth)?];
        while !matches!(self.peek(), None | Some(TokenKind::End | TokenKind::Sign(_))) {
            parts.push(self.part(depth)?);
        }
        Ok(Expression { parts })
    }

    fn alternatives(&mut self, depth: usize) -> Result<Part, Mistake> {
        let place = Place(self.index());
        let mut parts = vec![self.all(depth)?];
        while self.sign("||") || self.word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(joined(Function::Or, place, parts))
    }

    fn all(&mut self, depth: usize) -> Result<Part, Mistake> {
        let place = Place(self.index());
        let mut parts = vec![self.comparison(depth)?];
        while self.sign("&&") || self.word("and") {
            parts.push(self.comparison(depth)?);
        }
        Ok(joined(Function::And, place, parts))
    }

    fn comparison(&mut self, depth: usize) -> Result<Part, Mistake> {
        let place = Place(self.index());
        let mut opposite = false;
        loop {
            if self.sign("!") {
                opposite = !opposite;
                continue;
            }
            // `not (a)` may be read as the operator or as the function: they mean the same.
            if !self.word("not") {
                break;
            }
            opposite = !opposite;
        }
        let mut part = self.part(depth)?;
        for (sign, function) in [
            ("==", Function::Equals),
            ("!=", Function::NotEquals),
            ("<=", Function::LessThanOrEqual),
            (">=", Function::GreaterThanOrEqual),
            ("<", Function::LessThan),
            (">", Function::GreaterThan),
        ] {
            if self.sign(sign) {
                let other = self.part(depth)?;
                part = call(function, place, vec![part, other]);
                break;
            }
        }
        Ok(if opposite { call(Function::Not, place, vec![part]) } else { part })
    }

    fn part(&mut self, depth: usize) -> Result<Part, Mistake> {
        self.parts += 1;
        let index = self.index();
        if self.parts > MOST_PARTS {
            let message = format!("the expression has more than {MOST_PARTS} parts; simplify it");
            return Err(Mistake::new(ExpressionErrorKind::TooLarge, index, message));
        }
        let Some(token) = self.tokens.next() else {
            return Err(Mistake::syntax(index, "a value is missing at the end"));
        };
        let place = Place(token.index);
        let term = match token.kind {
            TokenKind::Text(text) => Term::Text(text),
            TokenKind::Integer(number) => Term::Integer(number),
            TokenKind::Number(number) => Term::Number(number),
            TokenKind::Root(root) => Term::Path(self.path(place, root, true)?),
            TokenKind::Step(name) => Term::Path(self.path(place, name, false)?),
            TokenKind::Name(name) => self.named(place, name, depth)?,
            TokenKind::Sign("(") if self.triggers => {
                let inner = self.alternatives_within(depth)?;
                self.expect(")", index)?;
                return Ok(inner);
            }
            TokenKind::Sign("[") if self.triggers => {
                Term::Call(Function::Array, self.arguments("]", index, depth)?)
            }
            TokenKind::End => return Err(Mistake::syntax(index, "a value is missing at the end")),
            kind => {
                return Err(Mistake::syntax(
                    index,
                    format!("a value is missing before {}", described(&kind)),
                ));
            }
        };
        Ok(Part { place, term })
    }

    fn alternatives_within(&mut self, depth: usize) -> Result<Part, Mistake> {
        let inner = self.expression(depth + 1)?;
        let index = self.index();
        inner.parts.into_iter().next().ok_or_else(|| Mistake::syntax(index, "a value is missing"))
    }

    fn named(&mut self, place: Place, name: String, depth: usize) -> Result<Term, Mistake> {
        let index = self.index();
        if self.sign("(") {
            let signature = find_function(&name, self.triggers)
                .map_err(|message| Mistake::new(ExpressionErrorKind::UnknownFunction, place.0, message))?;
            let arguments = self.arguments(")", index, depth)?;
            if let Some(message) = signature.wrong_count(arguments.len()) {
                return Err(Mistake::new(ExpressionErrorKind::Arguments, place.0, message));
            }
            return Ok(Term::Call(signature.function, arguments));
        }
        let literal = match name.as_str() {
            "true" => Term::Boolean(true),
            "false" => Term::Boolean(false),
            "null" => Term::Null,
            _ => return Ok(Term::Path(self.path(place, name, false)?)),
        };
        let steps_follow = self.tokens.peek().is_some_and(|token| {
            token.glued && matches!(token.kind, TokenKind::Step(_) | TokenKind::Sign("[" | "?"))
        });
        if steps_follow {
            let message = format!(
                "`{name}` is a value and has no members; write .{name} for the property of this name"
            );
            return Err(Mistake::syntax(place.0, message));
        }
        Ok(literal)
    }

    fn arguments(
        &mut self,
        close: &'static str,
        opened: usize,
        depth: usize,
    ) -> Result<Vec<Expression>, Mistake> {
        let mut arguments = Vec::new();
        if self.sign(close) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(depth + 1)?);
            if !self.sign(",") {
                self.expect(close, opened)?;
                return Ok(arguments);
            }
        }
    }

    fn path(&mut self, place: Place, root: String, dollar: bool) -> Result<Path, Mistake> {
        if root.starts_with(|letter: char| letter.is_ascii_digit()) {
            let message = format!("the name `{root}` begins with a digit; write 0.{root} for the number");
            return Err(Mistake::syntax(place.0, message));
        }
        let mut steps = Vec::new();
        loop {
            let index = self.index();
            let glued = self.tokens.peek().is_some_and(|token| token.glued);
            if glued && matches!(self.peek(), Some(TokenKind::Step(_))) {
                let Some(Token { kind: TokenKind::Step(name), .. }) = self.tokens.next() else { continue };
                let optional = self.glued_sign("?");
                steps.push(Step { place: Place(index), to: StepTo::Name(name), optional });
            } else if self.glued_sign("[") {
                let to = match self.tokens.next().map(|token| token.kind) {
                    Some(TokenKind::Text(name)) => StepTo::Name(name),
                    Some(TokenKind::Integer(number)) if self.triggers => {
                        let number = usize::try_from(number);
                        StepTo::Index(
                            number.map_err(|_| Mistake::syntax(index, "elements are counted from 0"))?,
                        )
                    }
                    _ => return Err(Mistake::syntax(index, "a text in quotes is missing after the `[`")),
                };
                self.expect("]", index)?;
                let optional = self.glued_sign("?");
                steps.push(Step { place: Place(index), to, optional });
            } else {
                break;
            }
        }
        let index = self.index();
        if self.sign("?") {
            return Err(Mistake::syntax(index, "a `?` stands only after a step, as in a.b?"));
        }
        debug_assert!(dollar || !root.is_empty(), "a path has a name");
        Ok(Path { dollar: dollar || (self.triggers && !is_word(&root)), root, steps })
    }
}

fn call(function: Function, place: Place, parts: Vec<Part>) -> Part {
    let arguments = parts.into_iter().map(|part| Expression { parts: vec![part] }).collect();
    Part { place, term: Term::Call(function, arguments) }
}

fn joined(function: Function, place: Place, parts: Vec<Part>) -> Part {
    let mut parts = parts;
    match parts.pop() {
        Some(alone) if parts.is_empty() => alone,
        last => {
            parts.extend(last);
            call(function, place, parts)
        }
    }
}

fn described(kind: &TokenKind) -> String {
    match kind {
        TokenKind::Text(_) => "a text".to_owned(),
        TokenKind::Integer(_) | TokenKind::Number(_) => "a number".to_owned(),
        TokenKind::Name(name) => format!("`{}`", dray_model::problem::shown(name)),
        TokenKind::Step(name) => format!("`.{}`", dray_model::problem::shown(name)),
        TokenKind::Root(name) => format!("`${}`", dray_model::problem::shown(name)),
        TokenKind::Sign(sign) => format!("`{sign}`"),
        TokenKind::End => "the end".to_owned(),
    }
}
