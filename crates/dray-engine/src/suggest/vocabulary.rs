//! What words mean: `vocabulary.txt`, read once. A bridge between the words of headers and the words of
//! fields; it knows neither products nor objects.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use super::words::{fold, fold_written_out};

/// What a word does in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Says what a value is.
    Property,
    /// The same, but says nothing beside an unknown word: `name`, `date`, `number`.
    Generic,
    /// Says whose value it is.
    Entity,
    /// Says which of several values: mobile, work.
    Kind,
    /// Says which of several addresses.
    Group,
    /// Says whether it is the main one.
    Rank,
    /// Says that it is somebody else's.
    Foreign,
    /// Says that it is something about the value.
    Spoiler,
    /// Says nothing.
    Filler,
}

/// One meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Concept {
    /// What the word does.
    pub class: Class,
    /// The name in `vocabulary.txt`.
    pub name: &'static str,
}

/// A meaning in a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sense {
    /// Two letters, or `--` for words many languages share.
    pub language: &'static str,
    /// What it means there.
    pub concept: Concept,
}

/// All words, folded and written together.
pub(super) struct Vocabulary {
    senses: HashMap<String, Vec<Sense>>,
    /// Words of six letters and more by first letter and length, for typing errors.
    long_words: HashMap<(char, usize), Vec<String>>,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| read(include_str!("vocabulary.txt")));

/// The shortest word that may be a part of a compound, but for the abbreviation of number.
const SHORTEST_PART: usize = 3;
/// A longer word is not taken apart.
const LONGEST_COMPOUND: usize = 40;

/// The vocabulary of this program.
pub(super) fn vocabulary() -> &'static Vocabulary {
    &VOCABULARY
}

/// The names of what a header can mean: what a value is, whose it is, which of several.
pub fn concepts() -> BTreeSet<&'static str> {
    let all = vocabulary().senses.values().flatten().map(|sense| sense.concept);
    let is_told = |class| matches!(class, Class::Property | Class::Generic | Class::Entity | Class::Kind);
    all.filter(|concept| is_told(concept.class)).map(|concept| concept.name).collect()
}

impl Vocabulary {
    /// What a folded word or phrase can mean.
    pub(super) fn senses(&self, phrase: &str) -> Option<&[Sense]> {
        if let Some(senses) = self.senses.get(phrase) {
            return Some(senses);
        }
        // Plurals of English; others stand in the vocabulary where they are headers.
        if let Some(stem) = phrase.strip_suffix("ies")
            && let Some(senses) = self.senses.get(&format!("{stem}y"))
        {
            return Some(senses);
        }
        let stem = phrase.strip_suffix('s').filter(|stem| stem.len() >= 4)?;
        self.senses.get(stem).map(Vec::as_slice)
    }

    /// The parts of a compound (`mobiltelefonnummer`, `firstname`), fewest parts first.
    pub(super) fn parts(&self, word: &str) -> Option<Vec<&[Sense]>> {
        let borders: Vec<usize> = word.char_indices().map(|(index, _)| index).chain([word.len()]).collect();
        if borders.len() > LONGEST_COMPOUND {
            return None;
        }
        // best[end] is the fewest parts that reach `end`, and where the last of them begins and ends.
        let mut best: Vec<Option<(usize, usize, usize)>> = vec![None; borders.len()];
        *best.first_mut()? = Some((0, 0, 0));
        for start in 0..borders.len() {
            let Some((parts, ..)) = best.get(start).copied().flatten() else { continue };
            for end in start + 2..borders.len() {
                let Some(piece) = word.get(*borders.get(start)?..*borders.get(end)?) else { continue };
                if (end - start < SHORTEST_PART && piece != "nr") || !self.senses.contains_key(piece) {
                    continue;
                }
                // German joins with s, n or es: Mitglied-s-nummer.
                for link in ["", "s", "n", "es", "en"] {
                    let linked = end + link.len();
                    let joins = linked < borders.len()
                        && word.get(*borders.get(end)?..).is_some_and(|rest| rest.starts_with(link))
                        && (link.is_empty() || linked + 1 < borders.len());
                    let slot = best.get_mut(linked).filter(|_| joins);
                    if let Some(slot) = slot
                        && slot.is_none_or(|(fewest, ..)| fewest > parts + 1)
                    {
                        *slot = Some((parts + 1, start, end));
                    }
                }
            }
        }
        let mut parts = Vec::new();
        let mut at = borders.len() - 1;
        while at > 0 {
            let (_, start, end) = best.get(at).copied().flatten()?;
            let piece = word.get(*borders.get(start)?..*borders.get(end)?)?;
            parts.push(self.senses.get(piece)?.as_slice());
            at = start;
        }
        parts.reverse();
        (parts.len() > 1).then_some(parts)
    }

