//! Short rows whose cells stand in one: behind another delimiter than the file's, or in quotes around the
//! whole row. What divides such a row as the columns want it is read so where a column with a form of its
//! own bears it out, and is left to a person where nothing does.

use super::dialect::Dialect;
use super::repair::cost;
use crate::shapes::{ColumnShape, Shapes};

/// What may stand between cells instead of the file's delimiter.
const OTHERS: [&[u8]; 5] = [b";", b"\t", b"|", b",", b" "];

/// What a short row means that can be divided into as many cells as there are columns.
pub(super) enum Divided {
    /// The cells, and why they are those.
    Fits(Vec<Vec<u8>>, &'static str),
    /// Nobody can say whether the cells stand in their columns.
    Doubtful(&'static str),
}

const IN_QUOTES: &str = "it stands in quotes as a whole";
const OTHER: &str = "it has another delimiter than the other rows";

/// Finds out whether a row with these cells, fewer than the columns, has all of them; `line` is its text.
pub(super) fn divide(line: &[u8], cells: &[Vec<u8>], dialect: &Dialect, shapes: &Shapes) -> Option<Divided> {
    let width = shapes.columns.len();
    let mut doubt = None;
    let as_read = cost_as_read(cells, shapes);
    let may_be_short = shapes.rows > 0 && stands_as_read(cells, shapes);
    let judge = |pieces: Vec<Vec<u8>>, cost: f64, why: &'static str| {
        let surprise: f64 =
            pieces.iter().zip(&shapes.columns).map(|(cell, shape)| shape.surprise(cell)).sum();
        if is_borne_out(&pieces, cells, shapes) && cost + surprise < as_read {
            return Divided::Fits(pieces, why);
        }
        Divided::Doubtful(why)
    };
    if let [whole] = cells
        && let Some(pieces) = pieces_of(whole, dialect).filter(|pieces| pieces.len() == width)
    {
        match judge(pieces, cost::FILL, IN_QUOTES) {
            fits @ Divided::Fits(..) => return Some(fits),
            doubtful @ Divided::Doubtful(_) => doubt = Some(doubtful),
        }
    }
    for other in OTHERS {
        let is_blank = other == b" ";
        // Blanks are in any text, so they say nothing where something else stands between cells.
        if dialect.delimiter.windows(other.len()).any(|part| part == other)
            || is_blank && cells.len() > 1
            || memchr::memmem::find(line, other).is_none()
        {
            continue;
        }
        let other_dialect = Dialect { delimiter: other.to_vec(), ..dialect.clone() };
        let alone = pieces_of(line, &other_dialect);
        let both: Option<Vec<Vec<Vec<u8>>>> =
            cells.iter().map(|cell| pieces_of(cell, &other_dialect)).collect();
        for pieces in [alone, both.map(|parts| parts.concat())].into_iter().flatten() {
            if pieces.len() != width {
                continue;
            }
            match judge(pieces, cost::OTHER_DELIMITER, OTHER) {
                fits @ Divided::Fits(..) => return Some(fits),
                Divided::Doubtful(_) if is_blank => {}
                doubtful @ Divided::Doubtful(_) => doubt = doubt.or(Some(doubtful)),
            }
        }
    }
    doubt.filter(|_| !may_be_short)
}

/// The cells of a text that is one record of the dialect.
pub(super) fn pieces_of(text: &[u8], dialect: &Dialect) -> Option<Vec<Vec<u8>>> {
    let record = dialect.record(text, 0);
    let is_sound = record.end == text.len() && !record.has_stray_quote && !record.is_open;
    is_sound.then(|| record.cells.iter().map(|cell| dialect.said(text, cell)).collect())
}

/// What it costs to take the row as it is, with the missing cells empty.
fn cost_as_read(cells: &[Vec<u8>], shapes: &Shapes) -> f64 {
    let present: f64 = cells.iter().zip(&shapes.columns).map(|(cell, shape)| shape.surprise(cell)).sum();
    let missing = shapes.columns.iter().skip(cells.len());
    present + missing.map(|shape| cost::FILL + shape.surprise(b"").min(4.0)).sum::<f64>()
}

/// True where all cells fit as they were read, and the missing ones may be empty.
fn stands_as_read(cells: &[Vec<u8>], shapes: &Shapes) -> bool {
    let missing = shapes.columns.iter().skip(cells.len());
    cells.iter().zip(&shapes.columns).all(|(cell, shape)| shape.fits(cell))
        && missing.clone().all(may_be_empty)
}

fn may_be_empty(shape: &ColumnShape) -> bool {
    shape.fits(b"")
}

/// True where all pieces fit their columns, and of those that were not read so, one a column with a form.
fn is_borne_out(pieces: &[Vec<u8>], as_read: &[Vec<u8>], shapes: &Shapes) -> bool {
    let columns = || pieces.iter().zip(&shapes.columns);
    let is_new = |index: usize, piece: &Vec<u8>| as_read.get(index) != Some(piece);
    shapes.rows >= 3
        && columns().all(|(piece, shape)| shape.fits(piece))
        && columns().enumerate().any(|(index, (piece, shape))| {
            is_new(index, piece) && shape.has_form() && !piece.trim_ascii().is_empty()
        })
}
