//! Judges which of several single-byte encodings makes words of a text: letters stand where letters
//! stand, capitals at the beginning. Tells apart what differs in a few characters only.

use encoding_rs::Encoding;

/// Letters beyond ASCII that the languages of western and northern Europe and of Russia use all the time.
const COMMON: &str = "äöüßéèêëàâçùûîïôñáíóúåøæãõìòœÄÖÜÉÈÀÇÅØÆÑÁÍÓÚ\
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
    let is_in_word = is_letter(before) && is_letter(behind);
    if !c.is_alphabetic() {
        return match c {
            // Quotes and hyphens stand between letters, too.
            '’' | '‘' | '–' | '·' | '\u{ad}' => 0,
            // Nobody has used this sign since there is the one for the euro.
            '¤' => -2,
            '€' if before.is_none_or(|c| c.is_ascii_digit() || c == ' ')
                || behind.is_some_and(|c| c.is_ascii_digit()) =>
            {
                1
            }
            _ if is_in_word => -3,
            _ => 0,
        };
    }
    let is_latin = |c: char| c.is_ascii_alphabetic() || ('\u{c0}'..'\u{250}').contains(&c);
    let mixes = |other: Option<char>| {
        other.is_some_and(|other| other.is_alphabetic() && is_latin(other) != is_latin(c))
    };
    if mixes(before) || mixes(behind) {
        return -3;
    }
    let is_capital_inside = c.is_uppercase() && before.is_some_and(char::is_lowercase);
    let is_small_between_capitals =
        c.is_lowercase() && before.is_some_and(char::is_uppercase) && behind.is_some_and(char::is_uppercase);
    if is_capital_inside || is_small_between_capitals {
        return -3;
    }
    if COMMON.contains(c) { 2 } else { 1 }
}
