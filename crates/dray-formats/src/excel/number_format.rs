//! Number formats: whether a cell's number is a date, a time, a duration or just a number.

use super::serial::NumberKind;

/// The kind of the formats every spreadsheet program knows by number.
pub(super) fn kind_of_known(id: u32) -> NumberKind {
    match id {
        14..=17 => NumberKind::Date,
        18..=21 | 45 | 47 => NumberKind::Time,
        22 => NumberKind::DateTime,
        46 => NumberKind::Duration,
        // Dates and times of East Asian languages; which of them 34 and 35 are depends on the language.
        27..=31 | 36 | 50..=54 | 57 | 58 => NumberKind::Date,
        32 | 33 => NumberKind::Time,
        34 | 35 | 55 | 56 => NumberKind::Moment,
        _ => NumberKind::Number,
    }
}

/// The kind of a format that is written out, such as `dd.mm.yyyy hh:mm`.
pub(super) fn kind_of_code(code: &str) -> NumberKind {
    let mut letters = code.chars().peekable();
    let (mut date, mut time, mut duration) = (false, false, false);
    // `m` is a minute behind an hour and before a second, and a month everywhere else.
    let (mut behind_hour, mut undecided_m) = (false, false);
    while let Some(letter) = letters.next() {
        match letter.to_ascii_lowercase() {
            // What follows is for negative numbers and the like.
            ';' => break,
            '"' => {
                letters.by_ref().find(|&letter| letter == '"');
            }
            '\\' | '_' | '*' => {
                letters.next();
            }
            '[' => {
                let inside: String = letters.by_ref().take_while(|&letter| letter != ']').collect();
                let inside = inside.to_ascii_lowercase();
                let is_all =
                    |wanted: char| !inside.is_empty() && inside.chars().all(|letter| letter == wanted);
                duration |= is_all('h') || is_all('m') || is_all('s');
                behind_hour |= is_all('h');
            }
            'g' if is_rest_of("eneral", &letters) => {
                letters.nth("eneral".len() - 1);
            }
            'a' if is_rest_of("m/pm", &letters) => {
                letters.nth("m/pm".len() - 1);
                time = true;
            }
            'a' if is_rest_of("/p", &letters) => {
                letters.nth("/p".len() - 1);
                time = true;
            }
            'e' if matches!(letters.peek(), Some('+' | '-')) => {}
            'y' | 'd' | 'b' | 'e' | 'g' => {
                date |= true;
                behind_hour = false;
            }
            'h' => {
                time = true;
                behind_hour = true;
            }
            's' => {
                time = true;
                undecided_m = false;
                behind_hour = false;
            }
            'm' => {
                let mut count = 1;
                while letters.next_if(|letter| letter.eq_ignore_ascii_case(&'m')).is_some() {
                    count += 1;
                }
                if count > 2 {
                    date = true;
                } else if behind_hour {
                    time = true;
                } else {
                    // Two in a row without a second between them: the first was a month.
                    date |= undecided_m;
                    undecided_m = true;
                }
            }
            _ => {}
        }
    }
    date |= undecided_m;
    match (date, time, duration) {
        (true, true, _) => NumberKind::DateTime,
        (true, false, _) => NumberKind::Date,
        (false, _, true) => NumberKind::Duration,
        (false, true, false) => NumberKind::Time,
        (false, false, false) => NumberKind::Number,
    }
}

fn is_rest_of(word: &str, letters: &std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut next = letters.clone();
    word.chars().all(|letter| next.next().is_some_and(|found| found.eq_ignore_ascii_case(&letter)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_what_a_number_is() {
        use NumberKind::{Date, DateTime, Duration, Number, Time};
        for (code, kind) in [
            ("General", Number),
            ("0.00", Number),
            ("0%", Number),
            ("#,##0.00 [$€-407];[Red]-#,##0.00 [$€-407]", Number),
            ("0.00E+00", Number),
            ("\"days\" 0", Number),
            ("0\\d", Number),
            ("_-* #,##0_-", Number),
            ("[Red]0", Number),
            ("@", Number),
            ("GENERAL", Number),
            ("General;[Red]-General", Number),
            ("yyyy-mm-dd", Date),
            ("dd.mm.yyyy", Date),
            ("DD/MM/YYYY", Date),
            ("mmm yy", Date),
            ("mm", Date),
            ("[$-407]d. mmmm yyyy;@", Date),
            ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", Date),
            ("ggge\"年\"m\"月\"d\"日\"", Date),
            ("yyyy-mm-dd hh:mm:ss", DateTime),
            ("m/d/yy h:mm", DateTime),
            ("yyyy\\-mm\\-dd\\Thh:mm:ss.000", DateTime),
            ("h:mm AM/PM", Time),
            ("mm:ss", Time),
            ("mm:ss.0", Time),
            ("hh:mm:ss", Time),
            ("h", Time),
            ("[h]:mm", Duration),
            ("[hh]:mm:ss", Duration),
            ("[mm]:ss", Duration),
            ("[ss].00", Duration),
            ("", Number),
            ("[", Number),
            ("\"", Number),
        ] {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
        assert_eq!(kind_of_known(14), Date);
        assert_eq!(kind_of_known(22), DateTime);
        assert_eq!(kind_of_known(46), Duration);
        assert_eq!(kind_of_known(9), Number);
    }
}
