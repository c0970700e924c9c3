//! JSON as records carry it: the text of numbers is kept, the order of members too, and a copy costs
//! nothing. Read with a limit on depth, so that no document can exhaust the stack.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::decimal::Decimal;

/// How deep arrays and objects may nest.
pub const MOST_JSON_DEPTH: usize = 128;

/// A JSON value.
#[derive(Debug, Clone)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number, as it was written.
    Number(Arc<str>),
    /// A text.
    Text(Arc<str>),
    /// An array.
    Array(Arc<Vec<Json>>),
    /// An object; no member occurs twice.
    Object(Arc<Vec<(Arc<str>, Json)>>),
}

/// What to do with a member that occurs twice in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepeatedMember {
    /// The last one counts.
    LastCounts,
    /// It is a mistake.
    Refused,
}

impl Json {
    /// Reads a document. The error says what is wrong and at which byte (from 1).
    pub fn parse(text: &str, repeated: RepeatedMember) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0, repeated };
        let value = reader.blanks_and_value(0).and_then(|value| {
            reader.blanks();
            if reader.at == text.len() { Ok(value) } else { Err("nothing more may follow".to_owned()) }
        });
        value.map_err(|why| format!("{why} at byte {}", reader.at + 1))
    }

    /// A text value.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The member of an object, where there is one.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(member, _)| &**member == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// What it is, for messages: `a JSON array`.
    pub fn described(&self) -> &'static str {
        match self {
            Self::Null => "JSON null",
            Self::Boolean(_) => "a JSON boolean",
            Self::Number(_) => "a JSON number",
            Self::Text(_) => "a JSON string",
            Self::Array(_) => "a JSON array",
            Self::Object(_) => "a JSON object",
        }
    }
}

/// Numbers are equal by value, objects whatever the order of their members.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(left), Self::Boolean(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => {
                left == right || Decimal::parse(left).is_some_and(|left| Some(left) == Decimal::parse(right))
            }
            (Self::Array(left), Self::Array(right)) => left == right,
            (Self::Object(left), Self::Object(right)) => {
                if left.len() != right.len() {
                    return false;
                }
                let mut pairs = left.iter().zip(right.iter());
                if pairs.clone().all(|(mine, theirs)| mine.0 == theirs.0) {
                    return pairs.all(|(mine, theirs)| mine.1 == theirs.1);
                }
                let theirs: HashMap<&str, &Self> =
                    right.iter().map(|(name, value)| (&**name, value)).collect();
                left.iter().all(|(name, value)| theirs.get(&**name).is_some_and(|theirs| *theirs == value))
            }
            _ => false,
        }
    }
}

