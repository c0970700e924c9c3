//! Fields that take several columns: an address of its parts, a phone of its types.

use std::collections::HashMap;

use super::assign::Pair;
use super::confidence::LEAST;
use super::context::Heard;
use super::names::NameFit;
use super::profile::Profile;
use super::reason::Ground;
use super::target::Targets;
use super::values::ValueFit;

/// A pair with what it rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    /// Column, target and how sure it is.
    pub pair: Pair,
    /// What it rests on.
    pub ground: Ground,
    /// What the header says.
    pub name: NameFit,
    /// What the values say.
    pub values: ValueFit,
}

/// Of several addresses in the table one is taken: parts of two would make one that is nobody's.
pub(super) fn keep_one_address(
    targets: &Targets,
    heard: &[Heard],
    profiles: &[Profile<'_>],
    judged: &mut Vec<Judged>,
) {
    let group = |column: usize| {
        let reading = heard.get(column).map(|heard| &heard.reading);
        reading.map(|reading| {
            (reading.group, reading.kind, reading.entity.filter(|entity| !targets.is_own(entity)))
        })
    };
    let mut fields: Vec<&str> = targets
        .all
        .iter()
        .filter(|target| target.address_part.is_some())
        .map(|target| target.field.as_str())
        .collect();
    fields.dedup();
    for field in fields {
        // What each group fills: a part counts by how many of its cells have a value.
        let mut groups: Vec<(_, HashMap<usize, f64>)> = Vec::new();
        for judged in judged.iter().filter(|judged| judged.pair.confidence >= LEAST) {
            let Some(target) = targets.all.get(judged.pair.target) else { continue };
            if target.field != field {
                continue;
            }
            let column = judged.pair.column;
            let filled = profiles.get(column).map_or(0.0, Profile::filled);
            let weight = judged.pair.confidence * (0.2 + filled);
            let group = group(column);
            let place = groups.iter().position(|(known, _)| *known == group).unwrap_or_else(|| {
                groups.push((group, HashMap::new()));
                groups.len() - 1
            });
            if let Some((_, parts)) = groups.get_mut(place) {
                let best = parts.entry(judged.pair.target).or_insert(0.0);
                *best = best.max(weight);
            }
        }
        let sum = |parts: &HashMap<usize, f64>| parts.values().sum::<f64>();
        let Some(best) = groups.iter().map(|(_, parts)| sum(parts)).max_by(f64::total_cmp) else {
            continue;
        };
        let Some((taken, parts)) = groups.iter().find(|(_, parts)| sum(parts) >= best - 1e-9) else {
            continue;
        };
        let others: Vec<_> = groups
            .iter()
            .filter(|(other, theirs)| other != taken && theirs.keys().any(|part| parts.contains_key(part)))
            .map(|(other, _)| *other)
            .collect();
        judged.retain(|judged| {
            let is_part = targets.all.get(judged.pair.target).is_some_and(|target| target.field == field);
            !is_part || judged.ground == Ground::Confirmed || !others.contains(&group(judged.pair.column))
        });
    }
}

/// A second phone number goes to the next type that is free: `other` first, then from the last one up.
pub(super) fn give_next_types(targets: &Targets, judged: &[Judged], chosen: &mut [Option<Judged>]) {
    for column in 0..chosen.len() {
        if chosen.get(column).is_none_or(Option::is_some) {
            continue;
        }
        let best = judged
            .iter()
            .filter(|judged| judged.pair.column == column && judged.pair.confidence >= LEAST)
            .max_by(|a, b| a.pair.confidence.total_cmp(&b.pair.confidence));
        let Some(best) = best else { continue };
        let Some(target) = targets.all.get(best.pair.target).filter(|target| target.value_type.is_some())
        else {
            continue;
        };
        let is_free = |index: usize| !chosen.iter().flatten().any(|judged| judged.pair.target == index);
        let free: Vec<usize> = (0..targets.all.len())
            .rev()
            .filter(|&index| targets.all.get(index).is_some_and(|other| other.field == target.field))
            .filter(|&index| is_free(index))
            .collect();
        let is_other = |index: &&usize| {
            targets.all.get(**index).is_some_and(|target| target.value_kind == Some("other"))
        };
        let Some(&next) = free.iter().find(is_other).or(free.first()) else { continue };
        let pair = Pair { target: next, confidence: (best.pair.confidence - 0.1).max(LEAST), ..best.pair };
        if let Some(slot) = chosen.get_mut(column) {
            *slot = Some(Judged { pair, ground: Ground::NextType, ..*best });
        }
    }
}
