//! What functions return: which values each kind takes, which it refuses, and in what words.

use std::sync::Arc;

use dray_engine::expression::types::{ArrayType, DecimalType, FloatType, IntType, Pattern, StringType};
use dray_engine::expression::{Decimal, FailedStep, Json, Property, RepeatedMember, Schema, Type, Value};
use dray_engine::pipeline::function::FunctionSource;

use crate::support::{JavaScript, Python, call, function, returned, returned_with, sandbox, schema};

fn json(text: &str) -> Option<Value> {
    Some(Value::Json(Json::parse(text, RepeatedMember::Refused).expect("JSON")))
}

fn text(text: &str) -> Option<Value> {
    Some(Value::text(text))
}

#[test]
fn javascript_values_that_are_taken() {
    let nothing = None;
    for (kind, expression, expected) in [
        (Type::string(), "'é' + '\\u0000'", text("é\0")),
        (Type::string(), "'\\ud800x'", text("\u{fffd}x")),
        (Type::string(), "null", nothing.clone()),
        (Type::string(), "undefined", nothing.clone()),
        (Type::string(), "() => 1", nothing.clone()),
        (Type::string(), "Symbol('a')", nothing.clone()),
        (Type::int(8), "127.0", Some(Value::Int(127))),
        (Type::int(32), "-0", Some(Value::Int(0))),
        (Type::int(64), "12n", Some(Value::Int(12))),
        (Type::int(64), "'-9007199254740993'", Some(Value::Int(-9_007_199_254_740_993))),
        (Type::int(64), "BigInt('-9223372036854775808')", Some(Value::Int(i64::MIN.into()))),
        (Type::float(64), "-1/0", Some(Value::Float(f64::NEG_INFINITY))),
        (Type::float(64), "1", Some(Value::Float(1.0))),
        (Type::decimal(5, 2), "'1.50'", Some(Value::Decimal(Decimal::parse("1.5").expect("a number")))),
        (Type::DateTime, "'2024-03-01T12:20:30.5+02:00'", Some(Value::DateTime(1_709_288_430_500_000_000))),
        (Type::DateTime, "new Date(0)", Some(Value::DateTime(0))),
        (Type::Date, "'1970-01-02'", Some(Value::Date(1))),
        (Type::Time, "'00:00:01'", Some(Value::Time(1_000_000_000))),
        (Type::Year, "9999", Some(Value::Int(9999))),
        (Type::Ip, "'192.0.2.1'", Some(Value::Ip([192, 0, 2, 1].into()))),
        (Type::Json, "null", json("null")),
        (Type::Json, "NaN", json("null")),
        (
            Type::Json,
            "12345678901234567890123456789012345678901234567890n",
            json("12345678901234567890123456789012345678901234567890"),
        ),
        (
            Type::Json,
            "{ a: [1, , undefined, -0, 1.5, 1e21, () => 1], b: undefined, d: new Date(0), ['é']: new Map([[1, 2]]) }",
            json("{\"a\":[1,null,null,0,1.5,1e21,null],\"d\":\"1970-01-01T00:00:00.000Z\",\"é\":{}}"),
        ),
        (Type::Json, "{ toJSON() { return [1] } }", json("[1]")),
        (
            Type::array(Type::string()),
            "['a', 'b']",
            Some(Value::Array(vec![Value::text("a"), Value::text("b")])),
        ),
        (Type::array(Type::Json), "[null]", Some(Value::Array(vec![Value::Json(Json::Null)]))),
        (
            Type::Map(Box::new(Type::int(8))),
            "{ b: 1, a: 2, b: 3 }",
            Some(Value::Map(vec![("b".to_owned(), Value::Int(3)), ("a".to_owned(), Value::Int(2))])),
        ),
    ] {
        assert_eq!(returned(JavaScript, &kind, expression), Ok(expected), "{kind}: {expression}");
    }
}

