//! Triggers of connectors: the same language with `$payload`, operators and more functions.

use super::super::{Dialect, Expression, Trigger};
use super::json;

const PAYLOAD: &str = r#"{"event_type":"order.created","total":12.50,"test":false,"items":[{"price":10}],
    "tags":["a","b"],"nothing":null,"n":"5"}"#;

fn told(text: &str) -> String {
    let trigger = match Trigger::compile(text) {
        Ok(trigger) => trigger,
        Err(error) => return error.to_string(),
    };
    match trigger.matches(&json(PAYLOAD), &json("{\"KEY\":\"k\"}")) {
        Ok(matches) => matches.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn triggers_over_a_payload() {
    for (trigger, expected) in [
        ("true", true),
        ("equals($payload.event_type, \"order.created\")", true),
        ("equals($payload.event_type, \"order\")", false),
        ("equals($payload.none, 'x')", false),
        ("equals($payload.none, null)", true),
        ("equals($payload.nothing, null)", true),
        ("not_equals($payload.event_type, null)", true),
        ("equals($payload.total, 12.5)", true),
        ("equals($payload.total, \"12.50\")", true),
        ("equals($secret.KEY, 'k')", true),
        ("equals(payload.n, 5)", false),
        ("$payload.test", false),
        ("not $payload.test", true),
        ("!!$payload.test", false),
        ("not(equals(1,2))", true),
        ("$payload.none", false),
        ("exists($payload.n) && exists($payload.nothing)", true),
        ("exists($payload.none.more.still)", false),
        ("exists($payload.n.more)", false),
        ("$payload.items[0].price >= 10 and not $payload.test", true),
        ("$payload.items[1].price >= 10", false),
        ("$payload['items'][0]['price'] == 10", true),
        ("$payload.total < 12.6 and $payload.total > '12.4'", true),
        ("$payload.event_type < 5", false),
        ("$payload.event_type != 'x' or false", true),
        ("false or true and false", false),
        ("(false or true) and true", true),
        ("in($payload.event_type, [\"a\", 'order.created'])", true),
        ("in($payload.event_type, 'a', 'b')", false),
        ("in('b', $payload.tags)", true),
        ("contains($payload.tags, 'a')", true),
        ("contains($payload.tags, 'c')", false),
        ("contains($payload.event_type, 'created')", true),
        ("starts_with($payload.event_type, 'order') and ends_with($payload.event_type, '.created')", true),
        ("starts_with($payload.none, '')", false),
        ("and(exists($payload.n), eq(lower($payload.event_type), 'order.created'))", true),
        ("and(exists($payload.n), not(in($payload.type, [\"a\", 'b'])))", true),
        ("eq(len($payload.tags), 2)", true),
        ("less_than(1, 2) and less_than_or_equal(2, 2) and greater_than(3, 2)", true),
        ("lt(1, 2) and lte(2, 2) and gt($payload.total, 12) and gte($payload.total, '12.50')", true),
        ("or(lt(2, 2), lte(3, 2), gt(2, 2), gte(2, 3))", false),
        ("less_than('abc', 'abd') and greater_than_or_equal('b', 'a')", true),
    ] {
        assert_eq!(told(trigger), expected.to_string(), "{trigger}");
    }
}

#[test]
fn triggers_that_are_refused() {
    for (trigger, expected) in [
        ("", "the expression is empty; write a property, a text in quotes or a function at character 1"),
        (
            "equals($payload.type, \"order\"",
            "a `,` or `)` is missing before the end, for the bracket at character 7 at character 30",
        ),
        (
            "equals($payload.type, \"order)",
            "the text that begins here is never closed; write \" at its end at character 23",
        ),
        ("equals(,)", "a value is missing before `,` at character 8"),
        ("true false", "`false` cannot stand here at character 6"),
        ("$", "a name is missing after the `$` at character 1"),
        ("$request.a", "there is no property `request`; there are payload, secret at character 1"),
        ("'x'", "`x` cannot be read as a boolean (true, false, yes or no) at character 1"),
        ("[1", "a `]` is missing before the end, for the bracket at character 1 at character 3"),
        ("$payload.a[-1]", "elements are counted from 0 at character 11"),
        ("1 < 2 < 3", "`<` cannot stand here at character 7"),
        ("exists($secret)", "name the secret: `$secret.KEY` at character 8"),
        ("$payload.a == secret[0]", "name the secret: `$secret.KEY` at character 15"),
        ("gt(1)", "`gt` takes 2 arguments, not 1 at character 1"),
        (
            "larger(2, 1)",
            "there is no function `larger`; the functions are and, or, not, eq, ne, if, coalesce, array, map, json_parse, \
             lower, upper, initcap, trim, ltrim, rtrim, substring, len, equals, not_equals, exists, contains, \
             starts_with, ends_with, in, less_than, less_than_or_equal, greater_than, greater_than_or_equal at \
             character 1",
        ),
        ("equal(1, 1)", "there is no function `equal`; write `equals` at character 1"),
    ] {
        assert_eq!(told(trigger), expected, "{trigger}");
    }
}

#[test]
fn a_trigger_knows_the_secrets_it_reads() {
    let secrets = |text: &str| Trigger::compile(text).expect("a trigger").secrets;
    assert_eq!(
        secrets(
            "$payload.secret == $secret['a-b'] and in($payload.key, [$secret.KEY.x, secret.a, $secret.KEY])"
        ),
        ["a-b", "KEY", "a"]
    );
    assert!(secrets("$payload.secret == 'secret' and exists($payload['secret'])").is_empty());
    // A property of this name is one like any other.
    assert_eq!(super::outcome("secret:json", r#"{"secret":[1]}"#, "secret", "json"), "[1]");
}

#[test]
fn what_is_wrong_with_a_secret_does_not_tell_it() {
    for (from, why) in [
        ("$payload.event_type", "`order.created` is not a number of type int(64)"),
        ("$secret.KEY", "why is not told, as it reads a secret"),
    ] {
        let trigger = format!("eq(substring('abc', lower({from})), 'a')");
        assert_eq!(told(&trigger), format!("the expression `{trigger}` has no value for `trigger`: {why}"));
    }
}

#[test]
fn triggers_are_written_as_calls_and_read_again() {
    for (trigger, written) in [
        (
            "$payload.items[0].a == 1 and not $payload.b",
            "and(equals($payload.items[0].a, 1), not($payload.b))",
        ),
        ("gte($payload.x, 1)", "greater_than_or_equal($payload.x, 1)"),
        ("in(payload.x, ['a'])", "in($payload.x, array(\"a\"))"),
    ] {
        let parsed = Expression::parse(trigger, Dialect::Trigger).expect("it is an expression");
        assert_eq!(parsed.to_string(), written);
        assert_eq!(Expression::parse(written, Dialect::Trigger), Ok(parsed));
    }
}
