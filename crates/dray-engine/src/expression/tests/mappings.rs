//! Section 4.1: whole mappings, from records of one schema to records of another.

use super::super::types::{Property, Schema, Type};
use super::super::{Mapping, Value};
use super::{kind, record, schema, shown};

fn output() -> Schema {
    let address = Schema {
        properties: vec![Property::new("city", Type::string()), Property::new("zip", kind("int32"))],
    };
    let length = r#"{"kind":"string","maxLength":5}"#;
    Schema {
        properties: vec![
            Property::new("email", kind(length)),
            Property::new("address", Type::object(address)),
            Property { nullable: true, ..Property::new("name", Type::string()) },
        ],
    }
}

fn told(expressions: &[(&str, &str)], values: &str) -> String {
    let input = schema("mail:string city:string zip:string j:json");
    let expressions: Vec<(String, String)> =
        expressions.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let mapping = match Mapping::compile(&expressions, &input, &output()) {
        Ok(mapping) => mapping,
        Err(error) => return error.to_string(),
    };
    match mapping.apply(&record(&input, values)) {
        Ok(record) => {
            format!("{} {:?}", shown(&Value::Object(record), &Type::object(output())), mapping.inputs)
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn section_4_1_whole_mappings() {
    let values = r#"{"mail":"a@b","city":"Ulm","zip":"89073","j":{"n":1}}"#;
    for (expressions, expected) in [
        (&[("email", "mail")][..], r#"{"email":"a@b"} ["mail"]"#),
        (
            &[("address.zip", "zip"), ("address.city", "upper(city)"), ("name", "'x'")],
            r#"{"address":{"city":"ULM","zip":89073},"name":"x"} ["zip", "city"]"#,
        ),
        (&[("address", "j")], r#"{"address":{}} ["j"]"#),
        (&[("name", "null"), ("email", "j.n")], r#"{"email":"1","name":null} ["j"]"#),
        (&[("email", "null"), ("name", "mail")], r#"{"name":"a@b"} ["mail"]"#),
        (
            &[("email", "mail mail")],
            "the expression `mail mail` has no value for `email`: the text is longer than 5 characters",
        ),
        (&[], "the mapping is empty; map one property or more"),
        (
            &[("email", "'x'")],
            "no expression of the mapping reads a property of the input; at least one must",
        ),
        (&[("nope", "mail")], "the mapping of `nope` leads nowhere: the output schema has no `nope` there"),
        (
            &[("email.x", "mail")],
            "the mapping of `email.x` leads nowhere: the output schema has no `x` there",
        ),
        (&[("", "mail")], "the mapping of `` is no path: `` is not the name of a property"),
        (
            &[("address", "j"), ("address.city", "city")],
            "the mapping of `address.city` is part of `address`, which is mapped too; keep one of them",
        ),
        (&[("email", "mail"), ("email", "mail")], "the mapping of `email` occurs twice"),
        (
            &[("email", "lower(mail")],
            "the expression for `email` is not valid: a `,` or `)` is missing before the end, for the bracket at character 6 at character 11",
        ),
        (
            &[("email", "nothing")],
            "the expression for `email` is not valid: there is no property `nothing`; there are mail, city, zip, j at character 1",
        ),
    ] {
        assert_eq!(told(expressions, values), expected, "{expressions:?}");
    }
}