#[test]
fn python_values_that_are_taken() {
    let nothing = None;
    let number = |text: &str| Some(Value::Decimal(Decimal::parse(text).expect("a number")));
    for (kind, expression, expected) in [
        (Type::string(), "'é\\0'", text("é\0")),
        (Type::string(), "None", nothing.clone()),
        (Type::string(), "decimal.Decimal('1.50')", text("1.50")),
        (Type::string(), "enum.StrEnum('E', ['A']).A", text("a")),
        (Type::Boolean, "1 == 1", Some(Value::Boolean(true))),
        (Type::int(8), "-128", Some(Value::Int(-128))),
        (Type::int(64), "2**63 - 1", Some(Value::Int(i64::MAX.into()))),
        (Type::int(8), "enum.IntEnum('E', ['A']).A", Some(Value::Int(1))),
        (Type::float(64), "float('-inf')", Some(Value::Float(f64::NEG_INFINITY))),
        (Type::float(64), "2**80", Some(Value::Float(2_f64.powi(80)))),
        (Type::decimal(10, 2), "decimal.Decimal('12.50')", number("12.5")),
        (Type::decimal(10, 2), "decimal.Decimal('1E+3')", number("1000")),
        (Type::decimal(10, 2), "'12.50'", number("12.5")),
        (Type::DateTime, "datetime.datetime(1970, 1, 1, 0, 0, 1, 5)", Some(Value::DateTime(1_000_005_000))),
        (Type::DateTime, "'1970-01-01 00:00:01'", Some(Value::DateTime(1_000_000_000))),
        (Type::Date, "datetime.date(1970, 1, 2)", Some(Value::Date(1))),
        (Type::Time, "datetime.time(0, 0, 1)", Some(Value::Time(1_000_000_000))),
        (Type::Year, "1", Some(Value::Int(1))),
        (Type::Uuid, "uuid.UUID(int=1)", Some(Value::Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]))),
        (
            Type::Uuid,
            "'00000000-0000-0000-0000-000000000001'",
            Some(Value::Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
        ),
        (Type::Json, "None", json("null")),
        (Type::Json, "2**150", json("1427247692705959881058285969449495136382746624")),
        (
            Type::Json,
            "{'a': (1, 1.0, None), 2: True, None: decimal.Decimal('1.5'), 'd': datetime.date(1970, 1, 1)}",
            json("{\"a\":[1,1.0,null],\"2\":true,\"null\":\"1.5\",\"d\":\"1970-01-01\"}"),
        ),
        (Type::Json, "collections.OrderedDict(a=collections.defaultdict(list))", json("{\"a\":{}}")),
        (
            Type::array(Type::string()),
            "('a', 'b')",
            Some(Value::Array(vec![Value::text("a"), Value::text("b")])),
        ),
        (
            Type::Map(Box::new(Type::int(8))),
            "{1: 1, '1': 2}",
            Some(Value::Map(vec![("1".to_owned(), Value::Int(2))])),
        ),
    ] {
        assert_eq!(returned(Python, &kind, expression), Ok(expected), "{kind}: {expression}");
    }
}

