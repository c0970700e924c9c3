//! What a file really is, whatever its name says: the two containers that workbooks come in, and what
//! people send in their place.

use std::fs::File;
use std::os::unix::fs::FileExt;

use dray_model::{Error, Result};

use super::package::{Package, damaged, password_protected};
use super::workbook::main_part;
use crate::options::{Format, ReadLimits};

/// A workbook, and how it is read.
pub(super) enum Container {
    /// An xlsx workbook.
    Xlsx(Package),
    /// Another workbook.
    Other(Format),
}

/// How much of a file is looked at.
const SAMPLE_BYTES: usize = 4096;

/// The names in the older container are in sectors; a workbook has some dozens of names.
const MAX_DIRECTORY_SECTORS: usize = 1000;

/// Looks into the file.
pub(super) fn look_into(name: &str, file: File, limits: &ReadLimits) -> Result<Container> {
    let mut sample = vec![0; SAMPLE_BYTES];
    let read = file
        .read_at(&mut sample, 0)
        .map_err(|cause| Error::file(format!("reading `{name}` failed")).because(cause).retryable())?;
    sample.truncate(read);
    if sample.starts_with(b"PK") {
        return look_into_archive(name, file, limits);
    }
    if sample.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return look_into_older_container(name, &file, &sample);
    }
    if sample.trim_ascii().is_empty() && read < SAMPLE_BYTES {
        return Err(Error::source(format!("`{name}` is empty"))
            .hint("check that the right file was sent, and sent completely"));
    }
    Err(not_a_workbook(name, &sample))
}

fn look_into_archive(name: &str, file: File, limits: &ReadLimits) -> Result<Container> {
    let package = Package::open(name, file, limits)?;
    if package.has("content.xml") && package.has("META-INF/manifest.xml") {
        return Ok(Container::Other(Format::Ods));
    }
    let main = if package.has("_rels/.rels") { main_part(&package)? } else { "xl/workbook.xml".to_owned() };
    if main.ends_with(".bin") || !package.has(&main) && package.has("xl/workbook.bin") {
        return Ok(Container::Other(Format::Xlsb));
    }
    if package.has("word/document.xml") || package.has("ppt/presentation.xml") {
        let kind = if package.has("word/document.xml") { "a text document" } else { "a presentation" };
        return Err(Error::source(format!("`{name}` is {kind}, not a workbook"))
            .hint("copy the table into a spreadsheet program and save it as xlsx"));
    }
    if package.has(&main) {
        return Ok(Container::Xlsx(package));
    }
    Err(Error::source(format!("`{name}` is a zip archive, not a workbook"))
        .hint("unpack it and send the file inside"))
}

/// A compound file: a small file system. Its directory tells what it holds.
fn look_into_older_container(name: &str, file: &File, header: &[u8]) -> Result<Container> {
    let names = compound_names(file, header)
        .ok_or_else(|| damaged(name, "its list of parts is missing or broken"))?;
    let has = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    if has("EncryptedPackage") {
        return Err(password_protected(name));
    }
    if has("Workbook") || has("Book") {
        return Ok(Container::Other(Format::Xls));
    }
    Err(Error::source(format!("`{name}` is an older Office document, not a workbook"))
        .hint("copy the table into a spreadsheet program and save it as xlsx"))
}

/// The names in a compound file.
fn compound_names(file: &File, header: &[u8]) -> Option<Vec<String>> {
    let number = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4)?.try_into().ok().map(|four: [u8; 4]| u64::from(u32::from_le_bytes(four)))
    };
    let sector_bytes: u64 = match number(header, 30)? & 0xFFFF {
        9 => 512,
        12 => 4096,
        _ => return None,
    };
    let read_sector = |sector: u64| {
        let mut bytes = vec![0; usize::try_from(sector_bytes).ok()?];
        let read = file.read_at(&mut bytes, (sector + 1).checked_mul(sector_bytes)?).ok()?;
        bytes.truncate(read);
        (read > 0).then_some(bytes)
    };
    let mut names = Vec::new();
    let mut sector = number(header, 48)?;
    for _ in 0..MAX_DIRECTORY_SECTORS {
        for entry in read_sector(sector)?.chunks_exact(128) {
            let name_bytes = (number(entry, 64)? & 0xFFFF).saturating_sub(2).min(62);
            let units = entry.get(..usize::try_from(name_bytes).ok()?)?.as_chunks::<2>().0;
            let name = char::decode_utf16(units.iter().map(|&unit| u16::from_le_bytes(unit)));
            names.push(name.map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect());
        }
        // The next sector of the directory stands in a table, whose first 109 sectors stand in the header.
        let entries = sector_bytes / 4;
        let table = sector / entries;
        let end_of_header_list = 109;
        if table >= end_of_header_list {
            break;
        }
        let table_sector = number(header, 76 + usize::try_from(table).ok()? * 4)?;
        sector = number(&read_sector(table_sector)?, usize::try_from(sector % entries).ok()? * 4)?;
        if sector >= 0xFFFF_FFFA {
            break;
        }
    }
    Some(names)
}

/// What is said about a file that is something else.
fn not_a_workbook(name: &str, sample: &[u8]) -> Error {
    let has = |text: &[u8]| memchr::memmem::find(&sample.to_ascii_lowercase(), text).is_some();
    let is_text = !sample.contains(&0) && std::str::from_utf8(sample).is_ok_and(|text| !text.is_empty());
    let (kind, hint) = if has(b"urn:schemas-microsoft-com:office:spreadsheet") {
        ("an XML spreadsheet of 2003", "open it in a spreadsheet program and save it as xlsx")
    } else if has(b"<html") || has(b"<table") {
        ("a web page with the name of a workbook", "open it in a spreadsheet program and save it as xlsx")
    } else if is_text {
        ("text with the name of a workbook", "name it .csv, or say that its format is csv")
    } else {
        ("no workbook", "check that the right file was sent, and sent completely")
    };
    Error::source(format!("`{name}` is {kind}")).hint(hint)
}
