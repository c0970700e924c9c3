//! Values that are one of a few words, or text with a fixed form: yes/no, choices, UUIDs, JSON.

use std::borrow::Cow;

use dray_model::object::{Field, fold_name};
use dray_model::problem::ProblemCode;

use super::Bad;

/// Yes or no, in the words spreadsheets use.
pub fn boolean(text: &str) -> Result<bool, Bad> {
    const YES: [&str; 8] = ["true", "yes", "y", "1", "t", "on", "x", "ja"];
    const NO: [&str; 7] = ["false", "no", "n", "0", "f", "off", "nein"];
    if YES.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(true);
    }
    if NO.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(false);
    }
    Err((ProblemCode::NotABoolean, "write true or false, yes or no, 1 or 0".into()))
}

/// One of the field's choices, in any spelling of it or of its synonyms.
pub fn choice<'t>(field: &Field, text: &'t str) -> Result<Cow<'t, str>, Bad> {
    let definition = &field.definition;
    if definition.choices.iter().any(|choice| choice == text) {
        return Ok(Cow::Borrowed(text));
    }
    let folded = fold_name(text);
    let choice = definition.choices.iter().find(|choice| fold_name(choice) == folded).or_else(|| {
        definition
            .choice_synonyms
            .iter()
            .find(|(word, _)| fold_name(word) == folded)
            .map(|(_, choice)| choice)
    });
    match choice {
        Some(choice) => Ok(Cow::Owned(choice.clone())),
        None => Err((ProblemCode::NotAChoice, format!("the choices are {}", definition.choices.join(", ")))),
    }
}

/// A UUID, with or without hyphens or braces, as lower-case hyphenated text.
pub fn uuid(text: &str) -> Result<Cow<'_, str>, Bad> {
    if is_canonical_uuid(text) {
        return Ok(Cow::Borrowed(text));
    }
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let digits: String = inner.chars().filter(|c| *c != '-').flat_map(char::to_lowercase).collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err((ProblemCode::NotAUuid, "it has 32 hexadecimal digits".into()));
    }
    let mut out = String::with_capacity(36);
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    Ok(Cow::Owned(out))
}

/// True for the one form UUIDs are kept in: 36 characters, lower-case, with hyphens.
pub fn is_canonical_uuid(text: &str) -> bool {
    let Ok(bytes) = <&[u8; 36]>::try_from(text.as_bytes()) else { return false };
    // All bytes are counted without stopping, which the processor does many at once.
    let digits = bytes.iter().filter(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    digits == 32 && [8, 13, 18, 23].iter().all(|&hyphen| bytes.get(hyphen) == Some(&b'-'))
}

/// JSON text; it is kept as written, so that numbers keep their digits and members their order.
pub fn json(text: &str) -> Result<Cow<'_, str>, Bad> {
    // JSON's own word for nothing is an empty cell.
    if text == "null" {
        return Ok(Cow::Borrowed(""));
    }
    match serde_json::from_str::<&serde_json::value::RawValue>(text) {
        Ok(_) => Ok(Cow::Borrowed(text)),
        Err(why) => Err((ProblemCode::InvalidJson, format!("invalid JSON, {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_one_form() {
        let read = |text| uuid(text).map(Cow::into_owned).ok();
        let form = Some("0188a5eb-8f00-7abc-8def-0123456789ab".to_owned());
        assert_eq!(read("{0188A5EB-8F00-7ABC-8DEF-0123456789AB}"), form);
        assert_eq!(read("0188a5eb8f007abc8def0123456789ab"), form);
        assert_eq!(read("0188a5eb-8f00-7abc-8def-0123456789ab"), form);
        assert_eq!(read("0188a5eb"), None);
    }

    #[test]
    fn json_says_where_it_is_broken() {
        let (_, why) = json("[{\"key\":}]").expect_err("no value");
        assert!(why.contains("line 1 column 9"), "{why}");
        assert!(json("{\"a\":1.10}").is_ok());
    }
}
