//! Judges every pair of column and target, and makes suggestions of the pairs that are chosen.

use dray_model::definition::FieldKind;
use dray_model::object::Object;

use super::assign::{Pair, assign};
use super::confidence::{LEAST, confidence};
use super::context::{Heard, hear};
use super::known::{Confirmed, Known};
use super::names::{NameFit, meaning_fit, name_fit};
use super::profile::Profile;
use super::reading::{ITSELF, Reading, read_headers};
use super::reason::{Ground, Obstacle, Reason, why, why_not};
use super::several::{Judged, give_next_types, keep_one_address};
use super::target::{Target, Targets};
use super::values::{ValueFit, service, value_fit};
use super::words::fold;
use super::{Alternative, Suggestion, Table};

/// Pairs below this are not worth telling.
const WORTH_TELLING: f64 = 0.3;
/// The most alternatives of a suggestion.
const MOST_ALTERNATIVES: usize = 3;

/// Everything about a table that the judgement needs.
pub(super) struct Judge<'a> {
    object: &'a Object,
    known: &'a Known<'a>,
    headers: &'a [&'a str],
    folded: Vec<String>,
    targets: Targets,
    heard: Vec<Heard>,
    profiles: Vec<Profile<'a>>,
}

impl<'a> Judge<'a> {
    /// Reads the headers and sums up the values.
    pub(super) fn new(object: &'a Object, table: &'a Table<'a>, known: &'a Known<'a>) -> Self {
        let folded: Vec<String> = table.headers.iter().map(|header| fold(header)).collect();
        // A file that shows the columns Dray keeps itself was written by Dray: its `id` is the record's.
        let is_own_export = ["createdat", "updatedat", "version"]
            .iter()
            .all(|name| folded.iter().any(|header| header == name));
        let targets = Targets::new(object, is_own_export);
        let profiles: Vec<Profile<'_>> =
            table.cells.iter().map(|cells| Profile::new(cells.iter().copied())).collect();
        let heard = hear(&targets, read_headers(&table.headers), &profiles, &table.cells);
        Self { object, known, headers: &table.headers, folded, targets, heard, profiles }
    }

    /// One suggestion a column, in the order of the table.
    pub(super) fn suggestions(&self) -> Vec<Suggestion> {
        let mut judged: Vec<Judged> = Vec::new();
        for column in 0..self.headers.len() {
            judged.extend(self.judge_column(column));
        }
        let all = judged.clone();
        keep_one_address(&self.targets, &self.heard, &self.profiles, &mut judged);
        let pairs: Vec<Pair> = judged.iter().map(|judged| judged.pair).collect();
        let mut chosen: Vec<Option<Judged>> = assign(self.headers.len(), &pairs)
            .into_iter()
            .map(|pair| pair.and_then(|pair| judged.iter().find(|judged| judged.pair == pair).copied()))
            .collect();
        give_next_types(&self.targets, &judged, &mut chosen);
        (0..self.headers.len()).map(|column| self.suggestion(column, &chosen, &judged, &all)).collect()
    }

