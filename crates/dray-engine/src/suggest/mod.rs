//! Suggestions which source column belongs to which field, from the words of the headers, the values, and
//! what is known from before; without a network. Stands below `check/`, whose rules say what a value is.
//!
//! The headers are taken apart into words ([`words`]), the words have meanings in many languages
//! ([`vocabulary`], [`reading`]), and so have the fields of any object ([`target`]). Samples are summed up
//! once a column ([`profile`], [`lists`]). The columns explain each other ([`context`]); every pair of column and field is
//! judged ([`names`], [`values`], [`confidence`]) and the whole table is settled at once
//! ([`judge`], [`several`], [`assign`]).

mod words;
mod vocabulary;
mod reading;
mod lists;
mod profile;
mod target;
mod context;
mod names;
mod values;
mod confidence;
mod known;
mod assign;
mod reason;
mod several;
mod table;
mod judge;
mod left_out;
#[cfg(test)]
mod tests;

use dray_model::object::Object;

pub use known::{Confirmed, Known, Opinion, StoredValues};
pub use left_out::hint;
pub use reason::{HeaderSays, Meaning, Reason, Told, ValuesSay};
pub use table::Table;
pub use vocabulary::concepts;

/// What is suggested for one source column.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// Position of the column in the table.
    pub column: usize,
    /// The header text.
    pub header: String,
    /// The field, or system column, it belongs to; `None` where none fits.
    pub field: Option<String>,
    /// Which of several values it is, as the definition writes it: `Mobile`.
    pub value_type: Option<String>,
    /// Which part of an address it is.
    pub address_part: Option<String>,
    /// The probability that this is right; 0 where nothing is suggested.
    pub confidence: f64,
    /// Why, for people.
    pub reason: Reason,
    /// What else it may be, best first, for people and for a second opinion.
    pub alternatives: Vec<Alternative>,
}

/// Another field a column may belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The field as [`Suggestion::name`] writes it.
    pub name: String,
    /// The probability.
    pub confidence: f64,
}

/// Below this a second opinion is worth asking for.
const CERTAIN: f64 = 0.9;

impl Suggestion {
    /// The field as mapping requests write it: `email`, `address.city`, `phone.mobile`.
    pub fn name(&self) -> Option<String> {
        let field = self.field.as_deref()?;
        Some(match self.address_part.as_ref().or(self.value_type.as_ref()) {
            Some(part) => format!("{field}.{}", part.to_lowercase()),
            None => field.to_owned(),
        })
    }

    /// True where somebody who knows more should be asked: the suggestion is unsure, or there is none
    /// though something comes near.
    pub fn is_uncertain(&self) -> bool {
        if self.field.is_some() { self.confidence < CERTAIN } else { !self.alternatives.is_empty() }
    }
}

/// Suggests a field, or none, for every column of a table. No stored column is suggested twice.
///
/// To have the uncertain ones refined, ask about those that are [`Suggestion::is_uncertain`] and call
/// this again with the answers as [`Known::opinions`].
pub fn suggest(object: &Object, table: &Table<'_>, known: &Known<'_>) -> Vec<Suggestion> {
    judge::Judge::new(object, table, known).suggestions()
}