/// Compact JSON text.
impl fmt::Display for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Number(text) => out.write_str(text),
            Self::Text(text) => write_quoted(text, |letter| letter < ' ', out),
            Self::Array(elements) => {
                out.write_char('[')?;
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.write_char(',')?;
                    }
                    element.fmt(out)?;
                }
                out.write_char(']')
            }
            Self::Object(members) => {
                out.write_char('{')?;
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.write_char(',')?;
                    }
                    write_quoted(name, |letter| letter < ' ', out)?;
                    out.write_char(':')?;
                    value.fmt(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

/// A text in quotes, as JSON has it; beside what must be, letters are escaped of which the caller says so.
pub(super) fn write_quoted(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    out.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            letter if is_escaped(letter) => write!(out, "\\u{:04x}", u32::from(letter))?,
            letter => out.write_char(letter)?,
        }
    }
    out.write_char('"')
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    repeated: RepeatedMember,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn sign(&mut self, sign: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, String> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(value);
        }
        Err("no value begins here".into())
    }

    fn blanks_and_value(&mut self, depth: usize) -> Result<Json, String> {
        self.blanks();
        if depth > MOST_JSON_DEPTH {
            return Err(format!("more than {MOST_JSON_DEPTH} levels of arrays and objects"));
        }
        match self.peek() {
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Boolean(true)),
            Some(b'f') => self.word("false", Json::Boolean(false)),
            Some(b'"') => self.string().map(|text| Json::Text(text.into())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            _ => Err("a value is missing".into()),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut elements = Vec::new();
        if self.sign(b']') {
            return Ok(Json::Array(elements.into()));
        }
        loop {
            elements.push(self.blanks_and_value(depth + 1)?);
            if self.sign(b']') {
                return Ok(Json::Array(elements.into()));
            }
            if !self.sign(b',') {
                return Err("a , or ] is missing".into());
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut members: Vec<(Arc<str>, Json)> = Vec::new();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        if self.sign(b'}') {
            return Ok(Json::Object(members.into()));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err("the name of a member is missing".into());
            }
            let name: Arc<str> = self.string()?.into();
            if !self.sign(b':') {
                return Err("a : is missing".into());
            }
            let value = self.blanks_and_value(depth + 1)?;
            match places.get(&name).and_then(|place| members.get_mut(*place)) {
                Some(_) if self.repeated == RepeatedMember::Refused => {
                    return Err(format!("the member `{name}` occurs twice"));
                }
                Some(member) => member.1 = value,
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
            if self.sign(b'}') {
                return Ok(Json::Object(members.into()));
            }
            if !self.sign(b',') {
                return Err("a , or } is missing".into());
            }
        }
    }

    fn digits(&mut self) -> usize {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - begin
    }

    fn number(&mut self) -> Result<Json, String> {
        let begin = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let zero = self.peek() == Some(b'0');
        let whole = self.digits();
        let mut good = whole > 0 && !(zero && whole > 1);
        if self.peek() == Some(b'.') {
            self.at += 1;
            good &= self.digits() > 0;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            good &= self.digits() > 0;
        }
        match self.text.get(begin..self.at) {
            Some(number) if good => Ok(Json::Number(number.into())),
            _ => Err("this is not a number".into()),
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain =
                rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return Err("a control character stands in a string".into()),
                None => return Err("a string is never closed".into()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hexadecimal()?;
                let code = if (0xd800..0xdc00).contains(&high) {
                    if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) {
                        return Err("half of a surrogate pair".into());
                    }
                    self.at += 2;
                    let low = self.hexadecimal()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err("half of a surrogate pair".into());
                    }
                    0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    high
                };
                char::from_u32(code).ok_or("half of a surrogate pair")?
            }
            _ => return Err("there is no such escape".into()),
        })
    }

    fn hexadecimal(&mut self) -> Result<u32, String> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        self.at += 4;
        value.ok_or_else(|| "an escape \\u needs four hexadecimal digits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> Result<String, String> {
        Json::parse(text, RepeatedMember::LastCounts).map(|json| json.to_string())
    }

    #[test]
    fn documents_are_read_and_written() {
        for (given, expected) in [
            (" null ", "null"),
            ("[1.0, 12.00,-1e+2 ]", "[1.0,12.00,-1e+2]"),
            ("{\"a\":1,\"b\":{},\"a\":[]}", "{\"a\":[],\"b\":{}}"),
            ("\"\\u00e9\\ud83d\\ude00\\n\\u0001\\/\"", "\"é😀\\n\\u0001/\""),
        ] {
            assert_eq!(again(given).as_deref(), Ok(expected), "{given}");
        }
        for wrong in [
            "",
            "nul",
            "[1,]",
            "{\"a\" 1}",
            "{a:1}",
            "01",
            "1.",
            "-",
            "1e",
            "\"a",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\n\"",
            "\"\\u12",
            "[1] 2",
            "\"\\u12é4\"",
        ] {
            assert!(again(wrong).is_err(), "{wrong}");
        }
        assert!(Json::parse("{\"a\":1,\"a\":2}", RepeatedMember::Refused).is_err());
        assert!(again(&"[".repeat(1_000_000)).is_err_and(|why| why.contains("128 levels")));
    }

    #[test]
    fn equality_is_of_values() {
        let json = |text| Json::parse(text, RepeatedMember::LastCounts).expect("JSON");
        assert_eq!(json("{\"a\":1.0,\"b\":2}"), json("{\"b\":2e0,\"a\":1}"));
        assert_ne!(json("{\"a\":1}"), json("{\"c\":1}"));
        assert_ne!(json("[1]"), json("[\"1\"]"));
    }
}
