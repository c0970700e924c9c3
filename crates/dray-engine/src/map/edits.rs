//! What is repaired before rows are imported, as people and requests say it: cells written anew, and texts that are
//! replaced in one column or in all. With how much of it there may be.

use dray_model::problem::shown;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

/// The most cells that are written anew: what a person, or a script on behalf of one, repairs by hand.
pub const MOST_CELLS: usize = 20_000;
/// The most replacements.
pub const MOST_REPLACEMENTS: usize = 500;
/// The most bytes of one text of them.
pub const MOST_TEXT_BYTES: usize = 32 << 10;
/// The most bytes of all their texts together: they are kept with the plan or the job.
pub const MOST_BYTES: usize = 4 << 20;
/// What is repaired: first the replacements, in their order, then the cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edits {
    /// Cells that are written anew; of several for one cell the last counts.
    pub cells: Vec<CellEdit>,
    /// Texts that are replaced wherever they stand.
    pub replacements: Vec<Replacement>,
}

/// A cell that is written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellEdit {
    /// Number of the row, from 1 over data rows.
    pub row: u64,
    /// Header text of the column.
    pub column: String,
    /// The new text; none empties the cell.
    pub value: Option<String>,
}

/// A text that is replaced wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// Header text of the column; all columns where there is none.
    pub column: Option<String>,
    /// What is looked for. As a whole cell, blanks around it do not count, and nothing means an empty cell.
    pub find: String,
    /// What stands there afterwards; none is the empty text.
    pub value: Option<String>,
    /// Only where it is the whole cell. Such a cell no later replacement changes again.
    #[serde(default)]
    pub whole: bool,
    /// Capital and small letters are the same.
    #[serde(default)]
    pub ignore_case: bool,
}

impl Edits {
    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.replacements.is_empty()
    }

    /// Refuses what is too much or can never be meant.
    pub fn check(&self) -> Result<()> {
        if self.cells.len() > MOST_CELLS {
            return Err(Error::request(format!(
                "{} cells are edited, at most {MOST_CELLS} can be",
                self.cells.len()
            ))
            .hint("replace texts in whole columns, or repair the file and send it again"));
        }
        if self.replacements.len() > MOST_REPLACEMENTS {
            return Err(Error::request(format!(
                "there are {} replacements, at most {MOST_REPLACEMENTS} are possible",
                self.replacements.len()
            ))
            .hint("repair the file and send it again"));
        }
        let mut bytes = 0;
        for cell in &self.cells {
            if cell.row == 0 {
                return Err(Error::request(format!(
                    "a cell of `{}` is edited in row 0",
                    shown(&cell.column)
                ))
                .hint("rows are counted from 1; the header is no row"));
            }
            let what = || format!("the edit of row {}, column `{}`", cell.row, shown(&cell.column));
            bytes += checked_length([Some(&cell.column), cell.value.as_ref(), None], what)?;
        }
        for replacement in &self.replacements {
            if replacement.find.is_empty() && !replacement.whole {
                return Err(Error::request("a replacement does not say what to find")
                    .hint("only as a whole cell (`whole`) may it be empty: then it fills empty cells"));
            }
            let what = || format!("the replacement of `{}`", shown(&replacement.find));
            let texts = [Some(&replacement.find), replacement.value.as_ref(), replacement.column.as_ref()];
            bytes += checked_length(texts, what)?;
        }
        if bytes > MOST_BYTES {
            return Err(Error::request(format!(
                "the edits have {bytes} bytes of text, at most {MOST_BYTES} are possible"
            ))
            .hint("repair the file and send it again"));
        }
        Ok(())
    }
}

/// How many bytes the texts have, none of which may be too long.
fn checked_length(texts: [Option<&String>; 3], what: impl Fn() -> String) -> Result<usize> {
    let lengths = texts.into_iter().flatten().map(String::len);
    if let Some(length) = lengths.clone().find(|length| *length > MOST_TEXT_BYTES) {
        return Err(Error::request(format!(
            "{} has a text of {length} bytes, at most {MOST_TEXT_BYTES} are possible",
            what()
        ))
        .hint("repair the file and send it again"));
    }
    Ok(lengths.sum())
}
