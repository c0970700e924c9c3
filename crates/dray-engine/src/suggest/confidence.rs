//! How sure a suggestion is: a table from what header and values say to a probability. The figures
//! are near the shares that were right on tables seen for the first time; see BENCHMARKS.md.

use super::names::NameFit;
use super::values::ValueFit;

/// A suggestion below this is none: it would be wrong as often as right.
pub(super) const LEAST: f64 = 0.5;

/// The probability that a column belongs to a target, by name and values alone.
pub(super) fn confidence(name: NameFit, values: ValueFit) -> f64 {
    let [contradict, doubt, unknown, agree, confirm] = match name {
        NameFit::Name => [0.55, 0.85, 0.97, 0.98, 0.99],
        NameFit::Synonym => [0.25, 0.75, 0.93, 0.95, 0.98],
        NameFit::Meaning => [0.15, 0.65, 0.92, 0.94, 0.98],
        NameFit::Misspelt => [0.05, 0.45, 0.75, 0.80, 0.90],
        NameFit::Loose => [0.05, 0.40, 0.62, 0.75, 0.90],
        NameFit::Words => [0.05, 0.30, 0.50, 0.55, 0.70],
        NameFit::None => [0.0; 5],
    };
    match values {
        ValueFit::Contradict => contradict,
        ValueFit::Doubt => doubt,
        ValueFit::Unknown => unknown,
        ValueFit::Agree => agree,
        ValueFit::Confirm => confirm,
    }
}
