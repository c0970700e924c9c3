//! Text encodings by name.

use dray_model::{Error, Result};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How text is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextEncoding {
    /// Read as it is.
    Utf8,
    /// Four bytes for each character.
    Utf32 {
        /// The byte that counts most comes first.
        big_endian: bool,
    },
    /// Any other, as the WHATWG describes it.
    Other(&'static Encoding),
}

impl TextEncoding {
    pub(crate) const UTF_16LE: Self = Self::Other(UTF_16LE);
    pub(crate) const UTF_16BE: Self = Self::Other(UTF_16BE);
    pub(crate) const UTF_32LE: Self = Self::Utf32 { big_endian: false };
    pub(crate) const UTF_32BE: Self = Self::Utf32 { big_endian: true };

    /// The name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => UTF_8.name(),
            Self::Utf32 { big_endian: false } => "UTF-32LE",
            Self::Utf32 { big_endian: true } => "UTF-32BE",
            Self::Other(encoding) => encoding.name(),
        }
    }

    /// The encodings that differ only in the order of their bytes.
    pub(super) fn family(self) -> &'static str {
        match self {
            Self::Utf32 { .. } => "UTF-32",
            Self::Other(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => "UTF-16",
            other => other.name(),
        }
    }

    /// The encoding of this name: one of the WHATWG's, or one that programs use beside them. `utf-16`
    /// and `utf-32` leave the order of the bytes open; then it is that of most files, little-endian.
    pub(crate) fn from_name(name: &str) -> Result<Self> {
        let label = name.trim().to_ascii_lowercase();
        let found = match label.as_str() {
            "utf-32le" | "utf32le" | "utf-32" | "utf32" => Some(Self::UTF_32LE),
            "utf-32be" | "utf32be" => Some(Self::UTF_32BE),
            "utf16" | "utf16le" | "utf-16" => Some(Self::UTF_16LE),
            "utf16be" => Some(Self::UTF_16BE),
            "utf-8-sig" | "utf-8-bom" | "utf8-bom" | "cp65001" => Some(Self::Utf8),
            "ansi" | "windows1252" => Some(Self::Other(encoding_rs::WINDOWS_1252)),
            "macroman" | "mac-roman" | "mac_roman" | "x-macroman" => {
                Some(Self::Other(encoding_rs::MACINTOSH))
            }
            "mac-cyrillic" | "maccyrillic" => Some(Self::Other(encoding_rs::X_MAC_CYRILLIC)),
            "cp932" | "shiftjis" => Some(Self::Other(encoding_rs::SHIFT_JIS)),
            "cp936" => Some(Self::Other(encoding_rs::GB18030)),
            "cp949" | "uhc" => Some(Self::Other(encoding_rs::EUC_KR)),
            "cp950" => Some(Self::Other(encoding_rs::BIG5)),
            other => match Encoding::for_label(other.as_bytes()) {
                Some(encoding) if encoding == UTF_8 => Some(Self::Utf8),
                // It decodes nothing: the WHATWG has it so that nobody uses some encodings.
                Some(encoding) if encoding == encoding_rs::REPLACEMENT => None,
                other => other.map(Self::Other),
            },
        };
        found.ok_or_else(|| {
            Error::request(format!("there is no encoding `{name}`")).hint(
                "name one like utf-8, utf-16le, windows-1252, iso-8859-15, shift_jis, gb18030 or macintosh",
            )
        })
    }
}
