//! Sets text: finds a font for every character, breaks it into lines, brings what is read from the right
//! into its place, and works out the glyphs.

use krilla::text::{GlyphId, KrillaGlyph};
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

use super::fonts::{Face, FontBook};
use super::script::{
    belongs_to_the_one_before, breaks_anywhere, is_invisible, may_be_from_right, needs_shaping,
};

/// Glyphs of one font that stand one behind the other.
pub(super) struct Run {
    pub(super) face: Face,
    pub(super) text: String,
    pub(super) glyphs: Vec<KrillaGlyph>,
    /// In parts of the font size.
    pub(super) width: f32,
}

/// A line of text that is not set yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// True where it is read from the right.
    pub(super) is_from_right: bool,
}

/// A line of glyphs, its runs from left to right.
pub(super) struct SetLine {
    pub(super) runs: Vec<Run>,
    /// In parts of the font size.
    pub(super) width: f32,
}

/// Text as it can be set: without control characters.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push(' '),
            '\r' | '\u{FEFF}' => {}
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

/// The width of a character, its glyph standing alone.
fn advance(fonts: &mut FontBook, face: Face, c: char) -> f32 {
    if is_invisible(c) {
        return 0.0;
    }
    let found = fonts.face_for(c, face);
    let glyph = match found {
        Some(found) => fonts.glyph(found, c),
        None => fonts.glyph(face, char::REPLACEMENT_CHARACTER),
    };
    glyph.map_or(0.0, |glyph| glyph.advance)
}

/// The width of text on one line, in parts of the font size; letters that join may need a little less.
pub(super) fn width(fonts: &mut FontBook, face: Face, text: &str) -> f32 {
    text.chars().map(|c| advance(fonts, face, c)).sum()
}

/// Breaks text into lines no wider than `room`, in parts of the font size.
pub(super) fn wrap(fonts: &mut FontBook, face: Face, text: &str, room: f32) -> Vec<Line> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        wrap_paragraph(fonts, face, paragraph, room, &mut lines);
    }
    lines
}

fn wrap_paragraph(fonts: &mut FontBook, face: Face, text: &str, room: f32, lines: &mut Vec<Line>) {
    // From where a paragraph is read, its first letter says.
    let is_from_right = text.chars().any(may_be_from_right)
        && unicode_bidi::get_base_direction(text) == unicode_bidi::Direction::Rtl;
    let mut end_line = |text: &str| lines.push(Line { text: text.trim_end().to_owned(), is_from_right });
    let mut line = String::new();
    let mut used = 0.0;
    // Where the line may break: behind this many bytes, and how wide what follows is.
    let mut last_break: Option<(usize, f32)> = None;
    for c in text.chars() {
        let step = advance(fonts, face, c);
        if used + step > room && !line.is_empty() && !c.is_whitespace() && !belongs_to_the_one_before(c) {
            let at = match last_break {
                Some((at, width_before)) if at > 0 => {
                    used -= width_before;
                    at
                }
                _ => {
                    used = 0.0;
                    line.len()
                }
            };
            let rest = line.split_off(at);
            end_line(&line);
            line = rest;
            last_break = None;
        }
        if breaks_anywhere(c) && !line.is_empty() && !closes(c) {
            last_break = Some((line.len(), used));
        }
        line.push(c);
        used += step;
        let is_good_end = c.is_whitespace() || (breaks_anywhere(c) && !opens(c));
        if is_good_end || (may_end_line(c) && used > room * 0.5) {
            last_break = Some((line.len(), used));
        }
    }
    end_line(&line);
}

/// Signs behind which a long word is better broken than elsewhere.
fn may_end_line(c: char) -> bool {
    matches!(
        c,
        '-' | '/' | '@' | '_' | '.' | ',' | ';' | ':' | '&' | '?' | '=' | '–' | '—' | '\u{AD}' | '\u{200B}'
    )
}

