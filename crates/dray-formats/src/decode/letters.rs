//! Judges which of several single-byte encodings makes words of a text: letters stand where letters
//! stand, capitals at the beginning. Tells apart what differs in a few characters only.

use encoding_rs::Encoding;

/// Letters beyond ASCII that the languages of Europe use all the time.
const COMMON: &str = "äöüßéèêëàâçùûîïôñáíóúåøæãõìòÄÖÜÉÈÀÇÅØÆÑÁÍÓÚ\
    ąćęłńżčďěňřůľőűğışăţđėįųūŁŻČŘİŞ\
    абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЫЭЮЯ";

/// What each byte from 0x80 on says; `None` where it says nothing.
pub(super) type HighHalf = [Option<char>; 128];

/// The upper half of a single-byte encoding. Control characters are nothing a table says.
pub(super) fn high_half(encoding: &'static Encoding) -> HighHalf {
    let mut half = [None; 128];
    for (byte, slot) in (0x80_u8..=0xFF).zip(&mut half) {
        let bytes = [byte];
        let decoded = encoding.decode_without_bom_handling_and_without_replacement(&bytes);
        *slot = decoded.and_then(|text| text.chars().next()).filter(|c| !c.is_control());
    }
    half
}

/// How well the text reads with this upper half: the higher the better, nothing for nothing.
pub(super) fn plausibility(text: &[u8], half: &HighHalf) -> i64 {
    let character = |byte: u8| match byte {
        0x80.. => half.get(usize::from(byte) - 0x80).copied().flatten(),
        _ => Some(char::from(byte)),
    };
    let mut score = 0;
    for (at, &byte) in text.iter().enumerate().filter(|(_, byte)| **byte >= 0x80) {
        let Some(c) = character(byte) else {
            score -= 6;
            continue;
        };
        let neighbour = |at: Option<usize>| at.and_then(|at| text.get(at)).and_then(|&byte| character(byte));
        let (before, behind) = (neighbour(at.checked_sub(1)), neighbour(Some(at + 1)));
        score += judge(before, c, behind);
    }
    score
}

fn judge(before: Option<char>, c: char, behind: Option<char>) -> i64 {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    if !c.is_alphabetic() {
        return judge_sign(before, c, behind);
    }
    let is_latin = |c: char| c.is_ascii_alphabetic() || ('\u{aa}'..'\u{250}').contains(&c);
    let mixes = |other: Option<char>| {
        other.is_some_and(|other| other.is_alphabetic() && is_latin(other) != is_latin(c))
    };
    let is_small = |c: Option<char>| c.is_some_and(char::is_lowercase);
    let is_capital = |c: Option<char>| c.is_some_and(char::is_uppercase);
    let is_capital_inside = c.is_uppercase() && (is_small(before) || (is_letter(before) && is_small(behind)));
    let is_small_between_capitals = c.is_lowercase() && is_capital(before) && is_capital(behind);
    if mixes(before) || mixes(behind) || is_capital_inside || is_small_between_capitals {
        return -3;
    }
    // A letter alone is no word, and the sign for guilders stands in no word.
    if (!is_letter(before) && !is_letter(behind)) || c == 'ƒ' {
        return 0;
    }
    match c {
        // As in œuvre, œil and cœliaque.
        'œ' if behind.is_some_and(|behind| "uie".contains(behind)) => 2,
        'œ' => 0,
        c if COMMON.contains(c) => 2,
        _ => 1,
    }
}

/// Quotes open before words and close behind them, dashes stand between blanks.
fn judge_sign(before: Option<char>, c: char, behind: Option<char>) -> i64 {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let is_blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let fits = match c {
        '“' | '‘' | '„' | '‚' | '«' | '‹' | '¿' | '¡' => !is_word(before) && !is_blank(behind),
        '”' | '»' | '›' | '…' => !is_blank(before) && !is_word(behind),
        // Also the apostrophe.
        '’' => !is_blank(before),
        '–' | '—' => (is_blank(before) && is_blank(behind)) || (is_digit(before) && is_digit(behind)),
        '€' | '£' => is_digit(before) || is_digit(behind) || is_blank(before),
        // Nobody has used this sign since there is the one for the euro.
        '¤' => return -2,
        _ if c.is_whitespace() || c == '\u{ad}' => return 0,
        _ if is_word(before) && behind.is_some_and(char::is_alphabetic) => return -3,
        _ => return 0,
    };
    if fits { 2 } else { -1 }
}
