//! What a file is by its first bytes where it is no text: a format that is read, or something to refuse
//! in a sentence that says what it is.

use dray_model::{Error, Result};

use crate::input::BYTE_ORDER_MARK;
use crate::options::{Format, ReadOptions};
use crate::origin::UNDECODABLE;

/// The format of a file that begins with these bytes, where its first bytes alone say so.
pub(super) fn binary_format(sample: &[u8]) -> Option<Format> {
    if sample.starts_with(b"PAR1") {
        return Some(Format::Parquet);
    }
    // Old Office files and password-protected new ones; which it is, the reader of workbooks tells.
    sample.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1").then_some(Format::Xls)
}

/// Refuses what no table can be read from.
pub(super) fn refuse_binary(name: &str, sample: &[u8]) -> Result<()> {
    const ASK: &str = "ask for the table as CSV or Excel";
    const UNPACK: &str = "unpack it and send the file inside";
    const EXPORT: &str = "export the table as CSV, JSON, Excel or Parquet from the program that made it";
    let known: [(&[u8], &str, &str); 25] = [
        (b"%PDF-", "a PDF document", "ask for the table as CSV or Excel; a PDF holds only its picture"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive", UNPACK),
        (b"Rar!\x1A\x07", "a RAR archive", UNPACK),
        (b"\x1F\x9D", "compressed by a method of old, which is not read", UNPACK),
        (b"\x04\x22\x4D\x18", "LZ4-compressed, which is not read", UNPACK),
        (b"LZIP", "lzip-compressed, which is not read", UNPACK),
        (b"\x89PNG\r\n", "a picture (PNG)", ASK),
        (b"\xFF\xD8\xFF", "a picture (JPEG)", ASK),
        (b"GIF87a", "a picture (GIF)", ASK),
        (b"GIF89a", "a picture (GIF)", ASK),
        (b"II*\x00", "a picture (TIFF)", ASK),
        (b"MM\x00*", "a picture (TIFF)", ASK),
        (b"RIFF", "a picture, a sound or a film", ASK),
        (b"\x7FELF", "a program", "check that the right file was sent"),
        (b"\xCF\xFA\xED\xFE", "a program", "check that the right file was sent"),
        (b"\xCA\xFE\xBA\xBE", "a program", "check that the right file was sent"),
        (b"SQLite format 3\x00", "a SQLite database", EXPORT),
        (b"\x00\x01\x00\x00Standard ", "an Access database", EXPORT),
        (b"Obj\x01", "an Avro file, which is not read", EXPORT),
        (b"ORC\n", "an ORC file, which is not read", EXPORT),
        (b"ARROW1", "an Arrow file, which is not read", EXPORT),
        (b"ORC", "an ORC file, which is not read", EXPORT),
        (b"{\\rtf", "a document of a word processor (RTF)", ASK),
        (b"\x00asm", "a program", "check that the right file was sent"),
        (b"bplist00", "a property list", EXPORT),
    ];
    // Three letters alone could begin a header.
    let is_certain =
        |magic: &[u8]| magic != b"ORC" || sample.get(3..40).is_some_and(|rest| rest.contains(&0));
    let found = known.into_iter().find(|(magic, ..)| sample.starts_with(magic) && is_certain(magic));
    if let Some((_, kind, hint)) = found {
        return Err(Error::source(format!("`{name}` is {kind}")).hint(hint));
    }
    if sample.starts_with(b"MZ") && sample.iter().take(64).any(|&byte| byte == 0) {
        return Err(
            Error::source(format!("`{name}` is a program")).hint("check that the right file was sent")
        );
    }
    if sample.get(257..262) == Some(b"ustar") {
        return Err(Error::source(format!("`{name}` is a tar archive")).hint(UNPACK));
    }
    Ok(())
}

/// Refuses text that is empty or in which no table can be. `complete` says that `sample` is all there
/// is. What the person says about the delimiter and the encoding is not questioned.
pub(super) fn refuse_text(name: &str, sample: &[u8], complete: bool, options: &ReadOptions) -> Result<()> {
    let delimiter = options.delimiter.as_deref();
    let text = sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample);
    if complete && text.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::source(format!("`{name}` is empty"))
            .hint("it has no header and no rows; check that the right file was sent, and sent completely"));
    }
    let trimmed = text.trim_ascii_start();
    let begins = |word: &str| {
        trimmed.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()))
    };
    if begins("<!doctype html") || begins("<html") {
        return Err(Error::source(format!("`{name}` is a web page")).hint(
            "the download probably gave an error or a login page, or a program saved a table as HTML; \
             open it in a spreadsheet program and save it as \"CSV UTF-8\"",
        ));
    }
    if begins("<?xml") {
        return Err(Error::source(format!("`{name}` is an XML document, which is not read"))
            .hint("export the table as CSV, JSON or Excel"));
    }
    let text = text.get(..64 << 10).unwrap_or(text);
    let mut controls = [0_usize; 32];
    let mut undecodable = 0;
    for &byte in text {
        match byte {
            b'\t' | b'\n' | b'\r' | b'\x0C' | b'\x1A' => {}
            ..0x20 => controls[usize::from(byte)] += 1,
            UNDECODABLE => undecodable += 1,
            _ => {}
        }
    }
    let is_given =
        |byte: usize| delimiter.is_some_and(|text| text.bytes().any(|own| usize::from(own) == byte));
    if controls[0] * 2 > text.len() && !is_given(0) {
        return Err(Error::source(format!("`{name}` is not text: most of it is zero bytes"))
            .hint("the copy of the file probably went wrong; send it again"));
    }
    // A file may have a control character between its cells and another between its rows, but not many
    // kinds of them.
    let kinds = controls.iter().filter(|&&count| count > 0).count();
    let strange = controls.iter().sum::<usize>() + undecodable;
    if kinds >= 6 && strange * 20 > text.len() && options.encoding.is_none() {
        return Err(Error::source(format!(
            "`{name}` is not text: {}% of its first {} bytes are characters that no text has",
            strange * 100 / text.len().max(1),
            text.len()
        ))
        .hint("check that the right file was sent; if it is text in a rare encoding, name the encoding"));
    }
    Ok(())
}
