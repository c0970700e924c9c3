//! What the columns of a table say about each other: `Name` is a surname beside `Vorname`, `Title` a
//! salutation where the values are, `Phone 1 - Type` tells the type of `Phone 1 - Value`.

use super::profile::{Profile, kind_of_values};
use super::reading::Reading;
use super::target::Targets;
use super::words::fold;

/// A header's reading after the others were heard.
#[derive(Debug)]
pub(super) struct Heard {
    /// What it says now.
    pub reading: Reading,
    /// It says something else than its own words, so these no longer count.
    pub is_reread: bool,
}

/// Reads every header again in the light of the others.
pub(super) fn hear(
    targets: &Targets,
    readings: Vec<Reading>,
    profiles: &[Profile<'_>],
    cells: &[Vec<&str>],
) -> Vec<Heard> {
    let mut heard: Vec<Heard> =
        readings.into_iter().map(|reading| Heard { reading, is_reread: false }).collect();
    hear_types(&mut heard, profiles);
    hear_titles(targets, &mut heard, profiles);
    hear_names(targets, &mut heard, profiles, cells);
    heard
}

/// A column of types gives its type to the values beside it, where it is always the same.
fn hear_types(heard: &mut [Heard], profiles: &[Profile<'_>]) {
    for index in 0..heard.len() {
        let (Some(of), Some(profile)) =
            (heard.get(index).map(|heard| heard.reading.clone()), profiles.get(index))
        else {
            continue;
        };
        let Some(kind) = of.is_type_of.then(|| kind_of_values(profile)).flatten() else { continue };
        let is_value_of = |reading: &Reading| {
            !reading.is_type_of && reading.property == of.property && reading.number == of.number
        };
        for value in heard.iter_mut().filter(|value| is_value_of(&value.reading)) {
            value.reading.kind = value.reading.kind.or(Some(kind));
        }
    }
}

/// A person's title is a job, or how the person is addressed.
fn hear_titles(targets: &Targets, heard: &mut [Heard], profiles: &[Profile<'_>]) {
    if targets.entity != Some("person") {
        return;
    }
    let has_job = heard.iter().any(|heard| heard.reading.property == Some("job_title"));
    for (heard, profile) in heard.iter_mut().zip(profiles) {
        if heard.reading.property != Some("title") {
            continue;
        }
        let addressed = profile.salutation.max(profile.degree) >= 0.5;
        if addressed || has_job {
            heard.reading.property =
                Some(if addressed && profile.salutation >= 0.5 { "salutation" } else { "degree" });
            heard.is_reread = true;
        } else {
            heard.reading.property = Some("job_title");
            // Without values it is a guess between the two.
            heard.reading.is_mixed |= profile.is_empty();
        }
        heard.reading.is_generic = false;
    }
}

/// `Name` beside a first name is the surname, beside a surname the first name, unless its values hold both.
fn hear_names(targets: &Targets, heard: &mut [Heard], profiles: &[Profile<'_>], cells: &[Vec<&str>]) {
    let is_wanted = |property| targets.all.iter().any(|target| target.reading.property == Some(property));
    if !is_wanted("first_name") && !is_wanted("last_name") {
        return;
    }
    let own =
        |reading: &Reading| !reading.is_foreign && reading.entity.is_none_or(|entity| targets.is_own(entity));
    let find = |heard: &[Heard], property| {
        heard.iter().position(|heard| heard.reading.property == Some(property) && own(&heard.reading))
    };
    let (first, last) = (find(heard, "first_name"), find(heard, "last_name"));
    for index in 0..heard.len() {
        let (Some(this), Some(profile)) = (heard.get(index), profiles.get(index)) else { continue };
        if !own(&this.reading) || !this.reading.unknown.is_empty() {
            continue;
        }
        let other = match (this.reading.property, first, last) {
            (Some("name"), Some(first), None) => Some((first, "last_name")),
            (Some("name"), None, Some(last)) => Some((last, "first_name")),
            // `Imię`, `Jméno`: one word for name and first name.
            (Some("first_name"), _, None)
                if this.reading.words.len() == 1 && profile.several_words >= 0.7 =>
            {
                Some((index, "full_name"))
            }
            _ => None,
        };
        let Some((beside, meaning)) = other else { continue };
        if beside != index && holds(cells, index, beside) >= 0.5 {
            continue;
        }
        if let Some(this) = heard.get_mut(index) {
            this.reading.property = Some(meaning);
            this.reading.is_generic = false;
            this.is_reread = true;
        }
    }
}

/// The share of rows in which the cell of one column holds that of another.
fn holds(cells: &[Vec<&str>], whole: usize, part: usize) -> f64 {
    let (Some(whole), Some(part)) = (cells.get(whole), cells.get(part)) else { return 0.0 };
    let pairs: Vec<(&str, &str)> = whole
        .iter()
        .zip(part)
        .map(|(whole, part)| (whole.trim(), part.trim()))
        .filter(|(whole, part)| !whole.is_empty() && !part.is_empty() && whole.len() < 300)
        .collect();
    if pairs.is_empty() {
        return 0.0;
    }
    let held = pairs.iter().filter(|(whole, part)| fold(whole).contains(&fold(part))).count();
    held as f64 / pairs.len() as f64
}
