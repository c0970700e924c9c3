//! Whatever anybody writes: it is parsed, refused or evaluated soon, and never breaks anything; and what
//! is printed means the same.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{prop_assert_eq, proptest};

use super::super::function::FUNCTIONS;
use super::super::syntax::{Part, Path, Place, Step, StepTo, Term};
use super::super::types::{Property, Type};
use super::super::{Decimal, Dialect, Expression, ExpressionErrorKind, Program, Trigger, Value};
use super::{kind, outcome, outcome_as, schema};

#[test]
fn sizes_are_limited() {
    let kind_of = |text: &str, dialect| Expression::parse(text, dialect).err().map(|error| error.kind);
    let too_large = Some(ExpressionErrorKind::TooLarge);
    for text in [
        "a".repeat(10_001),
        "lower(".repeat(1_600),
        format!("{}a{}", "lower(".repeat(66), ")".repeat(66)),
        "a ".repeat(1_001),
        format!("array({}1)", "1,".repeat(1_001)),
    ] {
        assert_eq!(kind_of(&text, Dialect::Mapping), too_large, "{}", text.get(..20).unwrap_or_default());
    }
    for text in ["(".repeat(10_000), "[".repeat(10_000), "not(".repeat(2_500), "!a && ".repeat(1_001)] {
        assert_eq!(kind_of(&text, Dialect::Trigger), too_large, "{}", text.get(..20).unwrap_or_default());
    }
    assert_eq!(kind_of(&format!("{}a", "!".repeat(9_999)), Dialect::Trigger), None);
    assert_eq!(kind_of(&format!("{}a{}", "lower(".repeat(64), ")".repeat(64)), Dialect::Mapping), None);
    assert_eq!(kind_of(&"é".repeat(10_000), Dialect::Mapping), Some(ExpressionErrorKind::Syntax));
    assert_eq!(kind_of(&format!("a{}", ".b".repeat(4_000)), Dialect::Mapping), None);
}

#[test]
fn huge_numbers_and_odd_signs() {
    let input = schema("unused:json");
    let number = |text: &str, to: &str| outcome_as(&input, "{}", text, Property::new("out", kind(to)));
    for text in [
        "9".repeat(9_000),
        "1e999999999".to_owned(),
        "1e99999999999999999999".to_owned(),
        "-1e-999999999".to_owned(),
    ] {
        assert!(number(&text, "string").starts_with("refused: "), "{}", text.get(..9).unwrap_or_default());
    }
    for text in [
        "\u{1}",
        "a\u{7f}b",
        "'a\u{1b}",
        "\u{feff}a",
        "a\u{a0}b",
        "'\\u{41}'",
        "\\",
        "`a`",
        "a;b",
        "{a}",
        "a#b",
        "@",
    ] {
        assert!(number(text, "string").starts_with("refused: "), "{text:?}");
    }
    assert_eq!(number("'\u{1}\u{85}'", "string"), "\"\\u0001\u{85}\"");
    let long = format!("{{\"s\":\"{}\"}}", "1".repeat(100_000));
    for to in ["int64", "decimal(76,37)", "date", "year", "uuid", "ip", "datetime", "time"] {
        assert!(outcome("s:string", &long, "s", to).starts_with("OutputValidation: "), "{to}");
    }
    let deep = format!("{{\"s\":\"{}\"}}", "[".repeat(100_000));
    assert!(outcome("s:string", &deep, "json_parse(s)", "json").contains("128 levels"));
    let large = "{\"j\":1e999999999}";
    for to in ["int64", "float64", "decimal(76,37)", "year"] {
        assert!(outcome("j:json", large, "j", to).starts_with("OutputValidation: "), "{to}");
    }
    assert_eq!(outcome("j:json", large, "eq(j, 1e3)", "boolean"), "false");
}

