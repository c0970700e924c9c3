//! Fonts: one that is always there, and others of the machine where that has no glyph for a character.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dray_model::{Error, Result};
use krilla::text::Font;

use super::script::{font_words, is_invisible};

/// DejaVu Sans has Latin, Greek, Cyrillic, and many signs.
const REGULAR: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-Bold.ttf");

/// The larger fonts for Chinese, Japanese and Korean have 20 to 80 MB.
const MAX_FONT_BYTES: u64 = 128 << 20;
/// A document needs one font for each script; these are kept in memory.
const MAX_FONTS: usize = 12;
/// The most files looked at in the folders of fonts.
const MAX_FILES: usize = 4000;
/// How deep folders of fonts are nested at most.
const MAX_FOLDERS_DEEP: usize = 6;
/// The table that says which characters a font has is below this size even in the largest.
const MAX_CMAP_BYTES: u32 = 8 << 20;

/// Index of a font in the book.
pub(super) type Face = usize;
/// The font of ordinary text.
pub(super) const PLAIN: Face = 0;
/// The font of headings.
pub(super) const HEADING: Face = 1;

/// A glyph and how far it moves on, in parts of the font size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glyph {
    pub(super) id: u16,
    pub(super) advance: f32,
}

/// A font that is loaded.
struct Loaded {
    font: Font,
    data: Arc<dyn AsRef<[u8]> + Send + Sync>,
    index: u32,
    /// Glyphs that were looked up: of the first characters by their code, of others in a map.
    common: Vec<Option<Option<Glyph>>>,
    others: HashMap<char, Option<Glyph>>,
}

/// Characters below this code are those of European languages, and by far the most.
const COMMON_CHARACTERS: usize = 0x250;

/// All fonts of a document.
pub(super) struct FontBook {
    loaded: Vec<Loaded>,
    /// Files and folders a person named.
    named: Vec<PathBuf>,
    /// Files that may be fonts, once they were looked for.
    files: Option<Vec<FontFile>>,
    /// Which font has a character that the usual one lacks.
    found: HashMap<char, Option<Face>>,
}

/// A file that may be a font.
struct FontFile {
    path: PathBuf,
    /// The name in small letters, without blanks and hyphens.
    name: String,
    is_named: bool,
    /// The characters it has as ranges, once it was looked at.
    coverage: Option<Vec<(u32, u32)>>,
}

impl FontBook {
    /// `None` only where the program's own fonts are damaged.
    pub(super) fn new(named: &[PathBuf]) -> Option<Self> {
        let own = [REGULAR, BOLD].into_iter().map(|data| Loaded::new(Arc::new(data), 0));
        Some(Self {
            loaded: own.collect::<Option<_>>()?,
            named: named.to_vec(),
            files: None,
            found: HashMap::new(),
        })
    }

    /// The font as the document wants it.
    pub(super) fn font(&self, face: Face) -> Option<Font> {
        self.loaded.get(face).map(|loaded| loaded.font.clone())
    }

    /// The bytes of the font and its place in a collection.
    pub(super) fn data(&self, face: Face) -> Option<(&[u8], u32)> {
        self.loaded.get(face).map(|loaded| (loaded.data.as_ref().as_ref(), loaded.index))
    }

    /// The glyph of a character in a font.
    pub(super) fn glyph(&mut self, face: Face, c: char) -> Option<Glyph> {
        self.loaded.get_mut(face)?.glyph(c)
    }

    /// The font that has the character, `wanted` where it does; `None` where no font has it.
    pub(super) fn face_for(&mut self, c: char, wanted: Face) -> Option<Face> {
        if self.glyph(wanted, c).is_some() {
            return Some(wanted);
        }
        if let Some(found) = self.found.get(&c) {
            return *found;
        }
        let mut found = (0..self.loaded.len()).find(|&face| self.glyph(face, c).is_some());
        if found.is_none() && !is_invisible(c) {
            found = self.search(c);
        }
        self.found.insert(c, found);
        found
    }

    /// Looks for the character in the fonts of the machine.
    fn search(&mut self, c: char) -> Option<Face> {
        if self.loaded.len() >= MAX_FONTS {
            return None;
        }
        let files = self.files.get_or_insert_with(|| list_files(&self.named));
        let words = font_words(c);
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.sort_by_cached_key(|&index| files.get(index).map(|file| file.rank(words)));
        for index in order {
            let Some(file) = files.get_mut(index) else { continue };
            let coverage = file.coverage.get_or_insert_with(|| coverage(&file.path).unwrap_or_default());
            let code = u32::from(c);
            if !coverage.iter().any(|&(first, last)| (first..=last).contains(&code)) {
                continue;
            }
            if let Some(loaded) = load(&file.path) {
                self.loaded.push(loaded);
                let face = self.loaded.len() - 1;
                if self.glyph(face, c).is_some() {
                    return Some(face);
                }
                self.loaded.pop();
                return None;
            }
        }
        None
    }
}

impl Loaded {
    fn new(data: Arc<dyn AsRef<[u8]> + Send + Sync>, index: u32) -> Option<Self> {
        let font = Font::new(krilla::Data::from(Arc::clone(&data)), index)?;
        Some(Self { font, data, index, common: vec![None; COMMON_CHARACTERS], others: HashMap::new() })
    }