    /// All targets that may take a column.
    fn judge_column(&self, column: usize) -> Vec<Judged> {
        let (Some(header), Some(folded), Some(heard), Some(profile)) = (
            self.headers.get(column),
            self.folded.get(column),
            self.heard.get(column),
            self.profiles.get(column),
        ) else {
            return Vec::new();
        };
        let confirmed = self.known.confirmed.and_then(|confirmed| confirmed.recall(header));
        if confirmed == Some(None) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (index, target) in self.targets.all.iter().enumerate() {
            let name = name_fit(&self.targets, target, folded, &heard.reading, heard.is_reread);
            let is_confirmed = confirmed.flatten().is_some_and(|field| is_named(self.object, target, field));
            let opinion = self.known.opinions.iter().find(|opinion| {
                opinion.column == column
                    && opinion.field.as_deref().is_some_and(|field| is_named(self.object, target, field))
            });
            let may_be_by_values = name == NameFit::None && says_nothing(&heard.reading);
            let overlap = self.known.stored.map_or(0.0, |stored| stored.overlap(target.column, profile));
            if name == NameFit::None && !is_confirmed && opinion.is_none() && !may_be_by_values {
                continue;
            }
            let mut values = value_fit(self.object, &self.targets, target, profile);
            let is_stored = overlap >= 0.6 && values >= ValueFit::Unknown;
            if is_stored {
                values = ValueFit::Confirm;
            }
            let mut ground = Ground::Table;
            let mut sure = match name {
                NameFit::None => by_values(target, values, profile),
                name => self.adjusted(confidence(name, values), name, target, &heard.reading),
            };
            if name == NameFit::None && is_stored {
                (sure, ground) = (sure.max(0.75), Ground::Stored);
            }
            if let Some(opinion) = opinion
                && values > ValueFit::Contradict
                && opinion.confidence.min(0.95) > sure
            {
                (sure, ground) = (opinion.confidence.clamp(0.0, 0.95), Ground::Opinion);
            }
            if is_confirmed {
                sure = if values == ValueFit::Contradict { 0.6 } else { 0.99 };
                ground = Ground::Confirmed;
            }
            if sure >= WORTH_TELLING {
                found.push(Judged {
                    pair: Pair { column, target: index, confidence: sure },
                    ground,
                    name,
                    values,
                });
            }
        }
        // Whoever was asked and said that nothing fits is believed where the table itself is unsure.
        let is_denied = self.known.opinions.iter().any(|opinion| {
            opinion.column == column && opinion.field.is_none() && opinion.confidence >= LEAST
        });
        if is_denied {
            found.retain(|judged| judged.ground != Ground::Table || judged.pair.confidence >= super::CERTAIN);
        }
        lower_where_two_are_close(&mut found);
        found
    }

    /// Small differences between columns or targets that mean the same.
    fn adjusted(&self, sure: f64, name: NameFit, target: &Target, reading: &Reading) -> f64 {
        let mut sure = sure;
        if name < NameFit::Name && reading.property == Some(ITSELF) {
            // `Account Name` rather names the field with that word; a text takes any name, a reference
            // only one that is found.
            let says_it =
                |word: &String| word.len() >= 3 && word != "name" && target.reading.words.contains(word);
            let is_said = reading.words.iter().any(says_it);
            let prefers = self.known.prefers_references;
            sure += match (target.is_reference, is_said) {
                (true, true) => 0.04,
                (true, false) if prefers => 0.0,
                (true, false) => -0.04,
                (false, false) => -0.02,
                (false, true) => 0.02,
            };
            let has_reference = self
                .targets
                .all
                .iter()
                .any(|other| other.is_reference && other.reading.entity == reading.entity);
            if prefers && has_reference && !target.is_reference {
                sure -= 0.2;
            }
        }
        // Where the list and the vocabulary disagree, a header on which they agree comes first.
        if name == NameFit::Synonym
            && meaning_fit(&self.targets, target, reading) == NameFit::None
            && reading.property.is_some()
        {
            sure -= 0.03;
        }
        // The first of several and the main one come before the others.
        let later = reading.number.saturating_sub(1).min(5);
        sure -= 0.01 * f64::from(later);
        if target.address_part.is_none() && target.value_type.is_none() {
            sure -= match (reading.group, reading.kind) {
                (Some("shipping"), _) | (_, Some("other")) => 0.03,
                (_, Some("home")) => 0.02,
                (Some("billing"), _) | (_, Some("work")) => 0.01,
                _ => 0.0,
            };
        }
        sure.clamp(0.0, 0.99)
    }

    fn suggestion(
        &self,
        column: usize,
        chosen: &[Option<Judged>],
        judged: &[Judged],
        all: &[Judged],
    ) -> Suggestion {
        let header = self.headers.get(column).copied().unwrap_or_default();
        let mut suggestion = Suggestion {
            column,
            header: header.to_owned(),
            field: None,
            value_type: None,
            address_part: None,
            confidence: 0.0,
            reason: Reason::NoField,
            alternatives: Vec::new(),
        };
        let (Some(heard), Some(profile)) = (self.heard.get(column), self.profiles.get(column)) else {
            return suggestion;
        };
        let picked = chosen.get(column).copied().flatten();
        if let Some(judged) = picked
            && let Some(target) = self.targets.all.get(judged.pair.target)
        {
            suggestion.field = Some(target.field.clone());
            suggestion.value_type.clone_from(&target.value_type);
            suggestion.address_part.clone_from(&target.address_part);
            suggestion.confidence = judged.pair.confidence;
            suggestion.reason =
                why(judged.ground, judged.name, judged.values, &heard.reading, heard.is_reread, profile);
        } else {
            let obstacle = self.obstacle(column, chosen, judged, all);
            suggestion.reason = why_not(obstacle, &heard.reading, profile);
        }
        let mut others: Vec<&Judged> = all
            .iter()
            .filter(|judged| judged.pair.column == column)
            .filter(|judged| picked.is_none_or(|picked| picked.pair.target != judged.pair.target))
            .collect();
        others.sort_by(|a, b| b.pair.confidence.total_cmp(&a.pair.confidence));
        suggestion.alternatives = others
            .iter()
            .take(MOST_ALTERNATIVES)
            .filter_map(|judged| {
                let target = self.targets.all.get(judged.pair.target)?;
                Some(Alternative { name: name_of(target), confidence: judged.pair.confidence })
            })
            .collect();
        suggestion
    }

