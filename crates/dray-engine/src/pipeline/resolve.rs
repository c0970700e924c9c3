//! Identity resolution: which identities are one person, the ids that stay with them, and the profile that is
//! made of them. Pure and in memory that grows by a few bytes for each identity; reading and writing them is
//! others' business.
//!
//! Two identities are joined where, of the identifiers in order of priority, the first for which both have a
//! value has the same value in both. So among those that share a value of an identifier, two are joined
//! exactly where no identifier above it has a value in both: it is enough to know for each which of the
//! identifiers above have a value (its *mask*), and to treat all with the same mask as one class.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::expression::{Json, RepeatedMember};

/// The most identifiers: so many masks there can be among those that share a value.
pub const MOST_IDENTIFIERS: usize = 12;
/// The most elements of an array that is made of the arrays of several identities.
pub const MOST_ARRAY_ELEMENTS: usize = 10_000;

/// The stable id of a profile; none is all zeros.
pub type ProfileId = [u8; 16];
/// No id.
pub const NO_PROFILE: ProfileId = [0; 16];

/// Identities by number, from 0, and which of them are joined.
#[derive(Debug)]
pub struct Clusters {
    parents: Vec<u32>,
    masks: Vec<u16>,
    identifiers: u32,
}

impl Clusters {
    /// So many identities, each on its own.
    pub fn new(count: u32) -> Self {
        Self { parents: (0..count).collect(), masks: vec![0; count as usize], identifiers: 0 }
    }

    /// Joins two and all that are joined with them.
    pub fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        let (least, most) = (one.min(other), one.max(other));
        // The smallest number is the root, whatever the order of joining.
        if let Some(parent) = self.parents.get_mut(most as usize) {
            *parent = least;
        }
    }

    /// The next identifier, in order of priority.
    pub fn next_identifier(&mut self) -> SameValues<'_> {
        let bit = 1_u16 << self.identifiers.min(15);
        self.identifiers += 1;
        debug_assert!(self.identifiers as usize <= MOST_IDENTIFIERS, "settings allow no more");
        SameValues { clusters: self, bit, value: String::new(), classes: Vec::new() }
    }

    /// For each identity the number that all have that are joined with it.
    pub fn roots(mut self) -> Vec<u32> {
        let count = u32::try_from(self.parents.len()).unwrap_or(u32::MAX);
        (0..count).map(|number| self.root(number)).collect()
    }

    fn parent(&self, number: u32) -> u32 {
        self.parents.get(number as usize).copied().unwrap_or(number)
    }

    fn root(&mut self, mut number: u32) -> u32 {
        loop {
            let parent = self.parent(number);
            if parent == number {
                return number;
            }
            // Halves the way for those who come next.
            let above = self.parent(parent);
            if let Some(parent) = self.parents.get_mut(number as usize) {
                *parent = above;
            }
            number = above;
        }
    }
}

/// Identities that share a value of one identifier, told in the order of its values.
#[derive(Debug)]
pub struct SameValues<'c> {
    clusters: &'c mut Clusters,
    bit: u16,
    value: String,
    classes: Vec<Class>,
}

/// Those of one value that have the same mask.
#[derive(Debug)]
struct Class {
    mask: u16,
    /// One of those that are joined.
    joined: Option<u32>,
    /// Those that nobody of another class was joined with yet.
    alone: Vec<u32>,
}

impl SameValues<'_> {
    /// An identity with a value; equal values come one after the other, no identity comes twice. An empty
    /// text is no value.
    pub fn add(&mut self, value: &str, identity: u32) {
        if value.is_empty() {
            return;
        }
        if self.value != value {
            self.classes.clear();
            value.clone_into(&mut self.value);
        }
        let Some(mask) = self.clusters.masks.get_mut(identity as usize) else { return };
        let above = *mask & (self.bit - 1);
        *mask |= self.bit;
        if let Some(class) = self.classes.iter_mut().find(|class| class.mask == above) {
            match class.joined {
                Some(other) => self.clusters.join(other, identity),
                None => class.alone.push(identity),
            }
            return;
        }
        let mut joined = (above == 0).then_some(identity);
        for class in self.classes.iter_mut().filter(|class| class.mask & above == 0) {
            for other in class.alone.drain(..).chain(class.joined) {
                self.clusters.join(other, identity);
            }
            class.joined = Some(identity);
            joined = Some(identity);
        }
        let alone = if joined.is_none() { vec![identity] } else { Vec::new() };
        self.classes.push(Class { mask: above, joined, alone });
    }
}

