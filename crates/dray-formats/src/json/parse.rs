//! Walks JSON text without building anything: values are positions in the text. Strict as RFC 8259,
//! with no recursion, so no depth can exhaust the stack.

use super::text::{plain_length, unicode_escape};
use crate::cells::Cell;

/// Values nested deeper than this are refused; nobody maps them to a field.
pub(super) const MAX_DEPTH: usize = 64;

/// Why the text cannot be walked any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends inside a value.
    Incomplete,
    /// The byte at this position is not what the grammar wants.
    Malformed { at: usize, wanted: &'static str },
}

/// What a walk found out about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    /// `true` or `false`; as with numbers, its bytes are its text.
    Boolean,
    /// A number.
    Number,
    /// A number that no column of numbers holds: with an exponent, or longer than any of them.
    OddNumber,
    Text,
    /// An object or array.
    Nested,
}

/// A value: its place in the text and the cell it makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    has_escapes: bool,
}

impl Value {
    /// The cell this value makes in a table.
    pub(super) fn cell(self) -> Cell {
        match self.kind {
            Kind::Null => Cell::MISSING,
            Kind::Boolean | Kind::Number | Kind::OddNumber => Cell::new(self.start, self.end),
            Kind::Text if self.has_escapes => Cell::new(self.start, self.end).rewritten(),
            Kind::Text => Cell::new(self.start + 1, self.end - 1),
            Kind::Nested => Cell::new(self.start, self.end).rewritten(),
        }
    }
}

