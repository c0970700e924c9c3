//! How well a header names a target.

use dray_model::definition::FieldKind;

use super::reading::{ITSELF, Reading};
use super::target::{Target, Targets};
use super::words::fold;

/// How a header names a target, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NameFit {
    /// Not at all.
    None,
    /// Most of the words are the same.
    Words,
    /// The meaning is the same but for a word that nobody knows or another owner.
    Loose,
    /// One typing error away from a name.
    Misspelt,
    /// Every word is known and the meaning is the same.
    Meaning,
    /// The object's definition lists the header.
    Synonym,
    /// The header is the field's name or label.
    Name,
}

/// Compares a header with a target; `reading` is the header's, after what the other columns say.
pub(super) fn name_fit(
    targets: &Targets,
    target: &Target,
    folded: &str,
    reading: &Reading,
    is_reread: bool,
) -> NameFit {
    // Where the other columns gave the header another meaning, its own words no longer count.
    if !is_reread && !folded.is_empty() {
        if target.names.iter().any(|name| name == folded) {
            return NameFit::Name;
        }
        if target.synonyms.iter().any(|name| name == folded) {
            return NameFit::Synonym;
        }
    }
    let by_meaning = meaning_fit(targets, target, reading);
    if by_meaning > NameFit::Words {
        return by_meaning;
    }
    if is_reread || reading.property.is_some() && reading.unknown.is_empty() {
        return NameFit::None;
    }
    let is_long = folded.chars().count() >= 6;
    let is_near = |name: &String| {
        name.len().abs_diff(folded.len()) <= 2
            && name.bytes().next() == folded.bytes().next()
            && strsim::osa_distance(name, folded) == 1
    };
    if is_long && target.names.iter().chain(&target.synonyms).any(is_near) {
        return NameFit::Misspelt;
    }
    words_fit(target, reading)
}

/// Compares what header and target mean.
pub(super) fn meaning_fit(targets: &Targets, target: &Target, header: &Reading) -> NameFit {
    let wanted = &target.reading;
    let (Some(said), Some(property)) = (header.property, wanted.property) else { return NameFit::None };
    if header.is_foreign != wanted.is_foreign || header.is_about != wanted.is_about {
        return NameFit::None;
    }
    let unknown = unknown_words(header, &targets.own_words);
    let extra = unknown.iter().filter(|word| !wanted.unknown.contains(word)).count();
    let missing = wanted.unknown.iter().filter(|word| !header.words.contains(word)).count();
    let names_record = |property| matches!(property, "name" | "full_name" | ITSELF);
    let own = |entity: Option<&str>| entity.is_none_or(|entity| targets.is_own(entity));
    // The name of what the record is, the record itself: `Name`, `Full name`, `Company` of a company.
    let is_record_name = names_record(said) && names_record(property) && !target.is_reference;
    let same_owner = match (header.entity, wanted.entity) {
        (said, wanted) if own(said) && own(wanted) => Owner::Same,
        // Whoever owns a record is a person: `User responsible`.
        (Some("person"), None) if said == "owner" => Owner::Same,
        (Some(said), Some(wanted)) if said == wanted => Owner::Same,
        (Some("party"), Some("company" | "person")) if target.is_reference => Owner::Other,
        (None, Some(_)) if !header.is_generic => Owner::Unsaid,
        (Some("company" | "other"), None) if !header.is_generic => Owner::Unsaid,
        _ => Owner::Other,
    };
    // `URL` may be an address at the service a field is for; the values tell.
    let is_some_address = said == "website" && target.kind == FieldKind::Url;
    let is_close = match (said, property) {
        ("name" | "full_name", ITSELF) => target.is_reference && same_owner == Owner::Same,
        ("description", "notes") | ("notes", "description") | ("address", "street") => true,
        _ => is_some_address,
    };
    let same_property = said == property || is_record_name || is_close;
    // A person's own name says nothing of a reference to a company, and the record itself is no reference.
    if !same_property || same_owner == Owner::Other || target.is_reference && header.entity != wanted.entity {
        return NameFit::None;
    }
    let is_generic = header.is_generic || wanted.is_generic;
    // The number somebody else gave the record (`Stripe ID`) is better than none.
    let is_foreign_key = said == "id" && extra == 1 && missing == 0 && !header.is_mixed;
    if is_generic && !is_foreign_key && (extra > 0 || missing > 0 || header.is_mixed) {
        return NameFit::None;
    }
    if extra + missing > 2 {
        return NameFit::None;
    }
    let kinds = compare_kinds(targets, target, header);
    if kinds == Kinds::Another {
        return NameFit::None;
    }
    let is_loose = is_some_address && property != "website"
        || extra > 0
        || missing > 0
        || header.is_mixed
        || same_owner == Owner::Unsaid;
    if is_loose || kinds == Kinds::Unlike {
        return NameFit::Loose;
    }
    if header.is_misspelt { NameFit::Misspelt } else { NameFit::Meaning }
}

/// Whose value a header names, seen from the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Same,
    Unsaid,
    Other,
}

/// How the type a header asks for and that of the target go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Same,
    Unlike,
    Another,
}

/// Compares mobile with mobile; a type that the field does not have goes where untyped values go.
fn compare_kinds(targets: &Targets, target: &Target, header: &Reading) -> Kinds {
    if target.value_type.is_none() {
        let is_phone = target.kind == FieldKind::Phone;
        return if is_phone && header.kind.is_some() { Kinds::Unlike } else { Kinds::Same };
    }
    let exists =
        |kind| targets.all.iter().any(|other| other.field == target.field && other.value_kind == Some(kind));
    match header.kind {
        Some(kind) if target.value_kind == Some(kind) => Kinds::Same,
        Some(kind) if exists(kind) => Kinds::Another,
        _ if !target.is_default => Kinds::Another,
        Some(_) => Kinds::Unlike,
        None => Kinds::Same,
    }
}

/// The words nobody knows, without those that name the object itself.
fn unknown_words<'a>(header: &'a Reading, own_words: &[String]) -> Vec<&'a String> {
    header.unknown.iter().filter(|word| !own_words.contains(word)).collect()
}

/// Compares word by word, for fields of which the vocabulary knows nothing.
fn words_fit(target: &Target, header: &Reading) -> NameFit {
    let wanted = &target.reading.words;
    let said: Vec<&String> = header.words.iter().filter(|word| word.len() >= 3).collect();
    let mut union: Vec<String> = wanted.iter().chain(said.iter().copied()).map(|word| stem(word)).collect();
    union.sort_unstable();
    union.dedup();
    // A word of the vocabulary is in too many headers to say anything by itself.
    let common = said
        .iter()
        .filter(|word| wanted.iter().any(|other| stem(other) == stem(word)))
        .filter(|word| header.unknown.contains(word))
        .count();
    if common > 0 && common * 2 >= union.len() { NameFit::Words } else { NameFit::None }
}

fn stem(word: &str) -> String {
    fold(word).chars().take(6).collect()
}
