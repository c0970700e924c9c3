//! What a reader in a process of its own says to the process that started it: the sheets, rows, and how
//! it ended. A message is its kind, its length and its content; numbers are 32 bits, lowest byte first.

use std::io::{Read, Write};

use dray_model::{Error, ErrorKind};

use super::address::{Area, MAX_COLUMNS, MAX_ROWS};
use super::choice::SheetInfo;
use super::row::{Content, SheetRow};

/// One thing that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// The sheets, which of them is read, and what is known about it.
    Sheets {
        sheets: Vec<SheetInfo>,
        chosen: usize,
        /// Roughly: for people who wait.
        rows: u32,
        merged: Vec<Area>,
    },
    /// Some rows; see [`Rows`].
    Rows(Vec<u8>),
    /// There are no more rows.
    End,
    /// The workbook cannot be read.
    Refused { is_request: bool, message: String, hint: String },
}

/// The largest message. A row is at most as large, and nothing else comes near.
pub(super) const MAX_MESSAGE_BYTES: usize = 512 << 20;

/// Rows are sent together once they are this large.
pub(super) const ROWS_BYTES: usize = 256 << 10;

impl Message {
    /// Sends the message.
    pub(super) fn send(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut content = Vec::new();
        let kind = match self {
            Self::Sheets { sheets, chosen, rows, merged } => {
                put_number(*chosen as u32, &mut content);
                put_number(*rows, &mut content);
                put_number(sheets.len() as u32, &mut content);
                for sheet in sheets {
                    put_bytes(sheet.name.as_bytes(), &mut content);
                    put_number(u32::from(sheet.visible) | u32::from(sheet.has_cells) << 1, &mut content);
                }
                put_number(merged.len() as u32, &mut content);
                for area in merged {
                    for number in [area.first_row, area.last_row, area.first_column, area.last_column] {
                        put_number(number, &mut content);
                    }
                }
                b'S'
            }
            Self::Rows(rows) => return send_content(b'R', rows, out),
            Self::End => b'E',
            Self::Refused { is_request, message, hint } => {
                put_number(u32::from(*is_request), &mut content);
                put_bytes(message.as_bytes(), &mut content);
                put_bytes(hint.as_bytes(), &mut content);
                b'X'
            }
        };
        send_content(kind, &content, out)
    }

    /// Receives the next message; `None` where nothing more comes or it is none.
    pub(super) fn receive(source: &mut impl Read) -> Option<Self> {
        let mut head = [0; 5];
        source.read_exact(&mut head).ok()?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_MESSAGE_BYTES {
            return None;
        }
        let mut content = Vec::new();
        source.take(length as u64).read_to_end(&mut content).ok()?;
        if content.len() < length {
            return None;
        }
        let mut rest = content.as_slice();
        match kind {
            b'S' => {
                let (chosen, rows) = (take_number(&mut rest)? as usize, take_number(&mut rest)?);
                let mut sheets = Vec::new();
                for _ in 0..take_number(&mut rest)? {
                    let name = take_text(&mut rest)?;
                    let flags = take_number(&mut rest)?;
                    sheets.push(SheetInfo { name, visible: flags & 1 == 1, has_cells: flags & 2 == 2 });
                }
                let mut merged = Vec::new();
                for _ in 0..take_number(&mut rest)? {
                    merged.push(Area {
                        first_row: take_number(&mut rest)?,
                        last_row: take_number(&mut rest)?,
                        first_column: take_number(&mut rest)?,
                        last_column: take_number(&mut rest)?,
                    });
                }
                Some(Self::Sheets { sheets, chosen, rows, merged })
            }
            b'R' => Some(Self::Rows(content)),
            b'E' => Some(Self::End),
            b'X' => Some(Self::Refused {
                is_request: take_number(&mut rest)? == 1,
                message: take_text(&mut rest)?,
                hint: take_text(&mut rest)?,
            }),
            _ => None,
        }
    }

    /// The message about an error.
    pub(super) fn refused(error: &Error) -> Self {
        Self::Refused {
            is_request: error.kind == ErrorKind::Request,
            message: error.message.clone(),
            hint: error.hint.clone().unwrap_or_default(),
        }
    }
}

