//! The whole table at once: every stored column is filled at most once, and of all ways to do so the one
//! with the most right and the fewest wrong suggestions to be expected.

use super::confidence::LEAST;

/// Above this many steps the exact way would be felt, and the best pairs are simply taken first.
const MOST_STEPS: usize = 20_000_000;

/// A possible pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// The source column.
    pub column: usize,
    /// The target.
    pub target: usize,
    /// How sure it is.
    pub confidence: f64,
}

impl Pair {
    /// What the pair adds to the number of right suggestions less that of wrong ones.
    fn gain(&self) -> f64 {
        2.0 * self.confidence - 2.0 * LEAST
    }
}

/// The target of every source column.
pub(super) fn assign(columns: usize, pairs: &[Pair]) -> Vec<Option<Pair>> {
    let pairs: Vec<Pair> = pairs.iter().copied().filter(|pair| pair.confidence >= LEAST).collect();
    let mut chosen = vec![None; columns];
    let live_targets = distinct(pairs.iter().map(|pair| pair.target));
    let live_columns = distinct(pairs.iter().map(|pair| pair.column));
    let steps = live_targets
        .len()
        .saturating_mul(live_targets.len())
        .saturating_mul(live_columns.len() + live_targets.len());
    let picked =
        if steps <= MOST_STEPS { best(&pairs, &live_targets, &live_columns) } else { best_first(pairs) };
    for pair in picked {
        if let Some(slot) = chosen.get_mut(pair.column) {
            *slot = Some(pair);
        }
    }
    chosen
}

fn distinct(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn best_first(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.column.cmp(&b.column)));
    let mut picked: Vec<Pair> = Vec::new();
    let (mut targets, mut columns) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for pair in pairs {
        if !targets.contains(&pair.target) && !columns.contains(&pair.column) {
            targets.insert(pair.target);
            columns.insert(pair.column);
            picked.push(pair);
        }
    }
    picked
}

/// The Hungarian method with potentials: targets choose among the columns and, each for itself, a place
/// where nothing is chosen.
fn best(pairs: &[Pair], targets: &[usize], columns: &[usize]) -> Vec<Pair> {
    let (rows, real) = (targets.len(), columns.len());
    let places = real + rows;
    let place = |list: &[usize], wanted: usize| list.binary_search(&wanted).unwrap_or_default();
    // Lower is better; a pair that cannot be costs more than all others gain.
    let mut cost = vec![vec![1000.0; places]; rows];
    for (row, line) in cost.iter_mut().enumerate() {
        line[real + row] = 0.0;
    }
    for pair in pairs {
        let (row, column) = (place(targets, pair.target), place(columns, pair.column));
        // Of two that are equally sure the earlier column and field are taken.
        cost[row][column] = -pair.gain() + (row + column) as f64 * 1e-9;
    }
    let mut of_row = vec![0.0; rows + 1];
    let mut of_place = vec![0.0; places + 1];
    let mut row_at = vec![0_usize; places + 1];
    for row in 1..=rows {
        row_at[0] = row;
        let mut at = 0;
        let mut least = vec![f64::INFINITY; places + 1];
        let mut came_from = vec![0_usize; places + 1];
        let mut seen = vec![false; places + 1];
        while row_at[at] != 0 {
            seen[at] = true;
            let (here, mut step, mut next) = (row_at[at], f64::INFINITY, 0);
            for candidate in 1..=places {
                if seen[candidate] {
                    continue;
                }
                let reduced = cost[here - 1][candidate - 1] - of_row[here] - of_place[candidate];
                if reduced < least[candidate] {
                    least[candidate] = reduced;
                    came_from[candidate] = at;
                }
                if least[candidate] < step {
                    step = least[candidate];
                    next = candidate;
                }
            }
            for candidate in 0..=places {
                if seen[candidate] {
                    of_row[row_at[candidate]] += step;
                    of_place[candidate] -= step;
                } else {
                    least[candidate] -= step;
                }
            }
            at = next;
        }
        while at != 0 {
            row_at[at] = row_at[came_from[at]];
            at = came_from[at];
        }
    }
    let is_picked = |pair: &&Pair| {
        row_at.get(place(columns, pair.column) + 1) == Some(&(place(targets, pair.target) + 1))
    };
    pairs.iter().filter(is_picked).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(column: usize, target: usize, confidence: f64) -> Pair {
        Pair { column, target, confidence }
    }

    fn targets(columns: usize, pairs: &[Pair]) -> Vec<Option<usize>> {
        assign(columns, pairs).iter().map(|pair| pair.map(|pair| pair.target)).collect()
    }

    #[test]
    fn the_whole_table_counts() {
        // The first column would rather have target 0, which is all the second can have.
        assert_eq!(targets(2, &[pair(0, 0, 0.95), pair(0, 1, 0.9), pair(1, 0, 0.9)]), [Some(1), Some(0)]);
        assert_eq!(targets(2, &[pair(0, 0, 0.9), pair(1, 0, 0.95)]), [None, Some(0)]);
        assert_eq!(targets(2, &[pair(0, 0, 0.9), pair(1, 0, 0.9)]), [Some(0), None]);
        assert_eq!(targets(1, &[pair(0, 0, 0.4)]), [None]);
        assert_eq!(targets(0, &[]), []);
    }
}
