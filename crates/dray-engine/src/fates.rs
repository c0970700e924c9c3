//! What became of every row, run-length encoded: a stretch of rows with the same fate, and records
//! numbered one by one, is a few bytes however long it is.
//!
//! One entry: rows skipped since the last entry (varint), fate (0 = held back for a later pass),
//! how many rows (varint), first record id + 1 (varint, 0 = no record).

use dray_model::flow::FateRuns;
use dray_model::ledger::Fate;

/// A stretch of rows with the same fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Number of the first row.
    pub first_row: u64,
    /// How many rows.
    pub rows: u64,
    /// Their fate; `None` where they were held back and a later entry tells.
    pub fate: Option<Fate>,
    /// The record of the first row; those of the others follow one by one.
    pub first_record: Option<i64>,
}

/// Collects the fates of rows until they are saved with their chunk.
#[derive(Debug, Default)]
pub struct FateRecorder {
    sequence: i64,
    first_row: u64,
    written_to: u64,
    runs: Vec<u8>,
    open: Option<Stretch>,
    done: Vec<FateRuns>,
}

impl FateRecorder {
    /// A recorder that goes on after `sequence` saved parts.
    pub fn after(sequence: i64) -> Self {
        Self { sequence, ..Self::default() }
    }

    /// How many parts were taken so far.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Notes one row. Rows mostly come in ascending order; where they begin again, so does a part.
    pub fn push(&mut self, row: u64, fate: Option<Fate>, record: Option<i64>) {
        if let Some(open) = &mut self.open {
            let follows = open.first_row + open.rows == row && open.fate == fate;
            let next_record = open.first_record.and_then(|first| first.checked_add_unsigned(open.rows));
            if follows && next_record == record {
                open.rows += 1;
                return;
            }
        }
        self.close();
        if row <= self.written_to && !self.runs.is_empty() {
            self.end_part();
        }
        self.open = Some(Stretch { first_row: row, rows: 1, fate, first_record: record });
    }

    /// Takes what was noted since the last call.
    pub fn take(&mut self) -> Vec<FateRuns> {
        self.close();
        if !self.runs.is_empty() {
            self.end_part();
        }
        std::mem::take(&mut self.done)
    }

    fn end_part(&mut self) {
        self.sequence += 1;
        self.done.push(FateRuns {
            sequence: self.sequence,
            first_row: self.first_row,
            last_row: self.written_to,
            runs: std::mem::take(&mut self.runs),
        });
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if self.runs.is_empty() {
            self.first_row = open.first_row;
            self.written_to = open.first_row - 1;
        }
        put(&mut self.runs, open.first_row - self.written_to - 1);
        self.runs.push(open.fate.map_or(0, |fate| fate as u8));
        put(&mut self.runs, open.rows);
        put(&mut self.runs, open.first_record.map_or(0, |id| id.unsigned_abs() + 1));
        self.written_to = open.first_row + open.rows - 1;
    }
}

/// The stretches of a saved part. An entry that cannot be read ends it.
pub fn stretches(part: &FateRuns) -> Vec<Stretch> {
    let mut found = Vec::new();
    let mut bytes = part.runs.as_slice();
    let mut next_row = part.first_row;
    while !bytes.is_empty() {
        let Some(stretch) = read_entry(&mut bytes, &mut next_row) else { break };
        found.push(stretch);
    }
    found
}

fn read_entry(bytes: &mut &[u8], next_row: &mut u64) -> Option<Stretch> {
    let first_row = *next_row + get(bytes)?;
    let (&fate, rest) = bytes.split_first()?;
    *bytes = rest;
    let rows = get(bytes)?;
    let record = get(bytes)?;
    *next_row = first_row + rows;
    let first_record = record.checked_sub(1).and_then(|id| i64::try_from(id).ok());
    Some(Stretch { first_row, rows, fate: Fate::from_number(fate), first_record })
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn get(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_created_rows_are_a_few_bytes() {
        let mut recorder = FateRecorder::default();
        for row in 1..=1_000_000 {
            recorder.push(row, Some(Fate::Created), Some(row as i64 + 500));
        }
        let part = recorder.take().remove(0);
        assert!(part.runs.len() < 12, "{}", part.runs.len());
        let expected =
            Stretch { first_row: 1, rows: 1_000_000, fate: Some(Fate::Created), first_record: Some(501) };
        assert_eq!(stretches(&part), [expected]);
    }

    #[test]
    fn gaps_and_held_rows_come_back() {
        let mut recorder = FateRecorder::after(3);
        recorder.push(5, None, None);
        recorder.push(9, Some(Fate::Updated), Some(7));
        recorder.push(10, Some(Fate::Updated), Some(3));
        let part = recorder.take().remove(0);
        assert_eq!((part.sequence, part.first_row, part.last_row), (4, 5, 10));
        let rows: Vec<_> =
            stretches(&part).into_iter().map(|s| (s.first_row, s.rows, s.fate, s.first_record)).collect();
        assert_eq!(
            rows,
            [(5, 1, None, None), (9, 1, Some(Fate::Updated), Some(7)), (10, 1, Some(Fate::Updated), Some(3))]
        );
        assert_eq!(recorder.take(), []);
    }

    #[test]
    fn rows_that_begin_again_begin_another_part() {
        let mut recorder = FateRecorder::default();
        [5, 6, 2, 3].into_iter().for_each(|row| recorder.push(row, Some(Fate::Rejected), None));
        let parts: Vec<_> =
            recorder.take().iter().map(|part| (part.sequence, part.first_row, part.last_row)).collect();
        assert_eq!(parts, [(1, 5, 6), (2, 2, 3)]);
    }
}
