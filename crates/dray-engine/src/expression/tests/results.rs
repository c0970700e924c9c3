//! Section 4.3: what becomes of null, of literals alone, and of parts joined as text.

use super::super::Program;
use super::super::types::{Property, Type};
use super::{constant, kind, outcome, outcome_as, record, schema};

#[test]
fn section_4_3_null_is_kept_or_left_out() {
    let input = schema("v:string j:json");
    for values in ["{}", "{\"v\":null,\"j\":null}"] {
        for expression in ["v", "j", "null", "lower(v)"] {
            let nullable = Property { nullable: true, ..Property::new("out", Type::string()) };
            assert_eq!(outcome_as(&input, values, expression, nullable), "null", "{expression}");
            let plain = Property::new("out", Type::string());
            assert_eq!(outcome_as(&input, values, expression, plain), "omitted", "{expression}");
        }
    }
}

#[test]
fn section_4_3_lone_constants_are_converted_at_once() {
    for (expression, to, says) in [
        ("300", "int8", "above the maximum 127"),
        ("'abc'", r#"{"kind":"string","values":["a"]}"#, "not one of the allowed"),
        ("'abc'", r#"{"kind":"string","maxLength":2}"#, "longer than 2 characters"),
        ("'x' 5", "int32", "not a number"),
        ("2.5", "int32", "not a number"),
        ("5", "date", "cannot become date"),
        ("1e60", "string", "39 digits"),
    ] {
        let told = constant(expression, to);
        assert!(told.starts_with("refused: ") && told.contains(says), "{expression}: {told}");
    }
    assert_eq!(constant("'4' 2", "int32"), "42");
    assert_eq!(constant("'2024-03-01'", "date"), "\"2024-03-01\"");
}

#[test]
fn section_4_3_joining() {
    let input = "b:boolean u:uuid i:ip y:year cx:decimal(5,3) n:string j:json a:array(string)";
    let values = "{\"b\":true,\"u\":\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\",\"i\":\"::1\",\"y\":2024,\"cx\":0.142,\"j\":null}";
    for (expression, expected) in [
        ("cx cx", "\"0.1420.142\""),
        ("b '/' y '/' i", "\"true/2024/::1\""),
        ("u ''", "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\""),
        ("'a' n 'b'", "\"ab\""),
        ("'a' j 'b'", "\"ab\""),
        ("n n", "\"\""),
    ] {
        assert_eq!(outcome(input, values, expression, "string"), expected, "{expression}");
    }
    assert!(outcome(input, values, "'x' a", "string").starts_with("refused"));
    let told = outcome("j:json", "{\"j\":[]}", "'x' j", "string");
    assert_eq!(told, "Transformation: a JSON array cannot be joined to a text");
}

#[test]
fn errors_of_records_name_the_expression_and_the_path() {
    let input = schema("v:string");
    let program = Program::compile("v", "address.number", &Property::new("number", kind("int8")), &input);
    let error = program.expect("it compiles").evaluate(&record(&input, "{\"v\":\"twelve\"}"));
    assert_eq!(
        error.err().map(|error| error.to_string()).as_deref(),
        Some("the expression `v` has no value for `address.number`: `twelve` is not a number of type int(8)")
    );
}
