//! Walks the Thrift compact encoding of Parquet's own structures without building anything, so that what
//! a damaged or hostile file claims about itself is known before memory is taken for it.

/// Structures nested deeper than this stand in no Parquet file.
const MAX_DEPTH: usize = 16;

/// What kind of value a field or an element has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Byte,
    /// A number of any width but one byte.
    Number,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 | 2 => Self::Boolean,
            3 => Self::Byte,
            4..=6 => Self::Number,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            13 => Self::Uuid,
            _ => return None,
        })
    }
}

/// A position in encoded bytes, moving forward. Every step gives `None` where the bytes end too early or
/// are not Thrift.
pub(super) struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walker<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were walked.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn pass(&mut self, count: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        (end <= self.bytes.len()).then(|| self.at = end)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Walks a number.
    pub(super) fn number(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// Walks a structure: `visit` is given the id and kind of each field and walks its value, or returns
    /// `Some(false)` to have it passed over.
    pub(super) fn fields(
        &mut self,
        mut visit: impl FnMut(&mut Self, i64, Kind) -> Option<bool>,
    ) -> Option<()> {
        self.fields_at(MAX_DEPTH, &mut visit)
    }

    fn fields_at(
        &mut self,
        depth_left: usize,
        visit: &mut dyn FnMut(&mut Self, i64, Kind) -> Option<bool>,
    ) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => self.number()?,
                step => id.checked_add(i64::from(step))?,
            };
            let kind = Kind::of(head & 0x0F)?;
            if !visit(self, id, kind)? {
                // A flag that is a field has its value in the head.
                self.skip(kind, true, depth_left)?;
            }
        }
    }

    /// Walks the head of a list: how many elements follow, and of what kind.
    pub(super) fn list(&mut self) -> Option<(u64, Kind)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.unsigned()?,
            count => u64::from(count),
        };
        let kind = Kind::of(head & 0x0F)?;
        // Every element takes a byte at least.
        (count <= (self.bytes.len() - self.at) as u64).then_some((count, kind))
    }

    fn skip(&mut self, kind: Kind, is_field: bool, depth_left: usize) -> Option<()> {
        let below = depth_left.checked_sub(1)?;
        match kind {
            Kind::Boolean if is_field => Some(()),
            Kind::Boolean | Kind::Byte => self.pass(1),
            Kind::Number => self.unsigned().map(|_| ()),
            Kind::Double => self.pass(8),
            Kind::Uuid => self.pass(16),
            Kind::Binary => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            Kind::List => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip(kind, false, below))
            }
            Kind::Map => {
                let count = self.unsigned()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0F)?);
                (0..count).try_for_each(|_| {
                    self.skip(key, false, below)?;
                    self.skip(value, false, below)
                })
            }
            Kind::Struct => self.fields_at(below, &mut |_, _, _| Some(false)),
        }
    }
}
