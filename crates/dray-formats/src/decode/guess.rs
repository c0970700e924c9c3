//! Finds the encoding of text by looking at it: its mark, the pattern of its zero bytes, whether it is
//! UTF-8, and last by what the bytes would mean in each language.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::encoding::TextEncoding;
use super::letters::{high_half, plausibility};
use crate::input::BYTE_ORDER_MARK;
use crate::origin::UNDECODABLE;

/// The detector looks at this much text with characters beyond ASCII; it takes milliseconds for that.
const EVIDENCE_BYTES: usize = 64 << 10;

/// The longest stretch of one line taken as evidence.
const LINE_BYTES: usize = 2 << 10;

/// The parts that must agree.
const PARTS: usize = 5;

/// An encoding, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Guess {
    pub(super) encoding: TextEncoding,
    /// From 0 to 1.
    pub(super) confidence: f64,
}

/// The encoding that the mark at the beginning names.
pub(super) fn by_mark(sample: &[u8]) -> Option<TextEncoding> {
    // The mark of UTF-32 begins with that of UTF-16.
    let marks: [(&[u8], TextEncoding); 6] = [
        (BYTE_ORDER_MARK, TextEncoding::Utf8),
        (b"\xFF\xFE\x00\x00", TextEncoding::UTF_32LE),
        (b"\x00\x00\xFE\xFF", TextEncoding::UTF_32BE),
        (b"\xFF\xFE", TextEncoding::UTF_16LE),
        (b"\xFE\xFF", TextEncoding::UTF_16BE),
        (b"\x84\x31\x95\x33", TextEncoding::Other(encoding_rs::GB18030)),
    ];
    marks.into_iter().find(|(mark, _)| sample.starts_with(mark)).map(|(_, encoding)| encoding)
}

/// The encoding with two or four bytes a character that the zero bytes show.
pub(super) fn by_zeros(sample: &[u8]) -> Option<TextEncoding> {
    let sample = sample.get(..64 << 10).unwrap_or(sample);
    if sample.len() < 2 || !sample.contains(&0) {
        return None;
    }
    let (quads, _) = sample.as_chunks::<4>();
    // Beyond the third plane there are no letters, but two characters of UTF-16 can look as if there were.
    let is_character = |quad: u32| quad < 0x4_0000 && char::from_u32(quad).is_some_and(|c| !is_strange(c));
    if quads.len() > 1 && quads.iter().all(|quad| is_character(u32::from_le_bytes(*quad))) {
        return Some(TextEncoding::UTF_32LE);
    }
    if quads.len() > 1 && quads.iter().all(|quad| is_character(u32::from_be_bytes(*quad))) {
        return Some(TextEncoding::UTF_32BE);
    }
    let (pairs, _) = sample.as_chunks::<2>();
    let little = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let big = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
    if is_utf16(little, pairs.len()) {
        return Some(TextEncoding::UTF_16LE);
    }
    is_utf16(big, pairs.len()).then_some(TextEncoding::UTF_16BE)
}

fn is_strange(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1a}')
}

/// Text has characters of one byte (digits, blanks, line ends), hardly any control characters and no
/// half characters; what is no UTF-16 has these as soon as it is taken for it.
fn is_utf16(units: impl Iterator<Item = u16> + Clone, count: usize) -> bool {
    let narrow =
        units.clone().filter(|unit| (0x20..0x7F).contains(unit) || matches!(unit, 9 | 10 | 13)).count();
    let mut wrong = 0;
    let mut has_line_end = false;
    for character in char::decode_utf16(units) {
        match character {
            Ok(c) if is_strange(c) || c == '\u{fffe}' => wrong += 1,
            Ok(c) => has_line_end |= matches!(c, '\n' | '\r'),
            Err(_) => wrong += 1,
        }
    }
    narrow * 20 >= count && wrong * 50 <= count && (has_line_end || narrow * 2 > count)
}

