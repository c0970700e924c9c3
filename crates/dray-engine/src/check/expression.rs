//! Is this text an expression? Triggers such as `equals($payload.type, "order")` are checked for their
//! form, and an error says at which character it breaks. What an expression means is decided elsewhere.

use std::borrow::Cow;

use dray_model::problem::ProblemCode;

use super::Bad;

/// How deep calls may nest.
const MOST_DEPTH: usize = 64;

/// Accepts calls, paths (`$payload.a[0].b`), texts, numbers, `true`, `false`, `null`, and
/// `and` / `or` / `not` / comparisons between them.
pub fn expression(text: &str) -> Result<Cow<'_, str>, Bad> {
    let mut reader = Reader { text, at: 0 };
    reader.whole().map(|()| Cow::Borrowed(text)).map_err(|what| {
        let character = text.get(..reader.at).unwrap_or_default().chars().count() + 1;
        (ProblemCode::InvalidExpression, format!("{what} at character {character}"))
    })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

type Step = Result<(), &'static str>;

impl Reader<'_> {
    fn whole(&mut self) -> Step {
        self.operation(0)?;
        self.blanks();
        if self.at < self.text.len() { Err("nothing more may follow") } else { Ok(()) }
    }

    fn operation(&mut self, depth: usize) -> Step {
        if depth > MOST_DEPTH {
            return Err("too many brackets within brackets");
        }
        while self.word("not") || self.sign(&["!"]) {}
        self.operand(depth)?;
        while self.word("and")
            || self.word("or")
            || self.sign(&["==", "!=", "<=", ">=", "<", ">", "&&", "||", "+", "-", "*", "/"])
        {
            while self.word("not") || self.sign(&["!"]) {}
            self.operand(depth)?;
        }
        Ok(())
    }

    fn operand(&mut self, depth: usize) -> Step {
        self.blanks();
        match self.peek() {
            None => Err("a value is missing"),
            Some('(') => {
                self.at += 1;
                self.operation(depth + 1)?;
                self.expect(')')
            }
            Some('[') => {
                self.at += 1;
                self.list(']', depth)
            }
            Some(quote @ ('"' | '\'')) => self.string(quote),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some('$') => {
                self.at += 1;
                self.name()?;
                self.path()
            }
            Some(c) if c.is_alphabetic() || c == '_' => {
                self.name()?;
                self.blanks();
                if self.peek() == Some('(') {
                    self.at += 1;
                    return self.list(')', depth);
                }
                self.path()
            }
            Some(_) => Err("no value begins with this sign"),
        }
    }

    fn list(&mut self, close: char, depth: usize) -> Step {
        self.blanks();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.operation(depth + 1)?;
            self.blanks();
            if self.peek() == Some(',') {
                self.at += 1;
                continue;
            }
            return self.expect(close);
        }
    }

    fn path(&mut self) -> Step {
        loop {
            match self.peek() {
                Some('.') => {
                    self.at += 1;
                    self.name()?;
                }
                Some('[') => {
                    self.at += 1;
                    match self.peek() {
                        Some(quote @ ('"' | '\'')) => self.string(quote)?,
                        _ => self.number()?,
                    }
                    self.expect(']')?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn name(&mut self) -> Step {
        let begin = self.at;
        while let Some(c) = self.peek() {
            if !(c.is_alphanumeric() || c == '_') {
                break;
            }
            self.at += c.len_utf8();
        }
        if self.at == begin { Err("a name is missing") } else { Ok(()) }
    }

    fn string(&mut self, quote: char) -> Step {
        let begin = self.at;
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            if c == '\\' {
                self.at += self.peek().map_or(0, char::len_utf8);
            } else if c == quote {
                return Ok(());
            }
        }
        self.at = begin;
        Err("this text is never closed")
    }

    fn number(&mut self) -> Step {
        let begin = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit() || matches!(c, '-' | '.' | 'e' | 'E' | '+')) {
            self.at += 1;
        }
        if self.text.get(begin..self.at).is_some_and(|text| text.parse::<f64>().is_ok()) {
            return Ok(());
        }
        self.at = begin;
        Err("this is not a number")
    }

    fn expect(&mut self, sign: char) -> Step {
        self.blanks();
        if self.peek() == Some(sign) {
            self.at += 1;
            return Ok(());
        }
        Err(match sign {
            ')' => "a ) or , is missing",
            _ => "a ] or , is missing",
        })
    }

    fn sign(&mut self, signs: &[&str]) -> bool {
        self.blanks();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(sign) = signs.iter().find(|sign| rest.starts_with(**sign)) else { return false };
        self.at += sign.len();
        true
    }

    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
            && !rest
                .get(word.len()..)
                .and_then(|tail| tail.chars().next())
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '('));
        if found {
            self.at += word.len();
        }
        found
    }

    fn blanks(&mut self) {
        while let Some(c) = self.peek().filter(|c| c.is_whitespace()) {
            self.at += c.len_utf8();
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        for good in [
            "equals($payload.event_type, \"order.created\")",
            "and(exists($payload.id), not(in($payload.type, [\"a\", 'b'])))",
            "$payload.items[0].price >= 10 and not $payload.test",
            "true",
        ] {
            assert_eq!(expression(good).map(|_| ()).map_err(|bad| bad.1), Ok(()), "{good}");
        }
        let wrong = |text| expression(text).err().map(|bad| bad.1).unwrap_or_default();
        assert_eq!(wrong("equals($payload.type, \"order\""), "a ) or , is missing at character 30");
        assert_eq!(wrong("equals($payload.type, \"order)"), "this text is never closed at character 23");
        assert_eq!(wrong("equals(,)"), "no value begins with this sign at character 8");
        assert_eq!(wrong("a b"), "nothing more may follow at character 3");
        assert!(wrong(&"(".repeat(10_000)).starts_with("too many brackets"));
    }
}
