//! Templates: texts with values in them, and expressions whose value is JSON.

use super::super::{Roots, Template};
use super::json;

fn roots() -> Roots {
    Roots {
        payload: json(
            r#"{"email":"Ann@X.io","name":"Ann","n":12.50,"yes":true,"nothing":null,"items":[{"id":7},{"id":8}],
                "a-b":"dash","and":{"or":1}}"#,
        ),
        secret: json(r#"{"KEY":"s3cret"}"#),
        process: json(r#"{"full_name":"Ann Lee"}"#),
        lookup: json(r#"{"id":"42"}"#),
    }
}

fn told(text: &str) -> String {
    match Template::compile(text) {
        Err(error) => error.to_string(),
        Ok(template) => match template.evaluate(&roots()) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        },
    }
}

#[test]
fn templates_have_values() {
    for (template, expected) in [
        // Texts stand for themselves.
        ("", r#""""#),
        ("application/json", r#""application/json""#),
        (" two  blanks ", r#"" two  blanks ""#),
        ("payload.email", r#""payload.email""#),
        ("Smith (jr)", r#""Smith (jr)""#),
        ("application(json)", r#""application(json)""#),
        ("it costs $5 or 5 $", r#""it costs $5 or 5 $""#),
        ("$5", r#""$5""#),
        ("$", r#""$""#),
        ("$$payload.email", r#""$payload.email""#),
        ("a $$ b $$$payload.name", r#""a $ b $Ann""#),
        // Values in a text.
        ("Bearer $secret.KEY", r#""Bearer s3cret""#),
        ("Hi $payload.name, you are $payload.n.", r#""Hi Ann, you are 12.50.""#),
        ("$payload.name $process.full_name", r#""Ann Ann Lee""#),
        ("$payload.name. Bye", r#""Ann. Bye""#),
        ("$payload.name/$lookup.id", r#""Ann/42""#),
        ("is it $payload.name?", r#""is it Ann?""#),
        ("x$payload.items[1].id", r#""x8""#),
        ("x$payload.items[1]['id'][]", r#""x8[]""#),
        ("x$payload['a-b']", r#""xdash""#),
        ("x$payload.none.more$payload.nothing.", r#""x.""#),
        ("[$payload.yes]", r#""[true]""#),
        // Expressions keep the kind of their value.
        ("$payload.email", r#""Ann@X.io""#),
        ("  $payload.n ", "12.50"),
        ("$payload.items", r#"[{"id":7},{"id":8}]"#),
        ("$payload.items[0]", r#"{"id":7}"#),
        ("$payload.and.or", "1"),
        ("$payload.none", "null"),
        ("$payload.nothing", "null"),
        ("$payload.n > 12", "true"),
        ("$payload.yes and exists($payload.none)", "false"),
        ("lower($payload.email)", r#""ann@x.io""#),
        ("coalesce($payload.none, $lookup.id)", r#""42""#),
        ("if($payload.yes, 'a', 'b')", r#""a""#),
        ("map('id', $payload.n, 'no', $payload.none)", r#"{"id":12.50}"#),
        ("array(1, 'x')", r#"[1,"x"]"#),
        ("len($payload.items)", "2"),
        ("equals($payload.name, \"Ann\")", "true"),
    ] {
        assert_eq!(told(template), expected, "{template}");
    }
}

#[test]
fn templates_that_are_refused() {
    for (template, expected) in [
        (
            "Bearer $token",
            "there is no property `token`; there are payload, secret, process, lookup at character 8",
        ),
        ("$foo.bar", "there is no property `foo`; there are payload, secret, process, lookup at character 1"),
        ("$payload.", "a name is missing after the `.` at character 9"),
        ("$payload.name.", "a name is missing after the `.` at character 14"),
        (
            "  lower($payload.email",
            "a `,` or `)` is missing before the end, for the bracket at character 8 at character 23",
        ),
        ("lowr($payload.email)", "there is no function `lowr`; write `lower` at character 1"),
        ("lower()", "`lower` takes 1 argument, not 0 at character 1"),
        ("lower($payload.name) there", "`there` cannot stand here at character 22"),
        (
            "to ${payload.name}",
            "a name is missing after the `$`; write `$payload.name` for a value and `$$` for the sign itself at \
             character 4",
        ),
        (
            "$.name",
            "a name is missing after the `$`; write `$payload.name` for a value and `$$` for the sign itself at \
             character 1",
        ),
        ("$secret", "name the secret: `$secret.KEY` at character 1"),
        ("Bearer $secret.", "name the secret: `$secret.KEY` at character 8"),
        ("lower($secret[0])", "name the secret: `$secret.KEY` at character 7"),
        (
            "line one\n  $nobody",
            "there is no property `nobody`; there are payload, secret, process, lookup at \
             character 12 (line 2, column 3)",
        ),
    ] {
        assert_eq!(told(template), expected, "{template}");
    }
    assert!(told(&"x".repeat(10_001)).starts_with("the text is longer than 10000 characters"));
    assert!(told(&"a $payload.b ".repeat(501)).starts_with("the text has more than 1000 parts"));
}

#[test]
fn what_has_no_text_is_an_error_of_its_record() {
    assert_eq!(
        told("all: $payload.items"),
        "the expression `all: $payload.items` has no value for `template`: a JSON array cannot be joined to a text"
    );
    assert_eq!(
        told("json_parse($secret.KEY)"),
        "the expression `json_parse($secret.KEY)` has no value for `template`: why is not told, as it reads a secret"
    );
    assert!(!format!("{:?}", roots()).contains("s3cret"));
}

#[test]
fn a_template_knows_what_it_reads() {
    let inputs = |text: &str| Template::compile(text).expect("a template").inputs;
    assert_eq!(inputs("Bearer $secret.KEY"), ["secret"]);
    assert_eq!(inputs("lower($payload.a) == $lookup.b"), ["payload", "lookup"]);
    assert!(inputs("application/json").is_empty());
    let secrets = |text: &str| Template::compile(text).expect("a template").secrets;
    assert_eq!(secrets("$secret.USER:$secret['PASS WORD'] $secret.USER"), ["USER", "PASS WORD"]);
    assert_eq!(secrets("coalesce($payload.secret, $secret.KEY)"), ["KEY"]);
    assert!(secrets("$payload.secret $$secret").is_empty());
}
