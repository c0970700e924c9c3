//! The words of a header, folded so that spelling does not matter: `E-Mail_1 (privat)` is `e`, `mail`,
//! `1`, and in brackets `privat`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A header longer than this, in characters, is cut: it is a sentence or a row of data.
const LONGEST_HEADER: usize = 160;
/// More words than these are not looked at.
const MOST_WORDS: usize = 20;

/// One word of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Folded letters, or digits.
    pub text: String,
    /// Stands in brackets: an explanation more than a name.
    pub in_brackets: bool,
}

impl Word {
    /// The number it is, if it is one.
    pub(super) fn number(&self) -> Option<u32> {
        self.text.parse().ok()
    }
}

/// Takes a header apart at blanks, signs, digits and the humps of camelCase.
pub(super) fn words(header: &str) -> Vec<Word> {
    let characters: Vec<char> = header.chars().take(LONGEST_HEADER).collect();
    let mut words = Vec::new();
    let mut current = String::new();
    let mut depth = 0_usize;
    let mut finish = |current: &mut String, depth: usize| {
        let text = fold(current);
        current.clear();
        if !text.is_empty() && words.len() < MOST_WORDS {
            words.push(Word { text, in_brackets: depth > 0 });
        }
    };
    for (index, &c) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| characters.get(index)).copied();
        let after = characters.get(index + 1).copied();
        match c {
            '(' | '[' | '{' => {
                finish(&mut current, depth);
                depth += 1;
            }
            ')' | ']' | '}' => {
                finish(&mut current, depth);
                depth = depth.saturating_sub(1);
            }
            // The sign for a number is a word for it.
            '#' => {
                finish(&mut current, depth);
                current.push_str("no");
                finish(&mut current, depth);
            }
            '°' if matches!(before, Some('n' | 'N')) => current.push('o'),
            c if c.is_alphanumeric() || is_combining_mark(c) => {
                if before.is_some_and(|before| is_border(before, c, after)) {
                    finish(&mut current, depth);
                }
                current.push(c);
            }
            _ => finish(&mut current, depth),
        }
    }
    finish(&mut current, depth);
    words
}

/// True where a new word begins without a sign: `firstName`, `IDNumber`, `address1`.
fn is_border(before: char, c: char, after: Option<char>) -> bool {
    let digits_begin_or_end = before.is_alphanumeric() && before.is_ascii_digit() != c.is_ascii_digit();
    let hump = before.is_lowercase() && c.is_uppercase();
    let end_of_capitals = before.is_uppercase() && c.is_uppercase() && after.is_some_and(char::is_lowercase);
    digits_begin_or_end || hump || end_of_capitals
}

/// Letters and digits only, lower-case, without accents, in Latin letters where they have a common form.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            'þ' => folded.push_str("th"),
            c if c.is_alphanumeric() => folded.push(c),
            _ => {}
        }
    }
    folded
}

/// As [`fold`], with umlauts written out as people do who lack the keys: `Straße` and `Geschäft` are
/// `strasse` and `geschaeft`.
pub(super) fn fold_written_out(text: &str) -> String {
    let composed: String = text.nfc().collect();
    let mut out = String::with_capacity(composed.len() + 4);
    for c in composed.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' => out.push_str("ae"),
            'ö' | 'ø' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'å' => out.push_str("aa"),
            c => out.push(c),
        }
    }
    fold(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(header: &str) -> String {
        words(header).iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn headers_come_apart_into_words() {
        assert_eq!(plain("MEMBER_SINCE"), "member since");
        assert_eq!(plain("E-mail 1 - Value"), "e mail 1 value");
        assert_eq!(plain("firstName"), "first name");
        assert_eq!(plain("IDNumber"), "id number");
        assert_eq!(plain("Default Address Address1"), "default address address 1");
        assert_eq!(plain("N° adhérent"), "no adherent");
        assert_eq!(plain("Customer #"), "customer no");
        assert_eq!(plain("Straße"), "strasse");
        assert_eq!(plain("Imię (pełne)"), "imie pelne");
        assert_eq!(plain("İsim"), "isim");
        assert_eq!(plain(" -- "), "");
        assert!(words("Phone (mobile)").iter().any(|word| word.in_brackets));
        assert_eq!(fold_written_out("Büro"), "buero");
    }
}
