//! Section 5.1 and 5.2: types and properties as JSON.

use super::super::Schema;
use super::super::types::Type;

#[test]
fn section_5_1_types_are_written_in_their_order() {
    for (given, written) in [
        (
            r#"{"maxLength":5,"kind":"string","maxBytes":9}"#,
            r#"{"kind":"string","maxBytes":9,"maxLength":5}"#,
        ),
        (r#"{"kind":"string","pattern":"^a+$"}"#, r#"{"kind":"string","pattern":"^a+$"}"#),
        (r#"{"values":["b","a"],"kind":"string"}"#, r#"{"kind":"string","values":["b","a"]}"#),
        (r#"{"kind":"boolean"}"#, r#"{"kind":"boolean"}"#),
        (r#"{"kind":"int","bitSize":8,"minimum":-128,"maximum":127}"#, r#"{"kind":"int","bitSize":8}"#),
        (
            r#"{"kind":"int","maximum":9,"minimum":1,"unsigned":true,"bitSize":24}"#,
            r#"{"kind":"int","bitSize":24,"unsigned":true,"minimum":1,"maximum":9}"#,
        ),
        (
            r#"{"kind":"int","bitSize":64,"unsigned":true,"maximum":18446744073709551615}"#,
            r#"{"kind":"int","bitSize":64,"unsigned":true}"#,
        ),
        (
            r#"{"kind":"float","maximum":1.5,"real":true,"bitSize":32}"#,
            r#"{"kind":"float","bitSize":32,"real":true,"maximum":1.5}"#,
        ),
        (
            r#"{"kind":"decimal","precision":5,"scale":2,"minimum":0.50}"#,
            r#"{"kind":"decimal","minimum":0.5,"precision":5,"scale":2}"#,
        ),
        (r#"{"kind":"decimal","precision":5,"scale":0}"#, r#"{"kind":"decimal","precision":5}"#),
        (
            r#"{"kind":"array","elementType":{"kind":"year"},"uniqueElements":true,"maxElements":3,"minElements":0}"#,
            r#"{"kind":"array","maxElements":3,"uniqueElements":true,"elementType":{"kind":"year"}}"#,
        ),
        (r#"{"kind":"map","elementType":{"kind":"ip"}}"#, r#"{"kind":"map","elementType":{"kind":"ip"}}"#),
        (
            r#"{"kind":"object","properties":[{"description":"D","name":"a","nullable":true,"readOptional":true,
                "createRequired":true,"updateRequired":false,"prefilled":"p","type":{"kind":"json"}}]}"#,
            r#"{"kind":"object","properties":[{"name":"a","prefilled":"p","type":{"kind":"json"},"createRequired":true,"readOptional":true,"nullable":true,"description":"D"}]}"#,
        ),
        (
            r#"{"kind":"object","properties":[{"name":"a","type":{"kind":"uuid"}}]}"#,
            r#"{"kind":"object","properties":[{"name":"a","type":{"kind":"uuid"},"description":""}]}"#,
        ),
    ] {
        let read = Type::parse(given);
        assert_eq!(read.as_ref().map(Type::to_json).as_deref(), Ok(written), "{given}");
        assert_eq!(Type::parse(written), read, "{given}");
    }
}

#[test]
fn section_5_1_and_5_2_mistakes_are_told_with_their_place() {
    let property = |text: &str| format!("{{\"kind\":\"object\",\"properties\":[{text}]}}");
    for (given, says) in [
        ("[]".to_owned(), "the type is a JSON array"),
        ("{}".to_owned(), "has no `kind`"),
        ("{\"kind\":1}".to_owned(), "`kind` in the type must be a text"),
        (r#"{"kind":"text"}"#.to_owned(), "`text` in the type is no kind"),
        (r#"{"kind":"date","kind":"date"}"#.to_owned(), "`kind` occurs twice"),
        (r#"{"kind":"date","maxLength":1}"#.to_owned(), "`maxLength` is not known in the type"),
        (r#"{"kind":"string","maxLength":0}"#.to_owned(), "from 1 to 4294967295"),
        (r#"{"kind":"string","maxLength":4294967296}"#.to_owned(), "from 1 to 4294967295"),
        (r#"{"kind":"string","maxLength":"5"}"#.to_owned(), "must be a number"),
        (r#"{"kind":"string","values":[]}"#.to_owned(), "one text or more"),
        (r#"{"kind":"string","values":[1]}"#.to_owned(), "a list of texts"),
        (r#"{"kind":"string","pattern":"("}"#.to_owned(), "a regular expression"),
        (r#"{"kind":"string","pattern":"(?:a{999}){999}"}"#.to_owned(), "not too large"),
        (r#"{"kind":"string","pattern":"a","values":["a"]}"#.to_owned(), "both `pattern` and `values`"),
        (r#"{"kind":"int"}"#.to_owned(), "`bitSize` in the type must be one of 8, 16, 24, 32, 64"),
        (r#"{"kind":"int","bitSize":12}"#.to_owned(), "must be one of"),
        (r#"{"kind":"int","bitSize":8,"maximum":128}"#.to_owned(), "from -128 to 127"),
        (
            r#"{"kind":"int","bitSize":8,"minimum":2,"maximum":1}"#.to_owned(),
            "`minimum` in the type is larger",
        ),
        (r#"{"kind":"float","bitSize":16}"#.to_owned(), "32, 64"),
        (r#"{"kind":"float","bitSize":32,"maximum":1e39}"#.to_owned(), "inside the size's range"),
        (r#"{"kind":"decimal"}"#.to_owned(), "`precision` in the type must be a number from 1 to 76"),
        (r#"{"kind":"decimal","precision":77}"#.to_owned(), "from 1 to 76"),
        (r#"{"kind":"decimal","precision":5,"scale":6}"#.to_owned(), "`scale` in the type is larger"),
        (r#"{"kind":"decimal","precision":3,"minimum":0.5}"#.to_owned(), "this precision and scale"),
        (r#"{"kind":"array"}"#.to_owned(), "has no `elementType`"),
        (r#"{"kind":"array","elements":{"kind":"ip"}}"#.to_owned(), "write `elementType`"),
        (r#"{"kind":"array","elementType":{"kind":"int"}}"#.to_owned(), "the element type of the type"),
        (
            r#"{"kind":"array","elementType":{"kind":"json"},"uniqueElements":true}"#.to_owned(),
            "`uniqueElements`",
        ),
        (
            r#"{"kind":"array","elementType":{"kind":"ip"},"minElements":2,"maxElements":1}"#.to_owned(),
            "larger",
        ),
        (r#"{"kind":"object","properties":[]}"#.to_owned(), "one property or more"),
        (r#"{"kind":"object"}"#.to_owned(), "a list of properties"),
        (property(r#"{"type":{"kind":"ip"}}"#), "property 1 of the type has no `name`"),
        (property(r#"{"name":"a b","type":{"kind":"ip"}}"#), "`a b` is not the name"),
        (property(r#"{"name":"a"}"#), "the property `a` has no `type`"),
        (property(r#"{"name":"a","type":{"kind":"ip"},"required":true}"#), "`required` is not known"),
        (property(r#"{"name":"a","type":{"kind":"ip"},"nullable":1}"#), "true or false"),
        (property(r#"{"name":"a","type":{"kind":"ip"}},{"name":"a","type":{"kind":"ip"}}"#), "occurs twice"),
        (property(r#"{"name":"a","type":{"kind":"ip","bitSize":8}}"#), "not known in the property `a`"),
    ] {
        let told = Type::parse(&given).err().unwrap_or_default();
        assert!(told.contains(says), "{given}: {told}");
    }
    let told = Schema::parse("{\"kind\":\"date\"}").err().unwrap_or_default();
    assert!(told.contains("must be of kind `object`"), "{told}");
}

#[test]
fn the_documents_own_schema_is_read() {
    let text = r#"{"kind":"object","properties":[
        {"name":"first_name","type":{"kind":"string","maxLength":100},"readOptional":true,"description":"First name"},
        {"name":"email","type":{"kind":"string","maxLength":254},"readOptional":true,"description":"Email"}]}"#;
    let schema = Schema::parse(text).expect("a schema");
    assert_eq!(schema.at_path("email").map(|property| property.description.as_str()), Some("Email"));
    assert_eq!(Schema::parse(&schema.to_json()), Ok(schema));
}
