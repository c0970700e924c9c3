//! Decides, from the names of the columns and the first rows, how the pages look: upright or lying, how
//! large the text is, and how wide each column.

use dray_model::{Error, Result};

use super::fonts::{FontBook, HEADING, PLAIN};
use super::text::width;

/// A4, in points.
const PAGE: (f32, f32) = (595.28, 841.89);
/// Left and right.
pub(super) const MARGIN: f32 = 40.0;
/// Above.
pub(super) const MARGIN_TOP: f32 = 42.0;
/// Below, with room for the page number.
pub(super) const MARGIN_BOTTOM: f32 = 52.0;

/// Text of this size is read with ease ...
const LARGEST_SIZE: f32 = 9.0;
/// ... and smaller than this not at all.
const SMALLEST_SIZE: f32 = 5.0;
/// From one size to the next smaller one.
const SIZE_STEP: f32 = 0.5;

/// More columns than this have no room on a page.
pub(super) const MAX_COLUMNS: usize = 30;

/// No column is narrower than so many times the font size.
const NARROWEST: f32 = 2.6;
/// Nor does it ask for more; longer text is broken into lines.
const WIDEST: f32 = 26.0;
/// A column is not made narrower than this for the sake of others, unless all its cells are.
const COMFORTABLE: f32 = 11.0;

/// How the pages look.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) page_width: f32,
    pub(super) page_height: f32,
    /// Of the text in the table.
    pub(super) font_size: f32,
    /// Between the edge of a column and its text.
    pub(super) padding: f32,
    pub(super) columns: Vec<ColumnLayout>,
}

/// Where a column stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ColumnLayout {
    pub(super) left: f32,
    pub(super) width: f32,
    /// Numbers stand with their last digits below each other.
    pub(super) is_right_aligned: bool,
}

impl Layout {
    /// From one line of text to the next.
    pub(super) fn line_height(&self) -> f32 {
        self.font_size * 1.32
    }

    /// Above and below the text of a row.
    pub(super) fn row_padding(&self) -> f32 {
        self.font_size * 0.36
    }

    /// The width of the table.
    pub(super) fn table_right(&self) -> f32 {
        self.columns.last().map_or(MARGIN, |column| column.left + column.width)
    }
}

/// What a column asks for, in parts of the font size.
#[derive(Debug, Clone, Copy)]
struct Wish {
    /// The longest word: narrower columns break words.
    word: f32,
    /// The longest cell: wider columns are empty.
    cell: f32,
}

/// Decides how a table of these columns looks. `rows` are the first of its rows.
pub(super) fn plan(
    fonts: &mut FontBook,
    names: &[&str],
    is_right_aligned: &[bool],
    rows: &[Vec<String>],
) -> Result<Layout> {
    if names.len() > MAX_COLUMNS {
        let message = format!("{} columns have no room on a page; at most {MAX_COLUMNS} do", names.len());
        return Err(Error::request(message).hint("choose the fields to write, or write another format"));
    }
    let mut wishes = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let mut wish = Wish { word: 0.0, cell: 0.0 };
        ask(fonts, HEADING, name, &mut wish);
        for row in rows {
            if let Some(cell) = row.get(index) {
                ask(fonts, PLAIN, cell, &mut wish);
            }
        }
        wishes.push(Wish {
            word: wish.word.clamp(NARROWEST, WIDEST),
            cell: wish.cell.clamp(NARROWEST, WIDEST),
        });
    }
    let (upright, lying) = (PAGE.0 - 2.0 * MARGIN, PAGE.1 - 2.0 * MARGIN);
    let padding_of = |size: f32| size * 0.5;
    let room_for = |wanted: fn(&Wish) -> f32, size: f32, room: f32| {
        let text: f32 = wishes.iter().map(|wish| wanted(wish) * size + 2.0 * padding_of(size)).sum();
        text <= room
    };
    let whole = |wish: &Wish| wish.cell;
    let comfortable = |wish: &Wish| wish.cell.min(wish.word.max(COMFORTABLE));
    let (mut room, mut font_size) = (upright, LARGEST_SIZE);
    if !room_for(whole, font_size, room) && !(names.len() <= 5 && room_for(comfortable, font_size, room)) {
        room = lying;
        while font_size > SMALLEST_SIZE && !room_for(comfortable, font_size, room) {
            font_size -= SIZE_STEP;
        }
    }
    let padding = padding_of(font_size);
    let text_room = room - 2.0 * padding * names.len() as f32;
    let widths = share(&wishes, font_size, text_room);
    let mut left = MARGIN;
    let mut columns = Vec::with_capacity(names.len());
    for (index, width) in widths.into_iter().enumerate() {
        let width = width + 2.0 * padding;
        let is_right_aligned = is_right_aligned.get(index).copied().unwrap_or(false);
        columns.push(ColumnLayout { left, width, is_right_aligned });
        left += width;
    }
    let (page_width, page_height) = if room > upright { (PAGE.1, PAGE.0) } else { PAGE };
    Ok(Layout { page_width, page_height, font_size, padding, columns })
}

fn ask(fonts: &mut FontBook, face: usize, text: &str, wish: &mut Wish) {
    // More than this is broken into lines whatever it is.
    let begin: String = text.chars().take(200).collect();
    for line in begin.lines() {
        wish.cell = wish.cell.max(width(fonts, face, line));
        for word in line.split_whitespace() {
            wish.word = wish.word.max(width(fonts, face, word));
        }
    }
}

/// Shares the room out: first what words need, then what cells would like, then the rest.
fn share(wishes: &[Wish], size: f32, room: f32) -> Vec<f32> {
    let mut widths: Vec<f32> = wishes.iter().map(|wish| wish.word.min(COMFORTABLE) * size).collect();
    let least: f32 = widths.iter().sum();
    if least > room {
        // Not even words have room: everybody gives, and words are broken.
        return widths.iter().map(|width| width * room / least).collect();
    }
    for wanted in [|wish: &Wish| wish.word, |wish: &Wish| wish.cell] {
        let left = room - widths.iter().sum::<f32>();
        let missing: Vec<f32> =
            wishes.iter().zip(&widths).map(|(wish, width)| (wanted(wish) * size - width).max(0.0)).collect();
        let all_missing: f32 = missing.iter().sum();
        if all_missing > 0.0 {
            let part = (left / all_missing).min(1.0);
            for (width, missing) in widths.iter_mut().zip(missing) {
                *width += missing * part;
            }
        }
    }
    // A table that nearly fills the page fills it; a small one stays small.
    let used: f32 = widths.iter().sum();
    if used > 0.0 && used > room * 0.55 {
        for width in &mut widths {
            *width *= room / used;
        }
    }
    widths
}
