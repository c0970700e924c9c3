//! What a header says, as far as its words are known: what the value is, whose, and which of several.
//! The headers of a table are read together, because they are in one language.

use std::collections::HashMap;

use super::vocabulary::{Class, Concept, Sense, vocabulary};
use super::words::{Word, words};

/// What a header, or the name of a field, says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// What the value is: `email`, `name`; `itself` where only an owner is named (`Company`).
    pub property: Option<&'static str>,
    /// The property says nothing beside an unknown word.
    pub is_generic: bool,
    /// A second property stands in the header.
    pub is_mixed: bool,
    /// Whose value it is: company, person, party …
    pub entity: Option<&'static str>,
    /// Which of several values: mobile, work, home, other.
    pub kind: Option<&'static str>,
    /// Which of several addresses.
    pub group: Option<&'static str>,
    /// Second, third … value, by number or word.
    pub number: u32,
    /// It is somebody else's: the assistant's, the spouse's.
    pub is_foreign: bool,
    /// It is about the value: its type, whether it is verified.
    pub is_about: bool,
    /// It tells the type of a value beside it: `Phone 1 - Type`.
    pub is_type_of: bool,
    /// A word was one typing error away.
    pub is_misspelt: bool,
    /// Words nobody knows, in brackets ones left out.
    pub unknown: Vec<String>,
    /// All words.
    pub words: Vec<String>,
}

/// The name of the meaning "the company itself", "the contact itself".
pub(super) const ITSELF: &str = "itself";

/// Reads the headers of one table.
pub(super) fn read_headers(headers: &[&str]) -> Vec<Reading> {
    let units: Vec<Vec<Unit>> = headers.iter().map(|header| units(header)).collect();
    let votes = languages(&units);
    units.into_iter().map(|units| combine(units, &votes)).collect()
}

/// Reads one name by itself.
pub(super) fn read_name(name: &str) -> Reading {
    read_headers(&[name]).pop().unwrap_or_default()
}

/// A word or phrase of a header with what it may mean.
#[derive(Debug, Clone)]
struct Unit {
    text: String,
    words: Vec<String>,
    senses: Vec<Sense>,
    number: Option<u32>,
    in_brackets: bool,
    is_misspelt: bool,
}

/// The longest phrase, in words.
const LONGEST_PHRASE: usize = 5;

/// Divides a header into the fewest phrases that are known.
fn units(header: &str) -> Vec<Unit> {
    let words = words(header);
    // best[end]: cost of the words before `end`, and where the last unit begins.
    let mut best: Vec<Option<(u32, usize)>> = vec![None; words.len() + 1];
    if let Some(first) = best.first_mut() {
        *first = Some((0, 0));
    }
    for start in 0..words.len() {
        let Some((cost, _)) = best.get(start).copied().flatten() else { continue };
        let mut phrase = String::new();
        for end in start + 1..=words.len().min(start + LONGEST_PHRASE) {
            let Some(word) = words.get(end - 1) else { break };
            phrase.push_str(&word.text);
            let alone = end == start + 1;
            let step = if alone && word.number().is_some() {
                5
            } else if vocabulary().senses(&phrase).is_some() {
                10
            } else if alone {
                30
            } else {
                continue;
            };
            if let Some(slot) = best.get_mut(end)
                && slot.is_none_or(|(cheapest, _)| cheapest > cost + step)
            {
                *slot = Some((cost + step, start));
            }
        }
    }
    let mut spans = Vec::new();
    let mut end = words.len();
    while end > 0 {
        let start = best.get(end).copied().flatten().map_or(end - 1, |(_, start)| start);
        spans.push((start, end));
        end = start;
    }
    spans.iter().rev().flat_map(|&(start, end)| units_of(words.get(start..end).unwrap_or_default())).collect()
}

/// The unit of a phrase; several for a compound.
fn units_of(phrase: &[Word]) -> Vec<Unit> {
    let text: String = phrase.iter().map(|word| word.text.as_str()).collect();
    let in_brackets = phrase.iter().all(|word| word.in_brackets);
    let unit = |senses: &[Sense], is_misspelt| Unit {
        text: text.clone(),
        words: phrase.iter().map(|word| word.text.clone()).collect(),
        senses: senses.to_vec(),
        number: None,
        in_brackets,
        is_misspelt,
    };
    if let [word] = phrase
        && let Some(number) = word.number()
    {
        return vec![Unit { number: Some(number), ..unit(&[], false) }];
    }
    if let Some(senses) = vocabulary().senses(&text) {
        return vec![unit(senses, false)];
    }
    if let Some(parts) = vocabulary().parts(&text) {
        return parts.into_iter().map(|senses| unit(senses, false)).collect();
    }
    // guid, euid, customeruid: a word that ends so is an identifier in any language.
    if text.len() <= 12 && text.ends_with("uid") {
        return vec![unit(vocabulary().senses("uid").unwrap_or_default(), false)];
    }
    match vocabulary().misspelt(&text) {
        Some(senses) => vec![unit(senses, true)],
        None => vec![unit(&[], false)],
    }
}

