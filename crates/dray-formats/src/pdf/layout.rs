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
/// Down to this size text is made smaller so that rows have fewer lines; below only where words would be
/// broken otherwise.
const SMALLER_FOR_LINES: f32 = 7.0;
/// Rows of more lines than this on the average are read with difficulty.
const MOST_LINES: f32 = 1.5;

/// More columns than this have no room on a page.
pub(super) const MAX_COLUMNS: usize = 40;

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
#[derive(Debug, Clone)]
struct Wish {
    /// The longest word: narrower columns break words.
    word: f32,
    /// Most cells: wider columns are mostly empty.
    cell: f32,
    /// The widths of the first cells.
    cells: Vec<f32>,
}

/// Decides how a table of these columns looks. `rows` are the first of its rows.
pub(super) fn plan(
    fonts: &mut FontBook,
    names: &[&str],
    is_right_aligned: &[bool],
    rows: &[Vec<String>],
) -> Result<Layout> {
    if names.len() > MAX_COLUMNS {
        return Err(too_many_columns(names.len()));
    }
    let wishes: Vec<Wish> =
        names.iter().enumerate().map(|(index, name)| wish(fonts, name, index, rows)).collect();
    let (upright, lying) = (PAGE.0 - 2.0 * MARGIN, PAGE.1 - 2.0 * MARGIN);
    let count = names.len() as f32;
    let text_room = |room: f32, size: f32| room - 2.0 * padding(size) * count;
    let fits = |wanted: fn(&Wish) -> f32, room: f32, size: f32| {
        wishes.iter().map(wanted).sum::<f32>() * size <= text_room(room, size)
    };
    let mut font_size = LARGEST_SIZE;
    // A page stands upright where that is enough, or where there is little to show but long text.
    let is_upright = fits(|wish| wish.cell, upright, font_size)
        || (names.len() <= 5 && fits(|wish| wish.cell.min(wish.word.max(COMFORTABLE)), upright, font_size));
    let room = if is_upright { upright } else { lying };
    if !is_upright {
        while font_size > SMALLEST_SIZE && !fits(|wish| wish.word, room, font_size) {
            font_size -= SIZE_STEP;
        }
        while font_size > SMALLER_FOR_LINES {
            let widths = share(&wishes, font_size, text_room(room, font_size));
            if average_lines(&wishes, &widths, font_size) <= MOST_LINES {
                break;
            }
            font_size -= SIZE_STEP;
        }
    }
    let widths = share(&wishes, font_size, text_room(room, font_size));
    let padding = padding(font_size);
    let mut left = MARGIN;
    let mut columns = Vec::with_capacity(names.len());
    for (index, width) in widths.into_iter().enumerate() {
        let width = width + 2.0 * padding;
        let is_right_aligned = is_right_aligned.get(index).copied().unwrap_or(false);
        columns.push(ColumnLayout { left, width, is_right_aligned });
        left += width;
    }
    let (page_width, page_height) = if is_upright { PAGE } else { (PAGE.1, PAGE.0) };
    Ok(Layout { page_width, page_height, font_size, padding, columns })
}

/// The refusal of a table that is too wide.
pub(super) fn too_many_columns(columns: usize) -> Error {
    Error::request(format!("{columns} columns have no room on a page; at most {MAX_COLUMNS} do"))
        .hint("choose the fields to write, or write another format")
}

fn padding(font_size: f32) -> f32 {
    font_size * 0.5
}

fn wish(fonts: &mut FontBook, name: &str, index: usize, rows: &[Vec<String>]) -> Wish {
    let (mut word, _) = measure(fonts, HEADING, name);
    let mut cells = Vec::with_capacity(rows.len());
    for cell in rows.iter().filter_map(|row| row.get(index)) {
        let (cell_word, cell_width) = measure(fonts, PLAIN, cell);
        word = word.max(cell_word);
        cells.push(cell_width);
    }
    let mut sorted = cells.clone();
    sorted.sort_by(f32::total_cmp);
    // One cell in ten may be longer and is broken into lines.
    let most = sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(0.0);
    let word = word.clamp(NARROWEST, WIDEST);
    Wish { word, cell: most.clamp(word, WIDEST.max(word)), cells }
}