    /// A word that is one typing error away; the first letter is taken as right.
    pub(super) fn misspelt(&self, word: &str) -> Option<&[Sense]> {
        let length = word.chars().count();
        let first = word.chars().next()?;
        if length < 6 {
            return None;
        }
        let near = (length - 1..=length + 1)
            .filter_map(|length| self.long_words.get(&(first, length)))
            .flatten()
            .find(|known| strsim::osa_distance(known, word) == 1)?;
        self.senses.get(near).map(Vec::as_slice)
    }

    /// How many words it knows.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.senses.len()
    }
}

fn read(text: &'static str) -> Vocabulary {
    let mut senses: HashMap<String, Vec<Sense>> = HashMap::new();
    let mut concept = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(heading) = line.strip_prefix("= ") {
            concept = heading
                .split_once(' ')
                .and_then(|(class, name)| Some(Concept { class: class_named(class)?, name }));
            continue;
        }
        let (Some(concept), Some((language, words))) = (concept, line.split_once(' ')) else { continue };
        let sense = Sense { language, concept };
        for word in words.split(',') {
            for folded in [fold(word), fold_written_out(word)] {
                let known = senses.entry(folded).or_default();
                if !known.contains(&sense) {
                    known.push(sense);
                }
            }
        }
    }
    senses.remove("");
    let mut long_words: HashMap<(char, usize), Vec<String>> = HashMap::new();
    for word in senses.keys() {
        let length = word.chars().count();
        if length >= 6
            && let Some(first) = word.chars().next()
        {
            long_words.entry((first, length)).or_default().push(word.clone());
        }
    }
    // The map has no order of its own; the suggestions have one.
    long_words.values_mut().for_each(|words| words.sort_unstable());
    Vocabulary { senses, long_words }
}

fn class_named(word: &str) -> Option<Class> {
    Some(match word {
        "property" => Class::Property,
        "generic" => Class::Generic,
        "entity" => Class::Entity,
        "kind" => Class::Kind,
        "group" => Class::Group,
        "rank" => Class::Rank,
        "foreign" => Class::Foreign,
        "spoiler" => Class::Spoiler,
        "filler" => Class::Filler,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(senses: &[Sense]) -> Vec<&'static str> {
        senses.iter().map(|sense| sense.concept.name).collect()
    }

    #[test]
    fn every_line_of_the_vocabulary_is_understood() {
        let mut opened = false;
        for line in include_str!("vocabulary.txt").lines().filter(|line| !line.is_empty()) {
            if let Some(heading) = line.strip_prefix("= ") {
                let (class, name) = heading.split_once(' ').expect("a class and a name");
                assert!(class_named(class).is_some(), "{line}");
                assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'2'));
                opened = true;
            } else if !line.starts_with('#') {
                let (language, words) = line.split_once(' ').expect("a language and words");
                assert!(opened && language.len() == 2 && !words.trim().is_empty(), "{line}");
                assert!(words.split(',').all(|word| !fold(word).is_empty()), "an empty word in {line}");
            }
        }
        assert!(vocabulary().len() > 3000, "{}", vocabulary().len());
    }

    #[test]
    fn compounds_and_typing_errors() {
        let parts = vocabulary().parts("mobiltelefonnummer").expect("a compound");
        assert!(parts.len() <= 3);
        assert!(names(parts[0]).contains(&"mobile"));
        assert!(vocabulary().parts("mitgliedsnr").is_some());
        assert!(vocabulary().parts("kundennummer").is_some());
        assert!(vocabulary().parts("xylophon").is_none());
        assert!(
            names(vocabulary().misspelt("birtday").expect("one letter is missing")).contains(&"birthday")
        );
    }
}