/// How much speaks for each language.
fn languages(headers: &[Vec<Unit>]) -> HashMap<&'static str, f64> {
    let mut votes: HashMap<&'static str, f64> = HashMap::from([("en", 0.5)]);
    for unit in headers.iter().flatten().filter(|unit| !unit.is_misspelt) {
        let mut spoken: Vec<&'static str> =
            unit.senses.iter().map(|sense| sense.language).filter(|language| *language != "--").collect();
        spoken.sort_unstable();
        spoken.dedup();
        for language in &spoken {
            *votes.entry(language).or_default() += 1.0 / spoken.len() as f64;
        }
    }
    votes
}

/// The one meaning of a unit in the language of the table.
fn meaning(unit: &Unit, votes: &HashMap<&'static str, f64>) -> Option<Concept> {
    let weight = |sense: &Sense| match sense.language {
        // A word of all languages is as good as the best of them.
        "--" => f64::INFINITY,
        language => votes.get(language).copied().unwrap_or_default(),
    };
    let mut best: Option<(f64, Concept)> = None;
    for sense in &unit.senses {
        if best.is_none_or(|(heaviest, _)| weight(sense) > heaviest) {
            best = Some((weight(sense), sense.concept));
        }
    }
    best.map(|(_, concept)| concept)
}

/// Properties that take over whatever else is said: a consent to e-mail is a consent.
const STRONGEST: [&str; 10] = [
    "consent",
    "event_date",
    "quantity",
    "medium",
    "login",
    "bank",
    "tax_id",
    "national_id",
    "money",
    "pipeline",
];

/// Pairs in which the first says nothing beside the second; `*` is anything.
const ABSORBED: [(&str, &[&str]); 13] = [
    ("address", &["*"]),
    ("measure", &["*"]),
    ("description", &["*"]),
    ("name", &["*"]),
    ("date", &["*"]),
    ("title", &["job_title", "salutation", "degree", "name_suffix"]),
    (
        "id",
        &[
            "phone",
            "fax",
            "zip",
            "house_number",
            "country",
            "state",
            "currency",
            "language",
            "street",
            "street2",
            "score",
            "social",
        ],
    ),
    ("website", &["linkedin", "social", "domain"]),
    ("country", &["zip", "phone"]),
    ("phone", &["fax"]),
    ("state", &["country"]),
    ("house_number", &["street"]),
    ("source", &["created", "owner"]),
];

/// Properties of which somebody may have several kinds; beside all others "type" names a class of its own.
const HAS_TYPES: [&str; 6] = ["email", "phone", "website", "address", "social", "fax"];