/// The id of each identity's profile. A profile keeps its id where its identities had that one and no other,
/// and those of no other profile do; else it gets a new one.
pub fn stable_ids(
    roots: &[u32],
    earlier: &[ProfileId],
    fresh: &mut dyn FnMut() -> ProfileId,
) -> Vec<ProfileId> {
    /// Nobody had one yet.
    const NONE: u32 = u32::MAX;
    /// There was more than one.
    const SEVERAL: u32 = u32::MAX - 1;
    let earlier_of = |index: u32| earlier.get(index as usize).copied().unwrap_or(NO_PROFILE);
    let mut claims = vec![NONE; roots.len()];
    for (index, root) in (0_u32..).zip(roots) {
        let own = earlier_of(index);
        let Some(claim) = claims.get_mut(*root as usize) else { continue };
        if own != NO_PROFILE {
            *claim = match *claim {
                NONE => index,
                known if known != SEVERAL && earlier_of(known) == own => known,
                _ => SEVERAL,
            };
        }
    }
    let mut kept: Vec<u32> = claims.iter().copied().filter(|claim| *claim < SEVERAL).collect();
    kept.sort_unstable_by_key(|claim| earlier_of(*claim));
    let ids: Vec<ProfileId> = kept.iter().map(|claim| earlier_of(*claim)).collect();
    let is_contested = |id: &ProfileId| {
        let first = ids.partition_point(|known| known < id);
        ids.get(first + 1) == Some(id)
    };
    let mut chosen = vec![NO_PROFILE; roots.len()];
    for (index, root) in roots.iter().enumerate() {
        // The root is the smallest of its cluster, so it comes first.
        if *root as usize == index {
            let claim = claims.get(index).copied().unwrap_or(NONE);
            let id = Some(earlier_of(claim)).filter(|id| claim < SEVERAL && !is_contested(id));
            chosen[index] = id.unwrap_or_else(&mut *fresh);
        } else {
            chosen[index] = chosen.get(*root as usize).copied().unwrap_or(NO_PROFILE);
        }
    }
    chosen
}

/// How the values of one leaf become one.
#[derive(Debug, Clone, Default)]
pub struct MergeRule {
    /// It is an array: the distinct elements of all.
    pub is_array: bool,
    /// The connection whose values come before all others.
    pub primary: Option<i64>,
}

/// A profile in the making: its identities are added newest first.
#[derive(Debug)]
pub struct Merge {
    rules: Vec<MergeRule>,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    value: Option<String>,
    is_primary: bool,
    /// Element → the identity that has it and where it stands there.
    elements: HashMap<String, (i64, usize)>,
    has_array: bool,
}

impl Merge {
    /// A profile with these leaves.
    pub fn new(rules: Vec<MergeRule>) -> Self {
        let slots = rules.iter().map(|_| Slot::default()).collect();
        Self { rules, slots }
    }

    /// Adds an identity: its number, its connection, and the texts of its columns by the number of the leaf.
    pub fn add<'t>(
        &mut self,
        identity: i64,
        connection: i64,
        mut text: impl FnMut(usize) -> Option<Cow<'t, str>>,
    ) {
        for (index, (slot, rule)) in self.slots.iter_mut().zip(&self.rules).enumerate() {
            if rule.is_array {
                if let Some(array) = text(index) {
                    slot.add_array(identity, &array);
                }
                continue;
            }
            let is_primary = rule.primary == Some(connection);
            if slot.is_primary || (slot.value.is_some() && !is_primary) {
                continue;
            }
            if let Some(value) = text(index) {
                slot.value = Some(value.into_owned());
                slot.is_primary = is_primary;
            }
        }
    }

    /// The texts of the profile's columns; the next profile begins.
    pub fn finish(&mut self) -> Vec<Option<String>> {
        self.slots.iter_mut().map(|slot| std::mem::take(slot).finish()).collect()
    }
}

impl Slot {
    fn add_array(&mut self, identity: i64, array: &str) {
        let Ok(Json::Array(elements)) = Json::parse(array, RepeatedMember::LastCounts) else { return };
        self.has_array = true;
        for (position, element) in elements.iter().enumerate() {
            let place = (identity, position);
            let text = element.to_string();
            if let Some(known) = self.elements.get_mut(&text) {
                *known = (*known).min(place);
            } else if self.elements.len() < MOST_ARRAY_ELEMENTS {
                self.elements.insert(text, place);
            }
        }
    }

