//! Names of properties made of the headers of files.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::expression::types::is_property_name;

/// The property that a header names: letters lose their accents, and whatever else a name cannot hold becomes
/// one `_`. `None` where nothing would be left, or letters of other scripts would be lost.
pub fn property_name(header: &str) -> Option<String> {
    if is_property_name(header) {
        return Some(header.to_owned());
    }
    let mut name = String::new();
    // True behind a `_` that stands for something else: two such never follow each other.
    let mut replaced = false;
    for letter in header.trim().nfc() {
        let plain = match letter {
            '0'..='9' => (!name.is_empty()).then_some(letter),
            'a'..='z' | 'A'..='Z' | '_' => Some(letter),
            letter if letter.is_alphabetic() => {
                let mut parts = std::iter::once(letter).nfd().filter(|part| !is_combining_mark(*part));
                match (parts.next(), parts.next()) {
                    (Some(base), None) if base.is_ascii_alphabetic() => Some(base),
                    _ => return None,
                }
            }
            _ => None,
        };
        if let Some(letter) = plain {
            name.push(letter);
            replaced = false;
        } else if !replaced {
            name.push('_');
            replaced = true;
        }
    }
    (!matches!(name.as_str(), "" | "_")).then_some(name)
}

/// The name of a column without header: `A` … `Z`, `AA`, `AB` …
pub fn letters_of(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.iter().rev().collect()
}
