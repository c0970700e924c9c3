//! Values on their way to and from a function: each is a letter and its content, numbers lowest byte first.
//! It is the part that is the same in all versions of the format of Python's `marshal`, so that Python reads
//! and writes it fast; JavaScript's engine is in the same program and speaks it too.

/// Bits of one digit of a whole number of any size.
const DIGIT_BITS: u32 = 15;

/// The most digits of a whole number that is read; about four thousand three hundred decimal ones.
const MOST_DIGITS: usize = 960;

/// Stands where a property is missing, and ends the members of an object.
pub(crate) const NOTHING: u8 = b'0';

pub(crate) fn put_null(out: &mut Vec<u8>) {
    out.push(b'N');
}

pub(crate) fn put_boolean(value: bool, out: &mut Vec<u8>) {
    out.push(if value { b'T' } else { b'F' });
}

/// A whole number of up to 32 bits.
pub(crate) fn put_int(value: i32, out: &mut Vec<u8>) {
    out.push(b'i');
    out.extend_from_slice(&value.to_le_bytes());
}

/// A whole number of any size.
pub(crate) fn put_long(value: i128, out: &mut Vec<u8>) {
    out.push(b'l');
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut rest = value.unsigned_abs();
    let mut digits = 0_i32;
    while rest > 0 {
        let digit = u16::try_from(rest & ((1 << DIGIT_BITS) - 1)).unwrap_or(0);
        out.extend_from_slice(&digit.to_le_bytes());
        rest >>= DIGIT_BITS;
        digits += 1;
    }
    if value < 0 {
        digits = -digits;
    }
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&digits.to_le_bytes());
    }
}

pub(crate) fn put_float(value: f64, out: &mut Vec<u8>) {
    out.push(b'g');
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    match u8::try_from(text.len()) {
        Ok(length) if text.is_ascii() => out.extend_from_slice(&[b'z', length]),
        _ => {
            out.push(b'u');
            put_length(text.len(), out);
        }
    }
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn put_list(length: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    put_length(length, out);
}

/// A value of a type that has no letter: its name and its text.
pub(crate) fn put_other(name: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x29\x02");
    put_text(name, out);
    put_text(text, out);
}

/// Members follow, each a text and a value, then [`NOTHING`].
pub(crate) fn put_members(out: &mut Vec<u8>) {
    out.push(b'{');
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    // Nothing that is sent comes near four thousand million bytes.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// What comes next. Lists and members are followed by what they have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item<'w> {
    Null,
    Boolean(bool),
    /// A whole number of 32 bits.
    Int(i32),
    /// A whole number that was sent as one of any size.
    Long(i128),
    /// One that does not fit: its decimal digits.
    Huge(String),
    /// One of more digits than are read.
    TooManyDigits,
    Float(f64),
    Text(&'w str),
    /// A text with halves of surrogate pairs in it.
    NoUnicode,
    List(usize),
    /// Of another type: its name and its text.
    Other(&'w str, &'w str),
    Members,
    /// A missing property, or the end of members.
    Nothing,
}

/// Reads values that somebody else wrote. `None` is always: this is not the format.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'w> {
    bytes: &'w [u8],
    at: usize,
}

impl<'w> Reader<'w> {
    pub(crate) fn new(bytes: &'w [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    fn take(&mut self, count: usize) -> Option<&'w [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.number()?)).ok()
    }

    pub(crate) fn next(&mut self) -> Option<Item<'w>> {
        let [letter] = self.number()?;
        Some(match letter {
            b'N' => Item::Null,
            b'T' => Item::Boolean(true),
            b'F' => Item::Boolean(false),
            b'i' => Item::Int(i32::from_le_bytes(self.number()?)),
            b'l' => self.long()?,
            b'g' => Item::Float(f64::from_le_bytes(self.number()?)),
            b'z' => {
                let [length] = self.number()?;
                text(self.take(usize::from(length))?)
            }
            b'u' => {
                let length = self.length()?;
                text(self.take(length)?)
            }
            b'[' => {
                // Each element has a byte at least.
                let length = self.length()?;
                Item::List(Some(length).filter(|length| *length <= self.bytes.len() - self.at)?)
            }
            b'(' if self.length()? == 2 => self.other()?,
            b')' if self.number()? == [2] => self.other()?,
            b'{' => Item::Members,
            NOTHING => Item::Nothing,
            _ => return None,
        })
    }

    /// How many records a batch has; those without properties have no bytes.
    pub(crate) fn batch_length(&mut self) -> Option<usize> {
        if self.number()? == [b'['] { self.length() } else { None }
    }

    fn other(&mut self) -> Option<Item<'w>> {
        let name = self.text()?;
        Some(Item::Other(name, self.text()?))
    }

    /// A text, empty where it is not Unicode.
    pub(crate) fn text(&mut self) -> Option<&'w str> {
        match self.next()? {
            Item::Text(text) => Some(text),
            Item::NoUnicode => Some(""),
            _ => None,
        }
    }

    fn long(&mut self) -> Option<Item<'w>> {
        let count = i32::from_le_bytes(self.number()?);
        let size = usize::try_from(count.unsigned_abs()).ok()?;
        let digits = self.take(size.checked_mul(2)?)?;
        if size > MOST_DIGITS {
            return Some(Item::TooManyDigits);
        }
        let digits = digits.chunks_exact(2).rev().map(|pair| match pair {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        });
        let mut value = 0_u128;
        if size * DIGIT_BITS as usize <= 120 {
            for digit in digits {
                value = value << DIGIT_BITS | u128::from(digit);
            }
            let value = i128::try_from(value).ok()?;
            return Some(Item::Long(if count < 0 { -value } else { value }));
        }
        // Groups of nine decimal digits, the lowest first.
        let mut groups: Vec<u64> = Vec::new();
        for digit in digits {
            let mut carry = u64::from(digit);
            for group in &mut groups {
                carry += *group << DIGIT_BITS;
                *group = carry % 1_000_000_000;
                carry /= 1_000_000_000;
            }
            while carry > 0 {
                groups.push(carry % 1_000_000_000);
                carry /= 1_000_000_000;
            }
        }
        let mut text = String::from(if count < 0 { "-" } else { "" });
        for (index, group) in groups.iter().rev().enumerate() {
            text.push_str(&if index == 0 { group.to_string() } else { format!("{group:09}") });
        }
        Some(match text.parse() {
            Ok(value) => Item::Long(value),
            Err(_) => Item::Huge(text),
        })
    }

    /// Passes over one value with all it has.
    pub(crate) fn skip(&mut self) -> Option<()> {
        // Not by recursion: what is read may nest as deep as it is long. `None` stands for members.
        let mut open: Vec<Option<usize>> = Vec::new();
        loop {
            match open.last_mut() {
                Some(Some(0)) => {
                    open.pop();
                }
                Some(Some(left)) => {
                    *left -= 1;
                    self.skip_item(&mut open)?;
                }
                Some(None) => match self.next()? {
                    Item::Nothing => {
                        open.pop();
                    }
                    Item::Text(_) | Item::NoUnicode => self.skip_item(&mut open)?,
                    _ => return None,
                },
                None => self.skip_item(&mut open)?,
            }
            if open.is_empty() {
                return Some(());
            }
        }
    }

    fn skip_item(&mut self, open: &mut Vec<Option<usize>>) -> Option<()> {
        match self.next()? {
            Item::List(length) => open.push(Some(length)),
            Item::Members => open.push(None),
            Item::Nothing => return None,
            _ => {}
        }
        Some(())
    }
}

