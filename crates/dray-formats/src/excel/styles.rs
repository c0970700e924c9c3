//! Which number format each style of a workbook has.

use std::collections::HashMap;

use dray_model::Result;

use super::number_format::{kind_of_code, kind_of_known};
use super::package::{Package, damaged};
use super::serial::NumberKind;
use super::workbook::open_small;
use super::xml::Token;

/// Spreadsheet programs allow 64,000 styles; some files written by others have more.
const MAX_STYLES: usize = 1 << 20;

/// What numbers are in cells of each style.
pub(super) fn read_styles(package: &Package, part: &str) -> Result<Vec<NumberKind>> {
    let mut xml = open_small(package, part)?;
    let mut kinds_by_id = HashMap::new();
    let mut styles = Vec::new();
    // The same tags stand in other lists of this part, which are about something else.
    let (mut in_cell_styles, mut in_formats) = (false, false);
    loop {
        match xml.next()? {
            Token::Open(tag) => match tag.name() {
                b"numFmts" => in_formats = true,
                b"cellXfs" => in_cell_styles = true,
                b"numFmt" if in_formats => {
                    let id = tag.text_of(b"numFmtId").and_then(|id| id.parse::<u32>().ok());
                    if let (Some(id), Some(code)) = (id, tag.text_of(b"formatCode")) {
                        kinds_by_id.insert(id, kind_of_code(&code));
                    }
                }
                b"xf" if in_cell_styles => {
                    let id = tag.text_of(b"numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                    styles.push(kinds_by_id.get(&id).copied().unwrap_or_else(|| kind_of_known(id)));
                }
                _ => {}
            },
            Token::Close(b"numFmts") => in_formats = false,
            Token::Close(b"cellXfs") => in_cell_styles = false,
            Token::End => return Ok(styles),
            _ => {}
        }
        if styles.len().max(kinds_by_id.len()) > MAX_STYLES {
            return Err(damaged(package.name(), "it has too many styles"));
        }
    }
}
