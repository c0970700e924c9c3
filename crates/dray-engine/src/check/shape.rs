//! What shape the JSON of a field must have, where its definition says so.

use dray_model::definition::JsonShape;
use dray_model::problem::{ProblemCode, shown};

use super::Bad;
use crate::expression::{Json, RepeatedMember, Template};

/// The most entries of a list: more headers or parameters than any server takes.
const MOST_ENTRIES: usize = 1_000;

/// Whether JSON that can be read has this shape.
pub fn shaped(shape: JsonShape, text: &str) -> Result<(), Bad> {
    let json = Json::parse(text, RepeatedMember::Refused).map_err(wrong)?;
    match shape {
        JsonShape::KeyValueList => key_value_list(&json),
    }
}

/// An array of objects with a text `key` and a text `value`, the value being a template.
fn key_value_list(json: &Json) -> Result<(), Bad> {
    let Json::Array(entries) = json else {
        return Err(wrong(format!(
            "write an array like [{{\"key\":\"name\",\"value\":\"$payload.name\"}}], not {}",
            json.described()
        )));
    };
    if entries.len() > MOST_ENTRIES {
        return Err(wrong(format!("{} entries, at most {MOST_ENTRIES} are allowed", entries.len())));
    }
    for (index, entry) in entries.iter().enumerate() {
        let place = format!("entry {}", index + 1);
        if !matches!(entry, Json::Object(_)) {
            let what = entry.described();
            return Err(wrong(format!("{place} is {what}, not an object with `key` and `value`")));
        }
        let key = text_member(entry, "key", &place)?;
        if key.trim().is_empty() {
            return Err(wrong(format!("the `key` of {place} is empty")));
        }
        let place = format!("{place} (`{}`)", shown(key));
        let value = text_member(entry, "value", &place)?;
        if let Err(error) = Template::compile(value) {
            return Err((ProblemCode::InvalidExpression, format!("{place}: {error}")));
        }
    }
    Ok(())
}

fn text_member<'j>(entry: &'j Json, name: &str, place: &str) -> Result<&'j str, Bad> {
    match entry.member(name) {
        Some(Json::Text(text)) => Ok(text),
        Some(other) => {
            Err(wrong(format!("the `{name}` of {place} is {}, not a text in quotes", other.described())))
        }
        None => Err(wrong(format!("{place} has no `{name}`"))),
    }
}

fn wrong(advice: String) -> Bad {
    (ProblemCode::InvalidShape, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_keys_and_values() {
        let told = |text: &str| match shaped(JsonShape::KeyValueList, text) {
            Ok(()) => "good".to_owned(),
            Err((code, advice)) => format!("{}: {advice}", code.word()),
        };
        for (json, expected) in [
            ("[]", "good"),
            (r#"[{"key":"email","value":"$payload.email"},{"key":"name","value":"$payload.name"}]"#, "good"),
            (r#"[{"key":"Authorization","value":"Bearer $secret.KEY"}]"#, "good"),
            (r#"[{"value":"","key":"a","note":1},{"key":"a","value":"lower($payload.email)"}]"#, "good"),
            (
                "{}",
                "invalid_shape: write an array like [{\"key\":\"name\",\"value\":\"$payload.name\"}], not a JSON object",
            ),
            ("[1]", "invalid_shape: entry 1 is a JSON number, not an object with `key` and `value`"),
            (r#"[{"key":"a","value":"b"},{"value":"b"}]"#, "invalid_shape: entry 2 has no `key`"),
            (r#"[{"key":" ","value":"b"}]"#, "invalid_shape: the `key` of entry 1 is empty"),
            (
                r#"[{"key":1,"value":"b"}]"#,
                "invalid_shape: the `key` of entry 1 is a JSON number, not a text in quotes",
            ),
            (r#"[{"key":"a"}]"#, "invalid_shape: entry 1 (`a`) has no `value`"),
            (
                r#"[{"key":"a","value":null}]"#,
                "invalid_shape: the `value` of entry 1 (`a`) is JSON null, not a text in quotes",
            ),
            (
                r#"[{"key":"a","key":"b","value":"c"}]"#,
                "invalid_shape: the member `key` occurs twice at byte 22",
            ),
            (
                r#"[{"key":"a","value":"x"},{"key":"b","value":"Bearer $token"}]"#,
                "invalid_expression: entry 2 (`b`): there is no property `token`; there are payload, secret, process, \
                 lookup at character 8",
            ),
            (
                r#"[{"key":"a","value":"lower($payload.a"}]"#,
                "invalid_expression: entry 1 (`a`): a `,` or `)` is missing before the end, for the bracket at \
                 character 6 at character 17",
            ),
        ] {
            assert_eq!(told(json), expected, "{json}");
        }
        let many = format!("[{}]", vec![r#"{"key":"a","value":"b"}"#; 1_001].join(","));
        assert_eq!(told(&many), "invalid_shape: 1001 entries, at most 1000 are allowed");
    }
}