#[test]
fn what_one_evaluation_makes_is_limited() {
    let values = format!("{{\"s\":\"{}\"}}", "x".repeat(1 << 20));
    for expression in [
        "s ".repeat(900),
        format!("array({}s)", "s,".repeat(900)),
        format!("{}s{}", "lower(s s s ".repeat(60), ")".repeat(60)),
    ] {
        let told = outcome(
            "s:string",
            &values,
            &expression,
            if expression.starts_with('a') { "json" } else { "string" },
        );
        assert!(told.contains("more than 16777216 bytes"), "{}", told.get(..200).unwrap_or_default());
    }
    // A function of a function of a function … is compiled once, not twice for each level.
    let nested = format!("{}1{}", "in(coalesce(if(true,".repeat(16), ",1),1),1,2)".repeat(16));
    assert!(Trigger::compile(&nested).is_ok());
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,6}"
}

fn step() -> impl Strategy<Value = Step> {
    let to = prop_oneof!["[a-z0-9_]{1,4}", "[^\\x00]{0,4}"].prop_map(StepTo::Name);
    (to, any::<bool>()).prop_map(|(to, optional)| Step { place: Place(0), to, optional })
}

fn term() -> impl Strategy<Value = Term> {
    let decimal = "-?(0|[1-9][0-9]{0,5})\\.[0-9]{1,5}(e-?[0-9]{1,3})?"
        .prop_filter_map("a decimal", |text| Decimal::parse(&text));
    let path = (name(), proptest::collection::vec(step(), 0..3))
        .prop_map(|(root, steps)| Term::Path(Path { root, dollar: false, steps }));
    let leaf = prop_oneof![
        "[^\\x00]{0,8}".prop_map(Term::Text),
        any::<i64>().prop_map(Term::Integer),
        decimal.prop_map(Term::Number),
        any::<bool>().prop_map(Term::Boolean),
        Just(Term::Null),
        path,
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let part = inner.prop_map(|term| Part { place: Place(0), term });
        let parts = proptest::collection::vec(part, 1..3).prop_map(|parts| Expression { parts });
        let functions = 0..FUNCTIONS.iter().filter(|signature| !signature.only_triggers).count();
        (functions, proptest::collection::vec(parts, 4)).prop_map(|(function, mut arguments)| {
            let signature = FUNCTIONS[function];
            arguments.truncate(signature.most.unwrap_or(4));
            Term::Call(signature.function, arguments)
        })
    })
}

proptest! {
    #[test]
    fn what_is_printed_and_parsed_is_the_same(terms in proptest::collection::vec(term(), 1..4)) {
        let parts = terms.into_iter().map(|term| Part { place: Place(0), term }).collect();
        let expression = Expression { parts };
        let printed = expression.to_string();
        prop_assert_eq!(Expression::parse(&printed, Dialect::Mapping), Ok(expression), "{}", printed);
    }

    #[test]
    fn no_text_breaks_anything(text in "[a-c$.\\[\\]()'\"\\\\,?0-9eE+!=<>& \\-\u{0}é]{0,40}") {
        let _ = Trigger::compile(&text);
        let input = schema("a:json b:int32 c:map(string)");
        if let Ok(program) = Program::compile(&text, "out", &Property::new("out", Type::string()), &input) {
            let _ = program.evaluate(&super::record(&input, "{\"a\":{\"a\":[1]},\"b\":5,\"c\":{\"a\":\"x\"}}"));
        }
    }

    #[test]
    fn no_value_breaks_a_conversion(text in "\\PC{0,24}|[0-9TZ:. +/-]{0,30}", to in proptest::sample::select(vec![
        "string", "boolean", "int8", "unsigned64", "float32", "float64", "decimal(5,2)", "datetime", "date",
        "time", "year", "uuid", "json", "ip", "array(int8)", "map(date)",
    ])) {
        let to = kind(to);
        for input in ["v:string", "v:json"] {
            let input = schema(input);
            let value = if input.properties[0].kind == Type::Json {
                Value::Json(super::super::Json::text(&text))
            } else {
                Value::Text(text.clone())
            };
            if let Ok(program) = Program::compile("v", "out", &Property::new("out", to.clone()), &input) {
                let _ = program.evaluate(&[Some(value)]);
            }
        }
    }
}