/// Appends a row to the content of a message.
pub(super) fn put_row(row: &SheetRow, out: &mut Vec<u8>) {
    put_number(row.number, out);
    put_number(row.cells.len() as u32, out);
    for &cell in &row.cells {
        put_number(cell.column, out);
        out.push(Content::ALL.iter().position(|&content| content == cell.content).unwrap_or(0) as u8);
        put_bytes(row.text(cell), out);
    }
}

/// Rows in the content of a message.
#[derive(Default)]
pub(super) struct Rows {
    content: Vec<u8>,
    at: usize,
}

impl Rows {
    pub(super) fn new(content: Vec<u8>) -> Self {
        Self { content, at: 0 }
    }

    /// Puts the next row, which must stand below `row`, in its place; false at the end, `None` where
    /// what comes is no row.
    pub(super) fn next_row(&mut self, row: &mut SheetRow) -> Option<bool> {
        let mut rest = self.content.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Some(false);
        }
        take_row(&mut rest, row)?;
        self.at = self.content.len() - rest.len();
        Some(true)
    }
}

fn take_row(rest: &mut &[u8], row: &mut SheetRow) -> Option<()> {
    let number = take_number(rest)?;
    if number <= row.number || number > MAX_ROWS {
        return None;
    }
    row.begin(number);
    let mut next_column = 0;
    for _ in 0..take_number(rest)? {
        let column = take_number(rest)?;
        let (&content, behind) = rest.split_first()?;
        *rest = behind;
        let content = *Content::ALL.get(usize::from(content))?;
        let text = take_bytes(rest)?;
        if column < next_column || column >= MAX_COLUMNS {
            return None;
        }
        next_column = column + 1;
        row.push(column, content, |out| out.extend_from_slice(text));
    }
    Some(())
}

fn send_content(kind: u8, content: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(&[kind])?;
    out.write_all(&(content.len() as u32).to_le_bytes())?;
    out.write_all(content)?;
    out.flush()
}

fn put_number(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u32, out);
    out.extend_from_slice(bytes);
}

fn take_number(rest: &mut &[u8]) -> Option<u32> {
    let (number, behind) = rest.split_first_chunk::<4>()?;
    *rest = behind;
    Some(u32::from_le_bytes(*number))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_number(rest)? as usize;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    String::from_utf8(take_bytes(rest)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive() {
        let sheet = SheetInfo { name: "Ä".to_owned(), visible: true, has_cells: false };
        let area = Area { first_row: 1, last_row: 2, first_column: 3, last_column: 4 };
        let mut row = SheetRow::default();
        row.begin(7);
        row.push(2, Content::Text, |out| out.extend_from_slice(b"x"));
        row.push(9, Content::Error, |out| out.extend_from_slice(b"#N/A"));
        let mut rows = Vec::new();
        put_row(&row, &mut rows);
        let messages = [
            Message::Sheets { sheets: vec![sheet], chosen: 0, rows: 9, merged: vec![area] },
            Message::Rows(rows.clone()),
            Message::Refused { is_request: true, message: "m".to_owned(), hint: "h".to_owned() },
            Message::End,
        ];
        let mut bytes = Vec::new();
        for message in &messages {
            message.send(&mut bytes).unwrap();
        }
        let mut source = bytes.as_slice();
        for message in &messages {
            assert_eq!(Message::receive(&mut source).as_ref(), Some(message));
        }
        assert_eq!(Message::receive(&mut source), None);

        let mut read = SheetRow::default();
        let mut rows = Rows::new(rows);
        assert!(rows.next_row(&mut read).unwrap());
        assert_eq!((read.number, &read.cells), (7, &row.cells));
        assert_eq!(read.text(read.cells[1]), b"#N/A");
        assert!(!rows.next_row(&mut read).unwrap());
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_comes_makes_it_panic(bytes: Vec<u8>) {
            let mut source = bytes.as_slice();
            while let Some(message) = Message::receive(&mut source) {
                let _ = message;
            }
            let mut rows = Rows::new(bytes);
            let mut row = SheetRow::default();
            while let Some(true) = rows.next_row(&mut row) {}
        }
    }
}