/// The encoding of text that begins with `sample`. `complete` says that nothing follows.
pub(super) fn guess(sample: &[u8], complete: bool) -> Guess {
    if let Some(encoding) = by_mark(sample) {
        return Guess { encoding, confidence: 1.0 };
    }
    if let Some(encoding) = by_zeros(sample) {
        return Guess { encoding, confidence: 0.99 };
    }
    if has_escapes(sample) {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
        detector.feed(sample.get(..EVIDENCE_BYTES).unwrap_or(sample), false);
        let found = detector.guess(None, Utf8Detection::Deny);
        if found == encoding_rs::ISO_2022_JP {
            return Guess { encoding: TextEncoding::Other(found), confidence: 0.95 };
        }
    }
    by_utf8(sample, complete).unwrap_or_else(|| by_language(sample))
}

/// True where an escape stands that switches to Japanese letters.
fn has_escapes(sample: &[u8]) -> bool {
    memchr::memmem::find(sample, b"\x1B$").is_some() && sample.is_ascii()
}

/// UTF-8 where the sample is that, or mostly: chance makes hardly any other text look like it.
fn by_utf8(sample: &[u8], complete: bool) -> Option<Guess> {
    let (mut characters, mut faults, mut others) = (0_usize, 0_usize, 0_usize);
    let mut rest = sample;
    for chunk in sample.utf8_chunks() {
        characters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        rest = rest.get(chunk.valid().len() + chunk.invalid().len()..).unwrap_or_default();
        let is_cut = rest.is_empty()
            && !complete
            && std::str::from_utf8(chunk.invalid()).is_err_and(|wrong| wrong.error_len().is_none());
        if !chunk.invalid().is_empty() && !is_cut {
            faults += 1;
            others += usize::from(chunk.invalid() != [UNDECODABLE]);
        }
    }
    let confidence = if faults == 0 {
        1.0
    } else if characters > faults {
        characters as f64 / (characters + faults) as f64
    } else if others == 0 {
        // What failed to be decoded once and was written as it was.
        0.7
    } else {
        return None;
    };
    Some(Guess { encoding: TextEncoding::Utf8, confidence })
}

/// The encoding in which the characters beyond ASCII make the likeliest words.
fn by_language(sample: &[u8]) -> Guess {
    let lines = evidence(sample);
    let whole = detect(lines.iter().copied());
    let mut found = whole;
    let mut agreement = 1.0;
    if lines.len() >= PARTS {
        let parts: Vec<&'static Encoding> =
            (0..PARTS).map(|part| detect(lines.iter().copied().skip(part).step_by(PARTS))).collect();
        let votes = |encoding: &Encoding| parts.iter().filter(|part| **part == encoding).count();
        // One broken byte rules an encoding out, so the parts without it may know better than the whole.
        if let Some(&best) = parts.iter().max_by_key(|part| (votes(part), **part == whole))
            && (votes(best) * 2 > PARTS && fits(&lines, best))
        {
            found = best;
        }
        agreement = 0.5 + 0.5 * votes(found) as f64 / PARTS as f64;
    }
    let found = refine(&lines, found);
    let bytes: usize = lines.iter().map(|line| line.iter().filter(|byte| **byte >= 0x80).count()).sum();
    // A handful of letters leaves much open.
    let plenty = 1.0 - 0.5 / (1.0 + bytes as f64 / 8.0);
    let found = if found == encoding_rs::GBK { encoding_rs::GB18030 } else { found };
    Guess {
        encoding: TextEncoding::Other(found),
        confidence: (0.95 * plenty * agreement * 100.0).round() / 100.0,
    }
}

/// True where nearly everything is text in this encoding.
fn fits(lines: &[&[u8]], encoding: &'static Encoding) -> bool {
    let is_wrong =
        |line: &&&[u8]| encoding.decode_without_bom_handling_and_without_replacement(line).is_none();
    lines.iter().filter(is_wrong).count() * 5 <= lines.len()
}

