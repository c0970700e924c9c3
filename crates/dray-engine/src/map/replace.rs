//! Replacements of texts in cells, made ready once for all rows: whole cells are looked up, parts are found in one pass.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::edits::Replacement;

/// A replacement, ready to be used.
pub(super) struct Wanted {
    find: String,
    value: String,
    whole: bool,
    /// The letters looked for, where capitals do not count.
    letters: Option<Letters>,
}

impl Wanted {
    pub(super) fn new(replacement: &Replacement) -> Self {
        let find = if replacement.whole { replacement.find.trim() } else { &replacement.find };
        Self {
            find: find.to_owned(),
            value: replacement.value.clone().unwrap_or_default(),
            whole: replacement.whole,
            letters: replacement.ignore_case.then(|| Letters::new(find)),
        }
    }

    /// The text with every place replaced; `None` where that makes it more than `room` bytes longer.
    fn replaced(&self, text: &str, room: usize) -> Option<String> {
        let mut made = String::new();
        let (mut done, mut from) = (0, 0);
        loop {
            let rest = text.get(from..).unwrap_or_default();
            let found = match &self.letters {
                Some(letters) => letters.find(rest),
                None => rest.find(&self.find).map(|begin| begin..begin + self.find.len()),
            };
            let Some(found) = found.filter(|found| !found.is_empty()) else { break };
            made.push_str(text.get(done..from + found.start).unwrap_or_default());
            made.push_str(&self.value);
            done = from + found.end;
            from = done;
            if made.len() > done + room {
                return None;
            }
        }
        made.push_str(text.get(done..).unwrap_or_default());
        Some(made)
    }
}

/// A letter by which capital and small ones are the same.
fn small(letter: char) -> char {
    let mut letters = letter.to_lowercase();
    match (letters.next(), letters.next()) {
        (Some(small), None) => small,
        // Where a letter would become two, places in the text would no longer be its own.
        _ => letter,
    }
}

fn small_text(text: &str) -> String {
    text.chars().map(small).collect()
}

/// Letters that are looked for in any case, in one pass over a text however often they repeat themselves.
struct Letters {
    letters: Vec<char>,
    /// For each length of a beginning that fits, how long the next shorter one is that fits as well.
    shorter: Vec<usize>,
}

impl Letters {
    fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().map(small).collect();
        let mut shorter = vec![0; letters.len() + 1];
        let mut fits = 0;
        for (index, letter) in letters.iter().enumerate().skip(1) {
            while fits > 0 && letters.get(fits) != Some(letter) {
                fits = shorter.get(fits).copied().unwrap_or(0);
            }
            fits += usize::from(letters.get(fits) == Some(letter));
            if let Some(slot) = shorter.get_mut(index + 1) {
                *slot = fits;
            }
        }
        Self { letters, shorter }
    }

    /// Where they stand first.
    fn find(&self, text: &str) -> Option<Range<usize>> {
        let count = self.letters.len();
        let mut fits = 0;
        for (index, letter) in text.char_indices() {
            let wanted = small(letter);
            while fits > 0 && self.letters.get(fits) != Some(&wanted) {
                fits = self.shorter.get(fits).copied().unwrap_or(0);
            }
            fits += usize::from(self.letters.get(fits) == Some(&wanted));
            if fits == count && count > 0 {
                let end = index + letter.len_utf8();
                let begin = text.get(..end)?.char_indices().rev().nth(count - 1).map(|(begin, _)| begin)?;
                return Some(begin..end);
            }
        }
        None
    }
}

/// What is done with the cells of a column, one step after the other.
pub(super) enum Step {
    /// The cell is looked up as a whole: of what fits the first counts.
    Whole { exact: HashMap<String, Choice>, small: HashMap<String, Choice> },
    /// Parts of it are replaced.
    Parts(Arc<Wanted>),
}

/// A replacement of a whole cell: its place in the order, and what it is.
pub(super) type Choice = (usize, Arc<Wanted>);

/// The steps of a column for which these replacements are meant.
pub(super) fn steps_of(meant: &[usize], texts: &[Arc<Wanted>]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for &index in meant {
        let Some(wanted) = texts.get(index) else { continue };
        if !wanted.whole {
            steps.push(Step::Parts(Arc::clone(wanted)));
            continue;
        }
        if !matches!(steps.last(), Some(Step::Whole { .. })) {
            steps.push(Step::Whole { exact: HashMap::new(), small: HashMap::new() });
        }
        if let Some(Step::Whole { exact, small }) = steps.last_mut() {
            let choice = (index, Arc::clone(wanted));
            if wanted.letters.is_some() {
                small.entry(small_text(&wanted.find)).or_insert(choice);
            } else {
                exact.entry(wanted.find.clone()).or_insert(choice);
            }
        }
    }
    steps
}

/// The text of a cell after all steps; `None` where they make it more than `room` bytes longer.
pub(super) fn replaced<'t>(steps: &[Step], text: &'t str, room: usize) -> Option<Cow<'t, str>> {
    let mut now = Cow::Borrowed(text);
    for step in steps {
        match step {
            Step::Whole { exact, small } => {
                let cell = now.trim();
                let in_any_case = if small.is_empty() { None } else { small.get(&small_text(cell)) };
                let found = exact.get(cell).into_iter().chain(in_any_case).min_by_key(|(index, _)| *index);
                if let Some((_, wanted)) = found {
                    let is_too_long = wanted.value.len() > text.len().saturating_add(room);
                    return if is_too_long { None } else { Some(Cow::Owned(wanted.value.clone())) };
                }
            }
            Step::Parts(wanted) => {
                let is_there = match &wanted.letters {
                    Some(letters) => letters.find(&now).is_some(),
                    None => now.contains(&wanted.find),
                };
                if is_there {
                    let room = text.len().saturating_add(room).saturating_sub(now.len());
                    now = Cow::Owned(wanted.replaced(&now, room)?);
                }
            }
        }
    }
    Some(now)
}

/// True where an empty cell may become one that is not.
pub(super) fn fills_empty(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Whole { exact, small } => exact.contains_key("") || small.contains_key(""),
        Step::Parts(_) => false,
    })
}