/// A position in a text, moving forward.
pub(super) struct Walker<'a> {
    text: &'a [u8],
    pub(super) at: usize,
    open: Vec<u8>,
    /// The deepest nesting seen.
    pub(super) depth: usize,
    /// True where a `\u` escape stood for half a character.
    pub(super) has_lone_surrogate: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at, open: Vec::new(), depth: 0, has_lone_surrogate: false }
    }

    /// The byte here, behind any blanks.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Steps over `byte`, or says what was wanted.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, wanted: &'static str) -> Result<(), Stop> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.malformed(wanted)),
            None => Err(Stop::Incomplete),
        }
    }

    pub(super) fn malformed(&self, wanted: &'static str) -> Stop {
        Stop::Malformed { at: self.at, wanted }
    }

    /// Steps over `name`, which has its quotes and no escapes, and its colon, if they stand here.
    #[inline]
    pub(super) fn skip_name(&mut self, name: &[u8]) -> Result<bool, Stop> {
        self.peek();
        if !self.text.get(self.at..).unwrap_or_default().starts_with(name) {
            return Ok(false);
        }
        self.at += name.len();
        self.expect(b':', "`:` behind the member name")?;
        Ok(true)
    }

    /// Walks an object and shows each member: the name with its quotes, and the value.
    pub(super) fn object(&mut self, mut visit: impl FnMut(Value, Value)) -> Result<(), Stop> {
        self.members(|walker| {
            let name = walker.name()?;
            let value = walker.value()?;
            visit(name, value);
            Ok(())
        })
    }

    /// Walks an object, each member of which `walk_member` walks.
    #[inline]
    pub(super) fn members(
        &mut self,
        mut walk_member: impl FnMut(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.expect(b'{', "an object")?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            walk_member(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return Err(self.malformed("`,` or `}`")),
                None => return Err(Stop::Incomplete),
            }
        }
    }

    /// Walks an array and shows each element.
    pub(super) fn elements(&mut self, mut visit: impl FnMut(Value)) -> Result<(), Stop> {
        self.expect(b'[', "an array")?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            visit(self.value()?);
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return Err(self.malformed("`,` or `]`")),
                None => return Err(Stop::Incomplete),
            }
        }
    }

    /// True where an object stands here that has members.
    pub(super) fn is_at_members(&mut self) -> bool {
        if self.peek() != Some(b'{') {
            return false;
        }
        let brace = self.at;
        self.at += 1;
        let has_members = self.peek() != Some(b'}');
        self.at = brace;
        has_members
    }

    /// Walks a member's name and its colon.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Value, Stop> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(self.malformed("a member name in double quotes")),
            None => return Err(Stop::Incomplete),
        }
        let name = self.string()?;
        self.expect(b':', "`:` behind the member name")?;
        Ok(name)
    }

    /// Walks any value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Value, Stop> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => self.nested(),
            Some(_) => self.scalar(),
            None => Err(Stop::Incomplete),
        }
    }

    fn nested(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        self.open.clear();
        loop {
            let is_behind_value = match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.open.push(bracket);
                    self.depth = self.depth.max(self.open.len());
                    self.at += 1;
                    self.peek() == Some(closing(bracket))
                }
                Some(b'"') => self.string().map(|_| true)?,
                Some(_) => self.scalar().map(|_| true)?,
                None => return Err(Stop::Incomplete),
            };
            if is_behind_value {
                self.close_finished()?;
            }
            match self.open.last() {
                None => return Ok(Value { kind: Kind::Nested, start, end: self.at, has_escapes: false }),
                Some(b'{') => self.name().map(|_| ())?,
                Some(_) => {}
            }
        }
    }

    /// Behind a value, or at the bracket that closes an empty one: closes what ends here and steps over
    /// the comma before the next value, if there is one.
    fn close_finished(&mut self) -> Result<(), Stop> {
        while let Some(&bracket) = self.open.last() {
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(byte) if byte == closing(bracket) => {
                    self.at += 1;
                    self.open.pop();
                }
                Some(_) if bracket == b'{' => return Err(self.malformed("`,` or `}`")),
                Some(_) => return Err(self.malformed("`,` or `]`")),
                None => return Err(Stop::Incomplete),
            }
        }
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        let mut has_escapes = false;
        self.at += 1;
        loop {
            self.at += plain_length(self.text.get(self.at..).unwrap_or_default());
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Value { kind: Kind::Text, start, end: self.at, has_escapes });
                }
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.malformed("an escape like `\\n` instead of a control character")),
                None => return Err(Stop::Incomplete),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Stop> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                return Ok(());
            }
            Some(b'u') => {}
            Some(_) => return Err(self.malformed("an escape that JSON knows")),
            None => return Err(Stop::Incomplete),
        }
        let digits = self.text.get(self.at + 2..).unwrap_or_default();
        if let Some(wrong) = digits.iter().take(4).position(|digit| !digit.is_ascii_hexdigit()) {
            self.at += 2 + wrong;
            return Err(self.malformed("four hexadecimal digits behind `\\u`"));
        }
        if digits.len() < 4 {
            return Err(Stop::Incomplete);
        }
        match unicode_escape(self.text.get(self.at..).unwrap_or_default()) {
            Some((_, length)) => self.at += length,
            None => {
                self.has_lone_surrogate = true;
                self.at += 6;
            }
        }
        Ok(())
    }

    fn scalar(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let kind = match word {
            b"null" => Kind::Null,
            b"true" | b"false" => Kind::Boolean,
            _ if is_number(word) && is_odd(word) => Kind::OddNumber,
            _ if is_number(word) => Kind::Number,
            // More of a word or number may follow in bytes not yet read.
            _ if length == rest.len() && length < 4096 => return Err(Stop::Incomplete),
            _ => return Err(self.malformed("a value")),
        };
        self.at += length;
        Ok(Value { kind, start, end: self.at, has_escapes: false })
    }
}

/// The most digits of a decimal number.
const MOST_DIGITS: usize = 38;

fn is_odd(number: &[u8]) -> bool {
    number.len() > MOST_DIGITS || number.iter().any(|byte| matches!(byte, b'e' | b'E'))
}

/// The bracket that closes this one; in ASCII it stands two places behind it.
fn closing(bracket: u8) -> u8 {
    bracket + 2
}

/// True where the whole word is a JSON number.
pub(super) fn is_number(word: &[u8]) -> bool {
    let rest = word.strip_prefix(b"-").unwrap_or(word);
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with(b"0")) {
        return false;
    }
    let mut rest = rest.get(whole..).unwrap_or_default();
    if let Some(decimals) = rest.strip_prefix(b".") {
        let count = digits(decimals);
        if count == 0 {
            return false;
        }
        rest = decimals.get(count..).unwrap_or_default();
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or(rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}
