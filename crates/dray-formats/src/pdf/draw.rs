//! Draws pages: the heading, the table with its header on every page, and the page number.

use dray_model::{Error, Result};
use krilla::Document;
use krilla::color::luma;
use krilla::geom::{PathBuilder, Point};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;

use super::fonts::{Face, FontBook, HEADING, PLAIN};
use super::layout::{Layout, MARGIN, MARGIN_BOTTOM, MARGIN_TOP};
use super::text::{Line, printable, set_line, wrap};

/// Shades of grey, 0 being black.
const INK: u8 = 26;
const FAINT_INK: u8 = 112;
const HEADER_RULE: u8 = 60;
const ROW_RULE: u8 = 222;
/// Every other row has this ground.
const STRIPE: u8 = 248;

const TITLE_SIZE: f32 = 17.0;
const DESCRIPTION_SIZE: f32 = 9.5;
const FOOTER_SIZE: f32 = 7.5;
/// From the lower edge of the page to the page number.
const FOOTER_BASE: f32 = 28.0;

/// The part of the font size that stands above the line letters stand on, blanks included.
const ASCENT: f32 = 0.98;

/// A row broken into lines: for each column its lines.
pub(super) type RowLines = Vec<Vec<Line>>;

/// What stands above the table on the first page.
pub(super) struct Heading {
    pub(super) title: Vec<Line>,
    pub(super) description: Vec<Line>,
}

/// A row on its page.
pub(super) struct PlacedRow {
    pub(super) lines: RowLines,
    pub(super) height: f32,
    pub(super) is_striped: bool,
}

/// The rows of a page.
#[derive(Default)]
pub(super) struct PageRows {
    pub(super) rows: Vec<PlacedRow>,
    pub(super) height: f32,
}

impl Heading {
    /// How much room the heading takes.
    pub(super) fn height(&self) -> f32 {
        let title = self.title.len() as f32 * TITLE_SIZE * 1.25;
        let description = self.description.len() as f32 * DESCRIPTION_SIZE * 1.4;
        let gap = |lines: &Vec<Line>, gap: f32| if lines.is_empty() { 0.0 } else { gap };
        title
            + description
            + gap(&self.title, 4.0)
            + gap(&self.description, 4.0)
            + if self.title.is_empty() && self.description.is_empty() { 0.0 } else { 8.0 }
    }

    /// The heading of these texts, broken into lines for a page.
    pub(super) fn new(
        fonts: &mut FontBook,
        title: Option<&str>,
        description: Option<&str>,
        room: f32,
    ) -> Self {
        let mut lines = |text: Option<&str>, face: Face, size: f32| match text.map(printable) {
            Some(text) if !text.trim().is_empty() => wrap(fonts, face, text.trim(), room / size),
            _ => Vec::new(),
        };
        Self {
            title: lines(title, HEADING, TITLE_SIZE),
            description: lines(description, PLAIN, DESCRIPTION_SIZE),
        }
    }
}

/// Draws pages of one layout.
pub(super) struct Painter {
    pub(super) layout: Layout,
    pub(super) heading: Heading,
    pub(super) header: RowLines,
    pub(super) header_height: f32,
}

impl Painter {
    /// The room for rows on a page.
    pub(super) fn room(&self, is_first: bool) -> f32 {
        let heading = if is_first { self.heading.height() } else { 0.0 };
        self.layout.page_height - MARGIN_TOP - MARGIN_BOTTOM - self.header_height - heading
    }

    /// Draws a page. `total` is how many there are, where that is known.
    pub(super) fn draw(
        &self,
        document: &mut Document,
        fonts: &mut FontBook,
        page: &PageRows,
        number: usize,
        total: Option<usize>,
    ) -> Result<()> {
        let size = PageSettings::from_wh(self.layout.page_width, self.layout.page_height)
            .ok_or_else(|| Error::request("the page has no size"))?;
        let mut drawn_page = document.start_page_with(size);
        let mut surface = drawn_page.surface();
        let mut top = MARGIN_TOP;
        if number == 1 {
            for line in &self.heading.title {
                draw_line(&mut surface, fonts, HEADING, TITLE_SIZE, line, Place::left(MARGIN, top, INK));
                top += TITLE_SIZE * 1.25;
            }
            top += if self.heading.title.is_empty() { 0.0 } else { 4.0 };
            for line in &self.heading.description {
                let place = Place::left(MARGIN, top, FAINT_INK);
                draw_line(&mut surface, fonts, PLAIN, DESCRIPTION_SIZE, line, place);
                top += DESCRIPTION_SIZE * 1.4;
            }
            top = MARGIN_TOP + self.heading.height();
        }
        let right = self.layout.table_right();
        self.draw_row(&mut surface, fonts, HEADING, &self.header, top, true);
        top += self.header_height;
        let mut ground_top = top;
        for row in &page.rows {
            if row.is_striped {
                fill_ground(&mut surface, ground_top, right, row.height);
            }
            ground_top += row.height;
        }
        draw_rule(&mut surface, top, right, HEADER_RULE, 0.8);
        for row in &page.rows {
            self.draw_row(&mut surface, fonts, PLAIN, &row.lines, top, false);
            top += row.height;
            draw_rule(&mut surface, top, right, ROW_RULE, 0.4);
        }
        let number = total.map_or_else(|| number.to_string(), |total| format!("{number} / {total}"));
        let base = self.layout.page_height - FOOTER_BASE;
        let place =
            Place { x: self.layout.page_width - MARGIN, top: base, ink: FAINT_INK, align_right: true };
        let number = Line { text: number, is_from_right: false };
        draw_line(&mut surface, fonts, PLAIN, FOOTER_SIZE, &number, place);
        surface.finish();
        drawn_page.finish();
        Ok(())
    }