    fn glyph(&mut self, c: char) -> Option<Glyph> {
        let code = c as usize;
        let known = match self.common.get(code) {
            Some(known) => *known,
            None => self.others.get(&c).copied(),
        };
        if let Some(known) = known {
            return known;
        }
        let look = || {
            let face = ttf_parser::Face::parse(self.data.as_ref().as_ref(), self.index).ok()?;
            let id = face.glyph_index(c)?;
            let advance = f32::from(face.glyph_hor_advance(id).unwrap_or(0));
            Some(Glyph { id: id.0, advance: advance / f32::from(face.units_per_em()) })
        };
        let glyph = look();
        match self.common.get_mut(code) {
            Some(place) => *place = Some(glyph),
            None => {
                self.others.insert(c, glyph);
            }
        }
        glyph
    }
}

impl FontFile {
    /// Fonts that are likelier to have the character, and to look right, come first.
    fn rank(&self, words: &[&str]) -> (bool, usize, bool, bool, usize) {
        let has = |word: &str| self.name.contains(word);
        let script = words.iter().position(|word| has(word)).unwrap_or(words.len());
        let is_odd = ["bold", "italic", "oblique", "light", "thin", "black", "condensed", "medium"]
            .into_iter()
            .any(has);
        let is_other = has("serif") || has("mono");
        (!self.is_named, script, is_odd, is_other, if has("noto") { 0 } else { self.name.len() })
    }
}

/// Refuses what a person named and is no font, or a folder without any.
pub(super) fn check_named(named: &[PathBuf]) -> Result<()> {
    for path in named {
        let mut files = Vec::new();
        collect(path, true, 0, &mut files);
        if !files.iter().any(|file| coverage(&file.path).is_some()) {
            let message = match path.try_exists() {
                Ok(true) => format!("`{}` is no font", path.display()),
                _ => format!("there is no font `{}`", path.display()),
            };
            return Err(Error::request(message)
                .hint("name a file that ends in .ttf, .otf, .ttc or .otc, or a folder with such files"));
        }
    }
    Ok(())
}

/// The font files of the machine, those that a person named first.
fn list_files(named: &[PathBuf]) -> Vec<FontFile> {
    let mut files = Vec::new();
    for path in named {
        collect(path, true, 0, &mut files);
    }
    let mut folders: Vec<PathBuf> = [
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "/System/Library/Fonts",
        "/Library/Fonts",
        "C:\\Windows\\Fonts",
    ]
    .into_iter()
    .map(PathBuf::from)
    .collect();
    if let Some(home) = std::env::home_dir() {
        folders.extend([".fonts", ".local/share/fonts", "Library/Fonts"].map(|folder| home.join(folder)));
    }
    for folder in folders {
        collect(&folder, false, 0, &mut files);
    }
    files
}

fn collect(path: &Path, is_named: bool, depth: usize, files: &mut Vec<FontFile>) {
    if files.len() >= MAX_FILES || depth > MAX_FOLDERS_DEEP {
        return;
    }
    if let Ok(entries) = std::fs::read_dir(path) {
        let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).take(MAX_FILES).collect();
        inside.sort();
        for path in inside {
            collect(&path, is_named, depth + 1, files);
        }
        return;
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    if matches!(extension.as_deref(), Some("ttf" | "otf" | "ttc" | "otc")) {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase()
            .replace([' ', '-', '_'], "");
        files.push(FontFile { path: path.to_owned(), name, is_named, coverage: None });
    }
}

/// The characters a font file has, read from the one table that says it.
fn coverage(path: &Path) -> Option<Vec<(u32, u32)>> {
    let mut file = File::open(path).ok()?;
    let mut bytes_at = |offset: u32, count: u32| -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset.into())).ok()?;
        file.by_ref().take(count.into()).read_to_end(&mut bytes).ok()?;
        (bytes.len() == count as usize).then_some(bytes)
    };
    let number = |bytes: &[u8], at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let mut head = bytes_at(0, 16)?;
    let mut start = 0;
    if head.starts_with(b"ttcf") {
        start = number(&head, 12)?;
        head = bytes_at(start, 12)?;
    }
    let tables = u32::from(u16::from_be_bytes(*head.get(4..)?.first_chunk()?));
    let records = bytes_at(start + 12, tables.checked_mul(16)?)?;
    let record = records.as_chunks::<16>().0.iter().find(|record| record.starts_with(b"cmap"))?;
    let (offset, length) = (number(record, 8)?, number(record, 12)?);
    if length > MAX_CMAP_BYTES {
        return None;
    }
    let cmap = bytes_at(offset, length)?;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for table in ttf_parser::cmap::Table::parse(&cmap)?.subtables {
        if table.is_unicode() {
            table.codepoints(|code| match ranges.last_mut() {
                Some((first, last)) if (*first..=*last).contains(&code) => {}
                Some((_, last)) if code == last.wrapping_add(1) => *last = code,
                _ => ranges.push((code, code)),
            });
        }
    }
    Some(ranges)
}

fn load(path: &Path) -> Option<Loaded> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_FONT_BYTES + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > MAX_FONT_BYTES || !can_be_drawn(&bytes) {
        return None;
    }
    Loaded::new(Arc::new(bytes), 0)
}

/// True where the font has outlines or pictures of a kind that can be drawn.
fn can_be_drawn(bytes: &[u8]) -> bool {
    let Ok(face) = ttf_parser::RawFace::parse(bytes, 0) else { return false };
    [b"glyf", b"CFF ", b"CFF2", b"COLR", b"CBDT", b"sbix"]
        .into_iter()
        .any(|tag| face.table(ttf_parser::Tag::from_bytes(tag)).is_some_and(|table| !table.is_empty()))
}