/// Signs that do not begin a line.
fn closes(c: char) -> bool {
    matches!(
        c,
        '、' | '。'
            | '」'
            | '』'
            | '）'
            | '，'
            | '．'
            | '！'
            | '？'
            | '：'
            | '；'
            | 'ー'
            | '々'
            | '〕'
            | '】'
            | '》'
    )
}

/// Signs that do not end a line.
fn opens(c: char) -> bool {
    matches!(c, '「' | '『' | '（' | '〔' | '【' | '《')
}

/// Sets one line.
pub(super) fn set_line(fonts: &mut FontBook, face: Face, line: &Line) -> SetLine {
    let mut runs = Vec::new();
    if line.is_from_right || line.text.chars().any(may_be_from_right) {
        let base = if line.is_from_right { Level::rtl() } else { Level::ltr() };
        let info = BidiInfo::new(&line.text, Some(base));
        if let Some(paragraph) = info.paragraphs.first() {
            let (levels, stretches) = info.visual_runs(paragraph, paragraph.range.clone());
            for stretch in stretches {
                let from_right = levels.get(stretch.start).is_some_and(Level::is_rtl);
                let text = line.text.get(stretch).unwrap_or_default();
                let first = runs.len();
                set_stretch(fonts, face, text, from_right, &mut runs);
                if from_right {
                    runs.get_mut(first..).unwrap_or_default().reverse();
                }
            }
        }
    } else {
        set_stretch(fonts, face, &line.text, false, &mut runs);
    }
    let width = runs.iter().map(|run| run.width).sum();
    SetLine { runs, width }
}

/// Sets text that is read from one side, a run for each font, in the order it is read.
fn set_stretch(fonts: &mut FontBook, face: Face, text: &str, from_right: bool, runs: &mut Vec<Run>) {
    let mut letters: Vec<(char, Face)> = Vec::with_capacity(text.len());
    for c in text.chars() {
        let before = letters.last().map(|(_, face)| *face);
        let letter = match before {
            Some(before) if belongs_to_the_one_before(c) => (c, before),
            // Blanks stay with the font around them, so that a line has few runs.
            Some(before) if c == ' ' && fonts.glyph(before, c).is_some() => (c, before),
            _ => match fonts.face_for(c, face) {
                Some(found) => (c, found),
                None if is_invisible(c) => continue,
                None => (char::REPLACEMENT_CHARACTER, face),
            },
        };
        letters.push(letter);
    }
    for letters in letters.chunk_by(|(_, left), (_, right)| left == right) {
        let text: String = letters.iter().map(|(c, _)| *c).collect();
        let face = letters.first().map_or(face, |(_, face)| *face);
        runs.push(set_run(fonts, face, text, from_right));
    }
}

fn set_run(fonts: &mut FontBook, face: Face, text: String, from_right: bool) -> Run {
    let glyphs = if from_right || text.chars().any(needs_shaping) {
        shape(fonts, face, &text, from_right)
    } else {
        let mut glyphs = Vec::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            if let Some(glyph) = fonts.glyph(face, c) {
                let id = GlyphId::new(glyph.id.into());
                let range = at..at + c.len_utf8();
                glyphs.push(KrillaGlyph::new(id, glyph.advance, 0.0, 0.0, 0.0, range, None));
            }
        }
        glyphs
    };
    let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
    Run { face, text, glyphs, width }
}

