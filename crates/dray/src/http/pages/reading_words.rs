//! What was found out about a file, in the language of the page.

use super::words::{Words, filled};

/// Delimiters that are offered, and how they are asked for.
const DELIMITERS: [&str; 4] = [",", ";", "tab", "|"];

/// Delimiters that are offered, with their names.
pub fn delimiters(words: &Words) -> [(&'static str, String); 4] {
    DELIMITERS.map(|delimiter| {
        let sign = Some(delimiter).filter(|delimiter| delimiter.len() == 1);
        let name = delimiter_name(words, delimiter).unwrap_or(delimiter);
        (delimiter, sign.map_or(name.to_owned(), |sign| format!("{name} {sign}")))
    })
}

/// A delimiter by its sign, or by the word that readers have for it.
fn delimiter_name(words: &Words, delimiter: &str) -> Option<&'static str> {
    Some(match delimiter {
        "," | "comma" => words.comma,
        ";" | "semicolon" => words.semicolon,
        "tab" => words.tab,
        "|" | "bar" => words.bar,
        "blank" => words.blank,
        _ => return None,
    })
}

/// A thing that a reader found out: `delimiter`, `header row`, `sheet`, as it says it.
pub fn found(words: &Words, what: &str, value: &str) -> String {
    let said = match what {
        "delimiter" => delimiter_name(words, value).map(str::to_owned),
        "header row" => header_row(words, value),
        "sheet" => sheet(words, value),
        _ => None,
    };
    said.unwrap_or_else(|| value.to_owned())
}

/// `line 1`, `rows 2 to 3`, `none`, `the first array`.
fn header_row(words: &Words, value: &str) -> Option<String> {
    let one = |text, number| Some(filled(text, &[number]));
    let several = |text, numbers: &str| {
        let (first, last) = numbers.split_once(" to ")?;
        Some(filled(text, &[first, last]))
    };
    match value.split_once(' ') {
        None if value == "none" => Some(words.no_header.to_owned()),
        Some(("line", number)) => one(words.line_number, number),
        Some(("lines", numbers)) => several(words.line_numbers, numbers),
        Some(("row", number)) => one(words.row_number, number),
        Some(("rows", numbers)) => several(words.row_numbers, numbers),
        _ if value == "the first array" => Some(words.first_array.to_owned()),
        _ => None,
    }
}

/// `"Contacts" (1 of 3)`.
fn sheet(words: &Words, value: &str) -> Option<String> {
    let (name, place) = value.strip_prefix('"')?.rsplit_once("\" (")?;
    let (number, all) = place.strip_suffix(')')?.split_once(" of ")?;
    Some(filled(words.sheet_found, &[name, number, all]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::words::LANGUAGES;

    #[test]
    fn findings_are_told_in_every_language() {
        for (what, value, told) in [
            ("delimiter", "semicolon", ["semicolon", "Semikolon", "point-virgule"]),
            ("delimiter", "`::`", ["`::`"; 3]),
            ("header row", "line 1", ["line 1", "Zeile 1", "ligne 1"]),
            ("header row", "rows 2 to 3", ["rows 2 to 3", "Zeilen 2 bis 3", "lignes 2 à 3"]),
            ("header row", "none", ["none", "keine", "aucune"]),
            ("encoding", "UTF-8", ["UTF-8"; 3]),
            (
                "sheet",
                "\"A (1 of 2)\" (1 of 2)",
                ["“A (1 of 2)” (1 of 2)", "„A (1 of 2)“ (1 von 2)", "« A (1 of 2) » (1 sur 2)"],
            ),
        ] {
            assert_eq!(LANGUAGES.map(|words| found(words, what, value)), told, "{value}");
        }
    }
}