fn detect<'a>(lines: impl Iterator<Item = &'a [u8]>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    for line in lines {
        detector.feed(line, false);
        detector.feed(b"\n", false);
    }
    detector.guess(None, Utf8Detection::Deny)
}

/// Lines with characters beyond ASCII, long ones cut where no character can be cut in any encoding.
fn evidence(sample: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for line in sample.split(|&byte| byte == b'\n' || byte == b'\r') {
        let mut rest = line;
        while let Some(first) = rest.iter().position(|&byte| byte >= 0x80) {
            let is_border = |byte: &u8| *byte < 0x30;
            let near = first.saturating_sub(LINE_BYTES / 2);
            let begin = rest.get(near..first).and_then(|before| before.iter().position(is_border));
            let begin = if near == 0 { 0 } else { begin.map_or(first, |at| near + at) };
            let wanted = (begin + LINE_BYTES).min(rest.len());
            let end = rest.get(wanted..).and_then(|behind| behind.iter().position(is_border));
            let end = end.map_or(rest.len(), |at| wanted + at).min(begin + 4 * LINE_BYTES);
            let line = rest.get(begin..end).unwrap_or_default();
            lines.push(line);
            bytes += line.len();
            rest = rest.get(end..).unwrap_or_default();
            if bytes >= EVIDENCE_BYTES {
                return lines;
            }
        }
    }
    lines
}

/// Fewer bytes than this leave the detector guessing at languages far away.
const FEW_BYTES: usize = 6;

/// Looks whether another encoding makes better words: the usual one where there is little to go by, or
/// one that the detector does not know.
fn refine(lines: &[&[u8]], found: &'static Encoding) -> &'static Encoding {
    let text = lines.join(&b'\n');
    let score = |encoding| plausibility(&text, &high_half(encoding));
    let found = prefer_usual(&text, found, score);
    let name = found.name();
    let is_cyrillic = matches!(name, "windows-1251" | "KOI8-U" | "ISO-8859-5" | "IBM866");
    // With by how much each must read better.
    let mut relatives: Vec<(&'static Encoding, i64)> = Vec::new();
    if name == "windows-1252" {
        relatives.push((encoding_rs::ISO_8859_15, 1));
    }
    if is_latin(found) || name == "IBM866" {
        relatives.push((encoding_rs::MACINTOSH, 3));
    }
    if is_cyrillic {
        relatives.push((encoding_rs::X_MAC_CYRILLIC, 3));
    }
    if relatives.is_empty() {
        return found;
    }
    let mut best = (score(found), found);
    for (relative, margin) in relatives {
        let score = score(relative);
        if score >= best.0 + margin {
            best = (score, relative);
        }
    }
    best.1
}

/// Windows-1252 instead of another encoding where only a few bytes speak for that one and they read better,
/// or are no part of words.
fn prefer_usual(
    text: &[u8],
    found: &'static Encoding,
    score: impl Fn(&'static Encoding) -> i64,
) -> &'static Encoding {
    let is_high = |byte: &u8| *byte >= 0x80;
    if text.iter().filter(|byte| is_high(byte)).count() >= FEW_BYTES {
        return found;
    }
    let usual = score(encoding_rs::WINDOWS_1252);
    let is_better = if is_latin(found) {
        let score = score(found);
        usual > score || (usual == 0 && score == 0)
    } else {
        // Characters of two bytes hardly ever stand alone with a letter of ASCII for their second.
        !found.is_single_byte() && usual > 0 && text.windows(2).all(|pair| !pair.iter().all(is_high))
    };
    if is_better { encoding_rs::WINDOWS_1252 } else { found }
}

fn is_latin(encoding: &'static Encoding) -> bool {
    matches!(
        encoding.name(),
        "windows-1252"
            | "windows-1250"
            | "windows-1254"
            | "windows-1257"
            | "windows-1258"
            | "ISO-8859-2"
            | "ISO-8859-4"
            | "ISO-8859-13"
    )
}