/// Lets the font's own rules decide the glyphs.
fn shape(fonts: &FontBook, face: Face, text: &str, from_right: bool) -> Vec<KrillaGlyph> {
    let font = fonts.data(face).and_then(|(data, index)| rustybuzz::Face::from_slice(data, index));
    let Some(font) = font else { return Vec::new() };
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(if from_right { Direction::RightToLeft } else { Direction::LeftToRight });
    let shaped = rustybuzz::shape(&font, &[], buffer);
    let size = font.units_per_em() as f32;
    // A cluster ends where the next one in the text begins.
    let mut starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    starts.sort_unstable();
    starts.dedup();
    let end_of = |start: usize| {
        let next = starts.partition_point(|&other| other <= start);
        starts.get(next).copied().unwrap_or(text.len())
    };
    let parts = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
    parts
        .map(|(info, position)| {
            let start = info.cluster as usize;
            let part = |units: i32| units as f32 / size;
            KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                part(position.x_advance),
                part(position.x_offset),
                part(position.y_offset),
                part(position.y_advance),
                start..end_of(start),
                None,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fonts::PLAIN;
    use super::*;

    fn lines(text: &str, characters: f32) -> Vec<String> {
        let mut fonts = FontBook::new(&[]).unwrap();
        let room = width(&mut fonts, PLAIN, "0") * characters + 0.01;
        wrap(&mut fonts, PLAIN, text, room).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_break_at_blanks_and_long_words_where_they_must() {
        assert_eq!(lines("00 00 00", 5.0), ["00 00", "00"]);
        assert_eq!(lines("00  00\n\n00", 4.0), ["00", "00", "", "00"]);
        assert_eq!(lines("0000000000", 4.0), ["0000", "0000", "00"]);
        assert_eq!(lines("0 0000000000", 4.0), ["0", "0000", "0000", "00"]);
        assert_eq!(lines("000-00000", 5.0), ["000-", "00000"]);
        assert_eq!(lines("", 5.0), [""]);
        assert_eq!(lines("   ", 1.0), [""]);
        assert_eq!(lines("00", 0.1), ["0", "0"]);
    }

    #[test]
    fn every_character_stays_when_lines_break() {
        for text in
            ["a b-c/d@e.f", "Zoë e\u{301}e\u{301}e\u{301}", "日本語、日本「語」。", "שלום abc 12 שלום"]
        {
            for characters in 1..12 {
                let joined: String = lines(text, characters as f32).concat();
                let without_blanks = |text: &str| text.replace(' ', "");
                assert_eq!(without_blanks(&joined), without_blanks(text), "{characters}");
            }
        }
    }

    /// The texts of the runs of a line from left to right, as they stand.
    fn seen(text: &str) -> Vec<String> {
        let mut fonts = FontBook::new(&[]).unwrap();
        let line = wrap(&mut fonts, PLAIN, text, 1000.0).remove(0);
        set_line(&mut fonts, PLAIN, &line).runs.into_iter().map(|run| run.text).collect()
    }

    #[test]
    fn text_from_the_right_stands_in_its_order() {
        assert_eq!(seen("abc 12"), ["abc 12"]);
        assert_eq!(seen("abc \u{5d0}\u{5d1} 12"), ["abc ", "12", "\u{5d0}\u{5d1} "]);
        assert_eq!(seen("\u{5d0}\u{5d1} abc"), ["abc", "\u{5d0}\u{5d1} "]);
        let mut fonts = FontBook::new(&[]).unwrap();
        let set = wrap(&mut fonts, PLAIN, "12 \u{5d0}", 1000.0);
        assert!(set[0].is_from_right, "the first letter says from where a line is read");
    }

    #[test]
    fn a_character_without_a_font_is_seen() {
        assert_eq!(seen("a\u{1FFFE}b"), ["a\u{FFFD}b"]);
        assert_eq!(printable("a\0b\r\n\tc\u{FEFF}"), "a\u{FFFD}b\n c");
    }

    #[test]
    fn joined_letters_have_a_width() {
        let mut fonts = FontBook::new(&[]).unwrap();
        let line = Line { text: "\u{633}\u{644}\u{627}\u{645}".to_owned(), is_from_right: true };
        let set = set_line(&mut fonts, PLAIN, &line);
        assert!(set.width > 0.5 && set.width < 4.0, "{}", set.width);
        assert_eq!(set.runs.len(), 1);
    }
}
