//! The repairs: exact functions on a cell. What cannot be put back exactly has no repair.

use super::exponent::scientific;
use super::mojibake::{Mojibake, mojibake_in, next_suspicion};

/// A safe repair of the cells of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Puts zeros before codes of digits until they have this width.
    PadZeros {
        /// The digits a code has.
        width: usize,
    },
    /// Reads text again as the UTF-8 it was.
    FixMojibake,
    /// Writes `1.234567E+6`, in which every digit of the number is left, as `1234567`.
    ExpandExponent,
}

impl Repair {
    /// The word for it, for options and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::PadZeros { .. } => "pad_zeros",
            Self::FixMojibake => "fix_mojibake",
            Self::ExpandExponent => "expand_exponent",
        }
    }

    /// What it does, for people.
    pub fn sentence(self) -> String {
        match self {
            Self::PadZeros { width } => {
                format!("zeros are put before the codes until they have {width} digits")
            }
            Self::FixMojibake => "garbled letters are turned back into what they were".to_owned(),
            Self::ExpandExponent => "numbers with all their digits are written out".to_owned(),
        }
    }

    /// False where none of the cells whose text lies in `bytes` can need the repair.
    pub(super) fn may_apply(self, bytes: &[u8]) -> bool {
        self != Self::FixMojibake || (!bytes.is_ascii() && next_suspicion(bytes, 0).is_some())
    }

    /// What the cell was before the damage; `None` where it is left as it is.
    pub fn apply(self, text: &str) -> Option<String> {
        match self {
            Self::PadZeros { width } => {
                let short = !text.is_empty() && text.len() < width;
                (short && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("{text:0>width$}"))
            }
            Self::FixMojibake => match mojibake_in(text) {
                Mojibake::Whole(said) => Some(said),
                Mojibake::Absent | Mojibake::Part => None,
            },
            Self::ExpandExponent => scientific(text)?.written_out(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_before_and_after() {
        let padded = |text| Repair::PadZeros { width: 5 }.apply(text);
        assert_eq!(padded("2134").as_deref(), Some("02134"));
        assert_eq!(padded("0").as_deref(), Some("00000"));
        for kept in ["", "02134", "123456", "-12", "12a", "12 ", "٣"] {
            assert_eq!(padded(kept), None, "{kept}");
        }
        assert_eq!(Repair::FixMojibake.apply("FranÃ§ois").as_deref(), Some("François"));
        assert_eq!(Repair::FixMojibake.apply("François"), None);
        let expanded = |text| Repair::ExpandExponent.apply(text);
        assert_eq!(expanded("1.234567E+06").as_deref(), Some("1234567"));
        assert_eq!(expanded("-1,234567E+06").as_deref(), Some("-1234567"));
        for kept in ["1.23E+11", "1.2345678E+06", "1.5E-03", "7", "1.234567E+6x", "E+06"] {
            assert_eq!(expanded(kept), None, "{kept}");
        }
    }
}
