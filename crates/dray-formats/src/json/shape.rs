//! Finds the records of a JSON source: lines, the elements of an array, or values one behind the other.

use super::parse::{Stop, Walker};
use super::text::append_value;

/// How records lie in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One on each line.
    Lines,
    /// Elements of an array.
    Array {
        /// How many objects it stands inside of.
        wrappers: usize,
        /// A person said which array it is, so others beside it do not matter.
        is_chosen: bool,
    },
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
        Some(b'[') => return Ok((Shape::Array { wrappers: 0, is_chosen: false }, walker.at + 1)),
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
                Some(b'{') => return Ok((Shape::Array { wrappers: 1, is_chosen: false }, inside)),
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
        Some(inside) if arrays == 1 => Ok((Shape::Array { wrappers: 1, is_chosen: false }, inside)),
        _ => Ok((Shape::Sequence, 0)),
    }
}

/// Why there are no records at a path.
pub(super) enum Lost {
    /// The text cannot be walked as far as that.
    Stopped(Stop),
    /// What this part of the path leads to is not there, or is no array; the members that are there.
    Missing { steps: usize, members: Vec<String> },
}

impl From<Stop> for Lost {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// The most members that are listed where a path leads nowhere.
const LISTED_MEMBERS: usize = 20;

/// Finds the array at the end of a path of member names. Returns its shape and where its first record
/// may begin.
pub(super) fn find_records_at(text: &[u8], path: &[&str]) -> Result<(Shape, usize), Lost> {
    let mut walker = Walker::new(text, 0);
    for (steps, wanted) in path.iter().enumerate() {
        if let Some(members) = find_member(&mut walker, text, wanted)? {
            return Err(Lost::Missing { steps, members });
        }
    }
    match walker.peek() {
        Some(b'[') => Ok((Shape::Array { wrappers: path.len(), is_chosen: true }, walker.at + 1)),
        // No member has this name, so all of them are listed.
        Some(b'{') => {
            let members = find_member(&mut walker, text, "\n")?.unwrap_or_default();
            Err(Lost::Missing { steps: path.len(), members })
        }
        Some(_) => Err(Lost::Missing { steps: path.len(), members: Vec::new() }),
        None => Err(Stop::Incomplete.into()),
    }
}

/// Steps to the value of a member of the object that stands here. Where there is none, returns the names
/// of the members.
fn find_member(walker: &mut Walker<'_>, text: &[u8], wanted: &str) -> Result<Option<Vec<String>>, Stop> {
    let mut members = Vec::new();
    match walker.peek() {
        Some(b'{') => walker.at += 1,
        Some(_) => return Ok(Some(members)),
        None => return Err(Stop::Incomplete),
    }
    while walker.peek() != Some(b'}') {
        let name = walker.name()?;
        let mut said = Vec::new();
        append_value(text.get(name.start..name.end).unwrap_or_default(), &mut said);
        if said == wanted.as_bytes() {
            return Ok(None);
        }
        if members.len() < LISTED_MEMBERS {
            members.push(String::from_utf8_lossy(&said).into_owned());
        }
        walker.value()?;
        match walker.peek() {
            Some(b',') => walker.at += 1,
            Some(b'}') => {}
            Some(_) => return Err(walker.malformed("`,` or `}`")),
            None => return Err(Stop::Incomplete),
        }
    }
    Ok(Some(members))
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
    if let Shape::Array { wrappers, is_chosen } = shape {
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
        for _ in 0..wrappers {
            close_wrapper(&mut walker, is_chosen)?;
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
fn close_wrapper(walker: &mut Walker<'_>, may_have_arrays: bool) -> Result<(), Stop> {
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
        if !may_have_arrays && walker.peek() == Some(b'[') {
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