    fn finish(self) -> Option<String> {
        if !self.has_array {
            return self.value;
        }
        // In the order of the identities' numbers, which stays whatever is imported again.
        let mut elements: Vec<(String, (i64, usize))> = self.elements.into_iter().collect();
        elements.sort_unstable_by_key(|(_, place)| *place);
        let texts: Vec<String> = elements.into_iter().map(|(text, _)| text).collect();
        Some(format!("[{}]", texts.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Identifiers = Vec<Option<u8>>;

    fn clusters(identities: &[Identifiers], same_user: &[u8]) -> Vec<u32> {
        let count = identities.len();
        let mut clusters = Clusters::new(u32::try_from(count).expect("few"));
        let mut users: HashMap<u8, u32> = HashMap::new();
        for (index, user) in (0_u32..).zip(same_user) {
            let first = *users.entry(*user).or_insert(index);
            clusters.join(first, index);
        }
        let width = identities.first().map_or(0, Vec::len);
        for identifier in 0..width {
            let mut values: Vec<(u8, u32)> = (0_u32..)
                .zip(identities)
                .filter_map(|(index, identity)| Some((identity[identifier]?, index)))
                .collect();
            values.sort_unstable();
            let mut same = clusters.next_identifier();
            for (value, index) in values {
                same.add(&value.to_string(), index);
            }
        }
        clusters.roots()
    }

    /// The rule as it is written down, over all pairs.
    fn by_definition(identities: &[Identifiers], same_user: &[u8]) -> Vec<u32> {
        let count = identities.len();
        let mut roots: Vec<usize> = (0..count).collect();
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for one in 0..count {
                for other in 0..count {
                    let decides = identities[one]
                        .iter()
                        .zip(&identities[other])
                        .find(|(a, b)| a.is_some() && b.is_some());
                    let joined = same_user[one] == same_user[other] || decides.is_some_and(|(a, b)| a == b);
                    if joined && roots[one] != roots[other] {
                        let least = roots[one].min(roots[other]);
                        (roots[one], roots[other]) = (least, least);
                        changed = true;
                    }
                }
            }
        }
        roots.into_iter().map(|root| u32::try_from(root).expect("few")).collect()
    }

    proptest! {
        #[test]
        fn clusters_are_those_of_the_definition(
            identities in proptest::collection::vec(
                (proptest::collection::vec(proptest::option::of(0_u8..4), 4), 0_u8..30), 0..24)
        ) {
            let (values, users): (Vec<Identifiers>, Vec<u8>) = identities.into_iter().unzip();
            prop_assert_eq!(clusters(&values, &users), by_definition(&values, &users));
        }

        #[test]
        fn ids_are_kept_where_they_are_of_one_cluster_alone(
            members in proptest::collection::vec((0_u8..6, 0_u8..5), 0..24)
        ) {
            let mut first_of: HashMap<u8, u32> = HashMap::new();
            let roots: Vec<u32> =
                (0_u32..).zip(&members).map(|(index, (cluster, _))| *first_of.entry(*cluster).or_insert(index)).collect();
            let earlier: Vec<ProfileId> = members.iter().map(|(_, id)| [*id; 16]).collect();
            let mut next = 100;
            let ids = stable_ids(&roots, &earlier, &mut || { next += 1; [next; 16] });
            let distinct_earlier = |root: u32| {
                let mut known: Vec<ProfileId> = roots.iter().zip(&earlier)
                    .filter(|(own, id)| **own == root && **id != NO_PROFILE).map(|(_, id)| *id).collect();
                known.sort_unstable();
                known.dedup();
                known
            };
            for (index, root) in roots.iter().enumerate() {
                let own = distinct_earlier(*root);
                let rivals = first_of.values().filter(|other| **other != *root && distinct_earlier(**other) == own).count();
                if own.len() == 1 && rivals == 0 {
                    prop_assert_eq!(ids[index], own[0]);
                } else {
                    prop_assert!(ids[index][0] > 100);
                }
                for (other_index, other) in roots.iter().enumerate() {
                    prop_assert_eq!(other == root, ids[other_index] == ids[index]);
                }
            }
        }
    }

    #[test]
    fn the_first_identifier_that_both_have_decides() {
        // (null, 10, 45) and (null, null, 45) are joined by the third; (1, …, 45) and (2, …, 45) are not.
        let of = |rows: &[Identifiers]| {
            clusters(rows, &(0..u8::try_from(rows.len()).expect("few")).collect::<Vec<_>>())
        };
        assert_eq!(of(&[vec![None, Some(10), Some(45)], vec![None, None, Some(45)]]), [0, 0]);
        assert_eq!(of(&[vec![Some(1), None, Some(45)], vec![Some(2), None, Some(45)]]), [0, 1]);
        // But a third that has only the last joins both.
        let with_third =
            [vec![Some(1), None, Some(45)], vec![Some(2), None, Some(45)], vec![None, None, Some(45)]];
        assert_eq!(of(&with_third), [0, 0, 0]);
    }

    #[test]
    fn an_empty_text_joins_nobody() {
        let mut clusters = Clusters::new(2);
        let mut same = clusters.next_identifier();
        same.add("", 0);
        same.add("", 1);
        assert_eq!(clusters.roots(), [0, 1]);
    }

    #[test]
    fn profiles_are_merged() {
        let rules = vec![
            MergeRule::default(),
            MergeRule { primary: Some(7), ..MergeRule::default() },
            MergeRule { is_array: true, ..MergeRule::default() },
        ];
        let mut merge = Merge::new(rules);
        let add = |merge: &mut Merge, id: i64, connection: i64, texts: [Option<&'static str>; 3]| {
            merge.add(id, connection, |leaf| texts[leaf].map(Cow::Borrowed));
        };
        add(&mut merge, 5, 1, [None, Some("newest"), Some(r#"["b","c","b"]"#)]);
        add(&mut merge, 3, 7, [Some("x"), Some("primary"), None]);
        add(&mut merge, 4, 7, [Some("y"), Some("older primary"), Some(r#"["a","b"]"#)]);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(merge.finish(), [text("x"), text("primary"), text(r#"["a","b","c"]"#)]);
        add(&mut merge, 6, 1, [None, None, Some("[]")]);
        assert_eq!(merge.finish(), [None, None, text("[]")]);
        assert_eq!(merge.finish(), [None, None, None]);
    }
}
