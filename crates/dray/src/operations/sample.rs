//! A look at the beginning of a source, for people who say which column is which field: the first rows, and of
//! each column how full it is, how many values it has and how they are spread.

use std::collections::{BTreeSet, HashMap};

use arrow_array::{Array, StringArray};
use dray_model::Result;
use dray_model::flow::{Detected, RowSource};
use serde::{Deserialize, Serialize};

/// Rows looked at.
const MOST_ROWS: usize = 1_000;
/// Letters of a cell that are kept.
const CELL_LETTERS: usize = 200;
/// Values shown of a column.
const VALUES: usize = 3;
/// Bars of a picture.
const BARS: usize = 8;

/// The beginning of a source.
#[derive(Debug, Default)]
pub struct Sample {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The first rows, a text for each column.
    pub rows: Vec<Vec<String>>,
    /// True where these are all.
    pub is_all: bool,
    /// What was found out about the source.
    pub detected: Vec<Detected>,
}

/// What the first rows have in a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSample {
    /// Rows that have a value.
    pub filled: usize,
    /// Different values.
    pub distinct: usize,
    /// The most frequent of them and how often each is there; of equally frequent ones those that come first.
    pub values: Vec<(String, usize)>,
    /// How the values are spread: by number, by length, or the most frequent ones first.
    pub bars: Vec<usize>,
}

impl Sample {
    /// Looks at a source.
    pub fn of(mut source: Box<dyn RowSource>) -> Result<Self> {
        let mut sample = Self { header: source.header().to_vec(), is_all: true, ..Self::default() };
        'reading: while let Some(batch) = source.next_batch()? {
            for row in 0..batch.len() {
                if sample.rows.len() >= MOST_ROWS {
                    sample.is_all = false;
                    break 'reading;
                }
                let cell = |column: &StringArray| {
                    let is_there = row < column.len() && column.is_valid(row);
                    let text = if is_there { column.value(row) } else { "" };
                    text.chars().take(CELL_LETTERS).collect()
                };
                sample.rows.push(batch.columns.iter().map(cell).collect());
            }
        }
        sample.detected = source.detected();
        Ok(sample)
    }

    /// What a column has.
    pub fn column(&self, index: usize) -> ColumnSample {
        let texts: Vec<&str> = self
            .rows
            .iter()
            .filter_map(|row| row.get(index))
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let mut different: Vec<&str> = Vec::new();
        for text in &texts {
            let count = counts.entry(text).or_default();
            *count += 1;
            if *count == 1 {
                different.push(text);
            }
        }
        let often = |text: &&str| counts.get(text).copied().unwrap_or(0);
        different.sort_by_key(|text| std::cmp::Reverse(often(text)));
        let most = different.iter().take(VALUES);
        let values = most.map(|text| ((*text).to_owned(), often(text))).collect();
        ColumnSample { filled: texts.len(), distinct: counts.len(), values, bars: bars(&texts, &counts) }
    }
}

/// Some rows of a source, each with its number, and the names of the columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WholeRows {
    /// The names of the columns.
    pub header: Vec<String>,
    /// Row numbers and cells.
    pub rows: Vec<(u64, Vec<String>)>,
}

/// These rows of a source, in their order.
pub fn rows_of(mut source: Box<dyn RowSource>, wanted: &BTreeSet<u64>) -> Result<WholeRows> {
    let mut found = WholeRows { header: source.header().to_vec(), rows: Vec::new() };
    let Some(&last) = wanted.last() else { return Ok(found) };
    while let Some(batch) = source.next_batch()? {
        let end = batch.first_row + batch.len() as u64;
        for &row in wanted.range(batch.first_row..end) {
            let index = usize::try_from(row - batch.first_row).unwrap_or(usize::MAX);
            let cell = |column: &StringArray| {
                let is_there = index < column.len() && column.is_valid(index);
                if is_there { column.value(index).to_owned() } else { String::new() }
            };
            found.rows.push((row, batch.columns.iter().map(cell).collect()));
        }
        if end > last {
            break;
        }
    }
    Ok(found)
}

fn bars(texts: &[&str], counts: &HashMap<&str, usize>) -> Vec<usize> {
    if counts.len() <= BARS {
        let mut bars: Vec<usize> = counts.values().copied().collect();
        bars.sort_unstable_by(|one, other| other.cmp(one));
        return bars;
    }
    let numbers: Vec<f64> =
        texts.iter().filter_map(|text| text.parse().ok()).filter(|n: &f64| n.is_finite()).collect();
    if numbers.len() == texts.len() {
        return spread(&numbers);
    }
    spread(&texts.iter().map(|text| text.chars().count() as f64).collect::<Vec<_>>())
}

/// How many lie in each of equal steps from the smallest to the largest.
fn spread(numbers: &[f64]) -> Vec<usize> {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = most - least;
    let mut bars = vec![0; BARS];
    for number in numbers {
        let share = if width > 0.0 { (number - least) / width } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1")]
        let place = ((share * BARS as f64) as usize).min(BARS - 1);
        if let Some(bar) = bars.get_mut(place) {
            *bar += 1;
        }
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cells: &[&str]) -> ColumnSample {
        let rows = cells.iter().map(|cell| vec![(*cell).to_owned()]).collect();
        Sample { header: vec!["a".to_owned()], rows, is_all: true, detected: Vec::new() }.column(0)
    }

    #[test]
    fn columns_are_described_by_their_values() {
        let few = sample(&["b", "", "a", "b", " "]);
        assert_eq!((few.filled, few.distinct, few.bars), (3, 2, vec![2, 1]));
        assert_eq!(few.values, [("b".to_owned(), 2), ("a".to_owned(), 1)]);
        assert_eq!(sample(&["x", "y", "z", "w", "w"]).values[0], ("w".to_owned(), 2));
        let numbers: Vec<String> = (0..16).map(|number| number.to_string()).collect();
        let numbers = sample(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(numbers.bars, [2; 8]);
        assert_eq!(sample(&[]).bars, Vec::<usize>::new());
    }
}
