//! What a character asks of whoever sets it: whether it is read from the right, whether its shape depends on its
//! neighbours, whether it belongs to the one before, and where a line may break.

/// First and last code of a stretch of characters.
type Codes = (u32, u32);

fn is_within(c: char, ranges: &[Codes]) -> bool {
    let code = u32::from(c);
    ranges.iter().any(|&(first, last)| (first..=last).contains(&code))
}

/// Hebrew, Arabic and the other scripts read from the right.
const FROM_THE_RIGHT: [Codes; 5] =
    [(0x0590, 0x08FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC), (0x10800, 0x10FFF), (0x1E800, 0x1EFFF)];

/// True where the character is read from the right, or makes others be.
pub(super) fn may_be_from_right(c: char) -> bool {
    u32::from(c) >= 0x0590
        && (is_within(c, &FROM_THE_RIGHT)
            || is_within(c, &[(0x200F, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069)]))
}

/// Scripts and signs of which one character is not simply one glyph: letters that join, vowels that move,
/// accents that are placed, emoji made of several.
const SHAPED: [Codes; 22] = [
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0590, 0x10FF),
    (0x1100, 0x11FF),
    (0x135D, 0x135F),
    (0x1700, 0x18AF),
    (0x1920, 0x1CFF),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200C, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20FF),
    (0x302A, 0x302F),
    (0x3099, 0x309A),
    (0xA800, 0xA82F),
    (0xA840, 0xABFF),
    (0xFB1D, 0xFEFC),
    (0x10800, 0x11FFF),
    (0x1E000, 0x1EFFF),
    (0x1F1E6, 0x1F1FF),
    (0xE0000, 0xE0FFF),
];

/// True where the glyphs must be worked out together with their neighbours.
pub(super) fn needs_shaping(c: char) -> bool {
    u32::from(c) >= 0x300 && (is_within(c, &SHAPED) || is_skin_tone(c))
}

fn is_skin_tone(c: char) -> bool {
    is_within(c, &[(0x1F3FB, 0x1F3FF)])
}

/// Accents, joiners and the like, which are set in the font of the character before them.
pub(super) fn belongs_to_the_one_before(c: char) -> bool {
    const JOINED: [Codes; 12] = [
        (0x0300, 0x036F),
        (0x0483, 0x0489),
        (0x0591, 0x05BD),
        (0x064B, 0x065F),
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x200C, 0x200D),
        (0x20D0, 0x20FF),
        (0x3099, 0x309A),
        (0xFE00, 0xFE0F),
        (0xFE20, 0xFE2F),
        (0xE0020, 0xE01EF),
    ];
    u32::from(c) >= 0x300 && (is_within(c, &JOINED) || is_skin_tone(c))
}

/// Characters that are seen by what they do to others, not by themselves.
pub(super) fn is_invisible(c: char) -> bool {
    is_within(
        c,
        &[
            (0x200B, 0x200F),
            (0x202A, 0x202E),
            (0x2060, 0x206F),
            (0xFE00, 0xFE0F),
            (0xFEFF, 0xFEFF),
            (0xE0000, 0xE0FFF),
        ],
    ) || c == '\u{AD}'
}

/// Writing without blanks, where a line may break beside every character.
pub(super) fn breaks_anywhere(c: char) -> bool {
    is_within(
        c,
        &[
            (0x2E80, 0x9FFF),
            (0xAC00, 0xD7AF),
            (0xF900, 0xFAFF),
            (0xFF00, 0xFFEF),
            (0x1B000, 0x1B2FF),
            (0x20000, 0x3FFFF),
        ],
    )
}

/// Words that stand in the names of fonts for the script of a character, the likeliest first.
pub(super) fn font_words(c: char) -> &'static [&'static str] {
    let words: [(&[Codes], &[&str]); 16] = [
        (&[(0x0590, 0x05FF), (0xFB1D, 0xFB4F)], &["hebrew"]),
        (&[(0x0600, 0x08FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)], &["arabic", "naskh", "arab"]),
        (&[(0x0900, 0x097F)], &["devanagari", "hindi"]),
        (&[(0x0980, 0x09FF)], &["bengali"]),
        (&[(0x0A00, 0x0A7F)], &["gurmukhi"]),
        (&[(0x0A80, 0x0AFF)], &["gujarati"]),
        (&[(0x0B80, 0x0BFF)], &["tamil"]),
        (&[(0x0C00, 0x0C7F)], &["telugu"]),
        (&[(0x0C80, 0x0CFF)], &["kannada"]),
        (&[(0x0D00, 0x0D7F)], &["malayalam"]),
        (&[(0x0E00, 0x0E7F)], &["thai"]),
        (&[(0x1000, 0x109F)], &["myanmar"]),
        (&[(0x1200, 0x139F)], &["ethiopic"]),
        (&[(0x1780, 0x17FF)], &["khmer"]),
        (&[(0x1100, 0x11FF), (0x2E80, 0xD7AF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF)], CJK),
        (&[(0x2600, 0x27BF), (0x1F000, 0x1FAFF)], &["emoji", "symbol"]),
    ];
    words.iter().find(|(ranges, _)| is_within(c, ranges)).map_or(&["symbol", "math"], |(_, words)| words)
}

const CJK: &[&str] =
    &["sanscjk", "cjk", "pingfang", "hiragino", "yahei", "msgothic", "gothic", "ming", "sc", "jp", "kr"];
