//! The records of a JSON document, one after the other: `[{…}, …]`, or an object with one member that is such
//! an array. Numbers keep their text, and null is not the same as missing; so records stay JSON.

use std::io::Read;

use dray_engine::expression::{Json, RepeatedMember};
use dray_model::{Error, ErrorKind, Result};

/// The largest record.
const MOST_RECORD: usize = 16 << 20;
/// Bytes asked for at once.
const READ_BYTES: usize = 256 << 10;

/// A record as it stands in the document.
#[derive(Debug, Clone)]
pub struct JsonRow {
    /// The record.
    pub record: Json,
    /// Its text.
    pub raw: Vec<u8>,
    /// The line it begins on, from 1.
    pub line: u64,
}

/// Reads records.
pub struct JsonRows {
    name: String,
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    line: u64,
    /// The array is the member of an object.
    in_object: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Begin,
    /// Within the array: a record or its end comes.
    First,
    /// Behind a record.
    Behind,
    End,
}

impl JsonRows {
    /// For UTF-8 text.
    pub fn new(name: &str, input: Box<dyn Read + Send>) -> Self {
        Self {
            name: name.to_owned(),
            input,
            buffer: Vec::new(),
            at: 0,
            ended: false,
            line: 1,
            in_object: false,
            state: State::Begin,
        }
    }

    /// The next record, or `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<JsonRow>> {
        if self.state == State::Begin {
            self.begin()?;
            self.state = State::First;
        }
        match (self.state, self.sign()?) {
            (State::End, _) => Ok(None),
            (State::First, Some(b']')) | (State::Behind, Some(b']')) => {
                self.at += 1;
                self.end()?;
                self.state = State::End;
                Ok(None)
            }
            (State::First, _) => self.record().map(Some),
            (_, Some(b',')) => {
                self.at += 1;
                self.sign()?;
                self.record().map(Some)
            }
            _ => Err(self.wrong("a , or ] is missing between two records")),
        }
    }

    /// To behind the bracket that opens the array.
    fn begin(&mut self) -> Result<()> {
        self.fill(3)?;
        if self.rest().starts_with(b"\xef\xbb\xbf") {
            self.at += 3;
        }
        match self.sign()? {
            Some(b'[') => self.at += 1,
            Some(b'{') => {
                self.at += 1;
                self.in_object = true;
                if self.sign()? != Some(b'"') {
                    return Err(self.structure());
                }
                let name = self.text_end()?;
                self.at = name;
                if self.sign()? != Some(b':') {
                    return Err(self.wrong("a : is missing"));
                }
                self.at += 1;
                if self.sign()? != Some(b'[') {
                    return Err(self.structure());
                }
                self.at += 1;
            }
            Some(b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => return Err(self.structure()),
            None => return Err(self.wrong("the file is empty")),
            Some(_) => return Err(self.wrong("no value begins here")),
        }
        Ok(())
    }

    /// What stands behind the array.
    fn end(&mut self) -> Result<()> {
        if self.in_object {
            match self.sign()? {
                Some(b'}') => self.at += 1,
                Some(b',') => return Err(self.structure()),
                _ => return Err(self.wrong("a } is missing")),
            }
        }
        match self.sign()? {
            None => Ok(()),
            Some(_) => Err(self.structure()),
        }
    }

    fn record(&mut self) -> Result<JsonRow> {
        match self.sign()? {
            Some(b'{') => {}
            Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => return Err(self.structure()),
            _ => return Err(self.wrong("a record is missing")),
        }
        let line = self.line;
        let end = self.record_end()?;
        let raw = self.buffer.get(self.at..end).unwrap_or_default().to_vec();
        self.line += raw.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = end;
        self.state = State::Behind;
        let text = std::str::from_utf8(&raw).map_err(|_| self.wrong("a record is not UTF-8"))?;
        let record = Json::parse(text, RepeatedMember::LastCounts).map_err(|why| {
            Error::source(format!("`{}` is not valid JSON: {why} of the record on line {line}", self.name))
                .hint("repair the file in the program that made it")
        })?;
        Ok(JsonRow { record, raw, line })
    }

    /// Where the object that begins here ends.
    fn record_end(&mut self) -> Result<usize> {
        let (mut place, mut depth, mut in_text) = (0_usize, 0_usize, false);
        loop {
            let Some(&byte) = self.buffer.get(self.at + place) else {
                let known = self.buffer.len() - self.at;
                if known >= MOST_RECORD {
                    let message = format!("a record of `{}` is larger than {MOST_RECORD} bytes", self.name);
                    return Err(Error::new(ErrorKind::Limit, message).hint("split it"));
                }
                if !self.fill(known + 1)? {
                    return Err(self.wrong("the last record is not whole"));
                }
                continue;
            };
            match (in_text, byte) {
                (true, b'\\') => place += 1,
                (true, b'"') => in_text = false,
                (false, b'"') => in_text = true,
                (false, b'{' | b'[') => depth += 1,
                (false, b'}' | b']') => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(self.at + place + 1);
                    }
                }
                _ => {}
            }
            place += 1;
        }
    }

    /// Where the text that begins here ends.
    fn text_end(&mut self) -> Result<usize> {
        let mut place = 1;
        loop {
            match self.buffer.get(self.at + place) {
                None => {
                    let known = self.buffer.len() - self.at;
                    if known >= MOST_RECORD || !self.fill(known + 1)? {
                        return Err(self.wrong("a string is never closed"));
                    }
                }
                Some(b'\\') => place += 2,
                Some(b'"') => return Ok(self.at + place + 1),
                Some(_) => place += 1,
            }
        }
    }

    /// The next byte that is no blank.
    fn sign(&mut self) -> Result<Option<u8>> {
        loop {
            match self.buffer.get(self.at) {
                Some(b'\n') => {
                    self.line += 1;
                    self.at += 1;
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(byte) => return Ok(Some(*byte)),
                None => {
                    if !self.fill(1)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Reads until so many bytes are there; false where the document ends before.
    fn fill(&mut self, wanted: usize) -> Result<bool> {
        while self.rest().len() < wanted {
            if self.ended {
                return Ok(false);
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            let begin = self.buffer.len();
            self.buffer.resize(begin + READ_BYTES, 0);
            let space = self.buffer.get_mut(begin..).unwrap_or_default();
            let read = self.input.read(space);
            let read = read.map_err(|why| {
                Error::source(format!("`{}` cannot be read: {why}", self.name)).hint("is the file whole?")
            });
            self.buffer.truncate(begin + read.as_ref().copied().unwrap_or(0));
            self.ended = read? == 0;
        }
        Ok(true)
    }

    fn wrong(&self, why: &str) -> Error {
        Error::source(format!("`{}` is not valid JSON: {why} on line {}", self.name, self.line))
            .hint("repair the file in the program that made it")
    }

    fn structure(&self) -> Error {
        Error::source(format!("the structure of `{}` is not supported (line {})", self.name, self.line))
            .hint("it must be an array of objects, or an object with one member that is such an array")
    }
}