fn text(bytes: &[u8]) -> Item<'_> {
    std::str::from_utf8(bytes).map_or(Item::NoUnicode, Item::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size() {
        for value in [0, 1, -1, 32_767, 32_768, -9_223_372_036_854_775_808, 18_446_744_073_709_551_615] {
            let mut out = Vec::new();
            put_long(value, &mut out);
            assert_eq!(Reader::new(&out).next(), Some(Item::Long(value)), "{value}");
        }
        // 2^150, as Python writes it.
        let bytes = [&b"l\x0b\0\0\0"[..], &[0; 20], &[1, 0]].concat();
        assert_eq!(
            Reader::new(&bytes).next(),
            Some(Item::Huge("1427247692705959881058285969449495136382746624".to_owned()))
        );
        let long = [&b"l\xff\xff\0\0"[..], &[1; 131_070]].concat();
        assert_eq!(Reader::new(&long).next(), Some(Item::TooManyDigits));
    }

    #[test]
    fn what_is_not_the_format_is_refused() {
        for wrong in
            [&b""[..], b"x", b"i\0", b"u\xff\xff\xff\xff", b"[\x05\0\0\0N", b")\x03", b")\x02NN", b"l"]
        {
            let mut reader = Reader::new(wrong);
            assert_eq!(reader.next(), None, "{wrong:?}");
        }
        for wrong in [&b"[\x01\0\0\0"[..], b"{NN0", b"{z\x01aN", b"{z\x01a0"] {
            assert_eq!(Reader::new(wrong).skip(), None, "{wrong:?}");
        }
        let deep = b"[\x01\0\0\0".repeat(100_000);
        assert_eq!(Reader::new(&deep).skip(), None);
        let mut whole = Vec::new();
        put_members(&mut whole);
        put_text("é", &mut whole);
        put_list(2, &mut whole);
        put_null(&mut whole);
        put_other("Decimal", "1.5", &mut whole);
        whole.push(NOTHING);
        let mut reader = Reader::new(&whole);
        assert_eq!(reader.skip(), Some(()));
        assert_eq!(reader.at(), whole.len());
        assert_eq!(Reader::new(b"u\x03\0\0\0\xed\xa0\x80").next(), Some(Item::NoUnicode));
    }
}
