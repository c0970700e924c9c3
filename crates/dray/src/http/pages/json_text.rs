//! JSON as text for people, its numbers as they were written: with lines and indents, or without.

use serde_json::value::RawValue;

/// All levels get lines of their own.
pub const WHOLE: usize = usize::MAX;
/// One line for each entry of a list.
pub const ENTRIES: usize = 1;
/// What a level is indented by.
const INDENT: &str = "  ";

/// Tells what stands within the texts of a document.
#[derive(Default)]
struct Texts {
    is_open: bool,
    is_escaped: bool,
}

impl Texts {
    /// True where a letter, the next of the document, belongs to a text.
    fn has(&mut self, letter: char) -> bool {
        let was_open = self.is_open;
        if was_open && self.is_escaped {
            self.is_escaped = false;
        } else if letter == '"' {
            self.is_open = !was_open;
        } else {
            self.is_escaped = was_open && letter == '\\';
        }
        was_open || self.is_open
    }
}

/// Why a text is no JSON.
pub fn mistake(text: &str) -> Option<String> {
    serde_json::from_str::<&RawValue>(text).err().map(|why| why.to_string())
}

/// Without anything between the values; a text that is no JSON stays as it is.
pub fn compact(text: &str) -> String {
    if mistake(text).is_some() {
        return text.to_owned();
    }
    let mut texts = Texts::default();
    text.chars().filter(|&letter| texts.has(letter) || !letter.is_ascii_whitespace()).collect()
}

/// With a line for each value of the first levels; a text that is no JSON stays as it is.
pub fn pretty(text: &str, levels: usize) -> String {
    if mistake(text).is_some() {
        return text.to_owned();
    }
    let text = compact(text);
    let mut out = String::with_capacity(text.len() * 2);
    let (mut texts, mut level, mut is_empty) = (Texts::default(), 0_usize, false);
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        (0..level).for_each(|_| out.push_str(INDENT));
    };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if texts.has(letter) {
            out.push(letter);
            continue;
        }
        match letter {
            '{' | '[' => {
                out.push(letter);
                level += 1;
                is_empty = matches!(letters.peek(), Some('}' | ']'));
                if !is_empty && level <= levels {
                    line(&mut out, level);
                }
            }
            '}' | ']' => {
                if !is_empty && level <= levels {
                    line(&mut out, level.saturating_sub(1));
                }
                (level, is_empty) = (level.saturating_sub(1), false);
                out.push(letter);
            }
            ',' if level <= levels => {
                out.push(letter);
                line(&mut out, level);
            }
            ',' | ':' => {
                out.push(letter);
                out.push(' ');
            }
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_texts_their_blanks() {
        let text = r#" [ {"key" : "a, \" [b]", "value":1.50}, {}, [12345678901234567890123] ] "#;
        assert_eq!(compact(text), r#"[{"key":"a, \" [b]","value":1.50},{},[12345678901234567890123]]"#);
        assert_eq!(
            pretty(text, ENTRIES),
            "[\n  {\"key\": \"a, \\\" [b]\", \"value\": 1.50},\n  {},\n  [12345678901234567890123]\n]"
        );
        assert_eq!(
            pretty(r#"{"a":{"b":[1,2]},"c":[]}"#, WHOLE),
            "{\n  \"a\": {\n    \"b\": [\n      1,\n      2\n    ]\n  },\n  \"c\": []\n}"
        );
        assert_eq!((compact("{ a"), pretty("\"\\\\\"", WHOLE)), ("{ a".to_owned(), "\"\\\\\"".to_owned()));
        assert_eq!(mistake("[1,"), Some("EOF while parsing a value at line 1 column 3".to_owned()));
    }
}