#[test]
fn values_of_the_wrong_type() {
    let address = Type::object((*schema(&[("zip", Type::int(32))])).clone());
    for (language, kind, expression, message) in [
        (JavaScript, Type::string(), "1", "v: it is Number, and must be String (string)"),
        (JavaScript, Type::string(), "1n", "v: it is BigInt, and must be String (string)"),
        (JavaScript, Type::Boolean, "'true'", "v: it is String, and must be Boolean (boolean)"),
        (JavaScript, Type::int(32), "1.5", "v: 1.5 is not a whole number of type int(32)"),
        (JavaScript, Type::int(32), "1n", "v: it is BigInt, and must be Number (int(32))"),
        (JavaScript, Type::int(32), "NaN", "v: NaN is not a whole number of type int(32)"),
        (JavaScript, Type::int(8), "128", "v: the number is above the maximum 127"),
        (JavaScript, Type::int(64), "1", "v: it is Number, and must be BigInt or String of digits (int(64))"),
        (JavaScript, Type::int(64), "2n ** 63n", "v: the number is above the maximum 9223372036854775807"),
        (JavaScript, Type::decimal(3, 1), "1.5", "v: it is Number, and must be String (decimal(3, 1))"),
        (JavaScript, Type::decimal(3, 1), "'1.55'", "v: `1.55` is not a number of type decimal(3, 1)"),
        (
            JavaScript,
            Type::DateTime,
            "'2024-03-01T10:20:30'",
            "v: `2024-03-01T10:20:30` cannot be read as a date time (RFC 3339)",
        ),
        (JavaScript, Type::Date, "'2024-02-30'", "v: `2024-02-30` cannot be read as a date (YYYY-MM-DD)"),
        (JavaScript, Type::Date, "'02/03/2024'", "v: `02/03/2024` cannot be read as a date (YYYY-MM-DD)"),
        (JavaScript, Type::Date, "''", "v: `` cannot be read as a date (YYYY-MM-DD)"),
        (JavaScript, Type::Time, "'24:00:00'", "v: `24:00:00` cannot be read as a time (hh:mm:ss)"),
        (JavaScript, Type::Year, "0", "v: the year is not between 1 and 9999"),
        (JavaScript, Type::Uuid, "'x'", "v: `x` cannot be read as a UUID"),
        (JavaScript, Type::Uuid, "''", "v: `` cannot be read as uuid"),
        (JavaScript, Type::Ip, "'256.0.0.1'", "v: `256.0.0.1` cannot be read as an IP address"),
        (JavaScript, Type::array(Type::int(8)), "{}", "v: it is Object, and must be Array (array(int))"),
        (
            JavaScript,
            Type::array(Type::int(8)),
            "[1, 'x']",
            "v[1]: it is String, and must be Number (int(8))",
        ),
        (JavaScript, Type::array(Type::int(8)), "[1, null]", "v[1]: it is null, and must be Number (int(8))"),
        (JavaScript, address.clone(), "{ zip: 'x' }", "v.zip: it is String, and must be Number (int(32))"),
        (
            JavaScript,
            address.clone(),
            "{ street: 1 }",
            "v.street: there is no such property among those it may return",
        ),
        (JavaScript, address.clone(), "[]", "v: it is Array, and must be Object (object)"),
        (
            JavaScript,
            Type::Map(Box::new(Type::int(8))),
            "{ a: null }",
            "v.a: it is null, and must be Number (int(8))",
        ),
        (Python, Type::string(), "1", "v: it is int, and must be str (string)"),
        (Python, Type::string(), "True", "v: it is bool, and must be str (string)"),
        (Python, Type::string(), "['a']", "v: it is list, and must be str (string)"),
        (
            Python,
            Type::string(),
            "'\\ud800'",
            "v: the text has half of a surrogate pair, which is no Unicode",
        ),
        (Python, Type::Boolean, "1", "v: it is int, and must be bool (boolean)"),
        (Python, Type::int(32), "1.0", "v: it is float, and must be int (int(32))"),
        (Python, Type::int(32), "2**31", "v: the number is above the maximum 2147483647"),
        (Python, Type::int(64), "10**5000", "v: the whole number has too many digits"),
        (Python, Type::decimal(3, 1), "1.5", "v: it is float, and must be decimal.Decimal (decimal(3, 1))"),
        (
            Python,
            Type::decimal(3, 1),
            "decimal.Decimal('NaN')",
            "v: `NaN` is not a number of type decimal(3, 1)",
        ),
        (
            Python,
            Type::DateTime,
            "datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)",
            "v: `1970-01-01 00:00:00+00:00` cannot be read as a datetime.datetime without a zone",
        ),
        (
            Python,
            Type::Date,
            "datetime.datetime(1970, 1, 1)",
            "v: `1970-01-01 00:00:00` cannot be read as a date (YYYY-MM-DD)",
        ),
        (Python, Type::array(Type::int(8)), "{1}", "v: it is set, and must be list (array(int))"),
        (
            Python,
            address,
            "{'zip': None, 'city': 1}",
            "v.city: there is no such property among those it may return",
        ),
    ] {
        let found = returned(language, &kind, expression);
        assert_eq!(found, Err(message.to_owned()), "{} {kind}: {expression}", language.name());
    }
}