/// The longest word of a text and its longest line.
fn measure(fonts: &mut FontBook, face: usize, text: &str) -> (f32, f32) {
    // More than this is broken into lines whatever it is.
    let begin: String = text.chars().take(200).collect();
    let (mut longest_word, mut longest_line) = (0.0_f32, 0.0_f32);
    for line in begin.lines() {
        longest_line = longest_line.max(width(fonts, face, line));
        for word in line.split_whitespace() {
            longest_word = longest_word.max(width(fonts, face, word));
        }
    }
    (longest_word, longest_line)
}

/// How many lines the first rows take, roughly.
fn average_lines(wishes: &[Wish], widths: &[f32], font_size: f32) -> f32 {
    let rows = wishes.iter().map(|wish| wish.cells.len()).max().unwrap_or(0);
    let mut lines = 0.0;
    for row in 0..rows {
        let of_cell = |(wish, room): (&Wish, &f32)| {
            let cell = wish.cells.get(row).copied().unwrap_or(0.0);
            (cell * font_size / room.max(1.0)).ceil()
        };
        lines += wishes.iter().zip(widths).map(of_cell).fold(1.0, f32::max);
    }
    lines / rows.max(1) as f32
}

/// Shares the room out: first what words need, then what cells would like, then the rest.
fn share(wishes: &[Wish], font_size: f32, room: f32) -> Vec<f32> {
    let mut widths: Vec<f32> = wishes.iter().map(|wish| wish.word.min(COMFORTABLE) * font_size).collect();
    let least: f32 = widths.iter().sum();
    if least > room {
        // Not even words have room: everybody gives, and words are broken.
        return widths.iter().map(|width| width * room / least).collect();
    }
    for wanted in [|wish: &Wish| wish.word, |wish: &Wish| wish.cell] {
        let left = room - widths.iter().sum::<f32>();
        let missing: Vec<f32> = wishes
            .iter()
            .zip(&widths)
            .map(|(wish, width)| (wanted(wish) * font_size - width).max(0.0))
            .collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(names: &[&str], rows: &[Vec<String>]) -> Layout {
        let mut fonts = FontBook::new(&[]).unwrap();
        let numbers = vec![false; names.len()];
        let layout = plan(&mut fonts, names, &numbers, rows).unwrap();
        let right = layout.table_right();
        assert!(right <= layout.page_width - MARGIN + 0.1, "{right} of {}", layout.page_width);
        for (left, right) in layout.columns.iter().zip(layout.columns.iter().skip(1)) {
            assert!((left.left + left.width - right.left).abs() < 0.01, "columns stand beside each other");
        }
        layout
    }

    fn rows(cell: &str, columns: usize) -> Vec<Vec<String>> {
        vec![vec![cell.to_owned(); columns]; 20]
    }

    #[test]
    fn small_tables_stand_upright_and_wide_ones_lie() {
        let small = planned(&["city", "people"], &rows("Kraków", 2));
        assert!(small.page_height > small.page_width);
        assert_eq!(small.font_size, LARGEST_SIZE);
        assert!(small.table_right() < 200.0, "a small table stays small");
        let wide = planned(&["a name of a column"; 10], &rows("some text of a cell", 10));
        assert!(wide.page_height < wide.page_width);
        assert!((wide.table_right() - (wide.page_width - MARGIN)).abs() < 0.1, "it fills the page");
        let widest = planned(&["column"; MAX_COLUMNS], &rows("x", MAX_COLUMNS));
        assert!(widest.font_size >= SMALLEST_SIZE);
    }

    #[test]
    fn long_words_leave_room_for_others() {
        let word = "x".repeat(500);
        let layout = planned(&["id", "text", "note"], &[vec!["1".into(), word, "short".into()]]);
        assert!(layout.columns.iter().all(|column| column.width > 10.0));
        planned(&["x".repeat(300).as_str(); 30], &[]);
    }
}
