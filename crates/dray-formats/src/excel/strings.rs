//! The texts that the cells of a workbook share, one behind the other in memory.

use dray_model::{Error, ErrorKind, Result};

use super::package::{Package, damaged};
use super::xml::{Token, XmlReader};
use crate::options::ReadLimits;

/// The most memory for shared texts whatever the settings say.
const MOST_BYTES: u64 = 512 << 20;

/// Where a text ends is kept for this many texts at a time, so that the list never moves.
const BLOCK: usize = 1 << 16;

/// Texts by number.
#[derive(Default)]
pub(super) struct SharedStrings {
    text: Vec<u8>,
    ends: Vec<Vec<u32>>,
}

impl SharedStrings {
    /// Reads the part with the texts. What it says about how many there are is not believed.
    pub(super) fn read(package: &Package, part: &str, limits: &ReadLimits) -> Result<Self> {
        let most = limits.max_worker_bytes.min(MOST_BYTES);
        let mut strings = Self::default();
        // Room for all of them at once saves moving them; a part that lies costs address space only.
        let claimed = package.claimed_bytes(part).min(most);
        let _ = strings.text.try_reserve_exact(usize::try_from(claimed).unwrap_or(0));

        let mut xml = XmlReader::new(package.name(), Box::new(package.part(part)?), limits.max_record_bytes)?;
        let (mut in_text, mut in_reading_aid, mut start) = (false, false, 0);
        let (mut keeps_blanks, mut text_start) = (false, 0);
        loop {
            match xml.next()? {
                Token::Text(text) if in_text => {
                    let is_xml = text.append_to(&mut strings.text);
                    is_xml.then_some(()).ok_or_else(|| no_xml(package.name()))?;
                }
                Token::Open(tag) => match tag.name() {
                    b"si" => start = strings.text.len(),
                    b"rPh" => in_reading_aid = true,
                    b"t" => {
                        in_text = !in_reading_aid;
                        keeps_blanks = tag.attribute(b"space") == Some(b"preserve");
                        text_start = strings.text.len();
                    }
                    _ => {}
                },
                Token::Close(b"t") => {
                    in_text = false;
                    if !keeps_blanks {
                        trim_from(&mut strings.text, text_start);
                    }
                }
                Token::Close(b"rPh") => in_reading_aid = false,
                Token::Close(b"si") => {
                    unescape_from(&mut strings.text, start);
                    strings.end_text();
                    start = strings.text.len();
                }
                Token::End => return Ok(strings),
                _ => {}
            }
            if strings.bytes() > most {
                return Err(too_much_text(package.name(), most));
            }
        }
    }

    fn end_text(&mut self) {
        let end = self.text.len() as u32;
        match self.ends.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(end),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(end);
                self.ends.push(block);
            }
        }
    }

    fn bytes(&self) -> u64 {
        (self.text.len() + self.ends.len() * BLOCK * size_of::<u32>()) as u64
    }

    /// The text with this number.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let end_of = |index: usize| self.ends.get(index / BLOCK)?.get(index % BLOCK).map(|&end| end as usize);
        let start = if index == 0 { 0 } else { end_of(index - 1)? };
        self.text.get(start..end_of(index)?)
    }
}

#[cold]
fn too_much_text(name: &str, most: u64) -> Error {
    Error::new(ErrorKind::Limit, format!("the texts that cells of `{name}` share are more than {most} bytes"))
        .hint("save the sheet as CSV, or send it in several workbooks")
}

/// Takes blanks off both ends of the text from `start` on, as spreadsheet programs do with texts that
/// do not ask to keep them.
#[inline]
pub(super) fn trim_from(text: &mut Vec<u8>, start: usize) {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t' | b'\n' | b'\r'));
    while text.len() > start && is_blank(text.last()) {
        text.pop();
    }
    let blanks = text.iter().skip(start).take_while(|byte| is_blank(Some(byte))).count();
    if blanks > 0 {
        text.drain(start..start + blanks);
    }
}

/// What is said where a text has a reference that XML does not know.
#[cold]
pub(super) fn no_xml(name: &str) -> Error {
    damaged(name, "a text of its cells is not XML")
}

/// Takes back the escapes of characters that XML does not have, as in `_x000D_`, from `start` on.
pub(super) fn unescape_from(text: &mut Vec<u8>, start: usize) {
    let behind = text.get(start..).unwrap_or_default();
    let Some(first) = memchr::memmem::find(behind, b"_x") else { return };
    let escaped = text.split_off(start + first);
    let mut rest = escaped.as_slice();
    while let Some((&byte, behind)) = rest.split_first() {
        match escaped_character(rest) {
            Some(letter) => {
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = rest.get(7..).unwrap_or_default();
            }
            None => {
                text.push(byte);
                rest = behind;
            }
        }
    }
}

/// The character of `_xHHHH_`.
fn escaped_character(text: &[u8]) -> Option<char> {
    let digits = text.strip_prefix(b"_x")?.get(..4).filter(|_| text.get(6) == Some(&b'_'))?;
    let digits = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_taken_back() {
        for (escaped, text) in [
            ("a_x000D_b", "a\rb"),
            ("_x005F_x0041_", "_x0041_"),
            ("_x0041_x0042_", "Ax0042_"),
            ("_x000d__x0009_", "\r\t"),
            ("_x00_ _xD800_ _xGGGG_ _x0041", "_x00_ _xD800_ _xGGGG_ _x0041"),
            ("a_xb", "a_xb"),
        ] {
            let mut out = format!("_x0041_{escaped}").into_bytes();
            unescape_from(&mut out, 7);
            assert_eq!(String::from_utf8(out).unwrap(), format!("_x0041_{text}"), "{escaped}");
        }
    }
}
