//! Finds the records of a JSON source: lines, the elements of an array, or values one behind the other.

use super::parse::{Stop, Walker};

/// How records lie in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One on each line.
    Lines,
    /// Elements of an array, perhaps one inside an object.
    Array { is_wrapped: bool },
    /// Values one behind the other; the usual case is a single object.
    Sequence,
}

/// What stands at the next place of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A record begins here.
    Record(usize),
    /// No record follows; the document is whole.
    End,
}

/// Finds where the array of records begins in a document: the document itself, or the first array of
/// objects among the members of an object. Returns the shape and where its first record may begin.
pub(super) fn find_records(text: &[u8]) -> Result<(Shape, usize), Stop> {
    let mut walker = Walker::new(text, 0);
    match walker.peek() {
        Some(b'[') => return Ok((Shape::Array { is_wrapped: false }, walker.at + 1)),
        Some(b'{') => walker.at += 1,
        _ => return Ok((Shape::Sequence, 0)),
    }
    let mut only_array = None;
    let mut arrays = 0;
    while walker.peek() != Some(b'}') {
        walker.name()?;
        if walker.peek() == Some(b'[') {
            let inside = walker.at + 1;
            let first = Walker::new(text, inside).peek();
            match first {
                Some(b'{') => return Ok((Shape::Array { is_wrapped: true }, inside)),
                Some(b']') => only_array = Some(inside),
                _ => {}
            }
            arrays += 1;
        }
        walker.value()?;
        match walker.peek() {
            Some(b',') => walker.at += 1,
            Some(b'}') => {}
            Some(_) => return Err(walker.malformed("`,` or `}`")),
            None => return Err(Stop::Incomplete),
        }
    }
    match only_array {
        Some(inside) if arrays == 1 => Ok((Shape::Array { is_wrapped: true }, inside)),
        _ => Ok((Shape::Sequence, 0)),
    }
}

/// Finds what follows at `at`, which stands behind a record or before the first one.
pub(super) fn find_next(
    shape: Shape,
    text: &[u8],
    at: usize,
    behind_record: bool,
    complete: bool,
) -> Result<Next, Stop> {
    let mut walker = Walker::new(text, at);
    if let Shape::Array { is_wrapped } = shape {
        if behind_record && walker.peek() == Some(b',') {
            walker.at += 1;
        } else if behind_record && !matches!(walker.peek(), Some(b']') | None) {
            return Err(walker.malformed("`,` or `]` behind the record"));
        }
        match walker.peek() {
            // Also behind a comma too many, which does no harm.
            Some(b']') => walker.at += 1,
            Some(_) => return Ok(Next::Record(walker.at)),
            None => return Err(Stop::Incomplete),
        }
        if is_wrapped {
            close_wrapper(&mut walker)?;
        }
        if walker.peek().is_some() {
            return Err(walker.malformed("nothing more behind the end of the document"));
        }
    }
    match walker.peek() {
        Some(_) => Ok(Next::Record(walker.at)),
        None if complete => Ok(Next::End),
        None => Err(Stop::Incomplete),
    }
}

/// Walks the members behind the array of records, up to the end of their object.
fn close_wrapper(walker: &mut Walker<'_>) -> Result<(), Stop> {
    loop {
        match walker.peek() {
            Some(b',') => walker.at += 1,
            Some(b'}') => {
                walker.at += 1;
                return Ok(());
            }
            Some(_) => return Err(walker.malformed("`,` or `}`")),
            None => return Err(Stop::Incomplete),
        }
        walker.name()?;
        if walker.peek() == Some(b'[') {
            let bracket = walker.at;
            walker.at += 1;
            if walker.peek() == Some(b'{') {
                return Err(walker.malformed("one array of records; this is a second one"));
            }
            walker.at = bracket;
        }
        walker.value()?;
    }
}