fn combine(units: Vec<Unit>, votes: &HashMap<&'static str, f64>) -> Reading {
    let mut reading = Reading::default();
    let mut properties: Vec<(Concept, usize)> = Vec::new();
    let mut entities: Vec<(&'static str, usize)> = Vec::new();
    let mut of = None;
    for (place, unit) in units.iter().enumerate() {
        // The parts of a compound share its words.
        if reading.words.last() != unit.words.last() {
            reading.words.extend(unit.words.iter().cloned());
        }
        reading.is_misspelt |= unit.is_misspelt;
        if let Some(number) = unit.number {
            reading.number = number;
            continue;
        }
        let Some(concept) = meaning(unit, votes) else {
            if !unit.in_brackets {
                reading.unknown.push(unit.text.clone());
            }
            continue;
        };
        match concept.class {
            Class::Property | Class::Generic => {
                properties.retain(|(known, _)| *known != concept);
                properties.push((concept, place));
            }
            Class::Entity => entities.push((concept.name, place)),
            Class::Kind => reading.kind = reading.kind.or(Some(concept.name)),
            Class::Group => reading.group = Some(concept.name),
            Class::Rank if concept.name == "further" => reading.number = reading.number.max(2),
            Class::Rank => {}
            Class::Foreign => reading.is_foreign = true,
            Class::Spoiler => reading.is_about = true,
            Class::Filler if is_of(&unit.text) && place > 0 => of = of.or(Some(place)),
            Class::Filler => {}
        }
    }
    // What stands in brackets explains what stands before them.
    if properties.iter().any(|(_, place)| !is_in_brackets(&units, *place)) {
        properties.retain(|(_, place)| !is_in_brackets(&units, *place));
    }
    let named: Vec<&str> = properties.iter().map(|(concept, _)| concept.name).collect();
    if named.contains(&"type")
        && (reading.kind.is_some() || named.iter().any(|name| HAS_TYPES.contains(name)))
    {
        reading.is_about = true;
        reading.is_type_of = true;
        properties.retain(|(concept, _)| concept.name != "type");
    }
    if named.contains(&"status") && named.iter().any(|name| HAS_TYPES.contains(name)) {
        reading.is_about = true;
    }
    if named.contains(&"owner") && named.iter().any(|name| !["owner", "name"].contains(name)) {
        reading.is_foreign = true;
    }
    // `Company` at the end is the company; `Address` before it only says where it was written down.
    let address_before_entity = matches!(
        (properties.as_slice(), entities.last(), of),
        ([(concept, place)], Some((_, entity)), None) if concept.name == "address" && place < entity
    );
    if address_before_entity {
        properties.clear();
    }
    absorb(&mut properties);
    // "X of Y" is an X; otherwise the last word is the thing and those before it say which.
    let head = match of {
        Some(of) => properties.iter().rfind(|(_, place)| *place < of).or(properties.last()),
        None => properties.last(),
    };
    reading.is_mixed = properties.len() > 1;
    reading.entity = entities.last().map(|(name, _)| *name);
    // Two owners: the one that is no mere record (`Contact Company`) is meant.
    if let Some((name, _)) = entities.iter().rfind(|(name, _)| matches!(*name, "company" | "deal" | "other"))
    {
        reading.entity = Some(name);
    }
    if reading.kind == Some("mobile") && head.is_some_and(|(concept, _)| concept.name == "id") {
        // A mobile number is no number of the record.
        reading.property = Some("phone");
    } else if let Some((concept, _)) = head {
        reading.property = Some(concept.name);
        reading.is_generic = concept.class == Class::Generic;
    } else if reading.kind == Some("mobile") {
        reading.property = Some("phone");
    } else if reading.entity.is_some() && reading.kind.is_none() {
        reading.property = Some(ITSELF);
        reading.is_generic = true;
    }
    match (reading.property, reading.entity) {
        (Some("name"), Some("company" | "deal")) => reading.property = Some(ITSELF),
        // The title of a person at a company is a job title.
        (Some("title"), Some("company")) => {
            (reading.property, reading.entity, reading.is_generic) = (Some("job_title"), None, false);
        }
        _ => {}
    }
    reading
}

fn is_in_brackets(units: &[Unit], place: usize) -> bool {
    units.get(place).is_some_and(|unit| unit.in_brackets)
}

/// Words that make what follows the owner of what stands before.
fn is_of(word: &str) -> bool {
    ["of", "de", "du", "des", "d", "von", "vom", "van", "di", "del", "della", "do", "da", "for", "fur"]
        .contains(&word)
}

/// Drops properties that say nothing beside others.
fn absorb(properties: &mut Vec<(Concept, usize)>) {
    if let Some(&strongest) = properties.iter().find(|(concept, _)| STRONGEST.contains(&concept.name)) {
        *properties = vec![strongest];
        return;
    }
    for (weak, strong) in ABSORBED {
        let has_stronger = properties
            .iter()
            .any(|(other, _)| other.name != weak && (strong == ["*"] || strong.contains(&other.name)));
        if has_stronger {
            properties.retain(|(concept, _)| concept.name != weak);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(header: &str) -> String {
        let reading = read_name(header);
        let mut out = reading.property.unwrap_or("?").to_owned();
        for part in [reading.entity, reading.kind, reading.group].into_iter().flatten() {
            out.push_str(&format!(" {part}"));
        }
        if reading.number > 0 {
            out.push_str(&format!(" {}", reading.number));
        }
        if reading.is_about {
            out.push_str(" about");
        }
        if reading.is_foreign {
            out.push_str(" foreign");
        }
        for word in &reading.unknown {
            out.push_str(&format!(" ({word})"));
        }
        out
    }

    #[test]
    fn headers_say_what_a_value_is_and_whose() {
        for (header, meaning) in [
            ("First Name", "first_name"),
            ("firstname", "first_name"),
            ("E-mail 1 - Value", "email 1"),
            ("E-mail 1 - Type", "email 1 about"),
            ("Mailing Zip/Postal Code", "zip mailing"),
            ("Default Address Address2", "street2 mailing"),
            ("Default Address Company", "itself company mailing"),
            ("Company address", "address company"),
            ("Organization 1 - Title", "job_title 1"),
            ("Organization 1 - Name", "itself company 1"),
            ("Mobile", "phone mobile"),
            ("Work Phone", "phone work"),
            ("Customer ID", "id party"),
            ("Kundennummer", "id party"),
            ("Account Owner", "owner"),
            ("Owner Email", "email foreign"),
            ("Assistant's Phone", "phone foreign"),
            ("Accepts Email Marketing", "consent about"),
            ("Last Activity Date", "event_date"),
            ("Number of Page Views", "quantity about"),
            ("Date de naissance", "birthday"),
            ("Numéro de téléphone", "phone"),
            ("Nombre de la empresa", "itself company"),
            ("Mobiltelefonnummer", "phone mobile"),
            ("Дата рождения", "birthday"),
            ("Frobnication level", "score (frobnication)"),
        ] {
            assert_eq!(told(header), meaning, "{header}");
        }
    }

    #[test]
    fn the_language_of_the_table_decides() {
        let spanish = read_headers(&["Nombre", "Apellidos", "Correo electrónico"]);
        assert_eq!(spanish[0].property, Some("name"));
        let pair = read_headers(&["Mesto", "Jméno", "Příjmení"]);
        assert_eq!(pair[0].property, Some("city"));
    }
}