    fn draw_row(
        &self,
        surface: &mut Surface<'_>,
        fonts: &mut FontBook,
        face: Face,
        row: &RowLines,
        top: f32,
        is_header: bool,
    ) {
        let (size, padding) = (self.layout.font_size, self.layout.padding);
        // Short names stand at the foot of the header, next to the rule.
        let most = row.iter().map(Vec::len).max().unwrap_or(0);
        for (lines, column) in row.iter().zip(&self.layout.columns) {
            let above = if is_header { most - lines.len() } else { 0 };
            for (index, line) in lines.iter().enumerate() {
                let line_top =
                    top + self.layout.row_padding() + (above + index) as f32 * self.layout.line_height();
                let left = column.left + padding;
                let right = column.left + column.width - padding;
                let place = Place {
                    x: if column.is_right_aligned { right } else { left },
                    top: line_top,
                    ink: INK,
                    align_right: column.is_right_aligned,
                };
                // Text read from the right begins at the right.
                let other = Place { x: right, align_right: true, ..place };
                draw_line_from(surface, fonts, face, size, line, place, other);
            }
        }
    }
}

/// Where a line of text stands: its upper edge, and its left or right end.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: f32,
    top: f32,
    ink: u8,
    align_right: bool,
}

impl Place {
    fn left(x: f32, top: f32, ink: u8) -> Self {
        Self { x, top, ink, align_right: false }
    }
}

fn draw_line(
    surface: &mut Surface<'_>,
    fonts: &mut FontBook,
    face: Face,
    size: f32,
    line: &Line,
    place: Place,
) {
    draw_line_from(surface, fonts, face, size, line, place, place);
}

/// Draws a line at its place, or at the other where it is read from the right.
fn draw_line_from(
    surface: &mut Surface<'_>,
    fonts: &mut FontBook,
    face: Face,
    size: f32,
    line: &Line,
    place: Place,
    place_from_right: Place,
) {
    if line.text.is_empty() {
        return;
    }
    let place = if line.is_from_right { place_from_right } else { place };
    let line = set_line(fonts, face, line);
    let mut x = if place.align_right { place.x - line.width * size } else { place.x };
    let base = place.top + size * ASCENT;
    surface.set_stroke(None);
    surface.set_fill(Some(grey(place.ink)));
    for run in line.runs {
        if let Some(font) = fonts.font(run.face) {
            surface.draw_glyphs(Point::from_xy(x, base), &run.glyphs, font, &run.text, size, false);
        }
        x += run.width * size;
    }
}

fn grey(shade: u8) -> Fill {
    Fill { paint: luma::Color::new(shade).into(), opacity: NormalizedF32::ONE, rule: Default::default() }
}

fn draw_rule(surface: &mut Surface<'_>, y: f32, right: f32, shade: u8, width: f32) {
    let mut path = PathBuilder::new();
    path.move_to(MARGIN, y);
    path.line_to(right, y);
    let Some(path) = path.finish() else { return };
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke { paint: luma::Color::new(shade).into(), width, ..Stroke::default() }));
    surface.draw_path(&path);
}

fn fill_ground(surface: &mut Surface<'_>, top: f32, right: f32, height: f32) {
    let Some(rectangle) = krilla::geom::Rect::from_ltrb(MARGIN, top, right, top + height) else { return };
    let mut path = PathBuilder::new();
    path.push_rect(rectangle);
    let Some(path) = path.finish() else { return };
    surface.set_stroke(None);
    surface.set_fill(Some(grey(STRIPE)));
    surface.draw_path(&path);
}
