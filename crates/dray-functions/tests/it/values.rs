//! What functions get: the values of each kind as their language has them; and that the same values, given
//! back, are the same values.

use dray_engine::expression::value::Record;
use dray_engine::expression::{Decimal, Json, RepeatedMember, Type, Value};
use dray_engine::pipeline::function::{FunctionSource, Language};

use crate::support::{JavaScript, Python, function, load, schema};

fn json(text: &str) -> Value {
    Value::Json(Json::parse(text, RepeatedMember::Refused).expect("JSON"))
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).expect("a number"))
}

/// What the function sees, and what comes back when it returns the value.
fn seen(language: Language, kind: &Type, value: Value, preserve_json: bool) -> (String, Option<Value>) {
    let source = match language {
        JavaScript => {
            "const show = (v) => typeof v === 'object' && v !== null
                ? (Array.isArray(v) ? `[${v.map(show)}]`
                    : `{${Object.entries(v).map(([k, e]) => `${k}: ${show(e)}`)}}`)
                : v === null ? 'null' : `${typeof v} ${Object.is(v, -0) ? '-0' : v}`;
             const transform = (user) => ({ v: user.v, seen: show(user.v) })"
        }
        Python => "def transform(user):\n    v = user['v']\n    return {'v': v, 'seen': repr(v)}",
    };
    let function = FunctionSource {
        preserve_json,
        input: schema(&[("v", kind.clone())]),
        output: schema(&[("v", kind.clone()), ("seen", Type::string())]),
        ..function(language, source)
    };
    let results = load(&function).expect("it loads").call(vec![vec![Some(value)]]).expect("it runs");
    let Some(Ok(record)) = results.first() else { panic!("{kind}: {results:?}") };
    match record.as_slice() {
        [value, Some(Value::Text(seen))] => (seen.clone(), value.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_kind_is_what_its_language_has() {
    let person = || {
        Type::object(
            (*schema(&[("name", Type::string()), ("born", Type::Date), ("none", Type::string())])).clone(),
        )
    };
    let ada = Value::Object(vec![Some(Value::text("Ada")), Some(Value::Date(-56_270)), None]);
    let id = Value::Uuid(*b"\x6b\xa7\xb8\x10\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8");
    let id_text = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let unsigned = Type::Int(dray_engine::expression::types::IntType::full(64, true));
    let unsigned_32 = Type::Int(dray_engine::expression::types::IntType::full(32, true));
    let table = [
        (Type::string(), Value::text("Zoë 😀\0\"'"), "string Zoë 😀\0\"'", "'Zoë 😀\\x00\"\\''"),
        (Type::string(), Value::text(""), "string ", "''"),
        (Type::Boolean, Value::Boolean(true), "boolean true", "True"),
        (Type::int(8), Value::Int(-128), "number -128", "-128"),
        (unsigned_32, Value::Int(4_294_967_295), "number 4294967295", "4294967295"),
        (Type::int(64), Value::Int(7), "bigint 7", "7"),
        (
            Type::int(64),
            Value::Int(i128::from(i64::MIN)),
            "bigint -9223372036854775808",
            "-9223372036854775808",
        ),
        (unsigned, Value::Int(u64::MAX.into()), "bigint 18446744073709551615", "18446744073709551615"),
        (Type::float(64), Value::Float(0.1), "number 0.1", "0.1"),
        (Type::float(64), Value::Float(f64::INFINITY), "number Infinity", "inf"),
        (Type::float(64), Value::Float(f64::NEG_INFINITY), "number -Infinity", "-inf"),
        (Type::float(32), Value::Float(2.5), "number 2.5", "2.5"),
        (Type::decimal(10, 3), decimal("-1234.500"), "string -1234.5", "Decimal('-1234.5')"),
        (
            Type::DateTime,
            Value::DateTime(1_709_288_430_123_456_000),
            "string 2024-03-01T10:20:30.123456Z",
            "datetime.datetime(2024, 3, 1, 10, 20, 30, 123456)",
        ),
        (
            Type::DateTime,
            Value::DateTime(-62_135_596_800_000_000_000),
            "string 0001-01-01T00:00:00Z",
            "datetime.datetime(1, 1, 1, 0, 0)",
        ),
        (Type::Date, Value::Date(19_783), "string 2024-03-01", "datetime.date(2024, 3, 1)"),
        (
            Type::Time,
            Value::Time(37_230_500_000_000),
            "string 10:20:30.5",
            "datetime.time(10, 20, 30, 500000)",
        ),
        (Type::Year, Value::Int(2024), "number 2024", "2024"),
        (Type::Uuid, id.clone(), "string 6ba7b810-9dad-11d1-80b4-00c04fd430c8", ""),
        (
            Type::Ip,
            Value::Ip("2001:db8::1".parse().expect("an address")),
            "string 2001:db8::1",
            "'2001:db8::1'",
        ),
        (
            Type::Json,
            json("{\"a\":[1,2.5,null,true,\"x\"],\"b\":{}}"),
            "{a: [number 1,number 2.5,null,boolean true,string x],b: {}}",
            "{'a': [1, 2.5, None, True, 'x'], 'b': {}}",
        ),
        (Type::Json, json("null"), "null", "None"),
        (
            Type::array(Type::int(64)),
            Value::Array(vec![Value::Int(1), Value::Int(2)]),
            "[bigint 1,bigint 2]",
            "[1, 2]",
        ),
        (
            Type::array(Type::Date),
            Value::Array(vec![Value::Date(0)]),
            "[string 1970-01-01]",
            "[datetime.date(1970, 1, 1)]",
        ),
        (
            person(),
            ada.clone(),
            "{name: string Ada,born: string 1815-12-10}",
            "{'name': 'Ada', 'born': datetime.date(1815, 12, 10)}",
        ),
        (
            Type::Map(Box::new(Type::decimal(5, 1))),
            Value::Map(vec![("ü".to_owned(), decimal("1.5")), ("__proto__".to_owned(), decimal("2"))]),
            "{ü: string 1.5,__proto__: string 2}",
            "{'ü': Decimal('1.5'), '__proto__': Decimal('2')}",
        ),
        (
            Type::array(person()),
            Value::Array(vec![ada]),
            "[{name: string Ada,born: string 1815-12-10}]",
            "[{'name': 'Ada', 'born': datetime.date(1815, 12, 10)}]",
        ),
    ];
    for (kind, value, in_javascript, in_python) in table {
        let python = if in_python.is_empty() { format!("UUID('{id_text}')") } else { in_python.to_owned() };
        for (language, expected) in [(JavaScript, in_javascript), (Python, python.as_str())] {
            let (seen, back) = seen(language, &kind, value.clone(), false);
            assert_eq!(seen, expected, "{kind} in {}", language.name());
            assert_eq!(back.as_ref(), Some(&value), "{kind} in {}", language.name());
        }
    }
}

#[test]
fn nan_comes_back_as_nan() {
    for (language, expected) in [(JavaScript, "number NaN"), (Python, "nan")] {
        let (seen, back) = seen(language, &Type::float(64), Value::Float(f64::NAN), false);
        assert_eq!(seen, expected);
        assert!(matches!(back, Some(Value::Float(number)) if number.is_nan()), "{back:?}");
    }
}

#[test]
fn json_can_be_kept_as_its_text() {
    let text = "{\"big\":12345678901234567890.10,\"a\":[1.0]}";
    let (seen_there, back) = seen(JavaScript, &Type::Json, json(text), true);
    assert_eq!(seen_there, format!("string {text}"));
    assert_eq!(back.map(|value| format!("{value:?}")), Some(format!("{:?}", json(text))));
    let (seen_there, back) = seen(Python, &Type::Json, json(text), true);
    assert_eq!(seen_there, format!("'{text}'"));
    assert_eq!(back.map(|value| format!("{value:?}")), Some(format!("{:?}", json(text))));
    // Else its numbers are those of the language.
    let (seen_there, _) = seen(JavaScript, &Type::Json, json("12345678901234567890"), false);
    assert_eq!(seen_there, "number 12345678901234567000");
    let (seen_there, back) = seen(Python, &Type::Json, json("12345678901234567890"), false);
    assert_eq!(seen_there, "12345678901234567890");
    assert_eq!(back, Some(json("12345678901234567890")));
}

#[test]
fn what_is_finer_than_python_knows_is_cut() {
    let moment = Value::DateTime(1_709_288_430_123_456_789);
    assert_eq!(seen(JavaScript, &Type::DateTime, moment.clone(), false).1, Some(moment.clone()));
    let cut = Some(Value::DateTime(1_709_288_430_123_456_000));
    assert_eq!(seen(Python, &Type::DateTime, moment, false).1, cut);
    assert_eq!(seen(Python, &Type::Time, Value::Time(1_999), false).1, Some(Value::Time(1_000)));
}

#[test]
fn missing_is_absent_and_null_is_null() {
    let records = || -> Vec<Record> {
        vec![vec![None, Some(Value::Null)], vec![Some(Value::text("x")), None], vec![None, None]]
    };
    for (language, source) in [
        (
            JavaScript,
            "const transform = (u) => ({ v: Object.entries(u).map(([k, v]) => k + '=' + v).join() })",
        ),
        (Python, "def transform(u): return {'v': ','.join(f'{k}={v}' for k, v in u.items())}"),
    ] {
        let function = FunctionSource {
            input: schema(&[("a", Type::string()), ("b", Type::Date)]),
            ..function(language, source)
        };
        let results = load(&function).expect("it loads").call(records()).expect("it runs");
        let texts: Vec<String> = results
            .into_iter()
            .map(|result| match result.expect("a record").pop() {
                Some(Some(Value::Text(text))) => text,
                other => panic!("{other:?}"),
            })
            .collect();
        let null = if language == JavaScript { "b=null" } else { "b=None" };
        assert_eq!(texts, [null, "a=x", ""], "{}", language.name());
    }
}

#[test]
fn many_records_keep_their_order() {
    for (language, source) in [
        (JavaScript, "const transform = (u) => ({ v: String(u.v) })"),
        (Python, "def transform(u): return {'v': str(u['v'])}"),
    ] {
        let mut loaded = load(&function(language, source)).expect("it loads");
        for count in [0, 1, 99, 100, 101, 2_345] {
            let records = (0..count).map(|number| vec![Some(Value::Int(number))]).collect();
            let results = loaded.call(records).expect("it runs");
            assert_eq!(results.len(), usize::try_from(count).expect("few"));
            for (number, result) in results.into_iter().enumerate() {
                assert_eq!(result, Ok(vec![Some(Value::Text(number.to_string()))]));
            }
        }
    }
}
