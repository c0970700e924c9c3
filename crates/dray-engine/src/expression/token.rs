//! The signs of an expression: names, texts, numbers and punctuation, each with its place.

use super::decimal::Decimal;
use super::fault::Mistake;

/// One sign of an expression.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Index of its first character.
    pub(super) index: usize,
    /// True where no blank stands before it.
    pub(super) glued: bool,
}

#[derive(Debug, PartialEq)]
pub(super) enum TokenKind {
    Text(String),
    Integer(i64),
    Number(Decimal),
    Name(String),
    /// A name right after a point.
    Step(String),
    /// A name right after a dollar.
    Root(String),
    Sign(&'static str),
    End,
}

/// Signs that mappings have, and those that triggers have besides; the longer ones first.
const MAPPING_SIGNS: [&str; 6] = ["(", ")", "[", "]", ",", "?"];
const TRIGGER_SIGNS: [&str; 9] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!"];

/// Takes a text apart; the last token is the end.
pub(super) fn tokens(text: &str, triggers: bool) -> Result<Vec<Token>, Mistake> {
    let mut lexer = Lexer { letters: text.chars().collect(), at: 0 };
    let mut tokens = Vec::new();
    loop {
        let begin = lexer.at;
        while matches!(lexer.peek(0), Some(' ' | '\t' | '\n' | '\r')) {
            lexer.at += 1;
        }
        let (index, glued) = (lexer.at, lexer.at == begin);
        let kind = lexer.next(triggers)?;
        let end = kind == TokenKind::End;
        tokens.push(Token { kind, index, glued });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer {
    letters: Vec<char>,
    at: usize,
}

fn begins_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

fn in_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn next(&mut self, triggers: bool) -> Result<TokenKind, Mistake> {
        let Some(letter) = self.peek(0) else { return Ok(TokenKind::End) };
        match letter {
            '"' | '\'' => self.text(letter).map(TokenKind::Text),
            letter if letter.is_ascii_digit() || letter == '-' => self.number(),
            letter if begins_name(letter) => Ok(TokenKind::Name(self.name())),
            '.' => self.after('.').map(TokenKind::Step),
            '$' if triggers => self.after('$').map(TokenKind::Root),
            _ => self.sign(triggers),
        }
    }

    fn sign(&mut self, triggers: bool) -> Result<TokenKind, Mistake> {
        let more: &[&'static str] = if triggers { &TRIGGER_SIGNS } else { &[] };
        for sign in MAPPING_SIGNS.iter().chain(more) {
            if sign.chars().enumerate().all(|(ahead, letter)| self.peek(ahead) == Some(letter)) {
                self.at += sign.chars().count();
                return Ok(TokenKind::Sign(sign));
            }
        }
        let letter = self.peek(0).unwrap_or_default();
        let shown: String = letter.escape_debug().collect();
        let hint = match letter {
            '&' | '+' if !triggers => "; write the parts one after the other to join them as text",
            '“' | '”' | '„' | '‘' | '’' => "; write texts in straight quotes",
            '$' => "; write the name of the property alone",
            _ => "",
        };
        Err(Mistake::syntax(self.at, format!("the character `{shown}` means nothing here{hint}")))
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(letter) = self.peek(0).filter(|letter| in_name(*letter)) {
            name.push(letter);
            self.at += 1;
        }
        name
    }

    fn after(&mut self, sign: char) -> Result<String, Mistake> {
        self.at += 1;
        let name = self.name();
        if name.is_empty() {
            return Err(Mistake::syntax(self.at - 1, format!("a name is missing after the `{sign}`")));
        }
        Ok(name)
    }

    fn number(&mut self) -> Result<TokenKind, Mistake> {
        let begin = self.at;
        let mut text = String::new();
        if self.peek(0) == Some('-') {
            text.push('-');
            self.at += 1;
            let digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
            let point = usize::from(self.peek(0) == Some('.'));
            if !digit(self.peek(point)) {
                let hint = if self.peek(0).is_some_and(begins_name) {
                    "; names hold no `-`, use _ or write ['a-b'] for a member of JSON"
                } else {
                    ""
                };
                return Err(Mistake::syntax(begin, format!("the character `-` means nothing here{hint}")));
            }
        }
        self.digits(&mut text);
        let mut whole = true;
        if self.peek(0) == Some('.') {
            whole = false;
            text.push('.');
            self.at += 1;
            self.digits(&mut text);
        }
        if let Some(exponent @ ('e' | 'E')) = self.peek(0) {
            whole = false;
            text.push(exponent);
            self.at += 1;
            if let Some(sign @ ('+' | '-')) = self.peek(0) {
                text.push(sign);
                self.at += 1;
            }
            self.digits(&mut text);
        }
        let glued =
            self.peek(0).is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.'));
        let number = Decimal::parse(&text).filter(|_| !glued);
        let Some(number) = number else {
            let hint = "; write it as 12, -0.5 or 1e3, and put texts in quotes";
            return Err(Mistake::syntax(begin, format!("a number with this form is not known{hint}")));
        };
        Ok(match text.parse() {
            Ok(integer) if whole => TokenKind::Integer(integer),
            _ => TokenKind::Number(number),
        })
    }

    fn digits(&mut self, text: &mut String) {
        while let Some(digit) = self.peek(0).filter(char::is_ascii_digit) {
            text.push(digit);
            self.at += 1;
        }
    }

    fn text(&mut self, quote: char) -> Result<String, Mistake> {
        let begin = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(letter) = self.peek(0) else {
                return Err(Mistake::syntax(
                    begin,
                    format!("the text that begins here is never closed; write {quote} at its end"),
                ));
            };
            let place = self.at;
            self.at += 1;
            let letter = match letter {
                letter if letter == quote => return Ok(text),
                '\\' => self.escape(place)?,
                letter => letter,
            };
            if letter == '\0' {
                return Err(Mistake::syntax(place, "the character NUL cannot stand in a text"));
            }
            text.push(letter);
        }
    }

    fn escape(&mut self, place: usize) -> Result<char, Mistake> {
        let letter = self.peek(0);
        self.at += 1;
        Ok(match letter {
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some(same @ ('\\' | '\'' | '"')) => same,
            Some('u') => self.code(place, 4)?,
            Some('U') => self.code(place, 8)?,
            _ => {
                let hint = "write \\\\ for a backslash";
                return Err(Mistake::syntax(place, format!("there is no such escape; {hint}")));
            }
        })
    }

    fn code(&mut self, place: usize, count: usize) -> Result<char, Mistake> {
        let mut code = 0_u32;
        for _ in 0..count {
            let digit = self.peek(0).and_then(|letter| letter.to_digit(16));
            let Some(digit) = digit else {
                return Err(Mistake::syntax(place, format!("this escape needs {count} hexadecimal digits")));
            };
            code = code.wrapping_mul(16).wrapping_add(digit);
            self.at += 1;
        }
        char::from_u32(code).ok_or_else(|| {
            Mistake::syntax(place, "there is no such character; surrogates and codes above 10FFFF are none")
        })
    }
}
