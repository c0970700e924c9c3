//! Where a cell stands: `B7` is column 1 of row 7.

/// The most rows of a sheet.
pub(super) const MAX_ROWS: u32 = 1_048_576;

/// The most columns of a sheet.
pub(super) const MAX_COLUMNS: u32 = 16_384;

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    /// Row number, from 1.
    pub(super) first_row: u32,
    /// Row number, from 1.
    pub(super) last_row: u32,
    /// Column, from 0.
    pub(super) first_column: u32,
    /// Column, from 0.
    pub(super) last_column: u32,
}

impl Area {
    /// The area of a text such as `B5:C9`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let colon = memchr::memchr(b':', text);
        let first = text.get(..colon.unwrap_or(text.len()))?;
        let last = colon.map_or(Some(first), |colon| text.get(colon + 1..))?;
        let ((first_column, first_row), (last_column, last_row)) = (parse_cell(first)?, parse_cell(last)?);
        (first_row <= last_row && first_column <= last_column).then_some(Self {
            first_row,
            last_row,
            first_column,
            last_column,
        })
    }

    /// True where the cell lies inside.
    pub(super) fn contains(&self, row: u32, column: u32) -> bool {
        (self.first_row..=self.last_row).contains(&row)
            && (self.first_column..=self.last_column).contains(&column)
    }

    /// The area as people write it.
    pub(super) fn shown(&self) -> String {
        let first = cell_name(self.first_column, self.first_row);
        format!("{first}:{}", cell_name(self.last_column, self.last_row))
    }
}

/// The column of a name such as `AB12`, and the rest of the name. Columns beyond the last one of a
/// sheet are given as they are, up to a limit that keeps the arithmetic safe.
#[inline]
pub(super) fn parse_column(name: &[u8]) -> Option<(u32, &[u8])> {
    let mut column = 0_u32;
    let mut letters = 0;
    for &byte in name {
        let letter = byte.to_ascii_uppercase();
        if !letter.is_ascii_uppercase() {
            break;
        }
        column = column * 26 + u32::from(letter - b'A') + 1;
        letters += 1;
        if letters > 5 {
            return None;
        }
    }
    (letters > 0).then(|| (column - 1, name.get(letters..).unwrap_or_default()))
}

/// A row number, from 1.
pub(super) fn parse_row(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|&row| row > 0)
}

fn parse_cell(name: &[u8]) -> Option<(u32, u32)> {
    let (column, digits) = parse_column(name)?;
    Some((column, parse_row(digits)?))
}

/// The letters of a column: `A`, `Z`, `AA`.
pub(super) fn column_name(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

/// The name of a cell: `B7`.
pub(super) fn cell_name(column: u32, row_number: u32) -> String {
    format!("{}{row_number}", column_name(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_name_that_is_read_back() {
        for column in 0..MAX_COLUMNS {
            let name = cell_name(column, 7);
            assert_eq!(parse_cell(name.as_bytes()), Some((column, 7)), "{name}");
        }
        assert_eq!(column_name(MAX_COLUMNS - 1), "XFD");
        assert_eq!(parse_cell(b"a1"), Some((0, 1)));
        for wrong in ["", "1", "A", "A0", "A-1", "ABCDEF1", "A1B", "Ä1"] {
            assert_eq!(parse_cell(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(Area::parse(b"B5:C9").unwrap().shown(), "B5:C9");
        assert_eq!(Area::parse(b"C9:B5"), None);
    }
}
