//! What a workbook is made of: its sheets and where they lie, its epoch, its shared parts.

use dray_model::Result;

use super::choice::SheetInfo;
use super::package::{Package, damaged};
use super::serial::Epoch;
use super::xml::{Token, XmlReader};

/// The most sheets, and the most parts a part may point to.
const MAX_ENTRIES: usize = 20_000;

/// Texts in the small parts; names and paths are no longer.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// The parts of a workbook.
pub(super) struct Workbook {
    /// The sheets, in the order of their tabs.
    pub(super) sheets: Vec<SheetInfo>,
    /// The part of each sheet; empty where it has no cells.
    pub(super) sheet_parts: Vec<String>,
    /// From which day it counts.
    pub(super) epoch: Epoch,
    /// The part with the texts that cells share.
    pub(super) strings_part: Option<String>,
    /// The part with the formats.
    pub(super) styles_part: Option<String>,
}

/// One part pointing to another.
struct Relationship {
    id: String,
    /// The last word of its type: `worksheet`, `styles` and so on.
    kind: String,
    part: String,
}

/// The part that a package is about.
pub(super) fn main_part(package: &Package) -> Result<String> {
    let found = relationships(package, "")?.into_iter().find(|to| to.kind == "officeDocument");
    Ok(found.map_or_else(|| "xl/workbook.xml".to_owned(), |found| found.part))
}

/// Reads the workbook part.
pub(super) fn read_workbook(package: &Package, main_part: &str) -> Result<Workbook> {
    let relationships = relationships(package, main_part)?;
    let part_of_kind = |kind: &str| {
        let mut found = relationships.iter().filter(|to| to.kind == kind && package.has(&to.part));
        found.next().map(|to| to.part.clone())
    };
    let mut workbook = Workbook {
        sheets: Vec::new(),
        sheet_parts: Vec::new(),
        epoch: Epoch::Year1900,
        strings_part: part_of_kind("sharedStrings"),
        styles_part: part_of_kind("styles"),
    };
    let mut xml = open_small(package, main_part)?;
    loop {
        match xml.next()? {
            Token::Open(tag) if tag.name() == b"workbookPr" && tag.is_set(b"date1904") => {
                workbook.epoch = Epoch::Year1904;
            }
            Token::Open(tag) if tag.name() == b"sheet" => {
                if workbook.sheets.len() == MAX_ENTRIES {
                    return Err(damaged(package.name(), "it has too many sheets"));
                }
                let number = workbook.sheets.len() + 1;
                let id = tag.text_of(b"id").unwrap_or_default();
                let to = relationships.iter().find(|to| to.id == id);
                let has_cells = to.is_some_and(|to| to.kind == "worksheet");
                let part = to.filter(|_| has_cells).map(|to| to.part.clone()).unwrap_or_default();
                workbook.sheets.push(SheetInfo {
                    name: tag.text_of(b"name").unwrap_or_else(|| format!("sheet {number}")),
                    visible: !matches!(tag.attribute(b"state"), Some(b"hidden" | b"veryHidden")),
                    has_cells,
                });
                workbook.sheet_parts.push(part);
            }
            Token::End => break,
            _ => {}
        }
    }
    if workbook.sheets.is_empty() {
        return Err(damaged(package.name(), "it has no sheets"));
    }
    Ok(workbook)
}

/// Opens a part that holds no texts of cells.
pub(super) fn open_small(package: &Package, part: &str) -> Result<XmlReader> {
    XmlReader::new(package.name(), Box::new(package.part(part)?), MAX_TEXT_BYTES)
}

/// Where a part points to. Targets outside of the file are left out: nothing is ever fetched.
fn relationships(package: &Package, part: &str) -> Result<Vec<Relationship>> {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    let list = format!("{folder}/_rels/{file}.rels");
    let mut found = Vec::new();
    if !package.has(&list) {
        return Ok(found);
    }
    let mut xml = open_small(package, &list)?;
    loop {
        match xml.next()? {
            Token::Open(tag) if tag.name() == b"Relationship" => {
                if found.len() == MAX_ENTRIES {
                    return Err(damaged(package.name(), "its parts point to too many others"));
                }
                if tag.attribute(b"TargetMode") == Some(b"External") {
                    continue;
                }
                let kind = tag.text_of(b"Type").unwrap_or_default();
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                let target = tag.text_of(b"Target").unwrap_or_default();
                let part = resolve(folder, &target);
                found.push(Relationship { id: tag.text_of(b"Id").unwrap_or_default(), kind, part });
            }
            Token::End => return Ok(found),
            _ => {}
        }
    }
}

/// The part a target means, seen from a folder. No way leads out of the package.
fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut path: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.retain(|step| !step.is_empty());
    path.join("/")
}
