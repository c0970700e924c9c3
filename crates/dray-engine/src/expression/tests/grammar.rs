//! Section 4.1 and 4.2: what an expression may look like, where mistakes are told to be, and what paths
//! lead to.

use super::super::types::{Property, Schema, Type};
use super::super::{Dialect, Expression, Program, Value};
use super::{constant, kind, outcome, outcome_as};

fn wrong(text: &str) -> String {
    Expression::parse(text, Dialect::Mapping).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn section_4_1_literals_and_their_joining() {
    for (expression, expected) in [
        ("'a'", "\"a\""),
        ("\"a\"", "\"a\""),
        ("'f' 'o' 5 true", "\"fo5true\""),
        ("'a''b'", "\"ab\""),
        ("-3'a'", "\"-3a\""),
        ("-.5", "\"-0.5\""),
        ("1.", "\"1\""),
        ("2.50", "\"2.5\""),
        ("1e3", "\"1000\""),
        ("15E-1 'x'", "\"1.5x\""),
        ("null 'a'", "\"a\""),
        ("null", "omitted"),
        ("''", "\"\""),
        ("  \t\r\n 'a' \n", "\"a\""),
        ("'line\none'", "\"line\\none\""),
        (r"'\a\b\f\n\r\t\v\\\'\''", "\"\\u0007\\u0008\\u000c\\n\\r\\t\\u000b\\\\''\""),
        (r#"'\"\u00e9\U0001F600'"#, "\"\\\"é😀\""),
        ("9223372036854775807", "\"9223372036854775807\""),
        ("9223372036854775808", "\"9223372036854775808\""),
    ] {
        assert_eq!(constant(expression, "string"), expected, "{expression}");
    }
}

#[test]
fn section_4_1_what_is_refused_and_where() {
    for (expression, place, says) in [
        ("", "character 1", "empty"),
        (" \n ", "character 1", "empty"),
        ("a &", "character 3", "one after the other"),
        ("a-b", "character 2", "use _"),
        ("-name", "character 1", "use _"),
        ("2.7name", "character 1", "number"),
        ("1_000", "character 1", "number"),
        ("0x1", "character 1", "number"),
        ("1.x", "character 1", "number"),
        ("3e", "character 1", "number"),
        ("01", "character 1", "number"),
        ("1.2.3", "character 1", "number"),
        ("+5", "character 1", "`+`"),
        (".5", "character 1", "0.5"),
        ("'abc", "character 1", "never closed"),
        ("a \"abc", "character 3", "never closed"),
        ("'a\\", "character 3", "no such escape"),
        ("'\\x'", "character 2", "no such escape"),
        ("'\\u12'", "character 2", "4 hexadecimal"),
        ("'\\ud800'", "character 2", "surrogates"),
        ("'\\U00110000'", "character 2", "surrogates"),
        ("'\\u0000'", "character 2", "NUL"),
        ("'a\0'", "character 3", "NUL"),
        ("'é' lower(", "character 11", "a value is missing at the end"),
        ("lower('a'", "character 10", "bracket at character 6"),
        ("lower('a',)", "character 11", "a value is missing before `)`"),
        ("lower(,)", "character 7", "a value is missing before `,`"),
        ("upper()", "character 1", "1 argument, not 0"),
        ("if(true)", "character 1", "at least 2 arguments, not 1"),
        ("if(true,1,2,3)", "character 1", "at most 3 arguments, not 4"),
        ("map('a')", "character 1", "not pairs"),
        ("nope(1)", "character 1", "no function `nope`"),
        ("Lower('a')", "character 1", "write `lower`"),
        ("when(true,1)", "character 1", "write `if`"),
        ("equals(1,1)", "character 1", "no function `equals`"),
        ("'a'\n 'b' )", "character 10 (line 2, column 6)", "`)` cannot stand here"),
        ("('a')", "character 1", "a value is missing before `(`"),
        ("a ['x']", "character 3", "`[` cannot stand here"),
        ("a[x]", "character 2", "a text in quotes is missing"),
        ("a[0]", "character 2", "a text in quotes is missing"),
        ("a?", "character 2", "only after a step"),
        ("a.b ?", "character 5", "only after a step"),
        ("a.", "character 2", "a name is missing"),
        ("true.x", "character 1", "write .true"),
        ("$a", "character 1", "name of the property alone"),
        ("“a”", "character 1", "straight quotes"),
        ("имя", "character 1", "`и`"),
    ] {
        let told = wrong(expression);
        assert!(told.contains(says), "{expression:?}: {told}");
        assert!(told.ends_with(&format!(" at {place}")), "{expression:?}: {told}");
    }
}

#[test]
fn section_4_1_words_are_properties_after_a_point() {
    let input = "true:string lower:string a:string";
    let values = "{\"true\":\"T\",\"lower\":\"L\",\"a\":\"A\"}";
    for (expression, expected) in [
        (".true", "\"T\""),
        ("true", "\"true\""),
        ("lower", "\"L\""),
        ("lower (lower)", "\"l\""),
        ("a .true a", "\"ATA\""),
        (".a", "\"A\""),
    ] {
        assert_eq!(outcome(input, values, expression, "string"), expected, "{expression}");
    }
}

fn nested() -> Schema {
    let object = |properties| Type::object(Schema { properties });
    Schema {
        properties: vec![
            Property::new("engine", object(vec![Property::new("power", kind("unsigned32"))])),
            Property { nullable: true, ..Property::new("properties", Type::Json) },
            Property::new("map", kind("map(string)")),
            Property::new(
                "deep",
                Type::Map(Box::new(Type::Map(Box::new(object(vec![Property::new("p", kind("string"))]))))),
            ),
            Property::new("jsons", kind("map(json)")),
            Property::new("s", kind("string")),
            Property { nullable: true, ..Property::new("d", object(vec![Property::new("p", Type::Json)])) },
        ],
    }
}

const NESTED: &str = r#"{"engine":{"power":7000},
    "properties":{"a":1.0,"b":{},"n":null,"2x":"two","é":{"y":"x"},"list":[1]},
    "map":{"k":"v"},"deep":{"a":{"b":{"p":"deep"}}},"jsons":{"k":{"x":"in"}},"s":"text","d":{"p":{"s":1}}}"#;

#[test]
fn section_4_2_paths() {
    for (expression, expected) in [
        ("engine.power ' x ' 1.36", "\"7000 x 1.36\""),
        ("engine['power']", "\"7000\""),
        ("engine[ \"power\" ]", "\"7000\""),
        ("map['k']", "\"v\""),
        ("map.k", "\"v\""),
        ("map['none']", "omitted"),
        ("deep['a']['b'].p", "\"deep\""),
        ("deep['a']['none'].p", "omitted"),
        ("deep['x']['none'].p", "omitted"),
        ("jsons.k.x", "\"in\""),
        ("jsons.none.x", "omitted"),
        ("properties.2x", "\"two\""),
        ("properties['é']['y']", "\"x\""),
        ("properties.b.x", "omitted"),
        ("properties.b.x.y", "omitted"),
        ("properties.a.x?", "omitted"),
        ("properties.n.x?", "omitted"),
        ("properties.list.x?", "omitted"),
        ("properties.n", "omitted"),
    ] {
        let property = Property::new("out", Type::string());
        assert_eq!(outcome_as(&nested(), NESTED, expression, property), expected, "{expression}");
    }
    for (expression, says) in [
        ("properties.a.x", "there is a JSON number"),
        ("properties.n.x", "there is JSON null"),
        ("properties.list.x", "there is a JSON array"),
    ] {
        let told = outcome_as(&nested(), NESTED, expression, Property::new("out", Type::string()));
        assert!(told.starts_with("Transformation: ") && told.contains(says), "{expression}: {told}");
    }
    // A property without a value has no members, which is no mistake.
    let property = Property::new("out", Type::string());
    let program = Program::compile("properties.a.x", "out", &property, &nested()).expect("it compiles");
    for nothing in [None, Some(Value::Null)] {
        assert_eq!(program.evaluate(&[None, nothing]), Ok(None));
    }
}

#[test]
fn section_4_2_paths_that_lead_nowhere() {
    for (expression, place, says) in [
        ("'a' none", "character 5", "no property `none`"),
        ("engine.none", "character 7", "`engine` has no property `none`"),
        ("engine['a b']", "character 7", "not the name of a property"),
        ("engine.power.x", "character 13", "`engine.power` is of kind int"),
        ("s.x", "character 2", "`s` is of kind string"),
        ("s.x?", "character 2", "only after a step inside JSON"),
        ("map.k?", "character 4", "only after a step inside JSON"),
    ] {
        let told = outcome_as(&nested(), "{}", expression, Property::new("out", Type::string()));
        assert!(told.contains(says), "{expression}: {told}");
        assert!(told.ends_with(&format!(" at {place}")), "{expression}: {told}");
    }
}

#[test]
fn section_4_2_inputs_of_an_expression() {
    for (expression, expected) in [
        ("d.p.s?", vec!["d.p"]),
        ("properties.a.b", vec!["properties"]),
        ("deep['b']['k'].p s s", vec!["deep.p", "s"]),
        ("map['k']", vec!["map"]),
        ("jsons.k.x engine.power", vec!["jsons", "engine.power"]),
    ] {
        let property = Property::new("out", Type::string());
        let program = Program::compile(expression, "out", &property, &nested());
        assert_eq!(program.map(|program| program.inputs).unwrap_or_default(), expected, "{expression}");
    }
}