#[test]
fn constraints_are_kept() {
    let string = |string: StringType| Type::String(string);
    let values =
        string(StringType { values: Arc::from(["a".to_owned(), "b".to_owned()]), ..Default::default() });
    let pattern = regex_pattern("^[a-z]+$");
    let pattern = string(StringType { pattern: Some(pattern), ..Default::default() });
    let short = string(StringType { max_length: Some(2), ..Default::default() });
    let few = string(StringType { max_bytes: Some(2), ..Default::default() });
    let small = Type::Int(IntType { minimum: 3, maximum: 5, ..IntType::full(8, false) });
    let real = Type::Float(FloatType { bit_size: 64, real: true, minimum: Some(0.5), maximum: None });
    let price = Type::Decimal(DecimalType {
        precision: 5,
        scale: 2,
        minimum: Decimal::parse("1"),
        maximum: Decimal::parse("9"),
    });
    let some = Type::Array(ArrayType {
        element: Box::new(Type::int(8)),
        min_elements: 1,
        max_elements: 2,
        unique: true,
    });
    for (kind, good, bad) in [
        (
            &values,
            "'a'",
            vec![
                ("'c'", "v: `c` is not one of the allowed values"),
                ("''", "v: the text is empty, which is not allowed here"),
            ],
        ),
        (
            &pattern,
            "'abc'",
            vec![
                ("'A'", "v: the text does not match the pattern `^[a-z]+$`"),
                ("''", "v: the text is empty, which is not allowed here"),
            ],
        ),
        (&short, "'éé'", vec![("'abc'", "v: the text is longer than 2 characters")]),
        (&few, "'é'", vec![("'éé'", "v: the text is longer than 2 bytes")]),
        (
            &small,
            "3",
            vec![
                ("2", "v: the number is below the minimum 3"),
                ("6", "v: the number is above the maximum 5"),
            ],
        ),
        (&real, "0.5", vec![("0.25", "v: the number is below the minimum 0.5")]),
        (
            &price,
            "'1.25'",
            vec![
                ("'0.5'", "v: the number is below the minimum 1"),
                ("'10'", "v: the number is above the maximum 9"),
            ],
        ),
        (
            &some,
            "[1, 2]",
            vec![
                ("[]", "v: there are fewer than 1 elements"),
                ("[1, 2, 3]", "v: there are more than 2 elements"),
                ("[1, 1]", "v: two elements are equal; each may occur once"),
            ],
        ),
    ] {
        for language in [JavaScript, Python] {
            assert!(returned(language, kind, good).is_ok_and(|value| value.is_some()), "{kind}: {good}");
            for (expression, message) in &bad {
                assert_eq!(returned(language, kind, expression), Err((*message).to_owned()), "{kind}");
            }
        }
    }
    assert_eq!(
        returned(JavaScript, &real, "1/0"),
        Err("v: `+Inf` is not a number of type float(64)".to_owned())
    );
    assert_eq!(
        returned(Python, &real, "float('nan')"),
        Err("v: `NaN` is not a number of type float(64)".to_owned())
    );
}

fn regex_pattern(text: &str) -> Pattern {
    Pattern(regex::Regex::new(text).expect("a pattern"))
}

#[test]
fn json_given_back_as_text() {
    for language in [JavaScript, Python] {
        let back = |expression: &str| returned_with(language, &Type::Json, expression, true);
        assert_eq!(back("'[1.50, {}]'"), Ok(json("[1.50,{}]")));
        assert_eq!(back("'null'"), Ok(json("null")));
        let wrong = back("'[1,]'").expect_err("no JSON");
        assert!(wrong.starts_with("v: the text is not valid JSON: "), "{wrong}");
        let wrong = back("[1]").expect_err("no text");
        let names = if language == JavaScript { ("Array", "String") } else { ("list", "str") };
        assert_eq!(wrong, format!("v: it is {}, and must be {} (json)", names.0, names.1));
    }
    assert_eq!(returned_with(JavaScript, &Type::Json, "null", true), Ok(None));
}

#[test]
fn nulls_and_members_that_are_left_out() {
    let nullable = |name: &str, kind: Type| Property { nullable: true, ..Property::new(name, kind) };
    let inner = Schema { properties: vec![nullable("a", Type::string()), Property::new("b", Type::Date)] };
    let output = Arc::new(Schema {
        properties: vec![nullable("x", Type::int(8)), Property::new("y", Type::object(inner))],
    });
    for (language, source) in [
        (JavaScript, "const transform = () => ({ y: { b: null, a: null }, x: null })"),
        (Python, "def transform(u): return {'y': {'b': None, 'a': None}, 'x': None}"),
    ] {
        let function = FunctionSource { output: Arc::clone(&output), ..function(language, source) };
        let results = call(sandbox(), &function, 1).expect("it runs");
        let object = Value::Object(vec![Some(Value::Null), None]);
        assert_eq!(results, [Ok(vec![Some(Value::Null), Some(object)])], "{}", language.name());
    }
}

#[test]
fn one_bad_record_among_good_ones() {
    for (language, source) in [
        (JavaScript, "const transform = (u) => u.v === 1 ? { w: [[1], {a: 'x'}] } : { v: 'x' + u.v }"),
        (
            Python,
            "def transform(u): return {'w': [[1], {'a': 'x'}]} if u['v'] == 1 else {'v': f\"x{u['v']}\"}",
        ),
    ] {
        let results = call(sandbox(), &function(language, source), 3).expect("it runs");
        assert_eq!(results.first(), Some(&Ok(vec![text("x0")])));
        let failed = results.get(1).and_then(|result| result.as_ref().err()).expect("a failure");
        assert_eq!(failed.step, FailedStep::OutputValidation);
        assert_eq!(failed.message, "w: there is no such property among those it may return");
        assert_eq!(results.get(2), Some(&Ok(vec![text("x2")])));
    }
}