    fn obstacle(
        &self,
        column: usize,
        chosen: &[Option<Judged>],
        judged: &[Judged],
        all: &[Judged],
    ) -> Obstacle {
        let header = self.headers.get(column).copied().unwrap_or_default();
        if self.known.confirmed.and_then(|confirmed| confirmed.recall(header)) == Some(None) {
            return Obstacle::LeftOutBefore;
        }
        let best_of = |list: &[Judged]| {
            list.iter()
                .filter(|judged| judged.pair.column == column)
                .max_by(|a, b| a.pair.confidence.total_cmp(&b.pair.confidence))
                .copied()
        };
        let Some(best) = best_of(all) else { return Obstacle::NoField };
        let Some(target) = self.targets.all.get(best.pair.target) else { return Obstacle::NoField };
        if best_of(judged).is_none() {
            return Obstacle::OtherAddress { field: target.field.clone() };
        }
        let by = chosen.iter().flatten().find(|judged| judged.pair.target == best.pair.target);
        match by.and_then(|judged| self.headers.get(judged.pair.column)) {
            Some(by) => Obstacle::Filled { field: name_of(target), by: (*by).to_owned() },
            None => Obstacle::Unsure { field: name_of(target) },
        }
    }
}

/// A target as [`Suggestion::name`] writes it.
fn name_of(target: &Target) -> String {
    match target.address_part.as_ref().or(target.value_type.as_ref()) {
        Some(part) => format!("{}.{}", target.field, part.to_lowercase()),
        None => target.field.clone(),
    }
}

/// True where a person's name for a field means this target.
fn is_named(object: &Object, target: &Target, field: &str) -> bool {
    if Confirmed::key(field) == Confirmed::key(&target.field) {
        return target.is_default;
    }
    object.find_columns(field).is_some_and(|columns| columns == [target.column])
}

/// True where the header leaves it to the values: nothing in it is known, or only whose value it is.
fn says_nothing(reading: &Reading) -> bool {
    !reading.is_foreign
        && !reading.is_about
        && (reading.property.is_none() || reading.property == Some(ITSELF) && reading.entity != Some("other"))
}

/// How sure the values alone make it: only forms that nothing else has.
fn by_values(target: &Target, values: ValueFit, profile: &Profile<'_>) -> f64 {
    if values != ValueFit::Confirm || !target.is_default && target.address_part.is_none() {
        return 0.0;
    }
    let several = profile.distinct >= 2;
    match target.kind {
        FieldKind::Email if !target.reading.is_foreign => 0.9,
        FieldKind::Url if service(target).is_some() => 0.85,
        FieldKind::Url => 0.55,
        FieldKind::Phone => 0.8,
        FieldKind::Choice if several && profile.cells.len() >= 3 => 0.7,
        // Two letters may be a country or a language.
        FieldKind::Address
            if several
                && target.address_part.as_deref() == Some("country")
                && profile.country >= 0.9
                && profile.share(|cell| cell.len() > 3) >= 0.9 =>
        {
            0.6
        }
        _ => 0.0,
    }
}

/// Where two targets are all but equally likely, neither is as sure as it seems.
fn lower_where_two_are_close(found: &mut [Judged]) {
    let mut sure: Vec<f64> = found.iter().map(|judged| judged.pair.confidence).collect();
    sure.sort_by(|a, b| b.total_cmp(a));
    if let [first, second, ..] = sure.as_slice()
        && *first < 0.97
        && first - second < 0.05
    {
        found.iter_mut().for_each(|judged| judged.pair.confidence = (judged.pair.confidence - 0.1).max(0.0));
    }
}
